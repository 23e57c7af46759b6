"""A table that lies as a file on a web server."""

import hashlib
import re
from pathlib import Path

import requests

from workflow_scripts.catalogs.services.web import RefusalError, TransientError, blocks, opened, patiently
from workflow_scripts.progress import Progress


def download_table(url: str, session: requests.Session, partial: Path, sha256: str, max_bytes: int) -> int:
    """Download a file to `partial`, going on where an earlier attempt stopped; gives its size in bytes.

    Raises `InputError` where the server does not give the file, it is longer than `max_bytes`, or has another digest.
    """
    return patiently(lambda: _attempt(url, session, partial, sha256, max_bytes), url)


def _attempt(url: str, session: requests.Session, partial: Path, sha256: str, max_bytes: int) -> int:
    have = partial.stat().st_size if partial.exists() else 0
    if have and _digest(partial) == sha256:
        return have
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
    goes_on = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    if response.status_code == 206 and not goes_on:
        response.close()
        partial.unlink(missing_ok=True)
        raise TransientError("the server gave another part of the file than was requested")
    size = have if goes_on else 0
    with response, open(partial, "ab" if goes_on else "wb") as file:
        length = response.headers.get("Content-Length", "")
        total = size + int(length) if re.fullmatch("[0-9]{1,18}", length) else None
        with Progress("download", total, "bytes", rate=True) as progress:
            progress.skip(size)
            for block in blocks(response, max_bytes - size):
                file.write(block)
                progress.add(len(block))
    found = _digest(partial)
    if found != sha256:
        with open(partial, "rb") as file:
            first = file.read(200).lstrip()
        page = ", a page of HTML" if first[:1] == b"<" and b"html" in first.lower() else ""
        size = partial.stat().st_size
        partial.unlink()
        # Once more: without a length, a file that was cut off looks like another one.
        raise TransientError(
            f"the file ({size} bytes{page}) has the sha256 {found}, expected {sha256} (catalogs, sha256)", attempts=2
        )
    return partial.stat().st_size


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
