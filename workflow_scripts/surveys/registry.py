"""The kinds of surveys: what the workflow must know of each, and from an entry of the configuration to the survey.

A new kind is a client in `services/`, a line in `KINDS`, one in `client_of`, and its part of the schema. The
configuration and the rules import this module whenever Snakemake starts: what needs numerical or HTTP packages is
imported when a survey is opened.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_scripts.errors import InputError
from workflow_scripts.surveys.name_patterns import DEFAULT_FILE_COLUMN, DEFAULT_FILE_PATTERN, pattern_columns

if TYPE_CHECKING:
    from workflow_scripts.surveys.fetcher.service import Service
    from workflow_scripts.surveys.survey import Survey

SurveyEntry = Mapping[str, Any]

_NATIVE_PANSTARRS_ARCSEC = 0.25
# Where the width of images in arcsec is not known.
_USUAL_HALF_WIDTH_ARCSEC = 15.0
# By the beginning of a layer's name.
_NATIVE_LAYERS_ARCSEC = {"ls-": 0.262, "sdss": 0.396}


@dataclass(frozen=True)
class SurveyKind:
    """Facts of a kind of survey. The functions are called with the survey's entry.

    Attributes
    ----------
    downloaded
        whether the pixels come from a service, and are not made on this machine or read from it.
    files
        what is read beside the catalog, by option of `fetch_cutouts`: paths that the entry determines.
    requests
        requests that give one image.
    columns
        columns of the catalog that the images depend on, beside the pixel scale.
    catalog_source
        the only `source` of catalogs that it has images for, empty for any.
    cuts_whole_files
        whether files with many galaxies are fetched, and galaxies cut out of them here.
    any_size
        whether images are as they are, of any size.
    shows_neighbours
        whether an image shows all that lies there, and not its galaxy alone.
    unit_is_known
        whether brightness can be had in a unit that all surveys share, or that of pictures.
    problem
        (key path, sentence) for settings that only make sense together and do not, else None.
    """

    downloaded: bool = True
    files: Callable[[SurveyEntry], dict[str, str]] = lambda entry: {}
    requests: Callable[[SurveyEntry], int] = lambda entry: 1
    columns: Callable[[SurveyEntry], list[str]] = lambda entry: []
    catalog_source: str = ""
    cuts_whole_files: bool = False
    any_size: bool = False
    shows_neighbours: bool = True
    unit_is_known: Callable[[SurveyEntry], bool] = lambda entry: True
    problem: Callable[[SurveyEntry], tuple[tuple[str, ...], str] | None] = lambda entry: None


def _panstarrs_requests(entry: SurveyEntry) -> int:
    # fitscut gives one band a FITS file.
    return len(entry["bands"]) if entry["format"] == "fits" else 1


def _panstarrs_problem(entry: SurveyEntry) -> tuple[tuple[str, ...], str] | None:
    if len(entry["bands"]) == 2:
        return ("bands",), "has 2 bands, expected one, or three for red, green and blue"
    if entry["format"] == "fits" and entry["cutout"]["pixel_scale_arcsec"] != _NATIVE_PANSTARRS_ARCSEC:
        sentence = f"expected {_NATIVE_PANSTARRS_ARCSEC} with format: fits, which is not resampled"
        return ("cutout", "pixel_scale_arcsec"), sentence
    return None


def _legacy_problem(entry: SurveyEntry) -> tuple[tuple[str, ...], str] | None:
    native = next((scale for layer, scale in _NATIVE_LAYERS_ARCSEC.items() if entry["layer"].startswith(layer)), None)
    if entry["format"] == "fits" and native and entry["cutout"]["pixel_scale_arcsec"] != native:
        # The viewer interpolates values of native pixels at other scales (legacysurvey.org/svtips).
        sentence = f"expected {native} with format: fits, at which the viewer gives nanomaggies a pixel"
        return ("cutout", "pixel_scale_arcsec"), sentence
    return None


def _hips_problem(entry: SurveyEntry) -> tuple[tuple[str, ...], str] | None:
    if entry["format"] == "fits" and "color" in entry["hips"].lower():
        sentence = (
            "is fits, but a HiPS in colour has pictures without a unit, expected jpeg or png, or a HiPS of a band"
        )
        return ("format",), sentence
    return None


def _local_columns(entry: SurveyEntry) -> list[str]:
    columns = [entry.get("file_column", DEFAULT_FILE_COLUMN)]
    columns += pattern_columns(entry.get("file_pattern", DEFAULT_FILE_PATTERN))
    return [name for name in dict.fromkeys(columns) if name not in ("source_id", "ra", "dec")]


KINDS: dict[str, SurveyKind] = {
    "simulated": SurveyKind(
        downloaded=False,
        files=lambda entry: {"truth": f"results/catalog/{entry['catalog']}/truth.parquet"},
        catalog_source="simulated",
        shows_neighbours=False,
    ),
    "local": SurveyKind(
        downloaded=False,
        files=lambda entry: {"images": entry["path"]},
        columns=_local_columns,
        any_size=True,
    ),
    "sdss": SurveyKind(),
    "panstarrs": SurveyKind(requests=_panstarrs_requests, problem=_panstarrs_problem),
    "legacy": SurveyKind(problem=_legacy_problem),
    "hips2fits": SurveyKind(problem=_hips_problem, unit_is_known=lambda entry: entry["format"] != "fits"),
    "bricks": SurveyKind(cuts_whole_files=True),
}


def client_of(entry: SurveyEntry) -> "Service":
    """The client of the service of an entry whose kind is downloaded."""
    from workflow_scripts.surveys.bricks.bricks_survey import BrickCoadds
    from workflow_scripts.surveys.services.hips2fits import Hips2fits
    from workflow_scripts.surveys.services.legacy import Legacy
    from workflow_scripts.surveys.services.panstarrs import PanStarrs
    from workflow_scripts.surveys.services.sdss import Sdss

    clients: dict[str, Callable[[SurveyEntry], Service]] = {
        "sdss": Sdss,
        "panstarrs": PanStarrs,
        "legacy": Legacy,
        "hips2fits": Hips2fits,
        "bricks": BrickCoadds,
    }
    return clients[entry["kind"]](entry)


def kind_of(entry: SurveyEntry) -> SurveyKind:
    """The facts of the kind of an entry; `InputError` where it is not known."""
    if entry["kind"] not in KINDS:
        raise InputError(f"surveys: kind '{entry['kind']}' is not known, expected {', '.join(KINDS)}")
    return KINDS[entry["kind"]]


def expected_size(entry: SurveyEntry) -> int | None:
    """Side of every image of a survey, in pixels; None for images that are as they are."""
    return None if kind_of(entry).any_size else entry["cutout"]["size_px"]


def half_width_arcsec(entry: SurveyEntry) -> float:
    """Within which distance the images of a survey show other galaxies; 0 where they show none."""
    if not kind_of(entry).shows_neighbours:
        return 0.0
    scale = entry.get("cutout", {}).get("pixel_scale_arcsec")
    return entry["cutout"]["size_px"] * scale / 2 if isinstance(scale, float) else _USUAL_HALF_WIDTH_ARCSEC


def pixels_of_cutout(entry: SurveyEntry) -> int:
    """Pixels that a request gives; 1 where images are as they are, so that bytes grow with their number alone."""
    return (expected_size(entry) or 1) ** 2


def catalog_columns(entry: SurveyEntry) -> list[str]:
    """Columns of the catalog that the images of a survey depend on, beside id and position."""
    if columns := kind_of(entry).columns(entry):
        return columns
    scale = entry.get("cutout", {}).get("pixel_scale_arcsec")
    return [scale["column"]] if isinstance(scale, Mapping) else []


def folder_digest(folder: str | Path) -> str:
    """Digest of the names and sizes of all files below a folder; their dates change when they are copied.

    Hidden files are left out: file managers leave some behind. Links are followed.
    """
    digest = hashlib.sha256()
    for path, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            file = os.path.join(path, name)  # noqa: PTH118  half the time of pathlib, for a million files
            digest.update(f"{os.path.relpath(file, folder)}\0{_size_of(file)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _size_of(file: str) -> int:
    try:
        return os.stat(file).st_size  # noqa: PTH116
    except OSError:
        return -1


def open_survey(
    entry: SurveyEntry,
    truth: str | None = None,
    images: str | None = None,
    catalog: str | None = None,
    coverage: str | None = None,
    contact: str | None = None,
    **of_service: Any,
) -> "Survey":
    """The survey of an entry (`kind` and what that kind needs).

    Parameters
    ----------
    truth, images, catalog
        the simulated sky; the folder, tar or zip of a local survey, and the table with all its galaxies.
    coverage, contact
        the map of what a service covers, if there is one, and who requests.
    of_service
        `access` (limits), `limits_folder`, `side_folder` and `max_failed_share` of a service.

    Raises
    ------
    InputError
        where the survey's source is not given or the kind is not known.
    """
    kind = kind_of(entry)
    if kind.downloaded:
        from workflow_scripts.http_services.politeness import user_agent
        from workflow_scripts.surveys.bricks.bricks_survey import BrickSurvey
        from workflow_scripts.surveys.coverage import Coverage
        from workflow_scripts.surveys.fetcher.connections import AccessLimits
        from workflow_scripts.surveys.service_survey import ServiceSurvey

        return (BrickSurvey if kind.cuts_whole_files else ServiceSurvey)(
            service=client_of(entry),
            pixel_scale=entry["cutout"]["pixel_scale_arcsec"],
            limits=AccessLimits(**of_service["access"]),
            side_folder=of_service["side_folder"],
            limits_folder=of_service["limits_folder"],
            user_agent=user_agent(contact),
            coverage=Coverage(coverage) if coverage else None,
            max_failed_share=of_service["max_failed_share"],
        )
    if entry["kind"] == "local":
        from workflow_scripts.surveys.local import LocalSurvey

        if images is None:
            raise InputError("surveys: a local survey needs its images, expected --images FOLDER, tar or zip")
        return LocalSurvey(entry, images, catalog)
    from workflow_scripts.surveys.simulated.simulated_survey import SimulatedSurvey

    if truth is None:
        raise InputError("surveys: a simulated survey needs the simulated sky, expected --truth FILE")
    return SimulatedSurvey(entry, truth)
