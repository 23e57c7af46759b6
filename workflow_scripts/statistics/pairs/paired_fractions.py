"""Networks on the same galaxies. Galaxies are the unit here: results hold for these networks only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats


@dataclass(frozen=True)
class McNemar:
    """Galaxies that only A (`b`) or only B (`c`) calls positive; exact p, and the difference of fractions.

    `p_mid` counts the observed table half: less conservative than the exact p, at the price of no guarantee.
    """

    b: int
    c: int
    difference: float
    se: float
    z: float
    p: float
    p_mid: float = float("nan")


def mcnemar(b: int, c: int, n: int) -> McNemar:
    """McNemar's exact test (1947, Psychometrika 12, 153): b ~ Binomial(b + c, 1/2).

    The difference of fractions is (b - c)/n with SE sqrt((pi_d - difference^2)/n), pi_d = (b + c)/n. The mid-p is
    that of Fagerland, Lydersen & Laake (2013, BMC Med. Res. Methodol. 13, 91). Raises `ValueError` without galaxies;
    two networks that agree everywhere give p = 1.
    """
    _check_counts(b, c, n)
    difference = (b - c) / n
    se = float(np.sqrt(max(0.0, (b + c) / n - difference**2) / n))
    z = (b - c) / np.sqrt(b + c) if b + c else 0.0
    p = float(stats.binomtest(b, b + c).pvalue) if b + c else 1.0
    # Half the probability of what was seen: of b and of c, which are as extreme, or of b alone where they are equal.
    seen = float(stats.binom.pmf(b, b + c, 0.5)) if b + c else 0.0
    return McNemar(b, c, difference, se, float(z), p, p - (seen / 2 if b == c else seen))


def paired_difference_interval(b: int, c: int, n: int) -> tuple[float, float]:
    """95 % score interval of the difference of two fractions of the same galaxies (Tango 1998, Stat. Med. 17, 891).

    All differences D that the score test does not reject: |b - c - n D| <= z sqrt(n (2 q + D (1 - D))), with q the
    most likely P(only B) given D. It excludes 0 exactly where McNemar's |z| is larger than z, stays inside -1 ... 1,
    and is not empty when b + c = 0, where Wald's has no width.

    `b` and `c` are galaxies that only A, or only B, calls positive, among n. Raises `ValueError` without galaxies, or
    for counts that do not fit into n.
    """
    _check_counts(b, c, n)
    z = float(stats.norm.isf((1 - 0.95) / 2))
    estimate = (b - c) / n

    def excess(difference: float) -> float:
        """(score deviation)^2 - z^2 variance: negative inside the interval."""
        linear = -b - c + (2 * n - b + c) * difference
        constant = -c * difference * (1 - difference)
        q = (np.sqrt(max(0.0, linear**2 - 8 * n * constant)) - linear) / (4 * n)
        variance = n * (2 * q + difference * (1 - difference))
        return float((b - c - n * difference) ** 2 - z**2 * max(0.0, variance))

    # Where the estimate has no scatter of its own, it is a root of `excess` too, and the other one has a closed form.
    if b + c == 0:
        return -(z**2) / (n + z**2), z**2 / (n + z**2)
    if n in (b, c):
        far = (n - z**2) / (n + z**2)
        return (far, 1.0) if b == n else (-1.0, -far)
    low, high = optimize.brentq(excess, -1.0, estimate, xtol=1e-13), optimize.brentq(excess, estimate, 1.0, xtol=1e-13)
    return float(low), float(high)


@dataclass(frozen=True)
class CochranQ:
    """Do k networks call the same fraction of galaxies positive? `q` is chi-square with k - 1 degrees of freedom."""

    q: float
    dof: int
    p: float


def cochran_q(positives: Sequence[float], squared_votes: float) -> CochranQ:
    """Cochran's Q (1950, Biometrika 37, 256): equal fractions of two or more networks on the same galaxies.

    Q = (k - 1) (k sum_j C_j^2 - T^2) / (k T - sum_i R_i^2) with C_j the positives of a network, R_i the votes for a
    galaxy, and T all votes: `positives` (k,) are the C_j, `squared_votes` is the sum of the R_i^2. For two networks it
    is McNemar's z^2, and for 0/1 labels Friedman's test with ties is the same. Galaxies on which all networks agree do
    not count. Raises `ValueError` where networks agree on all galaxies.
    """
    k, c = len(positives), np.asarray(positives)
    total = c.sum()
    disagreement = k * total - squared_votes
    if not disagreement > 0:
        raise ValueError("all networks agree on every galaxy: there is nothing to compare")
    q = float((k - 1) * (k * (c @ c) - total**2) / disagreement)
    return CochranQ(q, k - 1, float(stats.chi2.sf(q, k - 1)))


@dataclass(frozen=True)
class DifferenceInDifferences:
    """Difference A - B of the fractions in one part of the sky, minus the same in another.

    `se`, `z` and `p` take A and B to differ as often in both parts; `se_separate` and `p_separate` give each part its
    own scatter (NaN where neither part has any), and test the mean difference only.
    """

    difference: float
    se: float
    z: float
    p: float
    se_separate: float = float("nan")
    p_separate: float = float("nan")


def difference_in_differences(delta_first: ArrayLike, delta_second: ArrayLike) -> DifferenceInDifferences:
    """Does the disagreement of A and B depend on the part of the sky?

    Parameters
    ----------
    delta_first, delta_second
        y^A - y^B (-1, 0 or 1) of the galaxies in each of two parts of the sky. What the galaxies are cancels, as far
        as A and B differ alike for both true classes.

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
        raise ValueError("the two differ by the same everywhere: nothing could depend on position")
    difference = float(first.mean() - second.mean())
    se = scatter * float(np.sqrt(1 / len(first) + 1 / len(second)))
    z = difference / se
    separate = float(np.sqrt(first.var() / len(first) + second.var() / len(second)))
    p_separate = float(2 * stats.norm.sf(abs(difference) / separate)) if separate > 0 else float("nan")
    p = float(2 * stats.norm.sf(abs(z)))
    return DifferenceInDifferences(difference, se, z, p, separate or float("nan"), p_separate)


def _check_counts(b: int, c: int, n: int) -> None:
    if n < 1:
        raise ValueError("no galaxies to compare")
    if min(b, c) < 0 or b + c > n:
        raise ValueError(f"{b} + {c} disagreements cannot be among {n} galaxies")
