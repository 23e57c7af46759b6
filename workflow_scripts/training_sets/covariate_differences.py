"""How far two sets of galaxies differ in one covariate: means, spreads and distributions.

`statistics.truth.covariate_balance` asks whether all covariates together tell the sets apart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


@dataclass(frozen=True)
class CovariateDifference:
    """Number, mean and standard deviation of both sets, and how they differ.

    `smd` is the standardised mean difference, first minus second (below 0.05 is as good as matched), `variance_ratio`
    that of first over second, `ks` the Kolmogorov-Smirnov distance with its asymptotic p. All but the numbers are NaN
    where a set has fewer than two known values.
    """

    n_a: int
    mean_a: float
    sd_a: float
    n_b: int
    mean_b: float
    sd_b: float
    smd: float
    variance_ratio: float
    ks: float
    ks_p: float


def covariate_difference(first: ArrayLike, second: ArrayLike) -> CovariateDifference:
    """Compare a covariate (n_a,) of one set with that of another (n_b,); missing and infinite values do not count."""
    a, b = np.asarray(first, float), np.asarray(second, float)
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    if min(len(a), len(b)) < 2:
        nothing = float("nan")
        return CovariateDifference(len(a), nothing, nothing, len(b), *[nothing] * 6)
    mean_a, sd_a, mean_b, sd_b = float(a.mean()), float(a.std(ddof=1)), float(b.mean()), float(b.std(ddof=1))
    smd = float(standardised_mean_difference(mean_a, sd_a, mean_b, sd_b))
    test = stats.ks_2samp(a, b, method="asymp")
    ratio = variance_ratio(a, b) if b.var() > 0 else float("nan")
    return CovariateDifference(
        len(a), mean_a, sd_a, len(b), mean_b, sd_b, smd, ratio, float(test.statistic), float(test.pvalue)
    )


def standardised_mean_difference(
    mean_a: ArrayLike, sd_a: ArrayLike, mean_b: ArrayLike, sd_b: ArrayLike
) -> NDArray[np.float64]:
    """(mean_a - mean_b) over the root mean square of the two standard deviations (Austin 2009, Stat. Med. 28, 3083).

    0 where the means are equal, whatever the deviations; infinite where two constants differ.
    """
    difference = np.asarray(mean_a, float) - np.asarray(mean_b, float)
    pooled = np.sqrt((np.asarray(sd_a, float) ** 2 + np.asarray(sd_b, float) ** 2) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / pooled)


def variance_ratio(first: ArrayLike, second: ArrayLike) -> float:
    """Variance of a covariate (n,) in the first set over that in the second; near 1 where matched.

    Raises `ValueError` for fewer than two galaxies in a set, a missing value, or a second set without scatter.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if min(len(a), len(b)) < 2 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a ratio of variances needs two or more known values in each set")
    if not b.var() > 0:
        raise ValueError("the covariate has no scatter in the second set")
    return float(a.var(ddof=1) / b.var(ddof=1))
