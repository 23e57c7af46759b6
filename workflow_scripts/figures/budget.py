"""Figure of where the scatter of the annotated fraction comes from, and what more runs would find."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from workflow_scripts.figures.style import DOUBLE, MARKERS, new_figure, say_instead

_SOURCES = {
    "footprint_sd": "footprints in random directions",
    "sample_sd": "training sets",
    "seed_sd": "seeds on one training set",
    "galaxy_se": "galaxies (binomial)",
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
        say_instead(panel, "Without repeated seeds or training sets,\nthe scatter between runs is not known.")
        return
    panel.set(xlabel="training sets a footprint", ylabel="smallest change found\nin four of five cases", ylim=(0, None))
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.legend(loc="upper right", fontsize=5.5)
