"""The columns of a table before it is read: their names, units and UCDs."""

import csv
import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from astropy.io import fits
from astropy.io.votable import parse_single_table
from astropy.table import Table, meta

from workflow_scripts.catalogs.readers import format_by_name
from workflow_scripts.errors import InputError, first_line

# `ra [rad]`, `RA (hourangle)`: how units are written into the names of columns that have no place for them.
_UNIT_IN_NAME = re.compile(r"[\[(]\s*([A-Za-z]+)\s*[\])]\s*$")


@dataclass(frozen=True)
class Column:
    """A column's name, its unit as text and its UCD, each empty where the table says nothing."""

    name: str
    unit: str = ""
    ucd: str = ""


def read_header(path: str | Path, table_format: str | None = None) -> list[Column]:
    """The columns of a table, in their order.

    `table_format` is as for `readers.read_catalog`. Raises `InputError` where the file is missing, its format is not
    known, or it cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: the catalog does not exist")
    table_format = table_format or format_by_name(path)
    try:
        columns = _READERS[table_format](path)
    except Exception as error:  # every reader has errors of its own for a file that is not what it should be
        reason = first_line(error)
        raise InputError(f"{path}: expected a table in {table_format}, but it cannot be read: {reason}") from None
    if not columns:
        raise InputError(f"{path}: expected a table in {table_format}, but it has no columns")
    return columns


def _csv(path: Path) -> list[Column]:
    read = gzip.open if path.suffix.lower() == ".gz" else open
    with read(path, "rt", encoding="utf-8") as file:
        names = next(csv.reader(file, skipinitialspace=True), [])
    # A byte-order mark is no part of the first name.
    names = [name.removeprefix("\ufeff") for name in names]
    return [Column(name, found.group(1) if (found := _UNIT_IN_NAME.search(name)) else "") for name in names]


def _parquet(path: Path) -> list[Column]:
    schema = pq.read_schema(path)
    described = {}
    if header := (schema.metadata or {}).get(b"table_meta_yaml"):
        # What astropy writes beside its columns.
        entries = meta.get_header_from_yaml(header.decode().split("\n"))["datatype"]
        described = {entry["name"]: entry for entry in entries}
    columns = []
    for field in schema:
        own = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        entry = described.get(field.name, {})
        unit, ucd = own.get("unit", entry.get("unit", "")), own.get("ucd", (entry.get("meta") or {}).get("ucd", ""))
        columns.append(Column(field.name, str(unit or ""), str(ucd or "")))
    return columns


def _fits(path: Path) -> list[Column]:
    with fits.open(path) as file:
        table = next(part for part in file if isinstance(part, fits.BinTableHDU | fits.TableHDU))
        return [
            Column(column.name, column.unit or "", str(table.header.get(f"TUCD{number}", "")))
            for number, column in enumerate(table.columns, start=1)
        ]


def _votable(path: Path) -> list[Column]:
    fields = parse_single_table(path).fields
    return [Column(field.name or field.ID, str(field.unit or ""), str(field.ucd or "")) for field in fields]


def _ecsv(path: Path) -> list[Column]:
    table = Table.read(path, format="ascii.ecsv")
    return [Column(name, str(table[name].unit or ""), str(table[name].meta.get("ucd", ""))) for name in table.colnames]


_READERS = {"csv": _csv, "parquet": _parquet, "fits": _fits, "votable": _votable, "ecsv": _ecsv}
