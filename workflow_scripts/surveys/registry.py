"""From a survey's entry in the configuration to the survey."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.errors import InputError
from workflow_scripts.http_services.user_agent import user_agent
from workflow_scripts.surveys.bricks.service import BrickCoadds
from workflow_scripts.surveys.bricks.survey import BrickSurvey
from workflow_scripts.surveys.coverage import Coverage
from workflow_scripts.surveys.fetcher.asking import Access
from workflow_scripts.surveys.fetcher.service import Service
from workflow_scripts.surveys.interface import Survey
from workflow_scripts.surveys.local import LocalSurvey
from workflow_scripts.surveys.network import NetworkSurvey
from workflow_scripts.surveys.services.hips2fits import Hips2fits
from workflow_scripts.surveys.services.legacy import Legacy
from workflow_scripts.surveys.services.panstarrs import PanStarrs
from workflow_scripts.surveys.services.sdss import Sdss
from workflow_scripts.surveys.side_folder import SideFolder
from workflow_scripts.surveys.simulated.survey import SimulatedSurvey

SERVICES: dict[str, Callable[[Mapping[str, Any]], Service]] = {
    "sdss": Sdss,
    "panstarrs": PanStarrs,
    "legacy": Legacy,
    "hips2fits": Hips2fits,
    "bricks": BrickCoadds,
}


@dataclass(frozen=True)
class Sources:
    """What the survey of a kind reads beside its entry; None for what another kind reads.

    `truth` is the simulated sky (`simulated`), `images` a folder, tar or zip (`local`); the rest is for the services:
    how they may be asked, who asks, the coverage map, the folder of the limits that jobs share, and the side files.
    """

    truth: str | Path | None = None
    images: str | Path | None = None
    access: Mapping[str, Any] | None = None
    contact: str | None = None
    coverage: str | Path | None = None
    limits_folder: str | Path | None = None
    side_folder: SideFolder | None = None


def open_survey(entry: Mapping[str, Any], sources: Sources) -> Survey:
    """The survey of an entry (`kind` and what that kind needs).

    Raises
    ------
    InputError
        where the survey's source is not given or the kind is not known.
    """
    kind = entry["kind"]
    if kind == "simulated":
        if sources.truth is None:
            raise InputError("surveys: a simulated survey needs the simulated sky, expected --truth FILE")
        return SimulatedSurvey(entry, sources.truth)
    if kind == "local":
        if sources.images is None:
            raise InputError("surveys: a local survey needs its images, expected --images FOLDER, tar or zip")
        return LocalSurvey(entry, sources.images)
    if kind not in SERVICES:
        raise InputError(f"surveys: kind '{kind}' is not known, expected simulated, local, {', '.join(SERVICES)}")
    if sources.access is None or sources.limits_folder is None or sources.side_folder is None:
        raise InputError(f"surveys: a survey of kind {kind} is asked over the network, expected --access")
    survey = BrickSurvey if kind == "bricks" else NetworkSurvey
    return survey(
        service=SERVICES[kind](entry),
        pixel_scale=entry["cutout"]["pixel_scale_arcsec"],
        access=Access.of(sources.access),
        side_folder=sources.side_folder,
        limits_folder=sources.limits_folder,
        user_agent=user_agent(sources.contact),
        coverage=Coverage(sources.coverage) if sources.coverage else None,
    )


def expected_size(entry: Mapping[str, Any]) -> int | None:
    """Side of every image of a survey, in pixels; None for images that are as they are."""
    return None if entry["kind"] == "local" else entry["cutout"]["size_px"]
