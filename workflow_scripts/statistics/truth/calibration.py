"""Do scores mean what they say, everywhere on the sky? The dipole of truth minus score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from workflow_scripts.statistics.checked_inputs import checked_scores_and_truth
from workflow_scripts.statistics.sky.robust_dipole import RobustDipole, ScatterSums, robust_dipole


@dataclass(frozen=True)
class ResidualSums:
    """Sums over labelled galaxies of r = t - s, and of s (1 - s), the variance of r if s is a true probability."""

    residuals: ScatterSums
    expected_squares: float

    @classmethod
    def of(cls, scores: ArrayLike, truth: ArrayLike, vectors: ArrayLike) -> "ResidualSums":
        """Sums of scores (n,) and reference labels 0/1 (n,) at unit vectors (n, 3); `ValueError` for other values."""
        s, t = checked_scores_and_truth(scores, truth)
        return cls(ScatterSums.of(t - s, vectors), float((s * (1 - s)).sum()))

    def __add__(self, other: "ResidualSums") -> "ResidualSums":
        return ResidualSums(self.residuals + other.residuals, self.expected_squares + other.expected_squares)


@dataclass(frozen=True)
class CalibrationDipole:
    """The dipole of r = t - s, and its mean.

    `residuals.p` allows for more doubtful galaxies in some places than in others; `residuals.dipole.p` does not, and
    may reject too often. `mean_z` is the sum of r in units of its error if all scores were true probabilities (NaN
    where all scores are 0 or 1), with its two-sided `mean_p`.
    """

    residuals: RobustDipole
    mean_z: float
    mean_p: float


def calibration_dipole(sums: ResidualSums) -> CalibrationDipole:
    """Does truth minus score depend on position?

    It does not where scores are calibrated everywhere, whatever the dipole of the truth. `mean_z` = sum r /
    sqrt(sum s (1 - s)). Raises `ValueError` as `robust_dipole`.
    """
    found = robust_dipole(sums.residuals)
    total = sums.residuals.values.total
    z = total / np.sqrt(sums.expected_squares) if sums.expected_squares > 0 else float("nan")
    return CalibrationDipole(found, float(z), float(2 * stats.norm.sf(abs(z))))
