"""What one test said of one mock sky: its p, whether its interval holds the truth, and how far off its estimate is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

NAN = float("nan")
_ELLIPSOID_95 = float(stats.chi2.ppf(0.95, 3))


@dataclass(frozen=True)
class Finding:
    """One test on one mock; NaN where a test has no such thing.

    `covered` is 1 where the 95 % interval holds the truth, else 0. `along`, `across` and `length` are estimate less
    truth along the true axis, across it (towards the middle of the mask), and of the debiased amplitude; `angle_deg`
    is between the estimated axis and the true one.
    """

    test: str
    p: float = NAN
    covered: float = NAN
    along: float = NAN
    across: float = NAN
    length: float = NAN
    angle_deg: float = NAN


def of_dipole(
    test: str,
    p: float,
    beta: NDArray[np.float64],
    covariance: NDArray[np.float64],
    truth: float,
    axis: NDArray[np.float64],
    centre: NDArray[np.float64],
    limit: float = _ELLIPSOID_95,
) -> Finding:
    """A fitted dipole (3,) with its covariance (3, 3), against a true one of length `truth` along `axis`.

    `limit` of the squared distance within which the truth is covered: of chi-square with three degrees of freedom.
    """
    off = beta - truth * axis
    sideways = centre - (centre @ axis) * axis
    size, norm = np.linalg.norm(beta), np.linalg.norm(sideways)
    debiased = np.sqrt(max(0.0, size**2 - np.trace(covariance)))
    return Finding(
        test,
        p,
        float(off @ np.linalg.solve(covariance, off) <= limit),
        float(off @ axis),
        float(off @ sideways / norm) if norm > 1e-9 else 0.0,
        float(debiased - truth),
        float(np.degrees(np.arccos(np.clip(beta @ axis / size, -1, 1)))) if size > 0 else NAN,
    )


def of_interval(test: str, p: float, low: float, high: float, truth: float) -> Finding:
    """An interval of one number."""
    return Finding(test, p, float(low <= truth <= high))
