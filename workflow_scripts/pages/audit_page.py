"""The page of an audit."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workflow_scripts.audits.groups import WITHOUT
from workflow_scripts.pages.filled_templates import PageFigure, render, shown_figures
from workflow_scripts.pages.number_formats import axis, interval, number, p_value
from workflow_scripts.pages.summary_rows import TEST_HEADING, answers_said_once, rows_of_tests
from workflow_scripts.statistics.sky.constrained_components import FIELD

_MULTIPOLES = ("dipole", "and quadrupole", "and octopole")


def audit_page(summary: Mapping[str, Any], fractions: pd.DataFrame, figures: Sequence[PageFigure]) -> str:
    """The page of a summary with its table of fractions and its figures."""
    tests = {test["name"]: test for test in summary["tests"]}
    field, refused = summary["sky_kind"] == FIELD, summary.get("weights", {"refused": {}})["refused"]
    return render(
        "audit.html",
        summary=summary,
        field=field,
        warnings=[*summary["warnings"], *_weak_axes(summary, field)],
        answers=answers_said_once(summary),
        alpha=summary["alpha"],
        figures=shown_figures(figures),
        scan=tests.get("cosine_scan_paper_style"),
        score=tests.get("dipole_score"),
        adjusted={line["name"]: line["adjusted"] for line in summary["ledger"]},
        group_rows=[_group(group) for group in summary.get("groups", {"rows": ()})["rows"]],
        without=WITHOUT,
        best_axes=[
            f"{test['name'].replace('_', ' ')}: {test['weak_axis_angle_deg']:.0f}°"
            for test in summary["tests"]
            if "weak_axis_angle_deg" in test
        ],
        steps=[_step(step) for test in summary["tests"] for step in test.get("stability", ())],
        test_heading=TEST_HEADING,
        tests=rows_of_tests(summary, ("paper_style",) if field else ()),
        not_tested=summary["not_run"]
        + [f"{name.replace('_', ' ')}: refused: {reason}" for name, reason in refused.items()],
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
