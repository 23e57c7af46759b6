"""Requests to the hosts of one service: within its access limits, and again where that can help."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from workflow_scripts.http_services.addresses import AddressGuard
from workflow_scripts.http_services.politeness import backoff_seconds, next_step, retry_after_seconds
from workflow_scripts.surveys.fetcher.connections import Connections, SharedClock, is_this_machine
from workflow_scripts.surveys.fetcher.service import Judgement, judged_status
from workflow_scripts.surveys.fetcher.single_request import NotReceived, Received, Upload, request_once

_LARGEST_TABLE = 64 * 2**20


@dataclass(frozen=True)
class AccessLimits:
    """What the keepers of a service allow, and how patient this side is (`surveys.NAME.access`)."""

    concurrency: int
    requests_per_second: float | None
    attempts: int
    ambiguous_attempts: int
    timeout_seconds: float
    longest_wait_seconds: float


class Throttle:
    """Whether a refusal of one host holds for one request or for all: its last responses, by the table of statuses."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def pause_after(self, response: Received | NotReceived) -> float:
        """Seconds for which no request is to be sent to the host, for responses in the order of their arrival."""
        if isinstance(response, NotReceived):
            return 0.0
        needed = None if response.status == 200 else next_step(response.status).pauses_host_after
        if needed is None:
            self._in_a_row = 0
            return 0.0
        self._in_a_row += 1
        return (retry_after_seconds(response.retry_after) or 0.0) if self._in_a_row >= needed else 0.0


class Requester:
    """Sends requests; use it in an `async with`."""

    def __init__(self, urls: tuple[str, ...], limits: AccessLimits, folder: str | Path, user_agent: str, seed: str):
        """`folder` holds the clocks that all jobs share; `seed` is of the jitter."""
        self.limits = limits
        self.random = Random(seed)
        self.guard = AddressGuard(*urls)
        self._connections: dict[str, Connections] = {}
        self._throttles: dict[str, Throttle] = {}
        self._opened = AsyncExitStack()
        for url in urls:
            host = urlsplit(url).netloc.lower()
            if host not in self._connections:
                clock = SharedClock(folder, url, limits.requests_per_second)
                self._connections[host] = Connections(
                    clock, limits.concurrency, self.guard, user_agent, not is_this_machine(url)
                )
                self._throttles[host] = Throttle()

    async def __aenter__(self) -> "Requester":
        for connections in self._connections.values():
            await self._opened.enter_async_context(connections)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def once(self, url: str, largest_bytes: int, upload: Upload | None = None) -> Received | NotReceived:
        """One request. While a host is busy for all, no job sends it any."""
        host = urlsplit(url).netloc.lower()
        connections = self._connections[host]
        response = await request_once(connections, self.guard, url, largest_bytes, self.limits.timeout_seconds, upload)
        if wait := self._throttles[host].pause_after(response):
            connections.clock.pause(min(wait, self.limits.longest_wait_seconds))
        return response

    def may_repeat(self, judgement: Judgement, attempts: int, ambiguous: int) -> bool:
        """Whether one more attempt can help, after so many (so many of them ambiguous)."""
        if judgement.kind == "transient":
            return attempts < self.limits.attempts
        return judgement.kind == "ambiguous" and ambiguous < self.limits.ambiguous_attempts

    def pause_before(self, attempts: int, response: Received | NotReceived) -> float:
        """Seconds before the next attempt: what the service requests, or more."""
        longest = self.limits.longest_wait_seconds
        requested = retry_after_seconds(response.retry_after) if isinstance(response, Received) else None
        return max(min(requested or 0.0, longest), backoff_seconds(attempts, self.random, ceiling=min(60.0, longest)))

    async def until_judged(
        self, url: str, upload: Upload | None, judge: Callable[[Received], Judgement]
    ) -> tuple[Received | None, Judgement]:
        """Request a URL, again where that can help; the last response and its judgement."""
        attempts = ambiguous = 0
        while True:
            response = await self.once(url, _LARGEST_TABLE, upload)
            attempts += 1
            received = response if isinstance(response, Received) else None
            judgement = judge(received) if received else judged_status(response)
            assert judgement is not None
            ambiguous += judgement.kind == "ambiguous"
            if not self.may_repeat(judgement, attempts, ambiguous):
                return received, judgement
            await asyncio.sleep(self.pause_before(attempts, response))
