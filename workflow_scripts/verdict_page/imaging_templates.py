"""The section on imaging: what templates explain, and whether networks follow what they were trained on."""

import html
from collections.abc import Mapping
from typing import Any

import pandas as pd

from workflow_scripts.bias.quantities import TEMPLATE_ALONE, TEMPLATE_BESIDE
from workflow_scripts.verdict_page.run_level_tables import UNITS, mean_of_arm, tests_of_family
from workflow_scripts.verdict_page.side_by_side import labelled_arms
from workflow_scripts.verdict_page.tables import row, share, table


def imaging_section(summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> str:
    """What imaging templates explain."""
    if summary["templates"] is None:
        return ""
    return f"""<h2>Imaging</h2>
{_beside_sky(summary)}
{_coefficients(summary["templates"], tables["arms"])}
{_mediation(summary)}
{_follows_training(summary)}
{_interactions(summary)}
{tests_of_family(summary["tests"], "imaging")}"""


def _beside_sky(summary: Mapping[str, Any]) -> str:
    """Dipoles of single networks beside the templates, where the two can be told apart."""
    imaging = summary["imaging"]
    if imaging is None:
        return """<p>A dipole of the labels beside the templates is not given: see "Not answered" for the reason.</p>"""
    found = {entry["name"]: entry for entry in summary["galaxy_level"]}
    kept = [found[name] for name in ("centred_dipole", "cleaned_dipole", "glm_dipole_given_templates") if name in found]
    rows = [
        row([entry["name"].replace("_", " "), share(entry["share_below_alpha"])], [entry["median_estimate"]])
        for entry in kept
    ]
    heading = ("dipole of the labels, galaxies as unit", "share of networks that have one", "median length")
    return f"""<p>Templates: {html.escape(", ".join(imaging["templates"]))}, known for {imaging["n"]:,} galaxies and
fitted in other patches of sky. They leave {share(imaging["retained_worst_share"])} of a true dipole along the axis
where they take most. What they explain need not be caused by them.</p>
{table(heading, rows)}"""


def _coefficients(templates: Mapping[str, Any], means: pd.DataFrame) -> str:
    """What each template does to the labels of an arm's networks."""
    designs = ((TEMPLATE_ALONE, "alone"), (TEMPLATE_BESIDE, "beside a dipole"))
    columns = [
        (start + name, f"{name}, {words}")
        for name in templates["loadings"]
        for start, words in designs
        if (means["quantity"] == start + name).any()
    ]
    if not columns:
        return ""
    rows = [
        row([label], [mean_of_arm(means, network, arm, column) for column, _ in columns])
        for network, arm, label in labelled_arms(means)
    ]
    heading = ("arm", *(words for _, words in columns))
    return f"""<p>How much the positive fraction changes where a template is one standard deviation larger, by least
squares on all templates, as far as the arm's networks say.{_components(templates["loadings"])} Alone, a dipole of the
sky and a template that has one itself cannot be told apart. Between arms, such a coefficient says which property their
difference follows; its slope on the mean of the training galaxies, whether networks follow the imaging that they were
trained on. {UNITS}</p>
{table(heading, rows)}"""


def _components(loadings: Mapping[str, Mapping[str, float]]) -> str:
    """What templates are made of that stand for several properties."""
    told = [
        f"{name} is {' '.join(f'{weight:+.2g} {of}' for of, weight in parts.items())}"
        for name, parts in loadings.items()
        if len(parts) > 1
    ]
    if not told:
        return ""
    return f""" Properties that follow each other are rotated: in standard deviations,
{html.escape("; ".join(told))}."""


def _mediation(summary: Mapping[str, Any]) -> str:
    """Shares of the dipole between opposite footprints, over training sets and sky."""
    contrasts = {line["name"]: line for line in summary["ledger"]}
    several = len({entry["network"] for entry in summary["mediation"]}) > 1
    rows, reasons = [], []
    for entry in summary["mediation"]:
        label = entry["contrast"] + (f" [{entry['network']}]" if several else "")
        if "reason" in entry:
            reasons.append(f"{label}: {entry['reason']}")
            continue
        contrast = contrasts.get(f"dipole_contrast {label}", {"p": None, "below_alpha": False})
        low, high = entry["share_along_ci95"]
        interval = f"{share(entry['share_along'])} ({share(low)} to {share(high)})"
        shares = (interval, share(entry["share"])) if contrast["below_alpha"] else ("-", "-")
        sets = " and ".join(map(str, entry["training_sets"]))
        rows.append(row([label, sets], [*shares, contrast["p"]]))
    told = "".join(f"<p>Not told: {html.escape(reason)}.</p>" for reason in reasons)
    if not rows:
        return told
    heading = (
        "dipole of the difference between",
        "training sets",
        "share along itself that goes away beside the templates (95 %, training sets and blocks of sky resampled)",
        "share of its length",
        "p of the difference's dipole between training runs",
    )
    return f"""{table(heading, rows)}
<p>Where no dipole was found between the two, there is none to explain, and its share is left out here.</p>{told}"""


def _follows_training(summary: Mapping[str, Any]) -> str:
    """Whether fractions follow the imaging of the training galaxies, in a sentence."""
    lines = [
        (line, line["name"].partition("_slope_on_")[2])
        for line in summary["ledger"]
        if line["family"] == "imaging" and line["name"].startswith("fraction_slope_on_")
    ]
    if not lines:
        return ""
    found = [f"{name} (adjusted p = {line['adjusted']:.2g})" for line, name in lines if line["below_alpha"]]
    if not found:
        return f"""<p>None of {len(lines)} tests found that the fraction which a network annotates follows the imaging
of the galaxies that it was trained on.</p>"""
    return f"""<p>The fraction which a network annotates follows the imaging of the galaxies that it was trained on:
{html.escape(", ".join(found))}. So this property may carry the effect of the footprint, it or something that goes with
it over the footprints.</p>"""


def _interactions(summary: Mapping[str, Any]) -> str:
    """Which coefficients of templates differ between footprints, in a sentence."""
    lines = [
        line
        for line in summary["ledger"]
        if line["family"] == "imaging"
        and line["unit_of_replication"] == "run"
        and line["name"].startswith((TEMPLATE_ALONE, TEMPLATE_BESIDE))
    ]
    if not lines:
        return ""
    found = [
        f"{line['name'].replace('_', ' ')} (adjusted p = {line['adjusted']:.2g})"
        for line in lines
        if line["below_alpha"]
    ]
    if not found:
        return f"""<p>None of {len(lines)} tests found that networks of different footprints answer differently to a
template, after adjustment for all tests of imaging.</p>"""
    return f"""<p>Networks of different footprints answer differently to the imaging, after adjustment for all tests of
imaging: {html.escape(", ".join(found))}. Such a difference goes with the property, which need not be its
cause.</p>"""
