"""A TAP service: synchronous queries, and jobs as UWS describes them, whose results are VOTables."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape

import numpy as np
from astropy.io.votable import from_table
from astropy.io.votable.tree import Info
from astropy.table import MaskedColumn, Table

from tests.services.catalog_database import CatalogDatabase, RefusedQueryError, Rows
from tests.services.exchange import ServiceRequest, ServiceResponse

VOTABLE = "application/x-votable+xml"


@dataclass
class _Job:
    sql: str
    most_rows: int
    phase: str = "PENDING"
    polls: int = 0


class Tap:
    """Jobs execute for `polls` looks at them before they are done."""

    def __init__(self, database: CatalogDatabase, most_rows: int = 100_000, polls: int = 1):
        self._database = database
        self.most_rows, self.polls = most_rows, polls
        self._jobs: dict[str, _Job] = {}
        self._number_of_jobs = 0

    def respond(self, received: ServiceRequest) -> ServiceResponse:
        """The response of `/sync` and `/async`."""
        path = received.path.rstrip("/").rpartition("/tap/")[2]
        if path == "sync":
            return self._result(received.values.get("query", ""), self._most_rows(received))
        if path == "async" and received.method == "POST":
            self._number_of_jobs += 1
            name = f"job{self._number_of_jobs}"
            self._jobs[name] = _Job(received.values.get("query", ""), self._most_rows(received))
            return _see(received, name)
        parts = path.split("/")
        job = self._jobs.get(parts[1]) if len(parts) > 1 and parts[0] == "async" else None
        if job is None:
            return ServiceResponse(b"no such resource", status=404, outcome="not_found")
        return self._of_job(received, parts[1], job, parts[2:])

    def _of_job(self, received: ServiceRequest, name: str, job: _Job, rest: list[str]) -> ServiceResponse:
        if received.method == "DELETE" or received.values.get("action", "").upper() == "DELETE":
            del self._jobs[name]
            return ServiceResponse(
                status=303, headers={"Location": received.base_url + received.path.rpartition("/")[0]}
            )
        if rest == ["phase"] and received.method == "POST":
            wanted = received.values.get("phase", "").upper()
            job.phase = "EXECUTING" if wanted == "RUN" else "ABORTED"
            return _see(received, name)
        if rest == ["results", "result"] and job.phase == "COMPLETED":
            return self._result(job.sql, job.most_rows)
        if rest == ["error"]:
            return self._result(job.sql, job.most_rows)
        if rest in ([], ["phase"]):
            self._go_on(job)
            if rest:
                return ServiceResponse(job.phase.encode())
            return ServiceResponse(
                _job_document(received.base_url + received.path, name, job).encode(), "application/xml"
            )
        return ServiceResponse(b"no such resource", status=404, outcome="not_found")

    def _go_on(self, job: _Job) -> None:
        if job.phase != "EXECUTING":
            return
        job.polls += 1
        if job.polls > self.polls:
            ok = self._result(job.sql, job.most_rows).outcome in ("ok", "overflow")
            job.phase = "COMPLETED" if ok else "ERROR"

    def _most_rows(self, received: ServiceRequest) -> int:
        return min(int(received.values.get("maxrec") or self.most_rows), self.most_rows)

    def _result(self, sql: str, most_rows: int) -> ServiceResponse:
        try:
            found = self._database.run(sql, most_rows)
        except RefusedQueryError as error:
            body = (
                '<?xml version="1.0"?><VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
                f'<RESOURCE type="results"><INFO name="QUERY_STATUS" value="ERROR">{escape(str(error))}</INFO>'
                "</RESOURCE></VOTABLE>"
            )
            return ServiceResponse(body.encode(), VOTABLE, 400, outcome="query_error")
        outcome = "overflow" if found.cut else "ok"
        return ServiceResponse(_votable(found), VOTABLE, chunked=True, outcome=outcome)


def _see(received: ServiceRequest, name: str) -> ServiceResponse:
    jobs = received.path.partition("/async")[0] + "/async/"
    return ServiceResponse(status=303, headers={"Location": received.base_url + jobs + name})


def _job_document(address: str, name: str, job: _Job) -> str:
    results = error = ""
    if job.phase == "COMPLETED":
        results = f'<uws:result id="result" xlink:href="{address}/results/result"/>'
    if job.phase == "ERROR":
        error = '<uws:errorSummary type="fatal" hasDetail="true"><uws:message>the query failed</uws:message>'
        error += "</uws:errorSummary>"
    # VizieR keeps jobs for five days.
    now, end = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (0, 5))
    return (
        '<?xml version="1.0" encoding="UTF-8"?><uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0"'
        ' xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1">'
        f"<uws:jobId>{name}</uws:jobId><uws:phase>{job.phase}</uws:phase><uws:creationTime>{now}</uws:creationTime>"
        f"<uws:executionDuration>600</uws:executionDuration><uws:destruction>{end}</uws:destruction>"
        f'<uws:parameters><uws:parameter id="QUERY">{escape(job.sql)}</uws:parameter></uws:parameters>'
        f"<uws:results>{results}</uws:results>{error}</uws:job>"
    )


def _votable(found: Rows) -> bytes:
    columns = list(zip(*found.rows, strict=True)) if found.rows else [()] * len(found.names)
    table = Table()
    for name, values in zip(found.names, columns, strict=True):
        table[name] = _column(values)
    document = from_table(table)
    document.resources[0].type = "results"
    status = Info(name="QUERY_STATUS", value="OVERFLOW" if found.cut else "OK")
    document.resources[0].infos.append(status)
    file = io.BytesIO()
    document.to_xml(file)
    return file.getvalue()


def _column(values: tuple) -> MaskedColumn:
    known = next((value for value in values if value is not None), 0.0)
    dtype = {int: np.int64, float: np.float64}.get(type(known), np.str_)
    filled = [type(known)() if value is None else value for value in values]
    return MaskedColumn(np.array(filled, dtype=dtype), mask=[value is None for value in values])
