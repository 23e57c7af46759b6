"""The user's own files that the active experiments and audits are made from.

Snakemake takes a result whose source is gone for a source itself: after a finished run, a mistyped path would plan
nothing and keep results that were made from another file.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from workflow_scripts.catalogs.formats import matching_files
from workflow_scripts.configuration.given_annotations import given_tables
from workflow_scripts.configuration.program_networks import is_program
from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.configuration.sources import ConfigError, ConfigSources, KeyPath, named_sources
from workflow_scripts.networks.program_command import program_scripts

# So many missing files of one key are listed.
_SHOWN = 3
# What Snakemake takes for a wildcard, with or without a constraint.
_PLACEHOLDER = re.compile(r"\{\s*\w+\s*(,[^{}]*)?\}")


def check_user_files(settings: Configuration, files: ConfigSources = ()) -> None:
    """Raise `InputError` for the first file that is not there, unless `missing_files` is `accept`.

    Paths are relative to the working directory; `files` are the sources of the configuration, to name in the message.
    """
    # Runs have networks in common.
    given = list(dict.fromkeys((key, path, what) for key, path, what in _user_files(settings) if path))
    with named_sources(files):
        for key, path, _ in given:
            if _PLACEHOLDER.search(path):
                problem = f"is '{path}', expected a path without words in braces, which Snakemake would replace"
                raise ConfigError(key, problem)
        if settings.completed["missing_files"] == "accept":
            return
        missing = [one for one in given if not (Path(one[1]).exists() or ("*" in one[1] and matching_files(one[1])))]
        if not missing:
            return
        key, path, what = missing[0]
        hint = "missing_files: accept keeps the results made from a file that is gone"
        lacking = list(dict.fromkeys(one[1] for one in missing if one[0] == key))
        if len(lacking) == 1:
            raise ConfigError(key, f"is '{path}', which does not exist{_similar(path)}; expected {what} ({hint})")
        total = len({one[1] for one in given if one[0] == key})
        shown = ", ".join(f"'{one}'" for one in lacking[:_SHOWN]) + (", ..." if len(lacking) > _SHOWN else "")
        raise ConfigError(
            key, f"names {len(lacking)} of {total} files that do not exist: {shown}; expected {what} ({hint})"
        )


def _user_files(settings: Configuration) -> Iterator[tuple[KeyPath, str | None, str]]:
    """(key, path, what it is) of every file that an active experiment or audit may have of the user."""
    for name in settings.active_experiments:
        catalog = settings.catalog_of(name)
        for path in given_tables(settings, name):
            yield ("experiments", name, "annotations", "path"), path, "the table of each run"
        yield ("catalogs", catalog, "path"), settings.catalog(catalog).get("path"), "the table"
        runs = settings.runs(name)
        for footprint in dict.fromkeys(run.footprint for run in runs):
            for path in settings.moc_files(footprint):
                yield ("footprints", footprint, "region", "moc", "path"), path, "a MOC file"
        if settings.trains(name):
            yield from _files_of_survey(settings, settings.experiment(name)["survey"])
            for run in runs:
                yield from _files_of_network(run.network, settings.network_of_run(vars(run)))
    for name in settings.active_audits:
        for key, table in settings.audited_tables(name).items():
            yield ("audits", name, key), table, "the table"


def _files_of_survey(settings: Configuration, name: str) -> Iterator[tuple[KeyPath, str | None, str]]:
    survey = settings.survey(name)
    yield ("surveys", name, "path"), survey.get("path"), "a folder, tar or zip of images"
    moc = (survey.get("coverage") or {}).get("moc")
    yield ("surveys", name, "coverage", "moc"), moc, "a MOC file"


def _files_of_network(name: str, network: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str | None, str]]:
    path = ("networks", name)
    if not is_program(network):
        for key, what in (("path", "a .keras file"), ("weights", "a file of weights")):
            yield (*path, key), network[key], what
        return
    for step, script in program_scripts(network):
        yield (*path, "command", step), script, "the script that python runs"
    for index, file in enumerate(network.get("files", [])):
        yield (*path, "files", index), file, "a file, folder or pattern of names"
    for key, what in (("python", "a Python"), ("conda", "the folder of an environment")):
        if "/" in network.get(key, ""):
            yield (*path, key), network[key], what


def _similar(path: str) -> str:
    """` (did you mean 'x'?)` where the folder has a file with nearly this name."""
    folder = Path(path).parent
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    close = get_close_matches(Path(path).name, names, n=1, cutoff=0.7)
    return f" (did you mean '{folder / close[0]}'?)" if close else ""
