"""How all figures look: journal widths, a palette for colour-blind readers, and files with the same bytes each time."""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib import colormaps
from matplotlib.colors import is_color_like
from matplotlib.figure import Figure

from workflow_scripts.figures.figure_list import FIGURE_GROUPS, REASON
from workflow_scripts.step import json_argument
from workflow_scripts.whole_file import whole_file

plt.switch_backend("Agg")
# The font subsetter of the PDF writer logs every glyph.
logging.getLogger("fontTools").setLevel(logging.WARNING)

# One and two columns of a journal page, inches.
SINGLE, DOUBLE = 3.5, 7.1
# Axes that are filled with a reason.
_NOTHING = "nothing"
MARKERS = ("o", "s", "^", "D", "v", "P")

_SETTINGS: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,
    "svg.hashsalt": "skybias",
}


def figure_settings(text: str) -> dict[str, Any]:
    """Figure settings from JSON, for `argparse`'s `type=`; colours and colour maps must be known to Matplotlib."""
    settings: dict[str, Any] = json_argument(text)
    where = f"experiments.{settings.get('name', '')}.figures"
    for colour in settings["colours"]:
        if not is_color_like(colour):
            raise argparse.ArgumentTypeError(f"{where}.colours: '{colour}' is no colour that Matplotlib knows")
    for key in ("sequential_map", "diverging_map"):
        if settings[key] not in colormaps:
            raise argparse.ArgumentTypeError(f"{where}.{key}: '{settings[key]}' is no colour map of Matplotlib")
    return settings


def new_figure(width: float, height: float, **subplots: Any) -> tuple[Figure, Any]:
    """A figure of `width` x `height` inches and its axes (`plt.subplots` keywords)."""
    plt.rcParams.update(_SETTINGS)
    return plt.subplots(figsize=(width, height), **subplots)


def save(figure: Figure, folder: str | Path, name: str, settings: Mapping[str, Any]) -> None:
    """Write `name.png` and `name.pdf`, without dates, and close the figure. A note marks a simulated survey.

    Of a figure that shows nothing the PNG has the reason as its entry `REASON`.
    """
    reason = reason_for_nothing(figure)
    if settings["simulated"]:
        _mark_simulated(figure)
    described = {"Software": None} | ({REASON: reason} if reason else {})
    for suffix, metadata in (("png", described), ("pdf", {"CreationDate": None, "Creator": None})):
        with whole_file(Path(folder) / f"{name}.{suffix}") as temporary:
            figure.savefig(temporary, dpi=settings["dpi"], metadata=metadata)
    plt.close(figure)


def figure_options(parser: argparse.ArgumentParser) -> None:
    """Add what every step that draws an experiment is given: settings, and where the figures go."""
    parser.add_argument("--figures", type=figure_settings, required=True, help="figure settings, as JSON")
    parser.add_argument("--folder", type=Path, required=True, help="folder for the figures (PNG and PDF)")


def save_all(figures: Mapping[str, Figure], step: str, folder: Path, settings: Mapping[str, Any]) -> None:
    """Save the figures of a step by name; `ValueError` where they are not those of its entry in `figure_list`."""
    if set(figures) != set(names := FIGURE_GROUPS[step].names):
        raise ValueError(f"drawn: {', '.join(sorted(figures))}; listed: {', '.join(sorted(names))}")
    for name, figure in figures.items():
        save(figure, folder, name, settings)


def _mark_simulated(figure: Figure) -> None:
    strip = 0.14 / figure.get_figheight()
    figure.set_layout_engine("constrained", rect=(0, strip, 1, 1 - strip))
    figure.text(0.995, 0.1 * strip, "simulated survey", ha="right", va="bottom", fontsize=6, color="0.35")


def explain_empty(axes: Any, sentence: str) -> None:
    """Fill axes with the reason why there is nothing to draw."""
    axes.set_axis_off()
    axes.set_gid(_NOTHING)
    axes.text(0.5, 0.5, sentence, ha="center", va="center", wrap=True, transform=axes.transAxes)


def reason_for_nothing(figure: Figure) -> str:
    """Why a figure shows nothing in any of its axes; empty where it shows something."""
    reasons = [axes.texts[0].get_text() if axes.get_gid() == _NOTHING else "" for axes in figure.axes]
    return " ".join(dict.fromkeys(reasons)) if all(reasons) else ""


def arm_look(arms: list[str], settings: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Colour and marker of every arm, in the order given."""
    colours = settings["colours"]
    return {
        arm: {"color": colours[number % len(colours)], "marker": MARKERS[number % len(MARKERS)]}
        for number, arm in enumerate(arms)
    }
