"""Tables of galaxies, read so that ids keep every digit and the user's columns get the project's names."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.table import Table

from workflow_scripts.errors import InputError

TEXT_COLUMNS = ("source_id", "label", "file")
_FORMATS = {
    ".csv": "csv",
    ".ecsv": "ecsv",
    ".fits": "fits",
    ".fit": "fits",
    ".vot": "votable",
    ".votable": "votable",
    ".xml": "votable",
    ".parquet": "parquet",
}


def read_table(path: str | Path, columns: Mapping[str, str], table_format: str | None = None) -> pd.DataFrame:
    """Read the mapped columns of a table.

    Parameters
    ----------
    path
        CSV, ECSV, FITS table, VOTable or Parquet, the first four also gzipped.
    columns
        project's name -> column of the table.
    table_format
        `csv`, `ecsv`, `fits`, `votable`, `parquet`; None goes by the file's name.

    Returns
    -------
    pandas.DataFrame
        one row a row of the table, columns named as the keys of `columns`; text for `source_id`, `label` and `file`,
        float64 for the rest (a cell that is no number becomes NaN).

    Raises
    ------
    InputError
        where the file is missing or not of its format, or a column is not there.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: the catalog does not exist")
    table_format = table_format or format_by_name(path)
    try:
        raw = _read_raw(path, table_format)
    except InputError:
        raise
    except Exception as error:  # every reader has errors of its own for a file that is not what it should be
        raise InputError(f"{path}: expected a table in {table_format}, but it cannot be read: {error}") from None
    missing = [(name, column) for name, column in columns.items() if column not in raw]
    if missing:
        name, column = missing[0]
        near = [other for other in raw if other.lower() == column.lower()] or get_close_matches(column, list(raw), n=1)
        hint = f"; did you mean '{near[0]}'?" if near else f"; it has {', '.join(map(str, list(raw)[:20]))}"
        raise InputError(f"{path}: has no column '{column}' (catalogs, columns.{name}){hint}")
    return pd.DataFrame(
        {
            name: _as_text(raw[column], path, column) if name in TEXT_COLUMNS else _as_number(raw[column])
            for name, column in columns.items()
        }
    )


def format_by_name(path: Path) -> str:
    """The format that a file's name tells; `InputError` where it tells none."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    if suffixes and suffixes[-1] in _FORMATS:
        return _FORMATS[suffixes[-1]]
    raise InputError(f"{path}: the name tells no format, expected {', '.join(_FORMATS)}, or the key `format`")


def _read_raw(path: Path, table_format: str) -> pd.DataFrame:
    if table_format == "parquet":
        return pd.read_parquet(path)
    if table_format == "csv":
        # As text first: a 19-digit id read as a number beside an empty cell would lose its last digits.
        return pd.read_csv(path, dtype=str, comment=None, skip_blank_lines=True, low_memory=False)
    table = Table.read(path, format={"ecsv": "ascii.ecsv"}.get(table_format, table_format))
    wide = [name for name in table.colnames if len(table[name].shape) > 1]
    table.remove_columns(wide)
    return table.to_pandas(use_nullable_int=True)


def _as_number(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values, errors="coerce").astype("float64")


def _as_text(values: pd.Series, path: Path, column: str) -> pd.Series:
    if pd.api.types.is_float_dtype(values):
        known = values.dropna()
        if (known.abs() >= 2**53).any() or (known != np.trunc(known)).any():
            example = known[(known.abs() >= 2**53) | (known != np.trunc(known))].iloc[0]
            raise InputError(
                f"{path}: column '{column}' holds floating-point numbers such as {example!r}, which cannot tell ids"
                " apart, expected integers or text"
            )
        values = values.astype("Int64")
    text: pd.Series = values.map(_one_text, na_action="ignore")
    return text.astype(object).where(text.notna() & (text != ""), None)


def _one_text(value: Any) -> str:
    return (value.decode() if isinstance(value, bytes) else str(value)).strip()
