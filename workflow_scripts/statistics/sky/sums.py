"""Galaxies reduced to sums: what the sky tests need, whatever the number of axes, permutations or runs.

All sums are additive over disjoint sets of galaxies, so a catalog can be read in pieces.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class PositionSums:
    """Sums over galaxies with unit vectors n_i: their number, sum n_i (3) and sum n_i n_i^T (3, 3)."""

    n: int
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    @classmethod
    def of(cls, vectors: ArrayLike) -> "PositionSums":
        """Sums of unit vectors (n, 3)."""
        vectors = np.asarray(vectors, float)
        return cls(len(vectors), vectors.sum(axis=0), vectors.T @ vectors)

    def __add__(self, other: "PositionSums") -> "PositionSums":
        return PositionSums(self.n + other.n, self.first + other.first, self.second + other.second)

    @property
    def centred(self) -> NDArray[np.float64]:
        """M = sum (n_i - nbar)(n_i - nbar)^T, (3, 3)."""
        return self.second - np.outer(self.first, self.first) / self.n


@dataclass(frozen=True)
class ValueSums:
    """Sums of one number a galaxy, x_i: sum x_i, sum x_i^2 and sum x_i n_i (3)."""

    total: float
    squares: float
    vector: NDArray[np.float64]

    @classmethod
    def of(cls, values: ArrayLike, vectors: ArrayLike) -> "ValueSums":
        """Sums of values (n,) at unit vectors (n, 3)."""
        values, vectors = np.asarray(values, float), np.asarray(vectors, float)
        return cls(float(values.sum()), float(values @ values), values @ vectors)

    def __add__(self, other: "ValueSums") -> "ValueSums":
        return ValueSums(self.total + other.total, self.squares + other.squares, self.vector + other.vector)
