"""Sections on what may explain a bias: the response model, errors, calibration, thresholds, imaging."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workflow_scripts.bias.declared_tests import CONTRAST, SLOPE
from workflow_scripts.bias.quantities import TEMPLATE_ALONE, TEMPLATE_BESIDE, components, template_quantities
from workflow_scripts.verdict_page.comparison_tables import (
    UNITS_OF_MEANS,
    table_of_arms,
    tests_of_family,
)
from workflow_scripts.verdict_page.html_tables import p_value, row, share, table, with_error


def response_section(models: Sequence[Mapping[str, Any]]) -> str:
    """d_0, K and kappa of every network and family of hemispheres."""
    text = ""
    for model in models:
        rows = []
        for number, axis in enumerate("xyz"):
            shared = with_error(model["d_0"][number], model["d_0_se"][number]) if model["d_0"] else "-"
            galaxies = f"{model['d_0_galaxy_se'][number]:.4f}" if model["d_0"] else "-"
            k = [with_error(model["K"][number][column], model["K_se"][number][column]) for column in range(3)]
            rows.append(row([axis, shared, galaxies, *k]))
        heading = ("", "d_0", "error of d_0 from the galaxies", "K: x", "K: y", "K: z")
        low, high = model["kappa_ci95"]
        name = html.escape(f"{model['network']}, {model['family']}")
        text += f"""<h3>{name}, {model["footprints"]} footprints</h3>
{table(heading, rows)}
<p>kappa = {with_error(model["kappa"], model["kappa_se"])} (95 %: {low:.4f} to {high:.4f}); scatter of a component
between footprints {model["residual_sd"]:.4f}.</p>"""
    if not text:
        return ""
    return f"""<h2>Response model</h2>
<p>The dipole of prediction minus reference of networks trained about the axis a is d = d_0 + K a + noise. d_0 is what
all networks share, whatever footprint they were trained on: imaging, the reference labels, or a gradient of the true
morphology. K is what follows the footprint linearly (an even response is not in it: see the curve of the false dipole);
kappa is K as one number, along the footprint's own axis. Errors are between footprints.</p>{text}"""


def error_section(tables: Mapping[str, pd.DataFrame], tests: Sequence[Mapping[str, Any]]) -> str:
    """The dipole of the labels taken apart."""
    runs = tables["runs"]
    if "true_positive_rate" not in runs or runs["true_positive_rate"].isna().all():
        return ""
    rates = (
        f"True-positive rate {runs['true_positive_rate'].mean():.3f},"
        f" false-positive rate {runs['false_positive_rate'].mean():.3f} (means over all networks)."
    )
    headings = {
        "dipole": "prediction - reference (x y z)",
        "sensitivity_dipole": "missed positives",
        "false_alarm_dipole": "false positives",
    }
    return f"""<h2>Errors</h2>
<p>The dipole of the labels is a sum without remainder: the galaxies' own dipole times (T - F), that of missed
positives, and that of false positives (T, F: true- and false-positive rate). The last two are the network's, as far as
the reference is right. {rates} {UNITS_OF_MEANS}</p>
{table_of_arms(tables["arms"], headings)}{tests_of_family(tests, "errors")}"""


def calibration_section(tables: Mapping[str, pd.DataFrame], tests: Sequence[Mapping[str, Any]]) -> str:
    """Whether scores are true probabilities, everywhere."""
    runs = tables["runs"]
    if "calibration_error" not in runs or runs["calibration_error"].isna().all():
        return ""
    headings = {
        "calibration_mean": "reference - score, mean",
        "calibration_dipole": "its dipole (x y z)",
        "calibration_error": "expected calibration error, debiased",
    }
    return f"""<h2>Calibration</h2>
<p>Reference minus score is zero on average, everywhere, where scores are true probabilities. {UNITS_OF_MEANS}</p>
{table_of_arms(tables["arms"], headings)}{tests_of_family(tests, "calibration")}"""


def powered_section(tables: Mapping[str, pd.DataFrame]) -> str:
    """Prediction-powered numbers, with what they assume; nothing where there are none."""
    runs = tables["runs"]
    if "powered_fraction" not in runs or runs["powered_fraction"].isna().all():
        return ""
    headings = {"powered_fraction": "fraction of all galaxies", "powered_dipole": "its dipole (x y z)"}
    return f"""<h2>Scores of all galaxies, corrected by the labels of some</h2>
<p>Assumed, as the configuration declares (labelled_at_random): the galaxies with a reference label are a random part of
all. Where labels were given to galaxies that look clear, or are bright, these numbers are wrong. {UNITS_OF_MEANS}</p>
{table_of_arms(tables["arms"], headings)}"""


def threshold_section(tables: Mapping[str, pd.DataFrame], tests: Sequence[Mapping[str, Any]]) -> str:
    """Other thresholds: matched to the label fraction, and cuts that leave doubtful galaxies out."""
    rows = []
    for cut, group in tables["thresholds"].groupby("cut"):
        lengths = [_length(group, name) for name in ("confident_dipole", "unannotated_dipole")]
        words = [f"{cut:g}", share(group["unannotated_fraction"].mean())]
        rows.append(row(words, [group["confident_fraction"].mean(), *lengths]))
    heading = ("cut", "left out", "fraction of the rest", "its dipole", "dipole of being left out")
    matched = {
        "dipole": "prediction - reference, threshold 1/2 (x y z)",
        "matched_dipole": "at the matched threshold",
    }
    return f"""<h2>Thresholds</h2>
<p>Matched: each network's threshold is set so that its fraction is that of the reference, which takes overall
differences between networks away and leaves patterns on the sky. {UNITS_OF_MEANS}</p>
{table_of_arms(tables["arms"], matched)}
<p>Cuts: galaxies whose score is within the cut of 1/2 are left out. Where that depends on position, a catalog of
confident labels has a dipole that neither the sky nor the labels have. Lengths of the mean vector over all
networks.</p>
{table(heading, rows)}{tests_of_family(tests, "thresholds")}"""


def _length(rows: pd.DataFrame, name: str) -> float:
    mean = rows[list(components(name))].mean(skipna=False)
    return float((mean**2).sum(skipna=False) ** 0.5)


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
    """Dipoles of single networks beside the templates, where the two can be separated."""
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
    headings = {
        start + name: f"{name}, {words}"
        for name in templates["loadings"]
        for start, words in designs
        if (means["quantity"] == start + name).any()
    }
    if not headings:
        return ""
    return f"""<p>How much the positive fraction changes where a template is one standard deviation larger, by least
squares on all templates, for the arm's networks.{_components(templates["loadings"])} Alone, a dipole of the
sky and a template that has one itself cannot be separated. Between arms, such a coefficient shows which property their
difference follows; its slope on the mean of the training galaxies, whether networks follow the imaging that they were
trained on. {UNITS_OF_MEANS}</p>
{table_of_arms(means, headings)}"""


def _adjusted_tests(summary: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The tests between runs that have a p, each with its line of the ledger."""
    lines = {line["name"]: line for line in summary["ledger"]}
    return [(test, lines[test["name"]]) for test in summary["tests"] if test["name"] in lines]


def _components(loadings: Mapping[str, Mapping[str, float]]) -> str:
    """What templates are made of that stand for several properties."""
    made_of = [
        f"{name} is {' '.join(f'{weight:+.2g} {of}' for of, weight in parts.items())}"
        for name, parts in loadings.items()
        if len(parts) > 1
    ]
    if not made_of:
        return ""
    return f""" Properties that follow each other are rotated: in standard deviations,
{html.escape("; ".join(made_of))}."""


def _mediation(summary: Mapping[str, Any]) -> str:
    """Shares of the dipole between opposite footprints, over training sets and sky."""
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
        interval = f"{share(entry['share_along'])} ({share(low)} to {share(high)})"
        shares = (interval, share(entry["share"])) if contrast["below_alpha"] else ("-", "-")
        sets = " and ".join(map(str, entry["training_sets"]))
        rows.append(row([label, sets], [*shares, p_value(contrast["p"])]))
    unknown = "".join(f"<p>Not known: {html.escape(reason)}.</p>" for reason in reasons)
    if not rows:
        return unknown
    heading = (
        "dipole of the difference between",
        "training sets",
        "share along itself that goes away beside the templates (95 %, training sets and blocks of sky resampled)",
        "share of its length",
        "p of the difference's dipole between training runs",
    )
    return f"""{table(heading, rows)}
<p>Where no dipole was found between the two, there is none to explain, and its share is left out here.</p>{unknown}"""


def _follows_training(summary: Mapping[str, Any]) -> str:
    """Whether fractions follow the imaging of the training galaxies, in a sentence."""
    return _findings(
        [
            (" ".join(filter(None, (test["covariate"], test["label"]))), line)
            for test, line in _adjusted_tests(summary)
            if (test["quantity"], test["design"]) == ("fraction", SLOPE)
        ],
        """None of {} tests found that the fraction which a network annotates follows the imaging
of the galaxies that it was trained on.""",
        """The fraction which a network annotates follows the imaging of the galaxies that it was trained on:
{}. So this property may carry the effect of the footprint, it or something that goes with
it over the footprints.""",
    )


def _interactions(summary: Mapping[str, Any]) -> str:
    """Which coefficients of templates differ between footprints, in a sentence."""
    return _findings(
        [
            (line["name"].replace("_", " "), line)
            for test, line in _adjusted_tests(summary)
            if template_quantities([test["quantity"]])
        ],
        """None of {} tests found that networks of different footprints respond differently to a
template, after adjustment for all tests of imaging.""",
        """Networks of different footprints respond differently to the imaging, after adjustment for all tests of
imaging: {}. Such a difference goes with the property, which need not be its
cause.""",
    )


def _findings(lines: Sequence[tuple[str, Mapping[str, Any]]], nothing: str, found: str) -> str:
    """A paragraph on the named lines of the ledger: their number in `nothing`, or those below the level in `found`."""
    named = [f"{name} (adjusted p = {p_value(line['adjusted'])})" for name, line in lines if line["below_alpha"]]
    text = found.format(html.escape(", ".join(named))) if named else nothing.format(len(lines))
    return f"<p>{text}</p>" if lines else ""
