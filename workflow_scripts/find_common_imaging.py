"""Find the common seeing, noise and sky level of the images of a survey, from the imaging of its tiles."""

import argparse
import logging

from workflow_scripts.images.imaging_table import joined_imaging
from workflow_scripts.provenance import provenance
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.tables import read_table, write_table

parser = step_parser(__doc__)
parser.add_argument(
    "--tiles", nargs="+", required=True, help="noise and sky level of the images of each tile (Parquet)"
)
parser.add_argument("--galaxies", help="the seeing of every galaxy, psf_fwhm_arcsec (Parquet), where it is made common")
parser.add_argument("--output", required=True, help="the imaging of all images, with the common values (Parquet)")


def main(arguments: argparse.Namespace) -> None:
    """Write the table."""
    seeing = read_table(arguments.galaxies, ["source_id", "psf_fwhm_arcsec"]) if arguments.galaxies else None
    imaging, common = joined_imaging(arguments.tiles, seeing, arguments.galaxies or arguments.tiles[0])
    write_table(arguments.output, imaging, provenance(common, {}, arguments.tiles))
    logging.info("%d images made alike: %s", len(imaging), common)


if __name__ == "__main__":
    run_step(main, parser)
