"""Plausible pictures of galaxies, fast: 64 templates in 8 orientations, drawn once for each size and kept.

A request costs a look-up, not a rendering: a campaign of a million requests is not held up by drawing. What
distinguishes two positions with the same template is written into the file around the pixels (see image_files.py).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tests.services.sky_catalog import TEMPLATES, Galaxy

# Light of old and young stars in each band, relative.
_OLD = {"g": 0.45, "r": 1.0, "i": 1.35, "z": 1.6, "y": 1.75}
_YOUNG = {"g": 1.0, "r": 0.9, "i": 0.8, "z": 0.7, "y": 0.65}
# Of the sky, in nanomaggies a pixel.
NOISE = 0.012
_BRIGHTNESS_AT_HALF_LIGHT = 0.12


def flux(galaxy: Galaxy, bands: str, width: int, height: int, pixel_scale: float) -> NDArray[np.float32]:
    """(bands, height, width) nanomaggies; row 0 is north."""
    return flux_of_step(galaxy.template, galaxy.orientation, bands, width, height, radius_step(galaxy, pixel_scale))


def radius_step(galaxy: Galaxy, pixel_scale: float) -> int:
    """Half-light radii come in steps of a factor of 1.6, so that there are few pictures to draw."""
    return round(1.5 * np.log2(max(galaxy.half_light_radius / pixel_scale, 0.5)))


def flux_of_step(template: int, orientation: int, bands: str, width: int, height: int, step: int):
    """As `flux`, for a half-light radius of 2**(step / 1.5) pixels."""
    planes = _bands(template, bands, width, height, step).astype(np.float32)
    if orientation & 1:
        planes = planes[:, :, ::-1]
    if orientation & 2:
        planes = planes[:, ::-1, :]
    return planes.transpose(0, 2, 1) if orientation & 4 and width == height else planes


@lru_cache(maxsize=400)
def _bands(template: int, bands: str, width: int, height: int, step: int) -> NDArray[np.float16]:
    old, young = _components(template, width, height, 2 ** (step / 1.5))
    planes = [
        _OLD[band] * old
        + _YOUNG[band] * young
        + np.random.default_rng([template, ord(band), width, height]).normal(0, NOISE, old.shape)
        for band in bands
    ]
    return np.asarray(planes, dtype=np.float16)


def _components(template: int, width: int, height: int, half_light: float) -> tuple[NDArray, NDArray]:
    """Light of old and of young stars, (height, width); `half_light` in pixels."""
    rng = np.random.default_rng([template, 5])
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x - (width - 1) / 2, y - (height - 1) / 2
    angle = rng.uniform(0, np.pi)
    u, v = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    if template in TEMPLATES["elliptical"]:
        radius = np.sqrt(u**2 + (v / rng.uniform(0.6, 0.95)) ** 2 + 0.3) / half_light
        old, young = np.exp(-7.67 * (radius**0.25 - 1)), np.zeros_like(radius)
    else:
        v = v / rng.uniform(0.45, 0.95)
        radius = np.sqrt(u**2 + v**2 + 0.1) / half_light
        depth = rng.uniform(0.55, 0.9) if template in TEMPLATES["spiral"] else rng.uniform(0.05, 0.25)
        winding = np.log(radius + 0.05) / np.tan(np.radians(rng.uniform(12, 25)))
        arms = 1 + depth * np.cos(2 * np.arctan2(v, u) - rng.choice([-1, 1]) * winding)
        disc = np.exp(-1.68 * (radius - 1))
        bulge = 0.6 * np.exp(-7.67 * (np.sqrt(radius * 4) ** 0.5 - 1))
        old, young = 0.35 * disc + bulge, 0.65 * disc * arms
    for _ in range(rng.integers(1, 6)):
        place = rng.uniform(-0.45, 0.45, 2) * (width, height)
        old = old + rng.uniform(0.5, 6) * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 3)
    return _BRIGHTNESS_AT_HALF_LIGHT * old, _BRIGHTNESS_AT_HALF_LIGHT * young


def lupton_bytes(planes: NDArray[np.float32], offset: float) -> NDArray[np.uint8]:
    """(3, height, width) in the order red, green, blue to (height, width, 3): one asinh stretch for the whole sky.

    Zero flux becomes asinh(20 offset) / sqrt(20): 32 for the offset 0.03 of the Legacy Surveys.
    """
    stretched = np.arcsinh(20 * np.maximum(planes + offset, 0)) / np.sqrt(20)
    return (stretched * 255).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)


def percentile_bytes(planes: NDArray[np.float32], percent: float = 99.5) -> NDArray[np.uint8]:
    """(n, height, width) to (height, width, n): stretched by the percentiles of this picture alone."""
    low, high = np.percentile(planes, [100 - percent, percent])
    return ((planes - low) / max(high - low, 1e-9) * 255).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
