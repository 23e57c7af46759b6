"""Tables of galaxies, read so that ids keep every digit and the user's columns get the project's names."""

import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from astropy import units
from astropy.table import Table

from workflow_scripts.catalogs.formats import (
    COVARIATES,
    FORMAT_NAMES,
    FORMAT_SUFFIXES,
    POSITION_COLUMNS,
    TEXT_COLUMNS,
    format_of_name,
)
from workflow_scripts.errors import InputError, first_line

# What astropy calls them. A VOTable's columns go by the names that other programs show, not by their XML ids.
_ASTROPY: dict[str, dict[str, Any]] = {
    "ecsv": {"format": "ascii.ecsv"},
    "fits": {"format": "fits"},
    "votable": {"format": "votable", "use_names_over_ids": True},
}
# From here on float64 skips integers.
_FLOAT_INTEGERS = 2.0**53
# How programs write floating-point numbers into text; the sign keeps hexadecimal ids (12e4567) apart.
_EXPONENT = r"[+-]?\d+(?:\.\d*)?[eE][+-]\d+"
_WHOLE = r"[+-]?\d+\.0*"


def read_catalog(path: str | Path, columns: Mapping[str, str], table_format: str | None = None) -> pd.DataFrame:
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
        one row a row of the table, columns named as the keys of `columns`; text (None where empty) for `source_id`,
        `label` and `file`, float64 (NaN where empty) for positions and covariates, and for any other column what most
        of its cells are. `attrs["unreadable_cells"]` counts, by column, the cells that should be numbers and are not.

    Raises
    ------
    InputError
        where the file is missing or not of its format, a column is not there, positions are not in degrees, or ids
        have lost digits.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: the catalog does not exist")
    table_format = table_format or format_by_name(path)
    if table_format not in FORMAT_NAMES:
        raise InputError(f"{path}: format '{table_format}' is not known, expected {', '.join(FORMAT_NAMES)}")
    try:
        raw = _read_raw(path, table_format, columns)
    except InputError:
        raise
    except Exception as error:  # every reader has errors of its own for a file that is not what it should be
        reason = first_line(error)
        raise InputError(f"{path}: expected a table in {table_format}, but it cannot be read: {reason}") from None
    table: dict[str, pd.Series] = {}
    unreadable: dict[str, int] = {}
    for name, column in columns.items():
        where = f"{path}: column '{column}' (catalogs, {_key(name)})"
        numeric = name in (*POSITION_COLUMNS, *COVARIATES)
        if numeric or (name not in TEXT_COLUMNS and _is_mostly_numbers(raw[column])):
            table[name], bad = _as_numbers(raw[column])
            if bad:
                unreadable[name] = bad
        else:
            table[name] = as_text(raw[column], where)
    galaxies = pd.DataFrame(table)
    galaxies.attrs["unreadable_cells"] = unreadable
    return galaxies


def format_by_name(path: Path) -> str:
    """The format that a file's name gives; `InputError` where it gives none."""
    if found := format_of_name(path.name):
        return found
    raise InputError(f"{path}: the name gives no format, expected {', '.join(FORMAT_SUFFIXES)}, or the key `format`")


def _read_raw(path: Path, table_format: str, columns: Mapping[str, str]) -> pd.DataFrame:
    if table_format == "parquet":
        with pq.ParquetFile(path) as file:
            _check_columns(path, columns, file.schema_arrow.names)
            for name, column in columns.items():
                # What a TAP service states of units is in the fields.
                unit = (file.schema_arrow.field(column).metadata or {}).get(b"unit")
                _check_unit(path, name, column, units.Unit(unit.decode(), parse_strict="silent") if unit else None)
            table = file.read(columns=sorted(set(columns.values())))
        # With pandas' own metadata a column could come back as the index; without nullable integers, ids as floats.
        raw = table.replace_schema_metadata(None).to_pandas(integer_object_nulls=True)
        return raw.astype({name: object for name in raw if isinstance(raw[name].dtype, pd.CategoricalDtype)})
    if table_format == "csv":
        with warnings.catch_warnings():
            # Rows longer than the header, which pandas would cut.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # As text first: a 19-digit id read as a number beside an empty cell would lose its last digits.
            raw = pd.read_csv(path, dtype=str, index_col=False, skipinitialspace=True, low_memory=False)
        _check_columns(path, columns, list(raw))
        return raw
    table = Table.read(path, **_ASTROPY[table_format])
    _check_columns(path, columns, table.colnames)
    for name, column in columns.items():
        if len(table[column].shape) > 1:
            raise InputError(f"{path}: column '{column}' (catalogs, {_key(name)}) has several values in a cell")
        _check_unit(path, name, column, getattr(table[column], "unit", None))
    return table[sorted(set(columns.values()))].to_pandas(use_nullable_int=True)


def _check_unit(path: Path, name: str, column: str, unit: units.UnitBase | None) -> None:
    # A unit that astropy does not know is most often a misspelt one of degrees.
    known = unit is not None and not isinstance(unit, units.UnrecognizedUnit)
    if name in POSITION_COLUMNS and known and unit not in (units.dimensionless_unscaled, units.deg):
        raise InputError(f"{path}: column '{column}' (catalogs, {_key(name)}) is in {unit}, expected degrees")


def _key(name: str) -> str:
    """The key of the configuration that names a column: other keys than `columns` come with a dot in them."""
    return name if "." in name else f"columns.{name}"


def _check_columns(path: Path, columns: Mapping[str, str], present: list[str]) -> None:
    for name, column in columns.items():
        if column not in present:
            folded = {other.casefold().strip(): other for other in present}
            near = get_close_matches(column.casefold().strip(), folded, n=3)
            hint = f"did you mean {' or '.join(repr(folded[match]) for match in near)}?" if near else None
            hint = hint or f"it has {', '.join(present[:20])}{', ...' if len(present) > 20 else ''}"
            raise InputError(f"{path}: has no column '{column}' (catalogs, {_key(name)}); {hint}")


def _as_numbers(cells: pd.Series) -> tuple[pd.Series, int]:
    """Cells as float64, NaN where there is no number; and how many are not empty and no number."""
    numbers = pd.to_numeric(_decoded(cells), errors="coerce").astype("float64")
    return numbers, int((numbers.isna() & ~_is_empty(cells)).sum())


def _is_mostly_numbers(cells: pd.Series) -> bool:
    """Whether at least half of the cells that are not empty are numbers that float64 can hold."""
    known = cells[~_is_empty(cells)]
    numbers, _ = _as_numbers(known)
    return len(known) > 0 and bool((numbers.abs() < _FLOAT_INTEGERS).mean() >= 0.5)


def as_text(cells: pd.Series, where: str) -> pd.Series:
    """Cells as text without blanks around it, None where empty; whole numbers without a decimal point.

    Raises
    ------
    InputError
        (beginning with `where`) for floating-point numbers that are not whole or too large to be exact, also where
        they were written as text (`5.877E+17`): these no longer distinguish ids.
    """
    if pd.api.types.is_float_dtype(cells):
        cells = cells.where(np.isfinite(cells.astype("float64")))
        _refuse(cells[(cells.abs() >= _FLOAT_INTEGERS) | (cells != np.trunc(cells)) & cells.notna()], where)
        cells = cells.astype("Int64")
    if _is_numeric(cells):
        text = cells.astype("string").astype(object)
    else:
        text = _decoded(cells).astype(object)
        _refuse(text[text.str.fullmatch(_EXPONENT).eq(True)], where)
        whole = text.str.fullmatch(_WHOLE).eq(True)
        _refuse(text[whole][text[whole].astype("float64").abs() >= _FLOAT_INTEGERS], where)
        text[whole] = text[whole].str.replace(r"\..*", "", regex=True)
    return text.where(~_is_empty(text), None)


def _refuse(lossy: pd.Series, where: str) -> None:
    if len(lossy):
        raise InputError(
            f"{where} holds floating-point numbers such as {lossy.iloc[0]}, expected integers or text, which keep"
            " every digit"
        )


def _is_numeric(cells: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)


def _decoded(cells: pd.Series) -> pd.Series:
    """Numbers as they are, anything else as text without blanks around it."""
    return cells if _is_numeric(cells) else cells.map(_one_text, na_action="ignore")


def _one_text(cell: Any) -> str:
    return (cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell)).strip()


def _is_empty(cells: pd.Series) -> pd.Series:
    return cells.isna() | _decoded(cells).eq("")
