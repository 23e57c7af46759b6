"""The cosine dependence of a fraction on right ascension, and on the angle from a fixed axis."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.sky.dipole import Dipole, centred_regression
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums


@dataclass(frozen=True)
class CosineFit:
    """x = mean + amplitude (cos(ra - phase) - c), with c the mean of cos(ra - phase) over the galaxies.

    `mean` is that of all values; on a part of the circle, where c is not zero, it is not that of the cosine itself.
    Galaxies are taken as independent.
    `chi2` has two degrees of freedom, because the phase is sought, when x does not depend on right ascension.
    `amplitude` is positive also then; `debiased_amplitude` is sqrt(max(0, amplitude^2 - trace of the covariance)).
    """

    mean: float
    amplitude: float
    amplitude_se: float
    debiased_amplitude: float
    phase_deg: float
    chi2: float
    p: float

    @classmethod
    def of(cls, mean: float, coefficients: NDArray, covariance: NDArray, chi2: float) -> "CosineFit":
        """A fit from the coefficients (2,) of cos and sin and their covariance (2, 2)."""
        return cls(mean, *_polar(coefficients, covariance), chi2, float(stats.chi2.sf(chi2, 2)))


def right_ascension_vectors(ra_deg: ArrayLike) -> NDArray[np.float64]:
    """(n, 2) cos and sin of right ascensions (n,) in degrees; `PositionSums.of` and `ValueSums.of` take them.

    Raises `ValueError` for a missing right ascension.
    """
    ra = np.radians(np.asarray(ra_deg, float))
    if not np.isfinite(ra).all():
        raise ValueError("a right ascension is missing")
    return np.column_stack([np.cos(ra), np.sin(ra)])


def cosine_score_test(circle: PositionSums, values: ValueSums) -> CosineFit:
    """Score test of cos(ra) and sin(ra), with the values and both of them centred.

    U = sum (x_i - xbar)(c_i - cbar) with c = (cos ra, sin ra), M the centred sums of c c^T, s^2 the variance of x:
    Q = U^T M^-1 U / s^2, the score test of the logistic (and of the linear) regression of x on c. It is two numbers,
    not one, because the phase is sought. A gradient with declination shows up in it where the sky is covered unevenly:
    the `dipole` over the sky has it beside the cosine.

    Parameters
    ----------
    circle, values
        sums of the same galaxies over `right_ascension_vectors`; labels, differences or scores.

    Raises
    ------
    ValueError
        for fewer than five galaxies, values that are all the same or missing, or a part of the circle too small for
        an amplitude and a phase.
    """
    if circle.first.shape != (2,) or values.vector.shape != (2,):
        raise ValueError("the cosine test needs sums over cos and sin of right ascension")
    mean, coefficients, covariance, q = centred_regression(
        circle, values, "cosine", "right ascension", "in a range of right ascension"
    )
    return CosineFit.of(mean, coefficients, covariance, q)


@dataclass(frozen=True)
class FixedAxisTest:
    """a . beta for an axis a chosen before looking: one number, normal under the null, and nothing is scanned."""

    estimate: float
    se: float
    z: float
    p: float


def fixed_axis_test(fitted: Dipole, axis: ArrayLike) -> FixedAxisTest:
    """Component of a fitted dipole along a fixed axis (3,), a unit vector; two-sided p, galaxies as the unit.

    The other two components are fitted, not fixed: on a partial sky this is not the template a . n by itself. Raises
    `ValueError` where the axis is not a unit vector.
    """
    axis = np.asarray(axis, float)
    if axis.shape != (3,) or not abs(np.linalg.norm(axis) - 1) < 1e-6:
        raise ValueError("the axis must be one unit vector")
    estimate, se = float(axis @ fitted.beta), float(np.sqrt(axis @ fitted.covariance @ axis))
    z = estimate / se
    return FixedAxisTest(estimate, se, z, float(2 * stats.norm.sf(abs(z))))


def _polar(coefficients: NDArray[np.float64], covariance: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Amplitude, its standard error, debiased amplitude and phase (degrees) of cos and sin coefficients."""
    amplitude = float(np.hypot(*coefficients))
    along = coefficients / amplitude if amplitude > 0 else np.array([1.0, 0.0])
    se = float(np.sqrt(along @ covariance @ along))
    debiased = float(np.sqrt(max(0.0, amplitude**2 - np.trace(covariance))))
    return amplitude, se, debiased, float(np.degrees(np.arctan2(coefficients[1], coefficients[0])) % 360)
