"""The catalog piece by piece: raw rows in, galaxies that passed the hygiene gate out.

Parquet is read in pieces of a million rows, so that a catalog may be larger than memory; the other formats come whole.
What all pieces must know of each other, the classes that occur and the galaxies that repeat, is found in a first pass
which keeps some 20 bytes a galaxy.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workflow_scripts.audits.columns import ChosenColumns
from workflow_scripts.catalogs.hygiene import PROBLEMS, clean, repeated_galaxies
from workflow_scripts.catalogs.readers import as_text, format_by_name, read_catalog
from workflow_scripts.errors import InputError, first_line

log = logging.getLogger(__name__)

ROWS_A_PIECE = 1_000_000
_STRIP_ROWS = 1_000_000
_MOST_CLASSES = 1000
_CATALOG_KEY = re.compile(r" \(catalogs, columns\.\w+\)")


@dataclass(frozen=True)
class Source:
    """A table and its columns, ready to be read; `hygiene` has the settings of `hygiene.clean`."""

    path: Path
    table_format: str
    columns: ChosenColumns
    hygiene: Mapping[str, Any]
    rows_a_piece: int = ROWS_A_PIECE
    _whole: list[pd.DataFrame] = field(default_factory=list, repr=False)

    @classmethod
    def of(
        cls,
        path: str | Path,
        columns: ChosenColumns,
        hygiene: Mapping[str, Any],
        table_format: str | None = None,
        rows_a_piece: int = ROWS_A_PIECE,
    ) -> "Source":
        """A source whose format is told by the file's name where it is not given."""
        return cls(Path(path), table_format or format_by_name(Path(path)), columns, hygiene, rows_a_piece)

    @classmethod
    def in_memory(cls, source: "Source", columns: ChosenColumns, rows: pd.DataFrame) -> "Source":
        """`rows`, in the form of `pieces`, in place of those of a source."""
        return cls(source.path, "memory", columns, source.hygiene, source.rows_a_piece, [rows])

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Names, in pieces, of the columns that hold classes."""
        names = tuple(f"annotation{number}" for number in range(len(self.columns.labels)))
        return names + (("reference",) if self.columns.reference else ())

    def pieces(self) -> Iterator[pd.DataFrame]:
        """Rows as they are in the file.

        Columns `source_id` (number of the row where the table has none), `ra`, `dec` (degrees), a categorical of texts
        for each of `label_columns`, and numbers for `score` and for covariates, each by `covariate:` and its name in
        the file.
        """
        if self.table_format == "parquet":
            yield from self._parquet_pieces()
            return
        if not self._whole:
            self._whole.append(self._whole_table())
        yield self._whole[0]

    def _roles(self) -> dict[str, str]:
        """Column of the file by its name in pieces."""
        columns = self.columns
        roles = {"longitude": columns.ra, "latitude": columns.dec}
        roles |= {f"annotation{number}": name for number, name in enumerate(columns.labels)}
        optional = {"reference": columns.reference, "score": columns.score, "source_id": columns.source_id}
        roles |= {role: name for role, name in optional.items() if name}
        return roles | {f"covariate:{name}": name for name in columns.covariates}

    def _whole_table(self) -> pd.DataFrame:
        roles = self._roles()
        # The reader keeps the first annotation as text whatever most of its cells are.
        names = {role.replace("annotation0", "label"): column for role, column in roles.items()}
        try:
            raw = read_catalog(self.path, names, self.table_format)
        except InputError as error:
            # The reader names keys of the configuration, which the user of an audit has not written.
            raise InputError(_CATALOG_KEY.sub("", str(error))) from None
        raw = raw.rename(columns={"label": "annotation0"})
        texts = {
            role: pd.Categorical(as_text(raw[role], f"{self.path}: column '{roles[role]}'"))
            for role in self.label_columns
        }
        return self._as_piece(raw.assign(**texts), 0)

    def _parquet_pieces(self) -> Iterator[pd.DataFrame]:
        roles = self._roles()
        start = 0
        try:
            with pq.ParquetFile(self.path) as file:
                wanted = sorted(set(roles.values()))
                for batch in file.iter_batches(batch_size=self.rows_a_piece, columns=wanted):
                    raw = pd.DataFrame({role: self._cells(batch.column(name), role) for role, name in roles.items()})
                    yield self._as_piece(raw, start)
                    start += len(raw)
        except pa.ArrowException as error:
            raise InputError(
                f"{self.path}: expected a table in parquet, but it cannot be read: {first_line(error)}"
            ) from None

    def _cells(self, array: pa.Array, role: str) -> Any:
        if role in self.label_columns:
            # Classes are few: texts are made of the distinct values only.
            encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
            where = f"{self.path}: column '{self._roles()[role]}'"
            values = encoded.dictionary.to_pandas(integer_object_nulls=True)
            if len(values) > _MOST_CLASSES:
                raise InputError(f"{where} has more than {_MOST_CLASSES} values, expected the classes of galaxies")
            texts = as_text(values, where).to_numpy(object)
            codes = pc.fill_null(encoded.indices, len(texts)).to_numpy(zero_copy_only=False)
            return pd.Categorical(np.array([*texts, None], object)[codes])
        return array.to_pandas(integer_object_nulls=role == "source_id")

    def _as_piece(self, raw: pd.DataFrame, start: int) -> pd.DataFrame:
        columns: dict[str, Any] = {}
        if "source_id" in raw:
            columns["source_id"] = as_text(raw["source_id"], f"{self.path}: column '{self.columns.source_id}'")
        else:
            columns["source_id"] = np.arange(start, start + len(raw))
        columns["ra"] = self._numbers(raw["longitude"], self.columns.ra, "degrees") * self.columns.ra_degrees
        columns["dec"] = self._numbers(raw["latitude"], self.columns.dec, "degrees") * self.columns.dec_degrees
        columns |= {role: raw[role].array for role in self.label_columns}
        for role, name in ((role, name) for role, name in self._roles().items() if role == "score" or ":" in role):
            columns[role] = self._numbers(raw[role], name, "values")
        return pd.DataFrame(columns)

    def _numbers(self, cells: pd.Series, name: str, what: str) -> NDArray[np.float64]:
        if not pd.api.types.is_numeric_dtype(cells) or pd.api.types.is_bool_dtype(cells):
            known = cells.dropna()
            if len(known):
                shown = f"holds text such as '{known.iloc[0]}'"
                raise InputError(f"{self.path}: column '{name}' {shown}, expected {what} as numbers")
            return np.full(len(cells), np.nan)
        return cells.to_numpy(np.float64, na_value=np.nan)


@dataclass(frozen=True)
class Overview:
    """What the first pass found.

    `rows` of the table; how often each class occurs at a usable position, by label column; which rows (n,) repeat a
    galaxy of earlier rows, `repeated` with the same labels and `repeated_id` with the same id (None where one piece is
    all); and how many `contradicting` rows repeat a galaxy with other labels.
    """

    rows: int
    classes: dict[str, dict[str, int]]
    repeated: NDArray[np.bool_]
    repeated_id: NDArray[np.bool_] | None
    contradicting: int


def overview(source: Source) -> Overview:
    """First pass over a source: positions and labels.

    A galaxy that is listed twice with the same labels counts twice, and raises every significance; these rows are to be
    dropped. Listed with different labels, it says nothing, and which row to drop is anyone's guess: both are kept, and
    counted. Raises `InputError` as the reader does, and for a table without rows.
    """
    counts: dict[str, Counter[str]] = {name: Counter() for name in source.label_columns}
    annotations = [name for name in source.label_columns if name != "reference"]
    positions, ids, kinds, rows, any_usable = [], [], [], 0, False
    numbers: dict[tuple, int] = {}
    for piece in source.pieces():
        rows += len(piece)
        usable = _usable(piece, source.hygiene["sentinels"])
        for name, counter in counts.items():
            counter.update({str(value): int(n) for value, n in piece.loc[usable, name].value_counts().items() if n})
        any_usable |= bool(usable.any())
        # A row without a label repeats nothing: it is left out anyway.
        usable &= piece[annotations].notna().all(axis=1)
        positions.append(np.where(usable.to_numpy()[:, None], piece[["ra", "dec"]].to_numpy(), np.nan))
        kinds.append(_kinds(piece, annotations, numbers))
        if source.columns.source_id:
            ids.append(pd.util.hash_array(piece["source_id"].to_numpy(object)))
    if not rows:
        raise InputError(f"{source.path}: the table has no rows, expected galaxies")
    ra, dec = np.concatenate(positions).T
    if not any_usable:
        raise InputError(f"{source.path}: none of {rows} rows has a usable position, expected ICRS degrees")
    kind, radius = np.concatenate(kinds), source.hygiene["radius_arcsec"]
    repeated: NDArray[np.bool_] = np.zeros(rows, bool)
    for number in range(len(numbers)):
        members = np.flatnonzero(kind == number)
        repeated[members] = repeated_in_strips(ra[members], dec[members], radius)
    once = np.flatnonzero(~repeated)
    contradicting = int(repeated_in_strips(ra[once], dec[once], radius).sum())
    repeated_id = pd.Series(np.concatenate(ids)).duplicated().to_numpy() if len(ids) > 1 else None
    classes = {name: dict(sorted(counter.items())) for name, counter in counts.items()}
    return Overview(rows, classes, repeated, repeated_id, contradicting)


def _usable(piece: pd.DataFrame, sentinels: list[float]) -> pd.Series:
    in_range = piece["ra"].between(-180, 360) & piece["dec"].between(-90, 90)
    return in_range & ~piece[["ra", "dec"]].isin(sentinels).any(axis=1)


def _kinds(piece: pd.DataFrame, annotations: list[str], numbers: dict[tuple, int]) -> NDArray[np.int32]:
    """Number of each row's combination of labels, new ones being added to `numbers`."""
    categories = [[*piece[name].cat.categories, ""] for name in annotations]
    shape = tuple(map(len, categories))
    # Missing labels, code -1, are the last of each.
    codes = [piece[name].cat.codes.to_numpy() % size for name, size in zip(annotations, shape, strict=True)]
    together, row = np.unique(np.ravel_multi_index(codes, shape), return_inverse=True)
    named = [
        tuple(names[code] for names, code in zip(categories, np.unravel_index(number, shape), strict=True))
        for number in together
    ]
    return np.array([numbers.setdefault(name, len(numbers)) for name in named], np.int32)[row]


def repeated_in_strips(ra: NDArray, dec: NDArray, radius_arcsec: float) -> NDArray[np.bool_]:
    """`hygiene.repeated_galaxies` for many rows: strip by strip of declination, neighbouring strips overlapping.

    Rows without a usable position repeat nothing. A chain of galaxies closer than the radius that crosses the border of
    a strip may lose one galaxy more.
    """
    repeated: NDArray[np.bool_] = np.zeros(len(ra), bool)
    if not radius_arcsec:
        return repeated
    usable = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    order = usable[np.argsort(dec[usable], kind="stable")]
    for start in range(0, len(order), _STRIP_ROWS):
        end = min(start + _STRIP_ROWS, len(order))
        reach = dec[order[end - 1]] + 2 * radius_arcsec / 3600
        end = int(np.searchsorted(dec[order], reach, side="right"))
        rows = np.sort(order[start:end])
        repeated[rows[repeated_galaxies(ra[rows], dec[rows], radius_arcsec)]] = True
    return repeated


def galaxies(source: Source, found: Overview) -> Iterator[tuple[pd.DataFrame, dict[str, Any]]]:
    """Second pass: every piece through the hygiene gate, with its report. Raises `InputError` where nothing is left."""
    # Galaxies that repeat were found across pieces.
    settings = {**source.hygiene, "radius_arcsec": 0.0}
    start, left, nothing = 0, 0, ""
    for piece in source.pieces():
        rows = slice(start, start + len(piece))
        start = rows.stop
        drop = {"repeated_galaxy": found.repeated[rows]}
        if found.repeated_id is not None:
            drop["repeated_id"] = found.repeated_id[rows] & ~drop["repeated_galaxy"]
        kept = piece[~np.logical_or.reduce(list(drop.values()))]
        if kept.empty:
            continue
        try:
            cleaned, report = clean(kept, settings, str(source.path))
        except InputError as error:
            if "none of" not in str(error):
                raise
            nothing = str(error)
            continue
        report["rows_in"] = len(piece)
        for problem, repeats in drop.items():
            report["problems"][problem]["rows"] += int(repeats.sum())
        left += len(cleaned)
        yield cleaned, report
    if not left:
        raise InputError(nothing or f"{source.path}: no row is usable, expected at least one")


def joined_reports(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """The reports of all pieces as one."""
    problems = {name: sum(report["problems"][name]["rows"] for report in reports) for name in PROBLEMS}
    blanked: Counter[str] = Counter()
    for report in reports:
        blanked.update(report["sentinels_in_covariates"])
    return {
        "rows_in": sum(report["rows_in"] for report in reports),
        "rows_out": sum(report["rows_out"] for report in reports),
        "dropped": {name: rows for name, rows in problems.items() if rows},
        "right_ascensions_wrapped": sum(report["right_ascensions_wrapped"] for report in reports),
        "sentinels_in_covariates": dict(blanked),
    }
