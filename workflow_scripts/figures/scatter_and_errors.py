"""Figures of what scatters between runs, where they err, and what thresholds do."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from workflow_scripts.answers.answer import YES
from workflow_scripts.answers.wording import points_in_words
from workflow_scripts.bias.replicates import arms
from workflow_scripts.figures.answer_titles import answer_to, size_and_p
from workflow_scripts.figures.style import (
    DOUBLE,
    MARKERS,
    explain_empty,
    in_hundredths,
    new_figure,
    state,
)

_SOURCES = {
    "footprint_sd": "footprints in random directions",
    "sample_sd": "training sets",
    "seed_sd": "seeds on one training set",
    "set_sd": "training sets, a seed each",
    "galaxy_se": "galaxies (binomial)",
}
_NO_DIPOLE = "These galaxies lie on too small a part of the sky for these dipoles."
# What the errors that do not depend on position do: predictions have (T - F) of the dipole that the reference has.
_DILUTION = "dilution"
# The first is the sum of the others.
_PARTS = {
    "dipole": "prediction - reference",
    "sensitivity_dipole": "missed positives",
    "false_alarm_dipole": "false positives",
    _DILUTION: "dilution of the reference's own dipole",
}


def rows_of_arms(runs: pd.DataFrame, opposite: Sequence[Sequence[str]]) -> list[tuple[str, str, str, pd.DataFrame]]:
    """A row for each arm of each network, as `replicates.arms` has them: its name, the arm, the network, its runs."""
    several = runs["network"].nunique() > 1
    return [
        (f"{arm} ({network})" if several else arm, arm, str(network), members)
        for network, group in runs.groupby("network", sort=False)
        for arm, members in arms(group, opposite)
    ]


def variance_budget_figure(budgets: Sequence[Mapping[str, Any]], positive: str, settings: Mapping[str, Any]) -> Figure:
    """Left: standard deviations of the fraction by source. Right: smallest change that designs of more runs find.

    `budgets` are those of a summary, one a network.
    """
    figure, (left, right) = new_figure(DOUBLE, 2.7, ncols=2, gridspec_kw={"width_ratios": [1.1, 1]})
    colours = settings["colours"]
    height = 0.8 / len(budgets)
    # A source that no design here can show has no place.
    sources = {key: words for key, words in _SOURCES.items() if any(one[key] is not None for one in budgets)}
    for number, budget in enumerate(budgets):
        places = np.arange(len(sources)) + height * (number - (len(budgets) - 1) / 2)
        values = [budget[key] for key in sources]
        label = str(budget["network"]) if len(budgets) > 1 else None
        left.barh(
            places, [value or 0.0 for value in values], 0.9 * height, color=colours[number % len(colours)], label=label
        )
        for place, value in zip(places, values, strict=True):
            text = "not known" if value is None else points_in_words(value)
            left.annotate(text, (value or 0.0, place), (3, 0), textcoords="offset points", va="center", fontsize=6)
    left.set_yticks(range(len(sources)), list(sources.values()))
    what = f"standard deviation of the share called {positive}\n(percentage points)"
    left.set(xlabel=what, ylim=(len(sources) - 0.4, -0.6))
    in_hundredths(left.xaxis)
    left.margins(x=0.15)
    left.xaxis.set_major_locator(MaxNLocator(4))
    if len(budgets) > 1:
        left.legend(loc="lower right")
    _smallest_effects(right, budgets, colours)
    scatter = _scatter_in_words(budgets[0]) if budgets else ""
    state(
        figure,
        f"The share called {positive} scatters by {scatter}" if scatter else "",
        "Left: standard deviations; those of footprints follow the sky, the others are"
        " noise. Right: from power by simulation, for the runs there are (leftmost symbols) and for more.",
    )
    return figure


def _scatter_in_words(budget: Mapping[str, Any]) -> str:
    """The standard deviations that are known; empty where none is."""
    known = [name for name in ("seed_sd", "sample_sd", "set_sd", "footprint_sd") if budget.get(name) is not None]
    parts = [f"{points_in_words(budget[name])} between {_SOURCES[name]}" for name in known]
    if parts:
        parts[0] = parts[0].replace(" between", " percentage points between", 1)
    return ", ".join(parts)


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
    change = "smallest change found in four\nof five cases (percentage points)"
    panel.set(xlabel="training sets a footprint", ylabel=change, ylim=(0, None))
    in_hundredths(panel.yaxis)
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.legend(loc="upper right", fontsize=6)


def error_decomposition(
    runs: pd.DataFrame, summary: Mapping[str, Any], opposite: list, settings: Mapping[str, Any]
) -> Figure:
    """Every run's dipoles of errors, along the direction in which predictions differ most from the reference."""
    labelled = "sensitivity_dipole_x" in runs and runs["sensitivity_dipole_x"].notna().any()
    rows = rows_of_arms(runs, opposite)
    figure, axes = new_figure(DOUBLE, 0.8 + 0.5 * len(rows))
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
        for height, (*_, members) in enumerate(rows):
            along = _part(members, name) @ direction
            place = np.full(len(along), height + 0.2 * (number - 1.5))
            style = {"color": colours[number % len(colours)], "marker": MARKERS[number % len(MARKERS)]}
            axes.plot(along, place, linestyle="none", markersize=3, alpha=0.7, **style, label=None if height else label)
    axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(rows)), [f"{name}\n({len(members)} runs)" for name, *_, members in rows])
    label = "dipole along the mean of prediction - reference (percentage points)"
    axes.set(xlabel=label, ylim=(len(rows) - 0.4, -0.6))
    in_hundredths(axes.xaxis)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
    answer = answer_to(summary, "common_dipole")
    means = {name: points_in_words(float(np.nanmean(_part(runs, name) @ direction))) for name in _PARTS}
    beside = (
        f"{means['dipole']} in the mean of the runs are {means['sensitivity_dipole']} by missed positives,"
        f" {means['false_alarm_dipole']} by false positives and {means[_DILUTION]} by dilution"
    )
    first = "No dipole that all networks share is established"
    if answer is not None and answer["answer"] == YES:
        first = f"All networks share a dipole against the reference: {size_and_p(answer)}"
    state(
        figure,
        f"{first}; {beside}",
        "Symbols: single runs, in each of which the three parts add up to prediction - reference; the mean direction is"
        " taken from the same runs. Dilution: with errors everywhere alike, predictions keep (T - F) of the dipole that"
        " the reference has (T, F: true- and false-positive rate). No errors of galaxies are drawn: all networks share"
        " them.",
    )
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
    left.set(xlabel="cut: |score - 1/2| must be larger", ylabel="galaxies left out (%)", ylim=(0, 1))
    in_hundredths(left.yaxis)
    networks, last = cuts["run_id"].nunique(), mean.index[-1]
    finding = f"A cut at {last:g} leaves out {mean.iloc[-1]:.0%} of the galaxies"
    note = f"Thin: {networks} networks; thick: all of them together"
    if not np.isfinite(_vectors(cuts, "unannotated_dipole")).any():
        explain_empty(right, _NO_DIPOLE)
        state(figure, finding, f"{note}.")
        return figure
    all_of = {}
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
        all_of[name] = points_in_words(float(lengths[-1]))
    amplitude = "dipole (percentage points)"
    right.set(xlabel="cut: |score - 1/2| must be larger", ylabel=amplitude, ylim=(0, None))
    in_hundredths(right.yaxis)
    right.legend()
    state(
        figure,
        f"{finding}, itself with a dipole of {all_of['unannotated_dipole']} percentage points; the labels that remain"
        f" have one of {all_of['confident_dipole']}, which is a selection and no correction (not tested here)",
        f"{note} (right: the length of their mean vector; noise alone gives lengths above zero). Galaxies that are"
        " left out take their part of a dipole with them: which galaxies remain depends on the position instead.",
    )
    return figure


def _part(runs: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name != _DILUTION:
        return _vectors(runs, name)
    whole, missed, false = (_vectors(runs, one) for one in ("dipole", "sensitivity_dipole", "false_alarm_dipole"))
    return whole - missed - false


def _vectors(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    columns = [f"{name}_{axis}" for axis in "xyz"]
    if not set(columns) <= set(table):
        return np.full((len(table), 3), np.nan)
    vectors = table[columns].to_numpy(float)
    # What a strip does not constrain is no part of a length.
    return np.where(np.isfinite(vectors).any(axis=1, keepdims=True), np.nan_to_num(vectors), np.nan)
