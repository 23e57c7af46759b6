"""Draw galaxies: pairs alike of opposite footprints, those that their networks disagree on, and their grey levels."""

import argparse
from pathlib import Path

import pyarrow.parquet as pq

from workflow_scripts.catalogs.seeing_columns import seeing_column
from workflow_scripts.figures.galaxy_figures import galaxy_figures
from workflow_scripts.figures.style import figure_options, save_all
from workflow_scripts.images.arrays import ImageStore
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import read_table
from workflow_scripts.training_sets.matched_pairs import ALIKE

parser = step_parser(__doc__)
parser.add_argument("--experiment", type=json_argument, required=True, help="the experiment, as JSON")
parser.add_argument("--index", required=True, help="index of the images (Parquet)")
parser.add_argument("--annotations", required=True, help="annotations of a run (Parquet), with {run_id}")
parser.add_argument("--training-sets", nargs="+", required=True, help="training sets to show (Parquet)")
parser.add_argument("--catalog", required=True, help="the catalog (Parquet), for magnitude, radius and seeing")
figure_options(parser)


def main(arguments: argparse.Namespace) -> None:
    """Write the figures of galaxies."""
    store = ImageStore(arguments.index)
    sets = {Path(file).parts[-3]: read_table(file) for file in arguments.training_sets}
    names = pq.read_schema(arguments.catalog).names
    seeing = seeing_column(names)
    shown = [*(name for name in ALIKE if name in names), *([seeing] if seeing else [])]
    catalog = read_table(arguments.catalog, ["source_id", *shown])
    figures = galaxy_figures(arguments.experiment, store, arguments.annotations, sets, catalog, arguments.figures)
    save_all(figures, "draw_galaxies", arguments.folder, arguments.figures)


if __name__ == "__main__":
    run_step(main, parser)
