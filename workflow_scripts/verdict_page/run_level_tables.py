"""Numbers between training runs, as several sections show them: tests of a family, and means of an arm."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workflow_scripts.verdict_page.tables import row, table, with_error

UNITS = """Means over the training sets of an arm, ± their scatter over the root of their number: other annotated
galaxies are a further source of error, which all networks share."""


def tests_of_family(tests: Sequence[Mapping[str, Any]], family: str) -> str:
    """The run-level tests of a family."""
    rows = [
        row([test["name"].replace("_", " ")], [test["size"], test["p"], test["p_permutation"]])
        for test in tests
        if test["family"] == family
    ]
    return table(("between training runs", "size", "p", "permutation p"), rows)


def mean_of_arm(means: pd.DataFrame, network: str, arm: str, quantity: str) -> str:
    """Mean of a number over the training sets of an arm, with its error; a dash where there is none."""
    rows = _chosen(means, network, arm, quantity)
    return with_error(rows["mean"].iloc[0], rows["se"].iloc[0]) if len(rows) else "-"


def mean_vector_of_arm(means: pd.DataFrame, network: str, arm: str, quantity: str) -> list[str]:
    """The same of a vector, a component each."""
    rows = _chosen(means, network, arm, quantity)
    return [with_error(mean, se) for mean, se in zip(rows["mean"], rows["se"], strict=True)] or ["-"]


def _chosen(means: pd.DataFrame, network: str, arm: str, quantity: str) -> pd.DataFrame:
    of_arm = (means["network"].astype(str) == network) & (means["arm"].astype(str) == arm)
    return means[of_arm & (means["quantity"] == quantity)]
