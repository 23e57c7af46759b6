"""Is the fraction, or the mean score, the expected one (`--expected`)? Galaxies, or blocks of sky, are the unit."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from numpy.typing import NDArray

from workflow_scripts.audits.audit_findings import AuditFinding, AuditSettings, Findings, GalaxySample
from workflow_scripts.audits.binning import BinnedCatalog
from workflow_scripts.statistics.sky.expected_fraction import (
    ExpectedFractionTest,
    block_fraction_test,
    expected_fraction_test,
    expected_mean_test,
)
from workflow_scripts.statistics.sky.sky_blocks import chosen_blocks
from workflow_scripts.statistics.sky.weighted_dipole import weighted_fraction


def expected_tests(
    catalog: BinnedCatalog, names: Sequence[str], score: str | None, settings: AuditSettings, findings: Findings
) -> None:
    """Make the tests of each column of labels, or of the mean `score` where that stands for them."""
    assert settings.expected is not None
    for number, name in enumerate([score] if score else names):
        suffix = f" {name}" if number else ""
        extra = {"annotation": name, "expected": settings.expected, "of_score": score is not None}
        if catalog.weighted is not None:
            extra["weights"] = "used"
        counts, totals = _pixel_sums(catalog, number, score is not None)
        n = catalog.scores.positions.n if score and catalog.scores is not None else catalog.sums.n
        sample = GalaxySample(n, suffix, extra)
        made = partial(_of_galaxies, catalog, number, score is not None, settings.expected)
        findings.attempt(f"fraction_against_expected{suffix}", partial(_finding, sample, "", made, settings.expected))
        blocks = chosen_blocks(counts)
        if blocks is None:
            findings.leave_out(f"block_fraction_against_expected{suffix}", "there are too few blocks of sky")
            continue
        made = partial(block_fraction_test, counts, totals, blocks, settings.expected)
        name = f"block_fraction_against_expected{suffix}"
        findings.attempt(name, partial(_finding, sample, "block_", made, settings.expected))


def _finding(sample: GalaxySample, prefix: str, made: Any, expected: float) -> AuditFinding:
    found: ExpectedFractionTest = made()
    extra: dict[str, Any] = {"limit95": found.limit95}
    unit = ""
    if found.effective_blocks is not None:
        extra["effective_blocks"] = found.effective_blocks
        unit = ", blocks of sky as the unit"
    return sample.finding(
        f"{prefix}fraction_against_expected",
        f"the fraction is {expected:g}",
        f"fraction of the positive class, expected to be {expected:g}{unit}",
        extra,
        family="secondary" if prefix else "primary",
        estimate=found.fraction,
        se=found.se,
        ci95=list(found.ci95),
        statistic=found.statistic,
        p=found.p,
        log10_p=found.log10_p,
    )


def _of_galaxies(catalog: BinnedCatalog, number: int, of_score: bool, expected: float) -> ExpectedFractionTest:
    if of_score and (scores := catalog.scores) is not None:
        if scores.weighted is None:
            return expected_mean_test(scores.sums.sums.total, scores.sums.sums.squares, scores.positions.n, expected)
        moments = scores.weighted.sums.moments
        scatter = float(moments.scatter()[0, 0] / moments.weights[0, 0] ** 2)
        n = moments.effective_n
        return expected_mean_test(n * moments.mean, n * (moments.mean**2 + (n - 1) * scatter), n, expected)
    if catalog.weighted is not None:
        fraction, as_good = weighted_fraction(catalog.weighted.annotations[number].parts.sum(axis=(1, 2)))
        # As good as so many equal galaxies, whose labels are 0 and 1.
        return expected_mean_test(fraction * as_good, fraction * as_good, as_good, expected)
    return expected_fraction_test(float(catalog.sums.annotations[number].positives.sum()), catalog.sums.n, expected)


def _pixel_sums(catalog: BinnedCatalog, number: int, of_score: bool) -> tuple[NDArray, NDArray]:
    """Galaxies, or their weights, and sums of the values, by pixel."""
    if of_score and (scores := catalog.scores) is not None:
        if scores.weighted is not None:
            return scores.weighted.sums.positions.counts, scores.weighted.sums.values.totals
        return scores.positions.counts, scores.sums.totals
    if catalog.weighted is not None:
        sums = catalog.weighted.annotations[number]
        return sums.positions.counts, sums.values.totals
    return catalog.sums.positions.counts, catalog.sums.annotations[number].labels.totals
