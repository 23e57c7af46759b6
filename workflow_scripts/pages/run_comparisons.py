"""Rows of numbers between training runs, and of the paper-style numbers beside them.

Paper-style: each network by itself, galaxies as the unit, the best of all axes read as if it had been chosen before.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from scipy import stats

from workflow_scripts.answers.wording import capital, noise_in_words, with_points
from workflow_scripts.bias.declared_tests import CONTRAST
from workflow_scripts.bias.experiment_answers import MEDIAN_BY_CHANCE
from workflow_scripts.bias.quantities import components
from workflow_scripts.bias.replicates import arms
from workflow_scripts.pages.number_formats import number, p_value, share, vector_with_error, with_error


def paper_style_arms(summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> list[list[str]]:
    """A row an arm: scanned dipoles of its networks, calibrated ones, and its fraction with both errors."""
    runs, opposite = tables["runs"], summary["provenance"]["config"]["opposite"]
    rejected = {
        (line["quantity"], *line["run_ids"]): line["below_alpha"]
        for line in summary["ledger"]
        if line["unit_of_replication"] == "galaxy"
    }
    several, means = runs["network"].nunique() > 1, tables["arms"]
    rows = []
    for network, group in runs.groupby("network", sort=False):
        for arm, members in arms(group, opposite):
            of_arm = (means["network"] == network) & (means["arm"] == arm) & (means["quantity"] == "fraction")
            fraction = means[of_arm].iloc[0]
            calibrated = [_rejecting(name, members, rejected) for name in ("centred_dipole", "cleaned_dipole")]
            fractions = [with_error(fraction["mean"], fraction["se"]), number(float(fraction["galaxy_se"]))]
            name = f"{arm} ({network})" if several else arm
            rows.append([name, number(len(members)), *_scanned(members), *calibrated, *fractions])
    return rows


def _scanned(runs: pd.DataFrame) -> list[str]:
    sigma = runs.get("paper_max_sigma", pd.Series(dtype=float)).dropna()
    if sigma.empty:
        return ["-", "-", "-"]
    median, alone = float(sigma.median()), runs["paper_sigma_without_dipole"].median()
    return [f"{median:.1f} ({sigma.max():.1f})", f"{alone:.1f}", f"{2 * stats.norm.sf(median):.1g}"]


def _rejecting(name: str, runs: pd.DataFrame, rejected: Mapping[tuple, bool]) -> str:
    known = [rejected[key] for run in runs["run_id"] if (key := (name, str(run))) in rejected]
    return share(sum(known) / len(known) if known else None)


def paper_style_pairs(summary: Mapping[str, Any], pairs: pd.DataFrame, runs: pd.DataFrame) -> list[list[str]]:
    """A row a contrast of the fraction: McNemar's test of pairs of networks, and the test between runs."""
    footprint, network = (runs.set_index("run_id")[name].astype(str) for name in ("footprint", "network"))
    opposite, seeds = (pairs[pairs["kind"] == kind] for kind in ("opposite", "seeds"))
    rows = []
    for test in summary["tests"]:
        if (test["quantity"], test["design"]) == ("fraction", CONTRAST):
            chosen = opposite
            for side, name in zip(("a_run_id", "b_run_id"), test["footprints"], strict=True):
                chosen = chosen[chosen[side].map(footprint).eq(name) & chosen[side].map(network).eq(test["network"])]
            p = max((test[key] for key in ("p", "p_permutation") if test[key] is not None), default=None)
            rows.append([test["label"], *_median_z(chosen), with_error(test["estimate"], test["se"]), p_value(p)])
    if len(seeds):
        rows.append(["two networks that differ in the seed alone (0.7 by chance)", *_median_z(seeds), "-", "-"])
    return rows


def _median_z(pairs: pd.DataFrame) -> list[str]:
    """McNemar's |z|, median over the pairs, and its p; dashes where there is none."""
    z = pairs["z"].abs().median()
    return [f"{z:.1f}", f"{2 * stats.norm.sf(z):.1g}"] if len(pairs) else ["-", "-"]


def arm_rows(means: pd.DataFrame, headings: Mapping[str, str]) -> list[list[str]]:
    """Means of quantities over the training sets of each arm, ± their error; `headings` by the name of the quantity."""
    several = means["network"].nunique() > 1
    rows = []
    for (network, arm), group in means.groupby(["network", "arm"], sort=False):
        name = f"{arm} ({network})" if several else str(arm)
        rows.append([name, *(_mean(group[group["quantity"] == quantity]) for quantity in headings)])
    return rows


def _mean(rows: pd.DataFrame) -> str:
    """A mean with its error, of a row; of three rows, the components of a vector, amplitude and direction."""
    if len(rows) == 3 and rows["mean"].notna().all():
        return vector_with_error(rows["mean"].tolist(), rows["se"].tolist())
    known = rows[rows["mean"].notna()]
    numbers = [with_error(mean, se) for mean, se in zip(known["mean"], known["se"], strict=True)]
    if len(rows) == 3:
        # On a strip: those components that the sky constrains, by name.
        numbers = [f"{name[-1]} {words}" for name, words in zip(known["component"], numbers, strict=True)]
    return ", ".join(numbers) or "-"


# The dipole of an arm's labels as a sum, and what is left of it after the reference's.
PARTS_OF_LABELS = ("truth_dipole", "sensitivity_dipole", "false_alarm_dipole")
LABELS_DIPOLE = components("labels_dipole")


def with_labels_dipole(runs: pd.DataFrame) -> pd.DataFrame:
    """A run table with the dipole of the annotations of labelled galaxies, where their sky constrains all of it."""
    if not all(f"{name}_x" in runs for name in PARTS_OF_LABELS):
        return runs
    sums = {f"labels_dipole_{axis}": sum(runs[f"{name}_{axis}"] for name in PARTS_OF_LABELS) for axis in "xyz"}
    return pd.concat([runs, pd.DataFrame(sums)], axis=1)


def error_rows(runs: pd.DataFrame, opposite: Sequence[Sequence[str]]) -> list[list[str]]:
    """A row an arm: the dipole of its labels, the three parts of which it is the sum, and prediction - reference."""
    runs = with_labels_dipole(runs)
    if not set(LABELS_DIPOLE) <= set(runs):
        return []
    parts = {name: list(components(name)) for name in (*PARTS_OF_LABELS, "dipole")}
    columns = [column for part in parts.values() for column in part]
    runs = runs[["network", "arm", "footprint", "resample", *columns, *LABELS_DIPOLE]]
    several, rows = runs["network"].nunique() > 1, []
    for network, group in runs.groupby("network", sort=False):
        for arm, members in arms(group, opposite):
            sets = members.groupby(["footprint", "resample"])[[*LABELS_DIPOLE, *columns]].mean()
            found = pd.DataFrame({"component": sets.columns, "mean": sets.mean().array, "se": sets.sem().array})
            cells = [_mean(found[found["component"].isin(names)]) for names in (LABELS_DIPOLE, *parts.values())]
            rows.append([f"{arm} ({network})" if several else arm, *cells])
    return rows


def _calibrated(summary: Mapping[str, Any]) -> str:
    """How many networks make a catalog with a dipole, as a sentence and a space; empty where it was not tested."""
    entry = next((one for one in summary["galaxy_level"] if one["name"] == "centred_dipole"), None)
    if entry is None:
        return ""
    networks, found = entry["networks"], round(entry["share_below_alpha"] * entry["networks"])
    if not found:
        return f"Calibrated for both, none of {networks} networks makes a catalog with a dipole. "
    size = with_points(entry["median_estimate"])
    return (
        f"Calibrated for both, {found} of {networks} networks make a catalog with a dipole, of {size} in the median:"
        " each would look like a signal of the sky. "
    )


def _of_opposite(paper: Mapping[str, Any]) -> str:
    if "opposite_median_absolute_mcnemar_z" not in paper:
        return ""
    return f", two of opposite footprints by {paper['opposite_median_absolute_mcnemar_z']:.1f}"


def naive_reading(summary: Mapping[str, Any]) -> str:
    """What galaxies as the unit would have shown, what is left of it when calibrated, and why it is not the answer."""
    paper = summary["paper_style"]
    parts = []
    if "median_max_sigma" in paper:
        parts.append(
            "In the style of the original study, where each galaxy is a unit and the best of all axes counts, a single"
            f" network shows a dipole of {paper['median_max_sigma']:.1f} sigma (median of {paper['n_runs']} networks,"
            f" the largest {paper['largest_max_sigma']:.1f})."
        )
        parts.append(
            f"{capital(noise_in_words(paper['median_sigma_without_dipole']))}, and the best of all axes exceeds"
            f" 2.8 in one sky of twenty by chance. {_calibrated(summary)}That is not about the footprint: all networks"
            " share the sky, the images and the labels that they learned from."
        )
    if "seeds_median_absolute_mcnemar_z" in paper:
        parts.append(
            "Two networks that differ in nothing but the seed differ by"
            f" {paper['seeds_median_absolute_mcnemar_z']:.1f} sigma in the fraction, galaxy by galaxy"
            f" ({MEDIAN_BY_CHANCE:.1f} by chance){_of_opposite(paper)}: with galaxies as the unit any two networks"
            " differ, and only the scatter between training runs says what of it is due to the footprint."
        )
    return " ".join(parts) or (
        "The galaxies do not constrain a dipole along all axes, so that a scan of the sky in the style of the original"
        " study would have shown their mix of labels and no direction."
    )
