"""What protects the user's address from a service: limits that all jobs of a user on this machine keep together.

They are kept in files of one folder, whatever the folder of results: in the user's runtime folder, unless a job is
given another.
"""

import fcntl
import os
import struct
import time
import warnings
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from workflow_scripts.errors import InputError

# Whatever a service requests (s).
LONGEST_PAUSE = 3600.0
_TIMES = struct.Struct("<dd")
# For so long a job has a place, and then leaves it to a job that waits (s).
TURN_SECONDS = 5.0


def runtime_folder() -> Path:
    """Where limits are kept: one folder a user and machine, which no other user may write to.

    `$XDG_RUNTIME_DIR`, else /run/user/UID, else a folder for temporary files; platformdirs checks owner and mode.
    Raises `InputError` where another user has made that folder.
    """
    with warnings.catch_warnings():
        # That a variable is not set is no news.
        warnings.simplefilter("ignore")
        try:
            return platformdirs.user_runtime_path("skybias", ensure_exists=True)
        except OSError as error:
            raise InputError(f"{error}, expected a folder of your own for limits (XDG_RUNTIME_DIR)") from None


def _opened(folder: str | Path, url: str, name: str) -> tuple[Path, int]:
    """A file about the host of a URL."""
    host = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in urlsplit(url).netloc.lower())
    path = Path(folder) / f"host_{host}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _lock(path: Path, file: int, kind: int) -> bool:
    """Lock a file; whether that was possible."""
    try:
        fcntl.flock(file, kind)
    except BlockingIOError:
        return False
    except OSError as error:
        raise InputError(
            f"{path}: cannot be locked here ({error.strerror}), expected a folder on a file system with locks"
            " (XDG_RUNTIME_DIR)"
        ) from None
    return True


class SharedPlace:
    """One of the connections that a host may have: a file in `folder`, whose lock one job has at a time."""

    def __init__(self, folder: str | Path, url: str, number: int):
        self.path, self._file = _opened(folder, url, f"connection{number}")
        # When this job took it, by the monotonic clock.
        self._taken: float | None = None

    @property
    def held(self) -> bool:
        """Whether this job has the place."""
        return self._taken is not None

    def take(self) -> bool:
        """Take the place, or keep it; whether that was possible."""
        if self._taken is None:
            if not _lock(self.path, self._file, fcntl.LOCK_EX | fcntl.LOCK_NB):
                return False
            self._taken = time.monotonic()
        return True

    def turn_is_over(self) -> bool:
        """Whether this job has had the place for so long that it is another one's turn."""
        return self._taken is not None and time.monotonic() - self._taken > TURN_SECONDS

    def leave(self) -> None:
        """Let others have the place."""
        if self._taken is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._taken = None

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class SharedQueue:
    """Whether jobs wait for a place: a file in `folder`, which they lock together meanwhile."""

    def __init__(self, folder: str | Path, url: str):
        self.path, self._file = _opened(folder, url, "waiting")
        self._waits = False

    def wait(self, waits: bool) -> None:
        """Let others know that this job waits, or does no more."""
        if waits != self._waits:
            self._waits = waits
            _lock(self.path, self._file, fcntl.LOCK_SH if waits else fcntl.LOCK_UN)

    def others_wait(self) -> bool:
        """Whether another job waits."""
        # The lock that this job may have is lost by trying, and taken again.
        alone = _lock(self.path, self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        waits, self._waits = self._waits, not self._waits
        self.wait(waits)
        return not alone

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class SharedClock:
    """When the next request may be sent to a host: a file in `folder` that all jobs of this machine share."""

    def __init__(self, folder: str | Path, url: str, requests_per_second: float | None):
        self.path, self._file = _opened(folder, url, "clock")
        self.interval = 1 / requests_per_second if requests_per_second else 0.0

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
        _lock(self.path, self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def _read(self) -> tuple[float, float]:
        data = os.pread(self._file, _TIMES.size, 0)
        next_free, paused_until = _TIMES.unpack(data) if len(data) == _TIMES.size else (0.0, 0.0)
        return next_free, paused_until

    def _write(self, next_free: float, paused_until: float) -> None:
        os.pwrite(self._file, _TIMES.pack(next_free, paused_until), 0)
