"""Every p with the galaxy as its unit, from the tables of runs and pairs: what holds for the given networks only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.bias.run_columns import components


@dataclass(frozen=True)
class GalaxyTest:
    """A test that is made of every run, or of every pair of runs.

    `name` is that of its column without `_p`, unless `column` gives another one. `estimate` names the column of its
    effect, where it is not the length of the vector in `NAME_x, NAME_y, NAME_z`.
    """

    name: str
    family: str
    null: str
    column: str = ""
    estimate: str = ""
    kind: str = "parametric"

    @property
    def p_column(self) -> str:
        """Where its p stands."""
        return self.column or f"{self.name}_p"

    def estimates(self, table: pd.DataFrame) -> pd.Series:
        """Its effect in each row of a table: never below zero, so that it can be compared."""
        if self.estimate:
            return table[self.estimate].abs()
        columns = list(components(self.name))
        if not set(columns) <= set(table):
            return pd.Series(np.nan, index=table.index)
        return np.sqrt((table[columns] ** 2).sum(axis=1, skipna=False))


_NO_DIPOLE = "the label does not depend on position"
_SKY, _IMAGING = "networks: sky", "networks: imaging"
_THRESHOLDS, _ERRORS = "networks: thresholds", "networks: errors"
_CALIBRATION, _PAIRS = "networks: calibration", "pairs of networks"

RUN_TESTS = (
    GalaxyTest(
        "paper_style_scan",
        "networks: paper-style",
        "either class with probability 1/2",
        "paper_global_p",
        "paper_max_sigma",
    ),
    GalaxyTest("centred_dipole", _SKY, _NO_DIPOLE, "centred_p", "centred_amplitude"),
    GalaxyTest("glm_dipole", _SKY, _NO_DIPOLE),
    GalaxyTest("glm_quadrupole", _SKY, "no quadrupole beside a dipole", estimate="glm_quadrupole"),
    GalaxyTest("glm_dipole_given_quadrupole", _SKY, "no dipole beside a quadrupole"),
    GalaxyTest("dipole", _SKY, "label minus reference does not depend on position"),
    GalaxyTest("score_dipole", _SKY, "score minus reference does not depend on position"),
    GalaxyTest("relative_dipole", _SKY, "label minus the mean of all runs does not depend on position"),
    GalaxyTest("glm_dipole_given_templates", _IMAGING, "no dipole beside the templates"),
    GalaxyTest("glm_dipole_given_quadrupole_and_templates", _IMAGING, "no dipole beside templates and quadrupole"),
    GalaxyTest("cleaned_dipole", _IMAGING, "no dipole in what templates fitted in other patches of sky leave"),
    GalaxyTest(
        "matched_dipole", _THRESHOLDS, "label at the matched threshold minus reference does not depend on position"
    ),
    GalaxyTest("confident_dipole", _THRESHOLDS, "labels that pass the largest cut do not depend on position"),
    GalaxyTest("unannotated_dipole", _THRESHOLDS, "being left out by the largest cut does not depend on position"),
    GalaxyTest("sensitivity_dipole", _ERRORS, "the true-positive rate does not depend on position"),
    GalaxyTest("false_alarm_dipole", _ERRORS, "the false-positive rate does not depend on position"),
    GalaxyTest("calibration_dipole", _CALIBRATION, "reference minus score does not depend on position"),
    GalaxyTest(
        "calibration_mean", _CALIBRATION, "scores are true probabilities on average", estimate="calibration_mean"
    ),
    GalaxyTest(
        "calibration_error",
        _CALIBRATION,
        "scores are true probabilities",
        estimate="calibration_error",
        kind="drawings",
    ),
    GalaxyTest("powered_dipole", "networks: prediction-powered", "the true class does not depend on position"),
)
COSINE_TESTS = (
    GalaxyTest("cosine_in_ra", "networks: fractions", "no cosine in right ascension", "p", "amplitude"),
    GalaxyTest("ra_bins", "networks: fractions", "all bins of right ascension are alike", "bins_p", "bins_chi2"),
    GalaxyTest("ra_half", "networks: fractions", "both halves are alike", estimate="ra_half_difference"),
    GalaxyTest("dec_half", "networks: fractions", "both halves are alike", estimate="dec_half_difference"),
)
PAIR_TESTS = (
    GalaxyTest("mcnemar", _PAIRS, "both networks have the same fraction", "p", "difference"),
    GalaxyTest("ra_half_did", _PAIRS, "both networks differ alike in both halves", estimate="ra_half_did"),
    GalaxyTest("dec_half_did", _PAIRS, "both networks differ alike in both halves", estimate="dec_half_did"),
    GalaxyTest("difference_dipole", _PAIRS, "the difference of the labels does not depend on position"),
    GalaxyTest("cleaned_difference_dipole", _PAIRS, "no dipole of the difference in what templates leave"),
)


def galaxy_level_p(runs: pd.DataFrame, cosine: pd.DataFrame, pairs: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each p: `name` (test and run, or pair of runs), `family, p, kind, unit_of_replication`."""
    pair_names = pairs["a_run_id"].astype(str) + " and " + pairs["b_run_id"].astype(str)
    rows = []
    for tests, table, names in (
        (RUN_TESTS, runs, runs["run_id"]),
        (COSINE_TESTS, cosine, cosine["run_id"]),
        (PAIR_TESTS, pairs, pair_names),
    ):
        for test in tests:
            if test.p_column in table:
                rows += [
                    {
                        "name": f"{test.name} {name}",
                        "family": test.family,
                        "p": float(p),
                        "kind": test.kind,
                        "unit_of_replication": "galaxy",
                    }
                    for name, p in zip(names, table[test.p_column], strict=True)
                    if np.isfinite(p)
                ]
    return rows


def galaxy_level_summary(
    tables: Mapping[str, pd.DataFrame], ledger: Sequence[Mapping[str, Any]], n: int
) -> list[dict[str, Any]]:
    """One entry a test: how often it rejects, over all networks or pairs.

    Parameters
    ----------
    tables
        `runs`, `cosine` and `contrasts`.
    ledger
        rows with `name`, `p`, `adjusted` and `below_alpha`, those of `galaxy_level_p` among them.
    n
        galaxies that were annotated.

    Returns
    -------
    list of dict
        `name, null, unit_of_replication, family, n, networks` (or pairs), `median_estimate, median_p`, and
        `share_below_alpha` after the adjustment within the family.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in ledger:
        if row["unit_of_replication"] == "galaxy":
            found.setdefault(row["name"].split(" ")[0], []).append(row)
    entries = []
    for tests, table in ((RUN_TESTS, "runs"), (COSINE_TESTS, "cosine"), (PAIR_TESTS, "contrasts")):
        for test in tests:
            if rows := found.get(test.name):
                estimate = test.estimates(tables[table]).median() if _estimable(test, tables[table]) else None
                entries.append(
                    {
                        "name": test.name,
                        "null": test.null,
                        "unit_of_replication": "galaxy",
                        "family": test.family,
                        "n": n,
                        "networks": len(rows),
                        "median_estimate": estimate,
                        "median_p": float(np.median([row["p"] for row in rows])),
                        "share_below_alpha": float(np.mean([row["below_alpha"] for row in rows])),
                    }
                )
    return entries


def _estimable(test: GalaxyTest, table: pd.DataFrame) -> bool:
    return not test.estimate or test.estimate in table
