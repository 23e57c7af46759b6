"""What imaging templates explain, for the page of an experiment."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workflow_scripts.bias.declared_tests import CONTRAST, SLOPE
from workflow_scripts.bias.quantities import TEMPLATE_ALONE, TEMPLATE_BESIDE, template_quantities
from workflow_scripts.pages.number_formats import p_value, share


def coefficient_headings(templates: Mapping[str, Any] | None, means: pd.DataFrame) -> dict[str, str]:
    """Headings, by quantity, of what each template does to the labels of an arm's networks."""
    known = set(means["quantity"])
    return {
        start + name: f"{template_in_words(name, templates)}, {words}"
        for name in (templates["loadings"] if templates else ())
        for start, words in ((TEMPLATE_ALONE, "alone"), (TEMPLATE_BESIDE, "beside a dipole"))
        if start + name in known
    }


def mediated_rows(summary: Mapping[str, Any]) -> dict[str, list]:
    """`rows`: shares of the dipole between opposite footprints, over training sets and sky; `unknown`: why not."""
    contrasts = {
        (test["network"], *test["footprints"]): line
        for test, line in _adjusted_tests(summary)
        if (test["quantity"], test["design"]) == ("dipole", CONTRAST)
    }
    several = len({entry["network"] for entry in summary["mediation"]}) > 1
    rows, reasons = [], []
    for entry in summary["mediation"]:
        label = entry["contrast"] + (f" [{entry['network']}]" if several else "")
        if "reason" in entry:
            reasons.append(f"{label}: {entry['reason']}")
            continue
        contrast = contrasts.get((entry["network"], *entry["footprints"]), {"p": None, "below_alpha": False})
        low, high = entry["share_along_ci95"]
        ends = f"{share(entry['share_along'])} ({share(low)} to {share(high)})"
        shares = (ends, share(entry["share"])) if contrast["below_alpha"] else ("-", "-")
        rows.append([label, " and ".join(map(str, entry["training_sets"])), *shares, p_value(contrast["p"])])
    return {"rows": rows, "unknown": reasons}


def imaging_findings(summary: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Sentences on what was found of imaging between networks, and on what was looked for and not found."""
    slopes, coefficients, templates = [], [], summary["templates"]
    for test, line in _adjusted_tests(summary):
        if (test["quantity"], test["design"]) == ("fraction", SLOPE):
            of = f", {test['label']}" if test["label"] else ""
            slopes.append((_trained_on(test, templates, summary["provenance"]["config"]["classes"][1]) + of, line))
        elif template_quantities([test["quantity"]]):
            coefficients.append((name_in_words(line["name"], templates), line))
    followed, differing = _named(slopes), _named(coefficients)
    found, not_found = [], []
    if followed:
        found.append(
            f"Networks that were trained on {followed}. So this property of the imaging may carry the effect of the"
            " footprint, it or something that goes with it over the footprints."
        )
    elif slopes:
        not_found.append(
            f"None of {len(slopes)} tests found that the fraction which a network annotates follows the imaging of the"
            " galaxies that it was trained on."
        )
    if differing:
        found.append(
            "Networks of different footprints respond differently to the imaging, after adjustment for all tests of"
            f" imaging: {differing}. Such a difference goes with the property, which need not be its cause."
        )
    elif coefficients:
        not_found.append(
            f"None of {len(coefficients)} tests found that networks of different footprints respond differently to a"
            " template, after adjustment for all tests of imaging."
        )
    return found, not_found


def _trained_on(test: Mapping[str, Any], templates: Mapping[str, Any] | None, positive: str) -> str:
    """What the slope of the fraction on a template of the training galaxies means."""
    name = test["covariate"]
    weights = (templates or {"loadings": {}})["loadings"].get(name) or {name: 1.0}
    ends = [
        f"{'larger' if weight * test['estimate'] > 0 else 'smaller'} {of}" for of, weight in weights.items() if weight
    ]
    return f"galaxies with {' and '.join(ends)} call more galaxies {positive}"


def _adjusted_tests(summary: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The tests between runs that have a p, each with its line of the ledger."""
    lines = {line["name"]: line for line in summary["ledger"]}
    return [(test, lines[test["name"]]) for test in summary["tests"] if test["name"] in lines]


def _named(lines: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Those that were found, with their p; empty without any."""
    return ", ".join(
        f"{name} (adjusted p = {p_value(line['adjusted'])})" for name, line in lines if line["below_alpha"]
    )


def template_in_words(name: str, templates: Mapping[str, Any] | None) -> str:
    """A template as sentences have it: of a component, its number and what grows or falls along it."""
    weights = (templates or {"loadings": {}})["loadings"].get(name, {})
    moving = [f"{of} {'up' if weight > 0 else 'down'}" for of, weight in weights.items() if weight]
    if len(moving) < 2:
        return name
    return f"component {name.rpartition('component')[2]} ({', '.join(moving)})"


def name_in_words(name: str, templates: Mapping[str, Any] | None) -> str:
    """The name of a test with its templates in words."""
    # The longest first: a name may be the beginning of another.
    names = sorted((templates or {"loadings": {}})["loadings"], key=len, reverse=True)
    parts = re.split(f"({'|'.join(map(re.escape, names))})", name) if names else [name]
    return "".join(template_in_words(part, templates) if part in names else part.replace("_", " ") for part in parts)


def rotated_properties(templates: Mapping[str, Any] | None) -> list[str]:
    """What each template is that was made of several properties: its weights."""
    made = {}
    for name, weights in (templates["loadings"] if templates else {}).items():
        made[name] = [f"{weight:+.2g} × {of}" for of, weight in weights.items() if weight]
    return [
        f"{template_in_words(name, templates).partition(' (')[0]} is {' '.join(parts)}"
        for name, parts in made.items()
        if len(parts) > 1
    ]
