"""Two networks on the same galaxies. Galaxies are the unit here: results hold for these two networks only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class McNemar:
    """Galaxies that only A (`b`) or only B (`c`) calls positive; exact p, and the difference of fractions."""

    b: int
    c: int
    difference: float
    se: float
    z: float
    p: float


def mcnemar(b: int, c: int, n: int) -> McNemar:
    """McNemar's exact test (1947, Psychometrika 12, 153): b ~ Binomial(b + c, 1/2).

    The difference of fractions is (b - c)/n with SE sqrt((pi_d - difference^2)/n), pi_d = (b + c)/n. Raises
    `ValueError` without galaxies; two networks that agree everywhere give p = 1.
    """
    if n < 1:
        raise ValueError("no galaxies to compare")
    if min(b, c) < 0 or b + c > n:
        raise ValueError(f"{b} + {c} disagreements cannot be among {n} galaxies")
    difference = (b - c) / n
    se = float(np.sqrt(max(0.0, (b + c) / n - difference**2) / n))
    z = (b - c) / np.sqrt(b + c) if b + c else 0.0
    p = float(stats.binomtest(b, b + c).pvalue) if b + c else 1.0
    return McNemar(b, c, difference, se, float(z), p)


@dataclass(frozen=True)
class DifferenceInDifferences:
    """Difference A - B of the fractions in one part of the sky, minus the same in another."""

    difference: float
    se: float
    z: float
    p: float


def difference_in_differences(delta_first: ArrayLike, delta_second: ArrayLike) -> DifferenceInDifferences:
    """Does the disagreement of A and B depend on the part of the sky?

    Parameters
    ----------
    delta_first, delta_second
        y^A - y^B (-1, 0 or 1) of the galaxies in each of two parts of the sky. What the galaxies are cancels.

    Returns
    -------
    DifferenceInDifferences
        mean(delta | first) - mean(delta | second), SE s_delta sqrt(1/n_1 + 1/n_2) with s_delta over both parts, as
        under the null.

    Raises
    ------
    ValueError
        where a part has no galaxies, or A and B differ by the same everywhere.
    """
    first, second = np.asarray(delta_first, float), np.asarray(delta_second, float)
    if not len(first) or not len(second):
        raise ValueError("a part of the sky has no galaxies")
    scatter = float(np.concatenate([first, second]).std())
    if scatter == 0:
        raise ValueError("the networks differ by the same everywhere: nothing could depend on position")
    difference = float(first.mean() - second.mean())
    se = scatter * float(np.sqrt(1 / len(first) + 1 / len(second)))
    z = difference / se
    return DifferenceInDifferences(difference, se, z, float(2 * stats.norm.sf(abs(z))))
