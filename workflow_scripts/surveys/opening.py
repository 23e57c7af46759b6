"""From a survey's entry in the configuration to the survey."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.errors import InputError
from workflow_scripts.surveys.interface import Survey
from workflow_scripts.surveys.local import LocalSurvey
from workflow_scripts.surveys.simulated.survey import SimulatedSurvey


def open_survey(entry: Mapping[str, Any], truth: str | Path | None, images: str | Path | None) -> Survey:
    """The survey of an entry.

    Parameters
    ----------
    entry
        `kind` and what that kind needs.
    truth
        the simulated sky, for `simulated`.
    images
        folder, tar or zip, for `local`.

    Raises
    ------
    InputError
        where the survey's source is not given or the kind is not known.
    """
    kind = entry["kind"]
    if kind == "simulated":
        if truth is None:
            raise InputError("surveys: a simulated survey needs the simulated sky, expected --truth FILE")
        return SimulatedSurvey(entry, truth)
    if kind == "local":
        if images is None:
            raise InputError("surveys: a local survey needs its images, expected --images FOLDER, tar or zip")
        return LocalSurvey(entry, images)
    raise InputError(f"surveys: kind '{kind}' is not known, expected simulated or local")


def expected_size(entry: Mapping[str, Any]) -> int | None:
    """Side of every image of a survey, in pixels; None for images that are as they are."""
    return None if entry["kind"] == "local" else entry["cutout"]["size_px"]
