"""One run against the reference labels: where it errs, whether its scores mean what they say, and fractions put right.

Galaxies are the unit: the numbers hold for the given network. Reference labels may depend on the imaging themselves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.bias.annotations import Annotations
from workflow_scripts.bias.run_columns import dipole_keys
from workflow_scripts.statistics.truth.error_dipoles import ErrorSums, decompose_dipole
from workflow_scripts.statistics.truth.prediction_powered import prediction_powered_dipole, prediction_powered_mean
from workflow_scripts.statistics.truth.score_calibration import (
    ResidualSums,
    ScoreCells,
    calibration_dipole,
    calibration_error,
)

CALIBRATION_DRAWINGS = 999


@dataclass(frozen=True)
class ReferenceChecks:
    """What the checks of all runs share: rows with a reference label, the labels and vectors of these, and a seed.

    `some` is whether other galaxies have none: then, and only then, labels can correct the scores of all.
    """

    known: NDArray[np.int64] | slice
    truth: NDArray[np.float64]
    vectors: NDArray[np.float64]
    annotations: Annotations
    some: bool
    seed: int

    @classmethod
    def of(cls, annotations: Annotations, seed: int) -> "ReferenceChecks | None":
        """For the galaxies of these annotations; None where none has a reference label."""
        labelled = np.isfinite(annotations.reference)
        if not labelled.any():
            return None
        known = slice(None) if labelled.all() else np.flatnonzero(labelled)
        truth, vectors = annotations.reference[known], annotations.vectors[known]
        return cls(known, truth, vectors, annotations, not labelled.all(), seed)

    def errors(self, labels: NDArray[np.int8]) -> dict[str, float]:
        """The dipole of the labels as a sum: the galaxies' own, missed positives, false alarms."""
        found = decompose_dipole(ErrorSums.of(labels[self.known], self.truth, self.vectors))
        columns = {"true_positive_rate": found.true_positive_rate, "false_positive_rate": found.false_positive_rate}
        for name, term in (
            ("truth_dipole", found.truth),
            ("sensitivity_dipole", found.sensitivity),
            ("false_alarm_dipole", found.false_alarms),
        ):
            columns |= dipole_keys(name, term.beta, term.covariance, term.p)
        # The galaxies' own dipole has one p, the same for all runs: it says nothing of a network.
        del columns["truth_dipole_p"]
        return columns

    def calibration(self, scores: NDArray[np.float32]) -> dict[str, float]:
        """Mean, dipole and expected error of reference minus score."""
        s = scores[self.known].astype(float)
        cells = calibration_error(ScoreCells.of(s, self.truth), CALIBRATION_DRAWINGS, self.seed)
        columns = {"calibration_error": float(cells.debiased[0]), "calibration_error_p": float(cells.p[0])}
        columns |= {"calibration_error_plain": float(cells.ece[0])}
        columns["calibration_error_if_calibrated"] = float(cells.ece_if_calibrated[0])
        found = calibration_dipole(ResidualSums.of(s, self.truth, self.vectors))
        columns |= {"calibration_mean": found.residuals.dipole.mean, "calibration_mean_p": found.mean_p}
        residuals = found.residuals
        return columns | dipole_keys("calibration_dipole", residuals.dipole.beta, residuals.covariance, residuals.p)

    def prediction_powered(self, scores: NDArray[np.float32]) -> dict[str, float]:
        """Fraction and dipole of the true labels of all galaxies, if the labelled ones are a random part of them."""
        if not self.some:
            return {}
        labelled = np.isfinite(self.annotations.reference)
        given = scores.astype(float), self.annotations.reference, labelled
        mean = prediction_powered_mean(*given)
        columns = {"powered_fraction": mean.estimate, "powered_fraction_se": mean.se}
        found = prediction_powered_dipole(*given, self.annotations.vectors)
        return columns | dipole_keys("powered_dipole", found.beta, found.covariance, found.p)
