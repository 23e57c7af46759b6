"""The tests of one annotation of a catalog: does it depend on the position on the sky, and how sure can one be?"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from workflow_scripts.audits.audit_findings import (
    AuditFinding,
    AuditSettings,
    Findings,
    GalaxySample,
    MadeDipole,
    axis_keys,
    centred_dipole,
    with_normal_error,
)
from workflow_scripts.audits.catalog_sums import RA_BINS, AnnotationSums, CatalogSums
from workflow_scripts.audits.regressions import multipole_findings
from workflow_scripts.audits.sky_dipoles import (
    block_finding,
    field_finding,
    full_dipole,
)
from workflow_scripts.progress import counted
from workflow_scripts.sky.tiles import tile_centres
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.fractions import FractionContrast, fraction_contrast, homogeneity
from workflow_scripts.statistics.log_p import log10_p_chi2, log10_p_normal, log10_p_scan
from workflow_scripts.statistics.sky.axis_scan import sigma_without_dipole
from workflow_scripts.statistics.sky.constrained_components import (
    FIELD,
    ConstrainedComponents,
    constrained_of_fraction,
    needs_all_axes,
    needs_axes,
)
from workflow_scripts.statistics.sky.cosine import CosineFit, cosine_score_test, fixed_axis_test
from workflow_scripts.statistics.sky.dipole import Dipole, dipole
from workflow_scripts.statistics.sky.linear_probability import linear_probability
from workflow_scripts.statistics.sky.mask_diagnostics import weak_axis_check
from workflow_scripts.statistics.sky.nulls import random_sign_test
from workflow_scripts.statistics.sky.scans import scan_hemispheres, scan_octopole, scan_quadrupole
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues, pixels_for_random_skies

NO_DEPENDENCE = "the fraction does not depend on position"
BLOCK_NSIDES = (2, 4, 8)
_SCAN_NSIDE_ORDER = 3
_SCAN_PERMUTATIONS = 999
SCANS = {
    "hemisphere_scan": (scan_hemispheres, "two opposite hemispheres"),
    "quadrupole_scan": (scan_quadrupole, "cos 2 phi"),
    "octopole_scan": (scan_octopole, "cos 3 phi"),
}
# What the contrast of two halves estimates, and the parts (right ascension bin, hemisphere) of each.
HALVES: dict[str, tuple[str, Any, Any]] = {
    "ra_halves": (
        "fraction at right ascension below 180 degrees minus that above",
        np.s_[: RA_BINS // 2],
        np.s_[RA_BINS // 2 :],
    ),
    "dec_halves": ("fraction north of the equator minus south of it", np.s_[:, 1], np.s_[:, 0]),
}


def single_catalog_tests(one: "OneAnnotation", findings: Findings) -> None:
    """Make all tests of one annotation, from sums alone.

    Labels that are all the same, or too small a part of the sky, end up in `findings.not_run`.
    """
    suffix = one.sample.suffix
    tests = one.tests(findings)
    for name, test in counted(tests.items(), len(tests), "tests", f"tests of column {one.column}"):
        if reason := one.refused.get(name):
            findings.refused[name + suffix] = reason
        else:
            findings.attempt(name + suffix, test)


def block_name(nside: int | None) -> str:
    """Name of the test with blocks of a size; None for that chosen beforehand."""
    return f"block_dipole_nside{nside}" if nside else "block_dipole"


def _two_sided_sigma(scanned: float) -> float:
    """The normal deviate that is as rare, two-sided, as a scanned maximum (chi, 3 dof); also where p rounds to 0.

    In logarithms: P(chi_3 > r) = 2 P(z > r) + r sqrt(2/pi) exp(-r^2/2).
    """
    log_p = np.logaddexp(
        np.log(2) + stats.norm.logsf(scanned), special.xlogy(1, scanned) + np.log(2 / np.pi) / 2 - scanned**2 / 2
    )
    return float(-special.ndtri_exp(log_p - np.log(2)))


@dataclass(frozen=True)
class OneAnnotation:
    """The tests of one annotation.

    `suffix` follows the tests' names, empty for the first annotation of a catalog; `family` is that of its dipole.
    """

    # By the name of a test, why it is not to be made.
    refused: ClassVar[Mapping[str, str]] = MappingProxyType({})

    sums: CatalogSums
    annotation: AnnotationSums
    column: str
    suffix: str
    settings: AuditSettings
    family: str = "primary"

    @property
    def positions(self) -> PixelPositions:
        """Where the galaxies are."""
        return self.sums.positions

    @property
    def labels(self) -> PixelValues:
        """Their labels."""
        return self.annotation.labels

    @property
    def sample(self) -> GalaxySample:
        """The galaxies that the tests are about."""
        return GalaxySample(self.sums.n, self.suffix, {"annotation": self.column})

    @cached_property
    def constrained(self) -> ConstrainedComponents:
        """What the sky constrains of a dipole of these labels."""
        return constrained_of_fraction(self.positions.sums, self.labels.sums.total / self.sums.n)

    def tests(self, findings: Findings) -> dict[str, Callable[[], AuditFinding | Iterable[AuditFinding]]]:
        """All tests by name; `findings` is for what a test finds that cannot be made."""
        try:
            field = self.constrained.kind == FIELD
        except ValueError:
            # Each test has its own sentence on what is missing.
            field = False
        if field:
            return {
                "dipole_score": self.dipole_score,
                "field_gradient": self.field_gradient,
                "cosine_scan_paper_style": self.cosine_scan,
                "ra_bins": self.ra_bins,
                **{name: partial(self.halves, name) for name in HALVES},
            }
        return {
            "dipole_score": self.dipole_score,
            "block_dipole": partial(self.block_dipole, None),
            "cosine_scan_paper_style": self.cosine_scan,
            "linear_probability_dipole": self.linear_probability,
            "glm": partial(self.glm, findings),
            "cosine_in_ra": self.cosine_in_ra,
            "declination_gradient": self.declination_gradient,
            "ra_bins": self.ra_bins,
            **{name: partial(self.halves, name) for name in HALVES},
            **{name: partial(self.scan, name) for name in SCANS},
            **{f"block_dipole_nside{nside}": partial(self.block_dipole, nside) for nside in BLOCK_NSIDES},
        }

    def made_dipole(self, axes: NDArray[np.float64] | None) -> MadeDipole:
        """The centred dipole, or its components along axes (k, 3), and the interval of its amplitude."""
        positions, labels = self.positions, self.labels
        if axes is not None:
            positions, labels = positions.along(axes), labels.along(axes)
        return centred_dipole(positions, labels, self.settings)

    def dipole_score(self) -> AuditFinding:
        """Centred score test of what the sky constrains, with the amplitude's interval, limit and odds."""
        estimand = "amplitude of the dipole of the fraction of the positive class"
        sky, made = self.constrained, self.made_dipole
        return full_dipole(self.sample, "dipole_score", NO_DEPENDENCE, estimand, made, sky, self.settings, self.family)

    def field_gradient(self) -> AuditFinding:
        """On a field, in place of the dipole: does the fraction change across it?"""
        positives = self.annotation.fine_positives
        # Labels are their own squares.
        values = PixelValues(positives, positives, self.labels.vector)
        what, sky = "the fraction of the positive class", self.constrained
        return field_finding(
            self.sample, "field_gradient", what, self.sums.fine_positions, values, sky, self.settings, self.family
        )

    def cosine_scan(self) -> AuditFinding:
        """Paper-style maximum over all axes: uncentred signs, random signs as null."""
        needs_all_axes(self.constrained)
        signs = self.annotation.signs(self.positions)
        drawn = pixels_for_random_skies(self.positions, signs)
        found = random_sign_test(*drawn, self.settings.permutations, self.settings.seed)
        mean = signs.sums.total / self.sample.n
        alone = sigma_without_dipole(self.positions.sums, mean)
        check = weak_axis_check(found.axis, self.constrained)
        extra = axis_keys(found.axis) | {
            "max_sigma": found.max_sigma,
            "p_if_sigma_were_normal": 2 * stats.norm.sf(found.max_sigma),
            "equivalent_sigma": _two_sided_sigma(found.max_sigma),
            "mean_sign": mean,
            "sigma_without_dipole": alone,
            "weak_axis_angle_deg": check.angle_deg,
            "weak_axis_suspicious": check.suspicious,
            "se_inflation_along_axis": check.se_inflation,
        }
        return self.sample.finding(
            "cosine_scan_paper_style",
            "every galaxy is of either class with probability 1/2",
            "largest sigma of a cosine dependence over all axes",
            extra,
            family="paper_style",
            estimate=found.max_sigma,
            statistic=found.max_sigma,
            dof=3,
            p=found.p,
            log10_p=log10_p_scan(found.max_sigma),
            p_permutation=found.p_monte_carlo,
            p_smallest=self.settings.p_smallest,
            notes=[
                "a scanned maximum follows chi with three degrees of freedom, not a normal distribution",
                "labels are not centred: an unequal mix of classes makes a dipole on a partly covered sky",
            ],
        )

    def linear_probability(self) -> AuditFinding:
        """Maximum likelihood of p = M + D cos, for comparison with Patel & Desmond (2024)."""
        needs_all_axes(self.constrained)
        found = linear_probability(self.sums.fine_positions, self.annotation.fine_positives)
        return self.sample.dipole(
            "linear_probability_dipole",
            NO_DEPENDENCE,
            "amplitude D of p(n) = M + D d.n",
            found.beta,
            found.dipole.statistic,
            found.dipole.p,
            {"monopole": found.monopole, "delta_bic": found.delta_bic},
            log10_p=log10_p_chi2(found.dipole.statistic, 3),
            notes=["a delta BIC above zero favours isotropy"],
        )

    def glm(self, findings: Findings) -> Iterator[AuditFinding]:
        """Binomial regressions on dipole, quadrupole and octopole: likelihood-ratio tests."""
        return multipole_findings(self.sums, self.annotation, self.sample, self.settings, findings, self.constrained)

    def cosine_in_ra(self) -> AuditFinding:
        """Cosine of right ascension, its phase free."""
        needs_axes(self.constrained, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
        found = self.cosine_fit()
        return self.sample.finding(
            "cosine_in_ra",
            "the fraction does not depend on right ascension",
            "amplitude of a cosine in right ascension",
            {"phase_ra": found.phase_deg, "mean": found.mean},
            estimate=found.amplitude,
            se=found.amplitude_se,
            statistic=found.chi2,
            dof=2,
            p=found.p,
            log10_p=log10_p_chi2(found.chi2, 2),
        )

    def declination_gradient(self) -> AuditFinding:
        """Gradient in sin(dec) beside the cosine in right ascension."""
        needs_axes(self.constrained, [0.0, 0.0, 1.0])
        found = fixed_axis_test(self.plain_dipole(), [0.0, 0.0, 1.0])
        return self.sample.finding(
            "declination_gradient",
            "the fraction does not change with declination",
            "change of the fraction from the celestial equator to the pole",
            **with_normal_error(found.estimate, found.se),
            statistic=found.z,
            p=found.p,
            log10_p=log10_p_normal(found.z),
        )

    def ra_bins(self) -> AuditFinding:
        """Equal fractions in all bins of right ascension."""
        chi2, dof, p = homogeneity(self.annotation.positives.sum(axis=1), self.sums.counts.sum(axis=1))
        null = "the fraction is the same in all bins of right ascension"
        estimand = f"fractions in {RA_BINS} bins of right ascension"
        return self.sample.finding(
            "ra_bins", null, estimand, statistic=chi2, dof=dof, p=p, log10_p=log10_p_chi2(chi2, dof)
        )

    def halves(self, name: str) -> AuditFinding:
        """Right ascension below 180 degrees minus the rest, or north minus south of the celestial equator."""
        estimand, *parts = HALVES[name]
        found = self.contrast(*parts)
        return self.sample.finding(
            name,
            "the fractions of the two halves are equal",
            estimand,
            {"n_halves": [self.sums.counts[part].sum() for part in parts]},
            estimate=found.difference,
            se=found.se,
            ci95=list(found.ci95),
            statistic=found.z,
            p=found.p,
            log10_p=log10_p_normal(found.z),
        )

    def scan(self, name: str) -> AuditFinding:
        """A template scanned over many axes, with the null of the largest contrast."""
        needs_all_axes(self.constrained)
        scanned, contrast = SCANS[name]
        axes = unit_vectors(*tile_centres(_SCAN_NSIDE_ORDER))
        axes = axes[axes[:, 2] >= 0]
        permutations = min(_SCAN_PERMUTATIONS, self.settings.permutations)
        found = scanned(axes, self.positions, self.labels, permutations, self.settings.seed)
        return self.sample.finding(
            name,
            NO_DEPENDENCE,
            f"largest |z| of {contrast} over {len(axes)} axes",
            axis_keys(found.axis),
            estimate=found.maximum,
            statistic=found.maximum,
            p_permutation=found.p,
            p_smallest=1 / (permutations + 1),
        )

    def block_dipole(self, nside: int | None) -> AuditFinding:
        """Dipole with blocks of sky as the unit, for labels that neighbours share; None for the size chosen beforehand.

        Other sizes are for the figure of p against the size.
        """
        return block_finding(
            self.sample, block_name(nside), nside, self.positions, self.labels, self.constrained, self.settings
        )

    # What these are made of, which weights change.

    def cosine_fit(self) -> CosineFit:
        """The fit of a cosine in right ascension."""
        return cosine_score_test(self.sums.circle, self.annotation.circle)

    def plain_dipole(self) -> Dipole:
        """The dipole without permutations."""
        return dipole(self.positions.sums, self.labels.sums)

    def contrast(self, first: Any, second: Any) -> FractionContrast:
        """The fractions of two parts (right ascension bin, hemisphere) of the sky compared."""
        counted = ((self.annotation.positives[part].sum(), self.sums.counts[part].sum()) for part in (first, second))
        (k_first, n_first), (k_second, n_second) = counted
        return fraction_contrast(k_first, n_first, k_second, n_second)
