"""The journal of a tile that is being fetched: results one after the other, none lost when the job is killed.

An SQLite database. Each record is a transaction of its own in the write-ahead log: it survives the end of this process
at once, and a power cut from the next checkpoint on, some 4 MB later.
"""

import errno
import json
import logging
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.errors import JobError, first_line

log = logging.getLogger(__name__)

_NOTE = "note "
# One process at a time, which makes shared memory needless: network file systems have none.
_SETUP = """
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, head TEXT NOT NULL, body BLOB NOT NULL);
"""

Head = dict[str, Any]


class Journal:
    """Records by key; of several with one key, the last counts. Use it in a `with`.

    A file that is no journal, or a damaged one, is replaced. Raises `JobError` where another process has it open.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = _opened(self.path)
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
            if code == sqlite3.SQLITE_BUSY:
                raise JobError(f"{self.path}: another process fetches this tile, expected one at a time") from None
            if code not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise _of_file(self.path, error) from None
            log.warning("%s cannot be read (%s): what is in it is requested again", self.path, first_line(error))
            _remove_files(self.path)
            self._database = _opened(self.path)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def __contains__(self, key: str) -> bool:
        return self._database.execute("SELECT 1 FROM records WHERE key = ?", (key,)).fetchone() is not None

    def __iter__(self) -> Iterator[str]:
        return iter([key for (key,) in self._database.execute("SELECT key FROM records ORDER BY rowid")])

    def write(self, key: str, head: Mapping[str, Any], body: bytes = b"") -> None:
        """Keep a record; `OSError` with the name of the file where the disk does not take it."""
        try:
            self._database.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", (key, json.dumps(head), body))
        except sqlite3.OperationalError as error:
            raise _of_file(self.path, error) from None

    def head(self, key: str) -> Head:
        """The head of a record; `KeyError` where there is none."""
        return json.loads(self._row("head", key)[0])

    def read(self, key: str) -> tuple[Head, bytes]:
        """Head and bytes of a record; `KeyError` where there is none."""
        head, body = self._row("head, body", key)
        return json.loads(head), body

    def note(self, key: str, content: Mapping[str, Any]) -> None:
        """Keep what the service reported about a galaxy."""
        self.write(_NOTE + key, content)

    def noted(self, key: str) -> dict[str, Any] | None:
        """What the service reported about a galaxy; None where it has not yet."""
        return self.head(_NOTE + key) if _NOTE + key in self else None

    def _row(self, columns: str, key: str) -> tuple[Any, ...]:
        row = self._database.execute(f"SELECT {columns} FROM records WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return row


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        database.executescript(_SETUP)
        if (found := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(found)
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database


def _of_file(path: Path, error: sqlite3.Error) -> OSError:
    number = errno.ENOSPC if error.sqlite_errorcode == sqlite3.SQLITE_FULL else errno.EIO
    return OSError(number, first_line(error), str(path))


def _remove_files(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal"):
        path.with_name(name).unlink(missing_ok=True)


def remove_journal(path: Path) -> None:
    """Delete the files of a journal that is closed, and its folders where nothing else is in them."""
    _remove_files(path)
    for folder in (path.parent, path.parent.parent):
        try:
            folder.rmdir()
        except OSError:
            return
