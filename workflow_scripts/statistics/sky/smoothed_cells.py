"""Maps in which cells with few galaxies do not stand out: each cell is drawn towards the mean by its own error."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# With fewer galaxies a cell shows nothing.
FEWEST_IN_CELL = 5


def smoothed_cells(values: ArrayLike, se: ArrayLike, n: ArrayLike) -> NDArray[np.float64]:
    """Empirical-Bayes means of cells: mean + (value - mean) tau^2 / (tau^2 + se^2), NaN below five galaxies.

    `values`, `se` and `n` (p,) are a cell's value (NaN where unknown), its standard error and number of galaxies.
    tau^2, the variance between cells beyond their errors, is that of DerSimonian & Laird (1986, Control. Clin. Trials 7,
    177). Without any, all cells have the mean.
    """
    values, se, n = (np.asarray(one, float) for one in (values, se, n))
    known = np.isfinite(values) & np.isfinite(se) & (se > 0) & (n >= FEWEST_IN_CELL)
    shown = np.full(len(values), np.nan)
    if not known.any():
        return shown
    own, weight = values[known], 1 / se[known] ** 2
    mean = np.average(own, weights=weight)
    spread = weight.sum() - np.sum(weight**2) / weight.sum()
    q = np.sum(weight * (own - mean) ** 2)
    tau2 = max(0.0, float(q - (known.sum() - 1)) / spread) if spread > 0 else 0.0
    shrunk = 1 / (tau2 + se[known] ** 2)
    mean = np.average(own, weights=shrunk)
    shown[known] = mean + (own - mean) * tau2 * shrunk
    return shown


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
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.bincount(cell, weights=values, minlength=cells) / n
        dof = len(values) - np.count_nonzero(n)
        within = np.sum((values - means[cell]) ** 2) / dof if dof > 0 else np.nan
        return np.where(n > 0, np.sqrt(within / n), np.nan)
