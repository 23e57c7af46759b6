"""Cells of maps of the sky or of a field: small where galaxies are many, and smoothed, so that they show no noise.

Smoothed cells share their galaxies with neighbours, and shrink by their errors.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.sky.tiles import number_of_tiles

# A fraction of so many galaxies has an error of 0.1 or less.
_GALAXIES_A_CELL = 25
# With fewer galaxies a cell of a smoothed map shows nothing.
FEWEST_IN_CELL = 5
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


def cell_means(cell: ArrayLike, values: ArrayLike, cells: int) -> NDArray[np.float64]:
    """Mean of a number a galaxy (n,) in each of `cells` cells; NaN in those without galaxies."""
    n = np.bincount(cell, minlength=cells)
    with np.errstate(invalid="ignore"):
        return np.bincount(cell, weights=values, minlength=cells) / np.where(n > 0, n, np.nan)


def smoothed_cells(
    values: ArrayLike, se: ArrayLike, n: ArrayLike, centres: ArrayLike, width: float
) -> NDArray[np.float64]:
    """Means of cells (p,), smoothed over neighbours and then drawn towards the mean by their errors.

    `values`, `se` and `n` (p,) are a cell's mean (NaN where unknown), its standard error and its number of galaxies,
    `centres` (p, 3) unit vectors. Cells are averaged with the weights n exp(-theta^2 / 2 width^2), theta and `width` in
    degrees; then each is mean + (average - mean) tau^2 / (tau^2 + se^2), where tau^2, the variance between cells beyond
    their errors, is that of DerSimonian & Laird (1986, Control. Clin. Trials 7, 177): all cells have the mean where
    there is none. NaN where a cell has fewer than five galaxies.
    """
    values, se, n = (np.asarray(one, float) for one in (values, se, n))
    known = np.isfinite(values) & np.isfinite(se) & (se > 0) & (n > 0)
    shown = np.full(len(values), np.nan)
    if not known.any():
        return shown
    vectors = np.asarray(centres, float)[known]
    # 2 (1 - cos theta) is theta^2 to the fourth order.
    apart = 2 * (1 - np.clip(vectors @ vectors.T, -1, 1))
    weights = n[known] * np.exp(-apart / (2 * np.radians(width) ** 2))
    weights /= weights.sum(axis=1, keepdims=True)
    average, error = weights @ values[known], np.sqrt(weights**2 @ se[known] ** 2)
    drawn = _shrunk(average, error)
    drawn[n[known] < FEWEST_IN_CELL] = np.nan
    shown[known] = drawn
    return shown


def _shrunk(values: NDArray[np.float64], se: NDArray[np.float64]) -> NDArray[np.float64]:
    weight = 1 / se**2
    mean = np.average(values, weights=weight)
    spread = weight.sum() - np.sum(weight**2) / weight.sum()
    q = np.sum(weight * (values - mean) ** 2)
    tau2 = max(0.0, float(q - (len(values) - 1)) / spread) if spread > 0 else 0.0
    shrunk = 1 / (tau2 + se**2)
    mean = np.average(values, weights=shrunk)
    return mean + (values - mean) * tau2 * shrunk


def binomial_se(fraction: ArrayLike, n: ArrayLike) -> NDArray[np.float64]:
    """Standard errors (p,) of fractions of `n` galaxies each, by the fraction of all: a cell of one class has one."""
    fraction, n = np.asarray(fraction, float), np.asarray(n, float)
    known = np.isfinite(fraction) & (n > 0)
    of_all = float(np.average(fraction[known], weights=n[known])) if known.any() else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known, np.sqrt(of_all * (1 - of_all) / n), np.nan)


def se_of_cell_means(cell: ArrayLike, values: ArrayLike, cells: int) -> NDArray[np.float64]:
    """Standard errors (cells,) of means of `values` (n,) in cells, by the variance within all cells together.

    NaN in cells without galaxies, and everywhere where no cell has two.
    """
    cell, values = np.asarray(cell), np.asarray(values, float)
    n = np.bincount(cell, minlength=cells)
    means = cell_means(cell, values, cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        dof = len(values) - np.count_nonzero(n)
        within = np.sum((values - means[cell]) ** 2) / dof if dof > 0 else np.nan
        return np.where(n > 0, np.sqrt(within / n), np.nan)
