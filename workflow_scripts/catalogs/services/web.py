"""Requests to catalog services: limits of time and size, no way into private networks, and useful repetitions."""

import json
import logging
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import requests

from workflow_scripts.catalogs.services.redirects import REDIRECTS, LostQueryError, redirected, target
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
QUOTED_CHARACTERS = 200

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

    A redirect, or an address in a response of the service, may lead to another host, but only by http or https, never
    from https back to http, and never to a private address, unless the service is there itself. Queries are sent again
    after a redirect, or refused (`redirects.redirected`). Bodies are read by the caller, who limits them.
    """

    def __init__(self, base_url: str, user_agent: str):
        super().__init__()
        self.headers["User-Agent"] = user_agent
        self.max_redirects = 5
        self._base_url = base_url
        self._guard = AddressGuard(base_url)
        self._moves: set[str] = set()

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        """Send a request and those that redirects lead to; `RefusalError` for an address that is not visited."""
        follows = settings.pop("allow_redirects", True)
        settings["timeout"] = settings.get("timeout") or (CONNECT_SECONDS, READ_SECONDS)
        settings["stream"] = True
        history: list[requests.Response] = []
        self._check(str(request.url), self._base_url)
        while True:
            response = super().send(request, allow_redirects=False, **settings)
            location = response.headers.get("Location")
            if not follows or response.status_code not in REDIRECTS or not location:
                response.history = history
                return response
            response.close()
            history.append(response)
            if len(history) > self.max_redirects:
                raise RefusalError(f"redirects do not end, the last of {len(history)} led to {location[:200]!r}")
            try:
                url = target(response.url, location)
                self._check(url, response.url)
                request = redirected(request, response.status_code, url)
            except LostQueryError as error:
                raise RefusalError(str(error)) from None
            self._report_move(response.status_code, url)
            request.headers.pop("Cookie", None)
            request.prepare_cookies(self.cookies)
            settings["proxies"] = self.rebuild_proxies(request, settings.get("proxies"))
            self.rebuild_auth(request, response)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: `send` follows redirects itself."""
        return None

    def _report_move(self, status: int, url: str) -> None:
        place = urlsplit(url)._replace(query="").geturl()
        if status in (301, 308) and place not in self._moves:
            self._moves.add(place)
            log.warning("%s has moved for good, to %s (status %d; catalogs, url)", self._base_url, place, status)

    def _check(self, url: str, come_from: str) -> None:
        try:
            self._guard.check(url, come_from)
            self._check_resolved(urlsplit(url))
        except ForbiddenAddressError as error:
            raise RefusalError(f"leads to an address that is not visited: {error} (catalogs, url)") from None

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
    except requests.exceptions.InvalidURL as error:
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
        reason += (f" ({message})" if message else "") + _after_redirect(response)
        raise error_of_status(response.status_code, reason, response.headers.get("Retry-After"))


@contextmanager
def naming_redirects(response: requests.Response) -> Iterator[None]:
    """Add the address that redirects led to, if any, to an error of what came from there."""
    try:
        yield
    except (TransientError, RefusalError) as error:
        error.args = (f"{error}{_after_redirect(response)}",)
        raise


def _after_redirect(response: requests.Response) -> str:
    return f", after a redirect to {response.url[:200]} (catalogs, url)" if response.history else ""


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
    except requests.exceptions.ContentDecodingError:
        encoding = one_line(response.headers.get("Content-Encoding", ""))
        raise TransientError(f"the response is not in the encoding '{encoding}' that its header names") from None
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
    """The beginning of a text on one line, without marks of HTML and what cannot be printed."""
    unmarked = re.sub(r"<[^<>]{0,500}>", " ", text[:5_000])
    plain = " ".join("".join(each if each.isprintable() else " " for each in unmarked).split())
    return plain[:QUOTED_CHARACTERS] + ("..." if len(plain) > QUOTED_CHARACTERS else "")
