"""Does a dipole stay what it is when higher multipoles are fitted beside it?

On a part of the sky a quadrupole or an octopole that is left out of the fit looks like a dipole, and one that is put in
takes the dipole's certainty. A dipole of the sky moves by no more than its errors when multipoles are added. One that
goes away while its error stays was theirs; where the error grows many times, the galaxies leave open which it is.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from workflow_scripts.statistics.sky.mask_diagnostics import Aliasing, alias_matrix
from workflow_scripts.statistics.sky.multipoles import octopole_basis, quadrupole_basis
from workflow_scripts.statistics.sky.regression import NestedTest, SkyGlm, sky_glm
from workflow_scripts.statistics.sky.sky_sums import PixelPositions

HIGHEST = 3
PART_OF_A_DIPOLE = "multipoles can be separated only where the galaxies constrain all of a dipole"


@dataclass(frozen=True)
class StabilityStep:
    """The fit of multipoles up to degree `lmax`; None, and `refused` states why, where these galaxies leave it open.

    `dipole` tests the dipole of this fit, the multipoles above it in both models. `se_inflation`: the largest factor,
    over axes, by which the added multipoles lengthen the standard error of the dipole. `aliasing`: its `matrix`
    (3, 2 lmax + 3) is what the next degree, left out, adds to this fit's dipole for a unit of each of its coefficients;
    None for the highest degree, where this degree is refused, and for a dipole of fewer than three components.
    """

    lmax: int
    fit: SkyGlm | None
    dipole: NestedTest | None
    se_inflation: float | None
    aliasing: Aliasing | None
    refused: str = ""

    @property
    def flagged(self) -> bool:
        """Whether the fit was made, but some combination of its coefficients is all but undetermined."""
        return self.fit is not None and self.fit.ill_conditioned


def dipole_stability(positions: PixelPositions, positives: ArrayLike) -> tuple[StabilityStep, ...]:
    """`sky_glm` with lmax = 1, 2 and 3, side by side.

    Arguments are those of `sky_glm`. Where a degree cannot be had, its step, and those above it, state why in place of
    numbers. Beside a dipole along fewer than three axes there is none: where galaxies do not constrain all of a dipole,
    they do not separate the rest of it from a quadrupole.

    Raises
    ------
    ValueError
        as `sky_glm`, where not even the dipole can be had.
    """
    fits = [sky_glm(positions, positives, lmax=1)]
    whole = positions.vectors.shape[1] == 3
    refused = "" if whole else PART_OF_A_DIPOLE
    for lmax in range(2, HIGHEST + 1 if whole else 2):
        try:
            fits.append(sky_glm(positions, positives, lmax=lmax))
        except ValueError as reason:
            refused = str(reason)
            break
    steps = []
    for lmax, fit in enumerate(fits, 1):
        test = (fit.dipole, fit.dipole_given_quadrupole, fit.dipole_given_octopole)[lmax - 1]
        ratios = np.linalg.eigvals(np.linalg.solve(fits[0].beta_covariance, fit.beta_covariance)).real
        aliasing = multipole_aliasing(positions, lmax) if lmax < HIGHEST and whole else None
        steps.append(StabilityStep(lmax, fit, test, float(np.sqrt(ratios.max())), aliasing))
    while len(steps) < HIGHEST:
        steps.append(StabilityStep(len(steps) + 1, None, None, None, None, refused))
    return tuple(steps)


def multipole_aliasing(positions: PixelPositions, lmax: int) -> Aliasing:
    """`alias_matrix` of the dipole, fitted with multipoles up to `lmax` (1 or 2), for the next degree left out.

    `matrix` has the rows of the dipole only: (3, 5) for lmax = 1, (3, 7) for lmax = 2. Raises `ValueError` as
    `alias_matrix`.
    """
    vectors = positions.mean_vectors()
    blocks = [vectors, quadrupole_basis(vectors), octopole_basis(vectors)]
    found = alias_matrix(np.column_stack(blocks[:lmax]), blocks[lmax], positions.counts)
    return replace(found, matrix=found.matrix[:3])
