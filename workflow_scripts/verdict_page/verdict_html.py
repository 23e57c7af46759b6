"""The page of an experiment: one HTML file that needs nothing from outside."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workflow_scripts.verdict_page.answer_table import answer_table
from workflow_scripts.verdict_page.comparison_tables import side_by_side
from workflow_scripts.verdict_page.explanation_sections import (
    calibration_section,
    error_section,
    imaging_section,
    powered_section,
    response_section,
    threshold_section,
)
from workflow_scripts.verdict_page.html_tables import bullets, p_value, page, row, share, table, with_error

_OUTCOMES = ("requested", "delivered", "no_coverage", "rejected", "failed")
_SIMULATED = """<p>The survey of this experiment is <b>simulated</b>: what was put into it is known (truth.json beside
its catalog), and it shows nothing of the real sky.</p>"""
_OF_RUNS = ("unit", "test", "family", "what is estimated", "estimate", "SE", "p", "permutation p", "adjusted p", "n")
_OF_GALAXIES = (
    *("test of single networks", "family", "null", "networks or pairs", "median estimate", "median p"),
    "share below the level, adjusted",
)


def verdict_html(
    summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], cutouts: Mapping[str, Any] | None = None
) -> str:
    """The page of a summary.

    `tables` are `runs`, `arms`, `contrasts` and `thresholds`, as `measure_bias` made them; `cutouts` counts what came
    of the requests to the survey.
    """
    tests, alpha = summary["tests"], summary["provenance"]["config"]["tests"]["alpha"]
    warnings = "".join(f'<p class="warning">{html.escape(sentence)}</p>' for sentence in summary.get("warnings", []))
    body = f"""{warnings}
{_SIMULATED if summary["simulated"] else ""}
<h2>Answers</h2>
{answer_table(summary["answers"])}
<p>What decides has the training run as its unit. Shaded: questions chosen beforehand, adjusted for each other by Holm's
method, at the level {alpha:g}. "No" stands only where an effect above the limit is excluded at 95 %; everything else
that is not "yes" is "cannot tell". The interval is two-sided and the limit one-sided.</p>
<details><summary>The answers in sentences</summary><p>{html.escape(summary["verdict"])}</p></details>
{side_by_side(summary, tables)}
{response_section(summary["response_model"])}
{"".join(_budget(entry) for entry in summary["variance_budget"])}
{error_section(tables, tests)}
{calibration_section(tables, tests)}
{threshold_section(tables, tests)}
{imaging_section(summary, tables)}
{powered_section(tables)}
{_balance(summary["training_balance"])}
<h2>Every test with the training run as its unit</h2>
<p>The families whose tests are answers (primary, secondary design, common dipole) are adjusted by Holm's method, each
other one by Benjamini and Hochberg's. Where there are two p, the larger decides.</p>
{_run_level(summary)}
<h2>Tests of single networks and pairs</h2>
<p>With the galaxy as the unit: they hold for the given networks only, and not for the footprint. Each family is
adjusted by Benjamini and Hochberg's method; summary.json lists every single p.</p>
{_galaxy_level(summary)}
{bullets("<h2>Not answered</h2>", summary["not_answered"])}
{image_counts(cutouts) if cutouts else ""}"""
    return page(summary["experiment"], summary["headline"], body)


def _run_level(summary: Mapping[str, Any]) -> str:
    adjusted = {line["name"]: line["adjusted"] for line in summary["ledger"]}
    rows = []
    for test in summary["tests"]:
        primary = test["name"] in summary["primary"]
        words = [test["unit_of_replication"], test["name"].replace("_", " "), test["family"], test["estimand"]]
        numbers = [test["estimate"], test["se"], p_value(test["p"]), p_value(test["p_permutation"])]
        numbers += [p_value(adjusted.get(test["name"])), test["n"]]
        rows.append(row(words, numbers, "primary" if primary else ""))
    return table(_OF_RUNS, rows)


def _galaxy_level(summary: Mapping[str, Any]) -> str:
    rows = [
        row(
            [entry["name"].replace("_", " "), entry["family"], entry["null"], str(entry["networks"])],
            [entry["median_estimate"], p_value(entry["median_p"]), share(entry["share_below_alpha"])],
            "galaxy",
        )
        for entry in summary["galaxy_level"]
    ]
    return table(_OF_GALAXIES, rows)


def _budget(entry: Mapping[str, Any]) -> str:
    """Where the scatter of the annotated fraction comes from, and what more runs would find."""
    sources = {
        "footprints in random directions": entry["footprint_sd"],
        "training sets": entry["sample_sd"],
        "seeds on one training set": entry["seed_sd"],
        "galaxies (binomial, shared by all networks)": entry["galaxy_se"],
    }
    text = f"<h2>Scatter of the annotated fraction ({html.escape(entry['network'])})</h2>"
    text += table(("source", "standard deviation"), [row([source], [value]) for source, value in sources.items()])
    if not entry["detectable"]:
        return text
    designs = [
        row([line["design"].replace("_", " ")], [line["samples"], line["seeds"], line["effect"]])
        for line in entry["detectable"]
    ]
    return f"""{text}
<p>The smallest change of the fraction between opposite regions that such a design finds in four of five cases, by
simulation of the rule that decides this experiment: the larger of both p, adjusted by Holm over the primary tests. A
dash: no effect gives a p below the level. More galaxies would not lower it.</p>
{table(("design", "training sets a footprint", "seeds a training set", "smallest change"), designs)}"""


def _balance(entries: Sequence[Mapping[str, Any]]) -> str:
    """How well the training sets of different footprints are matched to each other."""
    if not entries:
        return ""
    rows = []
    for entry in entries:
        words = [f"{entry['first']} and {entry['second']}", ", ".join(entry["covariates"]) or "class alone"]
        auc = with_error(entry.get("adversarial_auc"), entry.get("adversarial_null_sd"))
        numbers = [entry.get(name) for name in ("largest_smd", "smallest_ks_p", "variance_ratios")]
        rows.append(row(words, [*numbers, auc, entry.get("adversarial_p")]))
    heading = (
        *("training sets of", "matched in class and", "largest standardised difference", "smallest KS p"),
        *("variance ratios, least and largest", "adversarial AUC (± its scatter by chance)", "permutation p"),
    )
    return f"""<h2>Balance of the training sets</h2>
<p>Footprints that are set against each other, in what their training sets were matched in. A standardised difference
of means below 0.05 is as good as matched. The adversarial AUC is how well all of it together separates one set from the
other: 0.5 where nothing does. Imaging is not matched, because it is the suspected mechanism.</p>
{table(heading, rows)}"""


def image_counts(cutouts: Mapping[str, Any]) -> str:
    """The counts of a ledger, and its warnings."""
    counts = ", ".join(f"{cutouts[name]} {name.replace('_', ' ')}" for name in _OUTCOMES)
    return f"<h2>Images</h2><p>{counts}.</p>" + bullets("", cutouts["warnings"])
