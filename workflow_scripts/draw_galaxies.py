"""Draw example galaxies: by class, by footprint, and those that opposite footprints disagree on."""

import argparse
from pathlib import Path

from workflow_scripts.figures.galaxy_figures import galaxy_figures
from workflow_scripts.figures.style import figure_options, save_all
from workflow_scripts.images.arrays import ImageStore
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import read_table

parser = step_parser(__doc__)
parser.add_argument("--experiment", type=json_argument, required=True, help="the experiment, as JSON")
parser.add_argument("--index", required=True, help="index of the images (Parquet)")
parser.add_argument("--annotations", required=True, help="annotations of a run (Parquet), with {run_id}")
parser.add_argument("--training-sets", nargs="+", required=True, help="training sets to show (Parquet)")
figure_options(parser)


def main(arguments: argparse.Namespace) -> None:
    """Write the figures of galaxies."""
    store = ImageStore(arguments.index)
    sets = {Path(file).parts[-3]: read_table(file) for file in arguments.training_sets}
    figures = galaxy_figures(arguments.experiment, store, arguments.annotations, sets)
    save_all(figures, "draw_galaxies", arguments.folder, arguments.figures)


if __name__ == "__main__":
    run_step(main, parser)
