"""The rows of a table in pieces.

Parquet is read in pieces of a million rows, so that a catalog may be larger than memory; the other formats come whole.
"""

import re
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

from workflow_scripts.audits.table_columns import ChosenColumns
from workflow_scripts.catalogs.readers import as_text, format_by_name, read_catalog
from workflow_scripts.errors import InputError, first_line

ROWS_A_PIECE = 1_000_000
_MOST_CLASSES = 1000
_CATALOG_KEY = re.compile(r" \(catalogs, columns\.\w+\)")


@dataclass(frozen=True)
class TableSource:
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
    ) -> "TableSource":
        """A source whose format is that of the file's name where it is not given."""
        return cls(Path(path), table_format or format_by_name(Path(path)), columns, hygiene, rows_a_piece)

    @classmethod
    def in_memory(cls, source: "TableSource", columns: ChosenColumns, rows: pd.DataFrame) -> "TableSource":
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
