"""Binomial regressions of an audit: dipole, quadrupole and octopole, and whether the dipole stays as they are added."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.audits.findings import Finding, Findings, axis_keys, galaxy_test
from workflow_scripts.audits.settings import Settings
from workflow_scripts.audits.sums import AnnotationSums, CatalogSums
from workflow_scripts.statistics.sky.dipole_amplitude import calibrated_interval
from workflow_scripts.statistics.sky.dipole_stability import StabilityStep, dipole_stability
from workflow_scripts.statistics.sky.regression import NestedTest, SkyGlm, sky_glm

# Of each test, by the degree of its fit: what is zero under its null and what else is in both models.
_NULLS = {
    "glm_dipole": "no dipole, without a quadrupole",
    "glm_quadrupole": "no quadrupole, given a dipole",
    "glm_dipole_given_quadrupole": "no dipole, given a quadrupole",
    "glm_octopole": "no octopole, given dipole and quadrupole",
    "glm_dipole_given_octopole": "no dipole, given quadrupole and octopole",
}
_ESTIMANDS = {
    "glm_dipole": "likelihood ratio of a dipole in the log odds",
    "glm_quadrupole": "length of the quadrupole's five coefficients in the log odds",
    "glm_dipole_given_quadrupole": "dipole in the log odds beside a quadrupole",
    "glm_octopole": "length of the octopole's seven coefficients in the log odds",
    "glm_dipole_given_octopole": "dipole in the log odds beside quadrupole and octopole",
}
_NAMES = {2: "quadrupole", 3: "octopole"}
_Made = tuple[NestedTest | None, tuple[NDArray[np.float64], NDArray[np.float64]] | None]


def multipole_findings(
    sums: CatalogSums,
    annotation: AnnotationSums,
    suffix: str,
    extra: Mapping[str, Any],
    settings: Settings,
    findings: Findings,
) -> Iterator[Finding]:
    """Likelihood-ratio tests of the fits up to l = 1, 2 and 3.

    `suffix` follows the tests' names, `extra` are keys of all of them, and `glm_dipole` has the report of the dipole's
    stability. Fits are those of fine pixels; scatter between pixels shows in large ones, which hold many galaxies,
    about the fit of the highest degree. A degree that these galaxies leave open is in `findings.not_run`. Raises
    `ValueError` where not even the dipole can be fitted.
    """
    steps = dipole_stability(sums.fine_positions, annotation.fine_positives)
    highest = max(step.lmax for step in steps if step.fit is not None)
    dispersion = sky_glm(sums.positions, annotation.labels.totals, lmax=highest).dispersion
    for step in steps:
        if step.fit is None:
            findings.not_run.append(f"glm {_NAMES[step.lmax]}{suffix}: {step.refused}")
            continue
        for name, (nested, vector) in _tests(step.fit, step.lmax).items():
            assert nested is not None
            values: dict[str, Any] = {"statistic": nested.statistic, "dof": nested.dof, "p": nested.p}
            own: dict[str, Any] = {"dispersion": dispersion, "condition": step.fit.condition}
            if vector is None:
                own["stability"] = [_row(row) for row in steps]
            else:
                interval = calibrated_interval(*vector, seed=settings.seed)
                values |= {"estimate": float(np.linalg.norm(vector[0])), "ci95": [interval.low, interval.high]}
                own["upper_limit_95"] = interval.upper_limit
            if name.startswith("glm_dipole_given"):
                own |= axis_keys(step.fit.beta)
            values["notes"] = _notes(step.fit, dispersion)
            test = galaxy_test(f"{name}{suffix}", "secondary", sums.n, _NULLS[name], _ESTIMANDS[name], **values)
            yield Finding(test, {**extra, **own})


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
    notes = []
    if dispersion > 1.5:
        notes.append(f"scatter between pixels is {dispersion:.2f} times the binomial")
    if fit.ill_conditioned:
        notes.append(
            f"these galaxies hardly tell the multipoles apart (condition number {fit.condition:.1e}): read the"
            " interval, not the estimate"
        )
    return notes


def _row(step: StabilityStep) -> dict[str, Any]:
    """A step for summary.json; numbers are None where the fit was refused."""
    row: dict[str, Any] = {"lmax": step.lmax, "refused": step.refused, "flagged": step.flagged}
    row |= dict.fromkeys(("beta", "se", "amplitude", "axis_ra", "axis_dec", "statistic", "p", "condition"))
    row |= {"se_inflation": step.se_inflation, "alias_matrix": None, "largest_alias": None}
    if step.fit is not None and step.dipole is not None:
        row |= {"beta": step.fit.beta, "se": np.sqrt(np.diag(step.fit.beta_covariance))}
        row |= {"amplitude": float(np.linalg.norm(step.fit.beta)), **axis_keys(step.fit.beta)}
        row |= {"statistic": step.dipole.statistic, "p": step.dipole.p, "condition": step.fit.condition}
    if step.aliasing is not None:
        row |= {"alias_matrix": step.aliasing.matrix, "largest_alias": float(np.linalg.norm(step.aliasing.matrix, 2))}
    return row
