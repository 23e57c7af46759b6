"""How well a network tells the classes apart, in measures that the fraction of each class does not enter."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.checked_inputs import checked_regions
from workflow_scripts.statistics.truth.error_decomposition import ErrorCounts

_Z95 = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class BalancedAccuracy:
    """Mean of the true-positive and the true-negative rate, its standard error and normal interval."""

    value: float
    se: float
    ci95: tuple[float, float]


def balanced_accuracy(counts: ErrorCounts) -> BalancedAccuracy:
    """(T + 1 - F)/2 with the binomial standard error of two independent rates.

    Raises `ValueError` without galaxies of one of the true classes. Where a rate is 0 or 1 its standard error is 0,
    and the interval too short: look at the counts.
    """
    _, t, f = counts.rates()
    _, variance_t, variance_f = counts.rate_variances()
    value, se = float((t + 1 - f) / 2), float(np.sqrt(variance_t + variance_f) / 2)
    return BalancedAccuracy(value, se, (value - _Z95 * se, value + _Z95 * se))


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve: P(score of a positive > that of a negative), ties counting half.

    `separated` is True where no positive scores below or level with a negative (AUC 1) or none above (AUC 0): the
    standard error is then 0 and means nothing.
    """

    value: float
    se: float
    ci95: tuple[float, float]
    positives: int
    negatives: int
    separated: bool


def auc(scores: ArrayLike, truth: ArrayLike) -> Auc:
    """AUC with the standard error of DeLong, DeLong & Clarke-Pearson (1988, Biometrics 44, 837).

    Placement values come from midranks (Sun & Xu 2014, IEEE Signal Process. Lett. 21, 1389), so the cost is that of
    sorting. `scores` (n,) may be any finite numbers, `truth` (n,) 0/1. Raises `ValueError` for other values, or fewer
    than two galaxies of one of the classes.
    """
    s, t = _checked(np.asarray(scores, float)[None], truth)
    of_positives, of_negatives = _placements(s[0], t)
    value = float(of_positives.mean())
    variance = of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives)
    se = float(np.sqrt(variance))
    interval = (value - _Z95 * se, value + _Z95 * se)
    return Auc(value, se, interval, len(of_positives), len(of_negatives), value in (0.0, 1.0))


@dataclass(frozen=True)
class AucDifference:
    """AUC of A minus that of B on the same galaxies."""

    difference: float
    se: float
    ci95: tuple[float, float]
    z: float
    p: float


def auc_difference(scores_a: ArrayLike, scores_b: ArrayLike, truth: ArrayLike) -> AucDifference:
    """Paired comparison of two networks on the same galaxies (DeLong, DeLong & Clarke-Pearson 1988).

    Arguments as for `auc`. Raises `ValueError` as `auc`, and where both networks rank all galaxies alike.
    """
    s, t = _checked(np.stack([np.asarray(scores_a, float), np.asarray(scores_b, float)]), truth)
    of_a, of_b = _placements(s[0], t), _placements(s[1], t)
    positives, negatives = of_a[0] - of_b[0], of_a[1] - of_b[1]
    variance = positives.var(ddof=1) / len(positives) + negatives.var(ddof=1) / len(negatives)
    if not variance > 1e-30:
        raise ValueError("both networks rank positives against negatives alike: there is no difference to test")
    difference, se = float(positives.mean()), float(np.sqrt(variance))
    z = difference / se
    interval = (difference - _Z95 * se, difference + _Z95 * se)
    return AucDifference(difference, se, interval, z, float(2 * stats.norm.sf(abs(z))))


def auc_by_region(scores: ArrayLike, truth: ArrayLike, regions: ArrayLike, n_regions: int) -> list[Auc | None]:
    """AUC of each region 0 ... n_regions - 1; None where a region has fewer than two galaxies of one of the classes.

    Raises `ValueError` as `auc`, and for region numbers out of range.
    """
    s, t = np.asarray(scores, float), np.asarray(truth, float)
    if s.shape != t.shape:
        raise ValueError("scores and reference labels must be of the same galaxies")
    region = checked_regions(regions, len(s), n_regions)
    order = np.argsort(region, kind="stable")
    edges = np.searchsorted(region[order], np.arange(n_regions + 1))
    found: list[Auc | None] = []
    for first, last in pairwise(edges):
        rows = order[first:last]
        enough = min(int((t[rows] == 1).sum()), int((t[rows] == 0).sum())) >= 2
        found.append(auc(s[rows], t[rows]) if enough else None)
    return found


def _placements(scores: NDArray, truth: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of negatives below each positive, and of positives above each negative, ties counting half."""
    positive, negative = scores[truth == 1], scores[truth == 0]
    ranks = stats.rankdata(np.concatenate([positive, negative]))
    m, n = len(positive), len(negative)
    of_positives = (ranks[:m] - stats.rankdata(positive)) / n
    of_negatives = 1 - (ranks[m:] - stats.rankdata(negative)) / m
    return of_positives, of_negatives


def _checked(scores: NDArray, truth: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    t = np.asarray(truth, float)
    if t.ndim != 1 or scores.shape[1:] != t.shape:
        raise ValueError("scores and reference labels must be of the same galaxies")
    if not np.isfinite(scores).all():
        raise ValueError("a score is missing or infinite")
    if not np.isin(t, (0.0, 1.0)).all():
        raise ValueError("reference labels must be 0 or 1, and none may be missing")
    if min(int((t == 1).sum()), int((t == 0).sum())) < 2:
        raise ValueError("an AUC needs two or more galaxies of each class")
    return scores, t
