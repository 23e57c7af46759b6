"""Whether the pixels that a network sees show anything: images whose values the recipe puts all at one end do not."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.errors import InputError

log = logging.getLogger(__name__)

# Of 256. Noise of the sky alone takes more: 6,345 images of SDSS have at least 50 at 64 pixels, and 13 at 16 pixels.
FEWEST_LEVELS = 8
# Images with fewer are no reason to stop unless most are such, of at least so many.
LARGEST_SHARE = 0.5
FEWEST_IMAGES = 8


def levels_of(image: NDArray[np.uint8]) -> int:
    """Different values of an image (H, W, channels), in the channel that has most."""
    return max(
        int(np.count_nonzero(np.bincount(channel.ravel(), minlength=256))) for channel in np.moveaxis(image, -1, 0)
    )


def level_shares(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Share of the pixels of images (n, H, W, channels) at each grey level: (channels, 256), 0 where n is 0."""
    channels = np.moveaxis(images, -1, 0)
    counts = np.stack([np.bincount(channel.ravel(), minlength=256) for channel in channels])
    return counts / max(channels[0].size, 1)


def are_flat(levels: Sequence[int] | NDArray) -> bool:
    """Whether most of the images have too few levels."""
    return len(levels) > 0 and float(np.mean(np.asarray(levels) < FEWEST_LEVELS)) > LARGEST_SHARE


class LevelCounter:
    """Counts the grey levels of images by a recipe, one after the other."""

    def __init__(self, recipe: Mapping[str, Any]):
        """`recipe`: with its `stretch`, also where that is the default."""
        self.recipe = recipe
        self.levels: list[int] = []
        self._example = ""

    def add(self, source_id: str, decoded: NDArray, image: NDArray[np.uint8]) -> None:
        """Count one image: as `decoding.sky_pixels` gives it, and after the recipe."""
        self.levels.append(levels_of(image))
        if self.levels[-1] < FEWEST_LEVELS and not self._example:
            values = np.unique(image)
            shown = f"all {values[0]}" if len(values) == 1 else f"{values[0]} to {values[-1]}"
            self._example = f"that of {source_id} ({shown}); {self._reason(decoded)}"

    def _reason(self, decoded: NDArray) -> str:
        """What to change, by what the file itself has."""
        if decoded.dtype != np.uint8:
            low, high = np.nanpercentile(np.where(np.isfinite(decoded), decoded, np.nan), [1, 99])
            stretch = self.recipe["stretch"]
            unit = "as in its file" if stretch["unit"] == "file" else f"in {stretch['unit']}"
            return (
                f"most of its values are {low:.3g} to {high:.3g} ({unit}), and stretch.black ({stretch['black']:g})"
                f" becomes 0, stretch.white ({stretch['white']:g}) 255: set stretch.unit to that of the files, and with"
                " it black, white and softening (recipes, stretch)"
            )
        if levels_of(np.atleast_3d(decoded)) >= FEWEST_LEVELS:
            return "its file has more: set crop_fraction, which keeps too small a part of it (recipes, crop_fraction)"
        return (
            "its file has no more (in a picture of 16 bits, 65535 becomes 255): expected pictures that use the whole"
            " range, or FITS, for which the recipe has a range (recipes, stretch)"
        )

    def check(self, where: str) -> None:
        """Raise `InputError` where most of at least 8 images have too few levels; else name those few in the log."""
        flat = sum(levels < FEWEST_LEVELS for levels in self.levels)
        if not flat:
            return
        found = (
            f"{where}: {flat} of {len(self.levels)} images have fewer than {FEWEST_LEVELS} grey levels after the recipe"
        )
        if len(self.levels) >= FEWEST_IMAGES and are_flat(self.levels):
            raise InputError(f"{found}, such as {self._example}")
        log.warning("%s, such as %s", found, self._example)
