"""The tests with covariates: what of a dependence on the sky goes along with seeing, depth, extinction, ..."""

from collections.abc import Iterator

import numpy as np
from scipy import stats

from workflow_scripts.audits.binning import Covariates
from workflow_scripts.audits.dipoles import dipole_finding
from workflow_scripts.audits.findings import Finding, Findings, galaxy_test, normal_interval
from workflow_scripts.audits.settings import Settings
from workflow_scripts.audits.sums import N_PIXELS
from workflow_scripts.statistics.sky.block_dipole import coarser_pixels
from workflow_scripts.statistics.sky.pixels import PixelPositions
from workflow_scripts.statistics.sky.regression import sky_glm
from workflow_scripts.statistics.sky.template_regression import cross_fitted_dipole, mediation

PATCH_NSIDE = 8


def template_tests(covariates: Covariates, settings: Settings, findings: Findings) -> None:
    """Make all tests with covariates: of the first annotation, and, where there are two, of their difference."""
    findings.attempt("dipole_after_templates", lambda: _cross_fitted(covariates, settings))
    findings.attempt("templates_in_glm", lambda: _in_glm(covariates))
    if len(covariates.labels) > 1:
        findings.attempt("difference_mediation", lambda: _mediation(covariates, settings))


def _patches(covariates: Covariates) -> np.ndarray:
    return coarser_pixels(N_PIXELS, 12 * PATCH_NSIDE**2)[covariates.pixels]


def _cross_fitted(covariates: Covariates, settings: Settings) -> Finding:
    found = cross_fitted_dipole(
        covariates.vectors, covariates.labels[0], covariates.templates, _patches(covariates), seed=settings.seed
    )
    kept = found.over_correction
    notes = [f"templates explain {found.explained_variance:.1%} of the variance of labels in other patches"]
    if not kept.passed:
        notes.append(f"the templates could take away a true dipole: along one axis {kept.worst_share:.0%} is left")
    if covariates.left_out:
        notes.append(f"{covariates.left_out} galaxies lack a covariate and are left out")
    extra = {"templates": list(covariates.names), "retained_worst_share": kept.worst_share}
    extra |= {"residual_amplitude": float(np.linalg.norm(found.residual_dipole.beta))}
    return dipole_finding(
        "dipole_after_templates",
        len(covariates.vectors),
        "no dipole beside what the templates explain",
        "amplitude of the dipole of the fraction with templates regressed out",
        found.beta,
        found.q,
        found.p,
        extra | {"explained_variance": found.explained_variance},
        notes=notes,
    )


def _in_glm(covariates: Covariates) -> Iterator[Finding]:
    pixels, n = covariates.pixels, len(covariates.pixels)
    positions = PixelPositions.of(covariates.vectors, pixels, N_PIXELS)
    positives = np.bincount(pixels, weights=covariates.labels[0], minlength=N_PIXELS)
    means = (
        np.column_stack([np.bincount(pixels, weights=column, minlength=N_PIXELS) for column in covariates.templates.T])
        / np.maximum(positions.counts, 1)[:, None]
    )
    fit = sky_glm(positions, np.rint(positives), means, lmax=1)
    yield dipole_finding(
        "glm_dipole_given_templates",
        n,
        "no dipole, given the templates",
        "dipole in the log odds beside the templates",
        fit.beta,
        fit.dipole.statistic,
        fit.dipole.p,
        {"templates": list(covariates.names), "condition": fit.condition},
    )
    for name, gamma, variance in zip(covariates.names, fit.gamma, np.diag(fit.gamma_covariance), strict=True):
        se = float(np.sqrt(variance))
        test = galaxy_test(
            f"template {name}",
            "secondary",
            n,
            "the fraction does not depend on the template",
            f"change of the log odds for a standard deviation of {name}, beside a dipole",
            estimate=float(gamma),
            se=se,
            ci95=normal_interval(float(gamma), se),
            statistic=float(gamma) / se,
            p=float(2 * stats.norm.sf(abs(gamma) / se)),
        )
        yield Finding(test)


def _mediation(covariates: Covariates, settings: Settings) -> Finding:
    difference = covariates.labels[0] - covariates.labels[1]
    found = mediation(covariates.vectors, difference, covariates.templates, _patches(covariates), seed=settings.seed)
    test = galaxy_test(
        "difference_mediation",
        "secondary",
        len(difference),
        "(no test: an interval)",
        "share of the dipole of the difference that goes away with templates in the fit",
        estimate=found.share,
        ci95=list(found.share_ci95),
        notes=[f"means little unless the dipole itself is certain (p = {found.raw.p:.2g})"],
    )
    return Finding(test, {"share_along": found.share_along, "share_along_ci95": found.share_along_ci95})
