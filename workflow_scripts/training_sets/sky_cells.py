"""Training sets from everywhere: as many galaxies of each cell of the sky as of any other, and matched as before."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.training_sets.matching_cells import SKY_CELL, Cells


class SkyCells(NamedTuple):
    """Matching cells divided by cells of the sky: `cells`, and the matching cell `base` and sky cell `sky` of each."""

    cells: Cells
    base: NDArray[np.int64]
    sky: NDArray[np.int64]


def divided_by_sky(cells: Cells, ra: NDArray[np.float64], dec: NDArray[np.float64], nside: int) -> SkyCells:
    """Divide the cells of galaxies at positions (ICRS degrees) by nested HEALPix cells of a power of two `nside`."""
    sky = tile_of(ra, dec, nside.bit_length() - 1)
    pairs, number = np.unique(np.column_stack([cells.number, sky]), axis=0, return_inverse=True)
    bins = np.column_stack([cells.bins[pairs[:, 0]], pairs[:, 1]])
    divided = Cells(number.reshape(-1).astype(np.int64), bins, (*cells.covariates, SKY_CELL))
    return SkyCells(divided, pairs[:, 0], pairs[:, 1])


def spread_quotas(
    wanted: NDArray[np.int64], divided: SkyCells, available: NDArray[np.int64], chance: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Divide the quotas of matching cells among the cells of the sky, as equally as the galaxies allow.

    Each place goes to the cell of the sky that has the fewest so far, of those with a galaxy left; matching cells that
    occur in few places come first, so that the others even out what they leave unequal.

    Parameters
    ----------
    wanted
        (matching cells,): places of each.
    divided
        m cells, as `divided_by_sky` gives them.
    available
        (m,): galaxies that can be had.
    chance
        (m,) in [0, 1): decides between cells of the sky that have equally many.

    Returns
    -------
    (m,) quotas, with the sums `wanted` over each matching cell. Places for which there is no galaxy are given out, too.
    """
    quotas = np.zeros(len(available), np.int64)
    filled = np.zeros(divided.sky.max(initial=0) + 1, np.int64)
    places = np.bincount(divided.base[available > 0], minlength=len(wanted))
    for cell in np.argsort(places, kind="stable"):
        candidates = np.flatnonzero(divided.base == cell)
        candidates = candidates[np.argsort(chance[candidates], kind="stable")]
        left = available[candidates].copy()
        for _ in range(wanted[cell]):
            open_to = candidates[left > 0] if (left > 0).any() else candidates
            chosen = open_to[np.argmin(filled[divided.sky[open_to]])]
            quotas[chosen] += 1
            left[candidates == chosen] -= 1
            filled[divided.sky[chosen]] += 1
    return quotas
