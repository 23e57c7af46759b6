"""Settings of a survey behind a public service that only make sense together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.catalogs.formats import COVARIATES
from workflow_scripts.configuration.validation import KeyPath, reject, suggestion
from workflow_scripts.errors import InputError
from workflow_scripts.http_services.addresses import AddressGuard
from workflow_scripts.surveys.registry import kind_of

Files = Sequence[str | Path]


def check_service(path: KeyPath, survey: Mapping[str, Any], catalog: Mapping[str, Any], files: Files) -> None:
    """Raise `InputError` for URLs that are none, two kinds of coverage, a scale that the catalog has not, or what
    the kind of survey cannot give.
    """
    scale = survey.get("cutout", {}).get("pixel_scale_arcsec")
    columns = list(catalog.get("columns", COVARIATES))
    if isinstance(scale, Mapping) and scale["column"] not in columns:
        hint = suggestion(scale["column"], columns)
        where = (*path, "cutout", "pixel_scale_arcsec", "column")
        reject(where, f"is '{scale['column']}', which the catalog '{survey['catalog']}' has not{hint}", files)
    for key in ("url", "names_url", "urls"):
        for url in survey[key] if key == "urls" and key in survey else [survey[key]] if key in survey else []:
            try:
                AddressGuard(url)
            except InputError:
                reject((*path, key), f"is '{url}', expected a URL, http://... or https://...", files)
    coverage = survey.get("coverage")
    if coverage and ("moc" in coverage) == ("hips" in coverage):
        reject((*path, "coverage"), "expected one of moc (a file) and hips (an id)", files)
    if problem := kind_of(survey).problem(survey):
        keys, sentence = problem
        reject((*path, *keys), sentence, files)
