"""The one reader of tables of galaxies: the columns that play a part, in pieces, converted to the project's units."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from astropy import units
from numpy.typing import NDArray

from workflow_scripts.catalogs.cells import (
    MOST_CLASSES,
    as_classes,
    as_numbers,
    as_text,
    equals_any,
    shown_text,
)
from workflow_scripts.catalogs.columns import find_column, guess_column, has_named, has_positions, looks_like
from workflow_scripts.catalogs.formats import POSITION_COLUMNS
from workflow_scripts.catalogs.number_ranges import NumberRange
from workflow_scripts.catalogs.opening import open_table
from workflow_scripts.catalogs.positions import PositionKeys, PositionReader
from workflow_scripts.catalogs.selection import Selection
from workflow_scripts.catalogs.table_formats.table_file import Column, Piece, TableFile, of_one_size
from workflow_scripts.errors import InputError
from workflow_scripts.progress import counted

log = logging.getLogger(__name__)

ROWS_A_PIECE = 1_000_000
_ARCSECONDS = "_arcsec"
# Before the name of a column that only the selection of rows uses.
_SELECT = "select:"


@dataclass(frozen=True)
class TableOptions:
    """How a table is to be read; `keys` are what a user would write to set each, for messages.

    `table_format` (None: by content), `hdu` (name or number of a table, None: the only one that has the columns),
    `position_unit` and `frame` (None: as the table states), `select` (rows), `missing` (texts and
    numbers that mean "not known"), `sentinels` (numbers that do so where classes are ranges, and in `select`).
    """

    table_format: str | None = None
    hdu: str | int | None = None
    position_unit: str | None = None
    frame: str | None = None
    select: str | None = None
    missing: tuple[str, ...] = ()
    sentinels: tuple[float, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing_numbers(self) -> tuple[float, ...]:
        """Those of `missing` that are numbers."""
        numbers = pd.to_numeric(pd.Series(self.missing, dtype=object), errors="coerce")
        return tuple(float(number) for number in numbers.dropna())

    def key(self, name: str) -> str:
        """What the user would write to set an option."""
        return self.keys.get(name, f"catalogs, {name}")


@dataclass(frozen=True)
class Parts:
    """The parts that columns play, each by the name that it has in what is read, with the table's column.

    `positions` are right ascension and declination, None to be guessed. `classes` become categoricals (None: the label,
    guessed), `texts` texts with every digit, `numbers` float64, and `others` what most of their cells are. `keys` is
    what a user would write to name the column of a part, `ranges` has the ranges of numbers that are the classes of a
    part, `defaults` columns that a part has, where the table has them, before they are guessed, and `most` how many
    values the classes of a part may have, where that is fewer than for all.
    """

    positions: tuple[str | None, str | None]
    classes: Mapping[str, str | None] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    ranges: Mapping[str, Sequence[NumberRange]] = field(default_factory=dict)
    defaults: Mapping[str, str | None] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)

    @property
    def named(self) -> dict[str, str | None]:
        """All parts but the positions, with their columns."""
        return {**self.classes, **self.texts, **self.numbers, **self.others}

    def key(self, part: str) -> str:
        """What the user would write to name the column of a part."""
        return self.keys.get(part, part)


@dataclass
class CatalogTable:
    """A table that was opened, with the columns of its parts.

    `pieces` may be read more than once; `unreadable` counts, by part, the cells that should be numbers and are not, and
    `rows` those of the last reading, of which `selected` were selected.
    """

    path: str
    file: TableFile
    parts: Parts
    options: TableOptions
    columns: Mapping[str, Column]
    positions: PositionReader
    selection: Selection | None
    unreadable: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    selected: int = 0

    @classmethod
    def of(cls, path: str, parts: Parts, options: TableOptions) -> "CatalogTable":
        """Open a table.

        Raises
        ------
        InputError
            where the file is missing or not of its format, a column is not there or could be several, or positions are
            in a unit or frame that is not known.
        """
        selection = Selection.of(options.select, options.key("select")) if options.select else None
        given = [name for name in parts.positions if name]
        needed = [*given, *filter(None, parts.named.values()), *_names(selection)]

        def is_meant(file: TableFile) -> bool:
            named = has_named(file.columns, file.coordinates, needed)
            return named and (len(given) == 2 or has_positions(file.columns))

        file = open_table(path, options.table_format, options.hdu, options.key("hdu"), is_meant)
        for note in file.notes:
            log.info("%s: %s", path, note)
        columns = {}
        for part, given_name in parts.named.items():
            name = given_name or _default(file, parts, part)
            if name is None:
                columns[part] = guess_column(file.columns, path, "label", parts.key(part))
            else:
                columns[part] = find_column(file.columns, path, name, parts.key(part))
        for name in _names(selection):
            columns[f"{_SELECT}{name}"] = find_column(file.columns, path, name, options.key("select"))
        at = _position_columns(path, file, parts)
        keys = PositionKeys(parts.key("ra"), parts.key("dec"), options.key("position_unit"), options.key("frame"))
        positions = PositionReader.of(path, at, keys, options.position_unit, options.frame)
        return cls(path, file, parts, options, columns, positions, selection)

    def where(self, part: str) -> str:
        """The beginning of a message on the column of a part."""
        key = self.options.key("select") if part.startswith(_SELECT) else self.parts.key(part)
        return f"{self.path}: column '{self.columns[part].name}' ({key})"

    def pieces(self, rows: int = ROWS_A_PIECE) -> Iterator[dict[str, Any]]:
        """The selected rows, in the order of the table, in pieces of about so many.

        By part: `row` (number in the table), `ra` and `dec` (ICRS degrees, float64), a categorical of each class, texts
        (pa.Array), numbers (float64), and other columns as they are stored (pa.Array).
        """
        total = self.file.rows or self.rows or None
        self.rows = self.selected = 0
        self.unreadable, self.positions.sexagesimal, self.positions.unreadable = {}, 0, {}
        odd: dict[str, str] = {}
        known: set[str] = set()
        names = [column.name for column in (*self.positions.columns, *self.columns.values())]
        read = of_one_size(self.file.pieces(list(dict.fromkeys(names)), rows), rows, self.path)
        for raw in counted(read, total, "rows", f"reading {self.path}", size=_rows_of):
            n = _rows_of(raw)
            numbers = np.arange(self.rows, self.rows + n)
            self.rows += n
            if self.selection is not None:
                chosen = self._selected(raw, odd, known)
                raw = {name: cells.filter(chosen) for name, cells in raw.items()}
                numbers = numbers[chosen.to_numpy(zero_copy_only=False)]
            self.selected += len(numbers)
            yield self._piece(raw, odd, known) | {"row": numbers}
        self.positions.check()
        for part, text in odd.items():
            if part not in known:
                hint = "; compare it with texts in quotes" if part.startswith(_SELECT) else ""
                raise InputError(f"{self.where(part)} holds text such as '{text}', expected numbers{hint}")

    def report(self) -> dict[str, Any]:
        """What was found about the table when it was read: for summaries and logs."""
        longitude, latitude = self.positions.columns
        found: dict[str, Any] = {"ra": longitude.name, "dec": latitude.name, "frame": self.positions.frame}
        found["units"] = [unit or "degrees (no unit)" for unit in self.positions.units]
        if self.file.name:
            found["table"] = self.file.name
        if self.positions.sexagesimal:
            found["sexagesimal_rows"] = self.positions.sexagesimal
        if self.selection is not None:
            found |= {"select": self.selection.text, "rows": self.rows, "selected": self.selected}
        if self.file.notes:
            found["notes"] = list(self.file.notes)
        return found

    def log_report(self) -> None:
        """Log what was converted and selected."""
        for column, unit in zip(self.positions.columns, self.positions.units, strict=True):
            if unit not in (None, "degrees"):
                log.info("column '%s' is in %s: converted to degrees", column.name, unit)
        pairs = zip(self.positions.columns, POSITION_COLUMNS, strict=True)
        if not any(looks_like(column, part) for column, part in pairs):
            names = [column.name for column in self.positions.columns]
            log.info("'%s' and '%s' are taken for %s coordinates", *names, self.positions.frame)
        if self.positions.frame != "icrs":
            log.info("positions are %s coordinates: converted to ICRS", self.positions.frame)
        if self.positions.sexagesimal:
            log.info("%d sexagesimal values of positions: converted to degrees", self.positions.sexagesimal)
        if self.selection is not None:
            log.info("%d of %d rows are selected by '%s'", self.selected, self.rows, self.selection.text)

    def _numbers(self, part: str, raw: Piece, odd: dict[str, str], known: set[str]) -> NDArray[np.float64]:
        """A column of numbers; one of text in `odd`, by part, and the part in `known` where it has a number."""
        cells = raw[self.columns[part].name]
        numbers, bad = as_numbers(cells, self.where(part))
        if np.isfinite(numbers).any():
            known.add(part)
        if bad:
            odd.setdefault(part, shown_text(cells))
            if not part.startswith(_SELECT):
                self.unreadable[part] = self.unreadable.get(part, 0) + bad
        not_known = self.options.missing_numbers
        if part.startswith(_SELECT):
            # Other columns lose them later, and counted.
            not_known += self.options.sentinels
        return np.where(equals_any(numbers, not_known), np.nan, numbers)

    def _selected(self, raw: Piece, odd: dict[str, str], known: set[str]) -> pa.Array:
        assert self.selection is not None
        cells: dict[str, pa.Array] = {}
        for name in self.selection.texts:
            cells[name] = as_text(raw[self.columns[f"{_SELECT}{name}"].name], f"{self.path}: column '{name}'")
        for name in self.selection.numbers:
            cells[name] = pa.array(self._numbers(f"{_SELECT}{name}", raw, odd, known), from_pandas=True)
        return self.selection.rows(cells)

    def _piece(self, raw: Piece, odd: dict[str, str], known: set[str]) -> dict[str, Any]:
        longitude, latitude = self.positions.columns
        ra, dec = self.positions.degrees(raw[longitude.name], raw[latitude.name])
        piece: dict[str, Any] = {"ra": ra, "dec": dec}
        for part in self.parts.classes:
            ranges = self.parts.ranges.get(part, ())
            not_known = (*self.options.missing_numbers, *self.options.sentinels)
            most = self.parts.most.get(part, MOST_CLASSES)
            classes = as_classes(raw[self.columns[part].name], self.where(part), ranges, not_known, most)
            missing = [name for name in classes.categories if name in self.options.missing]
            piece[part] = classes.remove_categories(missing)
        for part in self.parts.texts:
            piece[part] = self.known_texts(as_text(raw[self.columns[part].name], self.where(part)))
        for part in self.parts.numbers:
            piece[part] = self._numbers(part, raw, odd, known) * self._arcseconds(part)
        return piece | {part: raw[self.columns[part].name] for part in self.parts.others}

    def known_texts(self, texts: pa.Array) -> pa.Array:
        """Texts (n,) with null in place of those that are named as missing."""
        if not self.options.missing:
            return texts
        missing = pc.is_in(texts, pa.array(self.options.missing, pa.string()))
        return pc.if_else(missing, pa.scalar(None, pa.string()), texts)

    def _arcseconds(self, part: str) -> float:
        """Arcsec in the unit of a column that is to be in arcsec; 1 where it has none, or none of angle (pixels)."""
        if not part.endswith(_ARCSECONDS) or not (text := self.columns[part].unit):
            return 1.0
        try:
            return float(units.Unit(text).to(units.arcsec))
        except (ValueError, TypeError):
            log.warning("%s is in %s, expected arcsec: taken as it is", self.where(part), text)
            return 1.0


def _rows_of(piece: Piece) -> int:
    return len(next(iter(piece.values())))


def _names(selection: Selection | None) -> list[str]:
    return sorted(selection.texts | selection.numbers) if selection else []


def _default(file: TableFile, parts: Parts, part: str) -> str | None:
    name = parts.defaults.get(part)
    return name if any(column.name == name for column in file.columns) else None


def _position_columns(path: str, file: TableFile, parts: Parts) -> tuple[Column, Column]:
    """The columns of right ascension and declination, or longitude and latitude, named, guessed, or of coordinates."""
    found = []
    coordinates = {name.casefold(): axes for name, axes in file.coordinates.items()}
    names = {column.name for column in file.columns}
    for place, part in enumerate(POSITION_COLUMNS):
        name, key = parts.positions[place] or _default(file, parts, part), parts.key(part)
        if name is None and len(file.coordinates) == 1 and not has_positions(file.columns):
            name = next(iter(file.coordinates))
            log.info("the coordinates '%s' are taken for %s", name, part)
        if name is not None and name not in names and name.casefold() in coordinates:
            name = coordinates[name.casefold()][place]
        if name is None:
            found.append(guess_column(file.columns, path, part, key))
        else:
            found.append(find_column(file.columns, path, name, key))
    return found[0], found[1]
