"""Labels against other labels: two or more annotations of the same galaxies, or a reference that is taken for true."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.audits.audit_findings import (
    AuditFinding,
    AuditSettings,
    Findings,
    GalaxySample,
    MadeDipole,
    centred_dipole,
    with_limit,
    with_normal_error,
)
from workflow_scripts.audits.catalog_sums import RA_BINS, CatalogSums, PairSums, ReferenceSums
from workflow_scripts.audits.sky_dipoles import (
    block_finding,
    field_finding,
    full_dipole,
)
from workflow_scripts.statistics.pairs.class_agreement import agreement, marginal_homogeneity, symmetry
from workflow_scripts.statistics.pairs.paired_fractions import (
    cochran_q,
    difference_in_differences,
    mcnemar,
    paired_difference_interval,
)
from workflow_scripts.statistics.sky.constrained_components import (
    FIELD,
    ConstrainedComponents,
    constrained_components,
    constrained_of_fraction,
    constrained_part,
    tested_axes,
    whole_dipole,
)
from workflow_scripts.statistics.sky.dipole import Dipole, ScatterSums, disagreement_dipole, robust_dipole
from workflow_scripts.statistics.sky.regression import sky_glm
from workflow_scripts.statistics.truth.error_decomposition import ErrorCounts, balanced_accuracy, decompose_difference
from workflow_scripts.statistics.truth.error_dipoles import error_dipoles
from workflow_scripts.statistics.truth.score_calibration import calibration_dipole, calibration_error

_LABEL_DRAWINGS = 999


def paired_tests(
    sums: CatalogSums, pair: PairSums, names: tuple[str, str], suffix: str, settings: AuditSettings, findings: Findings
) -> None:
    """Make all tests of two annotations; `suffix` follows the tests' names, empty for the first pair."""
    two = GalaxySample(sums.n, suffix, {"annotations": list(names)})
    what = f"{names[0]} minus {names[1]}"
    amplitude = f"amplitude of the dipole of {what}"

    def sky() -> ConstrainedComponents:
        return constrained_components(sums.positions.sums, *_spread(pair, sums.n))

    def make(axes: NDArray[np.float64] | None) -> MadeDipole:
        if axes is None:
            return centred_dipole(sums.positions, pair.difference, settings)
        return centred_dipole(sums.positions.along(axes), pair.difference.along(axes), settings)

    def difference_dipole() -> AuditFinding:
        null = "the difference of the two annotations does not depend on position"
        return full_dipole(two, "difference_dipole", null, amplitude, make, sky(), settings, "primary")

    def difference_dipole_robust() -> AuditFinding:
        # Where the two differ more often in some places than in others.
        null = "the mean difference does not depend on position, how often the two differ may"
        return _of_scatter(robust_dipole, pair, sky(), two, settings)("difference_dipole_robust", null, amplitude)

    def discordance_rate() -> AuditFinding:
        null, estimand = (
            "how often the two differ does not depend on position",
            "amplitude of the dipole of the rate of disagreement",
        )
        make = _of_scatter(disagreement_dipole, pair, sky(), two, settings)
        return make("discordance_rate_dipole", null, estimand)

    def discordant_direction() -> AuditFinding:
        return _discordant_direction(pair, two, sky())

    def difference_block_dipole() -> AuditFinding:
        name = "difference_block_dipole"
        return block_finding(two, name, None, sums.positions, pair.difference, sky(), settings)

    def difference_field_gradient() -> Iterator[AuditFinding]:
        if sky().kind == FIELD:
            name, where = "difference_field_gradient", (sums.positions, pair.difference, sky())
            yield field_finding(two, name, what, *where, settings, "primary")

    for name, test in (
        ("difference_dipole", difference_dipole),
        ("difference_field_gradient", difference_field_gradient),
        ("difference_block_dipole", difference_block_dipole),
        ("difference_dipole_robust", difference_dipole_robust),
        ("mcnemar", lambda: _mcnemar(pair, two, what)),
        ("difference_between_ra_halves", lambda: _between_ra_halves(pair, two, what)),
        ("discordance_rate_dipole", discordance_rate),
        ("discordant_direction_dipole", discordant_direction),
        ("class_agreement", lambda: _class_agreement(pair, two)),
    ):
        findings.attempt(name + suffix, test)


def _spread(pair: PairSums, n: int) -> tuple[float, float, float]:
    """Variance of the difference, the share of galaxies that differ, and the mean."""
    share, mean = pair.difference.sums.squares / n, pair.difference.sums.total / n
    return share - mean**2, share, mean


def _mcnemar(pair: PairSums, two: GalaxySample, what: str) -> AuditFinding:
    """Equal fractions all over the sky."""
    lower, _, higher = (round(float(part.sum())) for part in pair.by_part)
    found = mcnemar(higher, lower, two.n)
    return two.finding(
        "mcnemar",
        "both annotations have the same fraction",
        f"fraction, {what}",
        {"only_first": higher, "only_second": lower, "p_mid": found.p_mid},
        estimate=found.difference,
        se=found.se,
        ci95=list(paired_difference_interval(higher, lower, two.n)),
        statistic=found.z,
        p=found.p,
    )


def _between_ra_halves(pair: PairSums, two: GalaxySample, what: str) -> AuditFinding:
    """Difference of the differences of two halves of the sky."""
    halves = np.rint(pair.by_part.reshape(3, 2, RA_BINS // 2, 2).sum(axis=(2, 3))).astype(np.int64)
    # Differences -1, 0 and 1, each as often as it was counted.
    low, high = (np.repeat([-1.0, 0.0, 1.0], counts) for counts in halves.T)
    found = difference_in_differences(low, high)
    return two.finding(
        "difference_between_ra_halves",
        "the two differ by the same in both halves of the sky",
        f"{what} at right ascension below 180 degrees, less the same above",
        **with_normal_error(found.difference, found.se_separate),
        statistic=found.z,
        p=found.p,
    )


def _of_scatter(
    test: Callable[[ScatterSums], Dipole],
    pair: PairSums,
    sky: ConstrainedComponents,
    two: GalaxySample,
    settings: AuditSettings,
) -> Callable[[str, str, str], AuditFinding]:
    """A test of the pair whose errors follow the scatter, of what the sky constrains, given its name, null, estimand.

    Raises `ValueError` on a field.
    """
    axes = tested_axes(sky)
    found = test(pair.scatter if axes is None else pair.scatter.along(axes))
    values = with_limit(found.beta, found.covariance, settings, {"mean": found.mean})
    if sky.sentence:
        values["notes"] = [sky.sentence]
    beta, dof = whole_dipole(found.beta, sky), len(found.beta)
    return lambda name, null, estimand: two.dipole(name, null, estimand, beta, found.q, found.p, dof=dof, **values)


def _discordant_direction(pair: PairSums, two: GalaxySample, sky: ConstrainedComponents) -> AuditFinding:
    """Which of the two is positive, where they differ: logit P(the first) = g0 + g . n over those galaxies alone.

    g is zero where the share of the first among those who call a galaxy positive does not depend on position, however
    often the two differ there. What a galaxy is cancels in the difference of two labels of it, but where rates of true
    and false positives are T and F a gradient of the true fraction enters both logistic models, and the difference,
    times (T_A - T_B) - (F_A - F_B).
    """
    axes = tested_axes(sky)
    fit = sky_glm(pair.discordant if axes is None else pair.discordant.along(axes), pair.only_first, lmax=1)
    null = "which of the two is positive does not depend on position"
    estimand = "dipole of the log odds that it is the first, where they differ"
    sample, ratio, beta = replace(two, n=fit.n), fit.dipole, whole_dipole(fit.beta, sky)
    notes = [sky.sentence] if sky.sentence else []
    test = "discordant_direction_dipole", null, estimand, beta, ratio.statistic, ratio.p
    return sample.dipole(*test, dof=ratio.dof, notes=notes)


def _class_agreement(pair: PairSums, two: GalaxySample) -> Iterator[AuditFinding]:
    """All classes, not only the positive one: agreement, equal shares, symmetric exchange."""
    agreed = agreement(pair.table)
    extra = {"kappa": agreed.kappa, "kappa_ci95": agreed.kappa_ci95, "agreement": agreed.agreement}
    for name, found, null in (
        ("marginal_homogeneity", marginal_homogeneity(pair.table), "both give every class as often"),
        ("symmetry", symmetry(pair.table), "galaxies go from one class to another as often as back"),
    ):
        estimand = "agreement of all classes (Cohen's kappa)"
        values: dict[str, Any] = {"statistic": found.chi2, "dof": found.dof, "p": found.p, "estimate": agreed.kappa}
        yield two.finding(name, null, estimand, extra, **values)


def cochran_test(sums: CatalogSums, names: Sequence[str]) -> AuditFinding:
    """Do three or more annotations have equal fractions? `ValueError` where they agree on every galaxy."""
    positives = [annotation.labels.sums.total for annotation in sums.annotations]
    # (sum of votes)^2 = sum of votes + 2 sum over pairs of joint votes; joint votes follow from positives and discords.
    joint = zip(combinations(positives, 2), sums.pairs, strict=True)
    squares = sum(positives) + sum(first + second - pair.difference.sums.squares for (first, second), pair in joint)
    found = cochran_q(positives, squares)
    return GalaxySample(sums.n).finding(
        "cochran_q",
        "all annotations have the same fraction",
        f"fractions of {len(names)} annotations",
        {"annotations": list(names)},
        estimate=[total / sums.n for total in positives],
        statistic=found.q,
        dof=found.dof,
        p=found.p,
    )


def reference_tests(reference: ReferenceSums, settings: AuditSettings, findings: Findings) -> None:
    """Make all tests against a reference; those of scores where there are scores."""
    findings.attempt("error_dipoles", lambda: _error_dipoles(reference, settings, findings))
    findings.attempt("bias_between_ra_halves", lambda: _decomposition(reference, "ra"))
    findings.attempt("bias_between_dec_halves", lambda: _decomposition(reference, "dec"))
    if reference.residuals is None:
        findings.leave_out("calibration", "there is no column of scores (--score)")
        return
    findings.attempt("calibration_dipole", lambda: _calibration_dipole(reference, settings, findings))
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


def _error_dipoles(reference: ReferenceSums, settings: AuditSettings, findings: Findings) -> Iterator[AuditFinding]:
    dipoles, reasons = error_dipoles(reference.errors)
    errors = reference.errors
    all_positions = {"signed_error": errors.positions, "false_positive_rate": errors.true_negative_positions}
    for name, found in dipoles.items():
        null, notes = "the rate is the same everywhere", []
        if name == "signed_error":
            null = "label minus reference does not depend on position"
            notes = ["also a dipole of the reference itself shows here"]
        positions, share = all_positions.get(name, errors.true_positions), abs(found.mean)
        if name == "signed_error":
            differ = errors.signed.squares / positions.n
            sky = constrained_components(positions, differ - found.mean**2, differ, found.mean)
        else:
            sky = constrained_of_fraction(positions, share)
        try:
            part = constrained_part(found, sky)
        except ValueError as reason:
            findings.leave_out(f"{name}_dipole", str(reason))
            continue
        notes += [sky.sentence] if sky.sentence else []
        estimand, beta = f"amplitude of the dipole of the {name.replace('_', ' ')}", whole_dipole(part.beta, sky)
        extra = {"mean": found.mean, "beta": beta, "largest_possible": sky.largest, "smaller_share": sky.scale}
        values = with_limit(part.beta, part.covariance, settings, extra)
        test = f"{name}_dipole", null, estimand, beta, part.q, part.p
        yield GalaxySample(positions.n).dipole(*test, dof=len(part.beta), notes=notes, **values)
    for undefined in reasons:
        findings.leave_out("error_dipoles", undefined)


def _decomposition(reference: ReferenceSums, kind: str) -> AuditFinding:
    parts = ("ra_low", "ra_high") if kind == "ra" else ("north", "south")
    first, second = (error_counts(reference, part) for part in parts)
    found = decompose_difference(first, second)
    halves = "right ascension below 180 degrees minus above" if kind == "ra" else "north minus south"
    terms = {"difference": found.difference, "truth": found.truth, "sensitivity": found.sensitivity}
    return GalaxySample(first.n + second.n).finding(
        f"bias_between_{kind}_halves",
        "true-positive and false-positive rates are the same in both halves",
        f"part of the difference of fractions that errors make, {halves}",
        terms | {"false_alarms": found.false_alarms, "terms_se": found.se},
        **with_normal_error(found.bias, found.bias_se),
        statistic=found.chi2_bias,
        p=found.p_bias,
    )


def _calibration_dipole(
    reference: ReferenceSums, settings: AuditSettings, findings: Findings
) -> Iterator[AuditFinding]:
    assert reference.residuals is not None
    found = calibration_dipole(reference.residuals)
    sample, residuals = GalaxySample(error_counts(reference).n), found.residuals
    null = "reference minus score does not depend on position"
    estimand = "amplitude of the dipole of reference minus score"
    scatter = reference.residuals.residuals
    mean_square = scatter.values.squares / scatter.positions.n
    # The mean of |r| is no larger than this root.
    root = float(np.sqrt(mean_square))
    sky = constrained_components(scatter.positions, mean_square - residuals.mean**2, root, residuals.mean)
    try:
        part = constrained_part(residuals, sky)
        extra = {"mean": residuals.mean, "largest_possible": sky.largest, "smaller_share": sky.scale}
        values = with_limit(part.beta, part.covariance, settings, extra)
        test = "calibration_dipole", null, estimand, whole_dipole(part.beta, sky), part.q, part.p
        yield sample.dipole(*test, dof=len(part.beta), notes=[sky.sentence] if sky.sentence else [], **values)
    except ValueError as reason:
        findings.leave_out("calibration_dipole", str(reason))
    if np.isfinite(found.mean_z):
        yield sample.finding(
            "calibration_mean",
            "scores are true probabilities on average",
            "mean of reference minus score",
            estimate=residuals.mean,
            statistic=found.mean_z,
            p=found.mean_p,
        )


def _calibration_error(reference: ReferenceSums, settings: AuditSettings) -> Iterator[AuditFinding]:
    assert reference.cells is not None
    low, high = "right ascension below 180 degrees", "above"
    for names, cells, places in (
        (("calibration_error",), reference.cells.all_regions(), ("all over the sky",)),
        (("calibration_error_ra_low", "calibration_error_ra_high"), reference.cells, (low, high)),
    ):
        found = calibration_error(cells, _LABEL_DRAWINGS, settings.seed)
        for region, (name, place) in enumerate(zip(names, places, strict=True)):
            if not found.n[region]:
                continue
            yield GalaxySample(int(found.n[region])).finding(
                name,
                "scores are true probabilities",
                f"expected calibration error, {place}",
                {"ece_if_calibrated": float(found.ece_if_calibrated[region])},
                estimate=float(found.debiased[region]),
                statistic=float(found.ece[region]),
                p_permutation=float(found.p[region]),
                p_smallest=1 / (_LABEL_DRAWINGS + 1),
            )


def accuracy(reference: ReferenceSums) -> dict[str, float | int]:
    """Numbers of the comparison as a whole; balanced accuracy where both classes occur."""
    counts = error_counts(reference)
    wrong = counts.false_positives + counts.false_negatives
    found: dict[str, float | int] = {"n": counts.n, "accuracy": 1 - wrong / counts.n}
    if min(counts.positives, counts.negatives) > 0:
        found["balanced_accuracy"] = balanced_accuracy(counts)
    return found
