"""Measure noise and sky level of the archived cutouts of one tile, for recipes that make images alike."""

import argparse
import logging

import numpy as np
import pyarrow as pa

from workflow_scripts.errors import InputError
from workflow_scripts.images.common_imaging import measured_on_corners
from workflow_scripts.images.decoding import sky_pixels
from workflow_scripts.images.fits_files import UndecodableImageError
from workflow_scripts.images.recipes import STRETCH, SURFACE_BRIGHTNESS
from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.surveys.archive import read_images, recorded_extensions
from workflow_scripts.tables import write_table

parser = step_parser(__doc__)
parser.add_argument("--recipe", type=json_argument, required=True, help="entry of `recipes`, as JSON")
parser.add_argument("--cutouts", required=True, help="a tile of the archive (Parquet)")
parser.add_argument("--pixel-scale", type=float, help="arcsec a pixel, where the archive does not know it")
parser.add_argument("--output", required=True, help="noise and sky level of every image (Parquet)")

_SCHEMA = pa.schema(
    {
        "source_id": pa.string(),
        "pixel_scale_arcsec": pa.float64(),
        "noise": pa.list_(pa.float64()),
        "sky": pa.list_(pa.float64()),
    }
)


def main(arguments: argparse.Namespace) -> None:
    """Write the table."""
    unit = {**STRETCH, **arguments.recipe.get("stretch", {})}["unit"]
    extensions, rows = recorded_extensions(arguments.cutouts), []
    for source_id, data, stretch, pixel_scale in read_images(arguments.cutouts):
        try:
            pixels = sky_pixels(data, stretch == "stack_counts", extensions, pixel_scale, unit == SURFACE_BRIGHTNESS)
        except UndecodableImageError as error:
            raise InputError(f"{arguments.cutouts}: the image of {source_id} cannot be used: {error}") from None
        noise, sky = measured_on_corners(pixels)
        scale = pixel_scale or arguments.pixel_scale or np.nan
        rows.append({"source_id": source_id, "pixel_scale_arcsec": scale, "noise": noise.tolist(), "sky": sky.tolist()})
    table = pa.Table.from_pylist(rows, schema=_SCHEMA)
    write_table(arguments.output, table, provenance({"unit": unit}, {}, [arguments.cutouts]))
    logging.info("%d images", len(rows))


if __name__ == "__main__":
    run_step(main, parser)
