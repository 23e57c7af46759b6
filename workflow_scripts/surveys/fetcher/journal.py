"""The journal of a tile that is being fetched: results one after the other, none lost when the job is killed.

The file is a row of records, each with its lengths, a checksum, a head (JSON) and the bytes of an image. What was
written before a kill is in the file; of a last record that is not whole, nothing is used.
"""

import fcntl
import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.errors import JobError

_LENGTHS = struct.Struct("<III")
_LARGEST_HEAD = 2**20
_LARGEST_BODY = 2**27

_NOTE = "note "

Head = dict[str, Any]


class Journal:
    """Records by key; of several with one key, the last counts. Use it in a `with`.

    Raises `JobError` where another process has the journal open.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise JobError(f"{self.path}: another process fetches this tile, expected one at a time") from None
        # By key: where the head begins, and the lengths of head and body.
        self._places: dict[str, tuple[int, int, int]] = {}
        self._end = 0
        self._read_places()
        # What a kill cut off is overwritten.
        os.ftruncate(self._file, self._end)
        self._synced = self._end

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._places))

    def write(self, key: str, head: Mapping[str, Any], body: bytes = b"") -> None:
        """Append a record; it survives the end of this process from here on, and a power cut from the next `sync`."""
        text = json.dumps({**head, "key": key}, separators=(",", ":")).encode()
        lengths = _LENGTHS.pack(len(text), len(body), zlib.crc32(body, zlib.crc32(text)))
        record = lengths + text + body
        try:
            written = os.pwrite(self._file, record, self._end)
            while written < len(record):
                written += os.pwrite(self._file, record[written:], self._end + written)
        except OSError as error:
            raise OSError(error.errno, os.strerror(error.errno or 0), str(self.path)) from None
        self._places[key] = (self._end + _LENGTHS.size, len(text), len(body))
        self._end += len(record)

    def forget(self, key: str) -> None:
        """Make a key be absent."""
        if key in self._places:
            self.write(key, {"forgotten": True})
            del self._places[key]

    def head(self, key: str) -> Head:
        """The head of a record; `KeyError` where there is none."""
        offset, head_length, _ = self._places[key]
        return json.loads(os.pread(self._file, head_length, offset))

    def read(self, key: str) -> tuple[Head, bytes]:
        """Head and bytes of a record; `KeyError` where there is none."""
        offset, head_length, body_length = self._places[key]
        data = os.pread(self._file, head_length + body_length, offset)
        return json.loads(data[:head_length]), data[head_length:]

    def note(self, key: str, content: Mapping[str, Any]) -> None:
        """Keep what the service reported about a galaxy."""
        self.write(_NOTE + key, {"content": content})

    def noted(self, key: str) -> dict[str, Any] | None:
        """What the service reported about a galaxy; None where it has not yet."""
        return self.head(_NOTE + key)["content"] if _NOTE + key in self else None

    def sync(self) -> None:
        """Put on the disk what was written since the last time."""
        end = self._end
        if end > self._synced:
            os.fsync(self._file)
            self._synced = end

    def _read_places(self) -> None:
        """Find the whole records from the start; the end is behind the last of them."""
        with open(os.dup(self._file), "rb") as file:
            file.seek(0)
            while len(lengths := file.read(_LENGTHS.size)) == _LENGTHS.size:
                head_length, body_length, checksum = _LENGTHS.unpack(lengths)
                if not 0 < head_length <= _LARGEST_HEAD or body_length > _LARGEST_BODY:
                    return
                data = file.read(head_length + body_length)
                if len(data) != head_length + body_length or zlib.crc32(data) != checksum:
                    return
                head = json.loads(data[:head_length])
                offset = self._end + _LENGTHS.size
                self._end = offset + len(data)
                if head.get("forgotten"):
                    self._places.pop(head["key"], None)
                else:
                    self._places[head["key"]] = (offset, head_length, body_length)


def remove_journal(path: Path) -> None:
    """Delete the file of a journal, and its folders where nothing else is in them."""
    path.unlink(missing_ok=True)
    for folder in (path.parent, path.parent.parent):
        try:
            folder.rmdir()
        except OSError:
            return
