"""The page of an experiment: the answers, and every number behind them."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from workflow_scripts.bias.quantities import components
from workflow_scripts.pages.filled_templates import PageFigure, render, shown_figures
from workflow_scripts.pages.imaging_rows import (
    coefficient_headings,
    fractions_that_follow_training,
    mediated_rows,
    networks_that_differ,
    rotated_properties,
)
from workflow_scripts.pages.number_formats import interval, number, p_value, share, vector_with_error, with_error
from workflow_scripts.pages.run_comparisons import arm_rows, paper_style_arms, paper_style_pairs
from workflow_scripts.pages.summary_rows import TEST_HEADING, answers_said_once, rows_of_tests


def experiment_page(
    summary: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    figures: Sequence[PageFigure] = (),
    cutouts: Mapping[str, Any] | None = None,
) -> str:
    """The page of a summary.

    `tables` are `runs`, `arms` and `contrasts`, as `measure_bias` made them; `figures` in the order in
    which they are shown; `cutouts` counts what came of the requests to the survey.
    """
    runs = tables["runs"]
    return render(
        "experiment.html",
        summary=summary,
        warnings=summary["warnings"],
        answers=answers_said_once(summary),
        alpha=summary["provenance"]["config"]["tests"]["alpha"],
        one_class=summary["provenance"]["config"].get("one_class"),
        figures=shown_figures(figures),
        cutouts=cutouts,
        known=lambda name: name in runs and runs[name].notna().any(),
        known_vector=lambda name: any(one in runs and runs[one].notna().any() for one in components(name)),
        mean=lambda name: runs[name].mean(),
        arm_rows=partial(arm_rows, tables["arms"]),
        paper_style_arms=paper_style_arms(summary, tables),
        paper_style_pairs=paper_style_pairs(summary, tables["contrasts"], runs),
        response_rows=[_response(model) for model in summary["response_model"]],
        designs=_designs,
        coefficients=coefficient_headings(summary["templates"], tables["arms"]),
        rotated=rotated_properties(summary["templates"]),
        mediated=mediated_rows(summary),
        followed=fractions_that_follow_training(summary),
        differing=networks_that_differ(summary),
        mirrored=_mirrored(runs),
        balance=[_balance(entry) for entry in summary["training_balance"]],
        test_heading=TEST_HEADING,
        tests=rows_of_tests(summary),
        single_networks=[_single_networks(entry) for entry in summary["galaxy_level"]],
    )


def _response(model: Mapping[str, Any]) -> list[str]:
    shared = vector_with_error(model["d_0"], model["d_0_se"]) if model["d_0"] else "-"
    galaxies = number(max(model["d_0_galaxy_se"])) if model["d_0"] else "-"
    kappa = [with_error(model["kappa"], model["kappa_se"]), interval(model["kappa_ci95"])]
    name, footprints = f"{model['network']}, {model['family']}", number(model["footprints"])
    return [name, footprints, shared, galaxies, *kappa, number(model["residual_sd"])]


def _designs(entry: Mapping[str, Any]) -> list[list[str]]:
    return [
        [line["design"].replace("_", " "), *(number(line[name]) for name in ("samples", "seeds", "effect"))]
        for line in entry["detectable"]
    ]


def _mirrored(runs: pd.DataFrame) -> list[list[str]]:
    """What networks make of mirror images, by network; empty where no mirror swaps the classes."""
    if "mirror_asymmetry" not in runs:
        return []
    rows = []
    for name, group in runs.groupby("network", sort=False):
        asymmetry = group["mirror_asymmetry"]
        spread = [asymmetry.mean(), asymmetry.std(), asymmetry.min(), asymmetry.max()]
        averaged = "mean over both" if group["mirror_averaged"].all() else "one image"
        rows.append([str(name), number(len(group)), *map(number, spread), share(group["mirror_same_label"].mean())])
        rows[-1].append(averaged)
    return rows


def _balance(entry: Mapping[str, Any]) -> list[str]:
    """How well the training sets of two footprints are matched to each other."""
    numbers = [number(entry.get(name)) for name in ("largest_smd", "smallest_ks_p", "variance_ratios")]
    auc = with_error(entry.get("adversarial_auc"), entry.get("adversarial_null_sd"))
    words = [f"{entry['first']} and {entry['second']}", ", ".join(entry["covariates"]) or "class alone"]
    return [*words, *numbers, auc, number(entry.get("adversarial_p"))]


def _single_networks(entry: Mapping[str, Any]) -> list[str]:
    words = [entry["name"].replace("_", " "), entry["family"], entry["null"], number(entry["networks"])]
    return [*words, number(entry["median_estimate"]), p_value(entry["median_p"]), share(entry["share_below_alpha"])]
