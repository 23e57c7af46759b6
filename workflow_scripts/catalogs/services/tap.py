"""Any TAP service (IVOA Table Access Protocol; VizieR's, for one), through pyvo."""

import logging
import re
import time
import warnings
from collections.abc import Callable
from io import BytesIO
from typing import TypeVar

import pyarrow as pa
import requests
from astropy.io.votable import parse
from pyvo.dal import AsyncTAPJob, DALFormatError, DALQueryError, DALRateLimitError, DALServiceError, TAPQuery
from pyvo.dal.tap import TAPResults

from workflow_scripts.catalogs.services.kept_responses import KeptResponses
from workflow_scripts.catalogs.services.paging import QueryService, TableResponse
from workflow_scripts.catalogs.services.web import (
    RefusalError,
    TransientError,
    body_of,
    error_of_status,
    opened,
    without_connection,
)
from workflow_scripts.errors import first_line

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

FINISHED = ("COMPLETED", "ERROR", "ABORTED")
# TAPVizieR lets a job run for five hours.
LONGEST_JOB_SECONDS = 6 * 3600
_LONGEST_POLL_SECONDS = 30.0
_END = re.compile(rb"</(\w+:)?VOTABLE>\s*$")
# A document that declares entities can grow without limit, a stream with an address makes the reader fetch it.
_FORBIDDEN = re.compile(rb"<!DOCTYPE|<!ENTITY|<(\w+:)?STREAM\b[^>]*\bhref\b", re.IGNORECASE)


class TapService(QueryService):
    """A TAP service, queried synchronously or, for what takes long, by jobs that run on the server.

    The address of a job is kept until its result has come: a killed process takes up the same job again.
    """

    def __init__(self, url: str, session: requests.Session, asynchronous: bool, kept: KeptResponses):
        self.where = url
        self._url = url.rstrip("/")
        self._session = session
        self._asynchronous = asynchronous
        self._jobs = kept

    def read(self, body: bytes) -> TableResponse:
        """A table as VOTable; raises as `parse_votable`."""
        return parse_votable(body)

    def fetch_once(self, query: str, max_rows: int | None) -> TableResponse:
        """The response to a query."""
        if self._asynchronous:
            return self._fetch_by_job(query, max_rows)
        fields = {**TAPQuery(self._url, query, maxrec=max_rows)}
        response = opened(self._session, "POST", f"{self._url}/sync", data=fields)
        return parse_votable(body_of(response))

    def _fetch_by_job(self, query: str, max_rows: int | None) -> TableResponse:
        job = self._running_job(query, max_rows)
        started, pause = time.monotonic(), 1.0
        while (phase := _translated(lambda: job.phase)) not in FINISHED:
            if time.monotonic() - started > LONGEST_JOB_SECONDS:
                raise RefusalError(f"the job {job.url} is {phase} after {LONGEST_JOB_SECONDS} s")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)
        try:
            _translated(job.raise_if_error)
        except RefusalError:
            self._jobs.forget("job")
            raise
        if not job.result_uri:
            raise RefusalError(f"the job {job.url} has ended without a result")
        response = parse_votable(body_of(opened(self._session, "GET", job.result_uri)))
        self._jobs.forget("job")
        try:
            _translated(job.delete)
        except (TransientError, RefusalError) as error:
            # The result is here; the service forgets the job by itself some day.
            log.info("the job %s was not deleted: %s", job.url, error)
        return response

    def _running_job(self, query: str, max_rows: int | None) -> AsyncTAPJob:
        address = self._jobs.read("job")
        job = None
        if address is not None and self._jobs.records(["job"])[0]["query"] == query:
            try:
                job = _translated(lambda: AsyncTAPJob(address.decode(), session=self._session))
                log.info("takes up the job %s", job.url)
            except RefusalError:
                log.info("the job %s is not there any more", address.decode())
        if job is None:
            job = _translated(lambda: AsyncTAPJob.create(self._url, query, maxrec=max_rows, session=self._session))
            self._jobs.keep("job", job.url.encode(), query)
        if _translated(lambda: job.phase) == "PENDING":
            _translated(job.run)
        return job


def _translated(action: Callable[[], _Result]) -> _Result:
    """What pyvo's errors mean here."""
    try:
        return action()
    except DALRateLimitError as error:
        raise TransientError(str(error), error.retry_after_seconds) from None
    except (DALQueryError, DALFormatError) as error:
        raise RefusalError(f"the service reports an error: {error}") from None
    except DALServiceError as error:
        code = getattr(error, "code", None) or 0
        raise (error_of_status(code, f"status {code} ({error})") if code else without_connection(error)) from None
    except requests.RequestException as error:
        raise without_connection(error) from None


def parse_votable(body: bytes) -> TableResponse:
    """The rows of a VOTable with their types, units in the metadata of the fields.

    Raises
    ------
    TransientError
        for a response that was cut off or is no VOTable.
    RefusalError
        for an error that the service reports, for a table without columns, and for a document that declares entities or
        refers to other addresses.
    """
    if not _END.search(body[-200:]):
        beginning = " ".join(body[:200].decode(errors="replace").split())
        raise TransientError(f"the response is no VOTable, or was cut off ({beginning or 'it is empty'})")
    if _FORBIDDEN.search(body):
        raise RefusalError("the VOTable declares entities or refers to another address, expected a table")
    try:
        with warnings.catch_warnings():
            # Deviations from the standard, of which every service has some, and overflow, which is reported below.
            warnings.simplefilter("ignore")
            results = TAPResults(parse(BytesIO(body)))
            table = results.to_table()
    except (DALQueryError, DALFormatError) as error:
        raise RefusalError(f"the service reports an error: {error}") from None
    except Exception as error:  # the parser has errors of its own for a document that is no VOTable
        reason = first_line(error)
        raise TransientError(f"the VOTable cannot be read: {reason}") from None
    single = [name for name in table.colnames if len(table[name].shape) == 1]
    if len(single) < len(table.colnames):
        log.info("columns with several values in a cell are left out: %s", ", ".join(set(table.colnames) - set(single)))
    rows = pa.Table.from_pandas(table[single].to_pandas(use_nullable_int=True), preserve_index=False)
    fields = [
        field.with_metadata({"unit": str(table[field.name].unit)}) if table[field.name].unit else field
        for field in rows.schema
    ]
    return TableResponse(body, rows.cast(pa.schema(fields)), str(results.query_status).upper() == "OVERFLOW")
