"""From scores to labels: a fixed threshold, one that matches a fraction, and a cut that leaves doubtful galaxies out.

A label is positive where the score is larger than the threshold, as in the annotation of a catalog.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.checked_inputs import checked_scores, checked_vectors
from workflow_scripts.statistics.sky.dipole import Dipole, dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums


@dataclass(frozen=True)
class MatchedThreshold:
    """A threshold, and the fraction of the validation set, `n` galaxies, that it calls positive.

    `tied` is the larger number of galaxies that share the score next above or below the threshold, 0 where none do;
    only where some do can `achieved` differ from the fraction wanted by more than half a galaxy.
    """

    threshold: float
    achieved: float
    n: int
    tied: int


def prevalence_matched_threshold(validation_scores: ArrayLike, fraction: float) -> MatchedThreshold:
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
    MatchedThreshold
        Galaxies of equal score stay together, so not all fractions can be had: the nearest one is chosen, and of two
        that are equally near the smaller. The threshold lies halfway between the scores on its two sides.

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
    next_to = [counts[j] for j in (below - 1, below) if 0 <= j < len(counts)]
    tied = int(max(next_to)) if max(next_to) > 1 else 0
    return MatchedThreshold(threshold, float(positives[below] / len(scores)), len(scores), tied)


@dataclass(frozen=True)
class CutSums:
    """Sums by confidence, from which the dipole at every cut follows; they add up over disjoint sets of galaxies.

    Level j holds galaxies whose |score - 1/2| is larger than exactly j of the `cuts`; arrays have one more level than
    there are cuts. `galaxies` (l,), `first` = sum n (l, 3), `second` = sum n n^T (l, 3, 3), `positives` (l,) and
    `positive_first` (l, 3) the same of galaxies with a score above 1/2.
    """

    cuts: tuple[float, ...]
    galaxies: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    positives: NDArray[np.float64]
    positive_first: NDArray[np.float64]

    @classmethod
    def of(cls, scores: ArrayLike, vectors: ArrayLike, cuts: ArrayLike) -> "CutSums":
        """Sums of scores (n,) at unit vectors (n, 3); `ValueError` unless cuts increase, each in 0 <= cut < 1/2."""
        scores, cuts = checked_scores(scores), np.asarray(cuts, float)
        _check_cuts(cuts)
        vectors = checked_vectors(vectors, len(scores))
        level = np.searchsorted(cuts, np.abs(scores - 0.5), side="left")
        levels = len(cuts) + 1
        positive = (scores > 0.5).astype(float)

        def binned(values: NDArray) -> NDArray[np.float64]:
            return np.asarray(np.bincount(level, weights=values, minlength=levels), float)

        second = np.array([[binned(a * b) for a in vectors.T] for b in vectors.T])
        return cls(
            tuple(cuts.tolist()),
            binned(np.ones(len(scores))),
            np.column_stack([binned(component) for component in vectors.T]),
            np.moveaxis(second, -1, 0),
            binned(positive),
            np.column_stack([binned(component * positive) for component in vectors.T]),
        )

    def __add__(self, other: "CutSums") -> "CutSums":
        if self.cuts != other.cuts:
            raise ValueError("sums for different cuts cannot be added")
        return CutSums(
            self.cuts,
            self.galaxies + other.galaxies,
            self.first + other.first,
            self.second + other.second,
            self.positives + other.positives,
            self.positive_first + other.positive_first,
        )


@dataclass(frozen=True)
class CutDipoles:
    """What remains at one cut: annotated galaxies, their positive fraction, and two dipoles.

    `labels` is the dipole of the labels among annotated galaxies, `unannotated` that of being left out among all. A
    dipole is None where it cannot be had; `notes` state why.
    """

    cut: float
    n: int
    annotated: int
    fraction: float
    labels: Dipole | None
    unannotated: Dipole | None
    notes: tuple[str, ...]

    @property
    def unannotated_fraction(self) -> float:
        """Share of the galaxies that the cut leaves out."""
        return 1 - self.annotated / self.n


def sweep_cuts(sums: CutSums) -> list[CutDipoles]:
    """The dipole of labels, and of the unannotated fraction, at every cut: beta(c).

    Raises `ValueError` without galaxies. A cut at which a dipole cannot be had (nothing left, one label only, nothing
    left out) is kept, with a note.
    """
    total = PositionSums(round(sums.galaxies.sum()), sums.first.sum(axis=0), sums.second.sum(axis=0))
    if total.n < 1:
        raise ValueError("there are no galaxies")
    rows = []
    for j, cut in enumerate(sums.cuts, start=1):
        kept = PositionSums(round(sums.galaxies[j:].sum()), sums.first[j:].sum(axis=0), sums.second[j:].sum(axis=0))
        positives = float(sums.positives[j:].sum())
        out = float(total.n - kept.n)
        notes: list[str] = []
        # The square of 0 or 1 is itself.
        labels = ValueSums(positives, positives, sums.positive_first[j:].sum(axis=0))
        found = _dipole_or_note(kept, labels, "labels", notes)
        left_out = _dipole_or_note(total, ValueSums(out, out, total.first - kept.first), "unannotated", notes)
        fraction = positives / kept.n if kept.n else float("nan")
        rows.append(CutDipoles(cut, total.n, kept.n, fraction, found, left_out, tuple(notes)))
    return rows


def _check_cuts(cuts: NDArray[np.float64]) -> None:
    if cuts.ndim != 1 or not len(cuts) or not np.all((cuts >= 0) & (cuts < 0.5)) or np.any(np.diff(cuts) <= 0):
        raise ValueError("confidence cuts must increase and lie between 0 and 1/2 (excluded)")


def _dipole_or_note(positions: PositionSums, values: ValueSums, name: str, notes: list[str]) -> Dipole | None:
    try:
        return dipole(positions, values)
    except ValueError as reason:
        notes.append(f"{name}: {reason}")
        return None
