"""The tables of ps1filenames: which stack covers a position in a band."""

import re

from workflow_scripts.surveys.fetcher.service import Galaxy

_NEEDED = ("ra", "dec", "filter", "type", "filename")
# What a name may be: it goes into a URL.
_NAME = re.compile(r"/[\w./+-]{1,300}", re.ASCII)
_MOST_ROWS = 10**6


class BrokenTableError(ValueError):
    """An answer that is not a whole table of names; the message says why."""


def position_text(galaxy: Galaxy) -> str:
    """How a position is sent; rows are matched to requests by it alone, because it is all they repeat."""
    return f"{galaxy.ra:.7f} {galaxy.dec:.7f}"


def stack_names(table: bytes) -> dict[str, dict[str, str]]:
    """Names of stacks by position (as `position_text` writes it) and band, from a table in any order.

    The first of several stacks of one band counts. A table without rows is valid: no position has images.

    Raises
    ------
    BrokenTableError
        for anything that is not such a table, or not the whole of it.
    """
    try:
        text = table.decode("ascii")
    except UnicodeDecodeError:
        raise BrokenTableError("the table of names is no text") from None
    lines = text.splitlines()
    if not lines or not text.endswith("\n"):
        raise BrokenTableError("the table of names is cut off" if lines else "an empty answer")
    header = lines[0].split()
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        shown = "".join(letter if letter.isprintable() else "?" for letter in lines[0][:60])
        raise BrokenTableError(f"the table of names has no column '{missing[0]}' (it starts with '{shown}')")
    if len(lines) > _MOST_ROWS:
        raise BrokenTableError(f"the table of names has {len(lines)} rows")
    ra, dec, band, kind, name = (header.index(column) for column in _NEEDED)
    names: dict[str, dict[str, str]] = {}
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != len(header):
            raise BrokenTableError(f"line {number} of the table of names has {len(cells)} cells of {len(header)}")
        if cells[kind] != "stack":
            continue
        try:
            position = f"{float(cells[ra]):.7f} {float(cells[dec]):.7f}"
        except ValueError:
            raise BrokenTableError(f"line {number} of the table of names has no position") from None
        if not _NAME.fullmatch(cells[name]) or ".." in cells[name]:
            raise BrokenTableError(f"line {number} of the table of names has no file name")
        names.setdefault(position, {}).setdefault(cells[band], cells[name])
    return names
