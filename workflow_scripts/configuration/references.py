"""What the schema cannot check: names that one part of the configuration uses and another defines, and keys that only
make sense together.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from workflow_scripts.catalogs.formats import format_suffix
from workflow_scripts.configuration.sources import ConfigSources, KeyPath
from workflow_scripts.configuration.validation import reject, suggestion
from workflow_scripts.errors import InputError
from workflow_scripts.http_services.addresses import AddressGuard
from workflow_scripts.runs import runs_of_experiment
from workflow_scripts.surveys.registry import kind_of

# Columns that are numbers in a simulated catalog.
_SIMULATED_COVARIATES = ("magnitude", "radius_arcsec", "redshift")


def check_references(
    config: Mapping[str, Any], families: Mapping[str, list[str]], members: Sequence[str], files: ConfigSources
):
    """Check every name outside `footprints`, whose own references `expand_footprints` checks.

    Parameters
    ----------
    config
        The completed configuration.
    families
        Names of the members of every family, by the family's name.
    members
        Names of all footprints, the members of families among them.
    files
        Configuration files, to name in messages.

    Raises
    ------
    InputError
        for a name that does not exist, or that cannot be used where it stands.
    """
    for name, catalog in config["catalogs"].items():
        _check_labels(("catalogs", name), catalog, files)
        _check_rows_of_service(("catalogs", name), catalog, files)
    for name, survey in config["surveys"].items():
        path = ("surveys", name, "catalog")
        _check_name(path, survey["catalog"], "catalogs", list(config["catalogs"]), files)
        source = kind_of(survey).catalog_source
        if source and config["catalogs"][survey["catalog"]]["source"] != source:
            reject(path, f"is '{survey['catalog']}', expected a catalog with source: {source}", files)
        _check_service(("surveys", name), survey, config["catalogs"][survey["catalog"]], files)
    for name, network in config["networks"].items():
        _check_name(("networks", name, "recipe"), network["recipe"], "recipes", list(config["recipes"]), files)
        _check_weights(("networks", name), network, files)
    for name, experiment in config["experiments"].items():
        _check_experiment(("experiments", name), experiment, config, families, members, files)
    for name, audit in config["audits"].items():
        _check_audit(("audits", name), audit, files)
    for index, name in enumerate(config["active_audits"]):
        _check_name(("active_audits", index), name, "audits", list(config["audits"]), files)
    for index, name in enumerate(config["active_experiments"]):
        _check_name(("active_experiments", index), name, "experiments", list(config["experiments"]), files)


def _check_name(path: KeyPath, name: str, registry: str, known: Sequence[str], files: ConfigSources) -> None:
    if name not in known:
        reject(path, f"is '{name}', which is not in {registry}{suggestion(name, known)}", files)


def _check_labels(path: KeyPath, catalog: Mapping[str, Any], files: ConfigSources) -> None:
    for value, name in catalog.get("label_values", {}).items():
        _check_name((*path, "label_values", value), name, f"{path[0]}.{path[1]}.classes", catalog["classes"], files)
    if catalog.get("label_values") and "label" not in catalog["columns"]:
        reject((*path, "label_values"), "needs the label column, expected columns.label", files)
    _check_votes(path, catalog, files)


def _check_votes(path: KeyPath, catalog: Mapping[str, Any], files: ConfigSources) -> None:
    votes = catalog.get("label_votes")
    if not votes:
        return
    for name, thresholds in votes.items():
        known = f"{path[0]}.{path[1]}.classes"
        _check_name((*path, "label_votes", name), name, known, catalog["classes"], files)
        if not thresholds:
            reject((*path, "label_votes", name), "is empty, expected columns and smallest values", files)
    missing = [name for name in catalog["classes"] if name not in votes]
    if missing:
        reject((*path, "label_votes"), f"lacks the class '{missing[0]}'", files)
    if "label" in catalog["columns"]:
        reject((*path, "label_votes"), "is given beside columns.label, expected one of them", files)


def _check_rows_of_service(path: KeyPath, catalog: Mapping[str, Any], files: ConfigSources) -> None:
    if "url" not in catalog:
        return
    parts = urlsplit(catalog["url"])
    if parts.scheme not in ("http", "https") or not parts.hostname:
        reject((*path, "url"), f"is '{catalog['url']}', expected an address with http:// or https://", files)
    if catalog["source"] == "url":
        if not re.fullmatch(r"[0-9a-fA-F]{64}", catalog["sha256"]):
            reject((*path, "sha256"), f"is '{catalog['sha256']}', expected 64 hex digits", files)
        if not (catalog["format"] or table_suffix(catalog["url"])):
            reject((*path, "format"), "is null, and the address does not tell it either", files)
    if catalog["source"] == "skyserver":
        if bool(catalog["query"]) == bool(catalog["sql"]):
            found = "both query and sql" if catalog["query"] else "neither query nor sql"
            reject(path, f"has {found}, expected one of them", files)
        if bool(catalog["sql"]) != bool(catalog["key"]):
            reject((*path, "key"), "is expected with sql, and only with it", files)
    if catalog.get("key") and not re.fullmatch(r"[A-Za-z]\w*", catalog["key"], re.ASCII):
        reject((*path, "key"), f"is '{catalog['key']}', expected a letter followed by letters, digits or _", files)


def table_suffix(url: str) -> str:
    """What the last part of an address ends with where that tells the format of a table, `.csv.gz`; else ''."""
    return format_suffix(urlsplit(url).path.rsplit("/", 1)[-1])


def _check_weights(path: KeyPath, network: Mapping[str, Any], files: ConfigSources) -> None:
    from_file = network["architecture"] == "file"
    if from_file and not network["path"]:
        reject((*path, "path"), "is null, expected the model file of architecture: file", files)
    if network["mode"] == "annotate" and not from_file:
        reject(
            (*path, "architecture"),
            f"is '{network['architecture']}', expected file with mode: annotate (a finished model)",
            files,
        )
    if network["path"] and not from_file:
        reject(
            (*path, "path"), f"is given for architecture {network['architecture']}, expected it for file only", files
        )
    if network["mode"] == "train" and (from_file or network["weights"]):
        reject(
            (*path, "mode"),
            "is 'train', which starts from random weights, expected fine_tune (or annotate) with a given file",
            files,
        )
    if network["weights"] and not network["weights"].endswith(".weights.h5"):
        reject((*path, "weights"), f"is '{network['weights']}', expected a Keras file named *.weights.h5", files)
    if network["mode"] == "fine_tune" and not (network["weights"] or from_file):
        reject(path, "has mode: fine_tune, expected weights or architecture: file to start from", files)


def _check_audit(path: KeyPath, audit: Mapping[str, Any], files: ConfigSources) -> None:
    if audit["compare"] and len(audit["label"]) > 1:
        reject((*path, "label"), f"names {len(audit['label'])} columns, expected one with the key compare", files)


def _check_service(path: KeyPath, survey: Mapping[str, Any], catalog: Mapping[str, Any], files: ConfigSources) -> None:
    """Raise `InputError` for URLs that are none, two kinds of coverage, a scale that the catalog has not, or what
    the kind of survey cannot give.
    """
    scale = survey.get("cutout", {}).get("pixel_scale_arcsec")
    columns = list(catalog.get("columns", _SIMULATED_COVARIATES))
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


def _check_experiment(
    path: KeyPath,
    experiment: Mapping[str, Any],
    config: Mapping[str, Any],
    families: Mapping[str, list[str]],
    members: Sequence[str],
    files: ConfigSources,
) -> None:
    _check_name((*path, "survey"), experiment["survey"], "surveys", list(config["surveys"]), files)
    for name, arm in experiment["arms"].items():
        here = (*path, "arms", name)
        for index, footprint in enumerate(arm["footprints"]):
            _check_name((*here, "footprints", index), footprint, "footprints", [*families, *members], files)
        for index, network in enumerate(arm["networks"]):
            _check_name((*here, "networks", index), network, "networks", list(config["networks"]), files)
        if arm["combine"] == "paired" and len(arm["resamples"]) != len(arm["seeds"]):
            found = f"{len(arm['resamples'])} resamples and {len(arm['seeds'])} seeds"
            reject(here, f"has {found}, expected as many of one as of the other with combine: paired", files)
    used = list(dict.fromkeys(run.footprint for run in runs_of_experiment(experiment, families)))
    for index, pair in enumerate(experiment["opposite"]):
        for side, footprint in enumerate(pair):
            if footprint in families:
                reject(
                    (*path, "opposite", index, side),
                    f"is the family '{footprint}', expected one footprint, for example {families[footprint][0]}",
                    files,
                )
            _check_name((*path, "opposite", index, side), footprint, f"the arms of {path[1]}", used, files)
