"""The annotations of all runs of an experiment: their labels as one matrix, their scores a run at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workflow_scripts.bias.quantities import Quantity
from workflow_scripts.class_against_rest import as_two_classes, n_classes_of, score_column
from workflow_scripts.errors import InputError
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.constrained_components import (
    FIELD,
    ConstrainedComponents,
    constrained_of_fraction,
)
from workflow_scripts.statistics.sky.sky_sums import PositionSums
from workflow_scripts.tables import read_table

# A dipole, its mean and its error.
FEWEST_GALAXIES = 5


@dataclass(frozen=True)
class Sky:
    """Where the annotated galaxies lie: covariance of their `positions` (3, 3), and what they constrain of a dipole.

    `labelled` is what those with a reference label constrain, and `labelled_covariance` (3, 3) the covariance of a
    dipole against the reference, within that, for labels of variance 1; None without a reference.
    """

    positions: NDArray[np.float64]
    constrained: ConstrainedComponents
    labelled: ConstrainedComponents
    labelled_positions: NDArray[np.float64]
    labelled_covariance: NDArray[np.float64] | None

    def of(self, quantity: Quantity) -> ConstrainedComponents:
        """What is constrained of a vector."""
        return self.labelled if quantity.of_labelled else self.constrained


@dataclass(frozen=True)
class Annotations:
    """Labels and scores of every run for the same n galaxies.

    `runs` is one row a run (`run_id, arm, footprint, network, resample, seed, axis, family`), `files` and `labels`
    (runs, n), 0 or 1, in that order; `ra`, `dec` ICRS degrees, `vectors` (n, 3); `catalog_rows` (n,) where the galaxies
    stand in the catalog, `reference` (n,) its labels, NaN where there is none. `scored`: whether there are scores;
    annotations that were given may be labels alone. Of three classes or more, 1 is the class that the experiment is
    about, and `score_column` has its scores.
    """

    runs: pd.DataFrame
    files: Sequence[str | Path]
    labels: NDArray[np.int8]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    vectors: NDArray[np.float64]
    catalog_rows: NDArray[np.int64]
    reference: NDArray[np.float64]
    scored: bool = True
    score_column: str = "score"

    @property
    def n(self) -> int:
        """Number of galaxies."""
        return len(self.ra)

    @cached_property
    def labelled(self) -> NDArray[np.bool_]:
        """Which galaxies (n,) have a reference label."""
        return np.isfinite(self.reference)

    @cached_property
    def known(self) -> NDArray[np.int64] | slice:
        """Rows (m,) of the galaxies with a reference label; a slice, without copies, where all or none have one."""
        return np.flatnonzero(self.labelled) if self.labelled.any() and not self.labelled.all() else slice(None)

    @cached_property
    def against(self) -> NDArray[np.float64]:
        """What labels of the galaxies in `known` are compared with (m,): the reference, else the mean over runs."""
        return self.reference[self.known] if self.labelled.any() else self.positive_share()

    @cached_property
    def known_vectors(self) -> NDArray[np.float64]:
        """Unit vectors (m, 3) of the galaxies in `known`."""
        return self.vectors[self.known]

    @cached_property
    def positions(self) -> PositionSums:
        """Sums over all galaxies."""
        return PositionSums.of(self.vectors)

    @cached_property
    def known_positions(self) -> PositionSums:
        """Sums over the galaxies in `known`."""
        return PositionSums.of(self.known_vectors)

    @cached_property
    def sky(self) -> Sky:
        """Where the annotated galaxies lie, and those with a reference label."""
        positions, labelled = self.positions, self.known_positions
        # Of all networks together, so that every number of them has the same components.
        fraction = float(np.clip(self.labels.mean(), 1 / self.n, 1 - 1 / self.n))
        constrained = constrained_of_fraction(positions, fraction)
        # Of fewer than five labelled galaxies each fit has its own sentence.
        few = labelled.n < FEWEST_GALAXIES
        known = constrained if few or labelled.n == self.n else constrained_of_fraction(labelled, fraction)
        covariance = None
        if self.labelled.any() and not few and known.kind != FIELD:
            covariance = known.kept.T @ np.linalg.inv(known.kept @ labelled.centred @ known.kept.T) @ known.kept
        return Sky(positions.centred / self.n, constrained, known, labelled.centred, covariance)

    def scores(self, row: int) -> NDArray[np.float32]:
        """Scores (n,) of a run, read from its file: four times the labels, and no test needs two runs' at once.

        Raises `InputError` where the file has none, or one is missing.
        """
        column = self.score_column
        scores = read_table(self.files[row], [column])[column].to_numpy(np.float32)
        if not np.isfinite(scores).all():
            raise InputError(f"{self.files[row]}: column {column} has missing values")
        return scores

    def positive_share(self, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Share (n,) of the runs in `rows`, or of all, that call each galaxy positive."""
        labels = self.labels if rows is None else self.labels[rows]
        return labels.sum(axis=0, dtype=np.int32) / len(labels)

    def rows(self, **conditions: Any) -> NDArray[np.int64]:
        """Row numbers of the runs whose columns have the given values."""
        chosen = np.ones(len(self.runs), bool)
        for column, value in conditions.items():
            chosen &= (self.runs[column] == value).to_numpy()
        return np.flatnonzero(chosen)


def read_annotations(
    experiment: Mapping[str, Any],
    listed: Sequence[Mapping[str, Any]],
    files: Sequence[str | Path],
    catalog: str | Path,
    given: Sequence[str] = (),
) -> Annotations:
    """Read the labels of all runs, one file at a time; scores stay in the files.

    Parameters
    ----------
    experiment
        its `name`, for messages, and `one_class`, where it compares one class with the rest.
    listed
        the runs, as `listed_runs` gives them, in the order of `files`.
    catalog
        for the reference labels.
    given
        the tables that the `files` were collected from, where annotations were given: these are what messages name,
        and may have no scores.

    Raises
    ------
    InputError
        where runs annotated different galaxies or the same galaxy twice, a file or column is missing, a galaxy is
        not in the catalog or there twice, or a label is the number of no class.
    """
    name = experiment["name"]
    runs = pd.DataFrame(list(listed))
    if len(runs) != len(files):
        raise InputError(f"experiment {name}: {len(files)} annotation files, expected {len(runs)}, one a run")
    if not files:
        raise InputError(f"experiment {name}: no runs, expected one or more")
    first = read_table(files[0], ["source_id", "ra", "dec"])
    _check_positions(first, files[0])
    labels = np.empty((len(runs), len(first)), np.int8)
    names, n_classes = given or [str(file) for file in files], n_classes_of(experiment)
    for row, file in enumerate(files):
        table = read_table(file, ["source_id", "label"])
        if not table["source_id"].equals(first["source_id"]):
            _refuse_others(table["source_id"], names[row], first["source_id"], names[0])
        if not table["label"].isin(range(n_classes)).all():
            raise InputError(
                f"{file}: column label has values other than 0 {'and' if n_classes == 2 else 'to'} {n_classes - 1}"
            )
        labels[row] = as_two_classes(table["label"], experiment)
    rows, known = _in_catalog(first["source_id"], catalog, files[0])
    reference = np.where(np.isfinite(known), as_two_classes(known, experiment), np.nan)
    ra, dec, column = first["ra"].to_numpy(), first["dec"].to_numpy(), score_column(experiment)
    scored = not given or bool(read_table(files[0], [column])[column].notna().any())
    vectors = unit_vectors(ra, dec)
    return Annotations(runs, tuple(files), labels, ra, dec, vectors, rows, reference, scored, column)


def _refuse_others(ids: pd.Series, name: str, first: pd.Series, first_name: str) -> None:
    """Raise `InputError` for galaxies that are not those of the first run, with one of them."""
    for these, name_of_these, others, name_of_others in (
        (first, first_name, ids, name),
        (ids, name, first, first_name),
    ):
        lacking = these[~these.isin(others)]
        if len(lacking):
            raise InputError(
                f"{name_of_others}: lacks the galaxy {lacking.iloc[0]} ({len(lacking)} in all), which {name_of_these}"
                " annotates; expected the same galaxies of all runs"
            )
    raise InputError(f"{name}: has the galaxies of {first_name} in another order, expected the same")


def _in_catalog(
    source_id: pd.Series, catalog: str | Path, file: str | Path
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Where each galaxy of `file` stands in the catalog, and its label there, NaN where it has none."""
    known = read_table(catalog, ["source_id", "label"])
    _refuse_repeated(known["source_id"], catalog)
    # By Arrow: pandas would make a Python string of every id, in far more time and memory.
    wanted, listed = (pa.array(ids).cast(pa.large_string()) for ids in (source_id, known["source_id"]))
    rows = pc.index_in(wanted, value_set=listed)
    if rows.null_count:
        unknown = source_id[rows.is_null().to_numpy(zero_copy_only=False)].iloc[0]
        raise InputError(f"{file}: source_id {unknown} is not in {catalog}")
    places = rows.to_numpy().astype(np.int64)
    return places, known["label"].astype("Float64").to_numpy(float, na_value=np.nan)[places]


def _check_positions(table: pd.DataFrame, file: str | Path) -> None:
    if len(table) < FEWEST_GALAXIES:
        raise InputError(f"{file}: {len(table)} galaxies, expected {FEWEST_GALAXIES} rows or more")
    _refuse_repeated(table["source_id"], file)
    inside = table["ra"].between(0, 360, inclusive="left") & table["dec"].between(-90, 90)
    if not inside.all():
        row = table.loc[~inside].iloc[0]
        raise InputError(
            f"{file}: source_id {row['source_id']} has ra {row['ra']}, dec {row['dec']}, expected ICRS degrees"
        )


def _refuse_repeated(source_id: pd.Series, file: str | Path) -> None:
    repeated = source_id[source_id.duplicated()]
    if len(repeated):
        twice = repeated.iloc[0]
        raise InputError(f"{file}: source_id {twice} occurs more than once; duplicates inflate every significance")
