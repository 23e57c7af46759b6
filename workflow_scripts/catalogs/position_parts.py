"""Positions that CDS and the journals divide over columns (`RAh RAm RAs`, `DE- DEd DEm DEs`), as one text of each."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from workflow_scripts.catalogs.columns import looks_like
from workflow_scripts.catalogs.table_formats.table_file import Column, Piece, TableFile

_SIGN = "DE-"
_PARTS = {"ra": ("RAh", "RAm", "RAs"), "dec": (_SIGN, "DEd", "DEm", "DEs")}


def with_joined_positions(table: TableFile) -> TableFile:
    """The same table with columns `RAh:RAm:RAs` and `DEd:DEm:DEs` of sexagesimal text, where it has positions in parts.

    Seconds may be missing. The parts themselves are no positions, whatever their UCDs; where another column looks like
    one, it is taken.
    """
    names = {column.name for column in table.columns}
    given = {
        part: tuple(name for name in parts if name in names)
        for part, parts in _PARTS.items()
        if names.issuperset(parts[:-1])
    }
    if len(given) < len(_PARTS):
        return table
    divided = {name for parts in given.values() for name in parts}
    columns = [replace(column, ucd="") if column.name in divided else column for column in table.columns]
    joined = {":".join(name for name in parts if name != _SIGN): parts for parts in given.values()}
    if not any(looks_like(column, part) for column in columns for part in _PARTS):
        columns += [Column(name) for name in joined]

    def pieces(wanted: Sequence[str], rows: int) -> Iterator[Piece]:
        needed = dict.fromkeys(part for name in wanted for part in joined.get(name, (name,)))
        for piece in table.pieces(list(needed), rows):
            yield {name: _joined(piece, joined[name]) if name in joined else piece[name] for name in wanted}

    return replace(table, columns=tuple(columns), pieces=pieces)


def _joined(piece: Piece, parts: Sequence[str]) -> pa.Array:
    texts = [_text(piece[name]) for name in parts]
    sign = pc.fill_null(texts.pop(0), "") if parts[0] == _SIGN else pa.scalar("")
    return pc.binary_join_element_wise(sign, pc.binary_join_element_wise(*texts, ":"), "")


def _text(cells: pa.Array) -> pa.Array:
    """Numbers as text without a decimal point at the end of whole ones."""
    cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    texts = pc.utf8_trim_whitespace(cells.cast(pa.string()))
    texts = pc.replace_substring_regex(texts, r"\.0*$", "")
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
