"""Ensembles over footprints: what is left of an effect where annotations are the mean score of several networks.

Networks of m different footprints, drawn at random from those of an arm, annotate by their mean score. An ensemble's
number is the mean of what its members contribute, x(S) = mean of h_f over f in S, with h_f fitted by least squares to
many ensembles: for a number linear in the annotations h_f is that of footprint f. Ensembles of m out of n footprints
scatter less than single ones, by r = sqrt((n - m)/(m (n - 1))), whatever the reason why footprints differ: what remains
of a response is r of the response of h_f. Nothing does where all of them are in it; what they all share stays.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.bias.annotations import Annotations
from workflow_scripts.bias.quantities import DIPOLE, FRACTION
from workflow_scripts.bias.remedied_runs import PlantedSky
from workflow_scripts.bias.versioned_effects import Version, described_runs, numbers_of_values
from workflow_scripts.class_against_rest import n_classes_of, score_columns
from workflow_scripts.tables import read_table

# So many ensembles a footprint determine what each of them contributes.
_ENSEMBLES_EACH = 4
# Numbers that differ between footprints; others describe what all share, or the annotations.
_BETWEEN = [FRACTION.name, *DIPOLE]


@dataclass(frozen=True)
class Ensembles:
    """Ensembles of `members` footprints of every arm: as runs that differ as these do, and as single contributions.

    `between` has the numbers of which responses and contrasts are made, `shared` those of what all networks share.
    """

    members: int
    between: Version
    shared: Version


def sizes_of_ensembles(annotations: Annotations) -> list[int]:
    """1, 2, 4, ... and all: up to the footprints of the largest arm. Raises `ValueError` where none has two."""
    largest = max(len(names) for _, _, names in _arms(annotations.runs))
    if largest < 2:
        raise ValueError("no arm has networks of two footprints")
    return [*(2**power for power in range(largest.bit_length()) if 2**power < largest), largest]


def ensembles_of(
    annotations: Annotations, experiment: Mapping[str, Any], members: int, planted: PlantedSky, seed: int
) -> Ensembles:
    """Ensembles of so many `members`, or all of an arm that has fewer; an arm of one footprint stays as it is.

    The runs of a footprint are dealt out to as many ensembles, in the order of training set and seed. Raises
    `ValueError` for annotations without scores.
    """
    if not annotations.scored:
        raise ValueError("the annotations have no scores")
    rows: list[dict[str, float]] = [{} for _ in range(len(annotations.runs))]
    shrunk = np.ones(len(rows))
    shares: dict[int, int] = {}
    means: list[NDArray[np.float64]] = []
    random = np.random.default_rng([seed, members])
    for group, footprints, names in _arms(annotations.runs):
        m, n = min(members, len(names)), len(names)
        if n > 1:
            shrunk[group] = np.sqrt((n - m) / (m * (n - 1)))
        for of_replicate in _replicates(annotations.runs.loc[group], footprints, names):
            # The last fit that determines members stands for all of them together.
            fitted = min(m, max(1, n - 1))
            sets = _drawn(n, fitted, random)
            scores = [_scores(annotations, experiment, row) for row in of_replicate]
            found, mean = _numbers(annotations, experiment, scores, sets, planted)
            if fitted < m:
                whole, mean = _numbers(annotations, experiment, scores, np.ones((1, n)), planted)
            table = pd.DataFrame(found)
            contributions = np.linalg.pinv(sets / fitted) @ table.to_numpy()
            if fitted < m:
                contributions += pd.DataFrame(whole).to_numpy() - contributions.mean(axis=0)
            for row, values in zip(of_replicate, contributions, strict=True):
                rows[row] = dict(zip(table, map(float, values), strict=True))
                shares[row] = len(means)
            means.append(mean)

    def left(runs: NDArray[np.int64]) -> NDArray[np.float64]:
        numbers, counts = np.unique([shares[int(run)] for run in runs], return_counts=True)
        mean = sum(count * means[number] for number, count in zip(numbers, counts, strict=True)) / counts.sum()
        return np.asarray(mean[annotations.known] - annotations.against, np.float64)

    numbers = described_runs(annotations.runs, rows)
    between = numbers.copy()
    groups = [numbers["arm"], numbers["network"]]
    for name in _BETWEEN:
        centre = numbers[name].groupby(groups).transform("mean")
        between[name] = centre + shrunk * (numbers[name] - centre)
    return Ensembles(members, Version(between, left), Version(numbers, left))


def _arms(runs: pd.DataFrame) -> Iterator[tuple[NDArray[np.int64], pd.Series, list[str]]]:
    """Row numbers, footprints and their names, of every arm and network."""
    for _, group in runs.reset_index(drop=True).groupby(["arm", "network"], sort=False):
        yield group.index.to_numpy(), group["footprint"], sorted(group["footprint"].unique())


def _replicates(group: pd.DataFrame, footprints: pd.Series, names: list[str]) -> Iterator[list[int]]:
    """Rows of one run of each footprint: the first of each, the second, ... up to the most that one of them has."""
    ordered = group.assign(row=footprints.index).sort_values(["resample", "seed"], kind="stable")
    own = [ordered.loc[ordered["footprint"] == name, "row"].tolist() for name in names]
    for number in range(max(map(len, own))):
        yield [rows[number % len(rows)] for rows in own]


def _drawn(n: int, m: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Which of n footprints are in an ensemble of m (ensembles, n), 0 or 1: all ensembles where there are few."""
    if m < n and comb(n, m) > _ENSEMBLES_EACH * n:
        order = random.permuted(np.tile(np.arange(n), (_ENSEMBLES_EACH * n, 1)), axis=1)
        return (order < m).astype(float)
    chosen = np.zeros((comb(n, m), n))
    for row, one in enumerate(combinations(range(n), m)):
        chosen[row, list(one)] = 1
    return chosen


def _scores(annotations: Annotations, experiment: Mapping[str, Any], row: int) -> NDArray[np.float32]:
    """Scores of a run: (n, 1) of two classes, else (n, classes)."""
    columns = score_columns(n_classes_of(experiment))
    if len(columns) == 1:
        return annotations.scores(row)[:, None]
    return read_table(annotations.files[row], columns)[columns].to_numpy(np.float32)


def _numbers(
    annotations: Annotations,
    experiment: Mapping[str, Any],
    scores: list[NDArray[np.float32]],
    sets: NDArray[np.float64],
    planted: PlantedSky,
) -> tuple[list[dict[str, float]], NDArray[np.float64]]:
    """The numbers of every ensemble in `sets`, and the mean (n,) of their labels."""
    rows, total = [], np.zeros(annotations.n)
    for chosen in sets:
        mean = np.mean([scores[number] for number in np.flatnonzero(chosen)], axis=0)
        if mean.shape[1] == 1:
            labels = (mean[:, 0] > 0.5).astype(float)
        else:
            labels = (mean.argmax(axis=1) == experiment["one_class"]["number"]).astype(float)
        rows.append(numbers_of_values(labels, annotations) | planted.numbers(labels))
        total += labels
    return rows, total / len(sets)
