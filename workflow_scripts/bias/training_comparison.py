"""How alike the training sets of an experiment are: galaxies in common, and the covariates they were matched in."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.bias.replicates import footprint_axes, rotating_runs
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.tables import read_table
from workflow_scripts.training_sets.balance import adversarial_auc, compare_training_sets

# In the note of a test whose replicates are not independent; the verdict repeats such a note.
OVERLAP = "have in common"
_PERMUTATIONS = 99
# Enough for a scatter of the AUC of 0.003; more galaxies would only take time.
_MOST_GALAXIES = 20_000
_NOT_COVARIATES = ("source_id", "ra", "dec", "label")
# The ids of the galaxies of a training set, by footprint and resample.
TrainingSets = Mapping[tuple[str, int], NDArray[np.object_]]


def read_training_sets(files: Sequence[str | Path]) -> dict[tuple[str, int], NDArray[np.object_]]:
    """The galaxies of the training sets in files `.../{footprint}/resample{r}/training_set.parquet`."""
    return {training_set_of(file): read_table(file, ["source_id"])["source_id"].to_numpy(object) for file in files}


def training_set_of(file: str | Path) -> tuple[str, int]:
    """Footprint and resample that a file of a training set belongs to, by its folders."""
    footprint, resample = Path(file).parts[-3:-1]
    return footprint, int(resample.removeprefix("resample"))


def overlap_within_arms(arms: Sequence[Sequence[tuple[str, int]]], training_sets: TrainingSets) -> list[str]:
    """A note where training sets of an arm overlap: such replicates scatter less than new galaxies would make them."""
    shares = [[share for _, _, share in _shared(arm, training_sets)] for arm in arms]
    shared = max(float(np.mean(of_arm)) if of_arm else 0.0 for of_arm in shares)
    return [f"training sets of an arm {OVERLAP} {shared:.1%} of their galaxies, so p is too small"] if shared else []


def overlap_between_footprints(keys: Sequence[tuple[str, int]], training_sets: TrainingSets) -> list[str]:
    """A note where sets of different footprints overlap: neighbours are then alike, as a response would make them."""
    shared = max((share for one, other, share in _shared(keys, training_sets) if one[0] != other[0]), default=0.0)
    sentence = (
        f"training sets of different footprints {OVERLAP} up to {shared:.1%} of their galaxies, so p is too small"
    )
    return [sentence] if shared else []


def _shared(
    keys: Sequence[tuple[str, int]], training_sets: TrainingSets
) -> Iterator[tuple[tuple[str, int], tuple[str, int], float]]:
    """Each pair of training sets, with the share of the smaller one's galaxies that the other has too."""
    known = [(key, training_sets[key]) for key in keys if key in training_sets]
    for (one, a), (other, b) in combinations(known, 2):
        yield one, other, len(np.intersect1d(a, b)) / min(len(a), len(b))


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
        `variance_ratios` (least and largest); of all covariates together `adversarial_auc` (1/2 where nothing separates
        the sets), its scatter `adversarial_null_sd` and `adversarial_p` where membership is permuted; or `reason`.
    """
    # The last of each footprint stays: its first resample.
    by_resample = sorted(files, key=lambda file: training_set_of(file)[1], reverse=True)
    sets = {training_set_of(file)[0]: file for file in by_resample}
    pairs = dict.fromkeys([*map(tuple, opposite), *_across_the_sky(runs)])
    return [
        {"first": first, "second": second, **_compared(read_table(sets[first]), read_table(sets[second]), seed)}
        for first, second in pairs
        if first in sets and second in sets
    ]


def _across_the_sky(runs: pd.DataFrame) -> list[tuple[str, str]]:
    """Each rotating footprint with that of its family whose axis is farthest, every pair once."""
    pairs = []
    for _, members in rotating_runs(runs).groupby("family", sort=False):
        axes = footprint_axes(members)
        vectors = unit_vectors(*axes.to_numpy().T)
        for number, farthest in enumerate(np.argmin(np.round(vectors @ vectors.T, 9), axis=1)):
            if number != farthest:
                low, high = axes.index[sorted((number, int(farthest)))]
                pairs.append((str(low), str(high)))
    return pairs


def _compared(first: pd.DataFrame, second: pd.DataFrame, seed: int) -> Mapping[str, Any]:
    covariates = [name for name in first if name in second and name not in _NOT_COVARIATES]
    entry: dict[str, Any] = {"n": [len(first), len(second)], "covariates": covariates}
    if not covariates:
        return entry | {"reason": "the training sets were matched in class alone"}
    table = compare_training_sets(first, second)
    entry |= {"largest_smd": table["smd"].abs().max(), "smallest_ks_p": table["ks_p"].min()}
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
