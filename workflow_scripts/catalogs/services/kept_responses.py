"""Responses that came already, kept in a folder named by a digest of the query, so that nothing is requested twice.

The folder is no output of a rule: it outlives failed jobs and changes of the configuration. A response counts only with
its record beside it, which is written after it and holds its digest.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workflow_scripts.tables import write_json
from workflow_scripts.whole_file import whole_file


def query_digest(service: str, url: str, query: str) -> str:
    """Name (16 hex digits) of the folder of a query; `service` is the kind of service."""
    return hashlib.sha256("\0".join([service, url, query]).encode()).hexdigest()[:16]


class KeptResponses:
    """The responses to one query, numbered, in `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process works on this query: what it requests need not be requested again."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def read(self, name: str) -> bytes | None:
        """A kept response, or None where it is not there or not as it was written."""
        try:
            record = json.loads(self._record(name).read_text(encoding="utf-8"))
            body = self._body(name).read_bytes()
        except (OSError, ValueError):
            return None
        return body if hashlib.sha256(body).hexdigest() == record.get("sha256") else None

    def keep(self, name: str, body: bytes, query: str) -> None:
        """Keep a response that was checked."""
        try:
            with whole_file(self._body(name)) as temporary, open(temporary, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            # A full disk: Python does not report where.
            raise OSError(error.errno, error.strerror, str(self._body(name))) from None
        now = datetime.now(UTC).isoformat(timespec="seconds")
        facts = {"query": query, "date": now, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        write_json(self._record(name), facts)

    def forget(self, name: str) -> None:
        """Remove a kept response."""
        self._record(name).unlink(missing_ok=True)
        self._body(name).unlink(missing_ok=True)

    def records(self, names: list[str]) -> list[dict[str, Any]]:
        """What is known of kept responses: query, date (UTC), bytes, sha256."""
        return [json.loads(self._record(name).read_text(encoding="utf-8")) for name in names]

    def _body(self, name: str) -> Path:
        return self.folder / f"{name}.body"

    def _record(self, name: str) -> Path:
        return self.folder / f"{name}.json"
