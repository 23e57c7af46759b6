"""SkyServer's SQL search (SkyServerWS, `SearchTools/SqlSearch`): read-only SELECTs, whose rows come as CSV.

`#Table1`, a line of column names, and a line a row, each ended by a line feed. A cell is wrapped in double quotes only
where it holds a comma, and quotes in it are not escaped. Errors and the limit of 60 queries a minute come with status
200, as a table whose only column is `error_message` and whose text, the rejected query in it, may run over many lines.
"""

import re
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

import pyarrow as pa
import requests

from workflow_scripts.catalogs.services.paging import QueryService, TableResponse
from workflow_scripts.catalogs.services.web import (
    QUOTED_CHARACTERS,
    RefusalError,
    TransientError,
    body_of,
    message_of_error,
    naming_redirects,
    one_line,
    opened,
)
from workflow_scripts.errors import InputError

# spExecuteSQL takes no more.
LONGEST_QUERY = 8000
# Longer addresses are refused on the way by many a web server (IIS: 2048 characters of query string).
_LONGEST_ADDRESS = 1900
# What paging puts around a query.
_ROOM = 200
MINUTE = 60.0
_MARK = re.compile(r"#Table\d+")
_THROTTLED = "queries allowed per minute"
_LONGEST_NAME = 128
# SQL that cannot be paged, and why.
_UNFIT = (
    (r"^(?!select\b)", "does not begin with SELECT"),
    (r";|--|/\*", "has a semicolon or a comment, which SkyServer takes out"),
    (r"^select\s+(distinct\s+)?top\b|\binto\b", "has TOP or INTO"),
    (r"\border\s+by\b[^()]*$", "ends with ORDER BY"),
)


class SkyServer(QueryService):
    """The SQL search of a SkyServer release.

    At most `queries_per_minute` are sent in any minute: the service counts 60 by address, and refuses the others with
    an error, as it does while a browser on the same address uses it as well.
    """

    def __init__(
        self, url: str, session: requests.Session, queries_per_minute: int, clock: Callable[[], float] = time.monotonic
    ):
        self.where = url
        self._address = f"{url.rstrip('/')}/SearchTools/SqlSearch"
        self._session = session
        self._sent: deque[float] = deque(maxlen=queries_per_minute)
        self._clock = clock

    def read(self, body: bytes) -> TableResponse:
        """A table in CSV; raises as `parse_csv`."""
        return TableResponse(body, parse_csv(body))

    def fetch_once(self, query: str, max_rows: int | None) -> TableResponse:
        """The response to a query, when one more may be sent."""
        self._wait_for_turn()
        fields = {"cmd": query, "format": "csv"}
        if len(quote(query)) <= _LONGEST_ADDRESS:
            response = opened(self._session, "GET", self._address, params=fields)
        else:
            response = opened(self._session, "POST", self._address, data=fields)
        with naming_redirects(response):
            return self.read(body_of(response))

    def _wait_for_turn(self) -> None:
        if len(self._sent) == self._sent.maxlen:
            wait = self._sent[0] + MINUTE - self._clock()
            if wait > 0:
                time.sleep(wait)
        self._sent.append(self._clock())


def plain_select(sql: str, where: str) -> str:
    """A SELECT as SkyServer runs it, on one line; `InputError` for what cannot be paged."""
    text = " ".join(sql.split())
    problem = next((problem for form, problem in _UNFIT if re.search(form, text, re.IGNORECASE)), "")
    if len(text) > LONGEST_QUERY - _ROOM:
        problem = f"has {len(text)} characters, at most {LONGEST_QUERY - _ROOM} are possible"
    if problem:
        raise InputError(f"{where}: the SQL {problem}, expected a plain SELECT, which is requested page by page")
    return text


def parse_csv(body: bytes) -> pa.Table:
    """The rows of a response, all cells as text (every digit is kept), None where empty or null.

    Raises
    ------
    TransientError
        for a response that was cut off or is no CSV at all, and for the limit of queries a minute, with the time to
        wait.
    RefusalError
        for an error that the service reports, and for a table in another form than the one described above.
    """
    try:
        text = body.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise TransientError("the response is not text in UTF-8") from None
    beginning = text[:QUOTED_CHARACTERS].lstrip("\ufeff \t\n")
    if not beginning:
        raise TransientError("the response is empty")
    if beginning.startswith("<"):
        raise TransientError(f"a page of HTML or XML came where CSV was expected ({one_line(text)})")
    if beginning.startswith("{"):
        raise TransientError(f"an error came where CSV was expected ({message_of_error(text.encode())})")
    if not _MARK.fullmatch(text.split("\n", 1)[0].strip()):
        raise RefusalError(
            f"the first line is '{one_line(text.splitlines()[0])}', expected #Table1; has the service changed its CSV?"
        )
    mark, names_line, *_ = [*text.split("\n", 2), "", ""]
    if "\n" not in text[len(mark) + 1 :]:
        raise TransientError("the response stops before its first row")
    names = names_line.split(",")
    rest = text[len(mark) + len(names_line) + 2 :]
    if names == ["error_message"]:
        message = one_line(rest.strip().strip('"'))
        if _THROTTLED in rest:
            raise TransientError(f"the limit of queries a minute is reached ({message})", MINUTE)
        raise RefusalError(f"the service reports an error: {message}")
    odd = [name for name in names if not name.strip() or len(name) > _LONGEST_NAME or names.count(name) > 1]
    if odd:
        raise RefusalError(f"the column '{odd[0][:_LONGEST_NAME]}' has no usable name or is there twice")
    rows = _rows(len(names), rest)
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in zip(names, columns, strict=True)})


def _rows(columns: int, rest: str) -> list[list[str | None]]:
    lines = rest.split("\n")
    if lines.pop():
        raise TransientError(f"the response stops in the middle of row {len(lines) + 1}")
    if any(_MARK.fullmatch(line) for line in lines):
        raise RefusalError("the query gives several tables, expected one SELECT")
    while lines and not lines[-1]:
        lines.pop()
    rows = []
    for number, line in enumerate(lines, start=1):
        cells = line.split(",") if '"' not in line else _quoted_cells(line, columns)
        if len(cells) != columns:
            raise TransientError(f"row {number} has {len(cells)} cells, expected {columns}")
        rows.append([None if cell == "" or cell.lower() == "null" else cell for cell in cells])
    return rows


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


# Ready queries: the votes of Galaxy Zoo joined to SDSS photometry. Positions are those of PhotoObj, in double
# precision: the zoo's own are single precision, which SkyServer prints with six or seven digits, up to 1.8 arcsec off.
# A galaxy of the zoo that PhotoObj does not have comes without a position and is counted where the catalog is cleaned,
# instead of vanishing in a join.
class ReadyQuery(NamedTuple):
    """A SELECT for SkyServer, the unique column of whole numbers by which it is paged, and all its columns."""

    sql: str
    key: str
    columns: tuple[str, ...]


_PHOTOMETRY = (
    "p.ra",
    "p.dec",
    "p.petroMag_r",
    "p.petroR50_r",
    "p.petroR90_r",
    "p.extinction_r",
    "p.psffwhm_r",
    "p.expAB_r",
    "s.z AS redshift",
)


def _joined(table: str, object_id: str, votes: tuple[str, ...]) -> ReadyQuery:
    selected = (f"z.{object_id}", *[f"z.{column}" for column in votes], *_PHOTOMETRY)
    sql = (
        f"SELECT {', '.join(selected)} FROM {table} AS z"
        f" LEFT JOIN PhotoObj AS p ON p.objid = z.{object_id} LEFT JOIN SpecObj AS s ON s.specobjid = z.specobjid"
        " WHERE p.objid IS NULL OR p.clean = 1"
    )
    names = tuple(column.split(" AS ")[-1].split(".")[-1] for column in selected)
    return ReadyQuery(sql, "dr7objid", names)


# Lintott et al. 2011, MNRAS 410, 166, table 2; Willett et al. 2013, MNRAS 435, 2835.
READY_QUERIES = {
    "galaxy_zoo_1": _joined(
        "zooSpec", "objid", ("dr7objid", "specobjid", "nvote", "p_el_debiased", "p_cs_debiased", "uncertain")
    ),
    "galaxy_zoo_2": _joined(
        "zoo2MainSpecz",
        "dr8objid",
        (
            "dr7objid",
            "specobjid",
            "total_classifications",
            "t01_smooth_or_features_a01_smooth_debiased",
            "t01_smooth_or_features_a02_features_or_disk_debiased",
            "t04_spiral_a08_spiral_debiased",
        ),
    ),
}
