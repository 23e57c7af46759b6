"""Cells of maps of the sky or of a field: small where galaxies are many, with enough of them in each."""

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.sky.tiles import number_of_tiles

# A fraction of so many galaxies has an error of 0.1 or less.
_GALAXIES_A_CELL = 25
# Smaller cells are not to be seen on a map of the whole sky.
FINEST_OF_SKY = 4


def map_order(counts: NDArray[np.float64], finest: int) -> int:
    """The finest order, up to `finest`, whose median cell with galaxies has enough of them; 1 where none has.

    `counts` (p,) are galaxies of nested HEALPix pixels of an order of `finest` or more.
    """
    for order in range(finest, 1, -1):
        cells = in_cells(counts, order)
        if np.median(cells[cells > 0]) >= _GALAXIES_A_CELL:
            return order
    return 1


def in_cells(values: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Sums over nested pixels (p,) added up to those of a lower order."""
    return values.reshape(number_of_tiles(order), -1).sum(axis=1)
