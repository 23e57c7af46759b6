"""Tables of annotations that were made elsewhere: what a classifier gave each galaxy, checked cell by cell."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from workflow_scripts.catalogs.cells import as_classes, as_numbers, as_text
from workflow_scripts.catalogs.columns import find_column, has_named
from workflow_scripts.catalogs.labels import label_ranges
from workflow_scripts.catalogs.opening import open_table
from workflow_scripts.catalogs.readers import ROWS_A_PIECE
from workflow_scripts.catalogs.table_formats.table_file import of_one_size
from workflow_scripts.class_against_rest import score_columns
from workflow_scripts.errors import InputError

log = logging.getLogger(__name__)

_KEY = "annotations"


def read_given_annotations(path: str, entry: Mapping[str, Any], galaxies: pd.DataFrame, catalog: str) -> pd.DataFrame:
    """The annotations of one run, in the order of a catalog.

    Parameters
    ----------
    path
        a table of any of `formats.FORMATS`.
    entry
        `source_id`, `label` and `score` (columns; the latter two may be None, but not both; of three classes or more,
        `score` has a column for each class, by its name), `threshold`, `classes`,
        `label_values` (as of catalogs), `others` (`error` or `drop`: galaxies that the catalog has not), `format` and
        `hdu`.
    galaxies
        `source_id, ra, dec` of a `catalog`, whose name is for messages.

    Returns
    -------
    pandas.DataFrame
        `source_id, ra, dec` (of the catalog), `score_columns` (float32, missing where the table has none) and `label`
        (int8): without a column of labels, the class with the largest score.

    Raises
    ------
    InputError
        for what is wrong with the table: one sentence with its path, the row (from 1) and what was expected.
    """
    names = score_columns(len(entry["classes"]))
    given = entry["score"] if isinstance(entry["score"], Mapping) else {entry["classes"][-1]: entry["score"]}
    # By the name that the annotations have for it: the one score is of the second class.
    scored = dict(zip(names, (given.get(name) for name in entry["classes"][-len(names) :]), strict=True))
    columns = {"source_id": entry["source_id"], "label": entry["label"], **scored}
    columns = {part: name for part, name in columns.items() if name}
    if len(columns) < 2:
        raise InputError(f"{path}: neither {_KEY}.label nor {_KEY}.score names a column, expected one or both")
    keys = {part: f"{_KEY}.{'score' if part in names else part}" for part in columns}
    file = open_table(
        path,
        entry["format"],
        entry["hdu"],
        f"{_KEY}.hdu",
        lambda one: has_named(one.columns, one.coordinates, list(columns.values())),
    )
    found = {part: find_column(file.columns, path, name, keys[part]).name for part, name in columns.items()}
    where = {part: f"{path}: column '{name}' ({keys[part]})" for part, name in found.items()}
    ranges = label_ranges(entry)
    ids: list[pa.Array] = []
    labels: list[NDArray[np.object_]] = []
    scores: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names if name in found}
    for piece in of_one_size(file.pieces(list(dict.fromkeys(found.values())), ROWS_A_PIECE), ROWS_A_PIECE, path):
        ids.append(as_text(piece[found["source_id"]], where["source_id"]))
        if "label" in found:
            cells = as_classes(piece[found["label"]], where["label"], list(ranges.values()))
            labels.append(np.asarray(cells.astype(object)))
        for name, cells_of_class in scores.items():
            cells_of_class.append(as_numbers(piece[found[name]], where[name])[0])
    table = pd.DataFrame({"source_id": pd.Series(pa.chunked_array(ids, pa.string()).to_pylist(), dtype=object)})
    _check_ids(table["source_id"], where["source_id"])
    for name in names:
        table[name] = _checked_scores(np.concatenate(scores[name]), where[name]) if name in scores else np.nan
    if labels:
        meaning = {one.text: name for name, one in ranges.items()} or entry["label_values"]
        table["label"] = _labels(np.concatenate(labels), meaning, entry["classes"], where["label"])
    elif len(names) == 1:
        table["label"] = table["score"] >= entry["threshold"]
    else:
        table["label"] = table[names].to_numpy().argmax(axis=1)
    table = _in_catalog(table, galaxies, entry["others"], where["source_id"], catalog)
    types = {**dict.fromkeys(names, np.float32), "label": np.int8}
    return table.astype(types)[["source_id", "ra", "dec", *types]]


def _check_ids(ids: pd.Series, where: str) -> None:
    if ids.empty:
        raise InputError(f"{where}: the table has no rows, expected one for each annotated galaxy")
    if (empty := ids.isna() | (ids == "")).any():
        raise InputError(f"{where} is empty in row {_first(empty)}, expected the id of a galaxy")
    if (twice := ids.duplicated()).any():
        row = _first(twice)
        raise InputError(f"{where} has '{ids[row - 1]}' again in row {row}, expected each galaxy once")


def _checked_scores(scores: NDArray[np.float64], where: str) -> NDArray[np.float64]:
    wrong = ~((scores >= 0) & (scores <= 1))
    if wrong.any():
        row = _first(wrong)
        found = "no number" if np.isnan(scores[row - 1]) else f"{scores[row - 1]:g}"
        raise InputError(f"{where} has {found} in row {row}, expected the probability of a class, 0 to 1")
    return scores


def _labels(texts: NDArray[np.object_], meaning: Mapping[str, str], classes: list[str], where: str) -> pd.Series:
    """Numbers of the classes that labels name, by what the user says that texts mean, else by number or name."""
    numbers = {str(value): classes.index(name) for value, name in meaning.items()}
    known = list(enumerate(classes))
    numbers = numbers or {str(number): number for number, _ in known} | {name: number for number, name in known}
    labels = pd.Series(texts, dtype=object).map(numbers)
    if (unknown := labels.isna()).any():
        row = _first(unknown)
        text = texts[row - 1]
        found = f"'{text}'" if isinstance(text, str) else "nothing known"
        raise InputError(
            f"{where} has {found} in row {row}, expected {', '.join(numbers)} ({_KEY}.label_values says what others"
            " mean)"
        )
    return labels


def _in_catalog(table: pd.DataFrame, galaxies: pd.DataFrame, others: str, where: str, catalog: str) -> pd.DataFrame:
    """The rows at the positions of the catalog and in its order; those of other galaxies are refused or dropped."""
    known = pd.Index(galaxies["source_id"])
    places = known.get_indexer(table["source_id"])
    if (unknown := places < 0).any():
        row, n = _first(unknown), int(unknown.sum())
        if others == "error" or n == len(table):
            raise InputError(
                f"{where} has '{table['source_id'][row - 1]}' in row {row} ({n} such rows), which is not in {catalog};"
                f" expected its galaxies only ({_KEY}.others: drop leaves the others out)"
            )
        log.warning("%d of %d rows are of galaxies that %s has not: left out", n, len(table), catalog)
        table, places = table[~unknown], places[~unknown]
    order = np.argsort(places, kind="stable")
    table = table.iloc[order].reset_index(drop=True)
    at = galaxies.iloc[places[order]].reset_index(drop=True)
    return table.assign(ra=at["ra"], dec=at["dec"])


def _first(rows: Any) -> int:
    """Number of the first row, from 1, for which something holds."""
    return int(np.argmax(np.asarray(rows))) + 1
