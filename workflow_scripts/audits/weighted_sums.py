"""Galaxies with weights as sums over sky pixels and parts of the sky, additive like those of `catalog_sums`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.audits.audit_findings import AuditSettings, MadeDipole, amplitude_interval
from workflow_scripts.audits.catalog_sums import AUDIT_PIXELS, FIT_PIXELS, Places, Ratio
from workflow_scripts.statistics.sky.dipole import Dipole
from workflow_scripts.statistics.sky.sky_sums import Additive, PixelPositions, PixelValues
from workflow_scripts.statistics.sky.weighted_dipole import (
    WeightedMoments,
    weighted_dipole,
    weighted_dipole_test,
    weighted_part,
)

_SPHERE, _CIRCLE = [0, 1, 2], [3, 4]


@dataclass(frozen=True)
class WeightedSums(Additive):
    """One number x a galaxy with weights w: `moments` over unit vectors and cos and sin of right ascension.

    `pixels` (6, p): sums of w, w x, w^2, w^2 x, w^2 x^2 and w x^2; `vectors` (p, 3) = sum w n of each pixel; `parts`
    (5, RA_BINS, 2): the first five by right ascension bin and hemisphere. `fine` (2, FIT_PIXELS): the first two in fine
    pixels, for what is mapped; None for the rest.
    """

    moments: WeightedMoments
    pixels: NDArray[np.float64]
    vectors: NDArray[np.float64]
    parts: NDArray[np.float64]
    fine: NDArray[np.float64] | None

    @classmethod
    def of(
        cls, values: NDArray[np.float64], weights: NDArray[np.float64], places: Places, mapped: bool = False
    ) -> "WeightedSums":
        """Sums of values (n,) with weights (n,), finite and above zero."""
        products = weighted_part(values, weights)
        of_pixels = [*products, weights * values**2, *(weights[:, None] * places.vectors).T]
        binned = np.array([np.bincount(places.pixels, row, AUDIT_PIXELS) for row in of_pixels])
        moments = WeightedMoments.of(values, weights, np.column_stack([places.vectors, places.circle]))
        parts, fine = np.array([places.parts(row) for row in products]), None
        if mapped:
            fine = np.array([np.bincount(places.fine_pixels, row, FIT_PIXELS) for row in products[:2]])
        return cls(moments, binned[:6], binned[6:].T, parts, fine)

    @property
    def sphere(self) -> WeightedMoments:
        """Moments over unit vectors."""
        return self.moments.components(_SPHERE)

    @property
    def circle(self) -> WeightedMoments:
        """Moments over cos and sin of right ascension."""
        return self.moments.components(_CIRCLE)

    @property
    def positions(self) -> PixelPositions:
        """Pixels with weights in place of galaxies, all together as many as there are galaxies."""
        scale = self._scale
        return PixelPositions(scale * self.pixels[0], scale * self.vectors, scale * self.moments.weights[1:4, 1:4])

    @property
    def values(self) -> PixelValues:
        """Weighted values of these pixels."""
        scale = self._scale
        return PixelValues(scale * self.pixels[1], scale * self.pixels[5], scale * self.moments.values[1:4])

    @property
    def ratio(self) -> Ratio | None:
        """Sums by fine pixel whose ratio is the weighted mean, the second scaled to the number of galaxies."""
        return None if self.fine is None else (self._scale * self.fine[1], self._scale * self.fine[0])

    @property
    def _scale(self) -> float:
        return float(self.moments.n / self.moments.weights[0, 0])

    def dipole(self) -> Dipole:
        """The weighted dipole with its sandwich covariance."""
        return weighted_dipole(self.sphere)


@dataclass(frozen=True)
class WeightedColumn:
    """`sums` of a column, and its `values` (n,) and `weights` (n,): permutations move single galaxies."""

    sums: WeightedSums
    values: NDArray[np.float64]
    weights: NDArray[np.float64]

    def centred_dipole(
        self, positions: PixelPositions, settings: AuditSettings, axes: NDArray[np.float64] | None = None
    ) -> MadeDipole:
        """As `audit_findings.centred_dipole`; `positions` are those of the same galaxies without weights.

        Of the components along `axes` (k, 3) only, where these are given.
        """
        moments = self.sums.sphere
        if axes is not None:
            positions, moments = positions.along(axes), moments.along(axes)
        w, wx, ww, wwx, wwxx, _ = self.sums.pixels
        mean = self.sums.moments.mean
        totals = np.stack([w, wx, wwxx - 2 * mean * wwx + mean**2 * ww])
        found = weighted_dipole_test(
            positions, totals, moments, self.values, self.weights, settings.permutations, settings.seed
        )
        interval = amplitude_interval(found.beta, found.covariance, settings)
        return MadeDipole(found, interval, settings.permutations)
