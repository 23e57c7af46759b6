"""Turn the archived cutouts of one tile into one pixel array, by a recipe."""

import argparse
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.images.arrays import write_images
from workflow_scripts.images.decoding import sky_pixels
from workflow_scripts.images.fits_files import UndecodableImageError
from workflow_scripts.images.grey_levels import LevelCounter
from workflow_scripts.images.imaging_table import ImagingTable
from workflow_scripts.images.recipes import STRETCH, SURFACE_BRIGHTNESS, apply_recipe
from workflow_scripts.progress import counted
from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.surveys.archive import read_images, read_ledger, recorded_extensions
from workflow_scripts.tables import write_table

parser = step_parser(__doc__)
parser.add_argument("--recipe", type=json_argument, required=True, help="entry of `recipes`, as JSON")
parser.add_argument("--cutouts", required=True, help="a tile of the archive (Parquet)")
parser.add_argument("--imaging", help="imaging of all images (Parquet), for a recipe that makes them alike")
parser.add_argument("--array", required=True, help="the pixels (.npy, uint8, (n, size, size, channels))")
parser.add_argument("--ids", required=True, help="which galaxy is in which row (Parquet)")


def prepared(
    cutouts: str | Path,
    recipe: Mapping[str, Any],
    counter: LevelCounter | None = None,
    imaging: ImagingTable | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """The delivered images of a tile by a recipe, one by one, and their grey levels to `counter`.

    `imaging` makes them alike first, as the recipe has it in `common`.

    Raises `InputError` for one that the recipe cannot use, and after the last where most show nothing.
    """
    recipe = {**recipe, "stretch": {**STRETCH, **recipe.get("stretch", {})}}
    counter = counter or LevelCounter(recipe)
    extensions = recorded_extensions(cutouts)
    by_area = recipe["stretch"]["unit"] == SURFACE_BRIGHTNESS
    for source_id, data, stretch, pixel_scale in read_images(cutouts):
        try:
            pixels = sky_pixels(data, stretch == "stack_counts", extensions, pixel_scale, by_area)
            if imaging is not None:
                pixels = imaging.alike(source_id, pixels)
            image = apply_recipe(pixels, recipe)
        except UndecodableImageError as error:
            raise InputError(f"{cutouts}: the image of {source_id} cannot be used: {error}") from None
        counter.add(source_id, pixels, image)
        yield image
    counter.check(str(cutouts))


def main(arguments: argparse.Namespace) -> None:
    """Write the array and its ids."""
    recipe = arguments.recipe
    counter = LevelCounter({**recipe, "stretch": {**STRETCH, **recipe.get("stretch", {})}})
    ledger = read_ledger(arguments.cutouts).to_pandas()
    source_ids = ledger.loc[ledger["outcome"] == "delivered", "source_id"].astype(str)
    shape = (len(source_ids), recipe["size_px"], recipe["size_px"], recipe["channels"])
    if bool(common := recipe.get("common", [])) != bool(arguments.imaging):
        raise InputError(
            f"{arguments.cutouts}: expected --imaging with a recipe that has properties in common, and no other"
        )
    imaging = ImagingTable(arguments.imaging, common, source_ids) if common else None
    made = prepared(arguments.cutouts, recipe, counter, imaging)
    images = counted(made, len(source_ids), "images", "prepared", rate=True)
    write_images(arguments.array, shape, images)
    table = pd.DataFrame(
        {
            "source_id": source_ids.to_numpy(),
            "row": np.arange(len(source_ids), dtype=np.int32),
            "levels": np.array(counter.levels, np.int16),
        }
    )
    inputs = [arguments.cutouts, *([arguments.imaging] if arguments.imaging else [])]
    write_table(arguments.ids, table, provenance(recipe, {}, inputs))
    logging.info("%d images of %d x %d pixels", len(source_ids), recipe["size_px"], recipe["size_px"])


if __name__ == "__main__":
    run_step(main, parser)
