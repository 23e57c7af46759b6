"""How far a long loop is: on a terminal a bar that is redrawn in place, elsewhere a line of the log every 30 s.

Work that takes less than that leaves nothing in a log.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Self, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 30.0
_SECONDS_BETWEEN_BARS = 0.25
_WIDTH = 20
_CLEARED = "\r\x1b[K"


def counted(
    items: Iterable[T],
    total: int | None,
    unit: str,
    what: str,
    size: Callable[[T], int] | None = None,
    rate: bool = False,
) -> Iterator[T]:
    """The items, while the progress of the loop over them is shown.

    Parameters
    ----------
    total
        how many there are, if that is known, in the `unit` ("rows") that is counted; "bytes" are shown as MB.
    what
        is going on: the first words of the line.
    size
        units of one item (`len` for pieces of a table); one where it is not given.
    rate
        whether the line says how many come in a second.
    """
    with Progress(what, total, unit, rate) as progress:
        for item in items:
            # Before it is used: an item may be changed, or emptied to save memory.
            amount = size(item) if size else 1
            yield item
            progress.add(amount)


class Progress:
    """Counts units of work and shows from time to time how many are done."""

    def __init__(self, what: str, total: int | None, unit: str, rate: bool = False):
        """See `counted`."""
        self.what, self.total, self.unit, self.with_rate = what, total, unit, rate
        self.done = 0
        # What else a line says, between the counts and the time left.
        self.note = ""
        # When the first units were done, and how many were by then: a start takes longer than what follows.
        self._first: float | None = None
        self._before = 0
        self._stream = sys.stderr
        is_terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._bar = is_terminal and log.isEnabledFor(logging.INFO)
        self._drawn = False
        self._started = self._shown = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, amount: int = 1) -> None:
        """So many more units are done."""
        self.done += amount
        now = time.monotonic()
        if self._first is None:
            self._first, self._before = now, self.done
        if now - self._shown >= (_SECONDS_BETWEEN_BARS if self._bar else SECONDS_BETWEEN_LINES):
            self._shown = now
            if self._bar:
                self._draw(now)
            else:
                log.info("%s", self._line(now))

    def skip(self, amount: int) -> None:
        """So many units were done earlier: they count, but not in the estimate of the time that is left."""
        self.done += amount
        self._before += amount

    def close(self) -> None:
        """Clear the bar; what took long enough for lines ends with one."""
        if self._drawn:
            self._clear()
            for handler in logging.getLogger().handlers:
                handler.removeFilter(self._clear)
        took = time.monotonic() - self._started
        if took >= SECONDS_BETWEEN_LINES:
            counts = ", ".join(filter(None, [self._amount(), self.note]))
            log.info("%s", f"{self.what}: {counts} in {_duration(took)}")

    def _line(self, now: float) -> str:
        parts = [self._amount()]
        if total := self._expected():
            parts.append(f"{100 * self.done // total} %")
        if self.note:
            parts.append(self.note)
        seconds, since = now - (now if self._first is None else self._first), self.done - self._before
        if seconds > 0 and since > 0:
            if self.with_rate:
                parts.append(f"{_count(since / seconds, since / seconds, self.unit)} a second")
            if total:
                parts.append(f"about {_duration((total - self.done) * seconds / since)} left")
        return f"{self.what}: {', '.join(parts)}"

    def _expected(self) -> int | None:
        """The total, unless it is not known or there turned out to be more."""
        return self.total if self.total and self.done <= self.total else None

    def _amount(self) -> str:
        total = self._expected()
        if total is None:
            return _count(self.done, self.done, self.unit)
        number, *_ = _count(self.done, total, self.unit).split(" ")
        return f"{number} of {_count(total, total, self.unit)}"

    def _draw(self, now: float) -> None:
        if not self._drawn:
            self._drawn = True
            # A line of the log would else begin where the bar ends.
            for handler in logging.getLogger().handlers:
                handler.addFilter(self._clear)
        # At the right edge, a terminal would begin a new line. The bar gives way to the words.
        line, room = self._line(now), self._columns() - 1
        total = self._expected()
        if total and len(line) + _WIDTH + 3 <= room:
            filled = _WIDTH * self.done // total
            line = f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {line}"
        self._stream.write(_CLEARED + line[:room])
        self._stream.flush()

    def _clear(self, _: logging.LogRecord | None = None) -> bool:
        self._stream.write(_CLEARED)
        self._stream.flush()
        return True

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80


def _count(number: float, largest: float, unit: str) -> str:
    """A number with its unit, written as is fit for the largest: `3.2 million rows`, `350 rows`, `0.4 MB`."""
    if unit == "bytes":
        return f"{number / 1e6:.1f} MB"
    if largest >= 1e6:
        return f"{number / 1e6:.1f} million {unit}"
    return f"{number:.1f} {unit}" if isinstance(number, float) and number < 100 else f"{number:.0f} {unit}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
