"""Recipes: how a decoded cutout becomes the pixels that a network sees. The same constants everywhere on the sky."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workflow_scripts.images.stretch import DEFAULT, stretched

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def apply_recipe(pixels: NDArray, recipe: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Crop, resize and convert one decoded cutout.

    Parameters
    ----------
    pixels
        as `decoding.decode` gives them.
    recipe
        `size_px`, `crop_fraction` (share of the side kept, about the centre), `channels` (1 or 3), `resample`, and
        `stretch` for FITS cutouts.

    Returns
    -------
    numpy.ndarray
        (size_px, size_px, channels) uint8. One channel is the luma of a colour picture (ITU-R 601-2), or the mean of
        the bands of a FITS cutout.

    Raises
    ------
    UndecodableImageError
        for a FITS cutout whose bands cannot make three channels.
    """
    picture = Image.fromarray(
        stretched(pixels, recipe["channels"], recipe.get("stretch", DEFAULT)) if pixels.dtype != np.uint8 else pixels
    )
    picture = picture.convert("RGB" if recipe["channels"] == 3 else "L")
    width, height = picture.size
    side = min(width, height) * recipe["crop_fraction"]
    left, top = (width - side) / 2, (height - side) / 2
    picture = picture.resize(
        (recipe["size_px"], recipe["size_px"]),
        _RESAMPLING[recipe["resample"]],
        box=(left, top, left + side, top + side),
    )
    return np.asarray(picture).reshape(recipe["size_px"], recipe["size_px"], recipe["channels"])
