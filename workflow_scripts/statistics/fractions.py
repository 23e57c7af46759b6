"""Fractions with binomial errors, and their differences."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


def wilson_interval(k: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[NDArray, NDArray]:
    """Wilson score interval (two-sided) of k successes in n trials (Wilson 1927, JASA 22, 209); NaN where n is 0.

    Raises `ValueError` where k is negative or larger than n.
    """
    k, n = np.asarray(k, float), np.asarray(n, float)
    if np.any(k < 0) or np.any(k > n):
        raise ValueError("successes must be between 0 and the number of trials")
    z = float(stats.norm.ppf((1 + level) / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (k + z**2 / 2) / (n + z**2)
        half = z / (n + z**2) * np.sqrt(k * (n - k) / n + z**2 / 4)
    return np.where(n > 0, centre - half, np.nan), np.where(n > 0, centre + half, np.nan)


@dataclass(frozen=True)
class FractionContrast:
    """Difference of two fractions of different galaxies."""

    difference: float
    se: float
    ci95: tuple[float, float]
    z: float
    p: float


def fraction_contrast(k1: float, n1: float, k2: float, n2: float) -> FractionContrast:
    """k1/n1 - k2/n2: pooled z test, and Newcombe's interval (1998, Stat. Med. 17, 873, method 10).

    Raises `ValueError` where a group is empty or all galaxies have one label.
    """
    if n1 < 1 or n2 < 1:
        raise ValueError("one of the two parts has no galaxies")
    f1, f2, pooled = k1 / n1, k2 / n2, (k1 + k2) / (n1 + n2)
    if pooled in (0.0, 1.0):
        raise ValueError("all galaxies have the same label: there is nothing to compare")
    se_null = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    (l1, l2), (u1, u2) = wilson_interval([k1, k2], [n1, n2])
    low = f1 - f2 - np.hypot(f1 - l1, u2 - f2)
    high = f1 - f2 + np.hypot(u1 - f1, f2 - l2)
    z = (f1 - f2) / se_null
    se = np.sqrt(f1 * (1 - f1) / n1 + f2 * (1 - f2) / n2)
    return FractionContrast(f1 - f2, float(se), (float(low), float(high)), float(z), float(2 * stats.norm.sf(abs(z))))


def homogeneity(k: ArrayLike, n: ArrayLike) -> tuple[float, int, float]:
    """Chi-square of equal fractions in groups (R x 2 table): statistic, degrees of freedom, p.

    Empty groups are left out; raises `ValueError` where fewer than two are left or all galaxies have one label.
    """
    k, n = np.asarray(k, float), np.asarray(n, float)
    k, n = k[n > 0], n[n > 0]
    fraction = k.sum() / n.sum() if n.sum() else np.nan
    if len(n) < 2 or not 0 < fraction < 1:
        raise ValueError("homogeneity needs two groups with galaxies and both labels")
    chi2 = float(((k - n * fraction) ** 2 / (n * fraction * (1 - fraction))).sum())
    return chi2, len(n) - 1, float(stats.chi2.sf(chi2, len(n) - 1))


def guessing_p(labels: ArrayLike, classes: ArrayLike) -> float:
    """P, one-sided, that guessing among K classes reaches the balanced accuracy of `labels` (n,) about `classes` (n,).

    The right answers of each class are binomial with 1/K, and the mean over classes is taken as normal. Labels that do
    not depend on the class, in whatever mix, have the same mean and, for two classes, scatter no more: a network that
    nearly always gives one label needs as much as any other to differ from a constant answer.

    Raises `ValueError` without two classes, or a label for each galaxy.
    """
    labels, classes = np.asarray(labels), np.asarray(classes)
    kinds, n = np.unique(classes, return_counts=True)
    if len(kinds) < 2 or labels.shape != classes.shape:
        raise ValueError("labels are compared with two classes or more, a label for each galaxy")
    guessed = 1 / len(kinds)
    balanced = np.mean([np.mean(labels[classes == kind] == kind) for kind in kinds])
    se = np.sqrt((guessed * (1 - guessed) / n).sum()) / len(kinds)
    return float(stats.norm.sf((balanced - guessed) / se))
