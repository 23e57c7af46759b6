"""Sky maps of one experiment, and its footprints."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from mocpy import MOC
from numpy.typing import NDArray

from workflow_scripts.answers.wording import NO_RANGE, noise_in_words, place_in_words, range_by_place, with_points
from workflow_scripts.figures.answer_titles import answer_to, change_title
from workflow_scripts.figures.mollweide import colour_range, draw_map, map_with_bar, mark, range_about_zero
from workflow_scripts.figures.single_maps import draw_with_bar, map_axes, no_map, one_map, seeing_map
from workflow_scripts.figures.style import DOUBLE, in_hundredths, mark_finding, new_figure, panel_title, state
from workflow_scripts.sky.footprints import contains
from workflow_scripts.sky.tiles import tile_centres
from workflow_scripts.statistics.sky.constrained_components import FIELD

Maps = Mapping[str, NDArray]
_FOOTPRINT_ORDER = 6
_NO_SCAN = "The galaxies do not constrain all of a dipole: there is no scan over all axes."


def sky_figures(
    summary: Mapping[str, Any], runs: pd.DataFrame, maps: Maps, catalog: pd.DataFrame, settings: Mapping[str, Any]
) -> dict[str, Figure]:
    """The figures of `draw_sky_maps`, from summary.json, runs.csv, sky_maps.npz and the catalog."""
    experiment, field = summary["provenance"]["config"], summary["sky_kind"] == FIELD
    positive, cut = experiment["classes"][1], max(experiment["tests"]["confidence_cuts"])
    n = int(runs["n"].iloc[0])
    return {
        "difference_map": _difference_maps(maps, summary, positive, n, settings),
        "sigma_map": _sigma_maps(maps, runs, summary, settings),
        "fraction_map": _fraction_map(maps, positive, n, field, settings),
        "unannotated_map": _unannotated_map(maps, cut, n, field, settings),
        "seeing_map": seeing_map(catalog, field, settings),
    }


def _fraction_map(maps: Maps, positive: str, n: int, field: bool, settings: Mapping[str, Any]) -> Figure:
    # Fraction of the positive class, mean over all runs.
    shown = maps["smooth:fraction"]
    low, high = colour_range(shown, NO_RANGE)
    figure = one_map(shown, settings["sequential_map"], low, high, f"galaxies called {positive} (%)", field)
    in_hundredths(figure.axes[-1].xaxis if not field else figure.axes[-1].yaxis)
    state(
        figure,
        range_by_place(float(np.nanmin(shown)), float(np.nanmax(shown)), f"fraction called {positive}"),
        _smoothed(n, "mean over all runs"),
    )
    return figure


def _smoothed(n: int, of: str) -> str:
    drawn = "Cells share their galaxies with neighbours and are drawn to the mean by their errors."
    return f"n = {n:,} galaxies; {of}. {drawn}"


def _difference_maps(
    maps: Maps, summary: Mapping[str, Any], positive: str, n: int, settings: Mapping[str, Any]
) -> Figure:
    # Difference of the fraction between opposite footprints, on a scale symmetric about zero.
    names = [name for name in maps if name.startswith("difference:")]
    if not names:
        return no_map("The experiment names no opposite footprints, so there is no difference to map.")
    field = summary["sky_kind"] == FIELD
    labels = [
        f"galaxies called {positive}: {first}\nminus {second} (percentage points)"
        for _, first, second in (name.split(":") for name in names)
    ]
    look = settings["diverging_map"], *range_about_zero(maps[f"smooth:{name}"] for name in names)
    if len(names) == 1:
        figure = one_map(maps[f"smooth:{names[0]}"], *look, labels[0], field)
        axes = figure.axes[:1]
    else:
        figure, axes = map_axes(len(names), field, lines=3)
    for panel, name, label in zip(axes, names, labels, strict=True):
        _, first, second = name.split(":")
        if len(names) > 1:
            draw_with_bar(field)(panel, maps[f"smooth:{name}"], *look, label)
        bar = figure.axes[-1]
        in_hundredths(bar.yaxis if field else bar.xaxis)
        answer = answer_to(summary, f"fraction_contrast {first} - {second}")
        sentence = change_title("The fraction", answer, f"between {first} and {second}")
        if len(names) > 1:
            panel_title(panel, sentence)
    state(figure, sentence if len(names) == 1 else "", _smoothed(n, "means over the runs of each footprint"))
    return figure


def _sigma_maps(maps: Maps, runs: pd.DataFrame, summary: Mapping[str, Any], settings: Mapping[str, Any]) -> Figure:
    # Paper-style dipole sigma of one network a footprint, with its best axis.
    names = [name for name in maps if name.startswith("sigma:")]
    if not names:
        return no_map(_NO_SCAN)
    largest = max(np.nanmax(np.abs(maps[name])) for name in names)
    figure, axes = map_axes(len(names), field=False, lines=2)
    sigmas = []
    for panel, name in zip(axes, names, strict=True):
        footprint = name.split(":")[1]
        run = runs[runs["footprint"] == footprint].iloc[0]
        map_with_bar(panel, maps[name], settings["diverging_map"], -largest, largest, "paper-style sigma (uncentred)")
        mark(panel, run["paper_axis_ra"], run["paper_axis_dec"], "")
        sigmas.append(f"{run['paper_max_sigma']:.1f} ({footprint})")
        trained = f"trained on {footprint}"
        panel.set_title(
            f"{trained}\n{run['paper_max_sigma']:.1f} at"
            f" {place_in_words(run['paper_axis_ra'], run['paper_axis_dec'])};"
            f" p of the maximum, not adjusted: {run['paper_global_p']:.1g}",
            fontsize=7,
        )
        mark_finding(panel, trained)
    state(
        figure,
        f"Paper-style sigma of one network is {' and '.join(sigmas)} along the best of all axes;"
        f" {noise_in_words(summary['paper_style']['median_sigma_without_dipole'])}",
        "One network a footprint, galaxies as the unit; crosses: best axes. The p holds for this network alone.",
    )
    return figure


def _unannotated_map(maps: Maps, cut: float, n: int, field: bool, settings: Mapping[str, Any]) -> Figure:
    # Share of galaxies whose score is within `cut` of 1/2, mean over all runs.
    shown = maps["unannotated"]
    if np.isnan(shown).all():
        return no_map("The annotations have no scores.")
    low, high = colour_range(shown, 1e-6, cut=2)
    label = f"galaxies with a score within {cut:g} of 1/2 (%)"
    figure = one_map(shown, settings["sequential_map"], low, high, label, field, "both")
    in_hundredths(figure.axes[-1].yaxis if field else figure.axes[-1].xaxis)
    state(
        figure,
        f"In the mean of the cells {np.nanmean(shown):.0%} of the galaxies have a score within {cut:g} of 1/2, with a"
        f" scatter of {with_points(float(np.nanstd(shown)))}",
        f"n = {n:,} galaxies; mean over all runs, not smoothed: the scatter holds the noise of few galaxies a cell."
        " Arrows: 2 % of the cells are beyond each end of the colours.",
    )
    return figure


def footprint_maps(mocs: Mapping[str, MOC], settings: Mapping[str, Any]) -> Figure:
    """One small sky map a footprint."""
    columns = min(4, len(mocs))
    rows = -(-len(mocs) // columns)
    figure, axes = new_figure(
        DOUBLE, DOUBLE / columns * 0.62 * rows, nrows=rows, ncols=columns, squeeze=False,
        subplot_kw={"projection": "mollweide"},
    )  # fmt: skip
    ra, dec = tile_centres(_FOOTPRINT_ORDER)
    colour = ListedColormap(["0.93", settings["colours"][0]])
    for panel, (name, moc) in zip(axes.ravel(), mocs.items(), strict=False):
        draw_map(panel, contains(moc, ra, dec).astype(float), colour, 0, 1)
        panel.set_title(f"{name}: {100 * moc.sky_fraction:.1f} %", fontsize=6.5, pad=6)
        panel.set_xticklabels([])
        panel.set_yticklabels([])
    for spare in axes.ravel()[len(mocs) :]:
        spare.set_visible(False)
    low, high = (100 * end(moc.sky_fraction for moc in mocs.values()) for end in (min, max))
    covered = f"{low:.1f}" if f"{low:.1f}" == f"{high:.1f}" else f"{low:.1f} to {high:.1f}"
    state(
        figure,
        f"Each of {len(mocs)} footprints covers {covered} % of the sky",
        "Mollweide, ICRS; right ascension 180° in the centre, growing to the left. Per cent: share of the whole sky.",
    )
    return figure
