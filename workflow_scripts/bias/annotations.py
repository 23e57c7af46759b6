"""The annotations of all runs of an experiment, as one matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
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


def read_annotations(
    experiment: str, listed: Sequence[Mapping[str, Any]], files: Sequence[str | Path], catalog: str | Path
) -> Annotations:
    """Read the annotations of all runs, one file at a time.

    Parameters
    ----------
    experiment
        its name, for messages.
    listed
        the runs, as `listed_runs` gives them, in the order of `files`.
    catalog
        for the reference labels.

    Raises
    ------
    InputError
        where runs annotated different galaxies or the same galaxy twice, a file or column is missing, a galaxy is
        not in the catalog, or a label is neither 0 nor 1.
    """
    runs = pd.DataFrame(list(listed))
    if len(runs) != len(files):
        raise InputError(f"experiment {experiment}: {len(files)} annotation files, expected {len(runs)}, one a run")
    if not files:
        raise InputError(f"experiment {experiment}: no runs, expected one or more")
    first = _read(files[0], ["source_id", "ra", "dec"])
    _check_positions(first, files[0])
    labels = np.empty((len(runs), len(first)), np.int8)
    scores = np.empty((len(runs), len(first)), np.float32)
    for row, file in enumerate(files):
        table = _read(file, ["source_id", "score", "label"])
        if not table["source_id"].equals(first["source_id"]):
            raise InputError(f"{file}: annotates other galaxies than {files[0]}, expected the same in the same order")
        if not table["label"].isin((0, 1)).all():
            raise InputError(f"{file}: column label has values other than 0 and 1")
        if not np.isfinite(table["score"]).all():
            raise InputError(f"{file}: column score has missing values")
        labels[row], scores[row] = table["label"], table["score"]
    known = _read(catalog, ["source_id", "label"]).set_index("source_id")["label"]
    if not known.index.is_unique:
        raise InputError(f"{catalog}: source_id {known.index[known.index.duplicated()][0]} occurs more than once")
    if not first["source_id"].isin(known.index).all():
        unknown = first.loc[~first["source_id"].isin(known.index), "source_id"].iloc[0]
        raise InputError(f"{files[0]}: source_id {unknown} is not in {catalog}")
    reference = known.reindex(first["source_id"]).astype("Float64").to_numpy(float, na_value=np.nan)
    ra, dec = first["ra"].to_numpy(), first["dec"].to_numpy()
    return Annotations(runs, labels, scores, ra, dec, unit_vectors(ra, dec), reference)


def _read(file: str | Path, columns: list[str]) -> pd.DataFrame:
    try:
        return pd.read_parquet(file, columns=columns)
    except (pa.ArrowInvalid, ValueError, KeyError) as error:
        sentence = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{file}: expected a Parquet table with columns {', '.join(columns)} ({sentence})") from None


def _check_positions(table: pd.DataFrame, file: str | Path) -> None:
    if table.empty:
        raise InputError(f"{file}: no galaxies, expected one or more rows")
    if table["source_id"].duplicated().any():
        twice = table.loc[table["source_id"].duplicated(), "source_id"].iloc[0]
        raise InputError(f"{file}: source_id {twice} occurs more than once; duplicates inflate every significance")
    inside = table["ra"].between(0, 360, inclusive="left") & table["dec"].between(-90, 90)
    if not inside.all():
        row = table.loc[~inside].iloc[0]
        raise InputError(
            f"{file}: source_id {row['source_id']} has ra {row['ra']}, dec {row['dec']}, expected ICRS degrees"
        )
