"""Blocks of sky, the units of errors that allow what neighbours share; chosen from positions alone."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.sky.tiles import number_of_tiles, tile_of

# With so many blocks of equal number F(3, G - 3) sees dipoles 1.4 times those that chi-square sees at a level of 1 %.
ENOUGH_BLOCKS = 20.0
# Pixels of 0.9 degrees, from which blocks of positions are made: a field of 5 degrees has blocks.
_FINEST_ORDER = 6
# Patches of a correction are so many times narrower than blocks: of 50 square degrees where galaxies are all over the
# sky.
_ORDERS_FINER = 2


def coarser_pixels(n_pixels: int, n_blocks: int) -> NDArray[np.int64]:
    """Block (n_pixels,) of each nested HEALPix pixel, the blocks being pixels of a coarser map of `n_blocks` pixels.

    Raises `ValueError` where a coarse pixel is not 1, 4, 16, ... fine ones.
    """
    ratio = n_pixels // n_blocks if n_blocks > 0 else 0
    if ratio < 1 or ratio * n_blocks != n_pixels or ratio & (ratio - 1) or ratio.bit_length() % 2 == 0:
        raise ValueError(f"{n_pixels} nested pixels do not make up {n_blocks} coarser ones")
    return np.arange(n_pixels) // ratio


def chosen_blocks(counts: NDArray) -> NDArray[np.int64] | None:
    """Block (p,) of each nested HEALPix pixel: the largest blocks that leave `ENOUGH_BLOCKS` effective ones.

    `counts` (p,) galaxies of the pixels; blocks are HEALPix pixels at least twice as wide. None where no size does.
    """
    n_blocks = 12
    while 4 * n_blocks <= len(counts):
        blocks = coarser_pixels(len(counts), n_blocks)
        galaxies = np.bincount(blocks, weights=counts)
        if galaxies.sum() ** 2 >= ENOUGH_BLOCKS * (galaxies**2).sum():
            return blocks
        n_blocks *= 4
    return None


def blocks_of(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.int64]:
    """Block (n,) of every position (ICRS degrees): the largest HEALPix pixels of which there are enough.

    Raises `ValueError` where no size gives enough blocks.
    """
    pixels = tile_of(ra, dec, _FINEST_ORDER)
    blocks = chosen_blocks(np.bincount(pixels, minlength=number_of_tiles(_FINEST_ORDER)))
    if blocks is None:
        raise ValueError("the galaxies are too few, or too close together, for blocks of sky")
    return np.asarray(blocks[pixels], np.int64)


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
