"""Limits to one host that all jobs of this machine keep together: connections at a time, and requests a second."""

import fcntl
import os
import struct
import time
from pathlib import Path
from urllib.parse import urlsplit

from workflow_scripts.errors import InputError

_TIMES = struct.Struct("<dd")
# A job that waits for a connection says so this often (s); one that hears of it gives up a connection.
_WAITING_IS_FRESH = 1.0
# Whatever a service asks for (s).
LONGEST_PAUSE = 3600.0


class SharedLimits:
    """What the jobs on this machine may do to one host together.

    A connection is a lock on one of `connections` files, which the operating system takes back from a process that is
    killed. The time of the next request is in one more file. Both are in `folder`, which all jobs share.
    """

    def __init__(self, folder: str | Path, url: str, connections: int, requests_per_second: float | None):
        parts = urlsplit(url)
        host = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in parts.netloc.lower())
        self.folder = Path(folder) / f"host_{host}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.connections = connections
        self.interval = 1 / requests_per_second if requests_per_second else 0.0
        self._waiting = self.folder / "waiting"
        self._clock = os.open(self.folder / "clock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take_connection(self) -> int | None:
        """A lock (file descriptor) on a free connection, or None where other jobs hold them all."""
        for number in range(self.connections):
            lock = os.open(self.folder / f"connection{number:03d}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            except OSError as error:
                os.close(lock)
                raise InputError(
                    f"{self.folder}: files cannot be locked here ({error.strerror}), expected a folder on a file system"
                    " with locks (--limits-folder)"
                ) from None
            return lock
        return None

    def give_back(self, lock: int) -> None:
        """Free a connection."""
        os.close(lock)

    def ask_for_connections(self) -> None:
        """Tell the jobs that hold the connections that this one waits."""
        self._waiting.touch()

    def others_wait(self) -> bool:
        """Whether another job waits for a connection."""
        try:
            return time.time() - self._waiting.stat().st_mtime < _WAITING_IS_FRESH
        except FileNotFoundError:
            return False

    def reserve(self) -> float:
        """Take the next free moment for a request; seconds until then."""
        if not self.interval:
            return 0.0
        with _Locked(self._clock):
            now = time.time()
            next_free, paused_until = self._read()
            # A clock that was set back must not stop everything: nobody reserves this far ahead.
            if next_free > now + 60 + 1000 * self.interval:
                next_free = now
            moment = max(now, next_free)
            self._write(moment + self.interval, paused_until)
        return moment - now

    def pause(self, seconds: float) -> None:
        """Let no job send a request for so long."""
        with _Locked(self._clock):
            next_free, paused_until = self._read()
            self._write(next_free, max(paused_until, time.time() + min(seconds, LONGEST_PAUSE)))

    def paused_for(self) -> float:
        """Seconds that a pause still lasts."""
        left = self._read()[1] - time.time()
        return left if 0 < left <= LONGEST_PAUSE else 0.0

    def close(self) -> None:
        """Close the files; the limits stay."""
        os.close(self._clock)

    def _read(self) -> tuple[float, float]:
        data = os.pread(self._clock, _TIMES.size, 0)
        next_free, paused_until = _TIMES.unpack(data) if len(data) == _TIMES.size else (0.0, 0.0)
        return next_free, paused_until

    def _write(self, next_free: float, paused_until: float) -> None:
        os.pwrite(self._clock, _TIMES.pack(next_free, paused_until), 0)


class _Locked:
    def __init__(self, file: int):
        self.file = file

    def __enter__(self) -> None:
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self.file, fcntl.LOCK_UN)
