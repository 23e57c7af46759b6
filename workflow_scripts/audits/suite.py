"""All tests that a catalog allows, and its summary."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.answers.corrected_dipole import corrected_dipole_answer
from workflow_scripts.audits.audit_answers import as_answered, audit_answers, verdict
from workflow_scripts.audits.audit_findings import AuditSettings, Findings, axis_keys
from workflow_scripts.audits.audit_headline import audit_headline
from workflow_scripts.audits.binning import BinnedCatalog, bin_catalog
from workflow_scripts.audits.catalog_sums import RA_BINS
from workflow_scripts.audits.comparisons import accuracy, cochran_test, paired_tests, reference_tests
from workflow_scripts.audits.expected_tests import expected_tests
from workflow_scripts.audits.galaxy_pieces import check_rows_lost, overview
from workflow_scripts.audits.groups import REFUSED_OF_GROUPS, group_rows, merging_tests
from workflow_scripts.audits.regressions import template_tests
from workflow_scripts.audits.row_warnings import log_hygiene, row_warnings
from workflow_scripts.audits.score_tests import score_tests
from workflow_scripts.audits.single_catalog import OneAnnotation, single_catalog_tests
from workflow_scripts.audits.table_pieces import AuditColumns, LabelPlace, TableSource
from workflow_scripts.audits.templates_by_group import template_by_group
from workflow_scripts.audits.vocabulary import Meaning, Vocabulary, meaning_of
from workflow_scripts.audits.weighted_tests import (
    NOT_USED,
    REFUSED_OF_SEVERAL,
    REFUSED_OF_TEMPLATES,
    WeightedAnnotation,
    weighted_pair_tests,
)
from workflow_scripts.catalogs.hygiene import LARGEST_LOSS
from workflow_scripts.errors import InputError
from workflow_scripts.statistics.fractions import wilson_interval
from workflow_scripts.statistics.runs.power import detectable_dipole, label_variance
from workflow_scripts.statistics.sky.constrained_components import SKY, constrained_components
from workflow_scripts.statistics.sky.dipole_stability import multipole_aliasing
from workflow_scripts.statistics.sky.mask_diagnostics import mask_diagnostics
from workflow_scripts.statistics.sky.weighted_dipole import weighted_fraction

log = logging.getLogger(__name__)

# What the gate does unless an audit sets it otherwise: the defaults of `catalogs.NAME.hygiene`.
HYGIENE: dict[str, Any] = {
    "radius_arcsec": 2.0,
    "sentinels": [-9999.0, -999.0, -99.0],
    "on_problem": "drop",
    "largest_loss": LARGEST_LOSS,
}
# Tests of columns and pairs as measured for 20,000 galaxies; announced where there are more columns than this.
_FEW_COLUMNS, _SECONDS_A_COLUMN, _SECONDS_A_PAIR = 3, 2.5, 0.4


_QUOTED = (
    'It is nearly the question "{}", which has a test by blocks of sky, and a size that noise makes larger. Quote'
    " this size, and the larger of both p."
)


@dataclass(frozen=True)
class Audit:
    """A finished audit: its summary (without inputs and versions), the sums it rests on, fractions by part."""

    summary: dict[str, Any]
    catalog: BinnedCatalog
    fractions: pd.DataFrame


def audit(
    name: str, source: TableSource, settings: AuditSettings, correction: Mapping[str, Any] | None = None
) -> Audit:
    """Audit a catalog: read it, clean it, and make every test that its columns allow.

    `correction`: the content of `correction.json`, where the catalog was corrected, for the answer that it gives.
    Raises `InputError` for a file or column that is not as it should be, and where too many rows are not usable.
    """
    found = overview(source)
    meanings = meanings_of(source, found.classes)
    catalog = bin_catalog(source, found, meanings)
    log_hygiene(catalog.hygiene)
    check_rows_lost(catalog.hygiene, source)
    warnings = [*row_warnings(catalog.hygiene), *_columns_without_content(catalog, source.columns)]
    for sentence in warnings:
        log.warning("%s", sentence)
    log.info("%d galaxies in %d of %d rows", catalog.sums.n, catalog.hygiene["rows_out"], catalog.hygiene["rows_in"])
    log.info("testing %s ...", " and ".join(source.columns.labels) or source.columns.score)
    findings = run_tests(catalog, source.columns, settings)
    if findings.refused:
        log.info("not made with weights: %s", ", ".join(findings.refused).replace("_", " "))
    adjusted = findings.ledger(settings.alpha)
    details, positive = sky_details(catalog, findings, settings), meanings["annotation0"].name
    columns = source.columns
    if columns.weight and catalog.weighted:
        details["weights"] = weights_report(catalog, columns.weight, findings)
    if columns.group:
        details["groups"] = {"column": columns.group, "rows": group_rows(catalog.groups, bool(columns.weight))}
    answers = audit_answers(findings, adjusted, details, columns, positive, settings.alpha, settings.effect)
    if correction:
        corrected = corrected_dipole_answer(correction, settings.alpha, settings.effect)
        alike = [one.question for one in answers if one.test == "dipole_after_templates"]
        answers.append(replace(corrected, beside=[_QUOTED.format(question) for question in alike]))
    summary = {
        "headline": audit_headline(answers, columns.labels, positive),
        "answers": [one.as_dict() for one in answers],
        "experiment": name,
        "verdict": verdict(answers),
        "warnings": warnings,
        "alpha": settings.alpha,
        "tests": [
            finding.as_dict() | ({"weights": finding.extra.get("weights", NOT_USED)} if columns.weight else {})
            for finding in findings.found
        ],
        "ledger": as_answered(adjusted, answers, settings.alpha),
        "not_run": findings.not_run,
        **details,
        "catalog": {
            "file": str(source.path),
            "columns": source.columns.as_dict(),
            "positive": positive,
            # What maps and figures show the fraction of.
            "counted": f"{positive} in column {columns.labels[0]}" if len(columns.labels) > 1 else positive,
            **({"threshold": columns.threshold} if columns.threshold is not None else {}),
            "classes": found.classes,
            "taken_for": {
                part: {value: meanings[part].taken_for(value) for value in found.classes[part]}
                for part in source.label_columns
            },
            "table": source.table.report() if source.table is not None else {},
            "n": catalog.sums.n,
            "hygiene": catalog.hygiene,
        },
    }
    if catalog.sums.reference is not None:
        summary["against_reference"] = accuracy(catalog.sums.reference)
    return Audit(summary, catalog, fractions_by_part(catalog, columns.labels))


def meanings_of(source: TableSource, classes: Mapping[str, Mapping[str, int]]) -> dict[str, Meaning]:
    """What the values of every label column mean; a column that the user says nothing of goes by the first one."""
    found: dict[str, Meaning] = {}
    for name in source.label_columns:
        vocabulary, place, first = source.vocabularies[name], source.places[name], next(iter(found.values()), None)
        if vocabulary == Vocabulary() and first is not None:
            positive, negative = (
                tuple(value for value in values if value in classes[name])
                for values in (first.positive, first.negative)
            )
            if not positive and set(classes[name]) - set(classes["annotation0"]):
                # Which of two other words means the same is not to be guessed: half of the guesses would turn the sign.
                listed = " and ".join(f"'{value}'" for value in list(classes[name])[:4])
                raise InputError(
                    f"{place} has classes of its own ({listed}), not those of '{source.places['annotation0'].column}';"
                    f" expected which of them is counted, {_naming(name, place)}"
                )
            rest = source.vocabularies["annotation0"].rest
            vocabulary = Vocabulary(positive, negative, rest) if positive else vocabulary
        if source.columns.threshold is not None and name == "annotation0":
            _check_both_sides(classes[name], source.columns.threshold, str(place))
        of_one = f"--{place.prefix}positive '{place.column}=VALUE'" if len(source.columns.labels) > 1 else ""
        hint = f"; {of_one} is for this column alone" if of_one and not place.prefix else ""
        found[name] = meaning_of(classes[name], vocabulary, str(place), place.prefix, hint)
    return found


def _naming(part: str, place: LabelPlace) -> str:
    """How a user names the positive class of another column than the first."""
    if part == "reference" and not place.prefix:
        return "--reference-positive VALUE"
    return f"--{place.prefix}positive {'VALUE' if place.prefix else f'{place.column}=VALUE'}"


def _check_both_sides(counts: Mapping[str, int], threshold: float, where: str) -> None:
    if len(counts) == 1:
        ((side, n),) = counts.items()
        raise InputError(
            f"{where} (--score): all {n} scores are {side}, expected some on either side of --threshold {threshold:g}"
        )


def _columns_without_content(catalog: BinnedCatalog, columns: AuditColumns) -> list[str]:
    """Labels that are another column's, and covariates that no regression can use."""
    pairs = zip(catalog.sums.pairs, combinations(columns.labels, 2), strict=True)
    same = [
        f"Columns {' and '.join(two)} have the same labels." for pair, two in pairs if not pair.difference.sums.squares
    ]
    return same + (catalog.covariates.warnings if catalog.covariates is not None else [])


def run_tests(catalog: BinnedCatalog, columns: AuditColumns, settings: AuditSettings) -> Findings:
    """Every test that the sums of a catalog, its scores, its covariates and its weights allow."""
    findings, names, sums, weighted = Findings(), columns.labels, catalog.sums, catalog.weighted
    # Scores that stand for labels, too, are what is asked about.
    score_first = columns.threshold is not None
    asked = 1 if score_first else len(names)
    settings = replace(settings, primary_tests=len(sums.pairs) + asked * (1 if settings.expected is None else 2))
    if len(names) > _FEW_COLUMNS:
        seconds = _SECONDS_A_COLUMN * len(names) + _SECONDS_A_PAIR * len(sums.pairs)
        log.info("%d columns make %d pairs: some %d s of tests on one core", len(names), len(sums.pairs), seconds)
    if (scores := catalog.scores) is not None and score_first:
        score_tests(scores, columns.score or "", True, settings, findings)
    for number, annotation in enumerate(sums.annotations):
        suffix, family = f" {names[number]}" if number else "", "secondary" if score_first else "primary"
        of_one = (sums, annotation, names[number], suffix, settings, family)
        one = WeightedAnnotation(*of_one, weighted=weighted.annotation(number)) if weighted else OneAnnotation(*of_one)
        single_catalog_tests(one, findings)
    if settings.expected is not None:
        expected_tests(catalog, names, columns.score if score_first else None, settings, findings)
    for number, (pair, two) in enumerate(zip(sums.pairs, combinations(names, 2), strict=True)):
        suffix = f" {two[0]} and {two[1]}" if number else ""
        if weighted:
            weighted_pair_tests(weighted.difference(number), sums.positions, two, suffix, settings, findings)
        else:
            paired_tests(sums, pair, two, suffix, settings, findings)
    if len(names) > 2 and weighted:
        findings.refused |= REFUSED_OF_SEVERAL
    elif len(names) > 2:
        findings.attempt("cochran_q", lambda: cochran_test(sums, names))
    if sums.reference is not None:
        reference_tests(sums.reference, settings, findings)
    if scores is not None and not score_first:
        score_tests(scores, columns.score or "", False, settings, findings)
    if columns.group and weighted:
        findings.refused |= REFUSED_OF_GROUPS
    elif columns.group:
        merging_tests(catalog.groups, columns.group, settings, findings)
    covariates = catalog.covariates
    if covariates is not None and weighted:
        findings.refused |= REFUSED_OF_TEMPLATES
    elif covariates is not None and covariates.names:
        log.info("regressions on %s ...", ", ".join(covariates.names))
        template_tests(covariates, settings, findings)
        if columns.group:
            findings.attempt("template_by_group", partial(template_by_group, covariates, columns.group))
    first_only = {
        "against the reference": sums.reference is not None,
        "within groups": bool(columns.group) and not weighted,
        "with templates": covariates is not None and bool(covariates.names) and not weighted,
    }
    if len(names) > 1 and (which := [kind for kind, made in first_only.items() if made]):
        findings.leave_out(
            f"tests {', '.join(which)} of {', '.join(names[1:])}",
            f"only the first column of labels has them (name another one first: --label {names[1]} ...)",
        )
    return findings


def sky_details(catalog: BinnedCatalog, findings: Findings, settings: AuditSettings) -> dict[str, Any]:
    """The kind of sky, what it does to a dipole, and the smallest that it could have shown; None if undefined."""
    details: dict[str, Any] = {"sky_kind": SKY, "mask": None, "power": None}
    sums, weighted = catalog.sums, catalog.weighted
    positions = sums.positions if weighted is None else weighted.annotations[0].positions
    try:
        # It follows from the positions alone.
        details["sky_kind"] = constrained_components(positions.sums, 1.0, 1.0).kind
        mask = mask_diagnostics(positions.sums)
        details["mask"] = {
            "weak_axis": axis_keys(mask.weak_axis),
            "se_inflation": mask.se_inflation,
            "monopole_leakage": mask.monopole_leakage,
            "condition": mask.condition,
            "footprint_axis": axis_keys(mask.footprint_axis) if np.isfinite(mask.footprint_axis).all() else None,
            "quadrupole_variance_inflation": multipole_aliasing(positions, 1).variance_inflation,
        }
        first = findings.primary_dipole
        if findings.get("field_gradient") or findings.get("score_field_gradient"):
            # A field shows no dipole that there could be.
            return details
        if first is not None and (weighted or first.test.name == "score_dipole"):
            # The same with the covariance that these values have.
            covariance = np.linalg.inv(first.extra["covariance"]) / first.test.n
            found = detectable_dipole(first.test.n, 1.0, covariance, settings.power, settings.alpha)
        else:
            variance = label_variance(sums.annotations[0].labels.sums.total / sums.n)
            covariance = sums.positions.sums.centred / sums.n
            found = detectable_dipole(sums.n, variance, covariance, settings.power, settings.alpha)
        # Best axis first; those that the sky does not constrain are not asked about.
        asked = slice(len(first.extra["constrained"]) if first is not None else None)
        details["power"] = {
            "power": settings.power,
            "alpha": settings.alpha,
            "smallest_dipole_best_axis": float(found.amplitudes[0]),
            "smallest_dipole_worst_axis": float(found.amplitudes[asked][-1]),
            "amplitudes": found.amplitudes[asked].tolist(),
            "axes": [axis_keys(axis) for axis in found.axes[asked]],
        }
    except ValueError as reason:
        log.warning("footprint: %s", reason)
    return details


def weights_report(catalog: BinnedCatalog, column: str, findings: Findings) -> dict[str, Any]:
    """What was made of weights: how unequal they are, and, by test, whether they were used, or why not."""
    assert catalog.weighted is not None
    moments = catalog.weighted.annotations[0].moments
    names = [finding.test.name for finding in findings.found]
    used = [finding.test.name for finding in findings.found if finding.extra.get("weights") == "used"]
    return {
        "column": column,
        "sum": float(moments.weights[0, 0]),
        "effective_n": moments.effective_n,
        "used": used,
        "not_used": [name for name in names if name not in used],
        "refused": findings.refused,
    }


def fractions_by_part(catalog: BinnedCatalog, names: tuple[str, ...]) -> pd.DataFrame:
    """Fractions with Wilson intervals by right ascension bin, half of the circle and hemisphere; a row a part.

    With weights, fractions are weighted, and intervals those of as many equal galaxies as are as good.
    """
    width, half = 360 / RA_BINS, RA_BINS // 2
    parts: list[tuple[str, str, Any]] = [
        ("ra_bin", f"{width * b:g}-{width * (b + 1):g}", np.s_[b : b + 1, :]) for b in range(RA_BINS)
    ]
    parts += [("ra_half", "0-180", np.s_[:half, :]), ("ra_half", "180-360", np.s_[half:, :])]
    parts += [("dec_half", "south", np.s_[:, :1]), ("dec_half", "north", np.s_[:, 1:]), ("all", "all", np.s_[:, :])]
    rows = []
    for number, (name, annotation) in enumerate(zip(names, catalog.sums.annotations, strict=True)):
        for grouping, group, part in parts:
            positive, galaxies = annotation.positives[part].sum(), catalog.sums.counts[part].sum()
            fraction, as_good = positive / galaxies if galaxies else np.nan, galaxies
            if catalog.weighted and galaxies:
                sums = catalog.weighted.annotations[number].parts[(slice(None), *part)]
                fraction, as_good = weighted_fraction(sums.sum(axis=(1, 2)))
            low, high = wilson_interval(fraction * as_good if galaxies else 0, as_good)
            rows.append((name, grouping, group, int(galaxies), int(positive), fraction, float(low), float(high)))
    columns = ["annotation", "grouping", "group", "n", "positive", "fraction", "wilson_low", "wilson_high"]
    return pd.DataFrame(rows, columns=columns)
