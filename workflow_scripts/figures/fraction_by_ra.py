"""Fractions of a class by right ascension: of the networks of arms, and of the annotations of a catalog."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.answers.answer import YES
from workflow_scripts.figures.answer_titles import answer_to, change_title, size_and_p
from workflow_scripts.figures.style import (
    DOUBLE,
    MARKERS,
    SINGLE,
    arm_look,
    explain_empty,
    in_hundredths,
    new_figure,
    state,
)

# With fewer bins that hold galaxies there is no curve.
FEWEST_BINS = 3
# Lines of networks, in turn.
_LINES = ("-", "--", ":", "-.")


def along_circle(low_deg: ArrayLike, *angles: ArrayLike) -> list[NDArray[np.float64]]:
    """`angles` in the turn that begins after the largest gap between bins that begin at `low_deg`, degrees.

    A bin is as wide as the distance between the nearest two. What covers a part of the circle is in one piece.
    """
    low = np.unique(np.asarray(low_deg, float))
    to_next = (np.roll(low, -1) - low) % 360 if len(low) > 1 else np.array([360.0])
    # Of a whole circle, from zero.
    start = low[0] if np.ptp(to_next) < 1e-6 else low[(to_next.argmax() + 1) % len(low)]
    return [(np.asarray(one, float) - start) % 360 + start for one in angles]


def fraction_bands(
    bands: pd.DataFrame, summary: Mapping[str, Any], positive: str, settings: Mapping[str, Any]
) -> Figure:
    """Means over the training sets of each arm with their 95 % intervals, `bands` as `arm_fractions.csv` has them.

    Left: footprints that are opposite to another; right: the other arms.
    """
    filled = bands["low_deg"].nunique()
    if filled < FEWEST_BINS:
        figure, axes = new_figure(SINGLE, 1.5)
        explain_empty(axes, f"The galaxies lie in {filled} of the bins of right ascension.")
        return figure
    opposite = summary["provenance"]["config"]["opposite"]
    paired = {name for pair in opposite for name in pair}
    names = list(dict.fromkeys(bands["arm"]))
    groups = [group for test in (True, False) if (group := [name for name in names if (name in paired) == test])]
    figure, panels = new_figure(
        DOUBLE if len(groups) > 1 else SINGLE, 2.4, ncols=len(groups), sharey=True, squeeze=False
    )
    look, networks = arm_look(names, settings), list(dict.fromkeys(bands["network"]))
    for panel, group in zip(panels[0], groups, strict=True):
        for number, (arm, network) in enumerate((arm, network) for arm in group for network in networks):
            series = bands[(bands["arm"] == arm) & (bands["network"] == network)]
            label = f"{arm}, {network}" if len(networks) > 1 else arm
            style = {**look[arm], "linestyle": _LINES[networks.index(network) % len(_LINES)]}
            _band(panel, series, 2.0 * (number - (len(group) * len(networks) - 1) / 2), label, style)
        label_axes(panel, f"galaxies called {positive} (%)", bands)
        panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    in_hundredths(panels[0][0].yaxis)
    if len(groups) > 1:
        panels[0][1].set_ylabel("")
    galaxies = int(bands.drop_duplicates("low_deg")["n"].sum())
    note = (
        f"n = {galaxies:,} galaxies, annotated by every network. Lines: means over training sets; bands: their 95 %"
        " intervals, each bin by itself, from the scatter of training sets (Student's t); none of a single one."
    )
    state(figure, _finding(bands, summary, opposite), note)
    return figure


def _band(panel: Axes, series: pd.DataFrame, shift: float, label: str, style: dict[str, Any]) -> None:
    """Mean and interval by bin, cut where bins hold no galaxies."""
    (low,) = along_circle(series["low_deg"], series["low_deg"])
    order = np.argsort(low)
    width = (series["high_deg"] - series["low_deg"]).to_numpy()[order]
    x, values = low[order] + width / 2 + shift, series[["mean", "low", "high"]].to_numpy()[order]
    cuts = np.flatnonzero(np.diff(low[order]) > 1.5 * width[:-1]) + 1
    x, values = np.insert(x, cuts, np.nan), np.insert(values, cuts, np.nan, axis=0)
    panel.plot(x, values[:, 0], markersize=3.5, linewidth=1.1, label=label, **style)
    panel.fill_between(x, values[:, 1], values[:, 2], color=style["color"], alpha=0.2, linewidth=0)


def _finding(bands: pd.DataFrame, summary: Mapping[str, Any], opposite: Sequence[Sequence[str]]) -> str:
    """How often the first pair differs in the same direction, where its difference is established; else a range."""
    if not opposite:
        low, high = 100 * bands["mean"].min(), 100 * bands["mean"].max()
        return f"Means of arms lie between {low:.1f} and {high:.1f} % by right ascension (no test of a pair)"
    first, second = opposite[0]
    answer = answer_to(summary, f"fraction_contrast {first} - {second}")
    if answer is None or answer["answer"] != YES or answer["effect"]["value"] is None:
        return change_title("The fraction", answer, f"between {first} and {second}")
    network = bands["network"].iloc[0]
    means = bands[bands["network"] == network].pivot(index="low_deg", columns="arm", values="mean")
    above, below = (first, second) if answer["effect"]["value"] > 0 else (second, first)
    higher = int((means[above] > means[below]).sum())
    return (
        f"Networks of {above} lie above those of {below} in {higher} of {len(means)} bins of right ascension; over all"
        f" galaxies by {size_and_p(answer)}"
    )


def draw_fractions(
    axes: Any, bins: pd.DataFrame, shift: float, number: int, settings: Mapping[str, Any], label: str | None = None
) -> None:
    """Draw series `number` of fractions with Wilson intervals, `shift` degrees beside the middle of its bins.

    `bins` has the columns `low_deg`, `high_deg`, `fraction`, `wilson_low` and `wilson_high`.
    """
    errors = np.abs(bins[["wilson_low", "wilson_high"]].to_numpy().T - bins["fraction"].to_numpy())
    (middle,) = along_circle(bins["low_deg"], (bins["low_deg"] + bins["high_deg"]) / 2)
    axes.errorbar(
        middle + shift,
        bins["fraction"],
        errors,
        fmt=MARKERS[number % 4],
        color=settings["colours"][number % len(settings["colours"])],
        markersize=3.5,
        capsize=1.5,
        label=label,
    )


def draw_cosine(axes: Any, bins: pd.DataFrame, amplitude: float, phase_deg: float, colour: str, label: str) -> None:
    """Draw `amplitude cos(RA - phase_deg)` through the mean of the bins, where they hold galaxies.

    `bins` has `n` beside the columns that `draw_fractions` takes.
    """
    middle = (bins["low_deg"] + bins["high_deg"]) / 2
    # On a part of the circle a cosine has a mean of its own.
    rest = bins["fraction"] - amplitude * np.cos(np.radians(middle - phase_deg))
    (low,) = along_circle(bins["low_deg"], bins["low_deg"])
    high = low + (bins["high_deg"] - bins["low_deg"]).to_numpy()
    angle = np.linspace(low.min(), high.max(), 361)
    curve = np.average(rest, weights=bins["n"]) + amplitude * np.cos(np.radians(angle - phase_deg))
    within = (angle >= low[:, None] - 1e-9) & (angle <= high[:, None] + 1e-9)
    axes.plot(angle, np.where(within.any(axis=0), curve, np.nan), color=colour, linewidth=1, label=label)


def label_axes(axes: Axes, fraction: str, bins: pd.DataFrame) -> None:
    """Name both axes; right ascension runs over the part of the circle in which `bins` lie."""
    (low,) = along_circle(bins["low_deg"], bins["low_deg"])
    start, end = low.min(), (low + (bins["high_deg"] - bins["low_deg"]).to_numpy()).max()
    axes.set(xlabel="right ascension (degrees)", ylabel=fraction, xlim=(start, end))
    axes.xaxis.set_major_locator(MultipleLocator(next(step for step in (10, 15, 30, 60) if end - start <= 6.5 * step)))
    # The end of the whole circle is no second zero.
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda degrees, _: f"{360 if degrees == end == 360 else degrees % 360:g}")
    )
