"""A table that lies as a file on a web server."""

import logging
import re
from pathlib import Path

import requests

from workflow_scripts.catalogs.services.content_encodings import digest, encodings, undo_encodings
from workflow_scripts.catalogs.services.web import (
    RefusalError,
    TransientError,
    blocks,
    naming_redirects,
    opened,
    patiently,
)
from workflow_scripts.progress import Progress

log = logging.getLogger(__name__)

_BLOCK = 1 << 16
# Of a server that gives no more than so many bytes at a time.
_MOST_PIECES = 10_000
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.ASCII)


def download_table(url: str, session: requests.Session, partial: Path, sha256: str, max_bytes: int) -> int:
    """Download a file to `partial`, going on where an earlier attempt stopped; gives its size in bytes.

    The digest is that of the bytes as they are sent, which is what browsers and `curl -O` save. Where the server sent
    them in a content encoding and the digest is that of what is in them, the file is unpacked.

    Raises `InputError` where the server does not give the file, it is longer than `max_bytes`, packed or not, or has
    another digest.
    """
    return patiently(lambda: _attempt(url, session, partial, sha256, max_bytes), url)


def _attempt(url: str, session: requests.Session, partial: Path, sha256: str, max_bytes: int) -> int:
    have = partial.stat().st_size if partial.exists() else 0
    if have and digest(partial) == sha256:
        return have
    for _ in range(_MOST_PIECES):
        # A compressed transfer would make the offset one of other bytes.
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
        try:
            response = opened(session, "GET", url, headers=headers)
        except RefusalError:
            if not have:
                raise
            # Nothing is there beyond the end of what came: it was another file.
            partial.unlink()
            raise TransientError("the server does not go on where the download stopped") from None
        with response, naming_redirects(response):
            if _receive(response, partial, have, max_bytes):
                _check_digest(partial, response, sha256, max_bytes)
                return partial.stat().st_size
        have = partial.stat().st_size
    raise TransientError(f"the server gave no more than {have} bytes in {_MOST_PIECES} pieces")


def _receive(response: requests.Response, partial: Path, have: int, max_bytes: int) -> bool:
    """Write a response to `partial`, of which `have` bytes are there; gives whether it reaches the end of the file."""
    total: int | None = None
    if response.status_code == 206:
        part = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if not part or int(part[1]) != have or int(part[2]) < have:
            partial.unlink(missing_ok=True)
            raise TransientError("the server gave another part of the file than was requested")
        total = int(part[3]) if part[3] != "*" else None
    else:
        have = 0
        length = response.headers.get("Content-Length", "")
        total = int(length) if re.fullmatch("[0-9]{1,18}", length) else None
    if total is not None and total > max_bytes:
        raise RefusalError(f"the file has {total} bytes, longer than {max_bytes} bytes (catalogs, max_bytes)")
    with open(partial, "ab" if have else "wb") as file, Progress("download", total, "bytes", rate=True) as progress:
        progress.skip(have)
        # Without its name, requests does not undo the encoding.
        response.raw.headers.pop("Content-Encoding", None)
        size = have
        for block in blocks(response, max_bytes - have):
            size += len(block)
            file.write(block)
            progress.add(len(block))
    return response.status_code == 200 or total is None or size == have or size >= total


def _check_digest(partial: Path, response: requests.Response, sha256: str, max_bytes: int) -> None:
    """Check a whole file, and unpack it where that gives the digest; another file is removed and raises."""
    header = response.headers.get("Content-Encoding", "")
    shown = ", ".join(encodings(header))
    found = digest(partial)
    if found == sha256:
        if shown:
            log.info(
                "the server named the encoding %s; the bytes as sent have the sha256 and are kept as they are", shown
            )
        return
    try:
        undone = undo_encodings(partial, header, sha256, max_bytes)
    except RefusalError:
        partial.unlink()
        raise
    if undone:
        log.info("the server sent the file in the encoding %s; it has the sha256 when unpacked, and is kept so", undone)
        return
    with open(partial, "rb") as file:
        first = file.read(200).lstrip()
    what = ", a page of HTML" if first[:1] == b"<" and b"html" in first.lower() else ""
    what += f", sent in the encoding {shown}, packed and unpacked" if shown else ""
    size = partial.stat().st_size
    partial.unlink()
    # Once more: without a length, a file that was cut off looks like another one.
    raise TransientError(
        f"the file ({size} bytes{what}) has the sha256 {found}, expected {sha256} (catalogs, sha256)", attempts=2
    )
