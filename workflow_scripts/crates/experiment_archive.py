"""The archive of one experiment or audit, from its results."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
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
from workflow_scripts.crates.read_me import read_me
from workflow_scripts.crates.zip_archive import write_zip
from workflow_scripts.errors import InputError
from workflow_scripts.planning.dry_run import SNAKEFILE, DryRun, PlannedJob
from workflow_scripts.surveys.credits import DataCredit, credits_of

# Without these an experiment, or audit, is not finished.
TARGETS = {
    EXPERIMENT: ("results/bias/{}/summary.json", "results/report/{}/verdict.html"),
    AUDIT: ("results/audit/{}/summary.json",),
}
# Where its archive is; an audit may have the name of an experiment.
_ARCHIVES = {EXPERIMENT: "archive/{}.zip", AUDIT: "archive/audits/{}.zip"}
# Files that hold text, in which a path would be seen.
_TEXTS = (".json", ".csv", ".html", ".yaml", ".md")


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
    members["README.md"] = read_me(archived).encode()
    members["ro-crate-metadata.json"] = json_bytes(crate_metadata(archived, members))
    _warn_of_places(members, [run.directory, checkout, Path.home()])
    path = results / _ARCHIVES[kind].format(name)
    write_zip(path, members)
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


def _yaml(configuration: Mapping[str, Any]) -> bytes:
    return yaml.safe_dump(without_places(configuration), allow_unicode=True).encode()


def _warn_of_places(members: Mapping[str, bytes], folders: Iterable[Path]) -> None:
    """Results quote paths that a user wrote; who deposits them should know."""
    places = [bytes(folder) for folder in folders if len(folder.parts) > 1]
    for name, content in members.items():
        if Path(name).suffix in _TEXTS and not name.startswith("code/") and any(place in content for place in places):
            logging.warning("%s names a folder of this machine; look at it before you publish the archive", name)
