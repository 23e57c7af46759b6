"""Outputs appear under their final name only when they are whole, in a folder that can hold them."""

import glob
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workflow_scripts.errors import InputError


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` on success, remove it on failure.

    The temporary name keeps the suffix of `path`, because many writers choose the format by it. What a killed process
    left under a temporary name is removed first; should that process still live after all, its rename fails.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pattern = _temporary_name(glob.escape(path.stem), "[0-9a-f]" * 12, glob.escape(path.suffix))
    for abandoned in path.parent.glob(pattern):
        abandoned.unlink(missing_ok=True)
    temporary = path.with_name(_temporary_name(path.stem, uuid.uuid4().hex[:12], path.suffix))
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary_name(stem: str, token: str, suffix: str) -> str:
    return f".{stem}.{token}.partial{suffix}"


def check_output_folder(path: str | Path) -> None:
    """Raise `InputError` unless `path` is a folder that can be written to, or can be made."""
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise InputError(f"{path.absolute()}: is a file, expected a folder to write to")
    existing = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"{path.absolute()}: cannot be written to, expected a folder with permission to write")
