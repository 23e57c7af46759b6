"""Are training sets of different footprints matched to each other, in every covariate and in all together?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.bias.collected_tests import rotating_runs
from workflow_scripts.bias.training_overlap import training_set_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.tables import read_table
from workflow_scripts.training_sets.balance import adversarial_auc, compare_training_sets

_PERMUTATIONS = 99
# Enough for a scatter of the AUC of 0.003; more galaxies would only take time.
_MOST_GALAXIES = 20_000
_NOT_COVARIATES = ("source_id", "ra", "dec", "label")


def training_balance(
    runs: pd.DataFrame, files: Sequence[str | Path], opposite: Sequence[Sequence[str]], seed: int
) -> list[dict[str, Any]]:
    """Compare the training sets of footprints that the tests set against each other.

    `runs` is a `run_table`; `files` are the training sets, with the covariates that they were matched in. Compared are
    the opposite pairs, and each rotating footprint with the one on the other side of the sky, in their first resample.

    Returns
    -------
    list of dict
        `first, second, n` (of both), `covariates`, and over classes and covariates: `largest_smd` (absolute; below
        0.05 is as good as matched), `smallest_ks_p` (of as many as there are classes times covariates),
        `variance_ratios` (least and largest); of all covariates together `adversarial_auc` (1/2 where nothing tells the
        sets apart), its scatter `adversarial_null_sd` and `adversarial_p` where membership is permuted; or `reason`.
    """
    sets: dict[str, tuple[int, str | Path]] = {}
    for file in files:
        footprint, resample = training_set_of(file)
        if footprint not in sets or resample < sets[footprint][0]:
            sets[footprint] = resample, file
    pairs = dict.fromkeys([*((first, second) for first, second in opposite), *_across_the_sky(runs)])
    return [
        {"first": first, "second": second, **_compared(read_table(sets[first][1]), read_table(sets[second][1]), seed)}
        for first, second in pairs
        if first in sets and second in sets
    ]


def _across_the_sky(runs: pd.DataFrame) -> list[tuple[str, str]]:
    """Each rotating footprint with that of its family whose axis is farthest, every pair once."""
    pairs: dict[tuple[str, str], None] = {}
    for _, members in rotating_runs(runs).groupby("family", sort=False):
        axes = members.groupby("footprint", sort=True)[["axis_ra", "axis_dec"]].first()
        vectors = unit_vectors(*axes.to_numpy().T)
        for number, farthest in enumerate(np.argmin(np.round(vectors @ vectors.T, 9), axis=1)):
            if number != farthest:
                low, high = sorted((number, int(farthest)))
                pairs[str(axes.index[low]), str(axes.index[high])] = None
    return list(pairs)


def _compared(first: pd.DataFrame, second: pd.DataFrame, seed: int) -> Mapping[str, Any]:
    covariates = [name for name in first if name in second and name not in _NOT_COVARIATES]
    entry: dict[str, Any] = {"n": [len(first), len(second)], "covariates": covariates}
    if not covariates:
        return entry | {"reason": "the training sets were matched in class alone"}
    table = compare_training_sets(first, second)
    entry["largest_smd"] = table["smd"].abs().max()
    entry["smallest_ks_p"] = table["ks_p"].min()
    entry["variance_ratios"] = [table["variance_ratio"].min(), table["variance_ratio"].max()]
    random = np.random.default_rng(seed)
    a, b = (_chosen(part[covariates].to_numpy(float, na_value=np.nan), random) for part in (first, second))
    try:
        found = adversarial_auc(a, b, _PERMUTATIONS, seed)
    except ValueError as error:
        return entry | {"reason": str(error)}
    entry |= {"adversarial_auc": found.value, "adversarial_null_sd": found.null_sd}
    return entry | {"adversarial_p": found.p_permutation}


def _chosen(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Galaxies with all covariates, not more than are needed."""
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) <= _MOST_GALAXIES:
        return values
    return np.asarray(values[np.sort(random.choice(len(values), _MOST_GALAXIES, replace=False))])
