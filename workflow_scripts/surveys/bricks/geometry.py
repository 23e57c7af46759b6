"""Bricks of the Legacy Surveys: which one a position lies in, its name and its centre.

The sky is cut into rows of 0.25 degrees in declination, the first and the last centred on the poles, and each row into
an even number of equal bricks in right ascension, the fewest with no side longer than 0.25 degrees; a pole is one
brick. So the brick tables of the Legacy Surveys have it (Dey et al. 2019, AJ 157, 168; desiutil.brick), 662,174 bricks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIDE_DEG = 0.25
# On the whole sky.
NUMBER_OF_BRICKS = 662_174
_LAST_ROW = round(180 / SIDE_DEG)


@dataclass(frozen=True)
class Brick:
    """A brick: its name, as 0001p000, and its centre (ICRS degrees)."""

    name: str
    ra: float
    dec: float


def bricks_of(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> list[Brick]:
    """The brick that each position (ICRS degrees) lies in; on a border, the one to the north and east."""
    row = np.floor((dec + 90 + SIDE_DEG / 2) / SIDE_DEG).astype(int)
    columns = columns_of_row(row)
    # The remainder of a tiny negative number is 360 itself.
    column = np.minimum(np.floor(np.mod(ra, 360.0) / 360 * columns).astype(int), columns - 1)
    centre_ra, centre_dec = (column + 0.5) * 360 / columns, -90 + SIDE_DEG * row
    centres = zip(centre_ra.tolist(), centre_dec.tolist(), strict=True)
    return [Brick(brick_name(*centre), *centre) for centre in centres]


def columns_of_row(row: NDArray[np.int_]) -> NDArray[np.int_]:
    """Number of bricks in rows, counted from 0 at the south pole."""
    # The side that is nearer to the equator is the longest.
    longest_at = np.abs(-90 + SIDE_DEG * row) - SIDE_DEG / 2
    columns = 2 * np.ceil(180 / SIDE_DEG * np.cos(np.radians(longest_at))).astype(int)
    return np.where((row == 0) | (row == _LAST_ROW), 1, columns)


def brick_name(ra: float, dec: float) -> str:
    """The name of the brick with a centre (degrees): its tenths of degrees, cut off, with p or m for the sign."""
    # Rounded before they are cut: 39.6 may be 39.599999999999994.
    tenths_of_ra, tenths_of_dec = (round(degrees * 10_000) // 1000 for degrees in (ra, abs(dec)))
    return f"{tenths_of_ra:04d}{'m' if dec < 0 else 'p'}{tenths_of_dec:03d}"
