"""How all figures and pages look: journal widths, one palette, what a figure states, and files of the same bytes."""

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import is_color_like, rgb_to_hsv, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from matplotlib.transforms import Bbox
from numpy.typing import ArrayLike

from workflow_scripts.figures.figure_list import FIGURE_GROUPS, FINDING, REASON, TITLE_SHARE
from workflow_scripts.step import json_argument
from workflow_scripts.whole_file import whole_file

plt.switch_backend("Agg")
# The font subsetter of the PDF writer logs every glyph.
logging.getLogger("fontTools").setLevel(logging.WARNING)

# One and two columns of a journal page, inches.
SINGLE, DOUBLE = 3.5, 7.1
# What an experiment's `figures` are where it does not say, and how audits and the calibration look. The colours are
# Okabe and Ito's, which colour-blind readers can distinguish.
LOOK: dict[str, Any] = {
    "simulated": False,
    "dpi": 200,
    "colours": ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"],
    "sequential_map": "cividis",
    "diverging_map": "RdBu_r",
    "titles_in_pdf": True,
}
# Of letters to what is behind them, with room for rounding.
_CONTRAST = 4.6
# Below this product of saturation and value a colour is a grey; others by the last of their hues, degrees.
_GREY = 0.1
_HUES = (
    *((15, "red"), (45, "orange"), (70, "yellow"), (170, "green"), (195, "cyan"), (255, "blue"), (300, "purple")),
    *((345, "pink"), (360, "red")),
)
# Axes that are filled with a reason, the text below a figure, and the title of a panel that states a finding.
_NOTHING, _NOTE, _FINDING = "nothing", "note", "finding"
# Letters of a title, of that of a panel, and of a note on an inch of their line; heights of their lines, inches.
_TITLE, _PANEL, _SMALL = 14.2, 18.0, 21.5
_TITLE_LINE, _SMALL_LINE = 0.155, 0.115
# Points; and a word that is longer than so many letters may be wider than a figure.
_NOTE_SIZE, _FEWEST_LETTERS = 6.5, 20
MARKERS = ("o", "s", "^", "D", "v", "P")

_SETTINGS: Any = {
    "font.size": 8,
    "axes.titlesize": 7.5,
    "figure.titlesize": 9,
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


def state(figure: Figure, finding: str, note: str = "") -> None:
    """Give a figure its title, what it shows as a sentence, and a note below it: n, and what bars and bands are.

    Without a `finding` its panels have titles of their own.
    """
    if finding:
        figure.suptitle(finding, x=0.01, ha="left")
    if note:
        figure.text(0.01, 0.0, note, gid=_NOTE, va="bottom", fontsize=_NOTE_SIZE, color="0.25")


def panel_title(panel: Any, sentence: str, width: float = DOUBLE / 2, name: str = "") -> None:
    """State what a panel of so many inches shows; `name` is for `mark_finding`."""
    letters = (width - 0.6) * _PANEL
    panel.set_title(_lines(sentence, letters))
    mark_finding(panel, _lines(name, letters))


def mark_finding(panel: Any, name: str = "") -> None:
    """Mark the title of a panel as a finding: a PDF without titles has only the panel's `name` there."""
    panel.title.set(gid=_FINDING, label=name)


def stated(figure: Figure) -> str:
    """What a figure states: its title, or the titles of its panels; empty where it has none."""
    titles = [figure.get_suptitle()] if figure.get_suptitle() else [axes.get_title() for axes in figure.axes]
    sentences = [" ".join(title.split()).rstrip(".") for title in titles if title]
    return " ".join(f"{sentence}." for sentence in dict.fromkeys(sentences))


def save(figure: Figure, folder: str | Path, name: str, settings: Mapping[str, Any]) -> None:
    """Write `name.png` and `name.pdf`, without dates, and close the figure. A note marks a simulated survey.

    Both have what the figure states as their entry `FINDING`; with `titles_in_pdf` false it stands nowhere else in the
    PDF. Where it shows nothing, the PNG has the reason as `REASON`; and as `TITLE_SHARE` what a narrow page, which has
    the title in its own letters, leaves out of the picture.
    """
    reason, finding = reason_for_nothing(figure), stated(figure)
    _make_room(figure, settings["simulated"])
    _lay_out(figure)
    described = {FINDING: finding or None}
    of_png = {"Software": None, REASON: reason or None, TITLE_SHARE: f"{_title_share(figure):.4f}"}
    with whole_file(Path(folder) / f"{name}.png") as temporary:
        figure.savefig(temporary, dpi=settings["dpi"], metadata=described | of_png)
    page = _page_without_titles(figure) if finding and not settings["titles_in_pdf"] else None
    of_pdf = {"CreationDate": None, "Creator": None}
    with whole_file(Path(folder) / f"{name}.pdf") as temporary:
        figure.savefig(temporary, dpi=settings["dpi"], metadata=described | of_pdf, bbox_inches=page)
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


def _make_room(figure: Figure, simulated: bool) -> None:
    """Break title and note into lines, and make the figure as much higher as they are, so that axes keep their size."""
    width, height = figure.get_size_inches()
    notes = [text for text in figure.texts if text.get_gid() == _NOTE]
    said = [*(["Simulated survey."] if simulated else []), *(text.get_text() for text in notes)]
    below = _fitted(figure, " ".join(said), width * _SMALL, _NOTE_SIZE)
    title = _fitted(figure, figure.get_suptitle(), width * _TITLE, _SETTINGS["figure.titlesize"])
    lines = below.count("\n") + 1 if below else 0
    strip = _SMALL_LINE * lines + 0.03 if below else 0.0
    above = _TITLE_LINE * (title.count("\n") + 1) if title else 0.0
    figure.set_figheight(height + strip + above)
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    if below:
        share = strip / figure.get_figheight()
        figure.set_layout_engine("constrained", rect=(0, share, 1, 1 - share))
        for text in notes:
            text.remove()
        figure.text(0.01, 0.15 * share, below, va="bottom", fontsize=_NOTE_SIZE, color="0.25", linespacing=1.15)


def _fitted(figure: Figure, sentence: str, letters: float, size: float) -> str:
    """A sentence in lines of so many letters, or of fewer where they would be wider than the figure."""
    while True:
        lines = _lines(sentence, letters)
        drawn = figure.text(0.01, 0.0, lines, fontsize=size)
        fits = drawn.get_window_extent().x1 <= figure.bbox.x1
        drawn.remove()
        if fits or letters <= _FEWEST_LETTERS:
            return lines
        letters -= 1


def _lay_out(figure: Figure) -> None:
    """Place the axes once for both files, to a millionth: the last digits of the solver differ between runs."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position(np.round(axes.get_position(original=True).bounds, 6))


def _page_without_titles(figure: Figure) -> Bbox:
    """Leave title and findings out of a figure that is laid out, and give the page that it needs then, inches.

    Axes keep their size; those above a row of panels move down by the lines that the row loses.
    """
    figure.suptitle("")
    height, rows = figure.bbox.height, dict[int, list[Axes]]()
    for axes in figure.axes:
        place = axes.get_subplotspec()
        if place and axes.title.get_gid() == _FINDING:
            rows.setdefault(place.rowspan.start, []).append(axes)
        # The page needs room also for a legend that takes none from the axes.
        if legend := axes.get_legend():
            legend.set_in_layout(True)
    for row in rows.values():
        lost = max(axes.title.get_window_extent().height for axes in row)
        for axes in row:
            axes.title.set_text(axes.title.get_label())
        lost -= max(axes.title.get_window_extent().height for axes in row)
        top = max(axes.get_position(original=True).y1 for axes in row)
        for axes in figure.axes:
            left, bottom, *size = axes.get_position(original=True).bounds
            if bottom > top:
                axes.set_position((left, bottom - lost / height, *size))
    margin = plt.rcParams["figure.constrained_layout.h_pad"]
    return Bbox.from_extents(0, 0, figure.get_figwidth(), figure.get_tightbbox().y1 + margin)


def _title_share(figure: Figure) -> float:
    """The part of the height, from above, that ends with the figure's title; 0 without one."""
    titles = [text for text in figure.texts if text.get_text() and text.get_text() == figure.get_suptitle()]
    # Letters may reach a pixel beyond their box.
    return max((1 - (text.get_window_extent().y0 - 1) / figure.bbox.height for text in titles), default=0.0)


def _lines(sentence: str, letters: float) -> str:
    """A sentence in lines of so many letters, where `p = 0.1` is one word."""
    return fill(sentence.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"), round(letters))


def explain_empty(axes: Any, sentence: str) -> None:
    """Fill axes with the reason why there is nothing to draw."""
    axes.set_axis_off()
    axes.set_gid(_NOTHING)
    axes.text(0.5, 0.5, sentence, ha="center", va="center", wrap=True, transform=axes.transAxes)


def reason_for_nothing(figure: Figure) -> str:
    """Why a figure shows nothing in any of its axes; empty where it shows something."""
    reasons = [axes.texts[0].get_text() if axes.get_gid() == _NOTHING else "" for axes in figure.axes]
    return " ".join(dict.fromkeys(reasons)) if all(reasons) else ""


def arm_look(arms: Sequence[str], settings: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Colour and marker of every arm, in the order given."""
    colours = settings["colours"]
    return {
        arm: {"color": colours[number % len(colours)], "marker": MARKERS[number % len(MARKERS)]}
        for number, arm in enumerate(arms)
    }


def colour_in_words(colour: str) -> str:
    """The common name of a colour, by its hue, for a sentence about it."""
    hue, saturation, value = rgb_to_hsv(to_rgb(colour))
    if saturation * value < _GREY:
        return "black" if value < 0.25 else "white" if value > 0.9 else "grey"
    return next(name for end, name in _HUES if 360 * hue <= end)


def answer_colours(paper: str) -> str:
    """The colours of answers on a page as properties of CSS: the palette's, as dark or as light as `paper` needs."""
    of_answers = dict(zip(("yes", "alarm", "no", "_", "open"), LOOK["colours"], strict=False))
    del of_answers["_"]
    return "; ".join(f"--{name}: {_legible(colour, paper)}" for name, colour in of_answers.items())


def _legible(colour: str, paper: str) -> str:
    """The colour towards black or white until letters in it have WCAG's contrast of 4.5 to `paper`."""
    ground, towards = _luminance(to_rgb(paper)), 0.0 if _luminance(to_rgb(paper)) > 0.5 else 1.0
    for step in np.linspace(0, 1, 101):
        mixed = (1 - step) * np.array(to_rgb(colour)) + step * towards
        low, high = sorted((ground, _luminance(mixed)))
        if (high + 0.05) / (low + 0.05) >= _CONTRAST:
            break
    return to_hex(mixed)


def _luminance(rgb: ArrayLike) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2)."""
    channels = np.asarray(rgb, float)
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def in_hundredths(axis: Axis) -> None:
    """Write the fractions along an axis in per cent, or their differences in percentage points."""
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{round(100 * value, 9):g}".replace("-", "\N{MINUS SIGN}"))
    )
