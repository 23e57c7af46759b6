"""From scores to labels: a fixed threshold, one that matches a fraction, and a cut that leaves doubtful galaxies out.

A label is positive where the score is larger than the threshold, as in the annotation of a catalog. Scores are compared
in double precision, whatever they are stored in: a threshold halfway between two neighbouring scores of single
precision would be rounded to one of them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.checked_inputs import checked_scores, checked_vectors
from workflow_scripts.statistics.sky.dipole import Dipole, dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums


def prevalence_matched_threshold(validation_scores: ArrayLike, fraction: float) -> tuple[float, float]:
    """The threshold at which a network calls a given fraction of a validation set positive.

    It takes the trivial difference of overall fractions between networks away and keeps patterns on the sky. The
    validation set must be the same for all networks, and drawn from the whole sky.

    Parameters
    ----------
    validation_scores
        (n,) scores in 0 ... 1.
    fraction
        fraction of positive labels in the validation set, in 0 ... 1.

    Returns
    -------
    tuple
        The threshold, and the fraction of the validation set that it calls positive. Galaxies of equal score stay
        together, so not all fractions can be had: the nearest one is chosen, and of two that are equally near the
        smaller. The threshold lies halfway between the scores on its two sides.

    Raises
    ------
    ValueError
        without scores, for a score or fraction outside 0 ... 1 or NaN, or where all scores are equal and the fraction
        is neither 0 nor 1: no threshold could match it.
    """
    scores = checked_scores(validation_scores)
    if not len(scores):
        raise ValueError("there are no validation scores")
    if not 0 <= fraction <= 1:
        raise ValueError(f"a fraction must be between 0 and 1, not {fraction}")
    values, counts = np.unique(scores, return_counts=True)
    if len(values) == 1 and 0 < fraction < 1:
        raise ValueError("all validation scores are equal: no threshold gives the fraction")
    # positives[j]: galaxies above the threshold when the j smallest distinct scores are below it.
    positives = len(scores) - np.concatenate([[0], np.cumsum(counts)])
    distance = np.abs(positives - fraction * len(scores))
    # Rounding of fraction * n must not decide between equally near fractions; the last one is the smallest.
    below = int(np.flatnonzero(distance <= distance.min() + 1e-9 * len(scores))[-1])
    if below == 0:
        threshold = float(np.nextafter(values[0], -np.inf))
    elif below == len(values):
        threshold = float(values[-1])
    else:
        threshold = float(values[below - 1] + (values[below] - values[below - 1]) / 2)
        if threshold >= values[below]:
            threshold = float(values[below - 1])
    return threshold, float(positives[below] / len(scores))


def labels_above(scores: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Which scores (n,) are positive at a threshold: the labels that `prevalence_matched_threshold` counted."""
    return checked_scores(scores) > np.float64(threshold)


@dataclass(frozen=True)
class CutDipoles:
    """What remains at one cut: share of galaxies left out, positive fraction of the annotated ones, and two dipoles.

    `labels` is the dipole of the labels among annotated galaxies, `unannotated` that of being left out among all. A
    dipole is None where it cannot be had: nothing left, one label only, nothing left out.
    """

    cut: float
    unannotated_fraction: float
    fraction: float
    labels: Dipole | None
    unannotated: Dipole | None


def sweep_cuts(scores: ArrayLike, vectors: ArrayLike, cuts: ArrayLike) -> list[CutDipoles]:
    """The dipole of labels, and of the unannotated fraction, at every cut: beta(c).

    Galaxies at unit vectors (n, 3) are annotated where |score - 1/2| (n,) is above the cut, and positive where the
    score is above 1/2. Raises `ValueError` without galaxies, or unless cuts increase, each in 0 <= cut < 1/2.
    """
    scores, cuts = checked_scores(scores), np.asarray(cuts, float)
    if cuts.ndim != 1 or not len(cuts) or not np.all((cuts >= 0) & (cuts < 0.5)) or np.any(np.diff(cuts) <= 0):
        raise ValueError("confidence cuts must increase and lie between 0 and 1/2 (excluded)")
    vectors = checked_vectors(vectors, len(scores))
    if not len(scores):
        raise ValueError("there are no galaxies")
    # Level j holds galaxies that exactly j cuts leave in: a cut's sums are those of the levels from its own on.
    level = np.searchsorted(cuts, np.abs(scores - 0.5), side="left")
    positive = labels_above(scores, 0.5).astype(float)

    def binned(values: NDArray) -> NDArray[np.float64]:
        return np.asarray(np.bincount(level, weights=values, minlength=len(cuts) + 1), float)

    galaxies, positives = binned(np.ones(len(scores))), binned(positive)
    first = np.column_stack([binned(component) for component in vectors.T])
    second = np.moveaxis(np.array([[binned(a * b) for a in vectors.T] for b in vectors.T]), -1, 0)
    positive_first = np.column_stack([binned(component * positive) for component in vectors.T])
    total = PositionSums(len(scores), first.sum(axis=0), second.sum(axis=0))
    rows = []
    for j, cut in enumerate(cuts.tolist(), start=1):
        kept = PositionSums(round(galaxies[j:].sum()), first[j:].sum(axis=0), second[j:].sum(axis=0))
        called, out = float(positives[j:].sum()), float(total.n - kept.n)
        # The square of 0 or 1 is itself.
        labels = _dipole_or_none(kept, ValueSums(called, called, positive_first[j:].sum(axis=0)))
        unannotated = _dipole_or_none(total, ValueSums(out, out, total.first - kept.first))
        fraction = called / kept.n if kept.n else float("nan")
        rows.append(CutDipoles(cut, 1 - kept.n / total.n, fraction, labels, unannotated))
    return rows


def _dipole_or_none(positions: PositionSums, values: ValueSums) -> Dipole | None:
    try:
        return dipole(positions, values)
    except ValueError:
        return None
