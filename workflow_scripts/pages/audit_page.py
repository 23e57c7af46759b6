"""The page of an audit."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workflow_scripts.audits.groups import WITHOUT
from workflow_scripts.pages.number_formats import axis, interval, number, p_value
from workflow_scripts.pages.rendering import PageFigure, render, shown_figures
from workflow_scripts.pages.summary_rows import answers_said_once, rows_of_tests
from workflow_scripts.statistics.log_p import log10_p_normal, log10_p_scan, p_in_words
from workflow_scripts.statistics.sky.constrained_components import FIELD

_MULTIPOLES = ("dipole", "and quadrupole", "and octopole")


def audit_page(summary: Mapping[str, Any], fractions: pd.DataFrame, figures: Sequence[PageFigure]) -> str:
    """The page of a summary with its table of fractions and its figures."""
    tests = {test["name"]: test for test in summary["tests"]}
    field = summary["sky_kind"] == FIELD
    return render(
        "audit.html",
        summary=summary,
        field=field,
        warnings=[*summary["warnings"], *_weak_axes(summary, field)],
        answers=answers_said_once(summary),
        alpha=summary["alpha"],
        figures=shown_figures(figures),
        sigma_rows=_sigma_rows(tests, summary["ledger"]),
        scores=tests.get("score_dipole"),
        scores_adjusted=next((line["adjusted"] for line in summary["ledger"] if line["name"] == "score_dipole"), None),
        group_rows=[_group(group) for group in summary.get("groups", {"rows": ()})["rows"]],
        without=WITHOUT,
        best_axes=[
            f"{test['name'].replace('_', ' ')}: {test['weak_axis_angle_deg']:.0f}°"
            for test in summary["tests"]
            if "weak_axis_angle_deg" in test
        ],
        steps=[_step(step) for test in summary["tests"] for step in test.get("stability", ())],
        tests=rows_of_tests(summary, ("paper_style",) if field else ()),
        not_tested=summary["not_run"] + _refused(summary.get("weights")),
        fraction_heading=[name.replace("_", " ") for name in fractions],
        fraction_rows=[list(map(number, row)) for row in fractions[fractions["n"] > 0].itertuples(index=False)],
        catalog_rows=_catalog(summary["catalog"]),
    )


def _weak_axes(summary: Mapping[str, Any], field: bool) -> list[str]:
    """A warning of best axes along which the footprint makes errors large; on a field no axis is meant."""
    near = [test for test in summary["tests"] if test.get("weak_axis_suspicious") and not field]
    listed = " and ".join(f"{test['name']} ({test['se_inflation_along_axis']:.1f} times)" for test in near)
    if not near:
        return []
    return [
        f"Along these best axes the footprint makes errors much larger than the full sky does: {listed}. Noise"
        " alone points there more often than elsewhere."
    ]


def _sigma_rows(tests: Mapping[str, Mapping[str, Any]], ledger: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The paper-style sigma beside the calibrated p; nothing where either is undefined."""
    scan, score = tests.get("cosine_scan_paper_style"), tests.get("dipole_score")
    if scan is None or score is None:
        return []
    adjusted = next(line["adjusted"] for line in ledger if line["name"] == "dipole_score")
    scanned = p_in_words(scan["p"], log10_p_scan(scan["max_sigma"]))
    priors = score["ln_bayes_factor_isotropy"]
    return [
        ("paper-style sigma, maximum over all axes", number(scan["max_sigma"])),
        (
            "p if it were a normal deviate",
            p_in_words(scan["p_if_sigma_were_normal"], log10_p_normal(scan["max_sigma"])),
        ),
        ("p of a scanned maximum (chi, 3 dof)", f"{scanned} ({number(scan['equivalent_sigma'])} sigma)"),
        ("the same by random signs", p_value(scan["p_permutation"])),
        (
            "sigma that these labels give here without any dipole (root mean square)",
            number(scan["sigma_without_dipole"]),
        ),
        (f"centred dipole: Q, {score['dof']} dof", number(score["statistic"])),
        (
            "calibrated p (chi-square; permutations)",
            f"{p_value(score['p'], score['log10_p'])}; {p_value(score['p_permutation'])}",
        ),
        ("adjusted p of galaxies as the unit", p_value(adjusted)),
        (
            "ln odds of isotropy against a dipole of any axis, its amplitude uniform from 0 to"
            f" {number(score['largest_amplitude_of_prior'])}",
            f"{score['ln_bayes_factor_uniform_amplitude']:+.2f}",
        ),
        (
            f"the same against components that are normal with a width of {', '.join(priors)}",
            ", ".join(f"{value:+.2f}" for value in priors.values()),
        ),
    ]


def _step(step: Mapping[str, Any]) -> list[str]:
    """The dipole when other multipoles are fitted beside it."""
    fitted = _MULTIPOLES[step["lmax"] - 1]
    if step["refused"]:
        return [fitted, f"not to be had: {step['refused']}"]
    condition = f"{number(step['condition'])}{' (hardly determined)' if step['flagged'] else ''}"
    found = [number(step["amplitude"]), axis(step["axis_ra"], step["axis_dec"]), p_value(step["p"])]
    return [fitted, *found, number(step["se_inflation"]), condition, number(step["largest_alias"])]


def _group(group: Mapping[str, Any]) -> list[str]:
    counts = [group["group"], number(group["n"]), number(group["positive"]), number(group["fraction"])]
    dipole = [number(group["amplitude"]), axis(group["axis_ra"], group["axis_dec"]), number(group["se"])]
    return [*counts, interval(group["ci95"]), *dipole, p_value(group["p"]), group["reason"] or ""]


def _refused(weights: Mapping[str, Any] | None) -> list[str]:
    if weights is None:
        return []
    return [f"{name.replace('_', ' ')}: refused: {reason}" for name, reason in weights["refused"].items()]


def _catalog(catalog: Mapping[str, Any]) -> list[tuple[str, str]]:
    hygiene, columns = catalog["hygiene"], catalog["columns"]
    dropped = ", ".join(f"{rows} {problem.replace('_', ' ')}" for problem, rows in hygiene["dropped"].items()) or "none"
    named = [
        f"{part}: {' and '.join(name) if isinstance(name, list) else name}" for part, name in columns.items() if name
    ]
    rows = [
        ("file", catalog["file"]),
        ("columns", ", ".join(named)),
        *_meanings(catalog),
        ("threshold of the score", catalog.get("threshold")),
        ("rows in the file", hygiene["rows_in"]),
        ("rows dropped", dropped),
        ("galaxies without a label", hygiene["without_label"]),
        ("galaxies of weight zero", hygiene.get("of_weight_zero")),
        ("galaxies tested", catalog["n"]),
    ]
    return [(what, number(value)) for what, value in rows if value is not None]


def _meanings(catalog: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A row for each column of labels: its values, how often each occurs, and what it was taken for."""
    names = catalog["columns"]["label"]
    rows = []
    for part, meaning in catalog["taken_for"].items():
        name = catalog["columns"]["reference"] if part == "reference" else names[int(part.removeprefix("annotation"))]
        counts = catalog["classes"][part]
        shown = [f"{value}: {counts[value]:,} ({taken})" for value, taken in meaning.items()]
        rows.append((f"values of {name}", "; ".join(shown)))
    return rows
