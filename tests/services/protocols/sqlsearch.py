"""SkyServer's SqlSearch: SELECTs, whose rows come in CSV or JSON."""

import json
import re
import time
from collections import defaultdict, deque

from tests.services.catalog_database import CatalogDatabase, RefusedQueryError
from tests.services.exchange import JSON, ServiceRequest, ServiceResponse, json_response

LONGEST_QUERY = 8000
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
THROTTLED = "ERROR: Maximum 60 queries allowed per minute. Rejected query: "


class SqlSearch:
    """The throttle counts queries by client address, and rejects without an error status."""

    def __init__(self, database: CatalogDatabase, most_rows: int = 500_000, per_minute: int = 60):
        self._database = database
        self.most_rows, self.per_minute = most_rows, per_minute
        self._times: dict[str, deque[float]] = defaultdict(deque)

    def respond(self, received: ServiceRequest) -> ServiceResponse:
        """The response to `cmd`."""
        sql = received.values.get("cmd", "")
        if not sql.strip():
            return json_response(
                {"ErrorCode": 400, "ErrorMessage": "There is no SQL command (cmd)"}, 400, "bad_request"
            )
        sql = " ".join(_COMMENT.sub(" ", sql).split())
        if not self._has_turn(received.client):
            return _table(["error_message"], [(THROTTLED + sql,)], "throttled")
        if len(sql) > LONGEST_QUERY:
            return _table(["error_message"], [(f"ERROR: Command exceeds {LONGEST_QUERY} characters",)], "too_long")
        try:
            found = self._database.run(sql, self.most_rows, refuses_larger_top=True)
        except RefusedQueryError as error:
            if str(error).startswith("ERROR:"):
                return _table(["error_message"], [(str(error),)], "refused")
            return json_response({"ErrorCode": 500, "ErrorType": "SQL", "ErrorMessage": str(error)}, 500, "sql_error")
        if received.values.get("format", "json").lower() == "csv":
            return _table(found.names, found.rows, "cut" if found.cut else "ok")
        rows = [dict(zip(found.names, row, strict=True)) for row in found.rows]
        body = json.dumps([{"TableName": "Table1", "Rows": rows}, {"TableName": "SqlQuery", "Rows": [{"query": sql}]}])
        return ServiceResponse(body.encode(), JSON, chunked=True)

    def _has_turn(self, client: str) -> bool:
        now, times = time.monotonic(), self._times[client]
        while times and times[0] <= now - 60:
            times.popleft()
        if len(times) >= self.per_minute:
            return False
        times.append(now)
        return True


def _table(names: list[str], rows: list[tuple], outcome: str) -> ServiceResponse:
    lines = ["#Table1", ",".join(names), *[",".join(_cell(value) for value in row) for row in rows]]
    return ServiceResponse(("\n".join(lines) + "\n").encode(), chunked=True, outcome=outcome)


def _cell(value: object) -> str:
    """Only text with a comma is wrapped in quotes, and quotes in it stay as they are."""
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    text = repr(value) if isinstance(value, float) else str(value)
    return f'"{text}"' if "," in text else text
