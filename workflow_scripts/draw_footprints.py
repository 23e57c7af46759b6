"""Draw the footprints of an experiment on the sky."""

import argparse
from pathlib import Path

from mocpy import MOC

from workflow_scripts.figures.sky_figures import footprint_maps
from workflow_scripts.figures.style import figure_options, save_all
from workflow_scripts.step import run_step, step_parser

parser = step_parser(__doc__)
parser.add_argument("--mocs", nargs="+", required=True, help="coverages, named {footprint}.moc.fits")
figure_options(parser)


def main(arguments: argparse.Namespace) -> None:
    """Write footprints."""
    mocs = {Path(file).name.removesuffix(".moc.fits"): MOC.load(file, format="fits") for file in arguments.mocs}
    figures = {"footprints": footprint_maps(mocs, arguments.figures)}
    save_all(figures, "draw_footprints", arguments.folder, arguments.figures)


if __name__ == "__main__":
    run_step(main, parser)
