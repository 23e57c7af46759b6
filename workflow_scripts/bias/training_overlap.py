"""How many galaxies the training sets of an experiment have in common."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.tables import read_table

# In the note of a test whose replicates are not independent; the verdict repeats such a note.
OVERLAP = "have in common"
# The ids of the galaxies of a training set, by footprint and resample.
TrainingSets = Mapping[tuple[str, int], NDArray[np.object_]]


def read_training_sets(files: Sequence[str | Path]) -> dict[tuple[str, int], NDArray[np.object_]]:
    """The galaxies of the training sets in files `.../{footprint}/resample{r}/training_set.parquet`."""
    return {training_set_of(file): read_table(file, ["source_id"])["source_id"].to_numpy(object) for file in files}


def training_set_of(file: str | Path) -> tuple[str, int]:
    """Footprint and resample that a file of a training set belongs to, by its folders."""
    footprint, resample = Path(file).parts[-3:-1]
    return footprint, int(resample.removeprefix("resample"))


def shared_share(sets: Sequence[NDArray]) -> float:
    """Share of a training set's galaxies that another one has too, mean over all pairs; 0 for less than two sets."""
    shares = [
        len(np.intersect1d(first, second)) / min(len(first), len(second)) for first, second in combinations(sets, 2)
    ]
    return float(np.mean(shares)) if shares else 0.0


def shared_between_footprints(sets: TrainingSets) -> float:
    """Largest share of a training set's galaxies that one of another footprint has too; 0 where there is none."""
    pairs = combinations(sets.items(), 2)
    return max((shared_share([a, b]) for (one, a), (other, b) in pairs if one[0] != other[0]), default=0.0)


def overlap_within_arms(arms: Sequence[Sequence[tuple[str, int]]], training_sets: TrainingSets) -> list[str]:
    """A note where training sets of an arm overlap: such replicates scatter less than new galaxies would make them."""
    shared = max(shared_share([training_sets[key] for key in arm if key in training_sets]) for arm in arms)
    return [f"training sets of an arm {OVERLAP} {shared:.1%} of their galaxies, so p is too small"] if shared else []


def overlap_between_footprints(keys: Sequence[tuple[str, int]], training_sets: TrainingSets) -> list[str]:
    """A note where sets of different footprints overlap: neighbours are then alike, as a response would make them."""
    shared = shared_between_footprints({key: training_sets[key] for key in keys if key in training_sets})
    if not shared:
        return []
    return [f"training sets of different footprints {OVERLAP} up to {shared:.1%} of their galaxies, so p is too small"]
