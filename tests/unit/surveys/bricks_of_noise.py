"""Small bricks of noise around a position: 90 pixels a side, as large on the sky as the real ones."""

import numpy as np

from tests.services.protocols import bricks as published
from workflow_scripts.surveys.bricks.geometry import bricks_of

SIDE_PX = 90
PIXEL_SCALE = published.PIXEL_SCALE * published.SIDE_PX / SIDE_PX
BRICK = bricks_of(np.array([45.05]), np.array([41.0]))[0]
EAST = bricks_of(np.array([45.4]), np.array([41.0]))[0]


def noise(seed: int, side_px: int = SIDE_PX) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.02, (side_px, side_px)).astype(np.float32)


def file_of(brick=BRICK, band: str = "g", pixels=None, **cards) -> bytes:
    """The file of a brick; `cards` are other than they should be."""
    pixels = noise(ord(band)) if pixels is None else pixels
    return published.brick_file(pixels, (brick.ra, brick.dec), **{"BRICKNAM": brick.name, "FILTER": band, **cards})


def position_in(brick, x: float, y: float) -> tuple[float, float]:
    """ICRS degrees of a pixel of a brick, counted from 0."""
    ra, dec = published.wcs_of((brick.ra, brick.dec), SIDE_PX).wcs_pix2world([[x, y]], 0)[0]
    return float(ra), float(dec)
