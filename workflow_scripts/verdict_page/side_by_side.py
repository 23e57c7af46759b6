"""Paper-style and calibrated numbers in the same tables: what one would have read, and what can be said."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from scipy import stats

from workflow_scripts.bias.arm_means import arms
from workflow_scripts.verdict_page.tables import row, share, table, with_error

ARM_HEADING = (
    "networks of an arm",
    "number",
    "paper-style: largest 'sigma', median (largest)",
    "the same for their mix of labels without any dipole",
    "paper-style: p of the median, read as normal",
    "galaxies, calibrated: share with a dipole of the labels",
    "the same beside imaging templates",
    "runs: fraction (± scatter of training sets)",
    "its binomial error, galaxies as unit",
)
PAIR_HEADING = (
    "contrast of the fraction",
    "paper-style: McNemar's |z|, median over pairs",
    "its p",
    "runs: difference",
    "runs: p",
)


def side_by_side(summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> str:
    """Two tables: arms by their scanned dipoles, and contrasts of opposite footprints."""
    runs, opposite = tables["runs"], summary["provenance"]["config"]["opposite"]
    rejected = {line["name"]: line["below_alpha"] for line in summary["ledger"]}
    several = runs["network"].nunique() > 1
    rows = [
        row([f"{arm} ({network})" if several else arm, *_arm_cells(str(network), arm, members, tables, rejected)])
        for network, group in runs.groupby("network", sort=False)
        for arm, members in arms(group, opposite)
    ]
    return f"""<h2>Paper-style beside calibrated</h2>
<p>Paper-style: each network by itself, galaxies as the unit, labels not centred, the best of all axes read as if it had
been chosen beforehand. Calibrated with galaxies as the unit: labels and positions centred, three degrees of freedom,
adjusted for the number of networks; conditional on the given networks. With runs as the unit: what holds for other
training sets too.</p>
{table(ARM_HEADING, rows)}
{table(PAIR_HEADING, _pair_rows(summary, tables["contrasts"], tables["runs"]))}"""


def _arm_cells(
    network: str, arm: str, runs: pd.DataFrame, tables: Mapping[str, pd.DataFrame], rejected: Mapping[str, bool]
) -> list[str]:
    sigma = runs.get("paper_max_sigma", pd.Series(dtype=float)).dropna()
    scanned, alone, normal = "-", "-", "-"
    if len(sigma):
        median = float(sigma.median())
        scanned = f"{median:.1f} ({sigma.max():.1f})"
        alone = f"{runs['paper_sigma_without_dipole'].median():.1f}"
        normal = f"{2 * stats.norm.sf(median):.1g}"
    means = tables["arms"]
    chosen = means[(means["network"] == network) & (means["arm"] == arm) & (means["quantity"] == "fraction")].iloc[0]
    return [
        str(len(runs)),
        scanned,
        alone,
        normal,
        _rejecting("centred_dipole", runs, rejected),
        _rejecting("cleaned_dipole", runs, rejected),
        with_error(chosen["mean"], chosen["se"]),
        f"{chosen['galaxy_se']:.4f}",
    ]


def _rejecting(name: str, runs: pd.DataFrame, rejected: Mapping[str, bool]) -> str:
    known = [rejected[key] for run in runs["run_id"] if (key := f"{name} {run}") in rejected]
    return share(sum(known) / len(known) if known else None)


def _pair_rows(summary: Mapping[str, Any], pairs: pd.DataFrame, runs: pd.DataFrame) -> list[str]:
    footprint = runs.set_index("run_id")["footprint"]
    rows = []
    for test in summary["tests"]:
        name, _, label = test["name"].partition(" ")
        contrast, _, network = label.partition(" [")
        if name != "fraction_contrast" or test["family"] not in ("primary", "run level"):
            continue
        a, _, b = contrast.partition(" - ")
        chosen = pairs[(pairs["kind"] == "opposite") & pairs["a_run_id"].map(footprint).eq(a)]
        chosen = chosen[chosen["b_run_id"].map(footprint).eq(b)]
        if network:
            chosen = chosen[chosen["a_run_id"].isin(runs.loc[runs["network"] == network.rstrip("]"), "run_id"])]
        z = chosen["z"].abs().median() if len(chosen) else None
        galaxies = ["-", "-"] if z is None else [f"{z:.1f}", f"{2 * stats.norm.sf(z):.1g}"]
        p = _deciding(test)
        rows.append(row([label, *galaxies, with_error(test["estimate"], test["se"]), "-" if p is None else f"{p:.2g}"]))
    return rows + _seed_rows(pairs)


def _seed_rows(pairs: pd.DataFrame) -> list[str]:
    seeds = pairs[pairs["kind"] == "seeds"]
    if seeds.empty:
        return []
    z = float(seeds["z"].abs().median())
    words = "two networks that differ in the seed alone (0.7 by chance)"
    return [row([words, f"{z:.1f}", f"{2 * stats.norm.sf(z):.1g}", "-", "-"])]


def _deciding(test: Mapping[str, Any]) -> float | None:
    return max((test[key] for key in ("p", "p_permutation") if test[key] is not None), default=None)


def labelled_arms(means: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Network, arm and what a row is called, in the order of a table of means."""
    several = means["network"].nunique() > 1
    found = dict.fromkeys(zip(means["network"].astype(str), means["arm"].astype(str), strict=True))
    return [(network, arm, f"{arm} ({network})" if several else arm) for network, arm in found]
