"""The archive of one experiment or audit, from its results."""

import logging
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.crates.code_snapshot import code_at, commit_date
from workflow_scripts.crates.crate_metadata import ArchivedRun, crate_metadata
from workflow_scripts.crates.experiment_files import (
    AUDIT,
    EXPERIMENT,
    json_bytes,
    read_summary,
    recorded_files,
    result_files,
    summary_file,
    without_places,
)
from workflow_scripts.errors import InputError
from workflow_scripts.planning.dry_run import SNAKEFILE, DryRun, PlannedJob
from workflow_scripts.surveys.credits import DataCredit, credits_of
from workflow_scripts.whole_file import whole_file

# Without these an experiment, or audit, is not finished.
TARGETS = {
    EXPERIMENT: ("results/bias/{}/summary.json", "results/report/{}/verdict.html"),
    AUDIT: ("results/audit/{}/summary.json",),
}
# Where its archive is; an audit may have the name of an experiment.
_ARCHIVES = {EXPERIMENT: "archive/{}.zip", AUDIT: "archive/audits/{}.zip"}
# Files that hold text, in which a path would be seen.
_TEXTS = (".json", ".csv", ".html", ".yaml", ".md")
# README.md, for people.
_READ_ME = """# skybias: {kind} {name}

{headline}

{made}

| path | what |
| --- | --- |
{results}| `configuration.yaml` | the configuration as it was given |
| `configuration_resolved.yaml` | the same with every default |
| `code/` | the workflow; `code/requirements.txt` pins what it needs |
| `CITATION.cff`, `LICENSE` | how to cite the workflow, and its licence |
| `ro-crate-metadata.json` | all this for programs (RO-Crate 1.1), with the SHA-256 digests of data and networks |

To run it again, in `code/`: `make run CONFIGFILE=../configuration.yaml`. Paths of files of the user's own are shortened
to their names, which the digests identify: write in where yours are. Data, images and networks are not part of this
archive.
{credits}"""
_RESULTS = {
    EXPERIMENT: """\
| `results/report/{name}/` | the page, and its figures |
| `results/bias/{name}/` | `summary.json` with the answers, and the tables behind it |
""",
    AUDIT: """\
| `results/audit/{name}/` | the page, its figures, `summary.json` with the answers, and the tables behind it |
""",
}
# The first day that a ZIP can name: its files have no date of their own.
_NO_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX, _PLAIN_FILE, _PROGRAM, _FOLDER = 3, 0o100644 << 16, 0o100755 << 16, 0o040755 << 16


def write_archive(
    run: DryRun,
    kind: str,
    name: str,
    command: str,
    checkout: Path = SNAKEFILE.parent,
    authors: Sequence[Mapping[str, str]] = (),
) -> Path:
    """Write the archive of an experiment or audit (`kind`), `results/archive/NAME.zip` or `audits/NAME.zip` there.

    Parameters
    ----------
    run
        what Snakemake would do for the `TARGETS`: nothing, or the results are not its.
    command
        what makes the results, for messages.
    checkout
        where the code of the results is looked up, in git.
    authors
        of the results, with keys as those of CITATION.cff.

    Raises
    ------
    InputError
        where results are missing or would be made anew, or their code is not in the checkout.
    """
    results = run.directory / "results"
    if to_do := _to_do(run.jobs, [target.format(name) for target in TARGETS[kind]]):
        raise InputError(
            f"{kind} '{name}' has no results, or not those of this configuration and code:"
            f" {len(to_do)} {'job is' if len(to_do) == 1 else 'jobs are'} to do ({', '.join(dict.fromkeys(to_do))});"
            f" run `{command}` first"
        )
    archived, code = _archived(results, kind, name, run.settings, checkout, authors)
    if archived.dirty:
        logging.warning("%s: %s", name, archived.origin)
    members = {f"code/{name}": content for name, content in code.items()}
    members |= {file: code[file] for file in ("CITATION.cff", "LICENSE") if file in code}
    members |= {file: path.read_bytes() for file, path in result_files(results, kind, name).items()}
    members["configuration.yaml"] = _yaml(run.written)
    members["configuration_resolved.yaml"] = _yaml(run.settings.resolved)
    members["README.md"] = _read_me(archived).encode()
    members["ro-crate-metadata.json"] = json_bytes(crate_metadata(archived, members))
    _warn_of_places(members, [run.directory, checkout, Path.home()])
    path = results / _ARCHIVES[kind].format(name)
    _write_zip(path, members)
    return path


def _to_do(jobs: Iterable[PlannedJob], paths: Iterable[str]) -> list[str]:
    """The rule of every job that would run to make `paths`."""
    wanted, by_number = set(paths), {job.number: job for job in jobs}
    waiting = [job.number for job in by_number.values() if wanted & set(job.outputs)]
    seen: set[int] = set()
    while waiting:
        number = waiting.pop()
        if number not in seen:
            seen.add(number)
            waiting += by_number[number].needs
    return [by_number[number].rule for number in sorted(seen) if by_number[number].to_do]


def _archived(
    results: Path,
    kind: str,
    name: str,
    settings: Configuration,
    checkout: Path,
    authors: Sequence[Mapping[str, str]],
) -> tuple[ArchivedRun, dict[str, bytes]]:
    """What the metadata say, and the code of the results by the paths of its files."""
    path = summary_file(results, kind, name)
    summary = read_summary(path)
    commit, dirty = summary["provenance"]["git"]["commit"], summary["provenance"]["git"]["dirty"]
    if not commit:
        raise InputError(
            f"{path}: names no commit, because its code was in no git"
            " checkout; expected results that were made in a clone of the repository"
        )
    code = code_at(commit, checkout)
    if "CITATION.cff" not in code:
        raise InputError(f"commit {commit} has no CITATION.cff, expected one, which names authors and licence")
    catalog, credits = None, list[DataCredit]()
    if kind == EXPERIMENT:
        catalog, survey = settings.catalog_of(name), settings.experiment(name)["survey"]
        credits = credits_of(settings.survey(survey) if survey else None, settings.catalog(catalog))
    archived = ArchivedRun(
        kind=kind,
        name=name,
        headline=summary["headline"],
        # Whose catalog is audited, nobody knows.
        simulated=summary.get("simulated", False),
        citation=yaml.safe_load(code["CITATION.cff"]),
        commit=commit,
        date=commit_date(commit, checkout),
        dirty=dirty,
        versions=summary["versions"],
        recorded=recorded_files(results, summary, catalog),
        credits=credits,
        authors=authors,
    )
    return archived, code


def _read_me(run: ArchivedRun) -> str:
    """README.md of an archive."""
    credits = "".join(f"* {credit.sentence}\n" for credit in run.credits)
    shown = f"\nShow with figures and data made from the images, and cite:\n\n{credits}" if credits else ""
    results = _RESULTS[run.kind].format(name=run.name)
    named = {"kind": run.kind, "name": run.name, "headline": run.headline, "made": run.origin}
    return _READ_ME.format(**named, results=results, credits=shown)


def _yaml(configuration: Mapping[str, Any]) -> bytes:
    return yaml.safe_dump(without_places(configuration), allow_unicode=True).encode()


def _warn_of_places(members: Mapping[str, bytes], folders: Iterable[Path]) -> None:
    """Results quote paths that a user wrote; who deposits them should know."""
    places = [bytes(folder) for folder in folders if len(folder.parts) > 1]
    for name, content in members.items():
        if Path(name).suffix in _TEXTS and not name.startswith("code/") and any(place in content for place in places):
            logging.warning("%s names a folder of this machine; look at it before you publish the archive", name)


def _write_zip(path: str | Path, members: Mapping[str, bytes]) -> None:
    """Write files, by their names, in the order of the names; the same content gives the same bytes.

    Folders have entries of their own, by which readers of RO-Crates find them. What begins with `#!` is executable.
    """
    folders = {f"{folder}/": b"" for name in members for folder in PurePosixPath(name).parents if folder.name}
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in sorted({**folders, **members}.items()):
            entry = zipfile.ZipInfo(name, _NO_DATE)
            kind = _FOLDER if name in folders else _PROGRAM if content.startswith(b"#!") else _PLAIN_FILE
            entry.create_system, entry.external_attr = _UNIX, kind
            entry.compress_type = zipfile.ZIP_DEFLATED if content else zipfile.ZIP_STORED
            archive.writestr(entry, content)
