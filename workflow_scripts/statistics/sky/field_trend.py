"""Does a fraction change across a field of few degrees? The question of skies too small for a dipole.

The fraction is linear in the field's plane (orthographic about its centre: east, north), and the two numbers are a
gradient. Labels that neighbours share make gradients, too, and the larger the longer the clustering: on a field of 10
degrees, clustering over 3 degrees has some ten independent patches. The field itself cannot tell it from a trend, but
the scatter between its parts says how much clustering there is, and with it how large a gradient it could make.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workflow_scripts.statistics.sky.block_dipole import LONGEST_CLUSTERING_DEG, SMALLEST_NUMBER_OF_BLOCKS
from workflow_scripts.statistics.sky.dipole import centred_regression
from workflow_scripts.statistics.sky.dipole_amplitude import AmplitudeInterval, calibrated_interval
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues, PositionSums

# Equal parts of the field: 6 x 6 of a square one.
PARTS = 36
# Fewer galaxies than this in a typical part say nothing about its fraction.
FEWEST_IN_PART = 5
# Across a field not twice as wide as clustering, that is a gradient.
NARROWEST_FIELD_DEG = 2 * LONGEST_CLUSTERING_DEG
_TOO_NARROW = (
    "The field is {width:#.3g} degrees wide: a trend across it cannot be distinguished from clustering over"
    f" {LONGEST_CLUSTERING_DEG:.0f} degrees."
)
# Lengths L of clustering exp(-r^2 / 2 L^2) that are tried; 0: every part has its own level.
_SCALES_DEG = (0.0, LONGEST_CLUSTERING_DEG / 3, 2 * LONGEST_CLUSTERING_DEG / 3, LONGEST_CLUSTERING_DEG)
_SIMULATIONS = 4999
# Of the p, what is spent on clustering being stronger than its upper limit.
SPENT = 0.001


@dataclass(frozen=True)
class FieldTrend:
    """A gradient across a field: `gradient` (2,) to the east and north in units of the values per degree.

    `covariance` (2, 2), `q` (chi-square, 2 dof) and `p_galaxies` are of independent galaxies. `p` is the largest for
    clustering of up to 3 degrees that the scatter between `n_parts` allows, at least `SPENT`; None where `invalid` says
    why no part can be compared. `width_deg` is the field's along the gradient, `limit95` the largest change over that
    width, clustering allowed for (None where `invalid`), `clustering` the upper limit of its standard deviation, and
    `detectable_ratio` the standard error with it over that of independent galaxies.
    """

    gradient: NDArray[np.float64]
    covariance: NDArray[np.float64]
    q: float
    p_galaxies: float
    p: float | None
    interval: AmplitudeInterval
    width_deg: float
    limit95: float | None
    n_parts: int
    clustering: float | None
    detectable_ratio: float | None
    invalid: str = ""

    @property
    def size(self) -> float:
        """Length of the gradient, per degree."""
        return float(np.linalg.norm(self.gradient))

    @property
    def se(self) -> float:
        """Standard error of the gradient along its direction, galaxies as the unit."""
        along = self.gradient / self.size if self.size > 0 else np.array([1.0, 0.0])
        return float(np.sqrt(along @ self.covariance @ along))

    @property
    def position_angle_deg(self) -> float:
        """Direction of the gradient, from north through east."""
        return float(np.degrees(np.arctan2(*self.gradient)) % 360)


def field_axes(positions: PositionSums) -> NDArray[np.float64]:
    """East and north (2, 3) at the mean direction of the galaxies; `ValueError` where it has none."""
    length = np.linalg.norm(positions.first)
    if not length > 1e-6 * positions.n:
        raise ValueError("galaxies on all sides of the sky are not a field")
    centre = positions.first / length
    # At a pole, where no direction is north, right ascension 0 stands for it.
    pole = np.array([0.0, 0.0, 1.0]) if np.hypot(*centre[:2]) > 1e-6 else np.array([1.0, 0.0, 0.0])
    east = np.cross(pole, centre)
    east /= np.linalg.norm(east)
    return np.array([east, np.cross(centre, east)])


def field_trend(positions: PixelPositions, values: PixelValues, seed: int = 0) -> FieldTrend:
    """Gradient of values across a field, with galaxies as the unit and with clustering of up to 3 degrees.

    In parts g of the field the totals are normal with the covariance v N_g I + A N_g N_h K_gh, K = exp(-r^2/2 L^2)
    between their centres. G is the sum of squares that the gradient takes, S what it leaves, and p(A, L) the chance of
    a larger G/S, by simulation. A is unknown: p is the largest over all A whose S is as small as observed with a chance
    above `SPENT`, plus `SPENT` (Berger & Boos 1994, J. Am. Stat. Assoc. 89, 1012), and over L of 0 to 3 degrees. No A
    is above v, the variance of the values themselves.

    Parameters
    ----------
    positions, values
        the same galaxies in the same pixels, small against a sixth of the field.
    seed
        of the simulations.

    Raises
    ------
    ValueError
        for fewer than five galaxies, values that are all the same, or galaxies in one place.
    """
    axes = field_axes(positions.sums)
    flat = positions.along(axes)
    _, beta, covariance, q = centred_regression(flat.sums, values.along(axes).sums, "gradient", place="in a field")
    degree = np.radians(1.0)
    gradient, covariance = beta * degree, covariance * degree**2
    along = beta / np.linalg.norm(beta) if beta.any() else np.array([1.0, 0.0])
    # The width of an evenly filled square of this spread.
    width = float(np.sqrt(12 * along @ flat.sums.centred @ along / positions.n) / degree)
    known: dict[str, Any] = {
        "gradient": gradient,
        "covariance": covariance,
        "q": q,
        "p_galaxies": float(stats.chi2.sf(q, 2)),
    }
    parts = _Parts.of(flat, values)
    known |= {"width_deg": width, "n_parts": parts.number}
    narrow = width < NARROWEST_FIELD_DEG
    if reason := _TOO_NARROW.format(width=width) if narrow else parts.too_few:
        known["interval"] = calibrated_interval(gradient, covariance, seed=seed)
        return FieldTrend(**known, p=None, limit95=None, clustering=None, detectable_ratio=None, invalid=reason)
    found = _against_clustering(parts, seed)
    # Added to the errors of the galaxies, which all positions determine and not only those of parts.
    wider = covariance + found.extra * degree**2
    known["interval"] = interval = calibrated_interval(gradient, wider, seed=seed)
    known["limit95"] = interval.upper_limit * width
    ratio = float(np.sqrt(np.trace(wider) / np.trace(covariance)))
    return FieldTrend(**known, p=found.p, clustering=found.deviation, detectable_ratio=ratio)


@dataclass(frozen=True)
class _Parts:
    """Parts with galaxies: `counts` (m,), mean places `at` (m, 2) in radians, totals of values less their mean (m,)."""

    counts: NDArray[np.float64]
    at: NDArray[np.float64]
    totals: NDArray[np.float64]
    variance: float

    @classmethod
    def of(cls, flat: PixelPositions, values: PixelValues) -> "_Parts":
        """Equal squares, `PARTS` of them in the smallest rectangle about the field."""
        occupied = flat.counts > 0
        counts, at = flat.counts[occupied].astype(float), flat.mean_vectors()[occupied]
        centred = at - counts @ at / counts.sum()
        turns = (centred @ _turn(float(degrees)) for degrees in range(0, 90, 5))
        turned = min(turns, key=lambda at: np.ptp(at, axis=0).prod())
        low, extent = turned.min(axis=0), np.ptp(turned, axis=0)
        side = max(float(np.sqrt(extent.prod() / PARTS)), 1e-12)
        shape = np.maximum(1, np.rint(extent / side)).astype(int)
        cell = np.minimum(((turned - low) / np.maximum(extent, 1e-12) * shape).astype(int), shape - 1)
        _, part = np.unique(cell[:, 0] * shape[1] + cell[:, 1], return_inverse=True)
        mean = values.sums.total / flat.n
        number = np.bincount(part, counts).astype(float)
        places = np.column_stack([np.bincount(part, counts * column) for column in centred.T]) / number[:, None]
        totals = np.bincount(part, values.totals[occupied] - mean * counts).astype(float)
        return cls(number, places, totals, values.sums.squares / flat.n - mean**2)

    @property
    def number(self) -> int:
        """How many there are."""
        return len(self.counts)

    @property
    def too_few(self) -> str:
        """Why parts cannot be compared; empty where they can."""
        if self.number < SMALLEST_NUMBER_OF_BLOCKS:
            return f"The field has {self.number} parts with galaxies, too few to tell a trend from clustering."
        if np.median(self.counts) < FEWEST_IN_PART:
            return (
                f"A typical part of the field has {np.median(self.counts):.0f} galaxies, too few to tell a trend from"
                " clustering."
            )
        return ""


def _turn(degrees: float) -> NDArray[np.float64]:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, -sine], [sine, cosine]])


@dataclass(frozen=True)
class _Clustering:
    """The largest `p`; `extra` (2, 2), what the strongest clustering adds to the gradient's covariance, per radian."""

    p: float
    extra: NDArray[np.float64]
    deviation: float


def _against_clustering(parts: _Parts, seed: int) -> _Clustering:
    random = np.random.default_rng(seed).standard_normal((_SIMULATIONS, parts.number))
    root = np.sqrt(parts.counts / parts.variance)
    design = root[:, None] * np.column_stack([np.ones(parts.number), parts.at])
    basis = np.linalg.qr(design)[0]
    observed = (parts.totals / np.sqrt(parts.counts * parts.variance))[None]
    taken, left = _squares(observed, basis)
    hat = np.linalg.solve(design.T @ design, design.T)[1:]
    p, extra, deviation = 0.0, np.zeros((2, 2)), 0.0
    distance = np.linalg.norm(parts.at[:, None] - parts.at[None], axis=2)
    for scale in _SCALES_DEG:
        kernel = np.exp(-(distance**2) / (2 * np.radians(scale) ** 2)) if scale else np.eye(parts.number)
        kernel = root[:, None] * kernel * root
        sky = _Skies(kernel, random, basis)
        strongest = sky.strongest(float(left[0]), SPENT, parts.variance)
        for strength in [0.0, *np.geomspace(0.01, 1, 7) * strongest]:
            ratio = np.divide(*sky.squares(strength))
            p = max(p, float((np.sum(ratio >= taken[0] / left[0]) + 1) / (_SIMULATIONS + 1)))
        # No less than half of all skies without clustering allow: a quiet one does not exclude what it cannot see.
        usual = sky.strongest(max(float(left[0]), float(np.median(sky.squares(0.0)[1]))), 0.05, parts.variance)
        added = usual * hat @ kernel @ hat.T
        if np.trace(added) >= np.trace(extra):
            extra, deviation = added, float(np.sqrt(usual))
    return _Clustering(min(1.0, p + SPENT), extra, deviation)


class _Skies:
    """Skies with clustering of a kernel (m, m), in units of the noise of parts, from normal numbers (b, m)."""

    def __init__(self, kernel: NDArray[np.float64], random: NDArray[np.float64], basis: NDArray[np.float64]):
        levels, patterns = np.linalg.eigh(kernel)
        self.levels, self.random, self.basis = np.maximum(levels, 0.0), random, patterns.T @ basis

    def squares(self, strength: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums of squares that a gradient takes, and leaves, (b,) each, for clustering of this variance."""
        # In the basis of the kernel's patterns, where sums of squares are the same.
        return _squares(self.random * np.sqrt(1 + strength * self.levels), self.basis)

    def strongest(self, left: float, chance: float, largest: float) -> float:
        """The largest variance for which as little as `left` is left with this chance; `largest` at most."""
        low, high = largest * 1e-8, largest
        if np.mean(self.squares(high)[1] <= left) >= chance:
            return high
        # On a logarithmic scale: strengths differ by orders of magnitude.
        for _ in range(14):
            middle = float(np.sqrt(low * high))
            low, high = (middle, high) if np.mean(self.squares(middle)[1] <= left) >= chance else (low, middle)
        return high


def _squares(rows: NDArray[np.float64], basis: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """Of rows (b, m), the squares that the gradient takes beside the mean, and what is left, (b,) each."""
    inside = (rows @ basis) ** 2
    return inside[:, 1:].sum(axis=1), np.einsum("bi,bi->b", rows, rows) - inside.sum(axis=1)
