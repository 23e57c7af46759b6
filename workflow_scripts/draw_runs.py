"""Draw what the runs of an experiment say: fractions, scatter, responses, tests, errors, thresholds, training."""

import argparse
import json
from pathlib import Path

import pandas as pd

from workflow_scripts.figures.budget import variance_budget_figure
from workflow_scripts.figures.explanations import error_decomposition, threshold_sweep
from workflow_scripts.figures.runs import (
    footprint_response_figure,
    fraction_by_ra,
    run_dots,
    sigma_and_p,
    training_curves,
)
from workflow_scripts.figures.style import figure_settings, save
from workflow_scripts.step import run_step


def build_parser() -> argparse.ArgumentParser:
    """Command line of this step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bias-folder", type=Path, required=True, help="folder that measure_bias wrote")
    parser.add_argument("--histories", help="history.csv of a run, with {run_id} in the path")
    parser.add_argument("--figures", type=figure_settings, required=True, help="figure settings, as JSON")
    parser.add_argument("--folder", type=Path, required=True, help="folder for the figures (PNG and PDF)")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Write the figures of runs."""
    bias, settings = arguments.bias_folder, arguments.figures
    summary = json.loads((bias / "summary.json").read_text(encoding="utf-8"))
    experiment = summary["provenance"]["config"]
    positive, opposite = experiment["classes"][1], experiment["opposite"]
    runs, fractions, cosine, cuts = (
        pd.read_csv(bias / f"{name}.csv") for name in ("runs", "fractions", "cosine", "thresholds")
    )
    pattern = arguments.histories
    histories = {run_id: pd.read_csv(pattern.format(run_id=run_id)) for run_id in runs["run_id"]} if pattern else {}
    figures = {
        "fraction_by_ra": fraction_by_ra(fractions, cosine, runs, opposite, positive, settings),
        "run_dots": run_dots(runs, positive, settings),
        "footprint_response": footprint_response_figure(runs, summary["tests"], positive, settings),
        "sigma_and_p": sigma_and_p(runs, summary, settings),
        "variance_budget": variance_budget_figure(summary["variance_budget"], positive, settings),
        "error_decomposition": error_decomposition(runs, opposite, settings),
        "threshold_sweep": threshold_sweep(cuts, settings),
        "training_curves": training_curves(histories, runs, settings),
    }
    for name, figure in figures.items():
        save(figure, arguments.folder, name, settings)


if __name__ == "__main__":
    run_step(main, build_parser())
