"""SkyServer's SQL search (SkyServerWS, `SearchTools/SqlSearch`): read-only SELECTs, answered in CSV."""

import re
import time
from collections import deque
from collections.abc import Callable
from urllib.parse import quote

import requests

from workflow_scripts.catalogs.services.paging import Answer
from workflow_scripts.catalogs.services.retries import patiently
from workflow_scripts.catalogs.services.skyserver_csv import MINUTE, parse_answer
from workflow_scripts.catalogs.services.web import body_of, opened
from workflow_scripts.errors import InputError

# spExecuteSQL takes no more.
LONGEST_QUERY = 8000
# Longer addresses are refused on the way by many a web server (IIS: 2048 characters of query string).
_LONGEST_ADDRESS = 1900
# What paging puts around a query.
_ROOM = 200


class SkyServer:
    """The SQL search of a SkyServer release.

    At most `queries_per_minute` are sent in any minute: the service counts 60 by address, and answers the others with
    an error, as it does while a browser on the same address uses it as well.
    """

    def __init__(
        self,
        url: str,
        session: requests.Session,
        queries_per_minute: int,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.where = url
        self._address = f"{url.rstrip('/')}/SearchTools/SqlSearch"
        self._session = session
        self._sent: deque[float] = deque(maxlen=queries_per_minute)
        self._clock = clock

    def ask(self, query: str, max_rows: int | None) -> Answer:
        """The answer to one query; raises `InputError` where the service gives none."""
        return patiently(lambda: self._ask_once(query), self.where)

    def read(self, body: bytes) -> Answer:
        """An answer that was kept."""
        return Answer(body, parse_answer(body))

    def _ask_once(self, query: str) -> Answer:
        self._wait_for_turn()
        fields = {"cmd": query, "format": "csv"}
        if len(quote(query)) <= _LONGEST_ADDRESS:
            response = opened(self._session, "GET", self._address, params=fields)
        else:
            response = opened(self._session, "POST", self._address, data=fields)
        body = body_of(response)
        return Answer(body, parse_answer(body))

    def _wait_for_turn(self) -> None:
        if len(self._sent) == self._sent.maxlen:
            wait = self._sent[0] + MINUTE - self._clock()
            if wait > 0:
                time.sleep(wait)
        self._sent.append(self._clock())


def plain_select(sql: str, where: str) -> str:
    """A SELECT as SkyServer runs it, on one line; `InputError` for what cannot be paged."""
    text = " ".join(sql.split())
    problem = None
    if not re.match(r"select\b", text, re.IGNORECASE):
        problem = "does not begin with SELECT"
    elif ";" in text or "--" in text or "/*" in text:
        problem = "has a semicolon or a comment, which SkyServer takes out"
    elif re.match(r"select\s+(distinct\s+)?top\b", text, re.IGNORECASE) or re.search(r"\binto\b", text, re.IGNORECASE):
        problem = "has TOP or INTO"
    elif re.search(r"\border\s+by\b[^()]*$", text, re.IGNORECASE):
        problem = "ends with ORDER BY"
    elif len(text) > LONGEST_QUERY - _ROOM:
        problem = f"has {len(text)} characters, at most {LONGEST_QUERY - _ROOM} are possible"
    if problem:
        raise InputError(f"{where}: the SQL {problem}, expected a plain SELECT, which is asked for page by page")
    return text
