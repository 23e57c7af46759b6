"""Where a text table has its header and rows, and what stands between its columns.

What stands before the header is passed over: comments, `#Table1` of SkyServer, `sep=;` of spreadsheets. The header may
itself be a comment. Below it may be units, and a rule of dashes.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from workflow_scripts.catalogs.angle_units import names_angle_unit
from workflow_scripts.catalogs.table_formats.recognition import HEAD_BYTES, encoding_of

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# Any number of them; ECSV has exactly one between two columns.
BLANKS = "blanks"
# Lines end as for the reader of rows: other characters that end lines are text.
LINE_END = re.compile(r"\r\n|\n|\r")
# `ra [rad]`, `RA (hourangle)`: how units are written into the names of columns that have no place for them.
_UNIT_IN_NAME = re.compile(r"[\[(]\s*([A-Za-z][A-Za-z .:]*)\s*[\])]\s*$")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_RULE = re.compile(r"[-=+:|;,\s]*[-=]{2,}[-=+:|;,\s]*")
_SHOWN_ROWS = 20


@dataclass(frozen=True)
class TextLayout:
    """`separator`, `names` and `units` of the columns, `skipped` lines before the first row, `encoding`, `notes`.

    `rule` is the line of dashes that shows where columns are, empty where there is none. `ends_with_separator`: rows
    have one more than the header, and the last column, without a name, must be empty.
    """

    separator: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    skipped: int
    encoding: str
    notes: tuple[str, ...] = ()
    rule: str = ""
    ends_with_separator: bool = False


def text_layout(head: bytes) -> TextLayout:
    """The layout of a table that begins so. Raises `ValueError` where no header is found, or it is no text."""
    encoding = encoding_of(head)
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    if not text.strip():
        raise ValueError("it is empty")
    lines = LINE_END.split(text)
    if len(head) == HEAD_BYTES and len(lines) > 2:
        # The last line is cut.
        lines.pop()
    notes = [] if encoding.startswith("utf-8") else [f"text in {encoding}"]
    first, comments, given = 0, [], None
    while first < len(lines) and (not lines[first].strip() or _is_preface(lines[first])):
        if lines[first].startswith("#"):
            comments.append(lines[first])
        elif lines[first].strip():
            given = lines[first].strip('" ')[4:5]
        first += 1
    shown = enumerate(lines[first : first + _SHOWN_ROWS], start=first)
    places, rows = [], []
    for place, line in shown:
        if line.strip() and not line.startswith("#"):
            places.append(place)
            rows.append(line)
    if not rows:
        places, rows = [first], [comments.pop().lstrip("#")]
    if _RULE.fullmatch(rows[0]):
        raise ValueError(f"it begins with a frame ({rows[0].strip()[:20]}), as programs show tables; export it as CSV")
    separator = given or _separator(rows)
    header, skipped = cells_of_line(rows[0], separator), places[0] + 1
    commented = cells_of_line(comments[-1].lstrip("#").strip(), separator) if comments else []
    if len(commented) == len(header) > 1 and any(_NUMBER.fullmatch(cell) for cell in header):
        header, skipped, places, rows = commented, first, [first - 1, *places], ["", *rows]
    elif all(_NUMBER.fullmatch(cell) for cell in header):
        raise ValueError(f"its first row holds numbers only ({rows[0][:60]}), expected the names of columns")
    units = [found[1].strip() if (found := _UNIT_IN_NAME.search(name)) else "" for name in header]
    rows, units, below, rule = _without_lines_of_units(rows, units, separator)
    skipped = places[below] + 1 if below else skipped
    if separator != ",":
        notes.append(f"columns separated by {SEPARATORS.get(separator, separator)}")
    ends_with_separator = _ends_with_separator(rows[1:], separator, len(header))
    if ends_with_separator:
        header, units = [*header, ""], [*units, ""]
    elif _has_row_names(rows[1:], separator, len(header)):
        header, units = ["", *header], ["", *units]
        notes.append("the first column, without a name, has the numbers of rows")
    return TextLayout(
        separator, tuple(header), tuple(units), skipped, encoding, tuple(notes), rule, ends_with_separator
    )


def _is_preface(line: str) -> bool:
    return line.startswith("#") or line.lstrip('"').lower().startswith("sep=")


def _separator(rows: Sequence[str]) -> str:
    """The separator that gives the most cells, two or more, of those that give all rows the same; else blanks.

    Where none gives all rows the same number, that of the most cells in the header.
    """
    sizes = {separator: [len(cells_of_line(row, separator)) for row in rows] for separator in SEPARATORS}
    even = [separator for separator, found in sizes.items() if found[0] > 1 and len(set(found)) == 1]
    best = max(even or SEPARATORS, key=lambda separator: sizes[separator][0])
    if sizes[best][0] > 1:
        return best
    return BLANKS if len(cells_of_line(rows[0], BLANKS)) > 1 else ","


def cells_of_line(line: str, separator: str) -> list[str]:
    """The cells of a line."""
    if separator == BLANKS:
        return next(csv.reader([re.sub(r"\s+", " ", line.strip())], delimiter=" "), [])
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]


def _without_lines_of_units(rows: list[str], units: list[str], separator: str) -> tuple[list[str], list[str], int, str]:
    """Rows without the lines below the header that are none, units, the number of these lines, and a rule.

    VizieR and database programs write units and a rule of dashes, spreadsheets units alone.
    """
    found = [cells_of_line(row, separator) for row in rows[1:2]]
    for depth in (1, 2):
        if len(rows) > depth and _RULE.fullmatch(rows[depth]):
            if depth == 2:
                written = found[0] + [""] * (len(units) - len(found[0]))
                units = [cell or unit for cell, unit in zip(written, units, strict=False)]
            return rows[:1] + rows[depth + 1 :], units, depth, rows[depth]
    if (
        found
        and len(found[0]) == len(units)
        and not any(map(str.isdigit, "".join(found[0])))
        and any(map(names_angle_unit, found[0]))
    ):
        units = [cell or unit for cell, unit in zip(found[0], units, strict=True)]
        return rows[:1] + rows[2:], units, 1, ""
    return rows, units, 0, ""


def _has_row_names(rows: Sequence[str], separator: str, columns: int) -> bool:
    """Whether every row begins with its number, for which the header has no name, as R writes."""
    cells = [cells_of_line(row, separator) for row in rows]
    numbers = [str(number) for number in range(1, len(cells) + 1)]
    return len(cells) > 1 and all(len(row) == columns + 1 for row in cells) and [row[0] for row in cells] == numbers


def _ends_with_separator(rows: Sequence[str], separator: str, columns: int) -> bool:
    """Whether every row ends with a separator more than the header has, as spreadsheets write."""
    if separator == BLANKS or not rows:
        return False
    return all(len(cells) == columns + 1 and not cells[-1] for cells in (cells_of_line(row, separator) for row in rows))
