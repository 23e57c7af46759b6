"""How large a dipole is, and where it points, given its three components and their covariance.

The length of a noisy vector is never zero: without any dipole it is 1.6 standard errors on average. So an amplitude
goes with a limit, an interval that is right at zero too, and odds against no dipole at all. Gaussian errors throughout,
in any unit of the dipole. With H the inverse covariance, Delta(D) = min over |b| = D of (beta - b)^T H (beta - b).

Lengths (`debiased_amplitude`, `profile_delta`, `calibrated_interval`, `critical_delta`) are those of vectors of any
number k of components: five for a quadrupole in the basis of `regression`, one or two where a strip of sky constrains
no more of a dipole. Axes need three.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

_LEVEL = 0.95
# Least probability with which a limit's amplitude is excluded where there is none (Cowan et al. 2011): one sigma.
LEAST_POWER = float(stats.norm.cdf(-1))
SKY_DEG2 = 4 * np.pi * np.degrees(1.0) ** 2
# Great circles of the border of a region, and places along each of them.
_DEGREES_OF_BORDER, _STEPS_OF_BORDER = 5, 721


@dataclass(frozen=True)
class AmplitudeInterval:
    """A 95 % interval of the amplitude D, and a one-sided, power-constrained upper limit of the same level."""

    low: float
    high: float
    upper_limit: float


def debiased_amplitude(beta: ArrayLike, covariance: ArrayLike) -> float:
    """sqrt(max(0, |beta|^2 - trace of the covariance)), as |beta|^2 exceeds D^2 by the trace on average."""
    beta, covariance, _ = _checked(beta, covariance)
    return float(np.sqrt(max(0.0, beta @ beta - np.trace(covariance))))


def profile_delta(beta: ArrayLike, covariance: ArrayLike, amplitudes: ArrayLike) -> NDArray[np.float64]:
    """Delta(D) at amplitudes D >= 0 (m,): the rise of -2 ln L when the length is held at D and the axis is free.

    With a multiplier mu, (H + mu) b = H beta and |b| = D; in the eigenvectors of H that is one equation for mu, which
    Newton's method solves for 1/|b| (Moré & Sorensen 1983, SIAM J. Sci. Stat. Comput. 4, 553).

    Raises `ValueError` for a negative amplitude or a covariance that is not positive definite.
    """
    beta, _, (precisions, directions) = _checked(beta, covariance)
    amplitudes = np.asarray(amplitudes, float)
    if not np.all(amplitudes >= 0):
        raise ValueError("amplitudes must be 0 or more")
    components = np.broadcast_to(beta @ directions, (amplitudes.size, len(beta)))
    return _profile(components, precisions, amplitudes.ravel())[0].reshape(amplitudes.shape)


def calibrated_interval(
    beta: ArrayLike, covariance: ArrayLike, simulations: int = 2000, seed: int = 0
) -> AmplitudeInterval:
    """Interval whose critical Delta is simulated at each D, for any covariance, at zero and far from it.

    D belongs to the interval where the observed Delta(D) is no larger than `critical_delta`, and lies below the upper
    limit where more than 5 % of simulated signed roots, sqrt(Delta) with the sign of |b| - D, are as small as the
    observed one. True dipoles are simulated along all axes of the error ellipsoid and the least favourable one
    counts: the direction is unknown, and errors that depend on direction make the distribution of Delta depend on it.
    Drawing about the best-fitting direction alone covers too little. At D = 0 Delta is chi-square with k degrees
    of freedom, so the interval starts at 0 exactly where the test of no dipole does not reject.

    By itself that limit is 0 for 5 % of isotropic catalogs, which excludes dipoles that the catalog cannot see. So it
    is power-constrained (Cowan, Cranmer, Gross & Vitells 2011, arXiv:1105.3166): never below the smallest D that a
    catalog without a dipole excludes with probability `LEAST_POWER`, simulated with the same vectors. It covers with
    probability 0.95 or more, for any covariance, and is the plain limit wherever that is the larger one.

    Raises `ValueError` as `profile_delta`.
    """
    beta, covariance, (precisions, directions) = _checked(beta, covariance)
    k, noise = len(beta), _noise(precisions, simulations, seed)
    length = float(np.linalg.norm(beta))
    # Delta(D) is at least (D - |beta|)^2 over the largest variance, and no critical Delta is above that of D = 0.
    reach = (np.sqrt(stats.chi2.ppf(_LEVEL, k)) + 0.5) / np.sqrt(precisions[0])
    grid = np.linspace(max(0.0, length - reach), length + reach, 61)
    observed, _ = _profile(np.broadcast_to(beta @ directions, (len(grid), k)), precisions, grid)
    # What of Delta is still allowed, and the share of signed roots up to the observed one beyond 5 %.
    room, share = np.empty(len(grid)), np.empty(len(grid))
    for i, d in enumerate(grid):
        if d == 0:
            room[i], share[i] = stats.chi2.ppf(_LEVEL, k) - observed[i], stats.chi2.cdf(observed[i], k) - (1 - _LEVEL)
            continue
        delta, sign = _simulated(d, precisions, noise)
        as_small = sign * np.sqrt(delta) <= np.sign(length - d) * np.sqrt(observed[i])
        room[i] = np.quantile(delta, _LEVEL, axis=1).max() - observed[i]
        share[i] = as_small.mean(axis=1).max() - (1 - _LEVEL)
    limit = max(_last_above(grid, share), _smallest_limit(precisions, noise))
    return AmplitudeInterval(-_last_above(-grid[::-1], room[::-1]), _last_above(grid, room), limit)


def _smallest_limit(precisions: NDArray, noise: NDArray) -> float:
    """The smallest D that noise alone excludes, along all axes of the error ellipsoid, with `LEAST_POWER`."""
    low, high = 0.0, 6 / np.sqrt(precisions[0])
    # Excluded more often the larger it is; 5 % at zero, and nearly always at six standard errors.
    for _ in range(12):
        middle = (low + high) / 2
        delta, sign = _simulated(middle, precisions, noise)
        critical = np.quantile(sign * np.sqrt(delta), 1 - _LEVEL, axis=1).min()
        alone = _profile(noise, precisions, np.full(len(noise), middle))[0]
        roots = np.sign(np.linalg.norm(noise, axis=1) - middle) * np.sqrt(alone)
        low, high = (low, middle) if np.mean(roots < critical) >= LEAST_POWER else (middle, high)
    return float(high)


def critical_delta(amplitude: float, covariance: ArrayLike, simulations: int = 2000, seed: int = 0) -> float:
    """Value that Delta(D) exceeds with a probability of 5 % at most, for a true dipole of this amplitude D.

    Largest over vectors along the axes of the error ellipsoid. At k = 3 it falls from 7.81 at zero
    (chi-square, 3 dof) to 3.84 far from zero (1 dof). Raises `ValueError` for a negative amplitude, or as
    `profile_delta`.
    """
    k = len(np.atleast_2d(np.asarray(covariance, float)))
    _, _, (precisions, _) = _checked(np.zeros(k), covariance)
    if not amplitude >= 0:
        raise ValueError("amplitudes must be 0 or more")
    if amplitude == 0:
        return float(stats.chi2.ppf(_LEVEL, k))
    delta, _ = _simulated(amplitude, precisions, _noise(precisions, simulations, seed))
    return float(np.quantile(delta, _LEVEL, axis=1).max())


@dataclass(frozen=True)
class AxisRegion:
    """Axes that the dipole may have: `inside` (m,) over the grid `axes` (m, 3), of equal area each.

    `whole_sky`: also no dipole at all is within the region, so every axis is, and nothing was learnt of the axis.
    """

    axes: NDArray[np.float64]
    inside: NDArray[np.bool_]
    area_deg2: float
    whole_sky: bool


def cap_radius(area_deg2: float | None) -> float | None:
    """Radius (degrees) of the cap of an area (square degrees); None for none, and for more than half of the sky."""
    if not area_deg2 or area_deg2 > SKY_DEG2 / 2:
        return None
    return float(np.degrees(np.arccos(1 - 2 * area_deg2 / SKY_DEG2)))


def axis_region(beta: ArrayLike, covariance: ArrayLike, axes: ArrayLike | None = None) -> AxisRegion:
    """All axes a with Delta(a) = min over D >= 0 of (beta - D a)^T H (beta - D a) below the point of chi-square, 2 dof.

    Delta(a) = beta^T H beta - max(0, a^T H beta)^2 / (a^T H a). With d = D sqrt(a^T H a), the axis of a true dipole is
    covered with probability 0.95 where the projection is positive, which it is with probability Phi(d), and a
    little less (three degrees of freedom) otherwise: 0.95 for d above 2, and 0.92 in the limit d = 0.

    Parameters
    ----------
    axes
        (m, 3) unit vectors, each standing for the same area of the sky, such as the centres of HEALPix pixels;
        without them, 41,253 points of `equal_area_grid`, about one a square degree.

    Raises
    ------
    ValueError
        for a covariance that is not positive definite, or axes that are not unit vectors.
    """
    beta, covariance, _ = _checked(beta, covariance)
    if len(beta) != 3:
        raise ValueError("an axis on the sky needs the three components of a dipole")
    grid = equal_area_grid(41_253) if axes is None else np.asarray(axes, float)
    if grid.ndim != 2 or not np.allclose((grid**2).sum(axis=1), 1, atol=1e-6):
        raise ValueError("axes must be unit vectors, a row each")
    delta, q = _axis_distance(beta, covariance, grid)
    point = stats.chi2.ppf(_LEVEL, 2)
    inside = delta < point
    return AxisRegion(grid, inside, float(inside.mean() * SKY_DEG2), bool(q < point))


def axis_border(beta: ArrayLike, covariance: ArrayLike) -> NDArray[np.float64] | None:
    """The border of `axis_region` as a closed line of unit vectors (m, 3) about the axis, None where it has none.

    Along every great circle from the axis, the first place that is outside. Raises `ValueError` as `axis_region`.
    """
    beta, covariance, _ = _checked(beta, covariance)
    if len(beta) != 3:
        raise ValueError("an axis on the sky needs the three components of a dipole")
    if not np.linalg.norm(beta) > 0:
        return None
    axis = beta / np.linalg.norm(beta)
    across = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    across /= np.linalg.norm(across)
    turn, away = np.radians(np.arange(0, 361, _DEGREES_OF_BORDER)), np.radians(np.linspace(0, 180, _STEPS_OF_BORDER))
    sideways = np.outer(np.cos(turn), across) + np.outer(np.sin(turn), np.cross(axis, across))
    grid = np.cos(away)[:, None] * axis + np.sin(away)[:, None] * sideways[:, None, :]
    delta = _axis_distance(beta, covariance, grid.reshape(-1, 3))[0].reshape(grid.shape[:2])
    outside = delta >= stats.chi2.ppf(_LEVEL, 2)
    if not outside.any(axis=1).all():
        return None
    return np.asarray(grid[np.arange(len(turn)), outside.argmax(axis=1)], np.float64)


def _axis_distance(
    beta: NDArray[np.float64], covariance: NDArray[np.float64], axes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Delta (m,) of `axis_region` at axes (m, 3), and beta^T H beta."""
    precision = np.linalg.inv(covariance)
    q = beta @ precision @ beta
    along = np.maximum(0.0, axes @ precision @ beta)
    return np.asarray(q - along**2 / np.einsum("ai,ij,aj->a", axes, precision, axes), np.float64), float(q)


def equal_area_grid(n: int) -> NDArray[np.float64]:
    """n unit vectors (n, 3) on a spiral, each for 1/n of the sky: equal steps of z, turned by the golden angle."""
    z = 1 - (2 * np.arange(n) + 1) / n
    turn = np.pi * (3 - np.sqrt(5)) * np.arange(n)
    radius = np.sqrt(1 - z**2)
    return np.column_stack([radius * np.cos(turn), radius * np.sin(turn), z])


def isotropy_bayes_factor(beta: ArrayLike, covariance: ArrayLike, taus: Sequence[float]) -> NDArray[np.float64]:
    """ln BF01 for each tau (m,): odds of no dipole against a dipole with prior N(0, tau^2 I); above 0 favours isotropy.

    Savage-Dickey ratio (Dickey 1971, Ann. Math. Stat. 42, 204) for Gaussian errors: N(beta; 0, S) / N(beta; 0, S +
    tau^2 I) with S the covariance. It depends on tau, in the unit of the dipole, so more than one should be given.

    Raises `ValueError` for a tau of zero or less, or a covariance that is not positive definite.
    """
    beta, _, (precisions, directions) = _checked(beta, covariance)
    tau = np.asarray(taus, float)
    if not np.all(tau > 0):
        raise ValueError("the width of a prior must be above zero")
    variance, squared = 1 / precisions, (beta @ directions) ** 2
    wider = variance + tau[..., None] ** 2
    return (np.log(wider / variance) / 2 - squared / 2 * (1 / variance - 1 / wider)).sum(axis=-1)


def uniform_amplitude_bayes_factor(beta: ArrayLike, covariance: ArrayLike, largest: float) -> float:
    """ln BF01 against a dipole whose amplitude is uniform in 0 ... `largest` and whose axis is anywhere on the sky.

    The prior of Patel & Desmond (2024, MNRAS 534, 1553) and Stiskalek & Desmond (2024, RNAAS 8, 281), for Gaussian
    errors: ln L(0) - ln [1/largest integral of <L(D a)> over D], <> the mean over axes a. In the space of vectors its
    density falls as D^-2, so it favours small dipoles more than `isotropy_bayes_factor` does. With the axis held, the
    integral over D is that of a normal density; the mean over axes is one over 41,253 of equal area, which is good to
    0.01 where errors are a twentieth of the amplitude or more.

    One or two components are those that a strip of sky constrains, and axes those within their plane. Raises
    `ValueError` for a largest amplitude of zero or less, more than three components, or a covariance that is not
    positive definite.
    """
    beta, covariance, _ = _checked(beta, covariance)
    if len(beta) > 3 or not (largest > 0 and np.isfinite(largest)):
        raise ValueError("at most three components of a dipole and a largest amplitude above zero are needed")
    axes, precision = _axes_of(len(beta)), np.linalg.inv(covariance)
    along, width = axes @ precision @ beta, 1 / np.sqrt(np.einsum("ai,ij,aj->a", axes, precision, axes))
    # L(D a)/L(0) = exp(D along - D^2 / (2 width^2)): a normal density in D about along width^2.
    top = along * width
    # Its area from 0 to the largest amplitude, in the tail of the normal distribution that keeps its digits.
    low, high = -top, largest / width - top
    flipped = low > 0
    low, high = np.where(flipped, -high, low), np.where(flipped, -low, high)
    area = special.log_ndtr(high) + np.log1p(-np.exp(special.log_ndtr(low) - special.log_ndtr(high)))
    log_mean = special.logsumexp(top**2 / 2 + np.log(width * np.sqrt(2 * np.pi)) + area) - np.log(len(axes))
    return float(np.log(largest) - log_mean)


def _axes_of(k: int) -> NDArray[np.float64]:
    """Unit vectors of k components, each for the same part of all directions."""
    if k == 3:
        return equal_area_grid(41_253)
    angle = np.pi * np.arange(720 if k == 2 else 2) / (360 if k == 2 else 1)
    return np.column_stack([np.cos(angle), np.sin(angle)])[:, :k]


def _checked(beta: ArrayLike, covariance: ArrayLike) -> tuple[NDArray, NDArray, tuple[NDArray, NDArray]]:
    """Vector, covariance, and the eigenvalues (rising) and eigenvectors (columns) of the inverse covariance."""
    beta, covariance = np.asarray(beta, float), np.asarray(covariance, float)
    if beta.ndim != 1 or len(beta) < 1 or covariance.shape != (len(beta), len(beta)):
        raise ValueError("a dipole has three components and a 3 x 3 covariance, a quadrupole five and a 5 x 5 one")
    if not (np.isfinite(beta).all() and np.isfinite(covariance).all()):
        raise ValueError("the dipole or its covariance has a missing value")
    variances, directions = np.linalg.eigh((covariance + covariance.T) / 2)
    if not variances[0] > 1e-12 * variances[-1]:
        raise ValueError("the covariance of the dipole is not positive definite")
    return beta, covariance, (1 / variances[::-1], directions[:, ::-1])


def _profile(components: NDArray, precisions: NDArray, d: NDArray) -> tuple[NDArray, NDArray]:
    """Delta (m,) and the best b of length d (m, k) for vectors (m, k), all in the eigenvectors of the precision."""
    # Columns of vectors: sums over few components are then sums of long rows.
    components, precisions = np.ascontiguousarray(components.T), precisions[:, None]
    # A smaller length cannot be distinguished from zero by any measurement.
    positive = d > 1e-12 / np.sqrt(precisions[0, 0])
    length = np.where(positive, d, 1.0)
    # A component of exactly zero has two best b; the small number chooses one and changes Delta by nothing that counts.
    floor = 1e-9 * length
    nudged = np.where(np.abs(components) < floor, np.where(components < 0, -floor, floor), components)
    scaled = precisions * nudged
    # |b| falls with mu. Here one component alone has the length d, so the root is not below; from there Newton rises.
    mu = (np.abs(scaled) / length - precisions).max(axis=0)
    for _ in range(40):
        inverse = 1 / (precisions + mu)
        squares = (scaled * inverse) ** 2
        norm = np.sqrt(squares.sum(axis=0))
        squares *= inverse
        step = norm**2 / squares.sum(axis=0) * (norm / length - 1)
        mu = mu + step
        # Newton's method squares its error: what is left is below rounding.
        if np.all(np.abs(step) <= 1e-10 * (precisions[-1, 0] + mu)):
            break
    best = np.where(positive, scaled / (precisions + mu), 0.0)
    return (precisions * (components - best) ** 2).sum(axis=0), best.T


def _simulated(d: float, precisions: NDArray, noise: NDArray) -> tuple[NDArray, NDArray]:
    """Delta(d) and the sign of |b| - d (k, m) of noisy vectors b about dipoles of length d along each axis."""
    k = len(precisions)
    drawn = (d * np.eye(k)[:, None] + noise).reshape(-1, k)
    delta = _profile(drawn, precisions, np.full(len(drawn), d))[0]
    return delta.reshape(k, -1), np.sign(np.linalg.norm(drawn, axis=1) - d).reshape(k, -1)


def _noise(precisions: NDArray, simulations: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(simulations, len(precisions))) / np.sqrt(precisions)


def _last_above(grid: NDArray, values: NDArray) -> float:
    """Where `values` last falls through zero, by a straight line between grid points; the start if never above."""
    above = np.flatnonzero(values >= 0)
    if not len(above):
        return float(grid[0])
    last = above[-1]
    if last == len(grid) - 1:
        return float(grid[-1])
    return float(grid[last] + (grid[last + 1] - grid[last]) * values[last] / (values[last] - values[last + 1]))
