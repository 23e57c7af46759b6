"""Turn the archived cutouts of one tile into one pixel array, by a recipe."""

import argparse
import logging

import numpy as np
import pandas as pd

from workflow_scripts.errors import InputError
from workflow_scripts.images.arrays import write_array
from workflow_scripts.images.decoding import UndecodableImageError, decode
from workflow_scripts.images.recipes import apply_recipe
from workflow_scripts.provenance import provenance, write_table
from workflow_scripts.step import json_argument, run_step
from workflow_scripts.surveys.archive import read_images, read_ledger

log = logging.getLogger(__name__)


def build_parser() -> argparse.ArgumentParser:
    """Command line of this step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", type=json_argument, required=True, help="entry of `recipes`, as JSON")
    parser.add_argument("--cutouts", required=True, help="a tile of the archive (Parquet)")
    parser.add_argument("--array", required=True, help="the pixels (.npy, uint8, (n, size, size, channels))")
    parser.add_argument("--ids", required=True, help="which galaxy is in which row (Parquet)")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Write the array and its ids."""
    recipe = arguments.recipe
    delivered = int((read_ledger(arguments.cutouts)["outcome"] == "delivered").sum())
    images = np.empty((delivered, recipe["size_px"], recipe["size_px"], recipe["channels"]), np.uint8)
    source_ids = []
    for row, (source_id, data) in enumerate(read_images(arguments.cutouts)):
        try:
            images[row] = apply_recipe(decode(data), recipe)
        except UndecodableImageError as error:
            raise InputError(f"{arguments.cutouts}: the image of {source_id} cannot be used: {error}") from None
        source_ids.append(source_id)
    table = pd.DataFrame({"source_id": pd.Series(source_ids, dtype=str), "row": np.arange(delivered, dtype=np.int64)})
    write_array(arguments.array, images)
    write_table(arguments.ids, table, provenance(recipe, {}, [arguments.cutouts]))
    log.info("%d images of %d x %d pixels", delivered, recipe["size_px"], recipe["size_px"])


if __name__ == "__main__":
    run_step(main, build_parser())
