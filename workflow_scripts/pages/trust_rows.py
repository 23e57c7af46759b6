"""What limits the trust in an experiment: what was dropped, how well networks label and match, what is assumed."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from workflow_scripts.bias.network_cautions import HARDLY_LEARNED
from workflow_scripts.catalogs.hygiene import problem_in_words
from workflow_scripts.pages.number_formats import number, share


def trust_rows(
    summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], cutouts: Mapping[str, Any] | None
) -> list[tuple[str, str]]:
    """What was dropped, how well networks label and match, and what is assumed: a heading and a sentence each."""
    config = summary["provenance"]["config"]
    runs, (negative, positive), trained = tables["runs"], config["classes"], config.get("survey") is not None
    rows = [("Rows of the catalog", _rows(hygiene, trained))] if (hygiene := summary["catalog"].get("hygiene")) else []
    rows.append(("Galaxies", _sizes(summary, runs, cutouts)))
    if cutouts:
        counts = [(name, int(cutouts[name])) for name in ("delivered", "no_coverage", "rejected", "failed")]
        said = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts)
        rows.append(("Images", f"{int(cutouts['requested']):,} requested: {said}"))
    if "balanced_accuracy" in runs and runs["balanced_accuracy"].notna().any():
        accuracy = runs["balanced_accuracy"]
        words = (
            f"balanced accuracy {share(accuracy.median())} of the reference labels in the median of the networks, from"
            f" {share(accuracy.min())} to {share(accuracy.max())}"
        )
        if "true_positive_rate" in runs:
            words += (
                f"; they call {positive} {share(runs['true_positive_rate'].mean())} of galaxies labelled {positive},"
                f" and {share(runs['false_positive_rate'].mean())} of those labelled {negative}"
            )
        rows.append(("Accuracy", f"{words[0].upper()}{words[1:]}"))
        rows.append(("What it means for the answers", _meaning_of_accuracy(summary, runs)))
    if balance := summary["training_balance"]:
        differences = [entry["largest_smd"] for entry in balance if entry.get("largest_smd") is not None]
        matched = ", ".join(dict.fromkeys(name for entry in balance for name in entry["covariates"]))
        words = f"Training sets of compared footprints are matched in class{f' and {matched}' if matched else ' alone'}"
        if differences:
            largest = number(max(differences))
            words += f"; the largest standardised difference is {largest} (below 0.05 is as good as matched)"
        rows.append(("Matching", f"{words}. {matched_imaging(summary)}"))
    rows.append(
        (
            "Assumed",
            "The annotated galaxies are the same for all networks; training sets of a footprint are exchangeable; what"
            " holds is for this network, these sizes of training sets and this catalog.",
        )
    )
    return rows


def matched_imaging(summary: Mapping[str, Any]) -> str:
    """Whether training sets are matched in a property of the imaging (`tests.templates`), and what that means."""
    templates = summary["provenance"]["config"]["tests"].get("templates") or ()
    covariates = {name for entry in summary["training_balance"] for name in entry["covariates"]}
    if matched := [name for name in templates if name in covariates]:
        return (
            f"Of the imaging, {' and '.join(matched)} is matched, too: an effect of it on what networks learn is taken"
            " out, and not measured."
        )
    return "Imaging is not matched: it may be the cause."


def _rows(hygiene: Mapping[str, Any], trained: bool) -> str:
    """How many rows the catalog's table had, what was dropped and why, and how many galaxies have no label."""
    lost = hygiene["rows_in"] - hygiene["rows_out"]
    reasons = [
        f"{count['rows']:,} {problem_in_words(problem)}"
        for problem, count in hygiene["problems"].items()
        if count["rows"]
    ]
    words = f"{hygiene['rows_in']:,} in its table; none dropped."
    if lost:
        words = f"{hygiene['rows_in']:,} in its table; {lost:,} of them dropped: {', '.join(reasons)}."
    labels = hygiene["labels"]
    if without := labels["without_label"]:
        # Of annotations that exist, nothing is known of the training.
        fate = ", which are in no training set" if trained else ""
        fate = ", which are dropped, too" if labels.get("dropped") else fate
        words += f" Galaxies without a label{fate}: {without:,}."
    if sample := hygiene.get("sample"):
        words += f" Drawn from the rest: {sample:,}."
    if blanked := {**hygiene["unreadable_cells"], **hygiene["sentinels_in_covariates"]}:
        cells = ", ".join(f"{count:,} of {column}" for column, count in blanked.items())
        words += f" Cells that are no number or stand for 'not known': {cells}."
    return words


def _sizes(summary: Mapping[str, Any], runs: pd.DataFrame, cutouts: Mapping[str, Any] | None) -> str:
    """How many galaxies are annotated, how many are the pool of training sets, and how many each of these has."""
    annotated = int(runs["n"].max())
    labelled = int(runs["n_reference"].max()) if "n_reference" in runs else 0
    reference = "" if labelled == annotated else f", {number(labelled or 'none')} of them with a reference label"
    words = f"{annotated:,} are annotated, the same by all {len(runs)} networks{reference}"
    pool = int(cutouts["delivered"]) - annotated if cutouts else 0
    if pool <= 0:
        return f"{words}."
    sizes = sorted({size for entry in summary["training_balance"] for size in entry["n"] or ()})
    words = f"Of {annotated + pool:,} with an image, {words}. The other {pool:,} are the pool of training galaxies"
    words += "" if labelled == annotated else ", as far as they have a label"
    sets = len(runs[["footprint", "resample"]].drop_duplicates())
    if not sizes:
        return f"{words}, from which {sets} training sets were drawn."
    each = " to ".join(f"{size:,}" for size in dict.fromkeys((sizes[0], sizes[-1])))
    of_class = "as many of each class"
    if sizes[0] == sizes[-1] and not summary["provenance"]["config"].get("one_class"):
        of_class = f"{sizes[0] // 2:,} of each class"
    return f"{words}: each of {sets} training sets has {each} of them, {of_class}, from its own footprint."


def _meaning_of_accuracy(summary: Mapping[str, Any], runs: pd.DataFrame) -> str:
    """Whether networks label well enough for the answers, and which of these their errors weaken."""
    if runs["balanced_accuracy"].median() < HARDLY_LEARNED:
        return (
            f"Too low: below {HARDLY_LEARNED:.0%}, where guessing gives 50%, networks have hardly learned, and every"
            " answer shows little about networks that have."
        )
    words = "Good enough to compare footprints: errors that all networks share cancel in a difference between them."
    if "true_positive_rate" in runs:
        kept = runs["true_positive_rate"].mean() - runs["false_positive_rate"].mean()
        words += f" A true change of the class fraction shows {kept:.2g} times as large in the labels."
    against = [one for one in summary["answers"] if one["test"].startswith(("common_dipole", "fraction_against"))]
    if any(one["effect"]["value"] is not None for one in against):
        words += (
            " Weakened are answers against the reference (what all networks share): the networks' own errors are a part"
            " of them."
        )
    return words
