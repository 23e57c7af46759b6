"""The dipole of a quantity on the sky: monopole and mask taken care of by centring.

`dipole` and its permutations test whether a quantity depends on position in any way. Where only its scatter does
(labels that differ more often in worse seeing, scores that are more often doubtful) they reject too often or too
seldom: `robust_dipole` is the same estimate with errors that allow for it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.checked_inputs import checked_vectors
from workflow_scripts.statistics.sky.sky_sums import Additive, PositionSums, ValueSums

# Beyond this, some direction of the dipole is all but degenerate with the monopole.
LARGEST_CONDITION = 1e6


@dataclass(frozen=True)
class DipoleEstimate:
    """A dipole (k,) with its covariance (k, k): `q` is chi-square with k degrees of freedom where there is none.

    k is 3, or the number of components that the sky constrains.
    """

    beta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    q: float
    p: float

    @property
    def se(self) -> NDArray[np.float64]:
        """Standard errors of the components."""
        return np.sqrt(np.diag(self.covariance))


@dataclass(frozen=True)
class Dipole(DipoleEstimate):
    """x = mean + beta . n, galaxies taken as independent."""

    mean: float


def chi_square_test(vector: NDArray[np.float64], covariance: NDArray[np.float64]) -> tuple[float, float]:
    """Q = v^T covariance^-1 v of a vector (k,), and p: chi-square with k degrees of freedom where its mean is zero."""
    q = float(vector @ np.linalg.solve(covariance, vector))
    return q, float(stats.chi2.sf(q, len(vector)))


def dipole(positions: PositionSums, values: ValueSums) -> Dipole:
    """Least-squares dipole with centred values and positions; Q has as many degrees of freedom as components, three.

    Sums `along` k axes give k components. Raises `ValueError` as `centred_regression`.
    """
    mean, beta, covariance, q = centred_regression(positions, values)
    return Dipole(beta, covariance, q, float(stats.chi2.sf(q, len(beta))), mean)


def centred_regression(
    positions: PositionSums,
    values: ValueSums,
    what: str = "dipole",
    on: str = "position",
    place: str = "on a part of the sky",
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], float]:
    """Mean, coefficients (k,), their covariance (k, k) and Q of values on vectors of k components, all centred.

    beta = M^-1 sum (n_i - nbar)(x_i - xbar) with M = sum (n_i - nbar)(n_i - nbar)^T; under the null its covariance is
    s^2 M^-1 with s^2 the variance of x, and Q = beta^T M beta / s^2 is chi-square with k degrees of freedom. Centring
    removes the fake dipole that a constant x makes on a partial sky. `what`, `on` and `place` are for error messages.

    Raises
    ------
    ValueError
        for fewer than five galaxies, a value that is missing, a constant x, or positions that leave a component
        undetermined.
    """
    if positions.n < 5:
        raise ValueError(f"{positions.n} galaxies are too few for a {what}")
    mean = values.total / positions.n
    variance = values.squares / positions.n - mean**2
    if not np.isfinite(variance):
        raise ValueError("a value is missing or infinite")
    if variance <= 1e-15 * max(1.0, mean**2):
        raise ValueError(f"all values are the same: there is nothing that could depend on {on}")
    matrix = positions.centred
    if np.trace(matrix) < 1e-9 * positions.n or not np.linalg.cond(matrix) < LARGEST_CONDITION:
        raise ValueError(f"the galaxies lie {place} too small for a {what}")
    inverse = np.linalg.inv(matrix)
    beta = inverse @ (values.vector - mean * positions.first)
    q = float(beta @ matrix @ beta / variance)
    return float(mean), beta, np.asarray(variance * inverse, np.float64), q


@dataclass(frozen=True)
class ScatterSums(Additive):
    """Sums of one number a galaxy, x_i, from which its scatter by position follows; additive over disjoint sets.

    `weighted` = sum x n n^T (3, 3), `squares_first` = sum x^2 n (3,), `squares_second` = sum x^2 n n^T (3, 3).
    """

    positions: PositionSums
    values: ValueSums
    weighted: NDArray[np.float64]
    squares_first: NDArray[np.float64]
    squares_second: NDArray[np.float64]

    @classmethod
    def of(cls, values: ArrayLike, vectors: ArrayLike) -> "ScatterSums":
        """Sums of values (n,) at unit vectors (n, 3); `ValueError` for NaN or other shapes."""
        x = np.asarray(values, float)
        if x.ndim != 1 or not np.isfinite(x).all():
            raise ValueError("values must be one a galaxy, and none may be missing or infinite")
        n = checked_vectors(vectors, len(x))
        squares = x**2
        return cls(
            PositionSums.of(n), ValueSums.of(x, n), n.T @ (x[:, None] * n), squares @ n, n.T @ (squares[:, None] * n)
        )

    def along(self, axes: NDArray[np.float64]) -> "ScatterSums":
        """Sums with the k components of the vectors along axes (k, 3)."""
        return ScatterSums(
            self.positions.along(axes),
            self.values.along(axes),
            axes @ self.weighted @ axes.T,
            axes @ self.squares_first,
            axes @ self.squares_second @ axes.T,
        )


def robust_dipole(sums: ScatterSums) -> Dipole:
    """Least-squares dipole with heteroscedasticity-consistent covariance (White 1980, Econometrica 48, 817).

    M^-1 [sum (x - xbar)^2 (n - nbar)(n - nbar)^T] M^-1, with the residuals of the fit without a dipole, as for a score
    test: Q = beta^T covariance^-1 beta is chi-square with as many degrees of freedom as components where the mean of x
    does not depend on position. Raises `ValueError` as `dipole`, and where too few galaxies differ from the mean for a
    covariance.
    """
    found = dipole(sums.positions, sums.values)
    matrix, mean = sums.positions.centred, found.mean
    centre = sums.positions.first / sums.positions.n

    def centred(total: float, first: NDArray, second: NDArray) -> NDArray[np.float64]:
        """Sum w (n - nbar)(n - nbar)^T of a weight w, from its own sums."""
        across = np.outer(first, centre)
        return second - across - across.T + total * np.outer(centre, centre)

    scatter = (
        centred(sums.values.squares, sums.squares_first, sums.squares_second)
        - 2 * mean * centred(sums.values.total, sums.values.vector, sums.weighted)
        + mean**2 * matrix
    )
    inverse = np.linalg.inv(matrix)
    covariance = inverse @ scatter @ inverse
    if not np.linalg.cond(covariance) < 1e12:
        raise ValueError("too few galaxies differ from the mean: the error of a dipole cannot be estimated")
    q, p = chi_square_test(found.beta, covariance)
    return replace(found, covariance=covariance, q=q, p=p)


def disagreement_dipole(scatter: ScatterSums) -> Dipole:
    """Dipole of the rate of disagreement, a fraction by unit vector, with the covariance of `robust_dipole`.

    The sums are of differences delta = y_A - y_B of two annotations of the same galaxies, and the rate is the mean of
    delta^2, a label of 0 or 1 by galaxy. Sums of delta^2 and of its square are those of the squares of delta, since
    delta is -1, 0 or 1. Raises `ValueError` as `robust_dipole`, and where sums are not of such differences.
    """
    values = scatter.values
    if abs(values.total) > values.squares or values.squares > scatter.positions.n:
        raise ValueError("the sums are not of differences of -1, 0 and 1")
    rate = ValueSums(values.squares, values.squares, scatter.squares_first)
    return robust_dipole(replace(scatter, values=rate, weighted=scatter.squares_second))
