"""The page of an audit: one HTML file that needs nothing from outside."""

import base64
import html
from collections.abc import Mapping
from typing import Any

import pandas as pd

from workflow_scripts.audits.groups import WITHOUT
from workflow_scripts.figures.figure_list import AUDIT_FIGURES
from workflow_scripts.statistics.log_p import log10_p_normal, log10_p_scan, p_in_words
from workflow_scripts.verdict_page.answer_table import answer_table
from workflow_scripts.verdict_page.html_tables import bullets, number, p_value, page, row, table

_TESTS = (
    *("test", "what is estimated", "remarks", "estimate", "axis", "SE", "95 %", "statistic", "dof", "p"),
    *("permutation p", "adjusted p", "n"),
)
_GROUPS = ("group", "n", "positive", "fraction", "95 %", "dipole", "axis", "SE", "p", "no dipole because")
_STEPS = ("fitted", "dipole (log odds)", "axis", "p of the dipole", "SE, times", "condition", "leak")


def audit_page(summary: Mapping[str, Any], fractions: pd.DataFrame, figures: Mapping[str, bytes]) -> str:
    """The page of a summary with its table of fractions and its figures, PNG by name."""
    warnings = "".join(f'<p class="warning">{html.escape(sentence)}</p>' for sentence in warning_sentences(summary))
    heading = [name.replace("_", " ") for name in fractions]
    body = f"""{warnings}
<h2>Answers</h2>
{answer_table(summary["answers"])}
<p>Shaded: questions chosen beforehand, adjusted for each other by Holm's method, at the level {summary["alpha"]:g}.
"No" stands only where an effect above the limit is excluded at 95 %; everything else that is not "yes" is "cannot
tell". The interval is two-sided and the limit one-sided.</p>
{_groups(summary)}
{_sigma_section(summary)}
{"".join(_figure(name, png) for name, png in figures.items())}
<h2>Footprint and power</h2>
{_footprint(summary)}
{_stability(summary)}
<h2>Every test that was made</h2>
<p>The unit of all tests is the galaxy: they speak of this catalog, not of what made it. Shaded blue: primary, chosen
beforehand, adjusted for each other by Holm's method. Grey: paper-style, for comparison. The others are secondary,
adjusted by Benjamini and Hochberg's method. The larger p decides where there are two, but for permutations at the
smallest p that they can give, where chi-square is accurate. Answers about positions also need blocks of sky.</p>
{_tests(summary)}
{bullets("<h3>Not tested</h3>", summary["not_run"])}
<h2>Fractions</h2>
{table(heading, (row((), values) for values in fractions.itertuples(index=False)))}
<h2>The catalog</h2>
{_catalog(summary)}"""
    return page(f"Audit of {summary['experiment']}", summary["headline"], body)


def warning_sentences(summary: Mapping[str, Any]) -> list[str]:
    """What a reader should know before any number."""
    sentences = list(summary["warnings"])
    # On a small field no axis is meant.
    field = any("width_deg" in test for test in summary["tests"])
    near = [] if field else [test for test in summary["tests"] if test.get("weak_axis_suspicious")]
    if near:
        listed = " and ".join(f"{test['name']} ({test['se_inflation_along_axis']:.1f} times)" for test in near)
        sentences.append(
            f"Along these best axes the footprint makes errors much larger than the full sky does: {listed}. Noise"
            " alone points there more often than elsewhere."
        )
    return sentences


def _sigma_section(summary: Mapping[str, Any]) -> str:
    tests = {test["name"]: test for test in summary["tests"]}
    scan, score = tests.get("cosine_scan_paper_style"), tests.get("dipole_score")
    if scan is None or score is None:
        return ""
    ledger = {row["name"]: row for row in summary["ledger"]}
    rows = [
        ("paper-style sigma, maximum over all axes", f"{scan['max_sigma']:.2f}"),
        (
            "p if it were a normal deviate",
            p_in_words(scan["p_if_sigma_were_normal"], log10_p_normal(scan["max_sigma"])),
        ),
        (
            "p of a scanned maximum (chi, 3 dof)",
            f"{p_in_words(scan['p'], log10_p_scan(scan['max_sigma']))} ({number(scan['equivalent_sigma'])} sigma)",
        ),
        ("the same by random signs", number(scan["p_permutation"])),
        (
            "sigma that these labels give here without any dipole (root mean square)",
            f"{scan['sigma_without_dipole']:.2f}",
        ),
        (f"centred dipole: Q, {score['dof']} dof", f"{score['statistic']:.3f}"),
        ("calibrated p (chi-square; permutations)", f"{_p(score)}; {p_value(score['p_permutation'])}"),
        ("adjusted p of galaxies as the unit", p_value(ledger["dipole_score"]["adjusted"])),
        *_odds(score),
    ]
    threshold = summary["catalog"].get("threshold")
    taken = ""
    if threshold is not None and (first := tests.get("score_dipole")):
        taken = f"""<p>The primary question is about the mean score: centred dipole Q = {first["statistic"]:.3f},
{first["dof"]} dof, p = {number(first["p"])}, by permutations {number(first["p_permutation"])}, adjusted
{p_in_words(ledger["score_dipole"]["adjusted"])}. What follows is of labels: scores of {threshold:g} and more are taken
for positive.</p>"""
    return f"""<h2>Sigma and p</h2>
{taken}
{table((), (row([what], [value]) for what, value in rows))}
<p>Why they differ: (1) the axis was sought, so the maximum has three degrees of freedom, and even without any dipole it
is above 2.8 in one sky of twenty; (2) the paper-style number takes both classes for equally frequent and does not
centre labels and positions, so that on a partly covered sky an unequal mix looks like a dipole. The centred test and
its permutations have neither fault. The logarithms of odds (Bayes factors) are above 0 where the labels speak for
isotropy and below where they speak for a dipole, -3 being 20 to 1; they depend on what size of dipole was thought
likely beforehand, so more than one such prior is given.</p>"""


def _odds(score: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of Bayes factors, each with its prior."""
    widths = score["ln_bayes_factor_isotropy"]
    return [
        (
            f"ln odds of isotropy against a dipole of any axis, its amplitude uniform from 0 to"
            f" {score['largest_amplitude_of_prior']:g}",
            f"{score['ln_bayes_factor_uniform_amplitude']:+.2f}",
        ),
        (
            f"the same against components that are normal with a width of {', '.join(widths)}",
            ", ".join(f"{value:+.2f}" for value in widths.values()),
        ),
    ]


def _stability(summary: Mapping[str, Any]) -> str:
    steps = next((test["stability"] for test in summary["tests"] if "stability" in test), None)
    if steps is None:
        return ""
    rows = []
    for step in steps:
        fitted = ("dipole", "and quadrupole", "and octopole")[step["lmax"] - 1]
        if step["refused"]:
            rows.append(row([fitted, f"not to be had: {step['refused']}"]))
            continue
        condition = f"{step['condition']:.3g}{' (hardly determined)' if step['flagged'] else ''}"
        numbers = [step["amplitude"], _axis(step), p_value(step["p"]), f"{step['se_inflation']:.2f}", condition]
        rows.append(row([fitted], [*numbers, step["largest_alias"]]))
    return f"""<h3>Does the dipole stay when other multipoles are fitted too?</h3>
{table(_STEPS, rows)}
<p>A dipole of the sky keeps its size and axis within its errors from row to row. One that goes away while its error
stays was a quadrupole or an octopole seen through the mask; where the error grows many times instead, these galaxies
leave open which it is. "SE, times": how much the added multipoles lengthen the standard error along the axis where
they do most. "Leak": dipole that a unit of the next multipole, left out, would add at worst (0 on the full sky). A
condition number above 10,000 is flagged, and one above a million refused.</p>"""


def _figure(name: str, png: bytes) -> str:
    encoded = base64.b64encode(png).decode()
    caption = html.escape(AUDIT_FIGURES[name])
    wide = " class=wide" if name == "sigma_and_p" else ""
    image = f'<img alt="{caption}" src="data:image/png;base64,{encoded}">'
    return f"<figure{wide}>{image}<figcaption>{caption}</figcaption></figure>"


def _footprint(summary: Mapping[str, Any]) -> str:
    mask, power = summary["mask"], summary["power"]
    if mask is None or power is None:
        return "<p>These galaxies lie on too small a part of the sky for a dipole.</p>"
    weak = mask["weak_axis"]
    angles = [
        f"{test['name'].replace('_', ' ')}: {test['weak_axis_angle_deg']:.0f}°"
        for test in summary["tests"]
        if "weak_axis_angle_deg" in test
    ]
    return f"""<p>Weak direction (RA {weak["axis_ra"]:.0f}°, Dec {weak["axis_dec"]:+.0f}°, and its opposite): along it
the standard error is {mask["se_inflation"]:.1f} times that of as many galaxies all over the sky. Angles of best axes
from it: {"; ".join(angles) or "none"} (what counts is the error along them). Leakage of the monopole:
{mask["monopole_leakage"]:.2f} (0 on the full sky, 1 at worst).</p>
<p>With {power["power"]:.0%} probability, at the level {power["alpha"]:g}, the catalog would have shown a dipole of
{power["smallest_dipole_best_axis"]:.4f} along its best axis and of {power["smallest_dipole_worst_axis"]:.4f} along its
worst; smaller ones may well be missed.</p>"""


def _tests(summary: Mapping[str, Any]) -> str:
    ledger, weights = {row["name"]: row for row in summary["ledger"]}, summary.get("weights")
    rows = []
    for test in summary["tests"]:
        line = ledger.get(test["name"])
        adjusted = f"{p_value(line['adjusted'])} ({'Holm' if line['method'] == 'Holm' else 'BH'})" if line else "-"
        words = [test["name"].replace("_", " "), test["estimand"], "; ".join(test["notes"])]
        words += [test["weights"]] if weights else []
        numbers = [test["estimate"], _axis(test), *(test[key] for key in ("se", "ci95", "statistic", "dof")), _p(test)]
        rows.append(row(words, [*numbers, p_value(test["p_permutation"]), adjusted, test["n"]], test["family"]))
    for name, reason in (weights["refused"] if weights else {}).items():
        cells = f"<td>{html.escape(name.replace('_', ' '))}</td><td>(not made)</td><td></td>"
        rows.append(f"<tr>{cells}<td colspan={len(_TESTS) - 2}>refused: {html.escape(reason)}</td></tr>")
    return table((*_TESTS[:3], "weights", *_TESTS[3:]) if weights else _TESTS, rows)


def _groups(summary: Mapping[str, Any]) -> str:
    if (groups := summary.get("groups")) is None:
        return ""
    weighted, rows = "weights" in summary, []
    # Reasons only where a group has one.
    shown = len(_GROUPS) - (not any(group["reason"] for group in groups["rows"]))
    for group in groups["rows"]:
        numbers = [group["n"], group["positive"], group["fraction"], group["ci95"], group["amplitude"], _axis(group)]
        numbers += [group["se"], p_value(group["p"])]
        reason = f"<td>{html.escape(group['reason'] or '')}</td></tr>" if shown == len(_GROUPS) else "</tr>"
        rows.append(row([group["group"]], numbers).removesuffix("</tr>") + reason)
    how = "Fractions and dipoles are weighted. " if weighted else ""
    if (threshold := summary["catalog"].get("threshold")) is not None:
        how += f"They are of labels: scores of {threshold:g} and more are taken for positive. "
    return f"""<h2>By {html.escape(groups["column"])}</h2>
{table(_GROUPS[:shown], rows)}
<p>{how}Each dipole is of one group's galaxies alone, with chi-square p (3 dof), not adjusted for the number of groups.
Galaxies without a group are the group {WITHOUT}.</p>"""


def _p(test: Mapping[str, Any]) -> str:
    """A p from a reference distribution; as a power of ten where it is too small for a number."""
    return p_value(test["p"], test["log10_p"])


def _axis(found: Mapping[str, Any]) -> str:
    return f"({found['axis_ra']:.0f}°, {found['axis_dec']:+.0f}°)" if found.get("axis_ra") is not None else "-"


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


def _catalog(summary: Mapping[str, Any]) -> str:
    catalog = summary["catalog"]
    hygiene = catalog["hygiene"]
    dropped = ", ".join(f"{rows} {problem.replace('_', ' ')}" for problem, rows in hygiene["dropped"].items()) or "none"
    columns = ", ".join(
        f"{part}: {' and '.join(name) if isinstance(name, list) else name}"
        for part, name in catalog["columns"].items()
        if name
    )
    rows = [
        ("file", catalog["file"]),
        ("columns", columns),
        *_meanings(catalog),
        *([("threshold of the score", f"{catalog['threshold']:g}")] if "threshold" in catalog else []),
        ("rows in the file", f"{hygiene['rows_in']:,}"),
        ("rows dropped", dropped),
        ("galaxies without a label", f"{hygiene['without_label']:,}"),
        *([("galaxies of weight zero", f"{hygiene['of_weight_zero']:,}")] if "of_weight_zero" in hygiene else []),
        ("galaxies tested", f"{catalog['n']:,}"),
    ]
    return table((), (row([what, str(value)]) for what, value in rows))
