"""Maps of an audit, nested HEALPix (ICRS): small arrays, so that drawing needs no galaxy."""

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.audits.sums import N_PIXELS, PIXEL_ORDER, CatalogSums
from workflow_scripts.sky.tiles import number_of_tiles, tile_centres
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.axis_scan import dipole_sigma

# A fraction of so many galaxies has an error of 0.1 or less.
_GALAXIES_A_CELL = 25
# Cells with fewer are left empty: their fractions would take all of the colours.
_FEWEST_DRAWN = 5


def sky_maps(sums: CatalogSums) -> dict[str, NDArray[np.float64]]:
    """Maps of a catalog, NaN where there are too few galaxies.

    `n`: galaxies; `fraction`: of the positive class of the first annotation; `difference`: first minus second
    annotation, where there are two; `errors`: share of labels that are not the reference's, where there is one. Cells
    are as small as leaves `_GALAXIES_A_CELL` galaxies in a typical one. `sigma`: paper-style sigma along the axis in
    each pixel of nside 32; absent where the positions leave an axis undetermined.
    """
    counts = sums.positions.counts.astype(float)
    order = map_order(counts)
    maps = {
        "n": coarse(counts, order),
        "fraction": _ratio(sums.annotations[0].labels.totals, counts, order),
    }
    if sums.pairs:
        maps["difference"] = _ratio(sums.pairs[0].difference.totals, counts, order)
    if sums.reference is not None:
        maps["errors"] = _ratio(sums.reference.wrong, sums.reference.known, order)
    if np.linalg.cond(sums.positions.second) < 1e9:
        axes = unit_vectors(*tile_centres(PIXEL_ORDER))
        signs = sums.annotations[0].signs(sums.positions)
        maps["sigma"] = dipole_sigma(axes, sums.positions.sums, signs.sums)
    return maps


def map_order(counts: NDArray[np.float64]) -> int:
    """The finest order, 4 at most, at which the median cell with galaxies has enough of them; 1 where none has."""
    for order in (4, 3, 2):
        cells = coarse(counts, order)
        if np.median(cells[cells > 0]) >= _GALAXIES_A_CELL:
            return order
    return 1


def coarse(values: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Pixels of order `PIXEL_ORDER` added up to those of a lower order."""
    return values.reshape(number_of_tiles(order), N_PIXELS // number_of_tiles(order)).sum(axis=1)


def _ratio(above: NDArray, below: NDArray, order: int) -> NDArray[np.float64]:
    number = coarse(below, order)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number >= _FEWEST_DRAWN, coarse(above, order) / number, np.nan)
