"""One run's labels under other thresholds: one that matches the label fraction, and cuts that leave doubtful ones out.

Galaxies are the unit: the numbers hold for the given network.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.bias.annotations import Annotations
from workflow_scripts.bias.run_columns import components, dipole_keys
from workflow_scripts.statistics.sky.dipole import Dipole, dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums
from workflow_scripts.statistics.truth.thresholds import CutSums, prevalence_matched_threshold, sweep_cuts


@dataclass(frozen=True)
class Thresholds:
    """What the thresholds of all runs share.

    `known` are the rows with a reference label, or all where none has one; `against` what labels are compared with
    there, `target` the fraction that every run's threshold is made to give.
    """

    known: NDArray[np.int64] | slice
    against: NDArray[np.float64]
    vectors: NDArray[np.float64]
    all_vectors: NDArray[np.float64]
    positions: PositionSums
    cuts: tuple[float, ...]

    @classmethod
    def of(cls, annotations: Annotations, cuts: list[float]) -> "Thresholds":
        """For the galaxies of these annotations; without reference labels the mean over runs stands in for them."""
        labelled = np.isfinite(annotations.reference)
        known = np.flatnonzero(labelled) if labelled.any() and not labelled.all() else slice(None)
        against = (annotations.reference if labelled.any() else annotations.positive_share())[known]
        vectors = annotations.vectors[known]
        return cls(known, against, vectors, annotations.vectors, PositionSums.of(vectors), tuple(sorted(cuts)))

    def matched(self, scores: NDArray[np.float32]) -> dict[str, float]:
        """Labels at the threshold that gives the reference's fraction: what differs between runs is only the pattern.

        `matched_dipole_*` is of prediction minus reference, as `dipole_*` of a `run_table`.
        """
        chosen = scores[self.known]
        found = prevalence_matched_threshold(chosen, float(self.against.mean()))
        values = (chosen > found.threshold) - self.against
        columns = {"matched_threshold": found.threshold, "matched_fraction": found.achieved}
        if not values.any():
            # Never wrong at this threshold: nothing varies over the sky, and nothing scatters.
            return columns | dipole_keys("matched_dipole", np.zeros(3), np.zeros((3, 3)), 1.0)
        return columns | _keys("matched_dipole", dipole(self.positions, ValueSums.of(values, self.vectors)))

    def swept(self, scores: NDArray[np.float32]) -> list[dict[str, Any]]:
        """A row a cut: annotated share, fraction, and the dipoles of labels and of being left out."""
        rows = []
        for found in sweep_cuts(CutSums.of(scores, self.all_vectors, self.cuts)):
            row: dict[str, Any] = {"cut": found.cut, "unannotated_fraction": found.unannotated_fraction}
            row["confident_fraction"] = found.fraction
            for name, one in (("confident_dipole", found.labels), ("unannotated_dipole", found.unannotated)):
                row |= _keys(name, one)
            rows.append(row)
        return rows

    def unannotated(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Galaxies (n,) that the largest cut leaves out."""
        return np.abs(scores.astype(float) - 0.5) <= self.cuts[-1]


def _keys(name: str, found: Dipole | None) -> dict[str, float]:
    if found is None:
        return dict.fromkeys(components(name), float("nan"))
    return dipole_keys(name, found.beta, found.covariance, found.p)
