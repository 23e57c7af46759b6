"""Figure of what carries an effect: a bar with its interval for each property of the imaging, and for what is left."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.answers.wording import capital
from workflow_scripts.figures.style import SINGLE, explain_empty, in_hundredths, new_figure, panel_title, state
from workflow_scripts.statistics.runs.shapley_shares import LEFT

# Intervals are cut off here.
_FAR = 2.0


def share_figure(effects: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> Figure:
    """A panel for each effect that has shares, `effects` as `measured_shares` gives them; a reason where none has."""
    shown = [one for one in effects if "shares" in one and all(share["ci95"] for share in one["shares"].values())]
    figure, axes = new_figure(SINGLE, 0.5 + 1.5 * max(1, len(shown)), nrows=max(1, len(shown)), squeeze=False)
    if not shown:
        explain_empty(axes[0, 0], "No effect can be shared out: none is distinguishable from zero.")
    for panel, effect in zip(axes[:, 0], shown, strict=False):
        _bars(panel, effect, settings)
    if shown:
        state(
            figure,
            "",
            "Lines: 95 % intervals (Fieller), with training sets or footprints as the unit, cut off at ±200 %; neither"
            " they nor p are adjusted.",
        )
    return figure


def _bars(panel: Axes, effect: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    names = list(effect["shares"])
    values = np.array([effect["shares"][name]["share"] for name in names])
    ends = np.array([effect["shares"][name]["ci95"] for name in names])
    colours = ["0.6" if name == LEFT else settings["colours"][0] for name in names]
    heights = np.arange(len(names))
    panel.barh(heights, values, color=colours, height=0.6, alpha=0.6)
    panel.hlines(heights, *np.clip(ends, -_FAR, _FAR).T, color="black", linewidth=1)
    for place in (0, 1):
        panel.axvline(place, color="0.2", linewidth=0.7, linestyle="-" if place == 0 else ":")
    panel.set(
        yticks=heights,
        yticklabels=["what is left" if name == LEFT else name for name in names],
        ylim=(len(names) - 0.5, -0.5),
        xlabel="share of the effect (%)",
    )
    in_hundredths(panel.xaxis)
    panel_title(panel, _finding(effect), SINGLE - 0.2, capital(effect["effect"]))


def _finding(effect: Mapping[str, Any]) -> str:
    """The largest share whose interval leaves out zero, of the effect with its p."""
    shares = {name: one for name, one in effect["shares"].items() if name != LEFT and one["ci95"][0] > 0}
    of = f"{capital(effect['effect'])} (p = {effect['p']:.2g})"
    if not shares:
        return f"{of}: no property carries a share that is distinguishable from zero"
    name, largest = max(shares.items(), key=lambda one: one[1]["share"])
    low, high = largest["ci95"]
    return f"{of}: {name} carries {100 * largest['share']:.0f} % (95 %: {100 * low:.0f} to {100 * high:.0f})"
