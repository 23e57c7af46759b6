"""Regressions of an audit: on multipoles, and on templates (seeing, depth, extinction, ...) beside a dipole."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workflow_scripts.audits.audit_findings import (
    AuditFinding,
    AuditSettings,
    Findings,
    GalaxySample,
    amplitude_interval,
    axis_keys,
    with_limit,
    with_normal_error,
)
from workflow_scripts.audits.binning import Covariates
from workflow_scripts.audits.catalog_sums import AUDIT_PIXELS, AnnotationSums, CatalogSums
from workflow_scripts.audits.sky_dipoles import block_finding
from workflow_scripts.statistics.log_p import log10_p_chi2, log10_p_normal
from workflow_scripts.statistics.sky.constrained_components import (
    FIELD,
    SKY,
    ConstrainedComponents,
    constrained_components,
    constrained_of_fraction,
    constrained_part,
    tested_axes,
    whole_dipole,
)
from workflow_scripts.statistics.sky.dipole import DipoleEstimate, dipole
from workflow_scripts.statistics.sky.dipole_stability import StabilityStep, dipole_stability
from workflow_scripts.statistics.sky.field_trend import field_axes
from workflow_scripts.statistics.sky.mediation import mediation
from workflow_scripts.statistics.sky.regression import NestedTest, SkyGlm, sky_glm
from workflow_scripts.statistics.sky.sky_blocks import coarser_pixels
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues, PositionSums, ValueSums
from workflow_scripts.statistics.sky.template_regression import (
    LEAST_RETAINED,
    TemplateCrossFit,
    over_correction,
    regressed_dipole,
)

# Null and estimand of each test, by the degree of its fit.
_MULTIPOLES = {
    "glm_dipole": ("no dipole, without a quadrupole", "likelihood ratio of a dipole in the log odds"),
    "glm_quadrupole": (
        "no quadrupole, given a dipole",
        "length of the quadrupole's five coefficients in the log odds",
    ),
    "glm_dipole_given_quadrupole": ("no dipole, given a quadrupole", "dipole in the log odds beside a quadrupole"),
    "glm_octopole": (
        "no octopole, given dipole and quadrupole",
        "length of the octopole's seven coefficients in the log odds",
    ),
    "glm_dipole_given_octopole": (
        "no dipole, given quadrupole and octopole",
        "dipole in the log odds beside quadrupole and octopole",
    ),
}
_BESIDE = "a quadrupole that is fitted beside the dipole: what both could explain is neither's"
_PIXELS = "galaxies stand in pixels of 1.8 degrees, with the mean of their templates: changes within one go unseen"
_NAMES = {2: "quadrupole", 3: "octopole"}
# Templates are fitted in other patches of the sky than those in which they are applied.
_PATCH_NSIDE = 8
_BLOCKS_AFTER = "block_dipole_after_templates"
_Made = tuple[NestedTest | None, tuple[NDArray[np.float64], NDArray[np.float64]] | None]


def multipole_findings(
    sums: CatalogSums,
    annotation: AnnotationSums,
    sample: GalaxySample,
    settings: AuditSettings,
    findings: Findings,
    sky: ConstrainedComponents,
) -> Iterator[AuditFinding]:
    """Likelihood-ratio tests of the fits up to l = 1, 2 and 3.

    `sky` says what it constrains of a dipole: where that is not all, the dipole has the constrained components, and
    there is no fit beyond it. `sample` has the suffix of the names; `glm_dipole`
    has the report of the dipole's stability. Fits are those of fine pixels; scatter between pixels shows in large ones,
    which hold many galaxies, about the fit of the highest degree. A degree that these galaxies leave open is in
    `findings.not_run`. Raises `ValueError` where not even the dipole can be fitted.
    """
    axes = tested_axes(sky)
    fine, coarse = (
        positions if axes is None else positions.along(axes) for positions in (sums.fine_positions, sums.positions)
    )
    steps = dipole_stability(fine, annotation.fine_positives)
    highest = max(step.lmax for step in steps if step.fit is not None)
    dispersion = sky_glm(coarse, annotation.labels.totals, lmax=highest).dispersion
    for step in steps:
        if step.fit is None:
            findings.leave_out(f"glm_{_NAMES[step.lmax]}{sample.suffix}", step.refused)
            continue
        for name, (nested, vector) in _tests(step.fit, step.lmax).items():
            assert nested is not None
            values: dict[str, Any] = {"statistic": nested.statistic, "dof": nested.dof, "p": nested.p}
            own: dict[str, Any] = {"dispersion": dispersion, "condition": step.fit.condition}
            if vector is None:
                own["stability"] = [_row(row, sky) for row in steps]
            else:
                interval = amplitude_interval(*vector, settings)
                values |= {"estimate": float(np.linalg.norm(vector[0])), "ci95": [interval.low, interval.high]}
                own["upper_limit_95"] = interval.upper_limit
            if name.startswith("glm_dipole_given"):
                own |= axis_keys(step.fit.beta)
            values["notes"] = _notes(step.fit, dispersion) + ([_BESIDE] if name == "glm_quadrupole" else [])
            values["notes"] += [sky.sentence] if sky.sentence else []
            values["log10_p"] = log10_p_chi2(nested.statistic, nested.dof)
            yield sample.finding(name, *_MULTIPOLES[name], own, **values)


def _tests(fit: SkyGlm, lmax: int) -> dict[str, _Made]:
    """The tests of a fit of degree `lmax`, each with the coefficients that it estimates and their covariance."""
    if lmax == 1:
        return {"glm_dipole": (fit.dipole, None)}
    dipole = fit.beta, fit.beta_covariance
    if lmax == 2:
        return {
            "glm_quadrupole": (fit.quadrupole, (fit.theta, fit.theta_covariance)),
            "glm_dipole_given_quadrupole": (fit.dipole_given_quadrupole, dipole),
        }
    return {
        "glm_octopole": (fit.octopole, (fit.omega, fit.omega_covariance)),
        "glm_dipole_given_octopole": (fit.dipole_given_octopole, dipole),
    }


def _notes(fit: SkyGlm, dispersion: float) -> list[str]:
    notes = ["galaxies stand in pixels of 0.23 degrees; the dispersion is of pixels of 1.8 degrees"]
    if dispersion > 1.5:
        notes.append(f"scatter between pixels is {dispersion:.2f} times the binomial")
    if fit.ill_conditioned:
        notes.append(
            f"these galaxies hardly separate the multipoles (condition number {fit.condition:.1e}): read the"
            " interval, not the estimate"
        )
    return notes


def _row(step: StabilityStep, sky: ConstrainedComponents) -> dict[str, Any]:
    """A step for summary.json; numbers are None where the fit was refused."""
    row: dict[str, Any] = {"lmax": step.lmax, "refused": step.refused, "flagged": step.flagged}
    row |= dict.fromkeys(("beta", "se", "amplitude", "axis_ra", "axis_dec", "statistic", "p", "condition"))
    row |= {"se_inflation": step.se_inflation, "alias_matrix": None, "largest_alias": None}
    if step.fit is not None and step.dipole is not None:
        beta, kept = whole_dipole(step.fit.beta, sky), np.eye(3) if sky.kind == SKY else sky.kept
        se = np.sqrt(np.diag(kept.T @ step.fit.beta_covariance @ kept))
        row |= {"beta": beta, "se": se, "amplitude": float(np.linalg.norm(beta))}
        row |= axis_keys(beta)
        row |= {"statistic": step.dipole.statistic, "p": step.dipole.p, "condition": step.fit.condition}
    if step.aliasing is not None:
        row |= {"alias_matrix": step.aliasing.matrix, "largest_alias": float(np.linalg.norm(step.aliasing.matrix, 2))}
    return row


def explained_in_words(share: float) -> str:
    """The share of the variance that templates explain, without a sign where it rounds to nothing."""
    return f"{round(share, 3) + 0:.1%} of the variance of labels"


def template_tests(covariates: Covariates, settings: AuditSettings, findings: Findings) -> None:
    """Make all tests with covariates: of the first annotation, and, where there are two, of their difference."""
    findings.attempt("dipole_after_templates", lambda: _cross_fitted(covariates, settings, findings))
    findings.attempt("templates_in_glm", lambda: _in_glm(covariates, findings))
    if len(covariates.labels) > 1:
        findings.attempt("difference_mediation", lambda: _mediation(covariates, settings))


def _sky(covariates: Covariates) -> ConstrainedComponents:
    """What these galaxies constrain of a dipole of the first annotation."""
    return constrained_of_fraction(PositionSums.of(covariates.vectors), float(covariates.labels[0].mean()))


def _patches(covariates: Covariates) -> np.ndarray:
    return coarser_pixels(AUDIT_PIXELS, 12 * _PATCH_NSIDE**2)[covariates.pixels]


def _cross_fitted(covariates: Covariates, settings: AuditSettings, findings: Findings) -> list[AuditFinding]:
    """The dipole of what templates leave, and the same with blocks of sky as the unit, where they can be made."""
    cross = TemplateCrossFit.of(covariates.vectors, covariates.templates, _patches(covariates), seed=settings.seed)
    found, kept = regressed_dipole(cross, covariates.labels[0]), over_correction(cross)
    sky = _sky(covariates)
    part = constrained_part(found, sky)
    notes = [f"templates explain {explained_in_words(found.explained_variance)} in other patches"]
    if kept.worst_share < LEAST_RETAINED:
        notes.append(f"the templates could take away a true dipole: along one axis {kept.worst_share:.0%} is left")
    if covariates.left_out:
        notes.append(f"{covariates.left_out} galaxies lack a covariate and are left out")
    extra = {"templates": list(covariates.names), "retained_worst_share": kept.worst_share}
    extra |= {"residual_amplitude": float(np.linalg.norm(found.residual_dipole.beta))}
    notes += [sky.sentence] if sky.sentence else []
    values = with_limit(part.beta, part.covariance, settings, extra | {"explained_variance": found.explained_variance})
    made = GalaxySample(len(covariates.vectors)).dipole(
        "dipole_after_templates",
        "no dipole beside what the templates explain",
        "amplitude of the dipole of the fraction with templates regressed out",
        whole_dipole(part.beta, sky),
        part.q,
        part.p,
        dof=len(part.beta),
        notes=notes,
        **values,
    )
    try:
        return [made, _blocks_after(covariates, found.residuals, part, sky, settings)]
    except ValueError as reason:
        findings.leave_out(_BLOCKS_AFTER, str(reason))
        return [made]


def _blocks_after(
    covariates: Covariates,
    residuals: NDArray[np.float64],
    part: DipoleEstimate,
    sky: ConstrainedComponents,
    settings: AuditSettings,
) -> AuditFinding:
    """The dipole of `residuals` (n,) with blocks of sky as the unit; estimate, interval and limit are of `part`.

    Its p takes templates for known. What was fitted with them can only shrink the variance of the dipole (their
    share of it is gone), so that p is too large rather than too small where templates have a dipole themselves.
    """
    labels = covariates.labels[0]
    positions = PixelPositions.of(covariates.vectors, covariates.pixels, AUDIT_PIXELS)
    values = PixelValues.of(residuals, covariates.vectors, covariates.pixels, AUDIT_PIXELS)
    # Galaxies scatter by what templates leave.
    own = replace(sky, se=sky.se * float(residuals.std() / labels.std()))
    made = block_finding(GalaxySample(len(labels)), _BLOCKS_AFTER, None, positions, values, own, settings)
    known = with_limit(part.beta, part.covariance * made.extra["wider"] ** 2, settings)
    test = replace(
        made.test,
        null="no dipole beside the templates, whatever labels of one block of sky have in common",
        estimand=f"{made.test.estimand}, templates regressed out",
        estimate=float(np.linalg.norm(part.beta)),
        ci95=known["ci95"],
    )
    return AuditFinding(test, made.extra | axis_keys(whole_dipole(part.beta, sky)) | known["extra"])


def _in_glm(covariates: Covariates, findings: Findings) -> Iterator[AuditFinding]:
    sky = _sky(covariates)
    field = sky.kind == FIELD
    axes = field_axes(PositionSums.of(covariates.vectors)) if field else tested_axes(sky)
    beside = "a gradient" if field else "a dipole"
    pixels, sample = covariates.pixels, GalaxySample(len(covariates.pixels))
    vectors = covariates.vectors if axes is None else covariates.vectors @ axes.T
    positions = PixelPositions.of(vectors, pixels, AUDIT_PIXELS)
    columns = [covariates.labels[0], *covariates.templates.T]
    positives, *totals = (np.bincount(pixels, weights=column, minlength=AUDIT_PIXELS) for column in columns)
    means = np.column_stack(totals) / np.maximum(positions.counts, 1)[:, None]
    fit = sky_glm(positions, np.rint(positives), means, lmax=1)
    if field:
        findings.leave_out("glm_dipole_given_templates", sky.sentence)
    else:
        yield sample.dipole(
            "glm_dipole_given_templates",
            "no dipole, given the templates",
            "dipole in the log odds beside the templates",
            whole_dipole(fit.beta, sky),
            fit.dipole.statistic,
            fit.dipole.p,
            {"templates": list(covariates.names), "condition": fit.condition},
            dof=fit.dipole.dof,
            notes=[_PIXELS, *([sky.sentence] if sky.sentence else [])],
        )
    for name, gamma, variance in zip(covariates.names, fit.gamma, np.diag(fit.gamma_covariance), strict=True):
        se = float(np.sqrt(variance))
        yield sample.finding(
            f"template {name}",
            "the fraction does not depend on the template",
            f"change of the log odds for a standard deviation of {name}, beside {beside}",
            **with_normal_error(float(gamma), se),
            statistic=float(gamma) / se,
            p=float(2 * stats.norm.sf(abs(gamma) / se)),
            log10_p=log10_p_normal(float(gamma) / se),
            notes=[_PIXELS],
        )


def _mediation(covariates: Covariates, settings: AuditSettings) -> AuditFinding:
    difference = covariates.labels[0] - covariates.labels[1]
    positions, share, mean = (
        PositionSums.of(covariates.vectors),
        float((difference**2).mean()),
        float(difference.mean()),
    )
    axes = tested_axes(constrained_components(positions, share - mean**2, share, mean))
    vectors = covariates.vectors if axes is None else covariates.vectors @ axes.T
    alone = dipole(PositionSums.of(vectors), ValueSums.of(difference, vectors))
    found = mediation(vectors, difference, covariates.templates, _patches(covariates), seed=settings.seed)
    return GalaxySample(len(difference)).finding(
        "difference_mediation",
        "(no test: an interval)",
        "share of the dipole of the difference that goes away with templates in the fit",
        {"share_along": found.share_along, "share_along_ci95": found.share_along_ci95},
        estimate=found.share,
        ci95=list(found.share_ci95),
        notes=[f"means little unless the dipole itself is certain (p = {alone.p:.2g})"],
    )
