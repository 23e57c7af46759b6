"""Text with a column between each two separators: CSV and its kin, ECSV, and tables aligned by blanks.

What stands before the header is passed over: comments, `#Table1` of SkyServer, `sep=;` of spreadsheets. The header may
itself be a comment. Every row must have as many cells as the header: one with more would shift what follows.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from workflow_scripts.catalogs.table_formats.aligned_text import aligned_cells
from workflow_scripts.catalogs.table_formats.recognition import encoding_of, head_of, open_unpacked
from workflow_scripts.catalogs.table_formats.serialized_columns import assembled, astropy_header
from workflow_scripts.catalogs.table_formats.table_file import Column, Piece, Pieces, TableFile, guarded

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# Any number of them; ECSV has exactly one between two columns.
_BLANKS = "blanks"
_BLOCK_BYTES = 4 << 20
# `ra [rad]`, `RA (hourangle)`: how units are written into the names of columns that have no place for them.
_UNIT_IN_NAME = re.compile(r"[\[(]\s*([A-Za-z][A-Za-z .:]*)\s*[\])]\s*$")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_RULE = re.compile(r"[-=+:|;,\s]*[-=]{2,}[-=+:|;,\s]*")


@dataclass(frozen=True)
class _Layout:
    """`separator`, `names` and `units` of the columns, `skipped` lines before the first row, `encoding`, `notes`.

    `rule` is the line of dashes that shows where columns are, empty where there is none.
    """

    separator: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    skipped: int
    encoding: str
    notes: tuple[str, ...] = ()
    rule: str = ""


def delimited_tables(path: str) -> list[TableFile]:
    """The one table of a text file. Raises `ValueError` where no header is found."""
    layout = _layout(head_of(path))
    columns = tuple(map(Column, layout.names, layout.units))
    return [TableFile(columns, guarded(_pieces(path, layout), path, "csv"), notes=layout.notes)]


def ecsv_tables(path: str) -> list[TableFile]:
    """The one table of an ECSV file. Raises `ValueError` where it has no header in YAML."""
    head = head_of(path)
    text = head.decode("utf-8-sig")
    lines = [line[2:] for line in text.splitlines() if line.startswith("# ")]
    if not lines or not lines[0].startswith("%ECSV"):
        raise ValueError("it does not begin with '# %ECSV'")
    header = astropy_header(lines[1:])
    described = header["datatype"]
    # Names stand in the first row, too.
    skipped = sum(1 for line in text.splitlines() if line.startswith("#")) + 1
    names = tuple(str(entry["name"]) for entry in described)
    units = tuple(str(entry.get("unit") or "") for entry in described)
    layout = _Layout(str(header.get("delimiter", " ")), names, units, skipped, "utf-8")
    table = TableFile(tuple(map(Column, names, units)), guarded(_pieces(path, layout), path, "ecsv"))
    return [assembled(table, header)]


def _layout(head: bytes) -> _Layout:
    encoding = encoding_of(head)
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    lines = text.splitlines()
    if not text.strip():
        raise ValueError("it is empty")
    notes = [] if encoding.startswith("utf-8") else [f"text in {encoding}"]
    first, comments, given = 0, [], None
    while first < len(lines) and (not lines[first].strip() or lines[first].startswith(("#", "sep="))):
        if lines[first].startswith("#"):
            comments.append(lines[first])
        elif lines[first].startswith("sep="):
            given = lines[first][4:5]
        first += 1
    rows = lines[first : first + 20]
    # The last line may be cut.
    rows = rows[:-1] if len(rows) > 1 and first + len(rows) == len(lines) and not text.endswith("\n") else rows
    rows = rows or [comments.pop().lstrip("#")] if comments or rows else rows
    separator = given or _separator(rows)
    header, skipped = _split(rows[0], separator), first + 1
    commented = _split(comments[-1].lstrip("#").strip(), separator) if comments else []
    if len(commented) == len(header) > 1 and any(_NUMBER.fullmatch(cell) for cell in header):
        header, skipped, rows = commented, first, ["", *rows]
    elif all(_NUMBER.fullmatch(cell) for cell in header):
        raise ValueError(f"its first row holds numbers only ({rows[0][:60]}), expected the names of columns")
    units = [found[1].strip() if (found := _UNIT_IN_NAME.search(name)) else "" for name in header]
    # Lines below the header that are no rows: units and a rule of dashes, as VizieR and database programs write.
    rule = ""
    for depth in (1, 2):
        if len(rows) > depth and _RULE.fullmatch(rows[depth]):
            if depth == 2:
                units = [cell or unit for cell, unit in zip(_split(rows[1], separator), units, strict=False)]
                units += [""] * (len(header) - len(units))
            skipped, rule = skipped + depth, rows[depth]
            rows = rows[:1] + rows[depth + 1 :]
            break
    if separator != ",":
        notes.append(f"columns separated by {_SEPARATORS.get(separator, separator)}")
    # Spreadsheets end every row with a comma more than the header has.
    ends = [row for row in rows[1:] if row.strip()]
    if (
        separator != _BLANKS
        and ends
        and all(len(cells) == len(header) + 1 and not cells[-1] for cells in (_split(row, separator) for row in ends))
    ):
        header, units = [*header, ""], [*units, ""]
    return _Layout(separator, tuple(header), tuple(units), skipped, encoding, tuple(notes), rule)


def _separator(rows: Sequence[str]) -> str:
    """The separator that gives all of some rows the same number of cells, two or more; else blanks or a comma."""
    best = max(_SEPARATORS, key=lambda separator: len(_split(rows[0], separator)))
    if len(_split(rows[0], best)) > 1:
        return best
    return _BLANKS if len(rows[0].split()) > 1 and not rows[0].lstrip().startswith('"') else ","


def _split(line: str, separator: str) -> list[str]:
    if separator == _BLANKS:
        return next(csv.reader([re.sub(r"\s+", " ", line.strip())], delimiter=" "), [])
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]


def _pieces(path: str, layout: _Layout) -> Pieces:
    def read(names: Sequence[str], rows: int) -> Iterator[Piece]:
        places = [layout.names.index(name) for name in names]
        if layout.separator == _BLANKS:
            yield from _aligned(path, layout, places, names)
            return
        gathered: list[pa.RecordBatch] = []
        with open_unpacked(path) as file:
            for batch in _batches(file, layout, places):
                gathered.append(batch)
                if sum(map(len, gathered)) >= rows:
                    yield _joined(gathered, names)
                    gathered = []
        yield _joined(gathered, names) if gathered else {name: pa.array([], pa.string()) for name in names}

    return read


def _batches(file: IO[bytes], layout: _Layout, places: Sequence[int]) -> Iterator[pa.RecordBatch]:
    made_up = [str(place) for place in range(len(layout.names))]
    wanted = [str(place) for place in places]

    def of_wrong_length(row: arrow_csv.InvalidRow) -> str:
        return "skip" if row.text.startswith("#") or not row.text.strip() else "error"

    reader = arrow_csv.open_csv(
        file,
        arrow_csv.ReadOptions(
            use_threads=False,
            block_size=_BLOCK_BYTES,
            skip_rows=layout.skipped,
            column_names=made_up,
            encoding=layout.encoding.removesuffix("-sig"),
        ),
        arrow_csv.ParseOptions(
            delimiter=layout.separator, newlines_in_values=True, invalid_row_handler=of_wrong_length
        ),
        arrow_csv.ConvertOptions(
            include_columns=wanted or made_up[:1],
            column_types=dict.fromkeys(wanted or made_up[:1], pa.string()),
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    yield from reader


def _joined(batches: Sequence[pa.RecordBatch], names: Sequence[str]) -> Piece:
    table = pa.Table.from_batches(batches)
    return {name: _trimmed(table.column(place).combine_chunks()) for place, name in enumerate(names)}


def _trimmed(cells: pa.Array) -> pa.Array:
    """Text without blanks around it, nor quotes that a blank kept from being seen; null where nothing is left."""
    cells = pc.utf8_trim_whitespace(cells)
    cells = pc.replace_substring_regex(cells, r'^"(.*)"$', r"\1")
    return pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells)


def _aligned(path: str, layout: _Layout, places: Sequence[int], names: Sequence[str]) -> Iterator[Piece]:
    """Cells between any number of blanks, quoted where they hold some: at once."""
    with open_unpacked(path) as file:
        text = file.read().decode(layout.encoding)
    lines = text.splitlines()
    above = reversed(lines[: layout.skipped])
    header = next((line for line in above if tuple(_split(line, _BLANKS)) == layout.names), "")
    cells = aligned_cells(lines[layout.skipped :], header, layout.names, layout.rule)
    yield {
        name: _trimmed(pa.array([row[place] for row in cells], pa.string()))
        for name, place in zip(names, places, strict=True)
    }
