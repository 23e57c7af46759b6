"""Write the verdict of an experiment as a page: the answer, and every test behind it."""

import argparse
import html
import json
from pathlib import Path
from typing import Any

from workflow_scripts.step import run_step
from workflow_scripts.whole_file import whole_file

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 84rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
p { max-width: 62rem }
table { border-collapse: collapse; font-size: 13px; margin: 1rem 0 }
td, th { border-bottom: 1px solid #ddd; padding: .25rem .6rem; text-align: left; vertical-align: top }
.verdict { font-size: 18px; border-left: 4px solid #0072b2; padding-left: 1rem }
.primary { background: #eaf3fa }
.galaxy { color: #666 }
.number { white-space: nowrap }
"""
PAPER_STYLE = {
    "median_max_sigma": "scanned cosine dipole of one network, median over networks ('sigma')",
    "largest_max_sigma": "the same, largest of all networks",
    "share_above_3": "share of networks above 3 'sigma'",
    "share_above_5": "share of networks above 5 'sigma'",
    "median_sigma_without_dipole": "what the networks' mix of labels gives on this sky without any dipole",
    "opposite_median_absolute_mcnemar_z": "McNemar's |z| of two networks from opposite footprints, median over pairs",
    "seeds_median_absolute_mcnemar_z": "the same of two networks that differ in the seed alone",
}


def build_parser() -> argparse.ArgumentParser:
    """Command line of this step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--summary", type=Path, required=True, help="summary.json of the experiment")
    parser.add_argument("--cutouts", type=Path, help="ledger.json of the survey's cutouts")
    parser.add_argument("--output", required=True, help="the page (HTML)")
    return parser


def page(summary: dict[str, Any], cutouts: dict[str, Any] | None = None) -> str:
    """The page of a summary, and of the counts of the cutouts behind it; it needs nothing from outside."""
    heading = "".join(
        f"<th>{name}"
        for name in ("unit", "test", "what is estimated", "estimate", "SE", "p", "permutation p", "Holm p", "n")
    )
    rows = "".join(_row(test, summary["primary"].get(test["name"])) for test in summary["tests"])
    paper_style = summary["paper_style"]
    rows += "".join(_paper_row(name, paper_style[name]) for name in PAPER_STYLE if name in paper_style)
    missing = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in summary["not_answered"])
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(summary["experiment"])}</title>
<style>{STYLE}</style></head><body>
<h1>{html.escape(summary["experiment"])}</h1>
<p class="verdict">{html.escape(summary["verdict"])}</p>
<p>What decides has the training run as its unit; the primary tests are shaded. The last rows, with the galaxy as the
unit, are in the style of the original study: they hold for the given networks only, and say nothing of the
footprint.</p>
<table><tr>{heading}</tr>{rows}</table>
{"".join(_budget(entry) for entry in summary["variance_budget"])}
{f"<h2>Not answered</h2><ul>{missing}</ul>" if missing else ""}
{_images(cutouts) if cutouts else ""}
</body></html>
"""


def _budget(entry: dict[str, Any]) -> str:
    """Where the scatter of the annotated fraction comes from, and what more runs would find."""
    sources = {
        "footprints in random directions": entry["footprint_sd"],
        "training sets": entry["sample_sd"],
        "seeds on one training set": entry["seed_sd"],
        "galaxies (binomial, shared by all networks)": entry["galaxy_se"],
    }
    rows = "".join(_cells("", [source], [value]) for source, value in sources.items())
    text = f"""<h2>Scatter of the annotated fraction ({html.escape(entry["network"])})</h2>
<table><tr><th>source<th>standard deviation</tr>{rows}</table>"""
    if not entry["detectable"]:
        return text
    designs = "".join(
        _cells("", [row["design"].replace("_", " ")], [row["samples"], row["seeds"], row["effect"]])
        for row in entry["detectable"]
    )
    return f"""{text}
<p>The smallest change of the fraction between opposite regions that such a design finds in four of five cases, at the
level of this experiment; more galaxies would not lower it.</p>
<table><tr><th>design<th>training sets a footprint<th>seeds a training set<th>smallest change</tr>{designs}</table>"""


def _images(cutouts: dict[str, Any]) -> str:
    """What was asked of the survey, what came of it, and what is wrong with it."""
    outcomes = ("requested", "delivered", "no_coverage", "rejected", "failed")
    counts = ", ".join(f"{cutouts[name]} {name.replace('_', ' ')}" for name in outcomes)
    warnings = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in cutouts["warnings"])
    return f"<h2>Images</h2><p>{counts}.</p>" + (f"<ul>{warnings}</ul>" if warnings else "")


def _row(test: dict[str, Any], primary: dict[str, float] | None) -> str:
    words = [test["unit_of_replication"], test["name"].replace("_", " "), test["estimand"]]
    holm = primary["p_holm"] if primary else None
    numbers = [*(test[key] for key in ("estimate", "se", "p", "p_permutation")), holm, test["n"]]
    return _cells("primary" if primary else "", words, numbers)


def _paper_row(name: str, value: Any) -> str:
    return _cells("galaxy", ["galaxy", name.replace("_", " "), PAPER_STYLE[name]], [value, *[None] * 5])


def _cells(kind: str, words: list[str], numbers: list[Any]) -> str:
    cells = "".join(f"<td>{html.escape(word)}</td>" for word in words)
    cells += "".join(f"<td class=number>{_number(number)}</td>" for number in numbers)
    return f'<tr class="{kind}">{cells}</tr>'


def _number(value: Any) -> str:
    """A number; a vector one component a line; a matrix one row a line."""
    if value is None:
        return "-"
    if isinstance(value, list):
        return "<br>".join(_number(item).replace("<br>", " &nbsp; ") for item in value)
    return html.escape(f"{value:.3g}" if isinstance(value, float) else str(value))


def main(arguments: argparse.Namespace) -> None:
    """Write the page."""
    summary = json.loads(arguments.summary.read_text(encoding="utf-8"))
    cutouts = json.loads(arguments.cutouts.read_text(encoding="utf-8")) if arguments.cutouts else None
    with whole_file(arguments.output) as temporary:
        temporary.write_text(page(summary, cutouts), encoding="utf-8")


if __name__ == "__main__":
    run_step(main, build_parser())
