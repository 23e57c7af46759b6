"""Sections on what may explain a bias: errors, calibration, thresholds; and the response model."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workflow_scripts.verdict_page.run_level_tables import UNITS, mean_of_arm, mean_vector_of_arm, tests_of_family
from workflow_scripts.verdict_page.side_by_side import labelled_arms
from workflow_scripts.verdict_page.tables import row, share, table, with_error


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
all networks share, whatever footprint they were trained on: imaging, and the reference labels. K is what follows the
footprint; kappa is K as one number, along the footprint's own axis. Errors are between footprints.</p>{text}"""


def error_section(tables: Mapping[str, pd.DataFrame], tests: Sequence[Mapping[str, Any]]) -> str:
    """The dipole of the labels taken apart."""
    runs, means = tables["runs"], tables["arms"]
    if "true_positive_rate" not in runs or runs["true_positive_rate"].isna().all():
        return ""
    rows = [
        row(
            [label],
            [
                mean_vector_of_arm(means, network, arm, name)
                for name in ("dipole", "sensitivity_dipole", "false_alarm_dipole")
            ],
        )
        for network, arm, label in labelled_arms(means)
    ]
    rates = (
        f"True-positive rate {runs['true_positive_rate'].mean():.3f},"
        f" false-positive rate {runs['false_positive_rate'].mean():.3f} (means over all networks)."
    )
    heading = ("arm", "prediction - reference (x y z)", "missed positives", "false positives")
    return f"""<h2>Errors</h2>
<p>The dipole of the labels is a sum without remainder: the galaxies' own dipole times (T - F), that of missed
positives, and that of false positives (T, F: true- and false-positive rate). The last two are the network's, as far as
the reference is right. {rates} {UNITS}</p>
{table(heading, rows)}{tests_of_family(tests, "errors")}"""


def calibration_section(tables: Mapping[str, pd.DataFrame], tests: Sequence[Mapping[str, Any]]) -> str:
    """Whether scores mean what they say, everywhere."""
    runs, means = tables["runs"], tables["arms"]
    if "calibration_error" not in runs or runs["calibration_error"].isna().all():
        return ""
    rows = [
        row(
            [label],
            [
                mean_of_arm(means, network, arm, "calibration_mean"),
                mean_vector_of_arm(means, network, arm, "calibration_dipole"),
                mean_of_arm(means, network, arm, "calibration_error"),
            ],
        )
        for network, arm, label in labelled_arms(means)
    ]
    heading = ("arm", "reference - score, mean", "its dipole (x y z)", "expected calibration error, debiased")
    return f"""<h2>Calibration</h2>
<p>Reference minus score is zero on average, everywhere, where scores are true probabilities. {UNITS}</p>
{table(heading, rows)}{tests_of_family(tests, "calibration")}"""


def threshold_section(tables: Mapping[str, pd.DataFrame], tests: Sequence[Mapping[str, Any]]) -> str:
    """Other thresholds: matched to the label fraction, and cuts that leave doubtful galaxies out."""
    cuts, means = tables["thresholds"], tables["arms"]
    rows = [
        row(
            [f"{cut:g}", share(group["unannotated_fraction"].mean())],
            [
                group["confident_fraction"].mean(),
                _length(group, "confident_dipole"),
                _length(group, "unannotated_dipole"),
            ],
        )
        for cut, group in cuts.groupby("cut")
    ]
    heading = ("cut", "left out", "fraction of the rest", "its dipole", "dipole of being left out")
    matched = [
        row([label], [mean_vector_of_arm(means, network, arm, name) for name in ("dipole", "matched_dipole")])
        for network, arm, label in labelled_arms(means)
    ]
    matched_heading = ("arm", "prediction - reference, threshold 1/2 (x y z)", "at the matched threshold")
    return f"""<h2>Thresholds</h2>
<p>Matched: each network's threshold is set so that its fraction is that of the reference, which takes overall
differences between networks away and leaves patterns on the sky. {UNITS}</p>
{table(matched_heading, matched)}
<p>Cuts: galaxies whose score is within the cut of 1/2 are left out. Where that depends on position, a catalog of
confident labels has a dipole that neither the sky nor the labels have. Lengths of the mean vector over all
networks.</p>
{table(heading, rows)}{tests_of_family(tests, "thresholds")}"""


def _length(rows: pd.DataFrame, name: str) -> float:
    mean = rows[[f"{name}_{axis}" for axis in "xyz"]].mean(skipna=False)
    return float((mean**2).sum(skipna=False) ** 0.5)
