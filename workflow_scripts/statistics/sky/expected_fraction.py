"""A fraction against the one that is expected, such as one half for handedness: the monopole, a question of its own.

A mask takes parts of the sky away and leaves the fraction of the rest: unlike in uncentred tests of dipoles, a monopole
is one on every mask.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.fractions import wilson_interval


@dataclass(frozen=True)
class ExpectedFractionTest:
    """`fraction` with its 95 % interval, and two-sided p of the expected one.

    `limit95` is the largest departure of either sign that is compatible with the fraction at 95 %, one-sided;
    `log10_p` is finite also where p is 0; `effective_blocks` is None where galaxies are the unit.
    """

    fraction: float
    se: float
    ci95: tuple[float, float]
    limit95: float
    statistic: float
    p: float
    log10_p: float
    effective_blocks: float | None = None


def expected_fraction_test(positives: float, n: float, expected: float) -> ExpectedFractionTest:
    """Exact binomial p (two-sided: as probable or less) and Wilson's interval; z is of the score test.

    Weighted fractions may be given as those of as many equal galaxies as are as good, rounded. Raises `ValueError` for
    an expected fraction that is not between 0 and 1, and without galaxies.
    """
    if not 0 < expected < 1:
        raise ValueError(f"the expected fraction is {expected:g}, and must be between 0 and 1")
    k, n = round(positives), round(n)
    if n < 1:
        raise ValueError("there is no galaxy")
    low, high = wilson_interval(k, n)
    # Its ends are one-sided limits at 95 %.
    limit = max(abs(float(end) - expected) for end in wilson_interval(k, n, 0.9))
    fraction, se = k / n, np.sqrt(expected * (1 - expected) / n)
    p = float(stats.binomtest(k, n, expected).pvalue)
    z = float((fraction - expected) / se)
    # Where p is too small for a number, twice the probability of the nearer tail.
    binomial = stats.binom(n, expected)
    tail = binomial.logcdf(k) if z < 0 else binomial.logsf(k - 1)
    log10_p = np.log10(p) if p > 1e-290 else (tail + np.log(2)) / np.log(10)
    if not np.isfinite(log10_p):
        log10_p = (stats.norm.logsf(abs(z)) + np.log(2)) / np.log(10)
    return ExpectedFractionTest(fraction, float(se), (float(low), float(high)), limit, z, p, float(log10_p))


def expected_mean_test(total: float, squares: float, n: float, expected: float) -> ExpectedFractionTest:
    """The same of a mean score, from sums of scores and of their squares: z with the scores' own variance.

    Galaxies with weights may be given as `n` equal ones that are as good, whose labels are 0 and 1.

    Raises `ValueError` for fewer than two scores, or scores that are all the same.
    """
    if n < 2 or not (variance := (squares - total**2 / n) / (n - 1)) > 1e-15:
        raise ValueError("all scores are the same")
    return _normal(total / n, float(np.sqrt(variance / n)), expected)


def block_fraction_test(
    counts: ArrayLike, positives: ArrayLike, blocks: ArrayLike, expected: float
) -> ExpectedFractionTest:
    """The fraction as a ratio of sums over blocks of sky: t, whatever labels of one block have in common.

    With r_b = k_b - f n_b of B blocks, the variance of f is B/(B - 1) sum r_b^2 / n^2 (Cochran 1977, Sampling
    Techniques, 6.4); t has one degree of freedom less than there are effective blocks, (sum n_b)^2 / sum n_b^2.

    Parameters
    ----------
    counts, positives
        (p,) galaxies, and those of the positive class, by pixel.
    blocks
        (p,) block of each pixel.

    Raises
    ------
    ValueError
        for fewer than two effective blocks, or blocks that all have the same fraction.
    """
    number = np.asarray(blocks)
    n_b, k_b = (np.bincount(number, weights=np.asarray(sums, float)) for sums in (counts, positives))
    n_b, k_b = n_b[n_b > 0], k_b[n_b > 0]
    n, fraction = n_b.sum(), float(k_b.sum() / n_b.sum())
    effective = float(n**2 / (n_b**2).sum())
    if effective < 2:
        raise ValueError(f"the galaxies lie in {effective:.1f} effective blocks: two are needed")
    residuals: NDArray[np.float64] = k_b - fraction * n_b
    se = float(np.sqrt(len(n_b) / (len(n_b) - 1) * (residuals**2).sum()) / n)
    if se <= 0:
        raise ValueError("all blocks have the same fraction")
    return _normal(fraction, se, expected, effective)


def _normal(mean: float, se: float, expected: float, effective: float | None = None) -> ExpectedFractionTest:
    """From a mean and its error: normal, or t where there are few blocks."""
    law = stats.norm if effective is None else stats.t(effective - 1)
    z, (half, one_sided) = (mean - expected) / se, (float(law.ppf(level)) * se for level in (0.975, 0.95))
    log_p = float(law.logsf(abs(z)) + np.log(2))
    ends, limit = (mean - half, mean + half), abs(mean - expected) + one_sided
    return ExpectedFractionTest(mean, se, ends, limit, z, float(np.exp(log_p)), log_p / float(np.log(10)), effective)
