"""The training set as training reads it: identifiers and labels."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.errors import InputError


def read_columns(path: str | Path, columns: list[str], filters: list[tuple] | None = None) -> pa.Table:
    """Columns of a Parquet table; `source_id` as plain strings. `InputError` when the file lacks one of them."""
    path = Path(path)
    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid:
        raise InputError(f"{path}: is not a Parquet table") from None
    missing = [column for column in columns if column not in schema.names]
    if missing:
        raise InputError(f"{path}: column {missing[0]} is missing, expected {', '.join(columns)}")
    table = pq.read_table(path, columns=columns, filters=filters)
    if "source_id" in columns:
        position = table.schema.get_field_index("source_id")
        table = table.set_column(position, "source_id", table["source_id"].cast(pa.string()))
    return table


def read_training_set(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Identifiers (n,) str and labels (n,) int8 of a training set.

    Raises
    ------
    InputError
        when the table is empty, a label is missing or negative, or fewer than two classes occur.
    """
    table = read_columns(path, ["source_id", "label"])
    if table.num_rows == 0:
        raise InputError(f"{path}: has no rows, expected the galaxies to train on")
    if table["label"].null_count:
        raise InputError(f"{path}: column label has {table['label'].null_count} empty rows, expected a class in each")
    labels = table["label"].to_numpy()
    if labels.dtype.kind not in "iu" or labels.min() < 0:
        raise InputError(f"{path}: column label is expected to hold class numbers from 0")
    if len(np.unique(labels)) < 2:
        raise InputError(f"{path}: all galaxies are of class {labels[0]}, expected at least two classes")
    return table["source_id"].to_numpy().astype(object), labels.astype(np.int8)


def class_counts(labels: np.ndarray) -> dict[str, int]:
    """Number of galaxies of each class, by the class number as text."""
    return {str(label): int(count) for label, count in zip(*np.unique(labels, return_counts=True), strict=True)}
