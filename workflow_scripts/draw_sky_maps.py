"""Draw the sky maps of an experiment: fraction, difference, paper-style sigma, doubtful galaxies, seeing."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.figures.sky import difference_maps, fraction_map, seeing_map, sigma_maps, unannotated_map
from workflow_scripts.figures.style import figure_settings, save
from workflow_scripts.step import run_step
from workflow_scripts.tables import read_table


def build_parser() -> argparse.ArgumentParser:
    """Command line of this step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bias-folder", type=Path, required=True, help="folder that measure_bias wrote")
    parser.add_argument("--catalog", required=True, help="the catalog (Parquet)")
    parser.add_argument("--figures", type=figure_settings, required=True, help="figure settings, as JSON")
    parser.add_argument("--folder", type=Path, required=True, help="folder for the figures (PNG and PDF)")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Write fraction_map, difference_map, sigma_map, unannotated_map and seeing_map."""
    bias, settings = arguments.bias_folder, arguments.figures
    summary = json.loads((bias / "summary.json").read_text(encoding="utf-8"))
    experiment = summary["provenance"]["config"]
    positive, cut = experiment["classes"][1], max(experiment["tests"]["confidence_cuts"])
    runs = pd.read_csv(bias / "runs.csv")
    with np.load(bias / "sky_maps.npz", allow_pickle=False) as maps:
        save(fraction_map(maps, positive, settings), arguments.folder, "fraction_map", settings)
        save(difference_maps(maps, positive, settings), arguments.folder, "difference_map", settings)
        save(sigma_maps(maps, runs, settings), arguments.folder, "sigma_map", settings)
        save(unannotated_map(maps, cut, settings), arguments.folder, "unannotated_map", settings)
    catalog = read_table(arguments.catalog)
    save(seeing_map(catalog, settings), arguments.folder, "seeing_map", settings)


if __name__ == "__main__":
    run_step(main, build_parser())
