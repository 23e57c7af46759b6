"""The archive of one experiment, from its results."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.configuration import Configuration
from workflow_scripts.crates.code_snapshot import code_at, commit_date
from workflow_scripts.crates.crate_metadata import ArchivedRun, crate_metadata
from workflow_scripts.crates.experiment_files import (
    json_bytes,
    read_summary,
    recorded_files,
    result_files,
    without_places,
)
from workflow_scripts.crates.read_me import read_me
from workflow_scripts.crates.zip_archive import write_zip
from workflow_scripts.errors import InputError
from workflow_scripts.planning.dry_run import SNAKEFILE, DryRun, PlannedJob
from workflow_scripts.surveys.credits import credits_of

# Without these an experiment is not finished.
TARGETS = ("results/bias/{}/summary.json", "results/report/{}/verdict.html")
# Files that hold text, in which a path would be seen.
_TEXTS = (".json", ".csv", ".html", ".yaml", ".md")


def write_archive(
    run: DryRun,
    experiment: str,
    command: str,
    checkout: Path = SNAKEFILE.parent,
    authors: Sequence[Mapping[str, str]] = (),
) -> Path:
    """Write `results/archive/EXPERIMENT.zip`, and give its path.

    Parameters
    ----------
    run
        what Snakemake would do for the `TARGETS` of the experiment: nothing, or the results are not its.
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
    if to_do := _to_do(run.jobs, [target.format(experiment) for target in TARGETS]):
        raise InputError(
            f"experiment '{experiment}' has no results, or not those of this configuration and code:"
            f" {len(to_do)} {'job is' if len(to_do) == 1 else 'jobs are'} to do ({', '.join(dict.fromkeys(to_do))});"
            f" run `{command}` first"
        )
    summary = read_summary(results, experiment)
    archived, code = _archived(results, experiment, summary, run.settings, checkout, authors)
    if archived.dirty:
        logging.warning("%s: %s", experiment, archived.origin)
    members = {f"code/{name}": content for name, content in code.items()}
    members |= {name: code[name] for name in ("CITATION.cff", "LICENSE") if name in code}
    members |= {name: path.read_bytes() for name, path in result_files(results, experiment).items()}
    members["configuration.yaml"] = _yaml(run.written)
    members["configuration_resolved.yaml"] = _yaml(run.settings.resolved)
    members["README.md"] = read_me(archived).encode()
    members["ro-crate-metadata.json"] = json_bytes(crate_metadata(archived, members))
    _warn_of_places(members, [run.directory, checkout, Path.home()])
    path = results / "archive" / f"{experiment}.zip"
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
    experiment: str,
    summary: Mapping[str, Any],
    settings: Configuration,
    checkout: Path,
    authors: Sequence[Mapping[str, str]],
) -> tuple[ArchivedRun, dict[str, bytes]]:
    """What the metadata say, and the code of the results by the paths of its files."""
    commit, dirty = summary["provenance"]["git"]["commit"], summary["provenance"]["git"]["dirty"]
    if not commit:
        raise InputError(
            f"{results / 'bias' / experiment / 'summary.json'}: names no commit, because its code was in no git"
            " checkout; expected results that were made in a clone of the repository"
        )
    code = code_at(commit, checkout)
    if "CITATION.cff" not in code:
        raise InputError(f"commit {commit} has no CITATION.cff, expected one, which names authors and licence")
    catalog, survey = settings.catalog_of(experiment), settings.experiment(experiment)["survey"]
    archived = ArchivedRun(
        experiment=experiment,
        headline=summary["headline"],
        simulated=summary["simulated"],
        citation=yaml.safe_load(code["CITATION.cff"]),
        commit=commit,
        date=commit_date(commit, checkout),
        dirty=dirty,
        versions=summary["versions"],
        recorded=recorded_files(results, summary, catalog),
        credits=credits_of(settings.survey(survey) if survey else None, settings.catalog(catalog)),
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
