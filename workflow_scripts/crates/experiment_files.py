"""The files of a finished experiment, and the digests of the data and products behind them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from workflow_scripts.errors import InputError
from workflow_scripts.provenance import sha256
from workflow_scripts.tables import reading_parquet

EXPERIMENT, AUDIT = "experiment", "audit"
_FOLDERS = {
    EXPERIMENT: (
        *("bias/{}", "causes/{}", "remedies/{}", "report/{}", "report/{}/figures"),
        *("correction/{}", "correction/{}/maps"),
    ),
    AUDIT: ("audit/{}", "audit/{}/figures", "correction/audits/{}", "correction/audits/{}/maps"),
}
_SUMMARIES = {EXPERIMENT: "bias/{}/summary.json", AUDIT: "audit/{}/summary.json"}
_SUFFIXES = (".json", ".csv", ".npz", ".html", ".png", ".pdf", ".svg", ".parquet", ".fits", ".hsp")
# What these stages make comes from outside, or is the simulated sky; what the others make follows from it.
_STAGES_OF_DATA = ("catalog", "cutouts")


@dataclass(frozen=True, order=True)
class RecordedFile:
    """A file that results rest on: its name, its digest, and whether the workflow made it of others."""

    name: str
    sha256: str
    made: bool


def result_files(results: Path, kind: str, name: str) -> dict[str, Path]:
    """The result files of an experiment or audit, by their names in the archive, which are those below `results/`."""
    folders = [folder.format(name) for folder in _FOLDERS[kind]]
    return {
        f"results/{folder}/{path.name}": path
        for folder in folders
        for path in sorted(results.joinpath(folder).glob("*"))
        if path.suffix in _SUFFIXES and path.is_file() and not path.name.startswith(".")
    }


def summary_file(results: Path, kind: str, name: str) -> Path:
    """Where the summary of an experiment or audit is."""
    return results / _SUMMARIES[kind].format(name)


def read_summary(path: Path) -> dict[str, Any]:
    """A summary; `InputError` where it is not whole."""
    return _json_object(path)


def recorded_files(results: Path, summary: Mapping[str, Any], catalog: str | None) -> list[RecordedFile]:
    """Every file that the results of an experiment or audit rest on, as far as records go back.

    Parameters
    ----------
    results
        the folder `results/`; files that are no longer there have only the digest that others recorded of them.
    summary
        `summary.json`.
    catalog
        name of the catalog that an experiment annotates; None of an audit, whose table is among the inputs.
    """
    waiting = list(summary["inputs"].items())
    if catalog and (table := results / "catalog" / catalog / "catalog.parquet").is_file():
        waiting.append((f"results/catalog/{catalog}/catalog.parquet", sha256(table)))
    found: dict[tuple[str, str], RecordedFile] = {}
    while waiting:
        path, digest = waiting.pop()
        if (path, digest) in found:
            continue
        below = path.removeprefix("results/")
        of_results = below != path and ".." not in Path(below).parts
        made = of_results and below.split("/")[0] not in _STAGES_OF_DATA
        # A file of the user's has a place of its own on every machine: its name is what others can use.
        found[path, digest] = RecordedFile(path if of_results else Path(path).name, digest, made)
        if of_results:
            waiting += _inputs_of(results / below)
    return sorted(set(found.values()))


def _inputs_of(path: Path) -> Iterator[tuple[str, str]]:
    """(file, digest) of what a file was made from; nothing of a file that is not there or records nothing."""
    record: Mapping[str, Any] = {}
    if path.suffix == ".parquet" and path.is_file():
        with reading_parquet(path):
            record = json.loads((pq.read_schema(path).metadata or {}).get(b"skybias", b"{}"))
    elif path.suffix in (".keras", ".tar") and path.with_name("run.json").is_file():
        record = _json_object(path.with_name("run.json"))
    elif path.suffix == ".json" and path.is_file():
        content = _json_object(path)
        record = content.get("provenance", content)
    yield from (record.get("inputs") or {}).items()


def _json_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON object (what Snakemake made, it makes again when you delete it)")
    return content


def without_places(content: Any) -> Any:
    """A configuration without the user's address, and with the names of files in place of absolute paths."""
    if isinstance(content, Mapping):
        return {key: without_places(value) for key, value in content.items() if key != "contact"}
    if isinstance(content, list | tuple):
        return [without_places(value) for value in content]
    if isinstance(content, str) and content.startswith(("/", "~", "file:")):
        return content.rstrip("/").rsplit("/", 1)[-1]
    return content


def json_bytes(content: Any) -> bytes:
    """JSON as files of the archive have it."""
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
