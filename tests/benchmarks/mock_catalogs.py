"""Mock catalogs for audits: galaxies on parts of the sky, their fraction clustered or not, with a trend or without.

Galaxies have their own positions, and the field is as fine as the smallest part needs, which `calibration_mocks` with
its pixels of 3.7 degrees does not have.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from workflow_scripts.audits.catalog_sums import AnnotationSums, CatalogSums, Places
from workflow_scripts.calibration_mocks.mock_skies import CLUSTERING
from workflow_scripts.sky.tiles import tile_centres, tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.sky_sums import PositionSums

# Waves of which a field is made: its covariance is right for any number, and many make it Gaussian.
_WAVES = 256
_WAVES_AT_ONCE = 32
# The fraction of each galaxy stays so far, relative to the mean, from the ends of 0 to 1.
_MARGIN = 1e-3


@dataclass(frozen=True)
class Region:
    """A rectangle in right ascension (`west` to `east`, which may be above 360) and declination, ICRS degrees.

    `field_order`: HEALPix order of the cells within which a clustered field is constant where there are more galaxies.
    """

    title: str
    west: float
    east: float
    south: float
    north: float
    field_order: int

    def positions(self, n: int, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`n` positions (ICRS degrees), uniform on the sphere within the rectangle."""
        low, high = np.sin(np.radians([self.south, self.north]))
        dec = np.degrees(np.arcsin(random.uniform(low, high, n)))
        return random.uniform(self.west, self.east, n) % 360, dec


REGIONS = {
    "full_sky": Region("full sky", 0, 360, -90, 90, 6),
    "dec_above_minus_10": Region("Dec > -10", 0, 360, -10, 90, 6),
    "sdss_cap": Region("SDSS-like cap", 120, 250, 0, 60, 6),
    "stripe_82": Region("Stripe 82", 310, 420, -1.25, 1.25, 8),
    "field_10_deg": Region("10 degree field", 145, 155, -2.8, 7.2, 9),
    "field_1_deg": Region("1 degree field", 149.5, 150.5, 1.7, 2.7, 11),
}


@dataclass(frozen=True)
class Trend:
    """What the fraction does over the sky: a dipole of an amplitude `size` towards `axis`, a unit vector (3,).

    `across` a field, `size` is the change along the axis over the width of an evenly filled square of as much spread.
    """

    size: float
    axis: NDArray[np.float64]
    across: bool = False


@dataclass(frozen=True)
class MockCatalog:
    """Galaxies of a region at their places; labels are drawn anew for each mock."""

    region: Region
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]

    @classmethod
    def drawn(cls, region: Region, n: int, random: np.random.Generator) -> "MockCatalog":
        """`n` galaxies, uniform in the region."""
        return cls(region, *region.positions(n, random))

    @cached_property
    def places(self) -> Places:
        """Where the galaxies are, as audits have it."""
        return Places.of(self.ra, self.dec)

    @cached_property
    def _without_labels(self) -> CatalogSums:
        return CatalogSums.of(self.places, [])

    @property
    def position_sums(self) -> PositionSums:
        """Sums over the galaxies' unit vectors."""
        return self._without_labels.positions.sums

    @cached_property
    def _cells(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Unit vectors at which a field is evaluated (m, 3), and the number of that of each galaxy (n,)."""
        cells, number = np.unique(tile_of(self.ra, self.dec, self.region.field_order), return_inverse=True)
        if len(cells) == len(self.ra):
            return self.places.vectors, np.arange(len(self.ra))
        return unit_vectors(*tile_centres(self.region.field_order, cells)), number

    def largest_size(self, fraction: float, trend: Trend) -> float:
        """The largest size of a trend along the axis for which fractions stay between 0 and 1."""
        span = np.abs(self._pattern(trend)).max()
        return float((1 - _MARGIN) * min(fraction, 1 - fraction) / span)

    def sums(self, fraction: float, trend: Trend, clustered_deg: float, random: np.random.Generator) -> CatalogSums:
        """Sums of the galaxies with one annotation: labels of 0 and 1 with the fraction, the trend and clustering.

        The mean over the field of the probability of a label is `fraction` + trend, the mean over the galaxies
        `fraction`. The field has the correlation exp(-theta^2 / 2 scale^2), and 0.5 logits of standard deviation as in
        `calibration_mocks`. Raises `ValueError` for a trend that leaves 0 to 1.
        """
        probability = fraction + trend.size * self._pattern(trend)
        if probability.min() < 0 or probability.max() > 1:
            raise ValueError(f"a trend of {trend.size:g} around {fraction:g} leaves 0 to 1 in this region")
        if clustered_deg:
            probability = expit(_logits_before_field(probability) + self._field(clustered_deg, random))
        labels = (random.random(len(probability)) < probability).astype(float)
        return replace(self._without_labels, annotations=(AnnotationSums.of(labels, self.places),))

    def _pattern(self, trend: Trend) -> NDArray[np.float64]:
        """What the size is multiplied with (n,), its mean over the galaxies taken out."""
        along = self.places.vectors @ trend.axis
        along -= along.mean()
        return along / np.sqrt(12 * np.mean(along**2)) if trend.across else along

    def _field(self, scale_deg: float, random: np.random.Generator) -> NDArray[np.float64]:
        """A clustered field in logits at each galaxy: a sum of waves whose vectors are normal (Rahimi & Recht 2007)."""
        at, number = self._cells
        waves = random.standard_normal((_WAVES, 3)) / np.radians(scale_deg)
        phases = random.uniform(0, 2 * np.pi, _WAVES)
        total = np.zeros(len(at))
        for first in range(0, _WAVES, _WAVES_AT_ONCE):
            some = slice(first, first + _WAVES_AT_ONCE)
            total += np.cos(at @ waves[some].T + phases[some]).sum(axis=1)
        return (CLUSTERING * np.sqrt(2 / _WAVES) * total)[number]


# Gauss-Hermite nodes of a normal deviate.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
_LOGITS = np.linspace(-14, 14, 1401)
_MEANS = expit(_LOGITS[:, None] + CLUSTERING * _NODES) @ (_WEIGHTS / _WEIGHTS.sum())


def _logits_before_field(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logits to which a field is added so that the probability is right on average over fields."""
    return np.interp(logit(np.clip(probability, 1e-6, 1 - 1e-6)), logit(_MEANS), _LOGITS)
