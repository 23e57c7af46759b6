"""Recipes: how a decoded cutout becomes the pixels that a network sees. The same constants everywhere on the sky.

A stretch that adapts to each image would turn depth and seeing into brightness, which a network learns. An asinh
(Lupton et al. 2004, PASP 116, 133) shows faint outskirts and bright cores: linear below `softening`, logarithmic above.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.visualization import make_lupton_rgb
from numpy.typing import NDArray
from PIL import Image

from workflow_scripts.images.fits_files import UndecodableImageError

SURFACE_BRIGHTNESS = "nmgy/arcsec2"
# A recipe may have others (`recipes.NAME.stretch`).
STRETCH: dict[str, Any] = {
    "unit": SURFACE_BRIGHTNESS,
    "softening": 0.25,
    "black": -0.25,
    "white": 9.0,
    "weights": None,
    "keep_colours": False,
}


def apply_recipe(pixels: NDArray, recipe: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Crop, resize and convert one cutout as `decoding.sky_pixels` gives it; raises as `stretched`.

    Returns (size_px, size_px, channels) uint8. One channel is the luma of a colour picture (ITU-R 601-2), or the mean
    of the bands of a FITS cutout. `crop_fraction` is the share of the side that is kept, about the centre.
    """
    if pixels.dtype != np.uint8:
        pixels = stretched(pixels, recipe["channels"], recipe.get("stretch", STRETCH))
    picture = Image.fromarray(pixels).convert("RGB" if recipe["channels"] == 3 else "L")
    width, height = picture.size
    side = min(width, height) * recipe["crop_fraction"]
    left, top = (width - side) / 2, (height - side) / 2
    picture = picture.resize(
        (recipe["size_px"], recipe["size_px"]),
        Image.Resampling[recipe["resample"].upper()],
        box=(left, top, left + side, top + side),
    )
    return np.asarray(picture).reshape(recipe["size_px"], recipe["size_px"], recipe["channels"])


def stretched(bands: NDArray[np.float32], channels: int, stretch: Mapping[str, Any] = STRETCH) -> NDArray[np.uint8]:
    """Bands (n, H, W) in the unit of the stretch, from blue to red, as (H, W) or (H, W, 3) uint8; NaN counts as 0.

    Parameters
    ----------
    channels
        1 for the mean of the bands, 3 for a picture whose red is the last band.
    stretch
        `black` and `white` become 0 and 255; `softening` as above, all in its `unit`; `weights` multiply the
        bands first; with `keep_colours`, all bands of a pixel are scaled by one factor, that of their mean, so that
        bright cores stay coloured (astropy.visualization.make_lupton_rgb); otherwise each band by its own.

    Raises
    ------
    UndecodableImageError
        for bands that cannot make three channels, or that have not as many weights.
    """
    if channels == 3 and len(bands) not in (1, 3):
        raise UndecodableImageError(f"{len(bands)} bands, expected 1 or 3 for a recipe with 3 channels")
    weights = stretch["weights"]
    if weights is not None and len(weights) != len(bands):
        raise UndecodableImageError(f"{len(bands)} bands, expected {len(weights)} as stretch.weights of the recipe")
    planes = np.nan_to_num(bands)
    if weights is not None:
        planes = planes * np.asarray(weights, np.float32)[:, None, None]
    # Bands come from blue to red; pictures go from red to blue.
    planes = planes[::-1] if channels == 3 else planes.mean(axis=0, keepdims=True)
    black, white, softening = stretch["black"], stretch["white"], stretch["softening"]
    if len(planes) == 3 and stretch["keep_colours"]:
        # In the notation of that function: F(I) = asinh(Q (I - minimum) / stretch) / Q, here 1 at I = white.
        q = float(np.arcsinh((white - black) / softening))
        return make_lupton_rgb(*planes, minimum=black, stretch=q * softening, Q=q)
    low, high = np.arcsinh(black / softening), np.arcsinh(white / softening)
    scaled = (np.arcsinh(np.clip(planes, black, white) / softening) - low) / (high - low)
    picture = np.round(scaled * 255).astype(np.uint8)
    return picture[0] if len(picture) == 1 else np.moveaxis(picture, 0, -1)
