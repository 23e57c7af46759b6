"""How catalogs from two footprints differ, with training sets as replicates."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.bias.collected_tests import DIPOLE, CollectedTests, need_numbers
from workflow_scripts.bias.training_overlap import TrainingSets, overlap_within_arms
from workflow_scripts.statistics.result import TestResult
from workflow_scripts.statistics.runs.contrasts import arm_contrast, vector_contrast

_EXCHANGEABLE = "training sets are exchangeable between the two arms"


def opposite_contrasts(
    found: CollectedTests, runs: pd.DataFrame, experiment: Mapping[str, Any], suffix: str, training_sets: TrainingSets
) -> None:
    """Add the contrasts of opposite footprints, and, as secondary ones, of each of them with the controls."""
    controls = [arm for arm, group in runs.groupby("arm", sort=False) if group["axis_ra"].isna().all()]
    opposite = {name for pair in experiment["opposite"] for name in pair}
    for a, b in experiment["opposite"]:
        sides = runs[runs["footprint"] == a], runs[runs["footprint"] == b]
        _arm_contrasts(found, f"{a} - {b}", *sides, experiment["tests"], suffix, training_sets)
    for footprint in sorted(opposite):
        for arm in controls:
            if not (runs.loc[runs["arm"] == arm, "footprint"].isin(opposite)).any():
                sides = runs[runs["footprint"] == footprint], runs[runs["arm"] == arm]
                _arm_contrasts(found, f"{footprint} - {arm}", *sides, experiment["tests"], suffix, training_sets, True)


def _arm_contrasts(
    found: CollectedTests,
    label: str,
    first: pd.DataFrame,
    second: pd.DataFrame,
    settings: Mapping[str, Any],
    suffix: str,
    training_sets: TrainingSets,
    secondary: bool = False,
) -> None:
    permutations, seed = settings["permutations"], settings["seed"]
    a, b = of_training_sets(first), of_training_sets(second)
    notes = [f"{len(a)} and {len(b)} training sets; seeds of a training set are averaged first"]
    notes += overlap_within_arms([list(a.index), list(b.index)], training_sets)
    result = partial(TestResult, null=_EXCHANGEABLE, unit_of_replication="run", n=len(a) + len(b))

    def of_number(name: str, column: str, quantity: str) -> TestResult:
        contrast = arm_contrast(a[column], b[column], permutations, seed)
        return result(
            name=name,
            estimand=f"difference of the mean {quantity} over training sets",
            family="run level" if secondary else found.family(name),
            estimate=contrast.difference,
            se=contrast.se,
            ci95=contrast.ci95,
            statistic=contrast.t,
            dof=contrast.dof,
            p=contrast.p,
            p_permutation=contrast.p_permutation,
            p_smallest=contrast.p_smallest,
            size=contrast.difference,
            size_ci95=contrast.ci95,
            notes=[*notes, "Welch's t; permutation of the labels of training sets"],
        )

    def of_dipole(name: str) -> TestResult:
        need_numbers(pd.concat([a[DIPOLE], b[DIPOLE]]))
        vector = vector_contrast(a[DIPOLE], b[DIPOLE], permutations, seed)
        se = np.sqrt(np.diag(vector.covariance))
        half = stats.t.ppf(0.975, vector.dof[1] + len(DIPOLE) - 1) * se
        return result(
            name=name,
            estimand="difference of the mean dipole of prediction - reference (x y z)",
            family="run level" if secondary else found.family(name),
            estimate=vector.difference,
            se=se,
            ci95=np.stack([vector.difference - half, vector.difference + half], axis=-1),
            statistic=vector.f,
            dof=vector.dof,
            p=vector.p,
            p_permutation=vector.p_permutation,
            p_smallest=vector.p_smallest,
            size=float(np.sqrt(max(0.0, vector.difference @ vector.difference - np.trace(vector.covariance)))),
            notes=[*notes, "T2 of unequal covariances as F; intervals are those of single components"],
        )

    for column, quantity in (("fraction", "fraction"), ("mean_score", "mean score")):
        make = partial(of_number, column=column, quantity=quantity)
        found.attempt(f"{column}_contrast {label}{suffix}", make, secondary)
    found.attempt(f"dipole_contrast {label}{suffix}", of_dipole, secondary)


def of_training_sets(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a training set (footprint, resample): the mean over its seeds, which are not independent."""
    return runs.groupby(["footprint", "resample"], sort=True)[["fraction", "mean_score", *DIPOLE]].mean()
