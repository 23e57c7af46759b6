"""The tests of an annotation against reference labels: where it errs, and what that does to fractions."""

from collections.abc import Iterator

import numpy as np

from workflow_scripts.audits.dipoles import dipole_finding
from workflow_scripts.audits.findings import Finding, Findings, galaxy_test, normal_interval
from workflow_scripts.audits.settings import Settings
from workflow_scripts.audits.sums import RA_BINS, ReferenceSums
from workflow_scripts.statistics.truth.calibration import calibration_dipole
from workflow_scripts.statistics.truth.calibration_error import calibration_error
from workflow_scripts.statistics.truth.discrimination import balanced_accuracy
from workflow_scripts.statistics.truth.error_decomposition import ErrorCounts, decompose_difference
from workflow_scripts.statistics.truth.error_dipoles import error_dipoles

CALIBRATION_DRAWINGS = 999


def reference_tests(reference: ReferenceSums, settings: Settings, findings: Findings) -> None:
    """Make all tests against a reference; those of scores where there are scores."""
    findings.attempt("error_dipoles", lambda: _error_dipoles(reference, findings))
    findings.attempt("bias_between_ra_halves", lambda: _decomposition(reference, "ra"))
    findings.attempt("bias_between_dec_halves", lambda: _decomposition(reference, "dec"))
    if reference.residuals is None:
        findings.not_run.append("calibration: there is no column of scores (--score)")
        return
    findings.attempt("calibration_dipole", lambda: _calibration_dipole(reference))
    findings.attempt("calibration_error", lambda: _calibration_error(reference, settings))


def error_counts(reference: ReferenceSums, part: str = "all") -> ErrorCounts:
    """Galaxies by reference and label in a part: `all`, `ra_low`, `ra_high`, `north`, `south`."""
    half = RA_BINS // 2
    chosen = {
        "all": (slice(None), slice(None)),
        "ra_low": (slice(0, half), slice(None)),
        "ra_high": (slice(half, None), slice(None)),
        "south": (slice(None), slice(0, 1)),
        "north": (slice(None), slice(1, 2)),
    }[part]
    counts = np.rint(reference.parts[(slice(None), slice(None), *chosen)].sum(axis=(2, 3))).astype(int)
    return ErrorCounts(int(counts[1, 1]), int(counts[1, 0]), int(counts[0, 1]), int(counts[0, 0]))


def _error_dipoles(reference: ReferenceSums, findings: Findings) -> Iterator[Finding]:
    found = error_dipoles(reference.errors)
    counts = error_counts(reference)
    for name, dipole, n, null in (
        ("signed_error_dipole", found.signed_error, counts.n, "label minus reference does not depend on position"),
        ("false_positive_rate_dipole", found.false_positive_rate, counts.negatives, "the rate is the same everywhere"),
        ("false_negative_rate_dipole", found.false_negative_rate, counts.positives, "the rate is the same everywhere"),
    ):
        if dipole is None:
            continue
        notes = ["also a dipole of the reference itself shows here"] if name == "signed_error_dipole" else []
        estimand = f"amplitude of the dipole of the {name.removesuffix('_dipole').replace('_', ' ')}"
        extra = {"mean": dipole.mean, "beta": dipole.beta}
        yield dipole_finding(name, n, null, estimand, dipole.beta, dipole.q, dipole.p, extra, notes=notes)
    findings.not_run.extend(f"error dipoles: {note}" for note in found.notes)


def _decomposition(reference: ReferenceSums, kind: str) -> Finding:
    parts = ("ra_low", "ra_high") if kind == "ra" else ("north", "south")
    first, second = (error_counts(reference, part) for part in parts)
    found = decompose_difference(first, second)
    halves = "right ascension below 180 degrees minus above" if kind == "ra" else "north minus south"
    test = galaxy_test(
        f"bias_between_{kind}_halves",
        "secondary",
        first.n + second.n,
        "true-positive and false-positive rates are the same in both halves",
        f"part of the difference of fractions that errors make, {halves}",
        estimate=found.bias,
        se=found.bias_se,
        ci95=normal_interval(found.bias, found.bias_se),
        statistic=found.chi2_bias,
        p=found.p_bias,
    )
    terms = {"difference": found.difference, "truth": found.truth, "sensitivity": found.sensitivity}
    return Finding(test, terms | {"false_alarms": found.false_alarms, "terms_se": found.se})


def _calibration_dipole(reference: ReferenceSums) -> Iterator[Finding]:
    assert reference.residuals is not None
    found = calibration_dipole(reference.residuals)
    n, beta = error_counts(reference).n, found.residuals.dipole.beta
    null, estimand = (
        "reference minus score does not depend on position",
        "amplitude of the dipole of reference minus score",
    )
    yield dipole_finding("calibration_dipole", n, null, estimand, beta, found.residuals.q, found.residuals.p)
    if np.isfinite(found.mean_z):
        values = {"estimate": found.residuals.dipole.mean, "statistic": found.mean_z, "p": found.mean_p}
        what, null = "mean of reference minus score", "scores are true probabilities on average"
        yield Finding(galaxy_test("calibration_mean", "secondary", n, null, what, **values))


def _calibration_error(reference: ReferenceSums, settings: Settings) -> Iterator[Finding]:
    assert reference.cells is not None
    for name, cells, where in (
        ("calibration_error", reference.cells.all_regions(), ("all over the sky",)),
        ("calibration_error_ra", reference.cells, ("right ascension below 180 degrees", "above")),
    ):
        found = calibration_error(cells, CALIBRATION_DRAWINGS, settings.seed)
        for region, place in enumerate(where):
            if not found.n[region]:
                continue
            test = galaxy_test(
                name if len(where) == 1 else f"{name}_{('low', 'high')[region]}",
                "secondary",
                int(found.n[region]),
                "scores are true probabilities",
                f"expected calibration error, {place}",
                estimate=float(found.debiased[region]),
                statistic=float(found.ece[region]),
                p_permutation=float(found.p[region]),
                p_smallest=1 / (CALIBRATION_DRAWINGS + 1),
            )
            yield Finding(test, {"ece_if_calibrated": float(found.ece_if_calibrated[region])})


def accuracy(reference: ReferenceSums) -> dict[str, float | int]:
    """Numbers of the comparison as a whole; balanced accuracy where both classes occur."""
    counts = error_counts(reference)
    wrong = counts.false_positives + counts.false_negatives
    found: dict[str, float | int] = {"n": counts.n, "accuracy": 1 - wrong / counts.n}
    if min(counts.positives, counts.negatives) > 0:
        found["balanced_accuracy"] = balanced_accuracy(counts).value
    return found
