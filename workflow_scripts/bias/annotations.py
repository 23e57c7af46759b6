"""The annotations of all runs of an experiment, as one matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.sky.unit_vectors import unit_vectors


@dataclass(frozen=True)
class Annotations:
    """What every run says of the same n galaxies.

    `runs` is one row a run (`run_id, arm, footprint, network, resample, seed, axis, family`), `labels` (runs, n) int8
    and `scores` (runs, n) float32 in that order; `ra`, `dec` ICRS degrees, `vectors` (n, 3); `reference` (n,) the
    catalog's label, NaN where there is none.
    """

    runs: pd.DataFrame
    labels: NDArray[np.int8]
    scores: NDArray[np.float32]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    vectors: NDArray[np.float64]
    reference: NDArray[np.float64]

    @property
    def n(self) -> int:
        """Number of galaxies."""
        return len(self.ra)

    def rows(self, **conditions: Any) -> NDArray[np.int64]:
        """Row numbers of the runs whose columns have the given values."""
        chosen = np.ones(len(self.runs), bool)
        for column, value in conditions.items():
            chosen &= (self.runs[column] == value).to_numpy()
        return np.flatnonzero(chosen)


def read_annotations(experiment: Mapping[str, Any], files: Sequence[str | Path], catalog: str | Path) -> Annotations:
    """Read the annotations of all runs, one file at a time.

    Parameters
    ----------
    experiment
        with `runs`, in the order of `files`.
    catalog
        for the reference labels.

    Raises
    ------
    InputError
        where runs annotated different galaxies, or a file is missing for a run.
    """
    runs = pd.DataFrame(experiment["runs"])
    if len(runs) != len(files):
        raise InputError(
            f"experiment {experiment['name']}: {len(files)} annotation files, expected {len(runs)}, one a run"
        )
    first = pd.read_parquet(files[0], columns=["source_id", "ra", "dec"])
    labels = np.empty((len(runs), len(first)), np.int8)
    scores = np.empty((len(runs), len(first)), np.float32)
    for row, file in enumerate(files):
        table = pd.read_parquet(file, columns=["source_id", "score", "label"])
        if not table["source_id"].equals(first["source_id"]):
            raise InputError(f"{file}: annotates other galaxies than {files[0]}, expected the same in the same order")
        labels[row], scores[row] = table["label"], table["score"]
    known = pd.read_parquet(catalog, columns=["source_id", "label"]).set_index("source_id")["label"]
    reference = known.reindex(first["source_id"]).astype("Float64").to_numpy(float, na_value=np.nan)
    ra, dec = first["ra"].to_numpy(), first["dec"].to_numpy()
    return Annotations(runs, labels, scores, ra, dec, unit_vectors(ra, dec), reference)
