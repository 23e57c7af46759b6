"""Draw what the runs of an experiment show: fractions, scatter, responses, tests, errors, thresholds, training."""

import argparse
import json
from pathlib import Path

import pandas as pd

from workflow_scripts.figures.run_figures import run_figures
from workflow_scripts.figures.style import figure_options, save_all
from workflow_scripts.step import run_step, step_parser

parser = step_parser(__doc__)
parser.add_argument("--bias-folder", type=Path, required=True, help="folder that measure_bias wrote")
parser.add_argument("--histories", help="history.csv of a run, with {run_id} in the path")
figure_options(parser)


def main(arguments: argparse.Namespace) -> None:
    """Write the figures of runs."""
    bias, pattern = arguments.bias_folder, arguments.histories
    summary = json.loads((bias / "summary.json").read_text(encoding="utf-8"))
    tables = {name: pd.read_csv(bias / f"{name}.csv") for name in ("runs", "arms", "arm_fractions", "thresholds")}
    run_ids = tables["runs"]["run_id"] if pattern else []
    histories = {run_id: pd.read_csv(pattern.format(run_id=run_id)) for run_id in run_ids}
    figures = run_figures(summary, tables, histories, arguments.figures)
    save_all(figures, "draw_runs", arguments.folder, arguments.figures)


if __name__ == "__main__":
    run_step(main, parser)
