"""One run's labels regressed on the sky, alone and with imaging templates: does a dipole survive what imaging explains?

Galaxies are the unit: the numbers hold for the given network.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.bias.annotations import Annotations
from workflow_scripts.bias.imaging_templates import N_PIXELS, PIXEL_ORDER, Imaging
from workflow_scripts.bias.run_columns import dipole_keys
from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.statistics.sky.regression import sky_glm
from workflow_scripts.statistics.sky.sky_sums import PixelPositions
from workflow_scripts.statistics.sky.template_regression import regressed_dipole


@dataclass(frozen=True)
class SkyRegression:
    """What the regressions of all runs share: the galaxies in pixels (n,), and their imaging where it is known."""

    pixels: NDArray[np.int64]
    positions: PixelPositions
    imaging: Imaging | None

    @classmethod
    def of(cls, annotations: Annotations, imaging: Imaging | None) -> "SkyRegression":
        """For the galaxies of these annotations."""
        pixels = tile_of(annotations.ra, annotations.dec, PIXEL_ORDER)
        return cls(pixels, PixelPositions.of(annotations.vectors, pixels, N_PIXELS), imaging)

    def alone(self, labels: NDArray[np.int8]) -> dict[str, float]:
        """Binomial regression on dipole and quadrupole, in log odds; `ValueError` where it has no maximum."""
        fit = sky_glm(self.positions, np.bincount(self.pixels, weights=labels, minlength=N_PIXELS))
        assert fit.quadrupole is not None
        assert fit.dipole_given_quadrupole is not None
        columns = dipole_keys("glm_dipole", fit.beta, fit.beta_covariance, fit.dipole.p)
        columns |= {"glm_quadrupole": float(np.linalg.norm(fit.theta)), "glm_quadrupole_p": fit.quadrupole.p}
        columns["glm_dipole_given_quadrupole_p"] = fit.dipole_given_quadrupole.p
        return columns | {"glm_dispersion": fit.dispersion}

    def with_templates(self, labels: NDArray[np.int8]) -> dict[str, float]:
        """The same beside templates, and the dipole of what templates fitted in other patches of sky leave."""
        if self.imaging is None:
            return {}
        chosen = labels[self.imaging.templates.rows].astype(float)
        positives = np.bincount(self.imaging.pixels, weights=chosen, minlength=N_PIXELS)
        fit = sky_glm(self.imaging.positions, positives, self.imaging.pixel_means)
        assert fit.dipole_given_quadrupole is not None
        columns = {"glm_dipole_given_templates_p": fit.dipole.p}
        columns["glm_dipole_given_quadrupole_and_templates_p"] = fit.dipole_given_quadrupole.p
        cleaned = regressed_dipole(self.imaging.cross_fit, chosen)
        columns |= dipole_keys("cleaned_dipole", cleaned.beta, cleaned.covariance, cleaned.p)
        return columns | {"templates_explain": cleaned.explained_variance}
