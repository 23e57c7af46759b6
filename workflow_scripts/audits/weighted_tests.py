"""The tests of galaxies with weights, and why others are refused.

A weighted form is made where its null has a known size, whether or not weights go along with labels or with positions.
What counts galaxies, such as likelihoods, exact tests and hypergeometric permutations, has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.audits.audit_findings import AuditFinding, AuditSettings, Findings, GalaxySample, MadeDipole
from workflow_scripts.audits.single_catalog import SCANS, OneAnnotation, block_name
from workflow_scripts.audits.sky_dipoles import block_finding, full_dipole
from workflow_scripts.audits.weighted_sums import WeightedColumn
from workflow_scripts.statistics.fractions import FractionContrast
from workflow_scripts.statistics.sky.constrained_components import (
    ConstrainedComponents,
    constrained_components,
    constrained_of_fraction,
)
from workflow_scripts.statistics.sky.cosine import CosineFit
from workflow_scripts.statistics.sky.dipole import Dipole
from workflow_scripts.statistics.sky.sky_sums import PixelPositions
from workflow_scripts.statistics.sky.weighted_dipole import (
    weighted_contrast,
    weighted_regression,
)

_LIKELIHOOD = "a likelihood counts galaxies, and its ratio has no known distribution with weights"
_PERMUTED = "its random skies permute labels of galaxies that count alike"
_EXACT = "an exact or chi-square test of numbers of galaxies"
# Of one annotation, of pairs, and of several, by the names of tests.
REFUSED_OF_ONE = MappingProxyType(
    {
        "linear_probability_dipole": _LIKELIHOOD,
        "glm": _LIKELIHOOD,
        "field_gradient": "parts of a field are compared by numbers of galaxies that count alike",
        "ra_bins": "the weighted variances of twelve bins are too uncertain for a chi-square",
    }
    | dict.fromkeys(SCANS, _PERMUTED)
)
_REFUSED_OF_PAIRS = {
    "difference_dipole_robust": "the weighted difference_dipole allows for more discord in some places",
    "mcnemar": _EXACT,
    "difference_between_ra_halves": _EXACT,
    "discordance_rate_dipole": _LIKELIHOOD,
    "discordant_direction_dipole": _LIKELIHOOD,
    "class_agreement": _EXACT,
}
REFUSED_OF_SEVERAL = {"cochran_q": _EXACT}
REFUSED_OF_TEMPLATES = dict.fromkeys(
    ("dipole_after_templates", "templates_in_glm", "difference_mediation"),
    "its fit in other patches of the sky is of galaxies that count alike",
) | {"templates_in_glm": _LIKELIHOOD}
NOT_USED = "not used: it is about single galaxies, whatever each stands for"


@dataclass(frozen=True)
class WeightedAnnotation(OneAnnotation):
    """The tests of one annotation of galaxies with weights."""

    refused: ClassVar[Mapping[str, str]] = REFUSED_OF_ONE

    weighted: WeightedColumn = field(kw_only=True)

    @property
    def sample(self) -> GalaxySample:
        """The galaxies that the tests are about, whose weights are used."""
        return GalaxySample(self.sums.n, self.suffix, {"annotation": self.column, "weights": "used"})

    @cached_property
    def constrained(self) -> ConstrainedComponents:
        """What the sky constrains of a dipole of weighted labels, which are as good as fewer."""
        moments = self.weighted.sums.moments
        positions = self.weighted.sums.positions.sums
        return constrained_of_fraction(positions, moments.mean, moments.n / moments.effective_n)

    def made_dipole(self, axes: NDArray[np.float64] | None) -> MadeDipole:
        """The weighted dipole beside permutations of labels with their weights."""
        return self.weighted.centred_dipole(self.positions, self.settings, axes)

    def cosine_scan(self) -> AuditFinding:
        """As without weights: the paper-style number knows none."""
        return OneAnnotation(self.sums, self.annotation, self.column, self.suffix, self.settings).cosine_scan()

    def block_dipole(self, nside: int | None) -> AuditFinding:
        """Dipole of weighted labels with blocks of sky as the unit."""
        sums, name = self.weighted.sums, block_name(nside)
        return block_finding(self.sample, name, nside, sums.positions, sums.values, self.constrained, self.settings)

    def cosine_fit(self) -> CosineFit:
        """The weighted fit of a cosine in right ascension."""
        where = "cosine", "right ascension", "in a range of right ascension"
        return CosineFit.of(*weighted_regression(self.weighted.sums.circle, *where))

    def plain_dipole(self) -> Dipole:
        """The weighted dipole without permutations."""
        return self.weighted.sums.dipole()

    def contrast(self, first: Any, second: Any) -> FractionContrast:
        """The weighted fractions of two parts compared."""
        parts = self.weighted.sums.parts
        return weighted_contrast(*(parts[(slice(None), *_indices(part))].sum(axis=(1, 2)) for part in (first, second)))


def _indices(part: Any) -> tuple[slice, slice]:
    """A part (right ascension bins, hemispheres) as two slices, which keep both axes."""
    bins, north = (*part, slice(None))[:2] if isinstance(part, tuple) else (part, slice(None))
    return bins, slice(north, north + 1) if isinstance(north, int) else north


def weighted_pair_tests(
    pair: WeightedColumn,
    positions: PixelPositions,
    names: tuple[str, str],
    suffix: str,
    settings: AuditSettings,
    findings: Findings,
) -> None:
    """Make the test of the difference of two annotations that weights allow; the others are refused."""
    sample = GalaxySample(positions.n, suffix, {"annotations": list(names), "weights": "used"})

    def sky() -> ConstrainedComponents:
        sums, moments = pair.sums, pair.sums.moments
        share, mean = sums.values.sums.squares / moments.n, moments.mean
        variance = (share - mean**2) * moments.n / moments.effective_n
        return constrained_components(sums.positions.sums, variance, share, mean)

    def difference() -> AuditFinding:
        null = "the weighted difference of the two annotations does not depend on position"
        estimand = f"amplitude of the dipole of {names[0]} minus {names[1]}"
        make = partial(pair.centred_dipole, positions, settings)
        return full_dipole(sample, "difference_dipole", null, estimand, make, sky(), settings, "primary")

    def blocks() -> AuditFinding:
        name = "difference_block_dipole"
        return block_finding(sample, name, None, pair.sums.positions, pair.sums.values, sky(), settings)

    findings.attempt(f"difference_dipole{suffix}", difference)
    findings.attempt(f"difference_block_dipole{suffix}", blocks)
    findings.refused |= {name + suffix: reason for name, reason in _REFUSED_OF_PAIRS.items()}
