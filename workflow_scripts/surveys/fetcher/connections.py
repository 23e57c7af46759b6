"""Requests to one host: no faster than its access limits allow, whichever job sends them.

Every size, time and redirect of a response is limited.
"""

import asyncio
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import ResolveResult

from workflow_scripts.errors import first_line
from workflow_scripts.http_services.addresses import AddressGuard, ForbiddenAddressError
from workflow_scripts.http_services.politeness import PAUSES_HOST_AFTER, Repeatable, retry_after_seconds
from workflow_scripts.surveys.fetcher.shared_limits import SharedClock, SharedPlace, SharedQueue

# A pause can be ended or prolonged by another job: it is looked at again after this (s).
_LOOK_AGAIN = 5.0
# A place that another job has is looked for again after this (s).
_LOOK_FOR_PLACE = 0.05
_SECONDS_BETWEEN_LOOKS_AT_IDLE = 1.0
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_PIECE = 2**16
_BROKE_OFF = (
    aiohttp.ClientPayloadError,
    aiohttp.ServerDisconnectedError,
    ConnectionError,
    asyncio.IncompleteReadError,
)


@dataclass(frozen=True)
class AccessLimits:
    """What the keepers of a service allow, and how patient this side is (`surveys.NAME.access`)."""

    concurrency: int
    requests_per_second: float | None
    attempts: int
    ambiguous_attempts: int
    timeout_seconds: float
    longest_wait_seconds: float


@dataclass(frozen=True)
class Received:
    """A whole response. `reason_phrase` and `content_type` are as the service has them, cut to a line."""

    url: str
    status: int
    reason_phrase: str
    content_type: str
    retry_after: str | None
    body: bytes
    # Whether the end of the body was marked: by its length, or by the last chunk.
    end_was_marked: bool


@dataclass(frozen=True)
class NotReceived:
    """No response, or not all of it. `unreachable`: there was not even a connection."""

    reason: str
    kind: Repeatable = "transient"
    unreachable: bool = False


@dataclass(frozen=True)
class Upload:
    """A file to send with a POST."""

    fields: tuple[tuple[str, str], ...]
    file: bytes


def printable(text: str, most: int) -> str:
    """The beginning of a text of unknown origin, in one line."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:most])


class Throttle:
    """Whether a refusal of one host holds for one request or for all: its last responses, by the table of statuses."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def pause_after(self, response: Received | NotReceived) -> float:
        """Seconds for which no request is to be sent to the host, for responses in the order of their arrival."""
        if isinstance(response, NotReceived):
            return 0.0
        needed = PAUSES_HOST_AFTER.get(response.status)
        if needed is None:
            self._in_a_row = 0
            return 0.0
        self._in_a_row += 1
        return (retry_after_seconds(response.retry_after) or 0.0) if self._in_a_row >= needed else 0.0


class _Lane:
    """A connection of this job, open only while it has the place for it that all jobs share."""

    def __init__(self, place: SharedPlace):
        self.place = place
        self.busy = False
        self.session: aiohttp.ClientSession | None = None


class Connections:
    """The connections to the host of a configured URL; use it in an `async with`."""

    def __init__(self, url: str, limits: AccessLimits, folder: str | Path, guard: AddressGuard, user_agent: str):
        """`folder` holds the clocks and places that all jobs share."""
        self._clock = SharedClock(folder, url, limits.requests_per_second)
        self._queue = SharedQueue(folder, url)
        self._lanes = [_Lane(SharedPlace(folder, url, number)) for number in range(limits.concurrency)]
        self._limits = limits
        self._guard = guard
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        # No proxy can reach this machine.
        self._trust_env = urlsplit(url).hostname not in ("localhost", "127.0.0.1", "::1")
        self._free = asyncio.Semaphore(limits.concurrency)
        self._throttle = Throttle()
        self._others_until = 0.0

    async def __aenter__(self) -> "Connections":
        self._leaving = asyncio.create_task(self._leave_idle_places())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leaving.cancel()
        for lane in self._lanes:
            await self._leave(lane)
            lane.place.close()
        self._queue.close()
        self._clock.close()

    def _opened_session(self) -> aiohttp.ClientSession:
        seconds = self._limits.timeout_seconds
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, resolver=_GuardedResolver(self._guard), ttl_dns_cache=300),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=seconds, connect=min(seconds, 20.0)),
            # Bytes as they come: a small body that unpacks to gigabytes is never unpacked.
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=self._trust_env,
        )
        # The library would repeat a request whose connection broke off by itself, past the limits and uncounted.
        session._retry_connection = False
        return session

    async def _lane(self) -> _Lane:
        """A lane for one request, those with an open connection first."""
        while True:
            for lane in sorted(self._lanes, key=lambda lane: lane.session is None):
                may_take = lane.place.held or time.monotonic() >= self._others_until
                if not lane.busy and may_take and lane.place.take():
                    self._queue.wait(False)
                    lane.busy = True
                    lane.session = lane.session or self._opened_session()
                    return lane
            self._queue.wait(True)
            await asyncio.sleep(_LOOK_FOR_PLACE)

    async def _leave_idle_places(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS_AT_IDLE)
            for lane in self._lanes:
                if not lane.busy:
                    await self._end_turn(lane)

    async def _end_turn(self, lane: _Lane) -> None:
        if lane.place.turn_is_over() and self._queue.others_wait():
            await self._leave(lane)

    async def _leave(self, lane: _Lane) -> None:
        """Close a connection, and let another job have its place before this one takes any."""
        # Nothing is requested through a session that closes.
        lane.busy = True
        if lane.session is not None:
            await lane.session.close()
            lane.session = None
        lane.place.leave()
        self._others_until = time.monotonic() + 4 * _LOOK_FOR_PLACE
        lane.busy = False

    async def request(self, url: str, largest_bytes: int, upload: Upload | None = None) -> Received | NotReceived:
        """GET (or POST, with an upload) a URL when a connection is free; follow redirects where the guard allows it.

        Nothing is raised for what a service or the network does: every error is a `NotReceived`. While the host is busy
        for all, no job sends it any request.
        """
        async with self._free:
            lane = await self._lane()
            try:
                response = await self._followed(lane, url, largest_bytes, upload)
                await self._end_turn(lane)
            finally:
                lane.busy = False
        if wait := self._throttle.pause_after(response):
            self._clock.pause(min(wait, self._limits.longest_wait_seconds))
        return response

    async def _followed(
        self, lane: _Lane, url: str, largest_bytes: int, upload: Upload | None
    ) -> Received | NotReceived:
        come_from = url
        try:
            for _ in range(_MOST_REDIRECTS + 1):
                self._guard.check(url, come_from)
                come_from = url
                await self._turn()
                response = await self._once(lane, url, largest_bytes, upload)
                if isinstance(response, NotReceived | Received):
                    return response
                url = response
            return NotReceived(f"more than {_MOST_REDIRECTS} redirects", "ambiguous")
        except ForbiddenAddressError as error:
            return NotReceived(f"refused to go on: {error}", "ambiguous")
        except TimeoutError:
            return NotReceived(f"no whole response within {self._limits.timeout_seconds:g} s")
        except aiohttp.ClientConnectorError as error:
            reason = error.os_error.strerror or str(error.os_error)
            return NotReceived(f"no connection to {urlsplit(url).netloc}: {reason}", unreachable=True)
        except _BROKE_OFF:
            return NotReceived("the connection broke off")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # A broken header, chunk or certificate.
            return NotReceived(first_line(error)[:200])

    async def _turn(self) -> None:
        """Wait for the moment of the next request."""
        while True:
            while paused := self._clock.paused_for():
                await asyncio.sleep(min(paused, _LOOK_AGAIN))
            if not (wait := self._clock.reserve()):
                return
            await asyncio.sleep(wait)
            if not self._clock.paused_for():
                return

    async def _once(
        self, lane: _Lane, url: str, largest_bytes: int, upload: Upload | None
    ) -> Received | NotReceived | str:
        """The response, or where it redirects to."""
        assert lane.session is not None
        form = None
        if upload is not None:
            form = aiohttp.FormData(upload.fields)
            form.add_field("file", upload.file, filename="positions.txt", content_type="text/plain")
        method = "GET" if form is None else "POST"
        async with lane.session.request(method, url, data=form, allow_redirects=False) as response:
            headers = response.headers
            if response.status in _REDIRECTS and "Location" in headers:
                response.close()
                return urljoin(url, headers["Location"])
            length = response.content_length
            if length is not None and length > largest_bytes:
                response.close()
                return NotReceived(f"{length} bytes, expected at most {largest_bytes}", "ambiguous")
            body = bytearray()
            async for piece in response.content.iter_chunked(_PIECE):
                body += piece
                if len(body) > largest_bytes:
                    response.close()
                    return NotReceived(f"more than {largest_bytes} bytes", "ambiguous")
            if length is not None and len(body) != length:
                return NotReceived(f"{len(body)} bytes of {length}")
            if (encoding := headers.get("Content-Encoding", "identity").lower()) not in ("identity", ""):
                return NotReceived(f"packed with {encoding[:40]}, which was not requested", "ambiguous")
            return Received(
                url=url,
                status=response.status,
                reason_phrase=printable(response.reason or "", 200),
                content_type=printable(headers.get("Content-Type", ""), 200),
                retry_after=headers.get("Retry-After"),
                body=bytes(body),
                end_was_marked=length is not None or "chunked" in headers.get("Transfer-Encoding", "").lower(),
            )


class _GuardedResolver(aiohttp.ThreadedResolver):
    """Resolves names and refuses addresses that the guard refuses."""

    def __init__(self, guard: AddressGuard):
        super().__init__()
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        for address in found:
            self._guard.check_address(host, port, address["host"])
        return found
