"""Figures of an audit: maps, fractions by right ascension, paper-style sigma beside the calibrated p, power."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

from workflow_scripts.answers.answer import YES
from workflow_scripts.answers.wording import NO_RANGE, noise_in_words, points_in_words, range_by_place
from workflow_scripts.catalogs.seeing_columns import seeing_column
from workflow_scripts.figures.answer_titles import adjusted
from workflow_scripts.figures.fraction_by_ra import FEWEST_BINS, draw_cosine, draw_fractions, label_axes
from workflow_scripts.figures.mollweide import colour_range, map_with_bar, projected
from workflow_scripts.figures.single_maps import map_axes, no_map, one_map, seeing_map
from workflow_scripts.figures.style import DOUBLE, LOOK, SINGLE, explain_empty, in_hundredths, new_figure, state
from workflow_scripts.statistics.log_p import log10_p_normal, log10_p_scan, p_in_words
from workflow_scripts.statistics.sky.constrained_components import FIELD

_BARS = "n = {n:,} galaxies. Bars: 95 % (Wilson) of each bin by itself, galaxies independent of their neighbours."
# With fewer there is no map.
_FEWEST_CELLS = 4
# Standard error along the weak direction, over that of as many galaxies all over the sky, from which it is marked.
_WEAK = 1.5
_NO_AXIS = "These positions determine no axis, so that a scan over all axes shows nothing."
_MARKERS = {"paper-style best axis": "X", "axis of the centred dipole": "o", "weak direction of the footprint": "D"}

Test = Mapping[str, Any]


def audit_figures(
    summary: Mapping[str, Any],
    fractions: pd.DataFrame,
    maps: Mapping[str, NDArray],
    covariates: pd.DataFrame | None = None,
) -> dict[str, Figure]:
    """The figures of `figure_list.AUDIT_FIGURES`, from the summary, fractions and maps of an audit.

    `covariates` has the columns of the galaxies beside `ra` and `dec`, where they were read.
    """
    tests = {test["name"]: test for test in summary["tests"]}
    scan, score = tests.get("cosine_scan_paper_style"), tests.get("dipole_score")
    counted, field = summary["catalog"]["counted"], summary["sky_kind"] == FIELD
    # What is asked about: of scores, where these are the labels, too; on a field the change across it.
    of_scores = "threshold" in summary["catalog"]
    names = ("score_dipole", "score_field_gradient") if of_scores else ("dipole_score", "field_gradient")
    first = next((tests[name] for name in (*names, "dipole_score") if name in tests), None)
    # Where the sky is seen well all round, its weakest direction is none.
    mask = summary["mask"]
    weak = mask["weak_axis"] if mask and mask["se_inflation"] > _WEAK else None
    axes = {"paper-style best axis": scan, "axis of the centred dipole": first, "weak direction of the footprint": weak}
    n = summary["catalog"]["n"]
    answer = next((one for one in summary["answers"] if first is None or one["test"] == first["name"]), None)
    drawn = {
        "sigma_and_p": _sigma_and_p(scan, score, tests.get("block_dipole"), n, LOOK),
        "sigma_map": _sigma_map(maps.get("sigma"), axes, scan, n, LOOK),
        "fraction_map": _fraction_map(maps, counted, n, field),
        "fraction_by_ra": _fraction_by_ra(fractions, tests.get("cosine_in_ra"), summary, counted, LOOK),
        "amplitude": _amplitude(first, summary["power"], answer, n, LOOK),
    }
    prefix = "score_" if of_scores else ""
    if f"{prefix}block_dipole" in tests:
        drawn["block_sizes"] = _block_sizes(first, tests, f"{prefix}block_dipole", summary["alpha"], LOOK)
    if of_scores and "score" in maps:
        column = summary["catalog"]["columns"]["score"]
        drawn["score_map"] = _map(maps["score"], f"mean {column}", f"The mean {column}", False, field, n)
    if "difference" in maps:
        both = " minus ".join(summary["catalog"]["columns"]["label"][:2])
        drawn["difference_map"] = _map(maps["difference"], f"{both} (percentage points)", both, True, field, n)
    if "errors" in maps:
        label = "labels that are not the reference's (%)"
        drawn["error_map"] = _map(maps["errors"], label, "The share of wrong labels", False, field, n)
    if covariates is not None and seeing_column(covariates):
        drawn["seeing_map"] = seeing_map(covariates, field, LOOK)
    return drawn


def _fraction_map(maps: Mapping[str, NDArray], counted: str, n: int, field: bool) -> Figure:
    """The fraction without what is noise in it."""
    smooth = maps["smooth:fraction"]
    finding = ""
    if np.isfinite(smooth).any():
        finding = range_by_place(float(np.nanmin(smooth)), float(np.nanmax(smooth)), f"fraction called {counted}")
    return _map(smooth, f"galaxies called {counted} (%)", finding, False, field, n)


def _map(values: NDArray, label: str, what: str, about_zero: bool, field: bool, n: int) -> Figure:
    """One map, of the sky or of a field; on a scale symmetric about zero for differences.

    `what` is its title, or what its values are: then the title has where most of them lie.
    """
    if np.isfinite(values).sum() < (_FEWEST_CELLS if field else 1):
        return no_map("Too few cells of the sky hold enough galaxies for a map.")
    whole = what.endswith(".")
    low, high = colour_range(values, NO_RANGE if whole else 1e-9, cut=0 if whole else 2)
    colours = LOOK["sequential_map"]
    title = what
    if what and not whole:
        ends = [f"{points_in_words(end)}" if about_zero else f"{end:.1%}" for end in (low, high)]
        unit = " percentage points" if about_zero else ""
        title = f"{what} lies between {' and '.join(ends)}{unit} in 96 % of the cells, noise included"
    if about_zero:
        high = max(float(np.nanpercentile(np.abs(values), 98)), 1e-9)
        low, colours = -high, LOOK["diverging_map"]
    figure = one_map(values, colours, low, high, label, field, "neither" if whole else "both")
    in_hundredths(figure.axes[-1].yaxis if field else figure.axes[-1].xaxis)
    smoothed = "cells share their galaxies with neighbours and are drawn to the mean by their errors."
    measured = "cells of 5 galaxies and more, as measured: much of the contrast may be noise."
    note = f"n = {n:,} galaxies; {smoothed if whole else measured}"
    state(figure, title, note)
    return figure


def _sigma_map(
    values: NDArray | None, axes_of: Mapping[str, Any], scan: Test | None, n: int, settings: Mapping[str, Any]
) -> Figure:
    """Paper-style sigma along every axis; `axes_of` has the directions (`axis_ra`, `axis_dec`) named in `_MARKERS`."""
    if values is None or scan is None:
        return no_map(_NO_AXIS)
    figure, (axes,) = map_axes(1, field=False, lines=1)
    largest = float(np.nanmax(np.abs(values)))
    map_with_bar(axes, values, settings["diverging_map"], -largest, largest, "paper-style sigma (uncentred)")
    for label, marker in _MARKERS.items():
        if direction := axes_of.get(label):
            ends = [(direction["axis_ra"], direction["axis_dec"])]
            if marker == "D":
                # A line has two ends.
                ends.append(((ends[0][0] + 180) % 360, -ends[0][1]))
            x, y = projected(*np.array(ends).T)
            axes.plot(x, y, marker, markersize=7, color="black", markeredgecolor="white", label=label)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.03), ncols=2, fontsize=6)
    state(
        figure,
        f"Paper-style sigma is {scan['max_sigma']:.1f} along the best of all axes;"
        f" {noise_in_words(scan['sigma_without_dipole'])}",
        f"n = {n:,} galaxies as the unit.",
    )
    return figure


def _fraction_by_ra(
    fractions: pd.DataFrame, cosine: Test | None, summary: Mapping[str, Any], counted: str, settings: Mapping
) -> Figure:
    """Fraction by right ascension bin with Wilson intervals, a series an annotation, and the cosine of the first."""
    figure, axes = new_figure(SINGLE, 2.4)
    filled = fractions[(fractions["grouping"] == "ra_bin") & (fractions["n"] > 0)]
    if (bins := filled["group"].nunique()) < FEWEST_BINS:
        explain_empty(axes, f"The galaxies lie in {bins} of 12 bins of right ascension.")
        return figure
    edges = filled["group"].str.split("-", expand=True).astype(float)
    filled = filled.assign(low_deg=edges[0], high_deg=edges[1])
    for number, (name, bins) in enumerate(filled.groupby("annotation", sort=False)):
        draw_fractions(axes, bins, 3 * number, number, settings, str(name))
        if cosine is not None and number == 0:
            draw_cosine(axes, bins, cosine["estimate"], cosine["phase_ra"], "black", "cosine in right ascension")
    label_axes(axes, f"galaxies called {counted} (%)", filled)
    in_hundredths(axes.yaxis)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    state(figure, _cosine_title(cosine, summary), _BARS.format(n=summary["catalog"]["n"]))
    return figure


def _cosine_title(cosine: Test | None, summary: Mapping[str, Any]) -> str:
    """The cosine is claimed where the audit found a dependence on the position, and its own adjusted p is small."""
    if cosine is None:
        return "No cosine in right ascension can be fitted"
    p, _ = adjusted(summary).get("cosine_in_ra", (cosine["deciding_p"], ""))
    amplitude = f"{points_in_words(cosine['estimate'])} percentage points, adjusted p = {p_in_words(p)}"
    found = any(one["answer"] == YES for one in summary["answers"][:1]) and p < summary["alpha"]
    if found:
        return f"The fraction follows a cosine in right ascension: amplitude {amplitude}, galaxies as the unit"
    return f"No dependence on right ascension is established (cosine: {amplitude}, galaxies as the unit)"


def _sigma_and_p(
    scan: Test | None, score: Test | None, blocks: Test | None, n: int, settings: Mapping[str, Any]
) -> Figure:
    """What the sigma of a scanned maximum is taken for, what it follows, and where the catalog lies."""
    figure, panels = new_figure(DOUBLE, 2.9, ncols=2)
    if scan is None or score is None:
        for panel in panels:
            explain_empty(panel, _NO_AXIS)
        return figure
    taken, follows = settings["colours"][0], settings["colours"][1]
    sigma = scan["max_sigma"]
    alone = scan["sigma_without_dipole"]
    x = np.linspace(0, 1.15 * max(4.5, sigma, alone), 2000)
    left, right = panels
    left.plot(x, 2 * stats.norm.pdf(x), color=taken, label="axis chosen before (normal)")
    left.plot(x, stats.chi(3).pdf(x), color=follows, label="best of all axes (chi, 3 dof)")
    left.axvline(sigma, color="black", linewidth=1.2, label=f"this catalog: {sigma:.2f}")
    label = f"no dipole, rms: {alone:.1f}"
    left.axvline(alone, color="0.4", linewidth=1, linestyle="--", label=label)
    left.set(xlabel="sigma (standard deviations)", ylabel="density without any dipole", xlim=(0, x[-1]), ylim=(0, 0.95))
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    # log10 p and the p itself: below 1e-308 only the logarithm is a number.
    values = {
        "sigma read as normal": (log10_p_normal(sigma), scan["p_if_sigma_were_normal"]),
        "largest of all axes": (log10_p_scan(sigma), scan["p"]),
        "centred dipole, chi-square": (score["log10_p"], score["p"]),
        "centred dipole, permutations": (np.log10(score["p_permutation"]), score["p_permutation"]),
    }
    colours, unit = [taken, follows, "0.6", "0.3"], "none allows for clustering, as the answer does."
    if blocks is not None:
        decides = blocks["has_power"] and blocks["deciding_p"] > score["deciding_p"]
        p = blocks["deciding_p"]
        values["centred dipole, blocks" + (" (decides)" if decides else "")] = (-_height(blocks), p)
        colours.append("black")
        unit = "only that of blocks allows for clustering."
    lengths = [-logarithm for logarithm, _ in values.values()]
    right.barh(range(len(values)), lengths, color=colours)
    for row, (logarithm, p) in enumerate(values.values()):
        right.text(-logarithm, row, f" {p_in_words(p, logarithm)}", va="center", fontsize=7)
    right.set_yticks(range(len(values)), list(values))
    right.set(xlabel="-log10 p", xlim=(0, 1.45 * max(lengths) + 0.2))
    right.invert_yaxis()
    taken_for, centred = (
        p_in_words(scan["p_if_sigma_were_normal"], log10_p_normal(sigma)),
        p_in_words(score["p"], score["log10_p"]),
    )
    state(
        figure,
        f"Paper-style sigma of {sigma:.1f} would be read as p = {taken_for}; the centred dipole has p = {centred}"
        " (not adjusted)",
        f"n = {n:,} galaxies as the unit{', but for blocks of sky' if blocks is not None else ''}; no p here is"
        f" adjusted, and {unit}",
    )
    return figure


def _block_sizes(
    galaxies: Test | None, tests: Mapping[str, Test], name: str, alpha: float, settings: Mapping[str, Any]
) -> Figure:
    """p of the dipole by the size of the blocks of sky; the size that was chosen beforehand is filled."""
    figure, axes = new_figure(SINGLE, 2.1)
    chosen = tests[name]
    # Not those of further columns, whose names end with the column.
    sizes = {test["block_deg"]: test for key, test in tests.items() if re.fullmatch(rf"{name}_nside\d+", key)}
    sizes |= {chosen["block_deg"]: chosen}
    width = sorted(sizes)
    heights = [_height(sizes[size]) for size in width]
    colour = settings["colours"][0]
    axes.plot(width, heights, "o-", color=colour, markerfacecolor="white", label="blocks of sky")
    axes.plot(chosen["block_deg"], _height(chosen), "o", color=colour, label="chosen beforehand")
    if galaxies is not None:
        axes.axhline(_height(galaxies), color="0.4", linewidth=1, linestyle="--", label="galaxies")
    axes.axhline(-np.log10(alpha), color=settings["colours"][1], linewidth=1, label=f"level {alpha:g}")
    axes.set(xscale="log", xlabel="width of the blocks (degrees)", ylabel="-log10 p (not adjusted)", ylim=(0, None))
    axes.set_xticks(width, [f"{size:.0f}" for size in width])
    axes.minorticks_off()
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    below = sum(height > -np.log10(alpha) for height in heights)
    state(
        figure,
        f"With blocks of sky as the unit, {below} of {len(width)} sizes give the dipole a p below {alpha:g}",
        f"Not adjusted; of the {len(width)} sizes one was chosen before any label was looked at"
        f" ({chosen['block_deg']:.0f}°, {chosen['n_blocks']} blocks).",
    )
    return figure


def _height(test: Test) -> float:
    """-log10 of the p that decides, also where the p of the reference distribution is too small for a number."""
    decides = test["deciding_p"]
    return float(-np.log10(decides) if decides > test["p"] else -test["log10_p"])


def _amplitude(
    first: Test | None,
    power: Mapping[str, Any] | None,
    answer: Mapping[str, Any] | None,
    n: int,
    settings: Mapping[str, Any],
) -> Figure:
    """A dipole's amplitude, or the change across a field, with interval and limit, beside what could be shown."""
    figure, axes = new_figure(DOUBLE, 1.4)
    if first is None:
        explain_empty(axes, "These galaxies determine no dipole.")
        return figure
    field = "width_deg" in first
    estimate, ends, limit = (
        first[name]
        for name in (("change", "change_ci95", "limit95") if field else ("estimate", "ci95", "upper_limit_95"))
    )
    unit = ""
    if answer is not None and answer["effect"]["ci95"] is not None:
        # Of the test that the answer took them from, which the title states.
        own, ends, limit = ends, answer["effect"]["ci95"], answer["limit95"]
        # As the answer has it: an interval ends at the largest effect that there can be.
        largest = first["largest_possible"]
        clipped = own if estimate > largest else np.minimum(own, largest)
        unit = (
            "" if field else f", {'galaxies' if np.allclose(ends, clipped, rtol=1e-9) else 'blocks of sky'} as the unit"
        )
    axes.plot(ends, [0, 0], color=settings["colours"][0], linewidth=3, alpha=0.6, solid_capstyle="butt")
    axes.plot(estimate, 0, "o", color=settings["colours"][0])
    rows = ["observed, 95 % interval"]
    # Of an effect that is there, the interval says all; its one-sided limit would lie inside.
    if answer is None or answer["answer"] != YES:
        if limit is not None:
            axes.plot(limit, len(rows), "<", color=settings["colours"][1])
        rows.append("95 % upper limit" if limit is not None else "no limit")
    if power is not None:
        best, worst = power["smallest_dipole_best_axis"], power["smallest_dipole_worst_axis"]
        axes.plot([best, worst], [len(rows)] * 2, marker="|", color="0.4", linewidth=3, solid_capstyle="butt")
        rows.append("detectable")
    axes.set_yticks(range(len(rows)), rows)
    what = "mean score" if first["name"].startswith("score_") else "fraction"
    pattern = f"change of the {what} across {first['width_deg']:.3g} degrees" if field else f"dipole of the {what}"
    axes.set(
        xlabel=f"{pattern} (percentage points)" if what == "fraction" else pattern,
        xlim=(0, None),
        ylim=(len(rows) - 0.4, -0.6),
    )
    if what == "fraction":
        in_hundredths(axes.xaxis)
    seen = (
        f" Detectable: with {power['power']:.0%} power, from the best axis to the worst, galaxies as the unit."
        if power is not None
        else ""
    )
    state(figure, answer["statement"] if answer else "", f"n = {n:,} galaxies. Bar: 95 % interval{unit}.{seen}")
    return figure
