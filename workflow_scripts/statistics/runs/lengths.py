"""Limits of lengths: of a vector, and of the largest response of a matrix, from estimates with normal errors.

A length |b| = max u . b over unit vectors u is u* . b for the true, unknown u*. So the largest one-sided limit of all
contrasts u . b is at least that of u* . b and covers |b| with at least its level, without a price for the search; far
from zero it attains the level. A lower limit has to hold for all u at once, which is Scheffe's ellipsoid.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

_LEVEL = 0.95
_DRAWS = 20_000
_FIRST_STEPS = 8


@dataclass(frozen=True)
class LengthLimits:
    """A length with the noise's share taken off, its 95 % interval, and the one-sided 95 % upper limit."""

    size: float
    ci95: tuple[float, float]
    limit95: float

    def over(self, factor: float) -> "LengthLimits":
        """The same in a unit that is `factor` times as large."""
        return LengthLimits(self.size / factor, (self.ci95[0] / factor, self.ci95[1] / factor), self.limit95 / factor)


@dataclass(frozen=True)
class VectorTest:
    """A vector `estimate` (d,) of several runs, its `covariance` (d, d), and F with `dof` of there being none.

    `size` is the length with the noise's share taken off, `size_ci95` begins above 0 where p < 0.05, and `limit95` is
    the one-sided 95 % upper limit of the length. `direction` (d,) is the unit vector of the estimate.
    """

    estimate: NDArray[np.float64]
    covariance: NDArray[np.float64]
    size: float
    size_ci95: tuple[float, float]
    limit95: float
    direction: NDArray[np.float64]
    statistic: float
    dof: tuple[int, float]
    p: float


def unit_vector(estimate: NDArray[np.float64]) -> NDArray[np.float64]:
    """The direction (d,) of a vector; the first axis for one of zeros, which has none."""
    length = float(np.linalg.norm(estimate))
    return estimate / length if length > 0 else np.eye(len(estimate))[0]


def vector_length(estimate: ArrayLike, covariance: ArrayLike, dof: float) -> LengthLimits:
    """Length of a vector (d,) whose `covariance` (d, d) has `dof` degrees of freedom.

    The size is sqrt(max(0, |b|^2 - trace of the covariance)), or where its interval begins if that is more. The
    interval begins above 0 where Hotelling's T^2 of b = 0 has p < 0.05, and at 0 where `dof` leaves none. Raises
    `ValueError` for a covariance that is not positive definite.
    """
    estimate, covariance = np.asarray(estimate, float), np.asarray(covariance, float)
    variances, directions = np.linalg.eigh(covariance)
    if not variances[0] > 1e-14 * variances[-1] > 0:
        raise ValueError("the covariance of a vector is not positive definite")
    d = len(estimate)
    low = 0.0
    if dof > d - 1:
        critical = dof * d / (dof - d + 1) * float(stats.f.ppf(_LEVEL, d, dof - d + 1))
        low = _distance_to_ellipsoid(estimate @ directions, variances, critical)
    high, limit = (
        largest_sum_of_norms(estimate[None], stats.t.ppf(level, dof) * np.sqrt(variances)[:, None] * directions.T)
        for level in ((1 + _LEVEL) / 2, _LEVEL)
    )
    size = float(np.sqrt(max(0.0, estimate @ estimate - variances.sum())))
    # One component that is hardly known adds more to the trace than to the ellipsoid.
    return LengthLimits(max(size, low), (low, high), limit)


def largest_sum_of_norms(first: ArrayLike, second: ArrayLike) -> float:
    """Maximum of |A u| + |B u| over unit vectors u, for A (m, d) and B (n, d).

    The sum is convex, so each step to its normalised gradient rises (Journee et al. 2010, JMLR 11, 517). It starts from
    the singular vectors of both, and from directions between, as singular vectors that both share may be saddles.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    starts = np.vstack([np.linalg.svd(part)[2] for part in (first, second, np.vstack([first, second]))])
    starts = np.vstack([starts, starts[0] + 0.5 * starts, starts[0] - 0.5 * starts])
    starts = starts / np.linalg.norm(starts, axis=1, keepdims=True)
    squares = first.T @ first, second.T @ second
    largest = 0.0
    for step in range(200):
        moved = [starts @ square for square in squares]
        lengths = [np.sqrt(np.maximum((starts * part).sum(axis=1), 0)) for part in moved]
        previous, largest = largest, float((lengths[0] + lengths[1]).max())
        # One start may overtake another at first.
        if step >= _FIRST_STEPS and largest <= previous * (1 + 1e-6):
            break
        slope = sum(
            part / np.where(length > 0, length, np.inf)[:, None] for part, length in zip(moved, lengths, strict=True)
        )
        norm = np.sqrt((slope**2).sum(axis=1))[:, None]
        starts = np.where(norm > 0, slope / np.where(norm > 0, norm, 1.0), starts)
    return largest


def largest_response(
    matrix: ArrayLike, error_covariance: ArrayLike, design_covariance: ArrayLike, dof: int
) -> LengthLimits:
    """Largest singular value of K (d, 3) whose entries have covariances Sigma_ij M_kl.

    `error_covariance` Sigma (d, d) is that of the residuals with `dof` degrees of freedom, `design_covariance` M (3, 3)
    the inverse of the axes' scatter. The square of the largest singular value exceeds the true one by the variance
    along its row and column, u^T Sigma u tr M + v^T M v tr Sigma - u^T Sigma u v^T M v, which is taken off; for d = 1
    that is the trace. The lower limit is by Roy's largest root, for d = 1 Scheffe's.
    """
    matrix, sigma, m = (np.asarray(part, float) for part in (matrix, error_covariance, design_covariance))
    u, values, vt = np.linalg.svd(matrix)
    along, across = float(u[:, 0] @ sigma @ u[:, 0]), float(vt[0] @ m @ vt[0])
    noise = along * np.trace(m) + across * np.trace(sigma) - along * across
    variances, directions = np.linalg.eigh(sigma)
    root = np.sqrt(np.maximum(variances, 0.0))[:, None] * directions.T
    widest = float(np.sqrt(np.linalg.eigvalsh(m)[-1]))
    high, limit = (
        largest_sum_of_norms(matrix.T, stats.t.ppf(level, dof) * widest * root) for level in ((1 + _LEVEL) / 2, _LEVEL)
    )
    low = max(0.0, float(values[0] - np.sqrt(_largest_root(len(matrix), m.shape[0], dof) * along * across)))
    return LengthLimits(max(low, float(np.sqrt(max(0.0, values[0] ** 2 - noise)))), (low, high), limit)


@lru_cache(maxsize=64)
def _largest_root(d: int, q: int, dof: int) -> float:
    """95 % point of the largest eigenvalue of S^-1 N N^T, N (d, q) normal, S the covariance of `dof` residuals.

    Infinite for fewer residuals than components.
    """
    if d == 1:
        return float(q * stats.f.ppf(_LEVEL, q, dof))
    if dof < d:
        return float("inf")
    random = np.random.default_rng(0)
    effect, residual = random.normal(size=(_DRAWS, d, q)), random.normal(size=(_DRAWS, d, dof))
    scatter = residual @ residual.swapaxes(1, 2) / dof
    inverse_root = np.linalg.inv(np.linalg.cholesky(scatter))
    roots = np.linalg.norm(inverse_root @ effect, ord=2, axis=(1, 2)) ** 2
    return float(np.quantile(roots, _LEVEL))


def _distance_to_ellipsoid(components: NDArray, variances: NDArray, critical: float) -> float:
    """From 0 to the ellipsoid sum (x - m)^2 / variance <= critical, 0 inside; in its principal axes."""

    def excess(mu: float) -> float:
        return float((variances * components**2 / (variances + mu) ** 2).sum()) - critical

    if excess(0.0) <= 0:
        return 0.0
    high = float(variances[-1])
    while excess(high) > 0:
        high *= 2
    mu = optimize.brentq(excess, 0.0, high, xtol=1e-12 * high)
    return float(np.linalg.norm(mu * components / (variances + mu)))


@dataclass(frozen=True)
class OtherLevels:
    """One-sided upper limits of a size at other levels than 95 %, from its `limit95` and two-sided interval.

    Limits are `limit95 + s (t_level - t_0.95)` with Student's t of `dof`: exact for a number, where s is its standard
    error. That of a length is convex in t, and nearly a line beyond these two points.
    """

    limit95: float
    se: float
    dof: float

    @classmethod
    def of(cls, size: float, ci95: tuple[float, float], limit95: float, dof: float) -> "OtherLevels":
        """Of a size with its interval; a limit above the interval is spread over what lies between size and limit."""
        one, two = (float(stats.t.ppf(level, dof)) for level in (_LEVEL, (1 + _LEVEL) / 2))
        beyond = (max(map(abs, ci95)) - limit95) / (two - one)
        return cls(limit95, beyond if beyond > 0 else (limit95 - abs(size)) / one, dof)

    def limit(self, level: float) -> float:
        """The limit at a level of 0.95 or more."""
        return self.limit95 + self.se * float(stats.t.ppf(level, self.dof) - stats.t.ppf(_LEVEL, self.dof))

    def p_as_large(self, size: float) -> float:
        """p of a true size of `size` or more: one minus the level at which the limit is there."""
        if not self.se > 0:
            return float(self.limit95 >= size)
        return float(stats.t.sf(stats.t.ppf(_LEVEL, self.dof) + (size - self.limit95) / self.se, self.dof))
