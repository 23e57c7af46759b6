"""Figures of the runs of an experiment: fractions, responses, training, and paper-style sigma beside calibrated p."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats

from workflow_scripts.bias.declared_tests import PRIMARY_FAMILY, SECONDARY_FAMILY
from workflow_scripts.figures.footprint_curves import footprint_response_figure
from workflow_scripts.figures.fraction_by_ra import FEWEST_BINS, draw_cosine, draw_fractions, label_axes
from workflow_scripts.figures.scatter_and_errors import error_decomposition, threshold_sweep, variance_budget_figure
from workflow_scripts.figures.style import DOUBLE, SINGLE, arm_look, explain_empty, new_figure

# The scanned maximum of a dipole without any signal exceeds this in 5 % of skies (chi, three degrees of freedom).
_SCANNED_5_PERCENT = float(stats.chi(3).ppf(0.95))


def run_figures(
    summary: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    histories: Mapping[str, pd.DataFrame],
    settings: Mapping[str, Any],
) -> dict[str, Figure]:
    """The figures of `draw_runs`: from the summary, tables (`runs`, `fractions`, `cosine`, `thresholds`), histories."""
    experiment = summary["provenance"]["config"]
    positive, opposite = experiment["classes"][1], experiment["opposite"]
    runs = tables["runs"]
    return {
        "sigma_and_p": _sigma_and_p(runs, summary, settings),
        "footprint_response": footprint_response_figure(runs, summary, positive, settings),
        "run_dots": _run_dots(runs, positive, settings),
        "fraction_by_ra": _fraction_by_ra(tables["fractions"], tables["cosine"], runs, opposite, positive, settings),
        "variance_budget": variance_budget_figure(summary["variance_budget"], positive, settings),
        "error_decomposition": error_decomposition(runs, opposite, settings),
        "threshold_sweep": threshold_sweep(tables["thresholds"], settings),
        "training_curves": _training_curves(histories, runs, settings),
    }


def _fraction_by_ra(
    fractions: pd.DataFrame, cosine: pd.DataFrame, runs: pd.DataFrame, opposite: list, positive: str, settings: Mapping
) -> Figure:
    """Fraction by RA bin with Wilson intervals and cosine fit, one network of each opposite footprint."""
    figure, axes = new_figure(SINGLE * 1.3, 2.6)
    shown = [name for pair in opposite for name in pair] or [runs["footprint"].iloc[0]]
    every = fractions[(fractions["grouping"] == "ra_bin") & (fractions["n"] > 0)]
    if (filled := every["group"].nunique()) < FEWEST_BINS:
        explain_empty(axes, f"The galaxies lie in {filled} of the bins of right ascension.")
        return figure
    for number, footprint in enumerate(shown):
        run_id = runs.loc[runs["footprint"] == footprint, "run_id"].iloc[0]
        bins = fractions[(fractions["run_id"] == run_id) & (fractions["grouping"] == "ra_bin")]
        bins = bins[bins["n"] > 0]
        fit = cosine[cosine["run_id"] == run_id].iloc[0]
        fitted = np.isfinite(fit.get("amplitude", np.nan))
        alone = None if fitted else f"{footprint}, one network"
        draw_fractions(axes, bins, 2.5 * (number - (len(shown) - 1) / 2), number, settings, alone)
        if fitted:
            label = f"{footprint}, one network: amplitude {fit['amplitude']:.3f} ± {fit['amplitude_se']:.3f}"
            colour = settings["colours"][number % len(settings["colours"])]
            draw_cosine(axes, bins, fit["amplitude"], fit["phase_deg"], colour, label)
    label_axes(axes, f"{positive} fraction")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.22))
    figure.supxlabel("bars: 95 % if galaxies were the unit", fontsize=7)
    return figure


def _run_dots(runs: pd.DataFrame, positive: str, settings: Mapping) -> Figure:
    """Every run as a dot, by arm: fraction, balanced accuracy and one component of the dipole."""
    quantities = [("fraction", f"{positive} fraction", "fraction_se"), ("balanced_accuracy", "balanced accuracy", None)]
    quantities.append(("dipole_y", "dipole of prediction - reference,\ntowards RA 90°, Dec 0° (y)", "dipole_y_se"))
    figure, axes = new_figure(DOUBLE, 2.7, ncols=3)
    # Each opposite footprint is a row of its own; the rest goes by arm.
    groups = _rows_of_runs(runs)
    look = arm_look(list(dict.fromkeys(runs["arm"])), settings)
    for panel, (column, label, error) in zip(axes, quantities, strict=True):
        values = runs[column] if column in runs else pd.Series(np.nan, index=runs.index)
        if values.isna().all():
            labelled = runs["n_reference"].gt(0).any()
            reason = "the sky of these galaxies does not constrain it" if labelled else "no reference labels"
            explain_empty(panel, f"No {label}: {reason}.")
            continue
        for height, rows in enumerate(groups.values()):
            spread = np.linspace(-0.25, 0.25, len(rows)) if len(rows) > 1 else np.zeros(1)
            style = look[runs.loc[rows[0], "arm"]]
            panel.plot(values[rows], height + spread, linestyle="none", markersize=3.5, alpha=0.8, **style)
            panel.plot([values[rows].mean()] * 2, [height - 0.35, height + 0.35], color="black", linewidth=1)
            if error:
                half = 1.96 * runs.loc[rows, error].median()
                mean = values[rows].mean()
                panel.plot([mean - half, mean + half], [height + 0.42] * 2, color="0.35", linewidth=2.2)
        panel.set(xlabel=label, ylim=(len(groups) - 0.4, -0.6))
        panel.set_yticks(range(len(groups)), list(groups) if panel is axes[0] else [""] * len(groups))
    figure.supxlabel(
        "dots: runs; black: their mean; thick grey: its 95 % interval if galaxies were the unit", fontsize=7
    )
    return figure


def _rows_of_runs(runs: pd.DataFrame) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for arm, group in runs.groupby("arm", sort=False):
        if group["family"].isna().all() and group["footprint"].nunique() <= 6:
            for footprint, members in group.groupby("footprint", sort=False):
                rows[str(footprint)] = list(members.index)
        else:
            rows[str(arm)] = list(group.index)
    return rows


def _sigma_and_p(runs: pd.DataFrame, summary: Mapping[str, Any], settings: Mapping) -> Figure:
    """The paper-style statistic of every network, beside the tests of the footprint by all runs."""
    figure, (left, right) = new_figure(DOUBLE, 2.9, ncols=2, gridspec_kw={"width_ratios": [1, 1.1]})
    sigma = runs["paper_max_sigma"].dropna() if "paper_max_sigma" in runs else pd.Series(dtype=float)
    if sigma.empty:
        explain_empty(left, "The galaxies do not constrain all of a dipole:\nthere is no scan over all axes.")
    else:
        left.hist(sigma, bins=16, color=settings["colours"][0], edgecolor="white", linewidth=0.4)
        for value, style, label in ((3, "--", "3"), (5, ":", "5")):
            left.axvline(value, color="0.2", linestyle=style, linewidth=0.9, label=f"{label} 'sigma'")
        label = f"5 % point, no dipole,\nfull sky ({_SCANNED_5_PERCENT:.1f})"
        left.axvline(_SCANNED_5_PERCENT, color=settings["colours"][1], linewidth=1.2, label=label)
        left.set(xlabel="paper-style maximum sigma (galaxies as unit)", ylabel="networks")
        left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handlelength=1.4, columnspacing=1)
    shown = (PRIMARY_FAMILY, SECONDARY_FAMILY, "run level", "variance components")
    tests = [test for test in summary["tests"] if test["family"] in shown and test["deciding_p"] is not None]
    if not tests:
        explain_empty(right, "No run-level test could be made: too few runs.")
        return figure
    p = [test["deciding_p"] for test in tests]
    primary = [test["name"] in summary["primary"] for test in tests]
    colours = [settings["colours"][1] if is_primary else "0.55" for is_primary in primary]
    right.scatter(p, range(len(tests)), c=colours, s=16, zorder=3)
    right.set_xscale("log")
    right.set_yticks(range(len(tests)), [test["name"].replace("_", " ") for test in tests], fontsize=5.5)
    right.axvline(summary["provenance"]["config"]["tests"]["alpha"], color="0.2", linestyle="--", linewidth=0.9)
    right.set(xlabel="unadjusted p, runs as unit (primary: colour)", ylim=(len(tests) - 0.5, -0.5), xlim=(None, 1.3))
    right.grid(axis="y", linewidth=0.3, color="0.85")
    return figure


def _training_curves(histories: Mapping[str, pd.DataFrame], runs: pd.DataFrame, settings: Mapping) -> Figure:
    """Training loss and accuracy by epoch: every run thin, the median of its arm thick."""
    figure, axes = new_figure(DOUBLE, 2.5, ncols=2)
    look = arm_look(list(dict.fromkeys(runs["arm"])), settings)
    trained = {run_id: history for run_id, history in histories.items() if len(history)}
    for panel, column in zip(axes, ("loss", "accuracy"), strict=True):
        if not trained:
            explain_empty(panel, "No run was trained here: networks or annotations were given.")
            continue
        for arm, group in runs.groupby("arm", sort=False):
            curves = [trained[run_id] for run_id in group["run_id"] if run_id in trained]
            for curve in curves:
                panel.plot(curve["epoch"], curve[column], color=look[arm]["color"], linewidth=0.4, alpha=0.35)
            if curves:
                median = pd.concat(curves).groupby("epoch")[column].median()
                panel.plot(median.index, median, color=look[arm]["color"], linewidth=1.6, label=arm)
        panel.set(xlabel="epoch", ylabel=f"training {column}")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    if trained:
        axes[0].legend()
    return figure
