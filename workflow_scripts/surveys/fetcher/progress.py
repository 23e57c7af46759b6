"""How far a download is: a bar on a terminal, a line every half minute otherwise."""

import logging
import sys
import time

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0
_SECONDS_BETWEEN_BARS = 0.25
_WIDTH = 30


class Progress:
    """Counts results and bytes and shows them from time to time."""

    def __init__(self, what: str, total: int, known: int, noun: str = "cutouts"):
        """`known` of `total` results were there before; `noun` is what is counted."""
        self.what, self.total, self.known, self.noun = what, total, known, noun
        self.counts: dict[str, int] = {}
        self.retries = 0
        self.bytes = 0
        self._stream = sys.stderr
        self._bar = self._stream.isatty()
        self._started = self._last = time.monotonic()

    @property
    def done(self) -> int:
        """Requests that are settled."""
        return self.known + sum(self.counts.values())

    def count(self, outcome: str, size: int) -> None:
        """One more result, of `size` bytes."""
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        self.bytes += size
        self.show()

    def show(self) -> None:
        """Show the state, if it is time."""
        now = time.monotonic()
        if now - self._last < (_SECONDS_BETWEEN_BARS if self._bar else SECONDS_BETWEEN_LINES):
            return
        self._last = now
        if self._bar:
            filled = _WIDTH * self.done // max(self.total, 1)
            self._stream.write(f"\r\x1b[K{'#' * filled}{'.' * (_WIDTH - filled)} {self.line()}")
            self._stream.flush()
        else:
            log.info(self.line())

    def line(self) -> str:
        """Counts, rate, bytes and time left, in one line."""
        seconds = max(time.monotonic() - self._started, 1e-6)
        rate = sum(self.counts.values()) / seconds
        left = f"{_duration((self.total - self.done) / rate)} left" if rate else "time left not known"
        counts = [f"{count} {outcome}" for outcome, count in sorted(self.counts.items())]
        parts = [f"{self.done} of {self.total} {self.noun}", *counts]
        if self.retries:
            parts.append(f"{self.retries} repeated")
        return f"{self.what}: {', '.join(parts)}; {rate:.1f} a second, {self.bytes / 1e6:.1f} MB, {left}"

    def close(self) -> None:
        """Show the last state."""
        if self._bar:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
        log.info(self.line())


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
