"""Recipes: how a decoded cutout becomes the pixels that a network sees. The same constants everywhere on the sky."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workflow_scripts.images.decoding import UndecodableImageError

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# asinh stretch of FITS cutouts in nanomaggies (a pixel or a square arcsec, as the survey gives them): values are
# compressed above `_SOFTENING`, and `_WHITE` becomes 255. Fixed, because a stretch that adapts to the image would
# turn depth and seeing into brightness.
_SOFTENING, _BLACK, _WHITE = 0.25, -0.25, 9.0


def apply_recipe(pixels: NDArray, recipe: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Crop, resize and convert one decoded cutout.

    Parameters
    ----------
    pixels
        as `decoding.decode` gives them.
    recipe
        `size_px`, `crop_fraction` (share of the side kept, about the centre), `channels` (1 or 3), `resample`.

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
    picture = Image.fromarray(_stretched(pixels, recipe["channels"]) if pixels.dtype != np.uint8 else pixels)
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


def _stretched(bands: NDArray[np.float32], channels: int) -> NDArray[np.uint8]:
    if channels == 3 and len(bands) not in (1, 3):
        raise UndecodableImageError(f"{len(bands)} bands, expected 1 or 3 for a recipe with 3 channels")
    # Bands come from blue to red; pictures go from red to blue.
    planes = bands[::-1] if channels == 3 else bands.mean(axis=0, keepdims=True)
    low, high = np.arcsinh(_BLACK / _SOFTENING), np.arcsinh(_WHITE / _SOFTENING)
    scaled = (np.arcsinh(np.clip(np.nan_to_num(planes), _BLACK, _WHITE) / _SOFTENING) - low) / (high - low)
    picture = np.round(scaled * 255).astype(np.uint8)
    return picture[0] if len(picture) == 1 else np.moveaxis(picture, 0, -1)
