"""Figures of what scatters between runs, where they err, and what thresholds do."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from workflow_scripts.bias.replicates import arms
from workflow_scripts.figures.style import DOUBLE, MARKERS, SINGLE, explain_empty, new_figure

_SOURCES = {
    "footprint_sd": "footprints in random directions",
    "sample_sd": "training sets",
    "seed_sd": "seeds on one training set",
    "galaxy_se": "galaxies (binomial)",
}
_NO_DIPOLE = "These galaxies lie on too small a part of the sky for these dipoles."
_PARTS = {
    "dipole": "prediction - reference",
    "sensitivity_dipole": "missed positives",
    "false_alarm_dipole": "false positives",
    "calibration_dipole": "reference - score",
}


def variance_budget_figure(budgets: Sequence[Mapping[str, Any]], positive: str, settings: Mapping[str, Any]) -> Figure:
    """Left: standard deviations of the fraction by source. Right: smallest change that designs of more runs find.

    `budgets` are those of a summary, one a network.
    """
    figure, (left, right) = new_figure(DOUBLE, 2.7, ncols=2, gridspec_kw={"width_ratios": [1.1, 1]})
    colours = settings["colours"]
    height = 0.8 / len(budgets)
    for number, budget in enumerate(budgets):
        places = np.arange(len(_SOURCES)) + height * (number - (len(budgets) - 1) / 2)
        values = [budget[key] for key in _SOURCES]
        label = str(budget["network"]) if len(budgets) > 1 else None
        left.barh(
            places, [value or 0.0 for value in values], 0.9 * height, color=colours[number % len(colours)], label=label
        )
        for place, value in zip(places, values, strict=True):
            text = "not known" if value is None else f"{value:.4f}"
            left.annotate(text, (value or 0.0, place), (3, 0), textcoords="offset points", va="center", fontsize=6)
    left.set_yticks(range(len(_SOURCES)), list(_SOURCES.values()))
    left.set(xlabel=f"standard deviation of the {positive} fraction", ylim=(len(_SOURCES) - 0.4, -0.6))
    left.margins(x=0.25)
    left.xaxis.set_major_locator(MaxNLocator(4))
    if len(budgets) > 1:
        left.legend(loc="lower right")
    _smallest_effects(right, budgets, colours)
    return figure


def _smallest_effects(panel: Any, budgets: Sequence[Mapping[str, Any]], colours: Sequence[str]) -> None:
    several, drawn = len(budgets) > 1, 0
    for budget in budgets:
        designs: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
        for row in budget["detectable"]:
            designs.setdefault((row["design"], row["seeds"]), []).append(row)
        for (design, seeds), rows in designs.items():
            samples, effects = zip(*((row["samples"], row["effect"]) for row in rows), strict=True)
            label = f"{design.replace('_', ' ')}, {seeds} seed{'s' if seeds > 1 else ''}"
            label += f" ({budget['network']})" if several else ""
            panel.plot(
                samples,
                effects,
                marker=MARKERS[drawn % len(MARKERS)],
                color=colours[drawn % len(colours)],
                markersize=4,
                linewidth=1,
                label=label,
            )
            drawn += 1
    if not drawn:
        explain_empty(panel, "Without repeated seeds or training sets,\nthe scatter between runs is not known.")
        return
    panel.set(xlabel="training sets a footprint", ylabel="smallest change found\nin four of five cases", ylim=(0, None))
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.legend(loc="upper right", fontsize=5.5)


def error_decomposition(runs: pd.DataFrame, opposite: list, settings: Mapping[str, Any]) -> Figure:
    """Every run's dipoles of errors, along the direction in which predictions differ most from the reference."""
    labelled = "sensitivity_dipole_x" in runs and runs["sensitivity_dipole_x"].notna().any()
    groups = [
        (f"{arm} ({network})" if runs["network"].nunique() > 1 else arm, members)
        for network, group in runs.groupby("network", sort=False)
        for arm, members in arms(group, opposite)
    ]
    figure, axes = new_figure(SINGLE * 1.5, 0.9 + 0.6 * len(groups))
    vectors = _vectors(runs, "dipole")
    if runs["n_reference"].gt(0).any() and not np.isfinite(vectors).any():
        explain_empty(axes, _NO_DIPOLE)
        return figure
    direction = np.nanmean(vectors, axis=0)
    if not labelled or not np.linalg.norm(direction) > 0:
        explain_empty(axes, "The galaxies have no reference label, or predictions do not differ from it.")
        return figure
    direction /= np.linalg.norm(direction)
    colours = settings["colours"]
    for number, (name, label) in enumerate(_PARTS.items()):
        for height, (_, members) in enumerate(groups):
            along = _vectors(members, name) @ direction
            place = np.full(len(along), height + 0.2 * (number - 1.5))
            style = {"color": colours[number % len(colours)], "marker": MARKERS[number % len(MARKERS)]}
            axes.plot(along, place, linestyle="none", markersize=3, alpha=0.7, **style, label=None if height else label)
    axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(groups)), [name.replace("_", " ") for name, _ in groups])
    axes.set(xlabel="dipole along the mean of prediction - reference", ylim=(len(groups) - 0.4, -0.6))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def threshold_sweep(cuts: pd.DataFrame, settings: Mapping[str, Any]) -> Figure:
    """By the cut: the share that is left out, and the dipoles of what remains and of being left out."""
    figure, (left, right) = new_figure(DOUBLE, 2.5, ncols=2)
    if cuts.empty:
        for panel in (left, right):
            explain_empty(panel, "The annotations have no scores.")
        return figure
    colours = settings["colours"]
    for _, run in cuts.groupby("run_id", sort=False):
        left.plot(run["cut"], run["unannotated_fraction"], color=colours[0], linewidth=0.4, alpha=0.4)
    mean = cuts.groupby("cut")["unannotated_fraction"].mean()
    left.plot(mean.index, mean, color=colours[0], marker="o", markersize=4, linewidth=1.6)
    left.set(xlabel="cut: |score - 1/2| must be larger", ylabel="share of galaxies left out", ylim=(0, 1))
    if not np.isfinite(_vectors(cuts, "unannotated_dipole")).any():
        explain_empty(right, _NO_DIPOLE)
        figure.supxlabel("thin: single networks; thick: all networks", fontsize=7)
        return figure
    for number, (name, label) in enumerate(
        (("confident_dipole", "labels that remain"), ("unannotated_dipole", "being left out"))
    ):
        colour = colours[number % len(colours)]
        for _, run in cuts.groupby("run_id", sort=False):
            lengths = np.linalg.norm(_vectors(run, name), axis=1)
            right.plot(run["cut"], lengths, color=colour, linewidth=0.4, alpha=0.3)
        means = cuts.groupby("cut")[[f"{name}_{axis}" for axis in "xyz"]].mean()
        lengths = np.linalg.norm(_vectors(means, name), axis=1)
        right.plot(means.index, lengths, color=colour, marker="os"[number], markersize=4, linewidth=1.6, label=label)
    right.set(xlabel="cut: |score - 1/2| must be larger", ylabel="length of the dipole", ylim=(0, None))
    right.legend()
    figure.supxlabel("thin: single networks; thick: all networks (on the right, the length of their mean)", fontsize=7)
    return figure


def _vectors(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    columns = [f"{name}_{axis}" for axis in "xyz"]
    if not set(columns) <= set(table):
        return np.full((len(table), 3), np.nan)
    vectors = table[columns].to_numpy(float)
    # What a strip does not constrain is no part of a length.
    return np.where(np.isfinite(vectors).any(axis=1, keepdims=True), np.nan_to_num(vectors), np.nan)
