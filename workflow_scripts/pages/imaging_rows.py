"""What imaging templates explain, for the page of an experiment."""

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
        start + name: f"{name}, {words}"
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


def fractions_that_follow_training(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Whether fractions follow the imaging of the training galaxies: the number of `tests`, and those that `found`."""
    return _findings(
        [
            (" ".join(filter(None, (test["covariate"], test["label"]))), line)
            for test, line in _adjusted_tests(summary)
            if (test["quantity"], test["design"]) == ("fraction", SLOPE)
        ]
    )


def networks_that_differ(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Which coefficients of templates differ between footprints: the number of `tests`, and those that `found`."""
    return _findings(
        [
            (line["name"].replace("_", " "), line)
            for test, line in _adjusted_tests(summary)
            if template_quantities([test["quantity"]])
        ]
    )


def _adjusted_tests(summary: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The tests between runs that have a p, each with its line of the ledger."""
    lines = {line["name"]: line for line in summary["ledger"]}
    return [(test, lines[test["name"]]) for test in summary["tests"] if test["name"] in lines]


def _findings(lines: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    named = [f"{name} (adjusted p = {p_value(line['adjusted'])})" for name, line in lines if line["below_alpha"]]
    return {"tests": len(lines), "found": named}


def rotated_properties(templates: Mapping[str, Any] | None) -> list[str]:
    """What each template is that was made of several properties, in words."""
    made = {}
    for name, weights in (templates["loadings"] if templates else {}).items():
        made[name] = [f"{weight:+.2g} {of}" for of, weight in weights.items() if weight]
    return [f"{name} is {' '.join(parts)}" for name, parts in made.items() if len(parts) > 1]
