"""Text with a column between each two separators: CSV and its kin, ECSV, and tables aligned by blanks.

Every row must have as many cells as the header: one with more would shift what follows.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from workflow_scripts.catalogs.table_formats.aligned_text import aligned_cells
from workflow_scripts.catalogs.table_formats.recognition import head_of, open_unpacked
from workflow_scripts.catalogs.table_formats.serialized_columns import assembled, astropy_header
from workflow_scripts.catalogs.table_formats.table_file import Column, Piece, Pieces, TableFile, guarded
from workflow_scripts.catalogs.table_formats.text_layout import (
    BLANKS,
    LINE_END,
    TextLayout,
    cells_of_line,
    text_layout,
)

_BLOCK_BYTES = 4 << 20
# Of a header in YAML: thousands of columns.
_LARGEST_HEADER = 16 << 20
_HEADER_LINE = "# "
_QUOTED = re.compile(r'^"([^"]*)"$')


def delimited_tables(path: str) -> list[TableFile]:
    """The one table of a text file. Raises `ValueError` where no header is found."""
    layout = text_layout(head_of(path))
    columns = tuple(map(Column, layout.names, layout.units))
    return [TableFile(columns, guarded(_pieces(path, layout), path, "csv"), notes=layout.notes)]


def ecsv_tables(path: str) -> list[TableFile]:
    """The one table of an ECSV file. Raises `ValueError` where it has no header in YAML, or other names below it."""
    lines, names_row = _ecsv_header(path)
    if not lines or not lines[0].startswith("%ECSV"):
        raise ValueError("it does not begin with '# %ECSV'")
    header = astropy_header(lines[1:])
    described = header["datatype"]
    names = tuple(str(entry["name"]) for entry in described)
    units = tuple(str(entry.get("unit") or "") for entry in described)
    separator = str(header.get("delimiter", " "))
    row = next(csv.reader([names_row], delimiter=separator), [])
    if row != list(names):
        raise ValueError(f"its header describes the columns {_shown(names)}, but the names below are {_shown(row)}")
    layout = TextLayout(separator, names, units, len(lines) + 1, "utf-8-sig")
    table = TableFile(tuple(map(Column, names, units)), guarded(_pieces(path, layout), path, "ecsv"))
    return [assembled(table, header)]


def _ecsv_header(path: str) -> tuple[list[str], str]:
    """The lines of the header without `# `, and the line below them."""
    lines: list[str] = []
    with open_unpacked(path) as file:
        for line in io.TextIOWrapper(file, "utf-8-sig"):
            if not line.startswith("#"):
                return lines, line.rstrip("\r\n")
            lines.append(line.rstrip("\r\n").removeprefix(_HEADER_LINE))
            if sum(map(len, lines[-1:])) > _LARGEST_HEADER or len(lines) > _LARGEST_HEADER >> 6:
                raise ValueError("its header is too long")
    return lines, ""


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:5])[:100]


class _Utf8Lines(io.RawIOBase):
    """A file of any encoding as UTF-8, whose lines are counted."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self._file, self._decoder = file, codecs.getincrementaldecoder(encoding)()
        self._plain, self.lines, self._last = encoding == "utf-8", 0, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        if not self._plain:
            text = self._decoder.decode(block, final=not block)
            while block and not text:
                block = self._file.read(size)
                text = self._decoder.decode(block, final=not block)
            block = text.encode()
        self.lines += block.count(b"\n")
        if b"\r" in block or self._last == b"\r":
            # Those of Windows end with both.
            both = (self._last + block).count(b"\r\n")
            self.lines += block.count(b"\r") - both
        if not block and self._last not in (b"\n", b"\r", b""):
            self.lines += 1
        self._last = block[-1:]
        return block


def _pieces(path: str, layout: TextLayout) -> Pieces:
    def read(names: Sequence[str], rows: int) -> Iterator[Piece]:
        places = [layout.names.index(name) for name in names]
        if layout.separator == BLANKS:
            yield from _aligned(path, layout, places, names)
            return
        gathered: list[pa.RecordBatch] = []
        read_rows = 0
        with open_unpacked(path) as file:
            lines = _Utf8Lines(file, layout.encoding)
            for batch in _batches(lines, layout, places):
                read_rows += len(batch)
                gathered.append(_checked(batch, layout, read_rows))
                if sum(map(len, gathered)) >= rows:
                    yield _joined(gathered, places, names)
                    gathered = []
        if lines.lines - layout.skipped != read_rows:
            _check_quotes(path, layout)
        yield _joined(gathered, places, names) if gathered else {name: pa.array([], pa.string()) for name in names}

    return read


def _batches(file: Any, layout: TextLayout, places: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """Rows with the columns at some places, and the first and last: comments and separators too many are seen there."""
    made_up = [str(place) for place in range(len(layout.names))]
    wanted = [str(place) for place in dict.fromkeys([*places, 0, len(made_up) - 1])]

    def of_wrong_length(row: arrow_csv.InvalidRow) -> str:
        return "skip" if row.text.startswith("#") or not row.text.strip() else "error"

    reader = arrow_csv.open_csv(
        file,
        arrow_csv.ReadOptions(
            use_threads=False, block_size=_BLOCK_BYTES, skip_rows=layout.skipped, column_names=made_up
        ),
        arrow_csv.ParseOptions(
            delimiter=layout.separator, newlines_in_values=True, invalid_row_handler=of_wrong_length
        ),
        arrow_csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.string())
            | {
                # Text of another encoding in unused columns does not matter.
                name: pa.binary()
                for name in wanted
                if int(name) not in places
            },
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    yield from reader


def _checked(batch: pa.RecordBatch, layout: TextLayout, row: int) -> pa.RecordBatch:
    """Rows without those that were commented out, and without the header where it stands again (files joined to one).

    Raises `ValueError` for names of columns in another order, for a second table below the first, and for cells beyond
    the header; `row` is the last one.
    """
    if layout.ends_with_separator and batch.column(str(len(layout.names) - 1)).null_count < len(batch):
        raise ValueError(f"a row above row {row} has more cells than the header, which would shift what follows")
    first = batch.column("0").cast(pa.binary())
    drop = pc.fill_null(pc.starts_with(first, "#"), False)
    if drop.true_count > 0.5 * len(batch):
        # Ids that begin so.
        drop = pa.array(np.zeros(len(batch), bool))
    if layout.rule and len(batch.schema.names) > 1:
        rules = [pc.match_substring_regex(column.cast(pa.binary()), rb"^\s*[-=]{2,}\s*$") for column in batch]
        if reduce(pc.and_, [pc.fill_null(one, False) for one in rules]).true_count:
            raise ValueError(f"a second rule of dashes stands above row {row}: it holds several tables, expected one")
    names = [name.encode() for name in layout.names]
    again = pc.fill_null(pc.is_in(first, pa.array(filter(None, names), pa.binary())), False)
    for place in np.flatnonzero(again):
        cells = {int(name): column[int(place)].as_py() for name, column in zip(batch.schema.names, batch, strict=True)}
        found = {name: cell.encode() if isinstance(cell, str) else cell for name, cell in cells.items() if cell}
        if len(found) < 2 or not all(cell in names for cell in found.values()):
            continue
        if any(cell != names[name] for name, cell in found.items()):
            shown = b", ".join(found.values()).decode("utf-8", "replace")
            raise ValueError(f"the names of columns stand again between its rows, in another order ({shown})")
        drop = pc.or_(drop, pa.array(np.arange(len(batch)) == place))
    return batch.filter(pc.invert(drop)) if drop.true_count else batch


def _joined(batches: Sequence[pa.RecordBatch], places: Sequence[int], names: Sequence[str]) -> Piece:
    table = pa.Table.from_batches(batches)
    return {
        name: _trimmed(table.column(str(place)).combine_chunks()) for name, place in zip(names, places, strict=True)
    }


def _trimmed(cells: pa.Array) -> pa.Array:
    """Text without blanks around it, nor quotes as spreadsheets write; null where nothing is left.

    These stand behind a blank or `=`, and before digits that are to stay text.
    """
    cells = pc.replace_substring_regex(cells, r'^(?:\s+|\s*=)"([^"]*)"\s*$', r"\1")
    cells = pc.replace_substring_regex(cells, r"^\s*'([+-]?\d[\d.]*)\s*$", r"\1")
    cells = pc.utf8_trim_whitespace(cells)
    return pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells)


def _check_quotes(path: str, layout: TextLayout) -> None:
    """Raise `ValueError` where a quote that nothing closes took whole rows into one cell.

    Cells may hold ends of lines, but not lines that are rows.
    """
    with open_unpacked(path) as file:
        lines = io.TextIOWrapper(file, layout.encoding, "replace", newline="")
        rows = csv.reader(lines, delimiter=layout.separator)
        try:
            for row in rows:
                for cell in row:
                    if ("\n" in cell or "\r" in cell) and _holds_rows(cell, layout):
                        raise ValueError(
                            f"a quote before line {rows.line_num} is not closed where it should be: one cell holds"
                            f" whole rows, it begins with '{cell[:20].splitlines()[0]}'"
                        )
        except csv.Error as error:
            raise ValueError(f"a quote before line {rows.line_num} is not closed ({error})") from None


def _holds_rows(cell: str, layout: TextLayout) -> bool:
    """Whether the lines of a cell below the first have as many separators as rows."""
    lines = [line for line in LINE_END.split(cell)[1:] if line.strip()]
    separators = len(layout.names) - 1
    whole = [line for line in lines[:-1] if len(cells_of_line(line, layout.separator)) == separators + 1]
    return bool(whole) or any(line.count(layout.separator) >= max(separators // 2, 1) for line in lines[-1:])


def _aligned(path: str, layout: TextLayout, places: Sequence[int], names: Sequence[str]) -> Iterator[Piece]:
    """Cells between any number of blanks, quoted where they hold some: at once."""
    with open_unpacked(path) as file:
        lines = LINE_END.split(file.read().decode(layout.encoding))
    above = reversed(lines[: layout.skipped])
    header = next((line for line in above if tuple(cells_of_line(line, BLANKS)) == layout.names), "")
    cells = aligned_cells(lines[layout.skipped :], header, layout.names, layout.rule)
    yield {
        # What was cut by place still has its quotes.
        name: _trimmed(pa.array([_QUOTED.sub(r"\1", row[place]) for row in cells], pa.string()))
        for name, place in zip(names, places, strict=True)
    }
