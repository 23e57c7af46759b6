"""Requests to catalog services: a name in the User-Agent, limits of time and size, and no way into private networks."""

import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests

from workflow_scripts.catalogs.services.retries import (
    AMBIGUOUS_ATTEMPTS,
    UNREACHABLE_ATTEMPTS,
    RefusalError,
    TransientError,
)
from workflow_scripts.catalogs.services.skyserver_csv import message_of_error
from workflow_scripts.http_services.addresses import AddressGuard, ForbiddenAddressError
from workflow_scripts.http_services.politeness import retry_after_seconds

CONNECT_SECONDS = 20
# SkyServer lets a query run for ten minutes before its first byte.
READ_SECONDS = 660
WHOLE_ANSWER_SECONDS = 3600
MAX_ANSWER_BYTES = 1 << 28
_BLOCK = 1 << 16
_TRANSIENT = (408, 425, 429, 502, 503, 504)


class GuardedSession(requests.Session):
    """A session for one service.

    A redirect, or an address that the service names in an answer, may lead to another host, but only by http or https
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
            # No address at all: connecting fails, and says so.
            return
        for address in sorted(found):
            self._guard.check_address(host, port, address)


def opened(session: requests.Session, method: str, url: str, **settings: Any) -> requests.Response:
    """A response with status 200 (or 206 to a request for a range), its body not yet read.

    Raises
    ------
    TransientError, RefusalError
        for no connection, and for any other status.
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
        told = message_of_error(beginning(response))
        reason += f" ({told})" if told else ""
        if response.status_code == 500:
            raise TransientError(reason, attempts=AMBIGUOUS_ATTEMPTS)
        if response.status_code in _TRANSIENT:
            raise TransientError(reason, retry_after_seconds(response.headers.get("Retry-After")))
        raise RefusalError(reason)


def without_connection(error: Exception) -> TransientError:
    """What an error of the connection means; the texts of urllib3 quote objects."""
    if isinstance(error, requests.exceptions.ReadTimeout):
        return TransientError("no answer in time")
    kind = type(error).__name__
    return TransientError(
        f"no connection ({kind}: is there a network, and is the host right?)", attempts=UNREACHABLE_ATTEMPTS
    )


def beginning(response: requests.Response) -> bytes:
    """The first bytes of a body, for messages."""
    try:
        return next(response.iter_content(_BLOCK), b"")
    except requests.RequestException:
        return b""


def blocks(response: requests.Response, max_bytes: int) -> Iterator[bytes]:
    """The body in blocks, up to `max_bytes` and `WHOLE_ANSWER_SECONDS`.

    Raises
    ------
    TransientError
        for a connection that breaks or a body shorter than announced.
    RefusalError
        for a body that is too long.
    """
    size, started = 0, time.monotonic()
    try:
        for block in response.iter_content(_BLOCK):
            size += len(block)
            if size > max_bytes:
                raise RefusalError(f"the answer is longer than {max_bytes} bytes")
            if time.monotonic() - started > WHOLE_ANSWER_SECONDS:
                raise TransientError(f"the answer took longer than {WHOLE_ANSWER_SECONDS} s")
            yield block
    except requests.RequestException:
        raise TransientError(f"the answer was cut off after {size} bytes") from None


def body_of(response: requests.Response) -> bytes:
    """The whole body, up to `MAX_ANSWER_BYTES`; raises as `blocks` does."""
    with response:
        return b"".join(blocks(response, MAX_ANSWER_BYTES))
