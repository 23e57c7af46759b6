"""Draw the sky maps of an experiment: fraction, difference, paper-style sigma, doubtful galaxies, seeing."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.figures.sky_figures import sky_figures
from workflow_scripts.figures.style import figure_options, save_all
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.tables import read_table

parser = step_parser(__doc__)
parser.add_argument("--bias-folder", type=Path, required=True, help="folder that measure_bias wrote")
parser.add_argument("--catalog", required=True, help="the catalog (Parquet)")
figure_options(parser)


def main(arguments: argparse.Namespace) -> None:
    """Write the sky maps."""
    bias = arguments.bias_folder
    summary = json.loads((bias / "summary.json").read_text(encoding="utf-8"))
    runs, catalog = pd.read_csv(bias / "runs.csv"), read_table(arguments.catalog)
    with np.load(bias / "sky_maps.npz", allow_pickle=False) as maps:
        figures = sky_figures(summary, runs, maps, catalog, arguments.figures)
    save_all(figures, "draw_sky_maps", arguments.folder, arguments.figures)


if __name__ == "__main__":
    run_step(main, parser)
