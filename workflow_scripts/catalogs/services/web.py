"""Requests to catalog services: limits of time and size, no way into private networks, and useful repetitions."""

import json
import logging
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import requests

from workflow_scripts.errors import InputError
from workflow_scripts.http_services.addresses import AddressGuard, ForbiddenAddressError
from workflow_scripts.http_services.politeness import backoff_seconds, kind_of_status, retry_after_seconds

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

CONNECT_SECONDS = 20
# SkyServer lets a query run for ten minutes before its first byte.
READ_SECONDS = 660
WHOLE_RESPONSE_SECONDS = 3600
MAX_RESPONSE_BYTES = 1 << 28
_BLOCK = 1 << 16
QUOTED_CHARACTERS = 300

ATTEMPTS = 8
# A host that is not there at all is rather a mistake than a busy one.
UNREACHABLE_ATTEMPTS = 4
# A server that stumbled, or one whose way it is to refuse a query that it cannot run.
AMBIGUOUS_ATTEMPTS = 3
FIRST_WAIT_SECONDS = 4.0
LONGEST_WAIT_SECONDS = 120.0


class TransientError(Exception):
    """Worth a repetition, after `wait_seconds` where the service names a time, but `attempts` times at most."""

    def __init__(self, reason: str, wait_seconds: float | None = None, attempts: int = ATTEMPTS):
        super().__init__(reason)
        self.wait_seconds = wait_seconds
        self.attempts = attempts


class RefusalError(Exception):
    """A repetition would give the same."""


def patiently(attempt: Callable[[], _Result], what: str) -> _Result:
    """Call `attempt` until it succeeds, with growing waits in between.

    A wait that the service requests is kept, up to `LONGEST_WAIT_SECONDS`; others double from `FIRST_WAIT_SECONDS`,
    with jitter, so that clients that failed together do not come back together.

    Raises
    ------
    InputError
        (beginning with `what`) for a `RefusalError`, and for a `TransientError` at the last of its attempts.
    """
    jitter = Random()
    failures: Counter[int] = Counter()
    while True:
        try:
            return attempt()
        except RefusalError as error:
            raise InputError(f"{what}: {error}") from None
        except TransientError as error:
            failures[error.attempts] += 1
            number = failures.total()
            if failures[error.attempts] >= error.attempts or number >= ATTEMPTS:
                raise InputError(f"{what}: {error}; given up after {number} attempts, run again later") from None
            wait = error.wait_seconds
            if wait is None:
                wait = backoff_seconds(number, jitter, FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
            wait = min(wait, LONGEST_WAIT_SECONDS)
            log.warning("%s: %s; again in %.0f s", what, error, wait)
            time.sleep(wait)


class GuardedSession(requests.Session):
    """A session for one service.

    A redirect, or an address in a response of the service, may lead to another host, but only by http or https
    and never to a private address, unless the service is there itself.
    """

    def __init__(self, base_url: str, user_agent: str):
        super().__init__()
        self.headers["User-Agent"] = user_agent
        self.max_redirects = 5
        self._guard = AddressGuard(base_url)

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        """Send a request, the first or one that a redirect led to."""
        try:
            self._guard.check(str(request.url))
            self._check_resolved(urlsplit(str(request.url)))
        except ForbiddenAddressError as error:
            raise RefusalError(f"leads to an address that is not visited: {error}") from None
        if not settings.get("timeout"):
            settings["timeout"] = (CONNECT_SECONDS, READ_SECONDS)
        return super().send(request, **settings)

    def _check_resolved(self, parts: SplitResult) -> None:
        host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        except (OSError, UnicodeError):
            # No address at all: connecting fails and is reported.
            return
        for address in sorted(found):
            self._guard.check_address(host, port, address)


def opened(session: requests.Session, method: str, url: str, **settings: Any) -> requests.Response:
    """A response with status 200 (or 206 to a request for a range), its body not yet read.

    Raises `TransientError` or `RefusalError` for no connection, and for any other status.
    """
    try:
        response = session.request(method, url, stream=True, **settings)
    except (requests.exceptions.InvalidURL, requests.exceptions.TooManyRedirects) as error:
        raise RefusalError(str(error)) from None
    except requests.RequestException as error:
        raise without_connection(error) from None
    if response.status_code in (200, 206):
        return response
    with response:
        reason = f"status {response.status_code} {response.reason or ''}".strip()
        try:
            message = message_of_error(next(response.iter_content(_BLOCK), b""))
        except requests.RequestException:
            message = ""
        reason += f" ({message})" if message else ""
        raise error_of_status(response.status_code, reason, response.headers.get("Retry-After"))


def error_of_status(status: int, reason: str, retry_after: str | None = None) -> TransientError | RefusalError:
    """What is raised for a status, by the table of statuses."""
    kind = kind_of_status(status)
    if kind == "permanent":
        return RefusalError(reason)
    attempts = AMBIGUOUS_ATTEMPTS if kind == "ambiguous" else ATTEMPTS
    return TransientError(reason, retry_after_seconds(retry_after), attempts)


def without_connection(error: Exception) -> TransientError:
    """What an error of the connection means; the texts of urllib3 quote objects."""
    if isinstance(error, requests.exceptions.ReadTimeout):
        return TransientError("no response in time")
    kind = type(error).__name__
    return TransientError(
        f"no connection ({kind}: is there a network, and is the host right?)", attempts=UNREACHABLE_ATTEMPTS
    )


def blocks(response: requests.Response, max_bytes: int) -> Iterator[bytes]:
    """The body in blocks, up to `max_bytes` and `WHOLE_RESPONSE_SECONDS`.

    Raises `TransientError` for a connection that breaks or a body shorter than announced, `RefusalError` for a body
    that is too long.
    """
    size, started = 0, time.monotonic()
    try:
        for block in response.iter_content(_BLOCK):
            size += len(block)
            if size > max_bytes:
                raise RefusalError(f"the response is longer than {max_bytes} bytes")
            if time.monotonic() - started > WHOLE_RESPONSE_SECONDS:
                raise TransientError(f"the response took longer than {WHOLE_RESPONSE_SECONDS} s")
            yield block
    except requests.RequestException:
        raise TransientError(f"the response was cut off after {size} bytes") from None


def body_of(response: requests.Response) -> bytes:
    """The whole body, up to `MAX_RESPONSE_BYTES`; raises as `blocks` does."""
    with response:
        return b"".join(blocks(response, MAX_RESPONSE_BYTES))


def message_of_error(body: bytes) -> str:
    """The message in a JSON object of an error, or the beginning of the text of any other body."""
    text = body[:20_000].decode("utf-8", errors="replace")
    try:
        error = json.loads(text)
    except ValueError:
        error = None
    if isinstance(error, dict) and isinstance(error.get("ErrorMessage"), str):
        text = error["ErrorMessage"]
    return one_line(text)


def one_line(text: str) -> str:
    """The beginning of a text on one line, without marks of HTML."""
    plain = " ".join(re.sub(r"<[^<>]{0,500}>", " ", text[:5_000]).split())
    return plain[:QUOTED_CHARACTERS] + ("..." if len(plain) > QUOTED_CHARACTERS else "")
