"""What limits the trust in an experiment, what a naive analysis would have said, and what effects compare with."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from scipy import stats

from workflow_scripts.pages.figure_findings import scatter_in_words
from workflow_scripts.pages.number_formats import number, share

_BY_CHANCE = float(stats.norm.ppf(0.75))


def beside_effects(summary: Mapping[str, Any], arms: pd.DataFrame) -> dict[str, list[str]]:
    """What the effect on the fraction compares with, by the first word of tests: seeds, control arm, reference."""
    sentences = []
    for entry in summary["variance_budget"]:
        of = f" of {entry['network']}" if len(summary["variance_budget"]) > 1 else ""
        if scatter := scatter_in_words(entry):
            sentences.append(f"For comparison, the standard deviation of the fraction{of} is {scatter}.")
    control = arms[(arms["arm"] == "random_sky") & (arms["quantity"] == "fraction")]
    for row in control.itertuples():
        sentences.append(
            f"Control arm random_sky, without a direction: {100 * row.mean:.1f} ± {100 * row.se:.1f} % positive."
        )
    return dict.fromkeys(("fraction_response", "fraction_contrast"), sentences)


def naive_reading(summary: Mapping[str, Any]) -> str:
    """Three sentences: what galaxies as the unit would have shown, what that rests on, and why it is not the answer."""
    paper = summary["paper_style"]
    parts = []
    if "median_max_sigma" in paper:
        parts.append(
            "In the style of the original study, where each galaxy is a unit and the best of all axes counts, a single"
            f" network shows a dipole of {paper['median_max_sigma']:.1f} sigma (median of {paper['n_runs']} networks,"
            f" the largest {paper['largest_max_sigma']:.1f})."
        )
        parts.append(
            f"But {paper['median_sigma_without_dipole']:.1f} sigma come from their mix of labels without any dipole,"
            " and the best of all axes exceeds 2.8 in one sky of twenty by chance."
        )
    if "seeds_median_absolute_mcnemar_z" in paper:
        parts.append(
            "Two networks that differ in nothing but the seed differ by"
            f" {paper['seeds_median_absolute_mcnemar_z']:.1f} sigma in the fraction, galaxy by galaxy ({_BY_CHANCE:.1f}"
            " by chance): a comparison of two networks says nothing of where they were trained, and only the scatter"
            " between training runs does."
        )
    return " ".join(parts) or (
        "The galaxies do not constrain a dipole along all axes, so that a scan of the sky in the style of the original"
        " study would have shown their mix of labels and no direction."
    )


def trust_rows(
    summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], cutouts: Mapping[str, Any] | None
) -> list[tuple[str, str]]:
    """What was dropped, how well networks label and match, and what is assumed: a heading and a sentence each."""
    runs, (negative, positive) = tables["runs"], summary["provenance"]["config"]["classes"]
    rows = [("Annotated galaxies", f"{int(runs['n'].max()):,}, by {len(runs)} networks")]
    if "n_reference" in runs and runs["n_reference"].max() > 0:
        rows.append(("Reference labels", f"of {int(runs['n_reference'].max()):,} of them"))
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
                f"; they call {share(runs['true_positive_rate'].mean())} of the {positive} and"
                f" {share(runs['false_positive_rate'].mean())} of the {negative} {positive}"
            )
        rows.append(("Accuracy", f"{words[0].upper()}{words[1:]}"))
    if balance := summary["training_balance"]:
        differences = [entry["largest_smd"] for entry in balance if entry.get("largest_smd") is not None]
        matched = ", ".join(dict.fromkeys(name for entry in balance for name in entry["covariates"]))
        words = f"Training sets of compared footprints are matched in class{f' and {matched}' if matched else ' alone'}"
        if differences:
            largest = number(max(differences))
            words += f"; the largest standardised difference is {largest} (below 0.05 is as good as matched)"
        rows.append(("Matching", f"{words}. Imaging is not matched: it is the suspect."))
    rows.append(
        (
            "Assumed",
            "The annotated galaxies are the same for all networks; training sets of a footprint are exchangeable; what"
            " holds is for this network, these sizes of training sets and this catalog.",
        )
    )
    return rows
