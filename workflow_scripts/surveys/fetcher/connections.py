"""Connections to one host: no more at a time than its access limits allow, and its rate and pauses kept by all jobs."""

import asyncio
import fcntl
import os
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import ResolveResult

from workflow_scripts.errors import InputError
from workflow_scripts.http_services.addresses import AddressGuard

# A pause can be ended or prolonged by another job: it is looked at again after this (s).
_LOOK_AGAIN = 5.0
# Whatever a service requests (s).
LONGEST_PAUSE = 3600.0
_TIMES = struct.Struct("<dd")


class SharedClock:
    """When the next request may be sent to a host: a file in `folder` that all jobs of this machine share."""

    def __init__(self, folder: str | Path, url: str, requests_per_second: float | None):
        parts = urlsplit(url)
        host = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in parts.netloc.lower())
        self.path = Path(folder) / f"host_{host}" / "clock"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.interval = 1 / requests_per_second if requests_per_second else 0.0
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def reserve(self) -> float:
        """Take the next free moment for a request; seconds until then."""
        if not self.interval:
            return 0.0
        with self:
            now = time.time()
            next_free, paused_until = self._read()
            # A clock that was set back must not stop everything: no job reserves this far ahead.
            if next_free > now + 60 + 1000 * self.interval:
                next_free = now
            moment = max(now, next_free)
            self._write(moment + self.interval, paused_until)
        return moment - now

    def pause(self, seconds: float) -> None:
        """Let no job send a request for so long."""
        with self:
            next_free, paused_until = self._read()
            self._write(next_free, max(paused_until, time.time() + min(seconds, LONGEST_PAUSE)))

    def paused_for(self) -> float:
        """Seconds that a pause still lasts."""
        left = self._read()[1] - time.time()
        return left if 0 < left <= LONGEST_PAUSE else 0.0

    def close(self) -> None:
        """Close the file; its times stay."""
        os.close(self._file)

    def __enter__(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be locked here ({error.strerror}), expected a folder on a file system with locks"
                " (--limits-folder)"
            ) from None

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def _read(self) -> tuple[float, float]:
        data = os.pread(self._file, _TIMES.size, 0)
        next_free, paused_until = _TIMES.unpack(data) if len(data) == _TIMES.size else (0.0, 0.0)
        return next_free, paused_until

    def _write(self, next_free: float, paused_until: float) -> None:
        os.pwrite(self._file, _TIMES.pack(next_free, paused_until), 0)


class Connections:
    """The connections of this job to one host; use it in an `async with`."""

    def __init__(self, clock: SharedClock, most: int, guard: AddressGuard, user_agent: str, trust_env: bool):
        """`most` connections at a time."""
        self.clock = clock
        self._most = most
        self._guard = guard
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        self._trust_env = trust_env
        self._free = asyncio.Semaphore(most)

    async def __aenter__(self) -> "Connections":
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._most, resolver=_GuardedResolver(self._guard), use_dns_cache=True, ttl_dns_cache=300
            ),
            headers=self._headers,
            # Bytes as they come: a small body that unpacks to gigabytes is never unpacked.
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=self._trust_env,
        )
        # The library would repeat a request whose connection broke off by itself, past the limits and uncounted.
        self._session._retry_connection = False
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        self.clock.close()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[aiohttp.ClientSession]:
        """A session for one request, when a connection is free and the request may be sent."""
        async with self._free:
            await self.turn()
            yield self._session

    async def turn(self) -> None:
        """Wait for the moment of the next request."""
        while True:
            while paused := self.clock.paused_for():
                await asyncio.sleep(min(paused, _LOOK_AGAIN))
            if not (wait := self.clock.reserve()):
                return
            await asyncio.sleep(wait)
            if not self.clock.paused_for():
                return


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


def is_this_machine(url: str) -> bool:
    """Whether a configured URL names this machine, which no proxy can reach."""
    return (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")
