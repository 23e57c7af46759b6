"""Files that a web server sent in a content encoding: as published, or packed for the way, or labelled so by mistake.

Servers label a file `.csv.gz` as CSV in the encoding gzip, and then the bytes sent are the file as published; others
pack a file `.csv` though that was not requested, and then what is in the bytes is. Only the digest knows which.
"""

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.catalogs.services.web import RefusalError

_BLOCK = 1 << 20
_GZIP = ("gzip", "x-gzip")
_DEFLATE = ("deflate",)
MOST_ENCODINGS = 3


def digest(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def encodings(header: str) -> list[str]:
    """The encodings of a Content-Encoding header, in the order in which they are undone."""
    named = [name.strip().lower()[:40] for name in header[:200].split(",")]
    return [name for name in reversed(named) if name not in ("", "identity")][:MOST_ENCODINGS]


def undo_encodings(path: Path, header: str, sha256: str, max_bytes: int) -> str | None:
    """Unpack a file in place until it has the digest; gives the encodings undone, or None where it never has it.

    The file is left as it was where the digest is not reached.

    Raises
    ------
    RefusalError
        for a file that would be longer than `max_bytes` when unpacked.
    """
    undone: list[str] = []
    packed, unpacked = path, path
    try:
        for encoding in encodings(header):
            unpacked = path.with_name(f"{path.name}.unpacked{len(undone)}")
            try:
                _unpack(packed, unpacked, encoding, max_bytes)
            except (OSError, EOFError, zlib.error) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                return None
            undone.append(encoding)
            if packed != path:
                packed.unlink()
            packed = unpacked
            if digest(unpacked) == sha256:
                os.replace(unpacked, path)
                return ", ".join(undone)
        return None
    finally:
        for rest in {packed, unpacked} - {path}:
            rest.unlink(missing_ok=True)


def _unpack(packed: Path, unpacked: Path, encoding: str, max_bytes: int) -> None:
    size = 0
    with open(unpacked, "wb") as file:
        for block in _blocks(packed, encoding):
            size += len(block)
            if size > max_bytes:
                raise RefusalError(f"the file is longer than {max_bytes} bytes when unpacked from {encoding}")
            file.write(block)


def _blocks(packed: Path, encoding: str) -> Iterator[bytes]:
    if encoding in _GZIP:
        with gzip.open(packed, "rb") as stream:
            while block := stream.read(_BLOCK):
                yield block
        return
    if encoding not in _DEFLATE:
        raise EOFError(f"{encoding} is not known")
    with open(packed, "rb") as source:
        # Meant is zlib's format; some send the bare stream.
        begin = source.read(2)
        source.seek(0)
        is_zlib = len(begin) == 2 and begin[0] & 15 == 8 and int.from_bytes(begin) % 31 == 0
        decoder = zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
        while not decoder.eof and (rest := decoder.unconsumed_tail or source.read(_BLOCK)):
            yield decoder.decompress(rest, _BLOCK)
        yield decoder.flush()
        if not decoder.eof:
            raise EOFError("the stream stops before its end")
