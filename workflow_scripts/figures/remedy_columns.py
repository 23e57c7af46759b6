"""Figure of what remedies leave of effects, what they keep of a true dipole, and their prices: the cheapest first."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from workflow_scripts.figures.style import DOUBLE, MARKERS, explain_empty, new_figure, state
from workflow_scripts.statistics.truth.planted_signal import LEAST_KEPT

# Intervals are cut off here.
_LOW, _HIGH = -0.5, 1.75
# Symbols of a remedy stand side by side over so much of its column.
_COLUMN = 0.5


def remedy_figure(
    comparison: Mapping[str, Any], shown: Sequence[str], finding: str, settings: Mapping[str, Any]
) -> Figure:
    """A column for each remedy that has a score; its effects `shown` are named by their tests, its title is `finding`.

    Where there are none, the finding in words.
    """
    remedies = [one for one in comparison["remedies"] if one["effects"]]
    words = {one["test"]: one["effect"] for remedy in remedies for one in remedy["effects"] if one["test"] in shown}
    if not words:
        figure, panel = new_figure(DOUBLE, 2)
        explain_empty(panel, fill(f"{finding}.", 70))
        return figure
    figure, panels = new_figure(DOUBLE, 5, nrows=3, sharex=True, height_ratios=(3, 1.2, 1.2))
    columns = np.arange(len(remedies))
    offsets = np.linspace(-_COLUMN / 2, _COLUMN / 2, len(words)) if len(words) > 1 else np.zeros(1)
    for number, (test, offset) in enumerate(zip(words, offsets, strict=True)):
        look = {"color": settings["colours"][number % len(settings["colours"])], "fmt": MARKERS[number % len(MARKERS)]}
        _remaining(panels[0], remedies, test, columns + offset, {**look, "label": words[test]})
    for place in (0, 1):
        panels[0].axhline(place, color="0.2", linewidth=0.7, linestyle="-" if place == 0 else ":")
    panels[0].set(ylim=(_LOW, _HIGH), ylabel="effect left\n(share of untreated)")
    _signal(panels[1], remedies, columns)
    _prices(panels[2], remedies, columns, comparison["untreated_core_s"])
    names = [one["remedy"].replace("_", "\n") for one in remedies]
    panels[2].set(xticks=columns, xticklabels=names, xlim=(-0.6, len(remedies) - 0.4))
    panels[0].legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=1)
    state(
        figure,
        finding,
        "Bars: 95 % intervals (Fieller), with training sets or footprints as the unit, cut off at the edges; not"
        " adjusted for the number of remedies. Open symbols: along the direction in which least is kept.",
    )
    return figure


def _remaining(
    panel: Axes, remedies: Sequence[Mapping[str, Any]], test: str, places: NDArray[np.float64], look: dict[str, Any]
) -> None:
    """The ratio of one effect under every remedy that has one."""
    known = [
        (place, one["ratio"])
        for place, remedy in zip(places, remedies, strict=True)
        for one in remedy["effects"]
        if one["test"] == test and one["ratio"]
    ]
    if not known:
        return
    values = np.clip([ratio["value"] for _, ratio in known], _LOW, _HIGH)
    ends = np.clip([ratio["ci95"] for _, ratio in known], _LOW, _HIGH)
    errors = np.abs(ends.T - values)
    panel.errorbar([place for place, _ in known], values, yerr=errors, markersize=4, elinewidth=1, capsize=2, **look)


def _signal(panel: Axes, remedies: Sequence[Mapping[str, Any]], places: NDArray[np.int64]) -> None:
    """What is kept of a planted dipole, and along the worst direction."""
    known = [
        (place, one["signal"])
        for place, one in zip(places, remedies, strict=True)
        if one.get("signal") and one["signal"].get("kept") and one["signal"]["kept"]["ci95"]
    ]
    if not known:
        explain_empty(panel, "Whether a true dipole survives is not known: no galaxy has a reference label.")
        return
    at = np.array([place for place, _ in known])
    values = np.array([signal["kept"]["value"] for _, signal in known])
    ends = np.array([signal["kept"]["ci95"] for _, signal in known])
    worst = np.array([signal["worst"]["value"] if signal["worst"] else np.nan for _, signal in known])
    panel.errorbar(at, values, yerr=np.abs(ends.T - values), fmt="o", color="black", markersize=4, capsize=2)
    panel.plot(at + 0.15, worst, "o", markerfacecolor="white", color="0.4", markersize=4)
    panel.axhline(LEAST_KEPT, color="0.2", linewidth=0.7, linestyle=":")
    low, high = np.nanmin([0.0, *worst]) - 0.05, max(1.2, ends.max() + 0.05)
    panel.set(ylim=(low, high), ylabel="true dipole\nkept")


def _prices(panel: Axes, remedies: Sequence[Mapping[str, Any]], places: NDArray[np.int64], own: float | None) -> None:
    """Core hours; a dotted line is those of the untreated runs."""
    hours = np.array([np.nan if one["core_s"] is None else one["core_s"] / 3600 for one in remedies])
    if not np.isfinite(hours).any():
        explain_empty(panel, "Prices are not known.")
        return
    panel.plot(places, hours, "s", color="0.3", markersize=4)
    if own:
        panel.axhline(own / 3600, color="0.2", linewidth=0.7, linestyle=":")
        across = panel.get_yaxis_transform()
        panel.text(0.005, own / 3600, "untreated runs", transform=across, va="bottom", fontsize=6)
    panel.set(yscale="log", ylabel="core hours")
    panel.yaxis.set_major_formatter("{x:g}")
    panel.margins(y=0.2)
