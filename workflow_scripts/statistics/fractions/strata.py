"""Two groups of galaxies with different mixes of magnitude, size or redshift, compared within strata of equal kind."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

_Z95 = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class StandardisedFraction:
    """Fraction that a group would have with the reference mix of strata."""

    fraction: float
    se: float
    ci95: tuple[float, float]


@dataclass(frozen=True)
class StandardisedContrast:
    """Difference of two standardised fractions, of the strata in which both groups have two galaxies or more.

    `strata` is their number, and `left_out` the number of galaxies in other strata, which nothing can be said about.
    """

    first: float
    second: float
    difference: float
    se: float
    ci95: tuple[float, float]
    z: float
    p: float
    strata: int
    left_out: int


@dataclass(frozen=True)
class MantelHaenszel:
    """Common odds ratio and common difference of fractions of two groups, and the test that neither differs from none.

    `odds_ratio` and its interval are NaN where it would be 0 or infinite, and so is the error of the difference where
    each group has one label only. `strata` and `left_out` are the strata that inform the test, and the number of
    galaxies outside of them.
    """

    chi2: float
    p: float
    odds_ratio: float
    odds_ratio_ci95: tuple[float, float]
    risk_difference: float
    risk_difference_se: float
    risk_difference_ci95: tuple[float, float]
    strata: int
    left_out: int


def standardised_fraction(k: ArrayLike, n: ArrayLike, weights: ArrayLike) -> StandardisedFraction:
    """Direct standardisation: f = sum w_j k_j / n_j with weights of the strata that are made to add up to 1.

    Var f = sum w_j^2 f_j (1 - f_j)/(n_j - 1), which is unbiased: with n_j below, strata of few galaxies would seem too
    certain.

    Parameters
    ----------
    k, n
        (strata,) positive labels and galaxies.
    weights
        (strata,) the reference mix, at least zero; strata without weight are not looked at.

    Raises
    ------
    ValueError
        where k is not between 0 and n, weights are negative, missing or all zero, a stratum with weight has fewer than
        two galaxies, or none has galaxies of both labels.
    """
    k, n = _checked(k, n)
    weights = np.asarray(weights, float)
    if weights.shape != n.shape or not np.all(np.isfinite(weights) & (weights >= 0)) or not weights.sum() > 0:
        raise ValueError("there must be a weight for each stratum, none negative and one at least positive")
    k, n, share = k[weights > 0], n[weights > 0], weights[weights > 0] / weights.sum()
    if n.min() < 2:
        raise ValueError("a stratum with weight has fewer than two galaxies")
    fractions = k / n
    fraction = float(share @ fractions)
    se = float(np.sqrt(share**2 @ (fractions * (1 - fractions) / (n - 1))))
    if not se > 0:
        raise ValueError("no stratum has galaxies of both labels: the fraction has no error to estimate")
    return StandardisedFraction(fraction, se, (fraction - _Z95 * se, fraction + _Z95 * se))


def standardised_contrast(
    k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike, weights: ArrayLike | None = None
) -> StandardisedContrast:
    """Difference of the standardised fractions of two groups.

    The z test has the variance of equal fractions within each stratum, given its labels: sum w_j^2 f_j (1 - f_j)
    n_j/(n_j - 1) (1/n1_j + 1/n2_j) with f_j and n_j of both groups; the standard error and the interval are without
    that assumption, as in `standardised_fraction`.

    Parameters
    ----------
    k1, n1, k2, n2
        (strata,) positive labels and galaxies of the two groups.
    weights
        (strata,) the reference mix; by default that of both groups together. Strata where a group has fewer than two
        galaxies are left out.

    Raises
    ------
    ValueError
        where k is not between 0 and n, no stratum is left, weights are bad, or no stratum of a group has both labels.
    """
    table = _two_groups(k1, n1, k2, n2)
    galaxies = table[1] + table[3]
    reference = galaxies if weights is None else np.asarray(weights, float)
    if reference.shape != galaxies.shape:
        raise ValueError("there must be a weight for each stratum, none negative and one at least positive")
    both = (table[1] > 1) & (table[3] > 1) & (reference != 0)
    if not both.any():
        raise ValueError("in no stratum with weight have both groups two galaxies")
    positive1, total1, positive2, total2 = table[:, both]
    w = reference[both]
    first, second = standardised_fraction(positive1, total1, w), standardised_fraction(positive2, total2, w)
    n = total1 + total2
    pooled = (positive1 + positive2) / n
    null_variance = (w / w.sum()) ** 2 @ (pooled * (1 - pooled) * n / (n - 1) * (1 / total1 + 1 / total2))
    difference, se = first.fraction - second.fraction, float(np.hypot(first.se, second.se))
    z = float(difference / np.sqrt(null_variance))
    return StandardisedContrast(
        first.fraction,
        second.fraction,
        difference,
        se,
        (difference - _Z95 * se, difference + _Z95 * se),
        z,
        float(2 * stats.norm.sf(abs(z))),
        int(both.sum()),
        int(galaxies[~both].sum()),
    )


def mantel_haenszel(
    k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike, continuity: bool = False
) -> MantelHaenszel:
    """Mantel-Haenszel test of equal fractions in two groups within strata (1959, J. Natl. Cancer Inst. 22, 719).

    chi2 = (sum k1_j - E_j)^2 / sum V_j with one degree of freedom; given the labels of a stratum, E = n1 k/n and
    V = n1 n2 k (n - k)/(n^2 (n - 1)). Right for few large strata and for many small ones. Common odds ratio
    sum (k1 (n2 - k2)/n) / sum (k2 (n1 - k1)/n), its interval from the variance of its logarithm of Robins, Breslow &
    Greenland (1986, Biometrics 42, 311); common difference of fractions with weights n1 n2/n and the variance of Sato
    (1989, Biometrics 45, 1323).

    Parameters
    ----------
    k1, n1, k2, n2
        (strata,) positive labels and galaxies of the two groups; strata with one label or one group only are left out.
    continuity
        subtract 1/2 from |sum k1_j - E_j|, as many programs do.

    Raises
    ------
    ValueError
        where k is not between 0 and n, or no stratum has both groups and both labels.
    """
    table = _two_groups(k1, n1, k2, n2)
    positive, galaxies = table[0] + table[2], table[1] + table[3]
    # Strata of one label say nothing about the odds, but that the difference of fractions is nil there.
    paired = (table[1] > 0) & (table[3] > 0)
    informative = paired & (positive > 0) & (positive < galaxies)
    if not informative.any():
        raise ValueError("no stratum has galaxies of both groups and both labels")
    difference, difference_se = _common_difference(*table[:, paired])
    odds_ratio, log_se = _common_odds_ratio(*table[:, informative])
    first, total1, _, total2 = table[:, informative]
    n, k = galaxies[informative], positive[informative]
    excess = abs(float((first - total1 * k / n).sum()))
    if continuity:
        excess = max(0.0, excess - 0.5)
    chi2 = excess**2 / float((total1 * total2 * k * (n - k) / (n**2 * (n - 1))).sum())
    return MantelHaenszel(
        chi2,
        float(stats.chi2.sf(chi2, 1)),
        odds_ratio,
        (odds_ratio * float(np.exp(-_Z95 * log_se)), odds_ratio * float(np.exp(_Z95 * log_se))),
        difference,
        difference_se,
        (difference - _Z95 * difference_se, difference + _Z95 * difference_se),
        int(informative.sum()),
        int(galaxies[~informative].sum()),
    )


def _common_odds_ratio(k1: NDArray, n1: NDArray, k2: NDArray, n2: NDArray) -> tuple[float, float]:
    """Mantel-Haenszel odds ratio and the standard error of its logarithm; NaN where it is 0 or infinite."""
    n = n1 + n2
    concordant, discordant = k1 * (n2 - k2) / n, k2 * (n1 - k1) / n
    r, s = concordant.sum(), discordant.sum()
    if not (r > 0 and s > 0):
        return float("nan"), float("nan")
    p = (k1 + n2 - k2) / n
    variance = p @ concordant / (2 * r**2) + (1 - p) @ discordant / (2 * s**2)
    variance += (p @ discordant + (1 - p) @ concordant) / (2 * r * s)
    return float(r / s), float(np.sqrt(variance))


def _common_difference(k1: NDArray, n1: NDArray, k2: NDArray, n2: NDArray) -> tuple[float, float]:
    """Mantel-Haenszel difference of fractions and its standard error; NaN where the groups' labels do not vary."""
    n = n1 + n2
    weights = n1 * n2 / n
    difference = float(((k1 * n2 - k2 * n1) / n).sum() / weights.sum())
    p = (n1**2 * k2 - n2**2 * k1 + n1 * n2 * (n2 - n1) / 2) / n**2
    q = (k1 * (n2 - k2) + k2 * (n1 - k1)) / (2 * n)
    variance = float(difference * p.sum() + q.sum()) / float(weights.sum()) ** 2
    return difference, float(np.sqrt(variance)) if variance > 1e-15 else float("nan")


def _two_groups(k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike) -> NDArray[np.float64]:
    """Rows k1, n1, k2, n2 of a table with a column for each stratum."""
    first, second = _checked(k1, n1), _checked(k2, n2)
    if first[0].shape != second[0].shape:
        raise ValueError("the groups have different strata")
    return np.array([*first, *second])


def _checked(k: ArrayLike, n: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts as numbers; `ValueError` where they cannot be counts."""
    k, n = np.asarray(k, float), np.asarray(n, float)
    if k.ndim != 1 or k.shape != n.shape or not k.size:
        raise ValueError("labels and galaxies must be given for the same strata, one or more")
    if not np.all((k >= 0) & (k <= n) & np.isfinite(n)):
        raise ValueError("positive labels must be between 0 and the number of galaxies of the stratum")
    return k, n
