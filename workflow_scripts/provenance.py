"""What made a file: the configuration, seeds, versions, git commit and digests of the inputs."""

import hashlib
import platform
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from workflow_scripts.catalogs.formats import matching_files

PACKAGES = (
    *("snakemake", "tensorflow", "keras"),
    *("numpy", "scipy", "pandas", "pyarrow", "astropy", "mocpy", "galsim"),
)


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on; packages that are absent are left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@cache
def git_state() -> dict[str, Any]:
    """Commit of the workflow's own checkout, its date, and whether the tree was dirty; nulls outside a checkout."""
    folder = Path(__file__).resolve().parent
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        date = _git(folder, "log", "-1", "--format=%cs")
        dirty = bool(_git(folder, "status", "--porcelain", "--untracked-files=no", ":/"))
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "date": None, "dirty": None}
    return {"commit": commit, "date": date, "dirty": dirty}


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout.strip()


def sha256(path: str | Path) -> str:
    """Hex digest of a file's bytes; of a folder or a pattern of names, of the names and digests of its files."""
    pattern = f"{path}/**" if Path(path).is_dir() else str(path)
    if not Path(path).is_file() and (files := [file for file in matching_files(pattern) if Path(file).is_file()]):
        lines = [f"{Path(file).name}\0{sha256(file)}\n" for file in files]
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def provenance(
    config: Mapping[str, Any], seeds: Mapping[str, int], inputs: Sequence[str | Path] | Mapping[str, str]
) -> dict[str, Any]:
    """The record that every model, annotation table and summary carries.

    `inputs` are files; or, by file, digests of what was used of each, where that is not all.

    Holds no time of day and no host name, so that the same work gives the same bytes.
    """
    return {
        "config": dict(config),
        "seeds": dict(seeds),
        "versions": versions(),
        "git": git_state(),
        "inputs": dict(inputs) if isinstance(inputs, Mapping) else {str(path): sha256(path) for path in inputs},
    }
