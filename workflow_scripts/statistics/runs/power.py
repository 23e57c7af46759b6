"""What a single parametric test can find: power, smallest dipoles, and the runs that an effect needs.

Power is computed, not simulated: the noncentral chi-square and F distributions are mixtures of central ones, with
Poisson weights of mean lambda/2 (Patnaik 1949, Biometrika 36, 202). The sums are done here because SciPy's `ncf.sf`
is wrong at lambda = 0 (scipy issue 26188) and its `nct` is NaN for large effects. The two-sided noncentral t is the F
with one numerator degree of freedom.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION

_MOST_RUNS = 100_000


def noncentral_f_power(noncentrality: float, dof: tuple[int, int], alpha: float) -> float:
    """Chance that an F test of level `alpha` rejects when F is noncentral with this lambda.

    Raises `ValueError` for a negative noncentrality, dof below one, or alpha outside 0 to 1.
    """
    _check_level(alpha)
    if min(dof) < 1:
        raise ValueError(f"degrees of freedom {dof} leave nothing to test with")
    critical = float(stats.f.isf(alpha, *dof))
    beta_scale = dof[0] * critical / (dof[0] * critical + dof[1])
    return _mixture(noncentrality, lambda j: special.betaincc(dof[0] / 2 + j, dof[1] / 2, beta_scale))


def noncentral_chi2_power(noncentrality: float, dof: int, alpha: float) -> float:
    """Chance that a chi-square test of level `alpha` rejects when it is noncentral with this lambda.

    Raises `ValueError` as `noncentral_f_power` does.
    """
    _check_level(alpha)
    if dof < 1:
        raise ValueError(f"{dof} degrees of freedom leave nothing to test with")
    critical = float(stats.chi2.isf(alpha, dof))
    return _mixture(noncentrality, lambda j: special.gammaincc(dof / 2 + j, critical / 2))


@lru_cache(maxsize=1000)
def required_noncentrality(power: float, alpha: float, dof: int) -> float:
    """The lambda at which a chi-square test with `dof` degrees of freedom has this power.

    Raises `ValueError` unless 0 < alpha < power < 1: a test that rejects less often than its level needs no effect.
    """
    _check_power(power, alpha)
    return _root(lambda value: noncentral_chi2_power(value, dof, alpha) - power)


# The dipole of a catalog, or of the difference of two. Galaxies are the unit.


def label_variance(fraction: float) -> float:
    """Variance of one galaxy's label, p (1 - p). Raises `ValueError` unless 0 < p < 1."""
    if not 0 < fraction < 1:
        raise ValueError("a fraction must lie between 0 and 1: labels that are all the same have no dipole")
    return fraction * (1 - fraction)


@dataclass(frozen=True)
class DetectableDipole:
    """Smallest dipoles along the principal axes of the sky covered: `amplitudes` (3,), smallest first, `axes` (3, 3).

    Rows of `axes` are unit vectors.
    """

    amplitudes: NDArray[np.float64]
    axes: NDArray[np.float64]


def detectable_dipole(
    n_galaxies: int, variance: float, covariance: ArrayLike, power: float, alpha: float
) -> DetectableDipole:
    """Smallest dipole that Q of `dipole` (3 dof) finds with this power: D(a) = sqrt(lambda v / (N a^T C a)).

    Raises `ValueError` for fewer than five galaxies, a variance that is not positive, or positions that leave a
    component of the dipole undetermined.
    """
    covariance = _checked_sky(n_galaxies, variance, covariance)
    noncentrality = required_noncentrality(power, alpha, 3)
    eigenvalues, vectors = np.linalg.eigh(covariance)
    amplitudes = np.sqrt(noncentrality * variance / (n_galaxies * eigenvalues))[::-1]
    return DetectableDipole(amplitudes, vectors.T[::-1])


# Two arms of runs. A run is a training set: where it was trained with several seeds, `run_sd` is that of their mean.


def two_arm_power(effect: float, run_sd: float, runs_a: int, runs_b: int, alpha: float, components: int = 1) -> float:
    """Power of Student's t between two arms, or with `components` d > 1 of Hotelling's T^2.

    `effect` is the difference of the means, in the same unit as `run_sd`; for d > 1 effect / run_sd is the Mahalanobis
    distance. lambda = (effect / run_sd)^2 n_a n_b / (n_a + n_b), F with (d, n_a + n_b - d - 1) dof: exact for normal
    runs of equal scatter. Welch's t of `arm_contrast` falls short of it by 0.02 with five runs an arm.

    Raises `ValueError` for a run_sd that is not positive, or too few runs.
    """
    if not 0 < run_sd < np.inf:
        raise ValueError("the scatter between runs must be a positive number")
    if min(runs_a, runs_b) < 2 or components < 1 or runs_a + runs_b < components + 2:
        raise ValueError(f"arms of {runs_a} and {runs_b} runs are too few to compare {components} component(s)")
    noncentrality = (effect / run_sd) ** 2 * runs_a * runs_b / (runs_a + runs_b)
    return noncentral_f_power(noncentrality, (components, runs_a + runs_b - components - 1), alpha)


def runs_needed(effect: float, run_sd: float, power: float, alpha: float, components: int = 1) -> int:
    """Smallest number of runs in each of two arms that finds `effect` with this power.

    Raises `ValueError` as `two_arm_power` does, or where more than 100,000 runs would be needed.
    """
    _check_power(power, alpha)

    def enough(runs: int) -> bool:
        return two_arm_power(effect, run_sd, runs, runs, alpha, components) >= power

    low = high = max(2, (components + 3) // 2)
    while not enough(high):
        low, high = high + 1, 2 * high
        if high > _MOST_RUNS:
            raise ValueError(f"an effect of {effect:g} would need more than {_MOST_RUNS:,} runs an arm")
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return high


@dataclass(frozen=True)
class PilotPlan:
    """Runs an arm for the sd that a pilot found, and for the upper end of that sd's 95 % interval."""

    runs: int
    cautious_runs: int
    run_sd_ci95: tuple[float, float]


def plan_from_pilot(effect: float, pilot_sd: float, pilot_dof: int, power: float, alpha: float) -> PilotPlan:
    """Runs needed when the scatter is itself known from few runs: sd^2 dof / sigma^2 is chi-square.

    `pilot_dof` is n_a + n_b - 2 for a pooled sd of two arms. Raises `ValueError` as `runs_needed` does.
    """
    if pilot_dof < 1:
        raise ValueError("a pilot needs at least one degree of freedom")
    low, high = (float(pilot_sd * np.sqrt(pilot_dof / stats.chi2.ppf(q, pilot_dof))) for q in (0.975, 0.025))
    likely, cautious = (runs_needed(effect, sd, power, alpha) for sd in (pilot_sd, high))
    return PilotPlan(likely, cautious, (low, high))


# The rotating design. `footprint_sd` is the scatter of a footprint's mean over its runs, the effect aside.


def response_power(axes: ArrayLike, response: ArrayLike, footprint_sd: float, alpha: float) -> float:
    """Power of the F test of `footprint_response` for one number a footprint, x_f = x_0 + k . a_f + e_f.

    `axes` (footprints, 3), `response` k (3,). With A = sum (a_f - abar)(a_f - abar)^T the explained sum of squares is
    noncentral with lambda = k^T A k / footprint_sd^2, so F has (3, footprints - 4) dof. For the twelve HEALPix axes A
    is diag(38, 38, 32)/9, not quite isotropic.

    Raises `ValueError` for fewer than five axes, axes that do not span the sky, or a scatter that is not positive.
    """
    scatter, n = _axis_scatter(axes, footprint_sd), len(np.asarray(axes))
    response = np.asarray(response, float)
    return noncentral_f_power(float(response @ scatter @ response) / footprint_sd**2, (3, n - 4), alpha)


def kappa_power(axes: ArrayLike, kappa: float, footprint_sd: float, alpha: float) -> float:
    """Power of the test of kappa in d_f = d_0 + kappa a_f + e_f, e_f with `footprint_sd` in each of three components.

    lambda = kappa^2 tr A / footprint_sd^2 with (1, 3 footprints - 4) dof. Errors as in `response_power`.
    """
    scatter, n = _axis_scatter(axes, footprint_sd), len(np.asarray(axes))
    return noncentral_f_power(float(kappa**2 * np.trace(scatter) / footprint_sd**2), (1, 3 * n - 4), alpha)


def _mixture(noncentrality: float, tail: Callable[[NDArray], NDArray]) -> float:
    """Poisson mixture of tails; twelve standard deviations to each side, and a stride where those are very many."""
    if not 0 <= noncentrality < np.inf:
        raise ValueError("the noncentrality must be a number that is not negative")
    # Beyond this every power is 1 for any level that is used, and integers would overflow.
    mean = min(noncentrality, 1e15) / 2
    reach = 12 * np.sqrt(mean)
    low, high = max(0, int(mean - reach) - 40), int(mean + reach) + 60
    j = np.arange(low, high, max(1, (high - low) // 5000))
    weights = stats.poisson.pmf(j, mean)
    return float(weights @ tail(j) / weights.sum())


def _root(excess: Callable[[float], float]) -> float:
    """Where an increasing function of a number from 0 up changes sign."""
    high = 1.0
    while excess(high) < 0:
        high *= 2
    return float(optimize.brentq(excess, 0.0, high, xtol=1e-12))


def _check_level(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError("the level alpha must lie between 0 and 1")


def _check_power(power: float, alpha: float) -> None:
    if not 0 < alpha < power <= 1 - 1e-9:
        raise ValueError("the power must lie between the level alpha and 1, short of both")


def _checked_sky(n_galaxies: int, variance: float, covariance: ArrayLike) -> NDArray[np.float64]:
    covariance = np.asarray(covariance, float)
    if n_galaxies < 5 or not 0 < variance < np.inf:
        raise ValueError("a dipole needs five galaxies or more, and a positive variance of each")
    if covariance.shape != (3, 3) or not np.allclose(covariance, covariance.T):
        raise ValueError("the covariance of the positions must be a symmetric 3 x 3 matrix")
    eigenvalues = np.linalg.eigvalsh(covariance)
    if not eigenvalues[0] * LARGEST_CONDITION > eigenvalues[-1]:
        raise ValueError("the galaxies lie on a part of the sky too small for a dipole")
    return covariance


def _axis_scatter(axes: ArrayLike, footprint_sd: float) -> NDArray[np.float64]:
    axes = np.asarray(axes, float)
    if axes.ndim != 2 or axes.shape[1] != 3 or len(axes) < 5 or not np.isfinite(axes).all():
        raise ValueError("a response needs five or more finite axes of three components")
    if not 0 < footprint_sd < np.inf:
        raise ValueError("the scatter between footprints must be a positive number")
    centred = axes - axes.mean(axis=0)
    if np.linalg.matrix_rank(centred, tol=1e-9) < 3:
        raise ValueError("the footprints' axes do not span the sky")
    return np.asarray(centred.T @ centred, np.float64)
