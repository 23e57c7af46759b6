"""A table in a file, as the reader of every format gives it: its columns, and its rows in pieces of Arrow arrays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa

from workflow_scripts.catalogs.cells import joined_cells
from workflow_scripts.errors import InputError, first_line

# Columns by name, null where a cell is empty, masked or has the column's null value.
Piece = dict[str, pa.Array]
# (names, rows): pieces of about so many rows, with these columns.
Pieces = Callable[[Sequence[str], int], Iterator[Piece]]


@dataclass(frozen=True)
class Column:
    """A column's name, its unit as text, its UCD, and the frame of its coordinates: empty where the table has none."""

    name: str
    unit: str = ""
    ucd: str = ""
    frame: str = ""


@dataclass(frozen=True)
class TableFile:
    """A table: `pieces` reads it, a column of any type that is not named does not matter.

    `name` is that of the table in a file that may have several, `notes` what was found about the file that a user
    should know, `coordinates` the columns of longitude and latitude of what was one column of coordinates, and `rows`
    their number where the header has it.
    """

    columns: tuple[Column, ...]
    pieces: Pieces
    name: str = ""
    notes: tuple[str, ...] = ()
    coordinates: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    rows: int | None = None


def of_one_size(pieces: Iterator[Piece], rows: int, path: str) -> Iterator[Piece]:
    """The same rows in pieces of so many, but for the last: sums over pieces shall not depend on how files are cut."""
    held: list[Piece] = []
    for piece in pieces:
        held.append(piece)
        if _rows(held) < rows:
            continue
        whole = _joined_pieces(held, path)
        n = _rows([whole])
        for start in range(0, n - n % rows, rows):
            yield {name: cells.slice(start, rows) for name, cells in whole.items()}
        held = [{name: cells.slice(n - n % rows) for name, cells in whole.items()}] if n % rows else []
    if held:
        yield _joined_pieces(held, path)


def _rows(pieces: Sequence[Piece]) -> int:
    return sum(len(next(iter(piece.values()))) for piece in pieces)


def _joined_pieces(pieces: Sequence[Piece], path: str) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    return {name: joined_cells([piece[name] for piece in pieces], f"{path}: column '{name}'") for name in pieces[0]}


@contextmanager
def reading(path: str, table_format: str) -> Iterator[None]:
    """Turn any error of a library that reads the file into one sentence."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # every library has errors of its own for a file that is not what it should be
        reason = first_line(error)
        raise InputError(f"{path}: expected a table in {table_format}, but it cannot be read: {reason}") from None


def guarded(pieces: Pieces, path: str, table_format: str) -> Pieces:
    """The same pieces with errors as of `reading`, each checked to have as many cells in all of its columns."""

    def read(names: Sequence[str], rows: int) -> Iterator[Piece]:
        with reading(path, table_format):
            for piece in pieces(names, rows):
                if len({len(cells) for cells in piece.values()}) > 1:
                    raise ValueError("its columns differ in length")
                yield piece

    return read
