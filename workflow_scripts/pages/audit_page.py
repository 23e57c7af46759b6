"""The page of an audit."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.answers.answer import YES
from workflow_scripts.answers.corrected_dipole import CORRECTED_DIPOLE
from workflow_scripts.answers.wording import capital, in_unit, noise_in_words, with_points
from workflow_scripts.audits.groups import WITHOUT
from workflow_scripts.audits.position_answers import NO_EXCLUDES
from workflow_scripts.audits.regressions import explained_in_words
from workflow_scripts.catalogs.hygiene import problem_in_words
from workflow_scripts.pages.answer_cards import answer_cards
from workflow_scripts.pages.citation import document, how_to_cite
from workflow_scripts.pages.correction_part import CorrectionPart
from workflow_scripts.pages.filled_templates import (
    PageFigure,
    git_of,
    made_by,
    render,
    sections_with,
    shown_figures,
    within_page,
)
from workflow_scripts.pages.number_formats import axis, interval, number, p_value
from workflow_scripts.pages.sky_panels import OnSky, sky_panels
from workflow_scripts.pages.summary_rows import TEST_HEADING, rows_of_tests
from workflow_scripts.statistics.log_p import log10_p_normal
from workflow_scripts.statistics.sky.constrained_components import FIELD
from workflow_scripts.statistics.sky.dipole_amplitude import axis_border, cap_radius

# Maps are of the first column of labels.
_OF_FIRST = ("dipole_score", "score_dipole")
_MULTIPOLES = ("dipole", "and quadrupole", "and octopole")


def audit_page(
    summary: Mapping[str, Any],
    fractions: pd.DataFrame,
    figures: Sequence[PageFigure],
    maps: Mapping[str, NDArray[np.float64]],
    corrected: CorrectionPart | None = None,
) -> str:
    """The page of a summary with its table of fractions, its figures and its maps; `corrected`: of its correction."""
    without_bias = [one for one in summary["answers"] if one["test"] == CORRECTED_DIPOLE]
    others = [one for one in summary["answers"] if one["test"] != CORRECTED_DIPOLE]
    tests = {test["name"]: test for test in summary["tests"]}
    field, refused = summary["sky_kind"] == FIELD, summary.get("weights", {"refused": {}})["refused"]
    warnings, shown = [*summary["warnings"], *_weak_axes(summary, field)], shown_figures(figures)
    panels = _maps(summary, maps, tests)
    naive = _naive(tests, summary)
    return render(
        "audit.html",
        summary=summary,
        field=field,
        warnings=warnings,
        sections=sections_with(sky=panels, naive=naive),
        cards=answer_cards(others, warnings, about="audit"),
        corrected=corrected,
        without_bias=answer_cards(without_bias, about="audit"),
        alpha=summary["alpha"],
        of_interest=_of_interest(summary),
        detectable=_detectable(summary),
        figures=shown,
        maps=panels,
        naive=naive,
        trust=_trust(summary, field),
        asked_already=_asked_already(summary),
        further=_further(summary),
        made_by=made_by(summary),
        configuration=json.dumps(summary["provenance"]["config"], indent=1, sort_keys=True),
        files=_FILES,
        within_page=within_page(summary),
        cite=how_to_cite(git_of(summary), False, _DATA),
        document=document("audit"),
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
    )


_FILES = (
    ("summary.json", "summary.json: the answers first, then every test"),
    ("fractions.csv", "fractions.csv"),
    ("sky_maps.npz", "sky_maps.npz: the maps, nested HEALPix (ICRS)"),
    ("figures/", "figures/: all figures as PNG and PDF"),
)
_DATA = ("Credits of the catalog are its authors'.",)


def _maps(summary: Mapping[str, Any], maps: Mapping[str, NDArray], tests: Mapping[str, Any]) -> list:
    """The map of the fraction, with the best axis of the dipole where there is one."""
    if "smooth:fraction" not in maps:
        return []
    counted = summary["catalog"]["counted"]
    found = any(one["answer"] == YES and one["test"] in _OF_FIRST for one in summary["answers"])
    score = tests.get("dipole_score", {})
    axis = (score["axis_ra"], score["axis_dec"], "axis of the dipole") if found and score else None
    # By blocks, where they scatter more than galaxies do: as the answer has it.
    blocks = tests.get("block_dipole", {})
    areas = [one.get("axis_region_deg2") for one in (score, blocks)]
    radius = cap_radius(max((area for area in areas if area), default=None)) if axis else None
    wider = max(1.0, blocks["wider"]) if blocks.get("has_power") else 1.0
    region = axis_border(score["beta"], wider**2 * np.array(score["covariance"])) if radius else None
    return sky_panels(maps, summary["sky_kind"], counted, OnSky(axis=axis, region=region, radius=radius))


def _naive(tests: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """Three sentences: the largest sigma of all axes, what it is without any dipole, and what chance gives."""
    scan = tests.get("cosine_scan_paper_style")
    if not scan or "dipole_score" not in tests:
        return ""
    labels = summary["catalog"]["columns"]["label"]
    of = f" of column {labels[0]}" if len(labels) > 1 else ""
    return (
        f"In the style of the original study, the best of all axes{of} has a dipole of"
        f" {number(scan['max_sigma'])} sigma, which would be read as p ="
        f" {p_value(scan['p_if_sigma_were_normal'], log10_p_normal(scan['max_sigma']))}."
        f" {capital(noise_in_words(scan['sigma_without_dipole']))}. The axis was chosen after looking,"
        " so that even an isotropic sky exceeds 2.8 sigma in one of twenty; the answers above are"
        f" centred, count every axis that was tried, and hold at the level {summary['alpha']:g}."
    )


def _detectable(summary: Mapping[str, Any]) -> list[str]:
    """The smallest dipoles that these positions show, along their best axis and their worst."""
    of_labels, power = summary["catalog"].get("threshold") is None, summary["power"]
    return [in_unit(power[f"smallest_dipole_{end}_axis"], of_labels) for end in ("best", "worst")] if power else []


def _of_interest(summary: Mapping[str, Any]) -> str:
    """The size that a no excludes."""
    of_labels = summary["catalog"].get("threshold") is None
    if (effect := summary["provenance"]["config"].get("effect")) is not None:
        return in_unit(effect, of_labels)
    share = next((test["smaller_share"] for test in summary["tests"] if test.get("smaller_share")), None)
    that = f": {in_unit(NO_EXCLUDES * share, of_labels)}" if share else ""
    return f"half of what the labels leave room for{that} (no --effect was given)"


def _trust(summary: Mapping[str, Any], field: bool) -> list[tuple[str, str]]:
    """What was dropped, what was taken for what, and what is assumed."""
    rows = [(what[0].upper() + what[1:], words) for what, words in _catalog(summary["catalog"])]
    clustered = "clustering over up to 3 degrees is allowed for" if field else "blocks of sky as the unit check that"
    assumed = (
        "The positions are right, and every galaxy is in the catalog once. Labels of neighbours may depend on each"
        f" other: {clustered}. The answers are about this catalog: whether the sky, the imaging or the labels make a"
        " dependence on position is another question."
    )
    return [*rows, ("Assumed", assumed)]


def _asked_already(summary: Mapping[str, Any]) -> list[str]:
    """What covariates and a reference, where they were given, say of why, from the tests that were made."""
    tests = {test["name"]: test for test in summary["tests"]}
    sentences = []
    if after := tests.get("dipole_after_templates"):
        names, total = after["templates"], tests.get("dipole_score")
        share = explained_in_words(after["explained_variance"])
        was = f" instead of {with_points(total['estimate'])}" if total else ""
        if total and after["n"] < total["n"]:
            was += f" ({after['n']:,} of {total['n']:,} galaxies have a value of all of them)"
        left = f"with them regressed out the dipole is {with_points(after['estimate'])}{was}"
        sentences.append(f"Templates ({', '.join(names)}) explain {share} in other patches of sky; {left}.")
    adjusted = {line["name"]: line["adjusted"] for line in summary["ledger"]}
    for name, test in tests.items():
        if not name.startswith("template "):
            continue
        follows = adjusted[name] < summary["alpha"]
        found = f"Labels follow {name[9:]}" if follows else f"That labels follow {name[9:]} is not established"
        p = p_value(adjusted[name])
        sentences.append(
            f"{found}: {test['estimate']:+.3f} in the log odds for a standard deviation ({interval(test['ci95'])});"
            f" adjusted p = {p}.".replace("= below", "below")
        )
    if summary["catalog"]["columns"].get("reference"):
        sentences.append("Whether the errors against the reference depend on position is among the answers.")
    return sentences


def _further(summary: Mapping[str, Any]) -> dict[str, str]:
    """What would say why there is a dependence, as options to add."""
    columns = summary["catalog"]["columns"]
    options = []
    if not columns.get("group"):
        options.append("--group-by COLUMN       # is it the merging of surveys, labellers or cameras?")
    if not columns.get("reference"):
        options.append("--reference COLUMN      # is it in the labels' errors, or in the sky?")
    if not columns.get("covariates"):
        options.append("--covariates COLUMN     # what do seeing, depth or extinction explain?")
    elif all(one["test"] != CORRECTED_DIPOLE for one in summary["answers"]):
        options.append(
            "--correction DIR        # what is left without it? (DIR: skybias correct_audit, the same options)"
        )
    return {"words": "\n".join(options)}


def _weak_axes(summary: Mapping[str, Any], field: bool) -> list[str]:
    """A warning of best axes along which the footprint makes errors large; on a field no axis is meant."""
    near = [test for test in summary["tests"] if test.get("weak_axis_suspicious") and not field]
    listed = " and ".join(
        f"{test['se_inflation_along_axis']:.1f} times ({test['name'].replace('_', ' ')})" for test in near
    )
    if not near:
        return []
    return [
        f"The best axis lies where this part of the sky measures badly: errors along it are {listed} those of as many"
        " galaxies over the full sky. Noise alone has its best axis there more often than elsewhere: suspect it first."
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
    dropped = (
        ", ".join(f"{rows:,} {problem_in_words(problem)}" for problem, rows in hygiene["dropped"].items()) or "none"
    )
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
