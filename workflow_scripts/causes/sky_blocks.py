"""The blocks of sky that errors and exchanges of probes rest on."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.sky.tiles import number_of_tiles, tile_of
from workflow_scripts.statistics.sky.block_dipole import chosen_blocks

# Pixels of 0.9 degrees: a field of 5 degrees has blocks.
_FINEST_ORDER = 6


def blocks_of(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.int64]:
    """Block (n,) of every position (ICRS degrees): the largest HEALPix pixels of which there are enough.

    Raises `ValueError` where no size gives enough blocks.
    """
    pixels = tile_of(ra, dec, _FINEST_ORDER)
    blocks = chosen_blocks(np.bincount(pixels, minlength=number_of_tiles(_FINEST_ORDER)))
    if blocks is None:
        raise ValueError("the galaxies are too few, or too close together, for blocks of sky")
    return np.asarray(blocks[pixels], np.int64)
