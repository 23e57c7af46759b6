"""Blocks of sky for the errors of a correction, and patches in which it is fitted and applied in turn."""

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.statistics.sky.block_dipole import ENOUGH_BLOCKS

# Patches are so many times narrower than blocks: of 50 square degrees where galaxies are all over the sky.
_ORDERS_FINER = 2


def correction_blocks(cells: NDArray[np.int64], order: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Block and patch (n,) of galaxies, from their nested HEALPix cells (n,) of a fine order.

    Blocks are the largest HEALPix pixels that leave `ENOUGH_BLOCKS` effective ones, chosen by positions alone; they are
    larger than patches, so that these need not know of each other's clustering. Raises `ValueError` where no size does.
    """
    for coarse in range(1, order - _ORDERS_FINER + 1):
        blocks = cells >> 2 * (order - coarse)
        sizes = np.unique(blocks, return_counts=True)[1].astype(float)
        if sizes.sum() ** 2 >= ENOUGH_BLOCKS * (sizes**2).sum():
            return blocks, cells >> 2 * (order - coarse - _ORDERS_FINER)
    raise ValueError("the galaxies lie in too few places for blocks of sky, which the errors of a correction need")
