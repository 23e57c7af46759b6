"""How catalogs from two footprints differ, with training sets as replicates."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from workflow_scripts.bias.collected_tests import CollectedTests
from workflow_scripts.bias.quantities import ALL, MAIN, SECONDARY, template_quantities
from workflow_scripts.bias.run_tests import RunTests
from workflow_scripts.bias.training_overlap import TrainingSets, overlap_within_arms


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
    controls: bool = False,
) -> None:
    a, b = of_training_sets(first), of_training_sets(second)
    notes = [f"{len(a)} and {len(b)} training sets; seeds of a training set are averaged first"]
    notes += overlap_within_arms([list(a.index), list(b.index)], training_sets)
    null = "training sets are exchangeable between the two arms"
    tests = RunTests(null, len(a) + len(b), settings["permutations"], settings["seed"], notes)
    # Against the controls, and of what only explains, nothing is asked that could decide the verdict.
    for quantity in MAIN if controls else (*MAIN, *SECONDARY, *template_quantities(a)):
        if not set(quantity.columns) <= set(a):
            continue
        name = f"{quantity.contrast_name} {label}{suffix}"
        secondary = controls or quantity.family is not None
        family = quantity.family or ("run level" if controls else found.family(name))
        make = partial(tests.contrast, family=family, quantity=quantity, a=a, b=b)
        found.attempt(name, make, secondary)


def of_training_sets(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a training set (footprint, resample): the mean over its seeds, which are not independent."""
    quantities = (*ALL, *template_quantities(runs))
    wanted = [column for quantity in quantities for column in quantity.columns if column in runs]
    return runs.groupby(["footprint", "resample"], sort=True)[wanted].mean()
