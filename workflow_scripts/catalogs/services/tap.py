"""Any TAP service (IVOA Table Access Protocol; VizieR's, for one), through pyvo."""

import logging
import re
import time
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pyarrow as pa
import requests
from astropy.io.votable import parse
from astropy.io.votable.tree import Field, Info, Resource, VOTableFile
from pyvo.dal import AsyncTAPJob, DALFormatError, DALQueryError, DALRateLimitError, DALServiceError, TAPQuery
from pyvo.dal.tap import TAPResults

from workflow_scripts.catalogs.services.kept_responses import KeptResponses
from workflow_scripts.catalogs.services.paging import QueryService, TableResponse
from workflow_scripts.catalogs.services.web import (
    AMBIGUOUS_ATTEMPTS,
    GuardedSession,
    RefusalError,
    TransientError,
    body_of,
    error_of_status,
    naming_redirects,
    one_line,
    opened,
    without_connection,
)
from workflow_scripts.catalogs.table_formats.votable_safety import forbidden_content
from workflow_scripts.catalogs.table_formats.votables import cells_of_field
from workflow_scripts.errors import first_line

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

FINISHED = ("COMPLETED", "ERROR", "ABORTED")
# IVOA UWS 1.1, section 2.1.3.
_PHASES = (*FINISHED, "PENDING", "QUEUED", "EXECUTING", "HELD", "SUSPENDED", "UNKNOWN", "ARCHIVED")
# TAPVizieR lets a job run for five hours.
LONGEST_JOB_SECONDS = 6 * 3600
_LONGEST_POLL_SECONDS = 30.0
_END = re.compile(rb"</(\w+:)?VOTABLE>\s*$")


class TapService(QueryService):
    """A TAP service, queried synchronously or, for what takes long, by jobs that run on the server.

    The address of a job is kept until its result has come: a killed process takes up the same job again.
    """

    def __init__(self, url: str, session: requests.Session, asynchronous: bool, kept: KeptResponses):
        self.where = url
        self._url = url.rstrip("/")
        self._session = session
        self._job_session = _JobSession(url, str(session.headers["User-Agent"]))
        self._job_session.cookies = session.cookies
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
        with naming_redirects(response):
            return parse_votable(body_of(response))

    def _fetch_by_job(self, query: str, max_rows: int | None) -> TableResponse:
        job = self._running_job(query, max_rows)
        started, pause = time.monotonic(), 1.0
        while (phase := self._phase(job)) not in FINISHED:
            if phase == "ARCHIVED":
                self._jobs.forget("job")
                raise RefusalError(f"the service has thrown away the result of the job {job.url}")
            if time.monotonic() - started > LONGEST_JOB_SECONDS:
                raise RefusalError(f"the job {job.url} is {phase} after {LONGEST_JOB_SECONDS} s")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)
        try:
            self._translated(job.raise_if_error)
        except RefusalError:
            self._jobs.forget("job")
            raise
        if not job.result_uri:
            raise RefusalError(f"the job {job.url} has ended without a result")
        result = opened(self._session, "GET", _as_secure(job.result_uri, self._url))
        with naming_redirects(result):
            response = parse_votable(body_of(result))
        self._jobs.forget("job")
        try:
            self._translated(job.delete)
        except (TransientError, RefusalError) as error:
            # The result is here; the service forgets the job by itself some day.
            log.info("the job %s was not deleted: %s", job.url, error)
        return response

    def _running_job(self, query: str, max_rows: int | None) -> AsyncTAPJob:
        address = self._jobs.read("job")
        job = None
        if address is not None and self._jobs.records(["job"])[0]["query"] == query:
            try:
                job = self._translated(lambda: AsyncTAPJob(address.decode(), session=self._job_session))
                log.info("takes up the job %s", job.url)
            except RefusalError:
                log.info("the job %s is not there any more", address.decode())
        if job is None:
            job = self._translated(
                lambda: AsyncTAPJob.create(self._url, query, maxrec=max_rows, session=self._job_session)
            )
            # What has no phase is no job, and not to be taken up.
            self._phase(job)
            self._jobs.keep("job", job.url.encode(), query)
        if self._phase(job) == "PENDING":
            self._translated(job.run)
        return job

    def _phase(self, job: AsyncTAPJob) -> str:
        """The phase of a job; `TransientError` where no description of a job came (a page to log in, for one)."""
        phase = str(self._translated(lambda: job.phase)).strip().upper()
        if phase not in _PHASES:
            said = self._job_session.said or "no text"
            raise TransientError(f"no description of a job came from {job.url} ({said})", attempts=AMBIGUOUS_ATTEMPTS)
        return phase

    def _translated(self, action: Callable[[], _Result]) -> _Result:
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
        except (TransientError, RefusalError):
            raise
        except Exception as error:  # a page where the description of a job was expected, or one that lacks a part
            reason = one_line(first_line(error)) + f" ({self._job_session.said or 'no text came'})"
            raise TransientError(
                f"the description of the job cannot be read: {reason}", attempts=AMBIGUOUS_ATTEMPTS
            ) from None


class _Body(BytesIO):
    """A body that came, decoded already, as pyvo reads it."""

    def read(self, size: int | None = -1, decode_content: bool = False) -> bytes:
        """So many bytes, or all."""
        return super().read(size)


class _JobSession(GuardedSession):
    """For pyvo, which reads descriptions of jobs without a limit of its own: a response has its whole body at hand.

    `said` is the beginning of the text of the last response.
    """

    said = ""

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        """Send a request; raises also as `body_of`."""
        response = super().send(request, **settings)
        body = body_of(response)
        self.said = one_line(body[:5_000].decode(errors="replace"))
        response._content = body
        response.raw = _Body(body)
        return response


def _as_secure(address: str, service: str) -> str:
    """The address of a result by https where a service on the same host is queried by that: some, behind a proxy, do
    not know it.
    """
    here, there = urlsplit(service), urlsplit(address)
    if (here.scheme, there.scheme) == ("https", "http") and here.netloc == there.netloc:
        return there._replace(scheme="https").geturl()
    return address


def parse_votable(body: bytes) -> TableResponse:
    """The rows of a VOTable with their types, units and UCDs in the metadata of the fields.

    Raises
    ------
    TransientError
        for a response that was cut off or is no VOTable.
    RefusalError
        for an error that the service reports, for a table without columns, and for a document that declares entities or
        refers to other addresses.
    """
    if not _END.search(body[-200:]):
        text = body[:5_000].decode(errors="replace")
        what = "a page of HTML came where a VOTable was expected" if _is_html(text) else "no whole VOTable came"
        raise TransientError(f"{what} ({one_line(text) or 'no text'}; {len(body)} bytes)")
    try:
        if (reason := forbidden_content(body)) is not None:
            raise RefusalError(f"the VOTable is refused: {reason}")
        with warnings.catch_warnings():
            # Deviations from the standard, of which every service has some, and overflow, which is reported below.
            warnings.simplefilter("ignore")
            # As a function: what astropy gets as a file it may unpack first.
            document = parse(BytesIO(body).read)
            overflow = _is_overflow(document)
            # Raises for an error that the service reports.
            TAPResults(document)
            table = document.get_first_table()
            cells = [(field, cells_of_field(table, field)) for field in table.fields]
    except RefusalError:
        raise
    except (DALQueryError, DALFormatError) as error:
        raise RefusalError(f"the service reports an error: {one_line(str(error))}") from None
    except Exception as error:  # the parser has errors of its own for a document that is no VOTable
        reason = first_line(error)
        raise TransientError(f"the VOTable cannot be read: {reason}") from None
    if several := [field.name for field, values in cells if values is None]:
        log.info("columns with several values in a cell are left out: %s", ", ".join(several))
    found = [(field, values) for field, values in cells if values is not None]
    schema = pa.schema([pa.field(field.name, values.type, metadata=_described(field)) for field, values in found])
    return TableResponse(body, pa.Table.from_arrays([values for _, values in found], schema=schema), overflow)


def _described(field: Field) -> dict[str, str] | None:
    """Unit and UCD as metadata of a column."""
    known = {"unit": str(field.unit or ""), "ucd": str(field.ucd or "")}
    return {key: text for key, text in known.items() if text} or None


def _is_html(text: str) -> bool:
    return re.search(r"<(!doctype\s+html|html|head|body)\b", text, re.IGNORECASE) is not None


def _is_overflow(document: VOTableFile) -> bool:
    """Whether rows are missing, by any of the statuses: before the table, in it or after it.

    Raises `RefusalError` where one is an error, which may follow rows that came before it.
    """
    statuses = [info for info in _infos(document) if str(info.name).upper() == "QUERY_STATUS"]
    values = [str(info.value).upper() for info in statuses]
    for info, value in zip(statuses, values, strict=True):
        if value not in ("OK", "OVERFLOW"):
            reason = one_line(info.content or "") or f"its status is {one_line(value)}, without a reason"
            raise RefusalError(f"the service reports an error: {reason}")
    return "OVERFLOW" in values


def _infos(part: VOTableFile | Resource) -> Iterator[Info]:
    """The INFO elements of a document or resource, those of its tables and of the resources in it."""
    yield from part.infos
    for table in getattr(part, "tables", ()):
        yield from table.infos
    for resource in part.resources:
        yield from _infos(resource)
