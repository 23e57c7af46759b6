"""All tests that a catalog allows, and its summary."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.audits.audit_findings import AuditSettings, Findings, axis_keys
from workflow_scripts.audits.audit_verdict import audit_verdict
from workflow_scripts.audits.binning import BinnedCatalog, bin_catalog
from workflow_scripts.audits.catalog_sums import RA_BINS, CatalogSums
from workflow_scripts.audits.comparisons import accuracy, cochran_test, paired_tests, reference_tests
from workflow_scripts.audits.galaxy_pieces import check_rows_lost, overview
from workflow_scripts.audits.regressions import template_tests
from workflow_scripts.audits.single_catalog import score_test, single_catalog_tests
from workflow_scripts.audits.table_pieces import AuditColumns, TableSource
from workflow_scripts.audits.vocabulary import Meaning, Vocabulary, meaning_of
from workflow_scripts.catalogs.hygiene import LARGEST_LOSS, NOTEWORTHY_LOSS
from workflow_scripts.statistics.fractions import wilson_interval
from workflow_scripts.statistics.runs.power import detectable_dipole, label_variance
from workflow_scripts.statistics.sky.dipole_stability import multipole_aliasing
from workflow_scripts.statistics.sky.mask_diagnostics import mask_diagnostics

log = logging.getLogger(__name__)

# What the gate does unless an audit sets it otherwise: the defaults of `catalogs.NAME.hygiene`.
HYGIENE: dict[str, Any] = {
    "radius_arcsec": 2.0,
    "sentinels": [-9999.0, -999.0, -99.0],
    "on_problem": "drop",
    "largest_loss": LARGEST_LOSS,
}


@dataclass(frozen=True)
class Audit:
    """A finished audit: its summary (without inputs and versions), the sums it rests on, fractions by part."""

    summary: dict[str, Any]
    catalog: BinnedCatalog
    fractions: pd.DataFrame


def audit(name: str, source: TableSource, settings: AuditSettings) -> Audit:
    """Audit a catalog: read it, clean it, and make every test that its columns allow.

    Raises `InputError` for a file or column that is not as it should be, and where too many rows are not usable.
    """
    found = overview(source)
    meanings = meanings_of(source, found.classes)
    catalog = bin_catalog(source, found, meanings)
    log_hygiene(catalog.hygiene)
    check_rows_lost(catalog.hygiene, source)
    warnings = warning_sentences(catalog.hygiene)
    for sentence in warnings:
        log.warning("%s", sentence)
    log.info("%d galaxies in %d of %d rows", catalog.sums.n, catalog.hygiene["rows_out"], catalog.hygiene["rows_in"])
    findings = run_tests(catalog, source.columns, settings)
    adjusted = findings.ledger(settings.alpha)
    details, positive = sky_details(catalog.sums, settings), meanings["annotation0"].name
    summary = {
        "experiment": name,
        "warnings": warnings,
        "verdict": audit_verdict(findings, adjusted, details, positive, catalog.sums.n, settings.alpha),
        "alpha": settings.alpha,
        "tests": [finding.as_dict() for finding in findings.found],
        "ledger": adjusted,
        "not_run": findings.not_run,
        **details,
        "catalog": {
            "file": str(source.path),
            "columns": source.columns.as_dict(),
            "positive": positive,
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
    return Audit(summary, catalog, fractions_by_part(catalog.sums, source.columns.labels))


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
            rest = source.vocabularies["annotation0"].rest
            vocabulary = Vocabulary(positive, negative, rest) if positive else vocabulary
        found[name] = meaning_of(classes[name], vocabulary, str(place), place.prefix)
    return found


def run_tests(catalog: BinnedCatalog, columns: AuditColumns, settings: AuditSettings) -> Findings:
    """Every test that the sums of a catalog, its scores and its covariates allow."""
    findings, names = Findings(), columns.labels
    for number, annotation in enumerate(catalog.sums.annotations):
        suffix = f" {names[number]}" if number else ""
        single_catalog_tests(catalog.sums, annotation, names[number], suffix, settings, findings)
    for number, (pair, two) in enumerate(zip(catalog.sums.pairs, combinations(names, 2), strict=True)):
        suffix = f" {two[0]} and {two[1]}" if number else ""
        paired_tests(catalog.sums, pair, two, suffix, settings, findings)
    if len(names) > 2:
        findings.attempt("cochran_q", lambda: cochran_test(catalog.sums, names))
    if catalog.sums.reference is not None:
        reference_tests(catalog.sums.reference, settings, findings)
        findings.not_run += [_first_only("against the reference", name) for name in names[1:]]
    if (scores := catalog.scores) is not None:
        findings.attempt("score_dipole", lambda: score_test(scores, columns.score or "", settings))
    if catalog.covariates is not None:
        template_tests(catalog.covariates, settings, findings)
        findings.not_run += [_first_only("with templates", name) for name in names[1:]]
    return findings


def _first_only(which: str, name: str) -> str:
    return f"tests of {name} {which}: only the first column of labels has them (name this one first: --label {name})"


def sky_details(sums: CatalogSums, settings: AuditSettings) -> dict[str, Any]:
    """What the footprint does to a dipole, and the smallest that the catalog could have shown; None if undefined."""
    details: dict[str, Any] = {"mask": None, "power": None}
    try:
        mask = mask_diagnostics(sums.positions.sums)
        details["mask"] = {
            "weak_axis": axis_keys(mask.weak_axis),
            "se_inflation": mask.se_inflation,
            "monopole_leakage": mask.monopole_leakage,
            "condition": mask.condition,
            "footprint_axis": axis_keys(mask.footprint_axis) if np.isfinite(mask.footprint_axis).all() else None,
            "quadrupole_variance_inflation": multipole_aliasing(sums.positions, 1).variance_inflation,
        }
        variance = label_variance(sums.annotations[0].labels.sums.total / sums.n)
        covariance = sums.positions.sums.centred / sums.n
        found = detectable_dipole(sums.n, variance, covariance, settings.power, settings.alpha)
        details["power"] = {
            "power": settings.power,
            "alpha": settings.alpha,
            "smallest_dipole_best_axis": float(found.amplitudes[0]),
            "smallest_dipole_worst_axis": float(found.amplitudes[-1]),
            "amplitudes": found.amplitudes.tolist(),
            "axes": [axis_keys(axis) for axis in found.axes],
        }
    except ValueError as reason:
        log.warning("footprint: %s", reason)
    return details


def fractions_by_part(sums: CatalogSums, names: tuple[str, ...]) -> pd.DataFrame:
    """Fractions with Wilson intervals by right ascension bin, half of the circle and hemisphere; a row a part."""
    rows = []
    for name, annotation in zip(names, sums.annotations, strict=True):
        width, half = 360 / RA_BINS, RA_BINS // 2
        k, n = annotation.positives, sums.counts
        parts = [("ra_bin", f"{width * b:g}-{width * (b + 1):g}", k[b].sum(), n[b].sum()) for b in range(RA_BINS)]
        parts += [("ra_half", "0-180", k[:half].sum(), n[:half].sum())]
        parts += [("ra_half", "180-360", k[half:].sum(), n[half:].sum())]
        parts += [
            ("dec_half", "south", k[:, 0].sum(), n[:, 0].sum()),
            ("dec_half", "north", k[:, 1].sum(), n[:, 1].sum()),
        ]
        parts += [("all", "all", k.sum(), n.sum())]
        for grouping, group, positive, galaxies in parts:
            low, high = wilson_interval(positive, galaxies)
            fraction = positive / galaxies if galaxies else np.nan
            rows.append((name, grouping, group, int(galaxies), int(positive), fraction, float(low), float(high)))
    columns = ["annotation", "grouping", "group", "n", "positive", "fraction", "wilson_low", "wilson_high"]
    return pd.DataFrame(rows, columns=columns)


def warning_sentences(hygiene: Mapping[str, Any]) -> list[str]:
    """What a reader should know of the rows before any number."""
    sentences = []
    lost = hygiene["rows_in"] - hygiene["rows_out"]
    if lost > NOTEWORTHY_LOSS * hygiene["rows_in"]:
        reasons = ", ".join(f"{rows:,} {problem.replace('_', ' ')}" for problem, rows in hygiene["dropped"].items())
        sentences.append(
            f"{lost:,} of {hygiene['rows_in']:,} rows ({lost / hygiene['rows_in']:.0%}) are not usable: {reasons}."
        )
    if hygiene["without_label"] > NOTEWORTHY_LOSS * hygiene["rows_out"]:
        sentences.append(
            f"{hygiene['without_label']:,} of {hygiene['rows_out']:,} galaxies have no label that counts as positive or"
            " negative, and are left out."
        )
    if (step := hygiene["positions_rounded_to"]) is not None:
        sentences.append(
            f"Positions look rounded to {_angle(step)}: galaxies at one position were taken for different ones."
        )
    if hygiene["repeated_with_other_labels"]:
        sentences.append(
            f"{hygiene['repeated_with_other_labels']:,} rows repeat the position of another row with another label."
            " Which label is right is unknown; both were kept, and cancel each other."
        )
    if repeats := hygiene["dropped"].get("repeated_galaxy"):
        sentences.append(
            f"{repeats:,} rows repeat a galaxy with the same label and were dropped: with them, every significance"
            " would be too high."
        )
    return sentences


def _angle(degrees: float) -> str:
    return f"{degrees:g} degrees" if degrees >= 0.1 else f"{degrees * 3600:.3g} arcsec"


def log_hygiene(report: Mapping[str, Any]) -> None:
    """Log what was dropped and why."""
    for problem, rows in report["dropped"].items():
        log.warning("%d rows dropped: %s", rows, problem.replace("_", " "))
    for column, cells in report["sentinels_in_covariates"].items():
        log.warning("%d cells of %s mean 'not known'", cells, column.removeprefix("covariate:"))
    for key in ("without_label", "without_reference", "without_score"):
        if report.get(key):
            log.warning("%d galaxies %s", report[key], key.replace("_", " "))
