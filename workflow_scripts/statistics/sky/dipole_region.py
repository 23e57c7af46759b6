"""The confidence region of a dipole whose error has two sources: blocks of sky, and training sets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

# Fewer training sets leave no region of a vector of three components.
FEWEST_TRAINING_SETS = 5


@dataclass(frozen=True)
class DipoleRegion:
    """A dipole (k,) with a covariance (k, k) that was estimated with `dof` degrees of freedom.

    (v - beta)^T covariance^-1 (v - beta) of the true dipole v is T^2 of Hotelling (1931, Ann. Math. Stat. 2, 360),
    with k and dof - k + 1 degrees of freedom.
    """

    beta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    dof: float

    def limit(self, level: float = 0.95) -> float:
        """The value of T^2 at the border of the region that covers the true dipole with a probability."""
        k, rest = len(self.beta), self.dof - len(self.beta) + 1
        return float(k * self.dof / rest * stats.f.ppf(level, k, rest))

    def distance(self, dipole: ArrayLike) -> float:
        """T^2 of a dipole (k,)."""
        away = np.asarray(dipole, float) - self.beta
        return float(away @ np.linalg.solve(self.covariance, away))

    def covers(self, dipole: ArrayLike, level: float = 0.95) -> bool:
        """Whether the region has a dipole (k,) inside."""
        return self.distance(dipole) <= self.limit(level)

    @property
    def p(self) -> float:
        """p of no dipole."""
        k, rest = len(self.beta), self.dof - len(self.beta) + 1
        return float(stats.f.sf(self.distance(np.zeros(k)) * rest / (k * self.dof), k, rest))

    def half_widths(self, level: float = 0.95) -> NDArray[np.float64]:
        """Half the width (k,) of the interval of each component by itself, from Student's t."""
        return stats.t.ppf((1 + level) / 2, self.dof) * np.sqrt(np.diag(self.covariance))


def training_covariance(positions: ArrayLike) -> NDArray[np.float64]:
    """Covariance (q, q) of the mean of numbers (u, q) of u training sets; zeros where there is one."""
    rows = np.asarray(positions, float)
    if len(rows) < 2:
        return np.zeros((rows.shape[1], rows.shape[1]))
    away = rows - rows.mean(axis=0)
    return np.asarray(away.T @ away / (len(rows) * (len(rows) - 1)), np.float64)


def dipole_region(
    beta: ArrayLike, of_sky: ArrayLike, blocks: float, of_training: ArrayLike, training_sets: int
) -> DipoleRegion:
    """The region of a dipole (k,) with the sum of two covariances (k, k).

    `blocks` and `training_sets` are what they were estimated from. The degrees of freedom of the sum are those of Nel
    & van der Merwe (1986, Commun. Stat. 15, 3719). Raises `ValueError` where these leave no region.
    """
    beta, parts = np.asarray(beta, float), [np.asarray(of_sky, float), np.asarray(of_training, float)]
    if 1 < training_sets < FEWEST_TRAINING_SETS:
        raise ValueError(
            f"{training_sets} training sets are too few for the scatter between them: {FEWEST_TRAINING_SETS} are needed"
        )
    total = parts[0] + parts[1]

    def size(matrix: NDArray[np.float64]) -> float:
        # In the metric of the whole, so that a component with a large error does not decide alone.
        scaled = np.linalg.solve(total, matrix)
        return float(np.trace(scaled @ scaled) + np.trace(scaled) ** 2)

    shares = [size(part) / max(n - 1, 1) for part, n in zip(parts, (blocks, training_sets), strict=True)]
    dof = size(total) / sum(shares)
    if not dof > len(beta):
        raise ValueError(f"{dof:.1f} degrees of freedom are too few for the region of a dipole")
    return DipoleRegion(beta, total, dof)
