"""Dose and response: whether a number of the training runs follows a cause that was given to them in steps."""

from dataclasses import dataclass
from itertools import permutations as arrangements
from itertools import product
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.p_values import upper_p
from workflow_scripts.statistics.runs.smallest_adjusted import smallest_p_of_doses


@dataclass(frozen=True)
class DoseTrend:
    """Change of a number from no dose to the largest by its least-squares line, and the test that there is none.

    `slope` is per unit of dose, `change` is slope times the range of doses, with its 95 % interval `change_ci95`.
    `means` (doses,) are the means over training sets, by rising dose; `monotonic` is whether they rise or fall all the
    way. `p_smallest` is the least p that permutations can give.
    """

    slope: float
    change: float
    change_ci95: tuple[float, float]
    means: NDArray[np.float64]
    monotonic: bool
    p_permutation: float
    p_smallest: float


def dose_trend(doses: ArrayLike, values: ArrayLike, permutations: int, seed: int) -> DoseTrend:
    """Fit and test a line over doses, within training sets.

    Parameters
    ----------
    doses
        (m,) different doses.
    values
        (training sets, m): a number of the runs on each training set, with each dose.
    permutations, seed
        random permutations of the doses within training sets; all of them, each once, where there are no more than
        `permutations`.

    Returns
    -------
    DoseTrend
        Two-sided. Without an effect of the dose the runs of a training set are exchangeable, whatever the training sets
        differ by, so that the permutation is exact: a randomised block design (Edgington & Onghena 2007, Randomization
        Tests, chapter 6). The interval is that of the mean slope over training sets (Student's t); of a single one,
        that of its regression.

    Raises
    ------
    ValueError
        for fewer than three doses, a dose twice, or values that do not differ within training sets.
    """
    x, y = np.asarray(doses, float), np.atleast_2d(np.asarray(values, float))
    sets, m = y.shape
    if m < 3 or len(np.unique(x)) < m:
        raise ValueError(f"{len(np.unique(x))} different doses are too few, expected three or more, each once")
    dx, dy = x - x.mean(), y - y.mean(axis=1, keepdims=True)
    # Rounding alone makes constants scatter a little.
    if not (dy**2).sum() > 1e-24 * (y**2).sum():
        raise ValueError("nothing differs between doses")
    scale = float(dx @ dx)
    slopes = dy @ dx / scale
    slope, width = float(slopes.mean()), float(np.ptp(x))
    if sets > 1:
        se, dof = float(slopes.std(ddof=1) / np.sqrt(sets)), sets - 1
    else:
        se, dof = float(np.sqrt(((dy - slope * dx) ** 2).sum() / (m - 2) / scale)), m - 2
    half = float(stats.t.ppf(0.975, dof)) * se * width
    null, exact = _permuted(dx, dy, permutations, seed)
    means = y.mean(axis=0)[np.argsort(x)]
    steps = np.diff(means)
    return DoseTrend(
        slope=slope,
        change=slope * width,
        change_ci95=(slope * width - half, slope * width + half),
        means=means,
        monotonic=bool((steps > 0).all() or (steps < 0).all()),
        p_permutation=upper_p(null, abs(float((dy @ dx).sum())), exact),
        p_smallest=smallest_p_of_doses(x, sets, permutations),
    )


def _permuted(
    dx: NDArray[np.float64], dy: NDArray[np.float64], permutations: int, seed: int
) -> tuple[NDArray[np.float64], bool]:
    """Absolute sums of the products for permuted doses, and whether these are all the permutations there are."""
    sets, m = dy.shape
    if factorial(m) ** sets <= permutations:
        orders = np.array(list(arrangements(range(m))))
        by_set = dx[orders] @ dy.T
        every = product(range(len(orders)), repeat=sets)
        return np.abs([sum(by_set[order, one] for one, order in enumerate(chosen)) for chosen in every]), True
    random = np.random.default_rng(seed)
    drawn = random.permuted(np.broadcast_to(dx, (permutations, sets, m)).copy(), axis=2)
    return np.abs(np.einsum("bsm,sm->b", drawn, dy)), False
