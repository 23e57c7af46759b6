"""How well a score tells galaxies of one region from those of another: the area under the ROC curve, within classes.

0.5 is what a score without any information gives. The error comes from the influence of each galaxy, which adds up over
blocks of sky, over networks and over differences between them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

NO_INFORMATION = 0.5


class PlaceAuc(NamedTuple):
    """`value`, and the `influence` (n,) of each galaxy on it; the sum of its squares is the variance."""

    value: float
    influence: NDArray[np.float64]


def place_auc(scores: ArrayLike, first: ArrayLike, classes: ArrayLike) -> PlaceAuc:
    """P(a galaxy of the first region has the higher score than one of the second) for galaxies of one class, averaged.

    Ties count one half (Mann & Whitney 1947). The classes have equal weights, so that a score which follows the class,
    of which one region may have more, tells nothing. The influence of a galaxy is the share of the other region's
    galaxies that it beats, less its mean (placement values: DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44, 837);
    for clusters the influences are added up before they are squared (Obuchowski 1997, Biometrics 53, 567).

    Parameters
    ----------
    scores, first, classes
        (n,) each: numbers, whether the galaxy lies in the first region, and its class.

    Raises
    ------
    ValueError
        for scores that are not finite, arrays of different lengths, or no class with two galaxies in each region.
    """
    scores, first, classes = np.asarray(scores, float), np.asarray(first, bool), np.asarray(classes)
    if scores.ndim != 1 or not scores.shape == first.shape == classes.shape:
        raise ValueError("scores, regions and classes must be one a galaxy each")
    if not np.isfinite(scores).all():
        raise ValueError("a score is missing or infinite")
    found = [_of_class(scores, first, classes == kind) for kind in np.unique(classes)]
    known = [one for one in found if one is not None]
    if not known:
        raise ValueError("no class has two held-out galaxies in each of the two regions")
    influence = np.mean([one.influence for one in known], axis=0)
    return PlaceAuc(float(np.mean([one.value for one in known])), influence)


def _of_class(scores: NDArray, first: NDArray, members: NDArray) -> PlaceAuc | None:
    here, there = np.flatnonzero(members & first), np.flatnonzero(members & ~first)
    if min(len(here), len(there)) < 2:
        return None
    influence = np.zeros(len(scores))
    above = _share_below(scores[here], scores[there])
    value = float(above.mean())
    influence[here] = (above - value) / len(here)
    influence[there] = (1 - _share_below(scores[there], scores[here]) - value) / len(there)
    return PlaceAuc(value, influence)


def _share_below(scores: NDArray, others: NDArray) -> NDArray[np.float64]:
    """Share of `others` (m,) below each of `scores` (n,); of equal ones one half counts."""
    ordered = np.sort(others)
    both = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    return both / (2 * len(others))


def r2_of_auc(auc: float) -> float:
    """R^2 of the position (three components, whole sky) of a weak score by which hemispheres have an AUC.

    Of a score that follows z with correlation rho, beside normal noise, hemispheres about z differ by sqrt(3) rho
    standard deviations, so that AUC = 1/2 + rho sqrt(3) / (2 sqrt(pi)) to first order, and z is a third of the
    variance of positions: R^2 = rho^2 / 3 = 4 pi (AUC - 1/2)^2 / 9.
    """
    return float(4 * np.pi * (auc - NO_INFORMATION) ** 2 / 9)
