"""What limits the trust in an experiment: what was dropped, how well networks label and match, what is assumed."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from workflow_scripts.pages.number_formats import number, share


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
