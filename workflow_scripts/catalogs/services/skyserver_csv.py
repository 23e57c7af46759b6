"""The CSV of SkyServer's SQL search.

`#Table1`, a line of column names, and a line a row, each ended by a line feed. A cell is wrapped in double quotes only
where it holds a comma, and quotes in it are not escaped. Errors and the limit of 60 queries a minute come with status
200, as a table whose only column is `error_message` and whose text, the rejected query in it, may run over many lines.
"""

import json
import re

import pyarrow as pa

from workflow_scripts.catalogs.services.retries import RefusalError, TransientError

MINUTE = 60.0
_MARK = re.compile(r"#Table\d+")
_THROTTLED = "queries allowed per minute"
_LONGEST_NAME = 128
_QUOTED_CHARACTERS = 300


def parse_answer(body: bytes) -> pa.Table:
    """The rows of an answer, all cells as text (every digit is kept), None where empty or null.

    Raises
    ------
    TransientError
        for an answer that was cut off or is no CSV at all, and for the limit of queries a minute, with the time to
        wait.
    RefusalError
        for an error that the service tells, and for a table in another form than the one described above.
    """
    try:
        text = body.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise TransientError("the answer is not text in UTF-8") from None
    _check_beginning(text)
    mark, names_line, *_ = [*text.split("\n", 2), "", ""]
    if "\n" not in text[len(mark) + 1 :]:
        raise TransientError("the answer stops before its first row")
    names = names_line.split(",")
    rest = text[len(mark) + len(names_line) + 2 :]
    if names == ["error_message"]:
        raise _told(rest)
    odd = [name for name in names if not name.strip() or len(name) > _LONGEST_NAME or names.count(name) > 1]
    if odd:
        raise RefusalError(f"the column '{odd[0][:_LONGEST_NAME]}' has no usable name or is there twice")
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in _columns(names, rest).items()})


def message_of_error(body: bytes) -> str:
    """What a JSON object of an error says, or the beginning of the text of any other body."""
    text = body[:20_000].decode("utf-8", errors="replace")
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if isinstance(told, dict) and isinstance(told.get("ErrorMessage"), str):
        text = told["ErrorMessage"]
    return _short(text)


def _check_beginning(text: str) -> None:
    beginning = text[:_QUOTED_CHARACTERS].lstrip("\ufeff \t\n")
    if not beginning:
        raise TransientError("the answer is empty")
    if beginning.startswith("<"):
        raise TransientError(f"a page of HTML or XML came where CSV was expected ({_short(text)})")
    if beginning.startswith("{"):
        raise TransientError(f"an error came where CSV was expected ({message_of_error(text.encode())})")
    if not _MARK.fullmatch(text.split("\n", 1)[0].strip()):
        raise RefusalError(
            f"the first line is '{_short(text.splitlines()[0])}', expected #Table1; has the service changed its CSV?"
        )


def _told(rest: str) -> Exception:
    message = _short(rest.strip().strip('"'))
    if _THROTTLED in rest:
        return TransientError(f"the limit of queries a minute is reached ({message})", MINUTE)
    return RefusalError(f"the service answers with an error: {message}")


def _columns(names: list[str], rest: str) -> dict[str, list[str | None]]:
    lines = rest.split("\n")
    if lines.pop():
        raise TransientError(f"the answer stops in the middle of row {len(lines) + 1}")
    if any(_MARK.fullmatch(line) for line in lines):
        raise RefusalError("the query gives several tables, expected one SELECT")
    while lines and not lines[-1]:
        lines.pop()
    rows = []
    for number, line in enumerate(lines, start=1):
        cells = line.split(",") if '"' not in line else _quoted_cells(line, len(names))
        if len(cells) != len(names):
            raise TransientError(f"row {number} has {len(cells)} cells, expected {len(names)}")
        rows.append([None if cell == "" or cell.lower() == "null" else cell for cell in cells])
    columns = [list(cells) for cells in zip(*rows, strict=True)] if rows else [[] for _ in names]
    return dict(zip(names, columns, strict=True))


def _quoted_cells(line: str, number: int) -> list[str]:
    """The cells of a line with double quotes; only a cell that holds a comma is wrapped in them."""
    pieces = line.split(",")
    if len(pieces) == number:
        # No comma but those between the cells: no cell is wrapped, and quotes are part of the text.
        return pieces
    cells: list[str] = []
    while pieces:
        cell = pieces.pop(0)
        if cell.startswith('"'):
            while pieces and not (len(cell) > 1 and cell.endswith('"') and "," in cell):
                cell += "," + pieces.pop(0)
            if "," in cell and cell.endswith('"'):
                cell = cell[1:-1]
        cells.append(cell)
    return cells


def _short(text: str) -> str:
    """The beginning of a text on one line, without marks of HTML."""
    plain = " ".join(re.sub(r"<[^<>]{0,500}>", " ", text[:5_000]).split())
    return plain[:_QUOTED_CHARACTERS] + ("..." if len(plain) > _QUOTED_CHARACTERS else "")
