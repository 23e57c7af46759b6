"""Galaxies reduced to sums, over the sky or over the pixels of a sky map: what the sky tests need.

No test's cost depends on the number of galaxies, however many axes, permutations or runs there are. Arrays over pixels
are dense over one pixelisation (nested HEALPix in the workflow, but nothing here depends on it), and empty pixels hold
zeros. All sums are additive over disjoint sets of galaxies, so a catalog can be read in pieces.
"""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Random skies take pixels with more galaxies than this for larger ones, as long as so many hold any.
CROWDED, ENOUGH_PIXELS = 40, 700


class Additive:
    """Sums of disjoint sets of galaxies add up, field by field; None is the sum of no galaxy."""

    def __add__(self, other: Self) -> Self:
        return type(self)(*(_total(getattr(self, part.name), getattr(other, part.name)) for part in fields(self)))  # type: ignore[arg-type]


def _total(first: Any, second: Any) -> Any:
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, tuple):
        return tuple(a + b for a, b in zip(first, second, strict=True))
    return first + second


@dataclass(frozen=True)
class PositionSums(Additive):
    """Sums over galaxies with unit vectors n_i: their number, sum n_i (3) and sum n_i n_i^T (3, 3)."""

    n: int
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    @classmethod
    def of(cls, vectors: ArrayLike) -> "PositionSums":
        """Sums of unit vectors (n, 3)."""
        vectors = np.asarray(vectors, float)
        return cls(len(vectors), vectors.sum(axis=0), vectors.T @ vectors)

    @property
    def centred(self) -> NDArray[np.float64]:
        """M = sum (n_i - nbar)(n_i - nbar)^T, (3, 3)."""
        return self.second - np.outer(self.first, self.first) / self.n

    def along(self, axes: NDArray[np.float64]) -> "PositionSums":
        """Sums of the k components of the vectors along axes (k, 3)."""
        return PositionSums(self.n, axes @ self.first, axes @ self.second @ axes.T)


@dataclass(frozen=True)
class ValueSums(Additive):
    """Sums of one number a galaxy, x_i: sum x_i, sum x_i^2 and sum x_i n_i (3)."""

    total: float
    squares: float
    vector: NDArray[np.float64]

    @classmethod
    def of(cls, values: ArrayLike, vectors: ArrayLike) -> "ValueSums":
        """Sums of values (n,) at unit vectors (n, 3)."""
        values, vectors = np.asarray(values, float), np.asarray(vectors, float)
        return cls(float(values.sum()), float(values @ values), values @ vectors)

    def along(self, axes: NDArray[np.float64]) -> "ValueSums":
        """Sums with the k components of the vectors along axes (k, 3)."""
        return ValueSums(self.total, self.squares, axes @ self.vector)


@dataclass(frozen=True)
class PixelPositions(Additive):
    """Galaxies of each pixel: `counts` (p,), sums of their unit vectors `vectors` (p, 3); `second` = sum n n^T (3, 3).

    `second` is over galaxies, not pixels, so that a pixel's size costs the closed forms nothing. Where galaxies have
    weights, `counts` may be sums of these, scaled so that all together are the number of galaxies.
    """

    counts: NDArray[np.int64]
    vectors: NDArray[np.float64]
    second: NDArray[np.float64]

    @classmethod
    def of(cls, vectors: ArrayLike, pixels: ArrayLike, n_pixels: int) -> "PixelPositions":
        """Bin unit vectors (n, 3) by their pixel numbers (n,), each in 0 ... n_pixels - 1 (else `ValueError`)."""
        vectors, pixels = np.asarray(vectors, float), checked_pixels(pixels, n_pixels)
        binned = [np.bincount(pixels, weights=component, minlength=n_pixels) for component in vectors.T]
        counts = np.bincount(pixels, minlength=n_pixels).astype(np.int64)
        return cls(counts, np.column_stack(binned), vectors.T @ vectors)

    @property
    def n(self) -> int:
        """Number of galaxies."""
        return int(np.rint(self.counts.sum()))

    @property
    def sums(self) -> PositionSums:
        """The same galaxies without pixels."""
        return PositionSums(self.n, self.vectors.sum(axis=0), self.second)

    def mean_vectors(self) -> NDArray[np.float64]:
        """Mean unit vector of the galaxies of each pixel (p, 3); zero where there are none."""
        return self.vectors / np.where(self.counts > 0, self.counts, 1)[:, None]

    def merged(self) -> "PixelPositions":
        """The same galaxies, four pixels that follow each other being one: nested HEALPix pixels twice as wide."""
        vectors = self.vectors.reshape(-1, 4, self.vectors.shape[1]).sum(axis=1)
        return PixelPositions(self.counts.reshape(-1, 4).sum(axis=1), vectors, self.second)

    def along(self, axes: NDArray[np.float64]) -> "PixelPositions":
        """The same galaxies by the k components of their vectors along axes (k, 3): all tests take these, too."""
        return PixelPositions(self.counts, self.vectors @ axes.T, axes @ self.second @ axes.T)


@dataclass(frozen=True)
class PixelValues(Additive):
    """One number a galaxy, x_i: `totals` (p,) and `squares` (p,) of each pixel, and `vector` = sum x_i n_i (3)."""

    totals: NDArray[np.float64]
    squares: NDArray[np.float64]
    vector: NDArray[np.float64]

    @classmethod
    def of(cls, values: ArrayLike, vectors: ArrayLike, pixels: ArrayLike, n_pixels: int) -> "PixelValues":
        """Bin values (n,) of galaxies at unit vectors (n, 3) by pixel numbers (n,); `ValueError` for NaN."""
        values, vectors = np.asarray(values, float), np.asarray(vectors, float)
        pixels = checked_pixels(pixels, n_pixels)
        if not np.isfinite(values).all():
            raise ValueError("a value is missing or infinite")
        totals, squares = (
            np.asarray(np.bincount(pixels, weights=weights, minlength=n_pixels), np.float64)
            for weights in (values, values**2)
        )
        return cls(totals, squares, values @ vectors)

    @property
    def sums(self) -> ValueSums:
        """The same values without pixels."""
        return ValueSums(float(self.totals.sum()), float(self.squares.sum()), self.vector)

    def merged(self) -> "PixelValues":
        """The same values in the pixels of `PixelPositions.merged`."""
        return PixelValues(self.totals.reshape(-1, 4).sum(axis=1), self.squares.reshape(-1, 4).sum(axis=1), self.vector)

    def along(self, axes: NDArray[np.float64]) -> "PixelValues":
        """The same values of `PixelPositions.along` the axes (k, 3)."""
        return PixelValues(self.totals, self.squares, axes @ self.vector)


def pixels_for_random_skies(positions: PixelPositions, values: PixelValues) -> tuple[PixelPositions, PixelValues]:
    """The same sums in larger nested pixels, four in one, where there are more of them than random skies need.

    A random sky costs as much as it has pixels, and its p is exact with pixels of any size; a dipole is as well seen
    with `ENOUGH_PIXELS` of them. Where galaxies are few their number decides, and pixels stay as they are.
    """
    while True:
        occupied = int((positions.counts > 0).sum())
        if positions.n <= CROWDED * occupied or len(positions.counts) % 48:
            return positions, values
        merged = positions.merged()
        if (merged.counts > 0).sum() < ENOUGH_PIXELS:
            return positions, values
        positions, values = merged, values.merged()


def checked_pixels(pixels: ArrayLike, n_pixels: int) -> NDArray[np.int64]:
    """Pixel numbers as integers; `ValueError` where one is not a pixel."""
    pixels = np.asarray(pixels, np.int64)
    if pixels.size and not (pixels.min() >= 0 and pixels.max() < n_pixels):
        raise ValueError(f"pixel numbers must be between 0 and {n_pixels - 1}")
    return pixels
