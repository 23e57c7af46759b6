"""Index the image arrays of all tiles, so that a run depends on one file."""

import argparse
import logging

from workflow_scripts.images.arrays import ImageStore, write_index
from workflow_scripts.step import run_step, step_parser

parser = step_parser(__doc__)
parser.add_argument("--arrays", nargs="+", required=True, help="pixel arrays of the tiles (.npy)")
parser.add_argument("--ids", nargs="+", required=True, help="lists of their galaxies (Parquet), in the same order")
parser.add_argument("--output", required=True, help="the index (Parquet)")


def main(arguments: argparse.Namespace) -> None:
    """Write the index."""
    write_index(arguments.output, arguments.arrays, arguments.ids)
    logging.info("%d images in %d arrays", len(ImageStore(arguments.output)), len(arguments.arrays))


if __name__ == "__main__":
    run_step(main, parser)
