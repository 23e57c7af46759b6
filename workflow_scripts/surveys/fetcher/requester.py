"""Requests to the hosts of one service: within its access limits, and again where that can help."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

from workflow_scripts.http_services.addresses import AddressGuard
from workflow_scripts.http_services.politeness import backoff_seconds, retry_after_seconds
from workflow_scripts.image_checks.acceptance import Judgement, failed
from workflow_scripts.surveys.fetcher.connections import AccessLimits, Connections, NotReceived, Received, Upload
from workflow_scripts.surveys.fetcher.shared_limits import runtime_folder

_LARGEST_TABLE = 64 * 2**20


class Judged(NamedTuple):
    """What came of all attempts at a request: the last response (None where none was sent) and its judgement."""

    judgement: Judgement
    response: Received | NotReceived | None
    url: str
    attempts: int


class Requester:
    """Sends requests and judges responses; use it in an `async with`."""

    def __init__(
        self, urls: tuple[str, ...], limits: AccessLimits, folder: str | Path | None, user_agent: str, seed: str
    ):
        """`folder` holds the limits that all jobs share, None for the user's own; `seed` is of the jitter."""
        folder = folder or runtime_folder()
        self._limits = limits
        self._random = Random(seed)
        guard = AddressGuard(*urls)
        by_host = {_host_of(url): url for url in reversed(urls)}
        self._hosts = {host: Connections(url, limits, folder, guard, user_agent) for host, url in by_host.items()}
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> "Requester":
        # Responses are judged in a thread, so that the network does not wait. One only: what decoders do to the filters
        # of Python's warnings is not safe in two.
        self._judging = self._opened.enter_context(ThreadPoolExecutor(1, "judging"))
        for connections in self._hosts.values():
            await self._opened.enter_async_context(connections)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def until_judged(
        self,
        url_at: Callable[[int], str | Judgement],
        judge: Callable[[Received], Judgement],
        largest_bytes: int = _LARGEST_TABLE,
        upload: Upload | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> Judged:
        """Request a URL (from the number of attempts before, or why there is none), again where that can help."""
        attempts = ambiguous = 0
        while True:
            url = url_at(attempts)
            if isinstance(url, Judgement):
                return Judged(url, None, "", attempts)
            response = await self._hosts[_host_of(url)].request(url, largest_bytes, upload)
            attempts += 1
            if isinstance(response, Received):
                judgement = await asyncio.get_running_loop().run_in_executor(self._judging, judge, response)
            else:
                judgement = failed(response.kind, response.reason)
            ambiguous += judgement.kind == "ambiguous"
            left = {
                "transient": self._limits.attempts - attempts,
                "ambiguous": self._limits.ambiguous_attempts - ambiguous,
            }
            if left.get(judgement.kind, 0) <= 0:
                return Judged(judgement, response, url, attempts)
            await pause(self._seconds_before(attempts, response))

    def _seconds_before(self, attempts: int, response: Received | NotReceived) -> float:
        """How long to wait before the next attempt: as the service requests, or longer."""
        longest = self._limits.longest_wait_seconds
        requested = retry_after_seconds(response.retry_after) if isinstance(response, Received) else None
        return max(min(requested or 0.0, longest), backoff_seconds(attempts, self._random, ceiling=min(60.0, longest)))


def _host_of(url: str) -> str:
    return urlsplit(url).netloc.lower()
