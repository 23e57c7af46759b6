"""Tables (Parquet) and JSON of the workflow: written whole, read or refused in one sentence."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.errors import InputError, first_line
from workflow_scripts.whole_file import whole_file


def write_json(path: str | Path, content: Any, sort_keys: bool = True) -> None:
    """Write `json_text` of the `content`."""
    with whole_file(path) as temporary:
        temporary.write_text(json_text(content, sort_keys), encoding="utf-8")


def json_text(content: Any, sort_keys: bool = True) -> str:
    """`content` as JSON; NaN and infinity are refused (`ValueError`), NumPy scalars accepted."""
    return json.dumps(content, sort_keys=sort_keys, indent=1, allow_nan=False, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def parquet_metadata(record: Mapping[str, Any]) -> dict[bytes, bytes]:
    """A provenance record as Parquet schema metadata (key `skybias`)."""
    return {b"skybias": json.dumps(record, sort_keys=True, default=_plain).encode()}


def recorded_config(path: str | Path) -> dict[str, Any]:
    """The configuration that a Parquet file carries; empty where it carries none."""
    metadata = pq.read_schema(path).metadata or {}
    config = json.loads(metadata.get(b"skybias", b"{}")).get("config")
    return config if isinstance(config, dict) else {}


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table of the workflow; `InputError` where the file is damaged or lacks one of `columns` (None: all)."""
    with reading_parquet(path):
        return pd.read_parquet(path, columns=None if columns is None else list(columns))


def read_columns(path: str | Path, columns: Sequence[str], filters: list[tuple] | None = None) -> pa.Table:
    """Columns of a table as Arrow has them, `source_id` as plain strings; only rows that pass the `filters` of pyarrow.

    Raises `InputError` where the file is damaged or lacks one of the columns.
    """
    with reading_parquet(path):
        missing = [column for column in columns if column not in pq.read_schema(path).names]
        if missing:
            raise InputError(f"{path}: column {missing[0]} is missing, expected {', '.join(columns)}")
        table = pq.read_table(path, columns=list(columns), filters=filters)
    if "source_id" in columns:
        position = table.schema.get_field_index("source_id")
        table = table.set_column(position, "source_id", table["source_id"].cast(pa.string()))
    return table


@contextmanager
def reading_parquet(path: str | Path, what: str = "a whole table") -> Iterator[None]:
    """What pandas and Arrow raise for a file that is not `what` (a whole Parquet file) becomes an `InputError`."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist, expected {what} (Parquet)") from None
    except (pa.ArrowException, ValueError, KeyError, OSError) as error:
        reason = first_line(error)
        raise InputError(
            f"{path}: expected {what} (Parquet), but it cannot be read: {reason} (what Snakemake made, it makes again"
            " when you delete it)"
        ) from None


def content_digest(table: pd.DataFrame) -> str:
    """Hex digest of the names of columns and the rows of a table, in their order: of nothing else in its file."""
    digest = hashlib.sha256(json.dumps(list(table.columns)).encode())
    digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def write_table(path: str | Path, table: pd.DataFrame | pa.Table, record: Mapping[str, Any] | None = None) -> None:
    """Write a table as Parquet (zstd), with `record` in its schema metadata; the same rows give the same bytes."""
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False)
    metadata = {key: value for key, value in (table.schema.metadata or {}).items() if key != b"pandas"}
    if record is not None:
        metadata |= parquet_metadata(record)
    with whole_file(path) as temporary:
        pq.write_table(
            table.replace_schema_metadata(metadata or None), temporary, compression="zstd", row_group_size=65_536
        )
