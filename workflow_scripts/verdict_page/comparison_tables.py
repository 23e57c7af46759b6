"""Tables of numbers between training runs, and of the paper-style numbers beside them.

Means of an arm and tests of a family are used by several sections.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from scipy import stats

from workflow_scripts.bias.declared_tests import CONTRAST
from workflow_scripts.bias.replicates import arms
from workflow_scripts.verdict_page.html_tables import p_value, row, share, table, with_error

UNITS_OF_MEANS = (
    "Means over the training sets of an arm, ± their scatter over the root of their number: other annotated\n"
    "galaxies are a further source of error, which all networks share."
)
_ARM_HEADING = (
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
_PAIR_HEADING = (
    "contrast of the fraction",
    "paper-style: McNemar's |z|, median over pairs",
    "its p",
    "runs: difference",
    "runs: p",
)


def side_by_side(summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> str:
    """Two tables: arms by their scanned dipoles, and contrasts of opposite footprints."""
    runs, opposite = tables["runs"], summary["provenance"]["config"]["opposite"]
    rejected = {
        (line["quantity"], *line["run_ids"]): line["below_alpha"]
        for line in summary["ledger"]
        if line["unit_of_replication"] == "galaxy"
    }
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
{table(_ARM_HEADING, rows)}
{table(_PAIR_HEADING, _pair_rows(summary, tables["contrasts"], tables["runs"]))}"""


def _arm_cells(
    network: str, arm: str, runs: pd.DataFrame, tables: Mapping[str, pd.DataFrame], rejected: Mapping[tuple, bool]
) -> list[str]:
    sigma = runs.get("paper_max_sigma", pd.Series(dtype=float)).dropna()
    paper = ["-", "-", "-"]
    if len(sigma):
        median, alone = float(sigma.median()), runs["paper_sigma_without_dipole"].median()
        paper = [f"{median:.1f} ({sigma.max():.1f})", f"{alone:.1f}", f"{2 * stats.norm.sf(median):.1g}"]
    means = tables["arms"]
    chosen = means[(means["network"] == network) & (means["arm"] == arm) & (means["quantity"] == "fraction")].iloc[0]
    calibrated = [_rejecting(name, runs, rejected) for name in ("centred_dipole", "cleaned_dipole")]
    fraction = [with_error(chosen["mean"], chosen["se"]), f"{chosen['galaxy_se']:.4f}"]
    return [str(len(runs)), *paper, *calibrated, *fraction]


def _rejecting(name: str, runs: pd.DataFrame, rejected: Mapping[tuple, bool]) -> str:
    known = [rejected[key] for run in runs["run_id"] if (key := (name, str(run))) in rejected]
    return share(sum(known) / len(known) if known else None)


def _pair_rows(summary: Mapping[str, Any], pairs: pd.DataFrame, runs: pd.DataFrame) -> list[str]:
    footprint, network = (runs.set_index("run_id")[name].astype(str) for name in ("footprint", "network"))
    opposite, seeds = (pairs[pairs["kind"] == kind] for kind in ("opposite", "seeds"))
    rows = []
    for test in summary["tests"]:
        if (test["quantity"], test["design"]) == ("fraction", CONTRAST):
            chosen = opposite
            for side, name in zip(("a_run_id", "b_run_id"), test["footprints"], strict=True):
                chosen = chosen[chosen[side].map(footprint).eq(name) & chosen[side].map(network).eq(test["network"])]
            p = max((test[key] for key in ("p", "p_permutation") if test[key] is not None), default=None)
            decided = [with_error(test["estimate"], test["se"]), p_value(p)]
            rows.append(row([test["label"], *_median_z(chosen), *decided]))
    if len(seeds):
        words = "two networks that differ in the seed alone (0.7 by chance)"
        rows.append(row([words, *_median_z(seeds), "-", "-"]))
    return rows


def _median_z(pairs: pd.DataFrame) -> list[str]:
    """McNemar's |z|, median over the pairs, and its p; dashes where there is none."""
    z = pairs["z"].abs().median()
    return [f"{z:.1f}", f"{2 * stats.norm.sf(z):.1g}"] if len(pairs) else ["-", "-"]


def tests_of_family(tests: Sequence[Mapping[str, Any]], family: str) -> str:
    """The run-level tests of a family."""
    rows = [
        row([test["name"].replace("_", " ")], [test["size"], p_value(test["p"]), p_value(test["p_permutation"])])
        for test in tests
        if test["family"] == family
    ]
    return table(("between training runs", "size", "p", "permutation p"), rows)


def table_of_arms(means: pd.DataFrame, headings: Mapping[str, str]) -> str:
    """Means of quantities over the training sets of each arm, ± their error; `headings` by the name of the quantity."""
    several = means["network"].nunique() > 1
    rows = []
    for (network, arm), group in means.groupby(["network", "arm"], sort=False):
        chosen = [group[group["quantity"] == name] for name in headings]
        cells = [[with_error(mean, se) for mean, se in zip(one["mean"], one["se"], strict=True)] for one in chosen]
        rows.append(row([f"{arm} ({network})" if several else str(arm)], [cell or "-" for cell in cells]))
    return table(("arm", *headings.values()), rows)
