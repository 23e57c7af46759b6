"""Training noise: what differs between networks trained on other galaxies, or on the same with another seed."""

from functools import partial

import numpy as np
import pandas as pd

from workflow_scripts.bias.collected_tests import FEWEST_FOOTPRINTS, CollectedTests
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.result import TestResult
from workflow_scripts.statistics.runs.variance_components import variance_components


def noise_components(found: CollectedTests, runs: pd.DataFrame, suffix: str) -> None:
    """Add the variance components of arms in which every training set was trained with the same seeds."""
    for arm, group in runs.groupby("arm", sort=False):
        rotating = group["axis_ra"].notna().all() and group["footprint"].nunique() >= FEWEST_FOOTPRINTS
        for column in ("fraction", "mean_score"):
            values = group.pivot_table(index=["footprint", "resample"], columns="seed", values=column)
            if values.shape[1] >= 2 and not values.isna().any().any():
                axes = group.groupby(["footprint", "resample"])[["axis_ra", "axis_dec"]].first().loc[values.index]
                explained = unit_vectors(axes["axis_ra"], axes["axis_dec"]) if rotating else None
                make = partial(_component, values=values.to_numpy(), explained=explained)
                found.attempt(f"{column}_variance {arm}{suffix}", make)
    if not any(test.family == "variance components" for test in found.tests):
        found.missing.append(
            "No arm repeats a training set with several seeds, so training noise cannot be taken apart."
        )


def _component(name: str, values: np.ndarray, explained: np.ndarray | None) -> TestResult:
    components = variance_components(values, explained)
    notes = [f"{values.shape[0]} training sets, {values.shape[1]} seeds each"]
    if np.isfinite(components.icc):
        notes.append(f"share of the variance between training sets (ICC): {components.icc:.2f}")
    if explained is not None:
        notes.append("what the axes of the footprints explain was taken off")
    return TestResult(
        name=name,
        estimand="sd between training sets, sd between seeds on one training set",
        null="no variance between training sets",
        unit_of_replication="run",
        family="variance components",
        n=values.size,
        estimate=[components.sample_sd, components.seed_sd],
        statistic=components.f,
        dof=components.dof,
        p=components.p,
        notes=notes,
    )
