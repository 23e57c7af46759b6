"""Open connections to one host, never more than all jobs together may have."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from workflow_scripts.http_services.addresses import AddressGuard
from workflow_scripts.surveys.fetcher.shared_limits import SharedLimits

# A connection is kept at least this long (s) before another job gets it.
_SHORTEST_LEASE = 1.0
# A pause can be ended or prolonged by another job: it is looked at again after this (s).
_LOOK_AGAIN = 5.0


@dataclass
class _Connection:
    lock: int
    session: aiohttp.ClientSession
    since: float = field(default_factory=time.monotonic)


class Connections:
    """Lends sessions of one connection each; use it in an `async with`."""

    def __init__(self, limits: SharedLimits, guard: AddressGuard, user_agent: str, trust_env: bool):
        self.limits = limits
        self._resolver = _GuardedResolver(guard)
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        self._trust_env = trust_env
        self._idle: list[_Connection] = []
        self._free = asyncio.Semaphore(limits.connections)
        self._random = Random(os.getpid())

    async def __aenter__(self) -> "Connections":
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._idle:
            await self._close(self._idle.pop())
        self.limits.close()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[aiohttp.ClientSession]:
        """A session whose connection is this job's, when there is one and the next request may be sent."""
        async with self._free:
            connection = await self._take()
            try:
                await self.turn()
                yield connection.session
            finally:
                lease = time.monotonic() - connection.since
                if lease > _SHORTEST_LEASE and self.limits.others_wait():
                    await self._close(connection)
                else:
                    self._idle.append(connection)

    async def turn(self) -> None:
        """Wait for the moment of the next request."""
        while True:
            while paused := self.limits.paused_for():
                await asyncio.sleep(min(paused, _LOOK_AGAIN))
            if not (wait := self.limits.reserve()):
                return
            await asyncio.sleep(wait)
            if not self.limits.paused_for():
                return

    async def _take(self) -> _Connection:
        while not self._idle:
            lock = self.limits.take_connection()
            if lock is not None:
                return _Connection(lock, self._session())
            self.limits.ask_for_connections()
            await asyncio.sleep(self._random.uniform(0.01, 0.05))
        return self._idle.pop()

    def _session(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, resolver=self._resolver, use_dns_cache=True, ttl_dns_cache=300),
            headers=self._headers,
            # Bytes as they come: a small body that unpacks to gigabytes is never unpacked.
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=self._trust_env,
        )
        # The library would repeat a request whose connection broke off by itself, past the limits and uncounted.
        session._retry_connection = False
        return session

    async def _close(self, connection: _Connection) -> None:
        await connection.session.close()
        self.limits.give_back(connection.lock)


class _GuardedResolver(AbstractResolver):
    """Resolves names and refuses addresses that the guard refuses."""

    def __init__(self, guard: AddressGuard):
        self._guard = guard
        self._resolver: aiohttp.ThreadedResolver | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self._resolver = self._resolver or aiohttp.ThreadedResolver()
        found = await self._resolver.resolve(host, port, family)
        for address in found:
            self._guard.check_address(host, port, address["host"])
        return found

    async def close(self) -> None:
        """Nothing is open."""


def is_this_machine(url: str) -> bool:
    """Whether a configured URL names this machine, which no proxy can reach."""
    return (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")
