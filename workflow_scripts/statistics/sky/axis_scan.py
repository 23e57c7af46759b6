"""The paper-style statistic: signed labels fitted with a cosine along every axis of the sky, without any loop.

For labels d = +-1, the published statistic chi2(a) = sum (d_i |cos phi_i| - cos phi_i)^2 / |cos phi_i| equals
2 sum |cos phi_i| - 2 a . S with S = sum d_i n_i. Its Monte-Carlo significance under random signs is therefore
sigma(a) = a . S / sqrt(a^T T a) with T = sum n_i n_i^T, whose maximum over the sphere is sqrt(S^T T^-1 S): a chi with
three degrees of freedom, not a normal deviate. It takes P(+) = 1/2 for granted, so an unequal mix of labels makes a
fake dipole wherever the sky is not covered evenly; it stands here for comparison with `dipole`.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import factorial, prod

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums


@dataclass(frozen=True)
class AxisScan:
    """The largest sigma over the sphere, its axis (unit vector), and the p of the scanned maximum (chi, 3 dof)."""

    max_sigma: float
    axis: NDArray[np.float64]
    global_p: float


def dipole_scan(positions: PositionSums, signs: ValueSums) -> AxisScan:
    """Maximum of the paper-style dipole sigma in closed form; `signs` are sums of d = +-1.

    Raises `ValueError` where the positions leave an axis undetermined.
    """
    if positions.n < 4 or not np.linalg.cond(positions.second) < 1e9:
        raise ValueError("too few galaxies, or galaxies in one plane: no axis can be scanned")
    direction = np.linalg.solve(positions.second, signs.vector)
    squared = float(signs.vector @ direction)
    norm = np.linalg.norm(direction)
    axis = direction / norm if norm > 0 else np.array([0.0, 0.0, 1.0])
    return AxisScan(float(np.sqrt(squared)), axis, float(stats.chi2.sf(squared, 3)))


def sigma_without_dipole(positions: PositionSums, mean_sign: float) -> float:
    """Root mean square of `dipole_scan`'s maximum when the same labels, of mean dbar, are permuted over the galaxies.

    E max sigma^2 = (1 - dbar^2)(3 - h) N/(N - 1) + N dbar^2 h with h = nbar^T (T/N)^-1 nbar, which is 0 on the full sky
    and close to 1 on a small part of it. With dbar = 0 it is the noise of three components, sqrt 3 at most; the last
    term is what an unequal mix adds.
    """
    n = positions.n
    h = float(positions.first @ np.linalg.solve(positions.second, positions.first)) / n
    return float(np.sqrt((1 - mean_sign**2) * (3 - h) * n / (n - 1) + n * mean_sign**2 * h))


def dipole_sigma(axes: ArrayLike, positions: PositionSums, signs: ValueSums) -> NDArray[np.float64]:
    """Paper-style sigma along axes (m, 3): a . S / sqrt(a^T T a)."""
    axes = np.asarray(axes, float)
    return axes @ signs.vector / np.sqrt(np.einsum("ai,ij,aj->a", axes, positions.second, axes))


@dataclass(frozen=True)
class QuadrupoleScan:
    """Paper-style sigma of cos(2 phi) along axes (m, 3), for any number of catalogs of the same galaxies.

    With c = a . n: sum d cos 2phi = 2 a^T M a - sum d, M = sum d n n^T, and the variance under random signs,
    `variance` (m,), is 4 sum c^4 - 4 sum c^2 + N. All are polynomials in a, so galaxies are summed once: sum c^4
    through the 15 independent fourth moments.
    """

    axes: NDArray[np.float64]
    variance: NDArray[np.float64]

    @classmethod
    def of(cls, axes: ArrayLike, vectors: ArrayLike) -> "QuadrupoleScan":
        """What only depends on the galaxies' unit vectors (n, 3)."""
        axes, vectors = np.asarray(axes, float), np.asarray(vectors, float)
        c2, c4 = (_summed_powers(axes, vectors, degree) for degree in (1, 2))
        return cls(axes, 4 * c4 - 4 * c2 + len(vectors))

    def sigma(self, vectors: ArrayLike, signs: ArrayLike) -> NDArray[np.float64]:
        """Sigma (m,) of signs d = +-1 (n,) of the galaxies at those vectors."""
        vectors, signs = np.asarray(vectors, float), np.asarray(signs, float)
        moment = (vectors * signs[:, None]).T @ vectors
        signal = 2 * np.einsum("ai,ij,aj->a", self.axes, moment, self.axes) - signs.sum()
        return signal / np.sqrt(self.variance)


def _products(vectors: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """Products of so many components, weighted by the root of how often they occur: (p . q) = (a . n)^degree."""
    columns = []
    for chosen in combinations_with_replacement(range(3), degree):
        often = factorial(degree) / prod(factorial(chosen.count(component)) for component in range(3))
        columns.append(np.sqrt(often) * vectors[:, list(chosen)].prod(axis=1))
    return np.column_stack(columns)


def _summed_powers(axes: NDArray[np.float64], vectors: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """sum (a . n)^(2 degree) over galaxies, (m,)."""
    products, pairs = _products(vectors, degree), _products(axes, degree)
    return np.einsum("ai,ij,aj->a", pairs, products.T @ products, pairs)
