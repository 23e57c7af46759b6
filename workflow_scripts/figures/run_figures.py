"""Figures of the runs of an experiment: fractions, responses, training, and paper-style sigma beside calibrated p."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats

from workflow_scripts.answers.wording import capital, noise_in_words, place_in_words
from workflow_scripts.bias.declared_tests import CONTRAST, PATTERN, PRIMARY_FAMILY, RESPONSE, SECONDARY_FAMILY
from workflow_scripts.figures.answer_titles import adjusted, answer_to
from workflow_scripts.figures.footprint_curves import footprint_response_figure
from workflow_scripts.figures.fraction_by_ra import fraction_bands
from workflow_scripts.figures.scatter_and_errors import (
    error_decomposition,
    rows_of_arms,
    threshold_sweep,
    variance_budget_figure,
)
from workflow_scripts.figures.style import (
    DOUBLE,
    arm_look,
    explain_empty,
    in_hundredths,
    new_figure,
    state,
)

_UNITS = {"loss": " (nats a galaxy)", "accuracy": " (%)"}
# The scanned maximum of a dipole without any signal exceeds this in 5 % of skies (chi, three degrees of freedom).
_SCANNED_5_PERCENT = float(stats.chi(3).ppf(0.95))


def run_figures(
    summary: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    histories: Mapping[str, pd.DataFrame],
    settings: Mapping[str, Any],
) -> dict[str, Figure]:
    """The figures of `draw_runs`, of the summary, `runs`, `arms`, `arm_fractions`, `thresholds`, and histories."""
    experiment = summary["provenance"]["config"]
    positive, opposite = experiment["classes"][1], experiment["opposite"]
    runs = tables["runs"]
    return {
        "sigma_and_p": _sigma_and_p(runs, summary, settings),
        "footprint_response": footprint_response_figure(runs, summary, positive, settings),
        "run_dots": _run_dots(runs, tables["arms"], summary, positive, settings),
        "fraction_by_ra": fraction_bands(tables["arm_fractions"], summary, positive, settings),
        "variance_budget": variance_budget_figure(summary["variance_budget"], positive, settings),
        "error_decomposition": error_decomposition(runs, summary, opposite, settings),
        "threshold_sweep": threshold_sweep(tables["thresholds"], settings),
        "training_curves": _training_curves(histories, runs, opposite, settings),
    }


def _run_dots(
    runs: pd.DataFrame, arms: pd.DataFrame, summary: Mapping[str, Any], positive: str, settings: Mapping
) -> Figure:
    """Every run as a dot, by arm: fraction, balanced accuracy and the dipole along its mean over all runs."""
    quantities = [("fraction", f"galaxies called {positive} (%)"), ("balanced_accuracy", "balanced accuracy (%)")]
    axis = summary["mean_dipole"]
    where = f"towards {place_in_words(axis['ra'], axis['dec'])}" if axis else "along its mean"
    quantities.append(("dipole_along_mean", f"dipole {where}\n(percentage points)"))
    opposite = summary["provenance"]["config"]["opposite"]
    rows = rows_of_arms(runs, opposite)
    figure, axes = new_figure(DOUBLE, 0.85 + 0.42 * len(rows), ncols=3)
    look = arm_look(list(dict.fromkeys(arm for _, arm, _, _ in rows)), settings)
    for panel, (column, label) in zip(axes, quantities, strict=True):
        values = runs[column] if column in runs else pd.Series(np.nan, index=runs.index)
        if values.isna().all():
            labelled = runs["n_reference"].gt(0).any()
            reason = "the sky of these galaxies does not constrain it" if labelled else "no reference labels"
            what = " ".join(label.split()).rpartition(" (")[0]
            explain_empty(panel, f"No {what}: {reason}.")
            continue
        means = arms[arms["component"] == column].set_index(["network", "arm"])
        for height, (_, arm, network, members) in enumerate(rows):
            spread = np.linspace(-0.25, 0.25, len(members)) if len(members) > 1 else np.zeros(1)
            panel.plot(values[members.index], height + spread, linestyle="none", markersize=3, alpha=0.75, **look[arm])
            if (network, arm) in means.index:
                mean = means.loc[(network, arm)]
                panel.plot([mean["mean"]] * 2, [height - 0.33, height + 0.33], color="black", linewidth=1)
                panel.plot([mean["low"], mean["high"]], [height] * 2, color="0.25", linewidth=1.5, zorder=1)
        panel.set(xlabel=label, ylim=(len(rows) - 0.4, -0.6))
        in_hundredths(panel.xaxis)
        names = [f"{name}\n({len(members)} runs)" for name, _, _, members in rows]
        panel.set_yticks(range(len(rows)), names if panel is axes[0] else [""] * len(rows))
    pair = f"fraction_contrast {' - '.join(opposite[0])}" if opposite else "fraction_contrast"
    answer = answer_to(summary, pair)
    sd = 100 * runs["fraction"].std()
    scatter = f"The fractions of {len(runs)} networks have a standard deviation of {sd:.1f} percentage points"
    state(
        figure,
        capital(answer["statement"]).rstrip(".") if answer else scatter,
        f"Dots: runs, each of which annotates all n = {int(runs['n'].iloc[0]):,} galaxies. Upright lines: means over"
        " training sets; bars: their 95 % intervals, from the scatter of training sets (Student's t), where there are"
        " two or more. Dipoles: of prediction minus reference, along the mean of all runs.",
    )
    return figure


def _sigma_and_p(runs: pd.DataFrame, summary: Mapping[str, Any], settings: Mapping) -> Figure:
    """The paper-style statistic of every network, beside the tests of the footprint by all runs."""
    figure, (left, right) = new_figure(DOUBLE, 2.9, ncols=2, gridspec_kw={"width_ratios": [1, 1.1]})
    sigma = runs["paper_max_sigma"].dropna() if "paper_max_sigma" in runs else pd.Series(dtype=float)
    if sigma.empty:
        explain_empty(left, "The galaxies do not constrain all of a dipole:\nthere is no scan over all axes.")
    else:
        left.hist(sigma, bins=16, color=settings["colours"][0], edgecolor="white", linewidth=0.4)
        for value, style, label in ((3, "--", "3"), (5, ":", "5")):
            left.axvline(value, color="0.2", linestyle=style, linewidth=0.9, label=f"{label} sigma")
        label = f"no dipole: 1 sky of 20 ({_SCANNED_5_PERCENT:.1f})"
        left.axvline(_SCANNED_5_PERCENT, color=settings["colours"][1], linewidth=1.2, label=label)
        left.set(xlabel="paper-style maximum sigma (galaxies as unit)", ylabel=f"networks (n = {len(sigma)})")
        left.yaxis.set_major_locator(MaxNLocator(integer=True))
        left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handlelength=1.4)
    tests = [test for test in summary["tests"] if test["deciding_p"] is not None and _of_footprints(test)]
    if not tests:
        explain_empty(right, "No test of the footprints could be made\nwith runs as the unit.")
        return figure
    of_ledger, alpha = adjusted(summary), summary["provenance"]["config"]["tests"]["alpha"]
    p = [of_ledger.get(test["name"], (test["deciding_p"], ""))[0] for test in tests]
    primary = [test["name"] in summary["primary"] for test in tests]
    colours = [settings["colours"][1] if is_primary else "0.55" for is_primary in primary]
    right.scatter(p, range(len(tests)), c=colours, s=16, zorder=3)
    right.set_xscale("log")
    right.set_yticks(range(len(tests)), [_in_words(test) for test in tests], fontsize=6)
    right.axvline(alpha, color="0.2", linestyle="--", linewidth=0.9)
    right.set(xlabel="adjusted p, runs as unit", ylim=(len(tests) - 0.5, -0.5), xlim=(None, 1.3))
    right.grid(axis="y", linewidth=0.3, color="0.85")
    below = sum(one < alpha for one in p)
    claims = (
        f"of {len(tests)} test{'s' * (len(tests) != 1)} of the footprints with runs as the unit, {below}"
        f" {'has' if below == 1 else 'have'} an adjusted p below {alpha:g}"
    )
    state(
        figure,
        f"{_paper_style(summary)}{claims}" if not sigma.empty else capital(claims),
        "Left: the largest sigma of a cosine over all axes, a value a network. Right: p adjusted within families, by"
        " Holm (tests with an answer of their own; primary ones in colour) or Benjamini & Hochberg; dashed: the level.",
    )
    return figure


def _of_footprints(test: Mapping[str, Any]) -> bool:
    """Whether it decides an answer, or contrasts the fraction or the dipole of two arms."""
    if test["family"] in (PRIMARY_FAMILY, SECONDARY_FAMILY):
        return True
    return test["family"] == "run level" and test["design"] == CONTRAST and test["quantity"] in ("fraction", "dipole")


def _in_words(test: Mapping[str, Any]) -> str:
    """What a test compares, and of which networks where there are several."""
    sides = test["footprints"] if test["design"] == CONTRAST else []
    of = test["label"].removeprefix(" - ".join(sides)).strip() if sides else test["label"]
    what = test["quantity"].replace("_", " ")
    known = {
        CONTRAST: f"{what}: {' against '.join(sides)}",
        RESPONSE: f"{what}: by the footprint's direction",
        PATTERN: "sky pattern: by the footprint's direction",
    }
    words = known.get(test["design"], test["name"].replace("_", " "))
    return f"{words} ({of})" if of and test["design"] in known else words


def _paper_style(summary: Mapping[str, Any]) -> str:
    paper = summary["paper_style"]
    return (
        f"Paper-style sigma of single networks is {paper['median_max_sigma']:.1f} in the median;"
        f" {noise_in_words(paper['median_sigma_without_dipole'])}; "
    )


def _training_curves(
    histories: Mapping[str, pd.DataFrame], runs: pd.DataFrame, opposite: list, settings: Mapping
) -> Figure:
    """Training loss and accuracy by epoch: every run thin, the median of its arm thick."""
    figure, axes = new_figure(DOUBLE, 2.5, ncols=2)
    rows = rows_of_arms(runs, opposite)
    look = arm_look(list(dict.fromkeys(arm for _, arm, _, _ in rows)), settings)
    trained = {run_id: history for run_id, history in histories.items() if len(history)}
    for panel, column in zip(axes, ("loss", "accuracy"), strict=True):
        if not trained:
            explain_empty(panel, "No run was trained here: networks or annotations were given.")
            continue
        for name, arm, _, group in rows:
            curves = [trained[run_id] for run_id in group["run_id"] if run_id in trained]
            for curve in curves:
                panel.plot(curve["epoch"], curve[column], color=look[arm]["color"], linewidth=0.4, alpha=0.35)
            if curves:
                median = pd.concat(curves).groupby("epoch")[column].median()
                panel.plot(median.index, median, color=look[arm]["color"], linewidth=1.6, label=name)
        panel.set(xlabel="epoch", ylabel=f"training {column}{_UNITS[column]}")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    if trained:
        axes[0].legend()
        in_hundredths(axes[1].yaxis)
        last = pd.DataFrame([curve[["loss", "accuracy"]].iloc[-1] for curve in trained.values()])
        loss, accuracy = last.median()
        state(
            figure,
            f"At the last epoch {len(trained)} networks have a training loss of {loss:.2f} and an accuracy of"
            f" {accuracy:.0%} in the median",
            "On the galaxies that each network is trained on. Thin: single runs; thick: medians of arms.",
        )
    return figure
