"""The page of an audit: one HTML file that needs nothing from outside."""

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workflow_scripts.figures.figure_list import AUDIT_FIGURES

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
p, li { max-width: 62rem }
table { border-collapse: collapse; font-size: 13px; margin: 1rem 0 }
td, th { border-bottom: 1px solid #ddd; padding: .25rem .6rem; text-align: left; vertical-align: top }
.verdict { font-size: 18px; border-left: 4px solid #0072b2; padding-left: 1rem }
.warning { border-left: 4px solid #d55e00; padding-left: 1rem }
.primary { background: #eaf3fa }
.paper_style { color: #666; background: #f6f6f6 }
.number { white-space: nowrap }
figure { display: inline-block; vertical-align: top; margin: 0 1rem 1rem 0; width: 45% }
figure.wide { width: 92% }
figure img { max-width: 100%; height: auto }
figcaption { font-size: 13px; color: #444; max-width: 34rem }
"""


def audit_page(summary: Mapping[str, Any], fractions: pd.DataFrame, figures: Mapping[str, bytes]) -> str:
    """The page of a summary with its table of fractions and its figures, PNG by name."""
    name = html.escape(summary["experiment"])
    warnings = "".join(f'<p class="warning">{html.escape(sentence)}</p>' for sentence in warning_sentences(summary))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Audit of {name}</title>
<style>{_STYLE}</style></head><body>
<h1>Audit of {name}</h1>
<p class="verdict">{html.escape(summary["verdict"])}</p>
{warnings}
{_sigma_section(summary)}
{"".join(_figure(name, png) for name, png in figures.items())}
<h2>Footprint and power</h2>
{_footprint(summary)}
{_stability(summary)}
<h2>Every test that was made</h2>
<p>The unit of all tests is the galaxy: they speak of this catalog, not of what made it. Shaded blue: primary, chosen
beforehand, adjusted for each other by Holm's method. Grey: paper-style, for comparison. The others are secondary,
adjusted by Benjamini and Hochberg's method. The larger p decides where there are two.</p>
{_tests(summary)}
{_list("Not tested", summary["not_run"])}
<h2>Fractions</h2>
{_table(fractions)}
<h2>The catalog</h2>
{_catalog(summary)}
</body></html>
"""


def warning_sentences(summary: Mapping[str, Any]) -> list[str]:
    """What a reader should know before any number."""
    hygiene, sentences = summary["catalog"]["hygiene"], []
    if hygiene["suspected_unit"]:
        sentences.append(
            f"All positions lie where positions in {hygiene['suspected_unit']} would, and were read as degrees: give"
            " degrees, or the unit in the header."
        )
    if hygiene["repeated_with_other_labels"]:
        sentences.append(
            f"{hygiene['repeated_with_other_labels']} rows repeat the position of another row with another label. "
            "Which label is right is unknown; both were kept, and cancel each other."
        )
    if repeats := hygiene["dropped"].get("repeated_galaxy"):
        sentences.append(
            f"{repeats} rows repeat a galaxy with the same label and were dropped: with them, every significance "
            "would be too high."
        )
    near = [test for test in summary["tests"] if test.get("weak_axis_suspicious")]
    if near:
        listed = " and ".join(f"{test['name']} ({test['weak_axis_angle_deg']:.0f}°)" for test in near)
        sentences.append(
            f"Best axes near the footprint's weak direction: {listed}. Noise alone"
            " points there more often than elsewhere."
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
        ("p if it were a normal deviate", _number(scan["p_if_sigma_were_normal"])),
        ("p of a scanned maximum (chi, 3 dof)", f"{_number(scan['p'])} ({_number(scan['equivalent_sigma'])} sigma)"),
        ("the same by random signs", _number(scan["p_permutation"])),
        (
            "sigma that these labels give here without any dipole (root mean square)",
            f"{scan['sigma_without_dipole']:.2f}",
        ),
        ("centred dipole: Q, 3 dof", f"{score['statistic']:.3f}"),
        ("calibrated p (chi-square; permutations)", f"{_number(score['p'])}; {_number(score['p_permutation'])}"),
        ("adjusted p", _number(ledger["dipole_score"]["adjusted"])),
        *_odds(score),
    ]
    table = "".join(f"<tr><td>{html.escape(what)}<td class=number>{value}" for what, value in rows)
    return f"""<h2>Sigma and p</h2>
<table>{table}</table>
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
    heading = "".join(
        f"<th>{name}"
        for name in ("fitted", "dipole (log odds)", "axis", "p of the dipole", "SE, times", "condition", "leak")
    )
    rows = []
    for step in steps:
        fitted = ("dipole", "and quadrupole", "and octopole")[step["lmax"] - 1]
        if step["refused"]:
            rows.append(f'<tr><td>{fitted}<td colspan="6">not to be had: {html.escape(step["refused"])}')
            continue
        condition = f"{step['condition']:.3g}{' (hardly determined)' if step['flagged'] else ''}"
        numbers = [
            _number(step["amplitude"]),
            f"({step['axis_ra']:.0f}°, {step['axis_dec']:+.0f}°)",
            _number(step["p"]),
        ]
        numbers += [f"{step['se_inflation']:.2f}", condition, _number(step["largest_alias"])]
        rows.append(f"<tr><td>{fitted}" + "".join(f"<td class=number>{text}" for text in numbers))
    return f"""<h3>Does the dipole stay when other multipoles are fitted too?</h3>
<table><tr>{heading}{"".join(rows)}</table>
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
from it: {"; ".join(angles) or "none"} (below 20° is suspicious). Leakage of the monopole:
{mask["monopole_leakage"]:.2f} (0 on the full sky, 1 at worst).</p>
<p>With {power["power"]:.0%} probability, at the level {power["alpha"]:g}, the catalog would have shown a dipole of
{power["smallest_dipole_best_axis"]:.4f} along its best axis and of {power["smallest_dipole_worst_axis"]:.4f} along its
worst; smaller ones may well be missed.</p>"""


def _tests(summary: Mapping[str, Any]) -> str:
    ledger = {row["name"]: row for row in summary["ledger"]}
    names = (
        "test",
        "what is estimated",
        "estimate",
        "SE",
        "95 %",
        "statistic",
        "dof",
        "p",
        "permutation p",
        "adjusted p",
    )
    rows = []
    for test in summary["tests"]:
        row = ledger.get(test["name"])
        adjusted = f"{_number(row['adjusted'])} ({'Holm' if row['method'] == 'Holm' else 'BH'})" if row else "-"
        axis = f"<br>axis ({test['axis_ra']:.0f}°, {test['axis_dec']:+.0f}°)" if "axis_ra" in test else ""
        notes = "".join(f"<br><small>{html.escape(note)}</small>" for note in test["notes"])
        words = [html.escape(test["name"].replace("_", " ")), html.escape(test["estimand"]) + axis + notes]
        keys = ("estimate", "se", "ci95", "statistic", "dof", "p", "p_permutation")
        numbers = [*(_number(test[key]) for key in keys), adjusted, str(test["n"])]
        cells = "".join(f"<td>{word}" for word in words) + "".join(f"<td class=number>{text}" for text in numbers)
        rows.append(f'<tr class="{test["family"]}">{cells}')
    heading = "".join(f"<th>{name}" for name in (*names, "n"))
    return f"<table><tr>{heading}{''.join(rows)}</table>"


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
        ("class counted", catalog["positive"]),
        ("rows in the file", f"{hygiene['rows_in']:,}"),
        ("rows dropped", dropped),
        ("galaxies without a label", f"{hygiene['without_label']:,}"),
        ("galaxies tested", f"{catalog['n']:,}"),
    ]
    table = "".join(f"<tr><th>{what}<td>{html.escape(str(value))}" for what, value in rows)
    return f"<table>{table}</table>"


def _table(table: pd.DataFrame) -> str:
    heading = "".join(f"<th>{html.escape(name.replace('_', ' '))}" for name in table)
    rows = "".join(
        "<tr>" + "".join(f"<td class=number>{_number(value)}" for value in row) for row in table.itertuples(index=False)
    )
    return f"<table><tr>{heading}{rows}</table>"


def _list(title: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    return f"<h3>{title}</h3><ul>{''.join(f'<li>{html.escape(sentence)}' for sentence in sentences)}</ul>"


def _number(value: Any) -> str:
    if value is None or value != value:
        return "-"
    if isinstance(value, list):
        return " ... ".join(_number(item) for item in value)
    return html.escape(f"{value:.3g}" if isinstance(value, float) else str(value))
