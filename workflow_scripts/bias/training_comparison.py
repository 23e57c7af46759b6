"""How alike the training sets of an experiment are: galaxies in common, and the covariates they were matched in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from workflow_scripts.bias.replicates import footprint_axes, rotating_runs
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.tables import read_table
from workflow_scripts.training_sets.balance import adversarial_auc, compare_training_sets

_PERMUTATIONS = 99
# Enough for a scatter of the AUC of 0.003; more galaxies would only take time.
_MOST_GALAXIES = 20_000
_NOT_COVARIATES = ("source_id", "ra", "dec", "label")
# Beyond these, a difference between networks is not one of where they were trained.
_MOST_SHARED = 0.1
_NOTEWORTHY_RATIO, _LARGEST_RATIO = 1.02, 1.25
# Shares of galaxies that lie among those of the other region: about 0.9 for the same region.
_OVERLAPPING, _SAME_REGION = 0.35, 0.7
_NEIGHBOURS_OF_REGION = 4_000


@dataclass(frozen=True)
class TrainingSet:
    """Ids (n,) of the galaxies of a training set, and their unit vectors (n, 3), None where these are not known."""

    ids: NDArray[np.object_]
    vectors: NDArray[np.float64] | None = None


# What is left out where annotations were given, without the training sets of the networks that made them.
NOT_KNOWN_OF_GIVEN = (
    "How well training sets are matched, and whether networks follow the imaging of the galaxies that they were trained"
    " on: the annotations were given without training sets, so that footprints may differ in the galaxies that they"
    " have, and not only in where these lie.",
    "Whether training sets share galaxies: the annotations were given without them. Where sets of one footprint do, or"
    " those of different ones, p is too small.",
    "Whether a network learned, and whether it annotates galaxies that it was trained on: the trainings are not known.",
)

# By footprint and resample.
TrainingSets = Mapping[tuple[str, int], TrainingSet]


@dataclass(frozen=True)
class Cautions:
    """What stands against a comparison of training sets, in `sentences`.

    `invalid` is that for which the comparison cannot decide, empty where it can, and `remedy` what would mend it.
    """

    sentences: list[str] = field(default_factory=list)
    invalid: str = ""
    remedy: str = ""

    def __add__(self, other: "Cautions") -> "Cautions":
        remedy = " ".join(part for part in (self.remedy, other.remedy) if part)
        return Cautions([*self.sentences, *other.sentences], self.invalid or other.invalid, remedy)

    @classmethod
    def of(cls, sentence: str, decisive: bool, remedy: str) -> "Cautions":
        """A sentence that is `decisive` or only stands beside the result."""
        return cls([sentence], *((sentence, remedy) if decisive else ("", "")))


def read_training_sets(files: Sequence[str | Path]) -> dict[tuple[str, int], TrainingSet]:
    """The galaxies of the training sets in files `.../{footprint}/resample{r}/training_set.parquet`."""
    sets = {}
    for file in files:
        has_positions = {"ra", "dec"} <= set(pq.read_schema(file).names)
        table = read_table(file, ["source_id", *(("ra", "dec") if has_positions else ())])
        vectors = unit_vectors(table["ra"], table["dec"]) if has_positions else None
        sets[training_set_of(file)] = TrainingSet(table["source_id"].to_numpy(object), vectors)
    return sets


def training_set_of(file: str | Path) -> tuple[str, int]:
    """Footprint and resample that a file of a training set belongs to, by its folders."""
    footprint, resample = Path(file).parts[-3:-1]
    return footprint, int(resample.removeprefix("resample"))


def cautions_of_arms(
    names: Sequence[str],
    arms: Sequence[Sequence[tuple[str, int]]],
    training_sets: TrainingSets,
    apart: bool = True,
) -> Cautions:
    """What stands against a contrast of two arms, named and with the keys of their training sets.

    Sets of one arm that share galaxies scatter less than new galaxies would make them; arms may differ in the number of
    galaxies and, where they should lie `apart`, lie in the same region or share galaxies.
    """
    shares = [[share for _, _, share in _shared(arm, training_sets)] for arm in arms]
    shared = max(float(np.mean(of_arm)) if of_arm else 0.0 for of_arm in shares)
    found = _common_galaxies("Training sets of an arm", f"{shared:.1%}", shared)
    first, second = ([training_sets[key] for key in arm if key in training_sets] for arm in arms)
    if not first or not second:
        return found
    found += _numbers_of_galaxies([(names[0], first), (names[1], second)])
    if not apart:
        return found
    across = max(len(np.intersect1d(a.ids, b.ids)) / min(len(a.ids), len(b.ids)) for a in first for b in second)
    if across:
        sentence = (
            f"Training sets of {names[0]} and {names[1]} have in common up to {across:.1%} of their galaxies, which"
            " makes their networks more alike."
        )
        found += Cautions([sentence])
    return found + _regions(names, first, second)


def cautions_of_footprints(keys: Sequence[tuple[str, int]], training_sets: TrainingSets) -> Cautions:
    """What stands against permuting footprints: common galaxies, as neighbours have them, and unequal numbers."""
    shared = max((share for one, other, share in _shared(keys, training_sets) if one[0] != other[0]), default=0.0)
    found = _common_galaxies("Training sets of different footprints", f"up to {shared:.1%}", shared)
    by_footprint: dict[str, list[TrainingSet]] = {}
    for key in keys:
        if key in training_sets:
            by_footprint.setdefault(key[0], []).append(training_sets[key])
    return found + (_numbers_of_galaxies(list(by_footprint.items())) if by_footprint else Cautions())


def _common_galaxies(what: str, share: str, value: float) -> Cautions:
    if not value:
        return Cautions()
    sentence = f"{what} have in common {share} of their galaxies, so that p is too small."
    return Cautions.of(sentence, value > _MOST_SHARED, "Training sets that share no galaxy (`disjoint: true`).")


def _numbers_of_galaxies(footprints: Sequence[tuple[str, Sequence[TrainingSet]]]) -> Cautions:
    """A network that is trained on more galaxies is another network, wherever these lie."""
    means = [(name, float(np.mean([len(one.ids) for one in sets]))) for name, sets in footprints]
    (few, least), (many, most) = min(means, key=lambda one: one[1]), max(means, key=lambda one: one[1])
    if most <= _NOTEWORTHY_RATIO * least:
        return Cautions()
    sentence = (
        f"Training sets of {few} have {least:.0f} galaxies, those of {many} {most:.0f}: networks may differ by the"
        " number of galaxies, and not by where these lie."
    )
    return Cautions.of(sentence, most > _LARGEST_RATIO * least, f"{least:.0f} galaxies in each training set.")


def _regions(names: Sequence[str], first: Sequence[TrainingSet], second: Sequence[TrainingSet]) -> Cautions:
    """Whether two arms were trained in one region, from where their galaxies lie."""
    places = [[one.vectors for one in sets if one.vectors is not None and len(one.vectors)] for sets in (first, second)]
    if not all(places):
        return Cautions()
    a, b = (np.concatenate(of_arm) for of_arm in places)
    shares = _share_among(a, b), _share_among(b, a)
    if max(shares) < _OVERLAPPING:
        return Cautions()
    how = f"{shares[0]:.0%} and {shares[1]:.0%} of their training galaxies lie among those of the other"
    if min(shares) >= _SAME_REGION:
        sentence = f"{names[0]} and {names[1]} are the same region ({how}): a difference is not one of place."
        return Cautions.of(sentence, True, "Two regions that do not overlap.")
    return Cautions([f"{names[0]} and {names[1]} overlap ({how}), which makes their networks more alike."])


def _share_among(galaxies: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Share of `galaxies` (n, 3) that lie as close to one of `others` as nine in ten of these do to each other."""
    galaxies, others = (part[:: 1 + len(part) // _NEIGHBOURS_OF_REGION] for part in (galaxies, others))
    others = np.unique(others, axis=0)
    if len(others) < 2:
        return 0.0
    tree = cKDTree(others)
    reach = np.quantile(tree.query(others, k=2)[0][:, 1], 0.9)
    return float(np.mean(tree.query(galaxies)[0] <= reach))


def _shared(
    keys: Sequence[tuple[str, int]], training_sets: TrainingSets
) -> Iterator[tuple[tuple[str, int], tuple[str, int], float]]:
    """Each pair of training sets, with the share of the smaller one's galaxies that the other has too."""
    known = [(key, training_sets[key].ids) for key in keys if key in training_sets]
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
