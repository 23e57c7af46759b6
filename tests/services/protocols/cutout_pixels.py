"""Pixels at a position as each service draws them; encoded pictures are kept."""

from functools import lru_cache

import numpy as np

from tests.services import image_files, rendered_galaxies
from tests.services.coverage import covered_grid
from tests.services.rendered_galaxies import flux, flux_of_step, radius_step
from tests.services.sky_catalog import Galaxy

_REDDEST_FIRST = "yzirg"


def picture(
    galaxy: Galaxy, bands: str, width: int, height: int, pixel_scale: float, stretch: str, file_format: str = "jpg"
) -> bytes:
    """A JPEG or PNG (north up); `bands` are red, green, blue, or one band for a grey picture."""
    step = radius_step(galaxy, pixel_scale)
    return _encoded(galaxy.template, galaxy.orientation, bands, width, height, step, stretch, file_format)


@lru_cache(maxsize=16_384)
def _encoded(
    template: int, orientation: int, bands: str, width: int, height: int, step: int, stretch: str, file_format: str
) -> bytes:
    encode = image_files.png if file_format == "png" else image_files.jpeg
    return encode(_stretched(flux_of_step(template, orientation, bands, width, height, step), stretch))


def stretched(galaxy: Galaxy, bands: str, width: int, height: int, pixel_scale: float, stretch: str):
    """(height, width, 3), or (height, width) for one band, as bytes."""
    return _stretched(flux(galaxy, bands, width, height, pixel_scale), stretch)


def _stretched(planes, stretch: str):
    if stretch == "percentiles":
        pixels = rendered_galaxies.percentile_bytes(planes)
    else:
        pixels = rendered_galaxies.lupton_bytes(planes, {"sdss": 0.0, "legacy": 0.03}[stretch])
    return pixels[:, :, 0] if len(planes) == 1 else pixels


def covered_mask(coverage: str, ra: float, dec: float, width: int, height: int, pixel_scale: float):
    """Which pixels (height, width) are covered, or None where all are."""
    grid = covered_grid(coverage, ra, dec, width * pixel_scale / 3600, height * pixel_scale / 3600)
    if grid.all():
        return None
    rows, columns = np.arange(height) * len(grid) // height, np.arange(width) * len(grid) // width
    return grid[rows[:, None], columns[None, :]]


def reddest_first(bands: str) -> str:
    """Bands in the order of red, green, blue."""
    return "".join(sorted(bands, key=_REDDEST_FIRST.index))
