"""How many permutations a test needs: fewer where there is nothing, more where only more can decide.

A p by permutations is (b + 1)/(B + 1) and so never below its floor 1/(B + 1). Near the floor the reference
distribution decides, down to the p at which its error is still known to be small (`chi_square_level`).
"""

from collections.abc import Iterable
from itertools import product
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from workflow_scripts.statistics.sky.sky_sums import PixelPositions

# So many skies at least as extreme settle a p: its relative standard error is then 10 %.
ENOUGH = 100
# Skies x pixels that are drawn without being asked for: some 20 s.
_CHEAP_CELLS = 2e8
# The reference distribution holds to this factor in p.
_TAIL_FACTOR = 1.5


def sequential_p(
    skies: Iterable[NDArray[np.float64]], observed: float, enough: int | None = None
) -> tuple[float, NDArray[np.float64]]:
    """p of an observed statistic, and the permuted ones (draws,) on which it rests; drawing stops where p is settled.

    `skies` are the statistics of random permutations, in parts, B together. Where the h-th that reaches the observed
    one is the l-th drawn, p = h/l and no more are drawn, with h = `enough`; else p = (b + 1)/(B + 1) with b of them.
    This p is valid at every level (Besag & Clifford 1991, Biometrika 78, 301). Without `enough`, all are drawn.
    """
    drawn, reached = [], 0
    for part in skies:
        drawn.append(part)
        extreme = part >= observed
        before, reached = reached, reached + int(extreme.sum())
        if enough is not None and reached >= enough:
            last = int(np.flatnonzero(extreme)[enough - before - 1]) + 1
            null = np.concatenate([*drawn[:-1], part[:last]])
            return enough / len(null), null
    null = np.concatenate(drawn)
    return (reached + 1) / (len(null) + 1), null


def permutations_needed(level: float) -> int:
    """Permutations with which p can be half of the level and less."""
    return ceil(2 / level) - 1


def permutations_to_draw(given: int, level: float, chi_square_level: float, n_pixels: int) -> int:
    """The most permutations that a test draws: `given`, or more where only they can decide and they are cheap.

    `level` is that of the test by itself, after adjustment for the others. More are drawn where not even the
    reference distribution reaches it. Everything here is the same in all permutations, so that the test stays exact.
    """
    if chi_square_level < level:
        return given
    return max(given, min(permutations_needed(level), int(_CHEAP_CELLS / n_pixels)))


def chi_square_level(positions: PixelPositions, values: NDArray[np.float64], numbers: NDArray[np.float64]) -> float:
    """The smallest p to which Q of a centred dipole of k components follows chi-square with k degrees of freedom.

    Along an axis a the score is a sum over galaxies whose standardised third and fourth cumulants are, under
    permutation, g_x g_a / sqrt(n) and about k_x k_a / n, with g and k the skewness and kurtosis of the values and of
    a . n. Tails of it at x standard deviations are those of a normal distribution times exp(g x^3/6 + k x^4/24)
    (Cramér; see Petrov 1975, Sums of Independent Random Variables, VIII.2). x is the one at which this reaches 1.5
    along the worst axis, whatever the signs, with kurtoses in place of their excess over 3; p is that of x^2.

    Parameters
    ----------
    positions
        the galaxies, each at the mean direction of its pixel.
    values, numbers
        (m,) the different values, and how many galaxies have each.

    Raises
    ------
    ValueError
        for values that are all the same.
    """
    n = numbers.sum()
    skew_x, kurtosis_x = _shape((values - values @ numbers / n)[:, None], numbers)
    occupied = positions.counts > 0
    directions = positions.mean_vectors()[occupied] - positions.sums.first / positions.n
    # All axes have the same variance in these coordinates; their corners and edges stand for all of them.
    variances, axes = np.linalg.eigh((directions.T * positions.counts[occupied]) @ directions)
    k = directions.shape[1]
    corners = np.array([corner for corner in product((-1, 0, 1), repeat=k) if corner > (0,) * k])
    along = directions @ (axes / np.sqrt(variances)) @ corners.T
    skew_a, kurtosis_a = _shape(along, positions.counts[occupied])
    third = float(np.abs(skew_x).max() * np.abs(skew_a).max() / np.sqrt(n))
    fourth = float(kurtosis_x.max() * kurtosis_a.max() / n)
    x = optimize.brentq(lambda x: third * x**3 / 6 + fourth * x**4 / 24 - np.log(_TAIL_FACTOR), 0, 1e3 * np.sqrt(n))
    return float(stats.chi2.sf(x**2, k))


def _shape(rows: NDArray[np.float64], numbers: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Skewness and kurtosis of each column of centred rows (m, k) that stand for `numbers` (m,) each."""
    share = numbers / numbers.sum()
    variance, third, fourth = (share @ rows**power for power in (2, 3, 4))
    if not np.all(variance > 0):
        raise ValueError("all values are the same")
    return third / variance**1.5, fourth / variance**2
