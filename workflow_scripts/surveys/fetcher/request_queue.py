"""What is to be asked next: first what is due again, then what was never asked."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass
class Asked(Generic[Item]):
    """A request and how often it was made."""

    item: Item
    attempts: int = 0
    ambiguous: int = 0


class Agenda(Generic[Item]):
    """A queue for several workers, in which a request that failed waits without holding up the others."""

    def __init__(self, items: Iterator[Item]):
        self._fresh = items
        self._waiting: list[tuple[float, int, Asked[Item]]] = []
        self._numbers = itertools.count()
        self._changed = asyncio.Event()
        self._open = 0
        self._exhausted = False

    async def next(self) -> Asked[Item] | None:
        """The next request, when it is due; None when all are answered."""
        while True:
            now = time.monotonic()
            if self._waiting and self._waiting[0][0] <= now:
                self._open += 1
                return heapq.heappop(self._waiting)[2]
            if not self._exhausted:
                try:
                    item = next(self._fresh)
                except StopIteration:
                    self._exhausted = True
                else:
                    self._open += 1
                    return Asked(item)
            if not self._waiting and not self._open:
                self._changed.set()
                return None
            self._changed.clear()
            # Until the earliest is due, or another worker puts one back or ends the last.
            pause = self._waiting[0][0] - now if self._waiting else None
            try:
                await asyncio.wait_for(self._changed.wait(), pause)
            except TimeoutError:
                continue

    def again(self, asked: Asked[Item], seconds: float) -> None:
        """Ask once more after so many seconds."""
        self._open -= 1
        heapq.heappush(self._waiting, (time.monotonic() + seconds, next(self._numbers), asked))
        self._changed.set()

    def answered(self) -> None:
        """One request has its answer."""
        self._open -= 1
        if not self._open:
            self._changed.set()
