"""Templates scanned over many axes of the sky, with the null of the scanned maximum.

A template h_a(n) belongs to every axis a. With pixels p that hold N_p galaxies and sums K_p of the values, the map is
z(a) = sum_p (K_p - xbar N_p) h_a(n_p) / sqrt(N/(N - 1) s^2 sum_p N_p (h_a(n_p) - hbar_a)^2), s^2 the variance of the
values: mean 0 and variance 1 along every axis when values are permuted over galaxies. The p of the largest |z| over
all axes comes from the same maximum of permuted skies, which takes the number of axes, and how alike they are, into
account. All of a scan is matrix products: never a loop over galaxies, axes or skies.

For the dipole over the whole sphere the closed form is better and faster: max z^2 = Q (N - 1)/N with the Q of
`nulls.dipole_score_test`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.p_values import upper_p
from workflow_scripts.statistics.sky.multipoles import octopole_basis, quadrupole_basis
from workflow_scripts.statistics.sky.nulls import permuted_totals, signed_counts
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues

# Of a block of axes and a batch of skies, so that their products stay in the processor's cache.
_AXES_AT_ONCE = 4096
_SKIES_AT_ONCE = 128
# Rows of a table that are made in double precision at once.
_HEMISPHERES_AT_ONCE = 512

LARGEST_HEMISPHERE_TABLE = 250_000_000


@dataclass(frozen=True)
class TemplateScan:
    """A scanned map and its maximum.

    `z` (m,) along the axes given, NaN where the template is the same for all galaxies, like the mean. `maximum` is the
    largest |z|, `axis` (3,) where it is found: for a template that changes sign with its axis, the end where values are
    larger. `p` is global: (b + 1)/(B + 1) with b of the B `null_maxima` at least as large.
    """

    z: NDArray[np.float64]
    axis: NDArray[np.float64]
    maximum: float
    p: float
    null_maxima: NDArray[np.float64]


def scan_quadrupole(
    axes: ArrayLike, positions: PixelPositions, values: PixelValues, permutations: int, seed: int
) -> TemplateScan:
    """Scan of h_a(n) = cos 2 phi = 2 (a . n)^2 - 1, from the five real sums of second degree.

    (a . n)^2 - 1/3 = 2 sum_j q_j(a) q_j(n) with q = xy, yz, xz, (x^2 - y^2)/2, (3 z^2 - 1)/(2 sqrt 3). A positive z
    means larger values at both ends of the axis, a negative one larger values around its equator. Galaxies stand at
    the mean direction of their pixel.

    Parameters
    ----------
    axes
        (m, 3) unit vectors; opposite axes give the same |z|, so half of the sphere is enough.
    positions, values
        the same galaxies in the same pixels; values are labels 0/1, signs -1/+1 or differences -1/0/1.
    permutations, seed
        random permutations; scans with the same seed see the same skies.

    Raises
    ------
    ValueError
        for other values, values that are all the same, axes that are not unit vectors, fewer than five galaxies or one
        permutation, or where the template is constant along every axis.
    """
    sky = _Sky.of(positions, values)
    axes = _checked_axes(axes)
    features = quadrupole_basis(_pixel_directions(positions))
    return _scan_features(axes, quadrupole_basis(axes), features, False, sky, permutations, seed)


def scan_octopole(
    axes: ArrayLike, positions: PixelPositions, values: PixelValues, permutations: int, seed: int
) -> TemplateScan:
    """Scan of h_a(n) = cos 3 phi = 4 c^3 - 3 c with c = a . n, from the sums of first and third degree.

    With P_3(c) = (5 c^3 - 3 c)/2 it is 8/5 P_3(c) - 3/5 c, and P_3(c) = sum_j o_j(a) o_j(n) with the seven functions of
    `octopole_basis`: a pattern of third degree and a dipole against it, so that a dipole of the values shows here too,
    turned round. Galaxies stand at the mean direction of their pixel. Arguments and errors as for `scan_quadrupole`.
    """
    sky = _Sky.of(positions, values)
    axes = _checked_axes(axes)
    directions = _pixel_directions(positions)
    features = np.column_stack([directions, octopole_basis(directions)])
    loadings = np.column_stack([-3 / 5 * axes, 8 / 5 * octopole_basis(axes)])
    return _scan_features(axes, loadings, features, True, sky, permutations, seed)


def scan_hemispheres(
    axes: ArrayLike, positions: PixelPositions, values: PixelValues, permutations: int, seed: int
) -> TemplateScan:
    """Scan of h_a(n) = 1 where a . n > 0 and 0 elsewhere: the contrast of two hemispheres.

    A pixel belongs to the hemisphere of the mean direction of its galaxies. z is NaN along axes whose hemisphere holds
    all galaxies or none. The table of axes and occupied pixels takes 4 bytes a cell and may have 250 million cells.
    Arguments and errors as for `scan_quadrupole`, and a `ValueError` for a larger table.
    """
    sky = _Sky.of(positions, values)
    axes = _checked_axes(axes)
    if len(axes) * len(sky.counts) > LARGEST_HEMISPHERE_TABLE:
        raise ValueError(f"{len(axes)} hemispheres of {len(sky.counts)} pixels are too many: use fewer axes or pixels")
    directions = _pixel_directions(positions)
    table = np.empty((len(axes), len(directions)), np.float32)
    defined = np.empty(len(axes), bool)
    z = np.empty(len(axes))
    for start in range(0, len(axes), _HEMISPHERES_AT_ONCE):
        part = slice(start, start + _HEMISPHERES_AT_ONCE)
        inside = axes[part] @ directions.T > 0
        share = inside @ sky.counts / sky.n
        defined[part] = (share > 0) & (share < 1)
        deviation = np.sqrt(np.where(defined[part], sky.scale * sky.n * share * (1 - share), np.inf))
        table[part] = (inside - share[:, None]) / deviation[:, None]
        z[part] = inside @ sky.residual / deviation
    return _maximum(axes, z, defined, True, table[defined], None, sky, permutations, seed)


@dataclass(frozen=True)
class _Sky:
    """Occupied pixels: galaxies, sums of values less their mean, and N/(N - 1) s^2."""

    positions: PixelPositions
    labels: tuple[NDArray[np.int64], NDArray[np.int64]]
    counts: NDArray[np.int64]
    residual: NDArray[np.float64]
    mean: float
    scale: float
    n: int

    @classmethod
    def of(cls, positions: PixelPositions, values: PixelValues) -> "_Sky":
        plus, minus = signed_counts(positions, values)
        counts, n = positions.counts[positions.counts > 0], positions.n
        if n < 5:
            raise ValueError(f"{n} galaxies are too few for a scan")
        mean = float((plus - minus).sum() / n)
        variance = (plus + minus).sum() / n - mean**2
        if not variance > 1e-15:
            raise ValueError("all values are the same: there is nothing that could depend on position")
        return cls(
            positions, (plus, minus), counts, plus - minus - mean * counts, mean, float(variance * n / (n - 1)), n
        )


def _scan_features(
    axes: NDArray[np.float64],
    loadings: NDArray[np.float64],
    features: NDArray[np.float64],
    odd: bool,
    sky: _Sky,
    permutations: int,
    seed: int,
) -> TemplateScan:
    """Scan of h_a(p) = loadings[a] . features[p] (m, k) and (pixels, k), up to a factor."""
    centred = features - sky.counts @ features / sky.n
    matrix = (centred * sky.counts[:, None]).T @ centred
    variance = sky.scale * np.einsum("ai,ij,aj->a", loadings, matrix, loadings)
    # Rounding leaves about 1e-16 N of a variance that is nothing.
    defined = variance > 1e-12 * sky.scale * sky.n
    standardised = loadings / np.sqrt(np.where(defined, variance, np.inf))[:, None]
    table = standardised[defined].astype(np.float32)
    z = standardised @ (sky.residual @ centred)
    return _maximum(axes, z, defined, odd, table, centred, sky, permutations, seed)


def _maximum(
    axes: NDArray[np.float64],
    z: NDArray[np.float64],
    defined: NDArray[np.bool_],
    odd: bool,
    table: NDArray[np.float32],
    features: NDArray[np.float64] | None,
    sky: _Sky,
    permutations: int,
    seed: int,
) -> TemplateScan:
    """Maximum of |z|, and of the same in permuted skies.

    A row of `table` for each defined axis: over features of the pixels (p, k) where there are any, else over pixels.
    """
    if not defined.any():
        raise ValueError("the template is the same for all galaxies along every axis")
    null = []
    for totals in permuted_totals(sky.positions, sky.labels, permutations, seed):
        residual = totals - sky.mean * sky.counts
        skies = (residual if features is None else residual @ features).astype(np.float32)
        for first in range(0, len(skies), _SKIES_AT_ONCE):
            batch = skies[first : first + _SKIES_AT_ONCE]
            largest = np.zeros(len(batch), np.float32)
            for start in range(0, len(table), _AXES_AT_ONCE):
                part = batch @ table[start : start + _AXES_AT_ONCE].T
                np.maximum(largest, np.maximum(part.max(axis=1), -part.min(axis=1)), out=largest)
            null.append(largest)
    maxima = np.concatenate(null).astype(np.float64)
    z = np.where(defined, z, np.nan)
    best = int(np.nanargmax(np.abs(z)))
    maximum = float(np.abs(z[best]))
    axis = axes[best] * (-1.0 if odd and z[best] < 0 else 1.0)
    # The null is in single precision.
    return TemplateScan(z, axis, maximum, upper_p(maxima, maximum * (1 - 1e-5), exact=False), maxima)


def _pixel_directions(positions: PixelPositions) -> NDArray[np.float64]:
    """Unit vectors (p, 3) of the mean directions of the occupied pixels."""
    vectors = positions.mean_vectors()[positions.counts > 0]
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(length > 1e-6):
        raise ValueError("the galaxies of a pixel have no mean direction: the pixels are too large")
    return vectors / length


def _checked_axes(axes: ArrayLike) -> NDArray[np.float64]:
    axes = np.asarray(axes, float)
    if axes.ndim != 2 or axes.shape[1] != 3 or not len(axes):
        raise ValueError("axes must be rows of three numbers")
    if not np.all(np.abs(np.linalg.norm(axes, axis=1) - 1) < 1e-6):
        raise ValueError("axes must be unit vectors")
    return axes
