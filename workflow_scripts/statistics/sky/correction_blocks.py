"""Blocks of sky for the errors of a correction, and patches in which it is fitted and applied in turn."""

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.statistics.sky.block_dipole import chosen_blocks

# Patches are so many times narrower than blocks: of 50 square degrees where galaxies are all over the sky.
_ORDERS_FINER = 2


def correction_blocks(cells: NDArray[np.int64], order: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Block and patch (n,) of galaxies, from their nested HEALPix cells (n,) of a fine order.

    Blocks are those of `chosen_blocks`, by positions alone; they are larger than patches, so that these need not know
    of each other's clustering. Raises `ValueError` where no size does.
    """
    # Blocks are twice as wide as these pixels, or wider.
    finer = _ORDERS_FINER - 1
    pixels = cells >> 2 * finer
    blocks = chosen_blocks(np.bincount(pixels, minlength=12 * 4 ** (order - finer)))
    if blocks is None:
        raise ValueError("the galaxies lie in too few places for blocks of sky, which the errors of a correction need")
    cells_of_block = 4**order * 12 // (int(blocks.max()) + 1)
    return blocks[pixels], cells // (cells_of_block // 4**_ORDERS_FINER)
