"""How many galaxies the training sets of an experiment have in common."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# The ids of the galaxies of a training set, by footprint and resample.
TrainingSets = Mapping[tuple[str, int], NDArray[np.object_]]


def read_training_sets(files: Sequence[str | Path]) -> dict[tuple[str, int], NDArray[np.object_]]:
    """The galaxies of the training sets in files `.../{footprint}/resample{r}/training_set.parquet`."""
    return {
        training_set_of(file): pd.read_parquet(file, columns=["source_id"])["source_id"].to_numpy(object)
        for file in files
    }


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
