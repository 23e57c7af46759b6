"""Requests to the hosts of one service: within the limits, and again where that can help."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from workflow_scripts.http_services.addresses import AddressGuard
from workflow_scripts.http_services.backoff import backoff_seconds
from workflow_scripts.http_services.retry_after import retry_after_seconds
from workflow_scripts.surveys.fetcher.connections import Connections, is_this_machine
from workflow_scripts.surveys.fetcher.download import Body, NotReceived, Received, download
from workflow_scripts.surveys.fetcher.judgements import Verdict, of_status
from workflow_scripts.surveys.fetcher.shared_limits import SharedLimits
from workflow_scripts.surveys.fetcher.throttling import Refusals

_LARGEST_TABLE = 64 * 2**20


@dataclass(frozen=True)
class Access:
    """How a service may be asked: what its keepers want, and how patient this side is (`surveys.NAME.access`)."""

    concurrency: int
    requests_per_second: float | None
    attempts: int
    ambiguous_attempts: int
    timeout_seconds: float
    longest_wait_seconds: float

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Access":
        """From the entry of the configuration."""
        return cls(**settings)


class Asker:
    """Sends requests; use it in an `async with`."""

    def __init__(self, urls: tuple[str, ...], access: Access, folder: str | Path, user_agent: str, seed: str):
        """`folder` holds the limits that all jobs share; `seed` is of the jitter."""
        self.access = access
        self.random = Random(seed)
        self.guard = AddressGuard(*urls)
        self._connections: dict[str, Connections] = {}
        self._refusals: dict[str, Refusals] = {}
        self._opened = AsyncExitStack()
        for url in urls:
            host = urlsplit(url).netloc.lower()
            if host not in self._connections:
                limits = SharedLimits(folder, url, access.concurrency, access.requests_per_second)
                self._connections[host] = Connections(limits, self.guard, user_agent, not is_this_machine(url))
                self._refusals[host] = Refusals()

    async def __aenter__(self) -> "Asker":
        for connections in self._connections.values():
            await self._opened.enter_async_context(connections)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def once(self, url: str, largest_bytes: int, body: Body | None = None) -> Received | NotReceived:
        """One request. A host that says how long it is busy for all is left alone by all jobs."""
        host = urlsplit(url).netloc.lower()
        connections = self._connections[host]
        answer = await download(connections, self.guard, url, largest_bytes, self.access.timeout_seconds, body)
        if wait := self._refusals[host].pause_after(answer):
            connections.limits.pause(min(wait, self.access.longest_wait_seconds))
        return answer

    def may_ask_again(self, verdict: Verdict, attempts: int, ambiguous: int) -> bool:
        """Whether one more attempt can help, after so many (so many of them ambiguous)."""
        if verdict.kind == "transient":
            return attempts < self.access.attempts
        return verdict.kind == "ambiguous" and ambiguous < self.access.ambiguous_attempts

    def pause_before(self, attempts: int, answer: Received | NotReceived) -> float:
        """Seconds before the next attempt: what the service asks for, or more."""
        longest = self.access.longest_wait_seconds
        told = retry_after_seconds(answer.retry_after) if isinstance(answer, Received) else None
        return max(min(told or 0.0, longest), backoff_seconds(attempts, self.random, ceiling=min(60.0, longest)))

    async def until_judged(
        self, url: str, body: Body | None, judge: Callable[[Received], Verdict]
    ) -> tuple[Received | None, Verdict]:
        """Ask a URL, again where that can help; the last answer and its verdict."""
        attempts = ambiguous = 0
        while True:
            answer = await self.once(url, _LARGEST_TABLE, body)
            attempts += 1
            received = answer if isinstance(answer, Received) else None
            verdict = judge(received) if received else of_status(answer)
            assert verdict is not None
            ambiguous += verdict.kind == "ambiguous"
            if not self.may_ask_again(verdict, attempts, ambiguous):
                return received, verdict
            await asyncio.sleep(self.pause_before(attempts, answer))
