"""The code of a commit, from git."""

import io
import re
import subprocess
import tarfile
from pathlib import Path

from workflow_scripts.errors import InputError


def code_at(commit: str, checkout: Path) -> dict[str, bytes]:
    """Bytes of every file of a commit, by its path in the checkout.

    Raises
    ------
    InputError
        where the checkout has no such commit.
    """
    if not re.fullmatch("[0-9a-f]{40,64}", commit):
        # Git would take other text for an option.
        raise InputError(f"{commit!r} is not the name of a commit, expected its hexadecimal digits")
    with tarfile.open(fileobj=io.BytesIO(_git_output(commit, checkout, "archive", "--format=tar", commit))) as tar:
        files = [(member.name, tar.extractfile(member)) for member in tar if member.isfile()]
        return {name: file.read() for name, file in files if file is not None}


def commit_date(commit: str, checkout: Path) -> str:
    """Day of a commit, `YYYY-MM-DD`, as the committer's clock had it."""
    return _git_output(commit, checkout, "show", "--no-patch", "--format=%cs", commit).decode().strip()


def _git_output(commit: str, checkout: Path, *arguments: str) -> bytes:
    try:
        return subprocess.run(
            ["git", "-C", str(checkout), *arguments], check=True, capture_output=True, timeout=120
        ).stdout
    except (OSError, subprocess.SubprocessError):
        raise InputError(
            f"{checkout}: commit {commit}, whose code made the results, is not here; expected a git checkout that has"
            " it (git fetch)"
        ) from None
