"""Cells of text tables that blanks align: where columns have a fixed width, a cell may be empty or hold blanks itself.

A row read word by word would then shift. So columns are looked for in the text: at a place that is blank in all lines
one column ends. Where both ways give cells, and these differ, it is unknown which are right.
"""

import csv
import re
from collections.abc import Sequence

import numpy as np

Rows = list[list[str]]
_Fields = list[tuple[int, int]]
_BLOCK_LINES = 100_000
_WANTED = "expected a separator such as a comma, or columns of a fixed width with the names above them"


def aligned_cells(lines: Sequence[str], header: str, names: Sequence[str], rule: str = "") -> Rows:
    """The cells of each row, one for each of `names`, without blanks around them.

    Parameters
    ----------
    lines
        below the header; empty ones and comments are passed over.
    header, names
        the line with the names of the columns (empty where it is a comment), and the names.
    rule
        dashes below the header that show where each column is; empty where there is none.

    Raises
    ------
    ValueError
        where it is unknown what the cells are.
    """
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    dashes = [match.span() for match in re.finditer(r"\S+", rule)]
    if len(dashes) == len(names):
        ends = [end for _, end in dashes[:-1]] + [max(map(len, lines), default=0)]
        fields = list(zip([0, *ends[:-1]], ends, strict=True))
        _check_widths(lines, fields)
        return _cut(lines, fields)
    by_word = [_words(line) for line in lines]
    odd = next((number for number, words in enumerate(by_word) if len(words) != len(names)), None)
    fields = _filled([header, *lines]) if header else []
    # A field without a name could belong to either neighbour.
    if [len(header[start:end].split()) for start, end in fields] == [1] * len(names):
        by_place = _cut(lines, fields)
        if odd is None and (number := _first_difference(by_place, by_word)) is not None:
            raise ValueError(f"row {number + 1} can be cut into cells in two ways, {_WANTED}")
        return by_place
    if odd is not None:
        raise ValueError(f"row {odd + 1} has {len(by_word[odd])} words for {len(names)} columns, {_WANTED}")
    if len(_filled(lines)) > len(names):
        raise ValueError(f"its rows have more columns than its header, {_WANTED}")
    return by_word


def _words(line: str) -> list[str]:
    if '"' not in line:
        return line.split()
    return next(csv.reader([re.sub(r"\s+", " ", line.strip())], delimiter=" "), [])


def _filled(lines: Sequence[str]) -> _Fields:
    """Where not all lines are blank (begin, end); nowhere if there are tabs, whose width is not known."""
    if any("\t" in line for line in lines):
        return []
    width = max(map(len, lines), default=0)
    filled: np.ndarray = np.zeros(width + 1, bool)
    for first in range(0, len(lines) if width else 0, _BLOCK_LINES):
        block = np.array(lines[first : first + _BLOCK_LINES], dtype=f"U{width}")
        characters = block.view(np.uint32).reshape(len(block), width)
        # Shorter lines end in zeros.
        filled[:-1] |= ((characters != ord(" ")) & (characters != 0)).any(axis=0)
    edges = np.flatnonzero(np.diff(filled.astype(np.int8), prepend=0)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _check_widths(lines: Sequence[str], fields: _Fields) -> None:
    for number, line in enumerate(lines):
        for _, end in fields[:-1]:
            if line[end : end + 1].strip() and line[end - 1].strip():
                raise ValueError(f"row {number + 1} has a cell that is wider than its column, {_WANTED}")


def _cut(lines: Sequence[str], fields: _Fields) -> Rows:
    return [[line[start:end].strip() for start, end in fields] for line in lines]


def _first_difference(some: Rows, others: Rows) -> int | None:
    """The first row that differs, quotes aside."""
    pairs = enumerate(zip(some, others, strict=True))
    differ = (number for number, (one, other) in pairs if one != other and [cell.strip('"') for cell in one] != other)
    return next(differ, None)
