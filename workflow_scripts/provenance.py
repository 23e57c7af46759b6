"""What made a file: the configuration, seeds, versions, git commit and digests of the inputs."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.errors import InputError, first_line
from workflow_scripts.whole_file import whole_file

PACKAGES = (
    "snakemake",
    "tensorflow",
    "keras",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "astropy",
    "mocpy",
    "galsim",
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
    """Commit of the workflow's own checkout and whether its tree was dirty; nulls outside a checkout."""
    folder = Path(__file__).resolve().parent
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        dirty = bool(_git(folder, "status", "--porcelain", "--untracked-files=no", ":/"))
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": dirty}


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout.strip()


def sha256(path: str | Path) -> str:
    """Hex digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def provenance(config: Mapping[str, Any], seeds: Mapping[str, int], inputs: Sequence[str | Path]) -> dict[str, Any]:
    """The record that every model, annotation table and summary carries.

    Holds no time of day and no host name, so that the same work gives the same bytes.
    """
    return {
        "config": dict(config),
        "seeds": dict(seeds),
        "versions": versions(),
        "git": git_state(),
        "inputs": {str(path): sha256(path) for path in inputs},
    }


def write_json(path: str | Path, content: Any, sort_keys: bool = True) -> None:
    """Write `content` as JSON; NaN and infinity are refused (`ValueError`), NumPy scalars accepted."""
    text = json.dumps(content, sort_keys=sort_keys, indent=1, allow_nan=False, default=_plain)
    with whole_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def parquet_metadata(record: Mapping[str, Any]) -> dict[bytes, bytes]:
    """A provenance record as Parquet schema metadata (key `skybias`)."""
    return {b"skybias": json.dumps(record, sort_keys=True, default=_plain).encode()}


def recorded_config(path: str | Path) -> dict[str, Any]:
    """The configuration that a Parquet file carries; empty where it carries none."""
    metadata = pq.read_schema(path).metadata or {}
    config = json.loads(metadata.get(b"skybias", b"{}")).get("config")
    return config if isinstance(config, dict) else {}


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table of the workflow; `InputError` where the file is damaged or lacks one of `columns` (None: all)."""
    try:
        return pd.read_parquet(path, columns=None if columns is None else list(columns))
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist, expected a table (Parquet)") from None
    except (pa.ArrowException, ValueError, KeyError, OSError) as error:
        reason = first_line(error)
        raise InputError(
            f"{path}: expected a whole table (Parquet), but it cannot be read: {reason} (what Snakemake made, it makes"
            " again when you delete it)"
        ) from None


def write_table(
    path: str | Path,
    table: pd.DataFrame | pa.Table,
    record: Mapping[str, Any] | None = None,
    row_group_size: int = 65_536,
) -> None:
    """Write a table as Parquet (zstd), with `record` in its schema metadata; the same rows give the same bytes."""
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False)
    metadata = {key: value for key, value in (table.schema.metadata or {}).items() if key != b"pandas"}
    if record is not None:
        metadata |= parquet_metadata(record)
    with whole_file(path) as temporary:
        pq.write_table(
            table.replace_schema_metadata(metadata or None),
            temporary,
            compression="zstd",
            row_group_size=row_group_size,
        )
