"""The columns of a table before it is read: names, units and UCDs, and which of them hold positions and labels."""

import csv
import gzip
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from astropy import units
from astropy.io import fits
from astropy.io.votable import parse_single_table
from astropy.table import Table, meta

from workflow_scripts.catalogs.readers import format_by_name
from workflow_scripts.errors import InputError, first_line

log = logging.getLogger(__name__)

_NAMES = {
    "ra": "ra raj2000 ra_j2000 ra_icrs raicrs _ra _raj2000 ra_deg radeg alpha_j2000 right_ascension ra_mean ramean"
    " alphawin_j2000",
    "dec": "dec dej2000 decj2000 dec_j2000 de_icrs dec_icrs deicrs _dec _dej2000 _de dec_deg decdeg delta_j2000"
    " declination dec_mean decmean deltawin_j2000",
    "label": "label class classification morphology annotation prediction predicted_class morph galaxy_type type spin"
    " direction",
}
_UCDS = {"ra": ("pos.eq.ra", "pos_eq_ra"), "dec": ("pos.eq.dec", "pos_eq_dec"), "label": ("src.morph.type",)}
# How programs write units of angle that astropy spells otherwise.
_SPELLINGS = {"degree": "deg", "degrees": "deg", "radian": "rad", "radians": "rad", "hours": "hourangle"}
_SPELLINGS |= {"hour": "hourangle", "h": "hourangle", "hr": "hourangle"}
# `ra [rad]`, `RA (hourangle)`: how units are written into the names of columns that have no place for them.
_UNIT_IN_NAME = re.compile(r"[\[(]\s*([A-Za-z]+)\s*[\])]\s*$")


@dataclass(frozen=True)
class Column:
    """A column's name, its unit as text and its UCD, each empty where the table has none."""

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


@dataclass(frozen=True)
class ChosenColumns:
    """Columns of the table by the part they play, and what turns positions into degrees.

    `labels` are the annotation columns; `reference`, `score` and `source_id` are None where there is none.
    """

    ra: str
    dec: str
    labels: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    reference: str | None = None
    score: str | None = None
    source_id: str | None = None
    ra_degrees: float = 1.0
    dec_degrees: float = 1.0

    def as_dict(self) -> dict[str, Any]:
        """For the summary."""
        return {
            "ra": self.ra,
            "dec": self.dec,
            "label": list(self.labels),
            "covariates": list(self.covariates),
            "reference": self.reference,
            "score": self.score,
            "source_id": self.source_id,
        }


def choose_columns(
    header: Sequence[Column],
    file: str,
    ra: str | None = None,
    dec: str | None = None,
    labels: Sequence[str] = (),
    covariates: Sequence[str] = (),
    reference: str | None = None,
    score: str | None = None,
    source_id: str | None = None,
) -> ChosenColumns:
    """Find the columns that were named, guess the others, and look at the units of positions.

    Raises
    ------
    InputError
        for a column that is missing or that several columns could be, one that was named twice, or a unit of a position
        that is no angle.
    """
    position = {part: _one(header, file, part, name) for part, name in (("ra", ra), ("dec", dec))}
    chosen = [_one(header, file, "label", name) for name in labels] or [_one(header, file, "label", None)]
    found = ChosenColumns(
        ra=position["ra"].name,
        dec=position["dec"].name,
        labels=tuple(column.name for column in chosen),
        covariates=tuple(_one(header, file, "covariates", name).name for name in covariates),
        reference=_one(header, file, "reference", reference).name if reference else None,
        score=_one(header, file, "score", score).name if score else None,
        source_id=_one(header, file, "source-id", source_id).name if source_id else None,
        ra_degrees=_degrees(position["ra"], file),
        dec_degrees=_degrees(position["dec"], file),
    )
    roles = [found.ra, found.dec, *found.labels, *([found.reference] if found.reference else [])]
    twice = next((name for name in roles if roles.count(name) > 1), None)
    if twice:
        raise InputError(f"{file}: column '{twice}' was given for two things, expected a column for each")
    return found


def _one(header: Sequence[Column], file: str, part: str, name: str | None) -> Column:
    if name is None:
        return _guessed(header, file, part)
    exact = [column for column in header if column.name == name]
    matches = exact or [column for column in header if column.name.casefold().strip() == name.casefold().strip()]
    if len(matches) > 1:
        listed = ", ".join(f"'{column.name}'" for column in matches)
        raise InputError(f"{file}: {len(matches)} columns could be '{name}' (--{part}): {listed}; expected one")
    if matches:
        return matches[0]
    present = [column.name for column in header]
    folded = {other.casefold().strip(): other for other in present}
    near = get_close_matches(name.casefold().strip(), folded, n=3)
    hint = f"did you mean {' or '.join(repr(folded[match]) for match in near)}?" if near else None
    hint = hint or f"it has {', '.join(present[:20])}{', ...' if len(present) > 20 else ''}"
    raise InputError(f"{file}: has no column '{name}' (--{part}); {hint}")


def _guessed(header: Sequence[Column], file: str, part: str) -> Column:
    names = _NAMES[part].split()
    by_ucd = [column for column in header if column.ucd.lower().startswith(_UCDS[part])]
    # Errors and proper motions have the same start.
    by_ucd = [column for column in by_ucd if "stat" not in column.ucd.lower() and "pm" not in column.ucd.lower()]
    main = [column for column in by_ucd if "meta.main" in column.ucd.lower() or column.ucd.lower().endswith("_main")]
    # `ra [rad]` is a right ascension, too.
    by_name = [column for column in header if re.split(r"[\[(]", column.name.casefold())[0].strip() in names]
    for candidates, source in ((main, "UCD"), (by_ucd, "UCD"), (by_name, "name")):
        if len(candidates) == 1:
            log.info("column '%s' is taken for %s, by its %s", candidates[0].name, part, source)
            return candidates[0]
        if len(candidates) > 1:
            listed = ", ".join(f"'{column.name}'" for column in candidates)
            raise InputError(f"{file}: {len(candidates)} columns could be the {part}: {listed}; name one with --{part}")
    present = [column.name for column in header]
    shown = f"{', '.join(present[:20])}{', ...' if len(present) > 20 else ''}"
    raise InputError(f"{file}: no column looks like the {part}, name it with --{part}; it has {shown}")


def _degrees(column: Column, file: str) -> float:
    """Degrees in a unit of the column; 1 where it names none."""
    text = column.unit.strip()
    if not text:
        return 1.0
    try:
        unit = units.Unit(_SPELLINGS.get(text.casefold(), text))
        if unit == units.dimensionless_unscaled:
            return 1.0
        factor = float(unit.to(units.deg))
    except (ValueError, TypeError, units.UnitConversionError):
        raise InputError(
            f"{file}: column '{column.name}' is in {text}, expected degrees, or another unit of angle"
        ) from None
    if factor != 1:
        log.info("column '%s' is in %s: converted to degrees", column.name, text)
    return factor
