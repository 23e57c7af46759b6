"""The user's own files that the active experiments and audits are made from.

Snakemake takes a result whose source is gone for a source itself: after a finished run, a mistyped path would plan
nothing and keep results that were made from another file.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.configuration.sources import ConfigSources, KeyPath
from workflow_scripts.configuration.validation import reject

# What Snakemake takes for a wildcard, with or without a constraint.
_PLACEHOLDER = re.compile(r"\{\s*\w+\s*(,[^{}]*)?\}")
UserFile = tuple[KeyPath, str, str]


def check_user_files(settings: Configuration, files: ConfigSources = ()) -> None:
    """Raise `InputError` for the first file that is not there, unless `missing_files` is `accept`.

    Paths are relative to the working directory; `files` are the configuration files, to name in the message.
    """
    given = list(user_files(settings))
    for key, path, _ in given:
        if _PLACEHOLDER.search(path):
            reject(key, f"is '{path}', expected a path without words in braces, which Snakemake would replace", files)
    if settings.completed["missing_files"] == "accept":
        return
    for key, path, what in given:
        if not Path(path).exists():
            hint = "missing_files: accept keeps the results made from a file that is gone"
            reject(key, f"is '{path}', which does not exist{_similar(path)}; expected {what} ({hint})", files)


def user_files(settings: Configuration) -> Iterator[UserFile]:
    """(key, path, what it is) of every file of the user that an active experiment or audit needs."""
    for name in settings.active_experiments:
        survey = settings.experiment(name)["survey"]
        catalog = settings.survey(survey)["catalog"]
        yield from _of_entry(("catalogs", catalog, "path"), settings.catalog(catalog).get("path"), "the table")
        yield from _of_entry(
            ("surveys", survey, "path"), settings.survey(survey).get("path"), "a folder, tar or zip of images"
        )
        coverage = settings.survey(survey).get("coverage") or {}
        yield from _of_entry(("surveys", survey, "coverage", "moc"), coverage.get("moc"), "a MOC file")
        runs = settings.runs(name)
        for footprint in dict.fromkeys(run.footprint for run in runs):
            for path in settings.moc_files(footprint):
                yield ("footprints", footprint, "region", "moc", "path"), path, "a MOC file"
        for network in dict.fromkeys(run.network for run in runs):
            for key, what in (("path", "a .keras file"), ("weights", "a .weights.h5 file")):
                yield from _of_entry(("networks", network, key), settings.network(network)[key], what)
    for name in settings.active_audits:
        for key in ("path", "compare"):
            yield from _of_entry(("audits", name, key), settings.audit(name)[key], "the table")


def _of_entry(key: KeyPath, path: str | None, what: str) -> Iterator[UserFile]:
    if path:
        yield key, path, what


def _similar(path: str) -> str:
    """`, did you mean 'x'?` where the folder has a file with nearly this name."""
    folder = Path(path).parent
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    close = get_close_matches(Path(path).name, names, n=1, cutoff=0.7)
    return f" (did you mean '{folder / close[0]}'?)" if close else ""
