"""Figure of what remedies leave, against their price, and of what they keep of a true dipole."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from workflow_scripts.bias.remedy_answers import LEAST_KEPT
from workflow_scripts.figures.style import DOUBLE, MARKERS, explain_empty, new_figure

# Intervals are cut off here.
_LOW, _HIGH = -0.5, 1.75
# Names and symbols of remedies of one price stand beside each other, in shares of the width.
_NAMES_APART, _SYMBOLS_APART = 0.075, 0.012
_CHARACTERS = 95


def remedy_figure(
    comparison: Mapping[str, Any], shown: Sequence[str], finding: str, settings: Mapping[str, Any]
) -> Figure:
    """What remains of the effects `shown` (names of tests) of a comparison, and of the signal; its title is `finding`.

    Remedies without a score or a price are left out; a reason where none is left, or no effect.
    """
    remedies = [one for one in comparison["remedies"] if one["effects"] and one["core_s"]]
    words = {one["test"]: one["effect"] for remedy in remedies for one in remedy["effects"] if one["test"] in shown}
    if not words:
        figure, panel = new_figure(DOUBLE, 2)
        explain_empty(panel, fill(f"{finding}.", 70))
        return figure
    figure, (above, below) = new_figure(DOUBLE, 4.6, nrows=2, sharex=True, height_ratios=(3, 1.2))
    places = np.log10([one["core_s"] for one in remedies])
    width = max(float(np.ptp(places)), 1.0) * 1.25
    for number, test in enumerate(words):
        offset = (number - (len(words) - 1) / 2) * _SYMBOLS_APART * width
        look = {"color": settings["colours"][number % len(settings["colours"])], "fmt": MARKERS[number % len(MARKERS)]}
        _remaining(above, remedies, test, 10 ** (places + offset), {**look, "label": words[test]})
    _signal(below, remedies, 10**places)
    middle = (places.min() + places.max()) / 2
    above.set(xscale="log", ylim=(_LOW, _HIGH), ylabel="remaining / untreated")
    above.set_xlim(10 ** (middle - width / 2), 10 ** (middle + width / 2))
    for place in (0, 1):
        above.axhline(place, color="0.2", linewidth=0.7, linestyle="-" if place == 0 else ":")
    _names(above, remedies, places, width)
    above.legend(loc="upper left", bbox_to_anchor=(0, -0.02), ncols=1, fontsize=6.5)
    below.set(xlabel="core time, hours", ylabel="signal kept")
    below.xaxis.set_major_formatter(lambda seconds, _: f"{seconds / 3600:.2g}")
    figure.suptitle(fill(finding, _CHARACTERS), fontsize=9)
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


def _signal(panel: Axes, remedies: Sequence[Mapping[str, Any]], places: NDArray[np.float64]) -> None:
    """What is kept of a planted dipole, and along the worst direction."""
    known = [
        (place, one["signal"])
        for place, one in zip(places, remedies, strict=True)
        if one.get("signal") and one["signal"].get("kept") and one["signal"]["kept"]["ci95"]
    ]
    if not known:
        explain_empty(panel, "Whether a true dipole survives is not known: no galaxy has a reference label.")
        return
    at = [place for place, _ in known]
    values = np.array([signal["kept"]["value"] for _, signal in known])
    ends = np.array([signal["kept"]["ci95"] for _, signal in known])
    panel.errorbar(at, values, yerr=np.abs(ends.T - values), fmt="o", color="black", markersize=4, capsize=2)
    panel.plot(at, [signal["worst"]["value"] for _, signal in known], "o", markerfacecolor="white", color="0.4")
    panel.axhline(LEAST_KEPT, color="0.2", linewidth=0.7, linestyle=":")
    panel.set_ylim(min(-0.05, *(signal["worst"]["value"] for _, signal in known)), max(1.15, ends.max() + 0.05))


def _names(panel: Axes, remedies: Sequence[Mapping[str, Any]], places: NDArray[np.float64], width: float) -> None:
    """Names of remedies above the panel, moved apart where prices are alike, with a line to their place."""
    order = np.argsort(places, kind="stable")
    apart = _NAMES_APART * width
    at = np.array(places[order])
    # To the right until they are apart, then back by what they moved on average.
    for number in range(1, len(at)):
        at[number] = max(at[number], at[number - 1] + apart)
    at -= (at - places[order]).mean()
    for place, number in zip(at, order, strict=True):
        panel.annotate(
            remedies[number]["remedy"],
            xy=(10 ** places[number], 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(10**place, 1.09),
            textcoords=("data", "axes fraction"),
            rotation=35,
            fontsize=7,
            ha="left",
            va="bottom",
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "0.5", "shrinkA": 0, "shrinkB": 0},
        )
