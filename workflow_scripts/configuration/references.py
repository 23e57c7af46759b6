"""What the schema cannot check: names that one part of the configuration uses and another defines, and keys that only
make sense together.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from workflow_scripts.catalogs.formats import format_suffix
from workflow_scripts.catalogs.number_ranges import NumberRange, problem_of_ranges
from workflow_scripts.configuration.counterfactual_versions import check_common
from workflow_scripts.configuration.expansion import check_one_footprint
from workflow_scripts.configuration.given_annotations import check_annotations, classes_of_annotations
from workflow_scripts.configuration.program_networks import is_program
from workflow_scripts.configuration.run_patterns import check_pattern, is_pattern
from workflow_scripts.configuration.sources import ConfigError, KeyPath
from workflow_scripts.configuration.validation import check_name, suggestion
from workflow_scripts.errors import InputError
from workflow_scripts.http_services.addresses import AddressGuard
from workflow_scripts.surveys.name_patterns import DEFAULT_FILE_COLUMN, pattern_columns
from workflow_scripts.surveys.registry import kind_of

# Columns that are numbers in a simulated catalog.
_SIMULATED_COVARIATES = ("magnitude", "radius_arcsec", "redshift")


def check_references(
    config: Mapping[str, Any], families: Mapping[str, list[str]], members: Mapping[str, Mapping[str, Any]]
) -> None:
    """Check every name outside `footprints`, whose own references `expand_footprints` checks.

    Parameters
    ----------
    config
        The completed configuration.
    families
        Names of the members of every family, by the family's name.
    members
        All footprints by name, as `expand_footprints` gives them.

    Raises
    ------
    ConfigError
        for a name that does not exist, or that cannot be used where it stands.
    """
    for name, catalog in config["catalogs"].items():
        _check_labels(("catalogs", name), catalog)
        _check_two_classes(("catalogs", name), catalog)
        _check_addresses(("catalogs", name), catalog)
        _check_rows_of_service(("catalogs", name), catalog)
    for name, survey in config["surveys"].items():
        path = ("surveys", name, "catalog")
        check_name(path, survey["catalog"], "catalogs", config["catalogs"])
        source = kind_of(survey).catalog_source
        if source and config["catalogs"][survey["catalog"]]["source"] != source:
            raise ConfigError(path, f"is '{survey['catalog']}', expected a catalog with source: {source}")
        _check_addresses(("surveys", name), survey)
        _check_service(("surveys", name), survey, config["catalogs"][survey["catalog"]])
    for name, network in config["networks"].items():
        check_name(("networks", name, "recipe"), network["recipe"], "recipes", config["recipes"])
        if not is_program(network):
            _check_weights(("networks", name), network)
    for name, experiment in config["experiments"].items():
        _check_experiment(("experiments", name), experiment, config, families, members)
    for name, audit in config["audits"].items():
        if audit["compare"] and len(audit["label"]) > 1:
            problem = f"names {len(audit['label'])} columns, expected one with the key compare"
            raise ConfigError(("audits", name, "label"), problem)
    _check_names(("active_audits",), config["active_audits"], "audits", config["audits"])
    _check_names(("active_experiments",), config["active_experiments"], "experiments", config["experiments"])


def _check_names(path: KeyPath, names: Sequence[str], registry: str, known: Collection[str]) -> None:
    for index, name in enumerate(names):
        check_name((*path, index), name, registry, known)


def _check_two_classes(path: KeyPath, catalog: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for what two classes alone can have, and for a simulated sky of other classes than it has."""
    n_classes = len(catalog["classes"])
    if catalog["mirror"] != "unchanged" and n_classes > 2:
        problem = f"is {catalog['mirror']} with {n_classes} classes, expected two classes that are mirror images"
        raise ConfigError((*path, "mirror"), problem)
    if catalog["source"] == "simulated":
        drawn = 3 if "edge_on_fraction" in catalog["galaxies"] else 2
        if n_classes != drawn:
            expected = f"the {drawn} of the simulated sky (galaxies.edge_on_fraction makes a third)"
            raise ConfigError((*path, "classes"), f"has {n_classes} classes, expected {expected}")


def _check_labels(path: KeyPath, catalog: Mapping[str, Any]) -> None:
    known = f"{path[0]}.{path[1]}.classes"
    values = catalog.get("label_values", {})
    # Of numbers, classes have ranges.
    if not any(name in catalog["classes"] for name in values.values()) and values.keys() & set(catalog["classes"]):
        for name, text in values.items():
            check_name((*path, "label_values"), name, known, catalog["classes"])
            if NumberRange.of(text) is None:
                raise ConfigError(
                    (*path, "label_values", name), f"is '{text}', expected a range such as '>= 1 and < 9'"
                )
        if problem := problem_of_ranges([found for text in values.values() if (found := NumberRange.of(text))]):
            raise ConfigError((*path, "label_values"), f"has ranges that make no classes: {problem}")
        _check_every_class((*path, "label_values"), values, catalog["classes"])
        values = {}
    for value, name in values.items():
        check_name((*path, "label_values", value), name, known, catalog["classes"])
    if catalog.get("label_values") and "label" not in catalog["columns"]:
        raise ConfigError((*path, "label_values"), "needs the label column, expected columns.label")
    votes = catalog.get("label_votes")
    if catalog.get("unlabelled") == "drop" and not votes and "label" not in catalog["columns"]:
        raise ConfigError((*path, "unlabelled"), "is 'drop', which needs labels, expected columns.label or label_votes")
    if not votes:
        return
    for name in votes:
        check_name((*path, "label_votes", name), name, known, catalog["classes"])
    _check_every_class((*path, "label_votes"), votes, catalog["classes"])
    if "label" in catalog["columns"]:
        raise ConfigError((*path, "label_votes"), "is given beside columns.label, expected one of them")


def _check_every_class(path: KeyPath, given: Collection[str], classes: Sequence[str]) -> None:
    if missing := [name for name in classes if name not in given]:
        raise ConfigError(path, f"lacks the class '{missing[0]}'")


def _check_addresses(path: KeyPath, entry: Mapping[str, Any]) -> None:
    for key in ("url", "names_url", "urls"):
        given = entry.get(key, [])
        for url in [given] if isinstance(given, str) else given:
            try:
                AddressGuard(url)
            except InputError:
                problem = f"is '{url}', expected an address with http:// or https://"
                raise ConfigError((*path, key), problem) from None


def _check_rows_of_service(path: KeyPath, catalog: Mapping[str, Any]) -> None:
    if catalog["source"] == "url" and not (catalog["format"] or table_suffix(catalog["url"])):
        raise ConfigError((*path, "format"), "is null, and the address does not show it either")
    if catalog["source"] == "skyserver":
        if bool(catalog["query"]) == bool(catalog["sql"]):
            found = "both query and sql" if catalog["query"] else "neither query nor sql"
            raise ConfigError(path, f"has {found}, expected one of them")
        if bool(catalog["sql"]) != bool(catalog["key"]):
            raise ConfigError((*path, "key"), "is expected with sql, and only with it")


def table_suffix(url: str) -> str:
    """What the last part of an address ends with where that is the format of a table, `.csv.gz`; else ''."""
    return format_suffix(urlsplit(url).path.rsplit("/", 1)[-1])


def _check_weights(path: KeyPath, network: Mapping[str, Any]) -> None:
    architecture, mode = network["architecture"], network["mode"]
    from_file = architecture == "file"
    if from_file and not network["path"]:
        raise ConfigError((*path, "path"), "is null, expected the model file of architecture: file")
    if mode == "annotate" and not from_file:
        problem = f"is '{architecture}', expected file with mode: annotate (a finished model)"
        raise ConfigError((*path, "architecture"), problem)
    if network["path"] and not from_file:
        raise ConfigError((*path, "path"), f"is given for architecture {architecture}, expected it for file only")
    if mode == "train" and (from_file or network["weights"]):
        others = "annotate, or from_scratch for new weights" if from_file else "annotate"
        problem = f"is 'train', which starts from random weights, expected fine_tune (or {others}) with a given file"
        raise ConfigError((*path, "mode"), problem)
    if network["weights"] and from_file:
        raise ConfigError(
            (*path, "weights"), "is given beside path, expected one of them: a model file has its weights"
        )
    if mode == "from_scratch" and not from_file:
        raise ConfigError((*path, "mode"), "is 'from_scratch', expected train for an architecture that is not a file")
    if "trainable" in network and mode != "fine_tune":
        raise ConfigError((*path, "trainable"), f"is given with mode: {mode}, expected it with fine_tune only")
    for key in ("outputs", "input_range"):
        if key in network and not from_file:
            raise ConfigError((*path, key), f"is given for architecture {architecture}, expected it for file only")
    if is_pattern(network["path"]):
        if mode != "annotate":
            problem = f"is '{network['path']}' with mode: {mode}, expected a file for each run with annotate only"
            raise ConfigError((*path, "path"), problem)
        check_pattern((*path, "path"), network["path"])
    if mode == "fine_tune" and not (network["weights"] or from_file):
        raise ConfigError(path, "has mode: fine_tune, expected weights or architecture: file to start from")


def _check_service(path: KeyPath, survey: Mapping[str, Any], catalog: Mapping[str, Any]) -> None:
    """Raise `InputError` for two kinds of coverage, a scale that the catalog has not, or what the kind cannot give."""
    scale = survey.get("cutout", {}).get("pixel_scale_arcsec")
    columns = list(catalog.get("columns", _SIMULATED_COVARIATES))
    if isinstance(scale, Mapping) and scale["column"] not in columns:
        hint = suggestion(scale["column"], columns)
        where = (*path, "cutout", "pixel_scale_arcsec", "column")
        raise ConfigError(where, f"is '{scale['column']}', which the catalog '{survey['catalog']}' has not{hint}")
    coverage = survey.get("coverage")
    if coverage and ("moc" in coverage) == ("hips" in coverage):
        raise ConfigError((*path, "coverage"), "expected one of moc (a file) and hips (an id)")
    if found := kind_of(survey).problem(survey):
        keys, sentence = found
        raise ConfigError((*path, *keys), sentence)
    if survey["kind"] == "local":
        _check_file_names(path, survey, ["source_id", "ra", "dec", *columns])


def _check_file_names(path: KeyPath, survey: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Raise `InputError` for file names made of columns that the catalog has not; the default column may be absent."""
    try:
        wanted = pattern_columns(survey["file_pattern"])
    except InputError as error:
        raise ConfigError((*path, "file_pattern"), str(error)) from None
    missing = [("file_pattern", name) for name in wanted if name not in columns]
    if survey["file_column"] not in (DEFAULT_FILE_COLUMN, *columns):
        missing.append(("file_column", survey["file_column"]))
    for key, name in missing[:1]:
        problem = f"names the column '{name}', which the catalog '{survey['catalog']}' has not"
        raise ConfigError((*path, key), problem + suggestion(name, list(dict.fromkeys(columns))))


def _check_experiment(
    path: KeyPath,
    experiment: Mapping[str, Any],
    config: Mapping[str, Any],
    families: Mapping[str, list[str]],
    members: Mapping[str, Mapping[str, Any]],
) -> None:
    given = experiment["annotations"] is not None
    if given:
        check_annotations(path, experiment, config)
        of_labels = {"columns": {"label": "label"}, "label_values": experiment["annotations"]["label_values"]}
        _check_labels((*path, "annotations"), {**of_labels, "classes": classes_of_annotations(experiment, config)})
    elif experiment["survey"] is None:
        raise ConfigError(path, "lacks the key 'survey', or annotations that exist")
    elif experiment["catalog"]:
        raise ConfigError(
            (*path, "catalog"), "is given with a survey, which has one; expected it with annotations only"
        )
    else:
        check_name((*path, "survey"), experiment["survey"], "surveys", config["surveys"])
    used: dict[str, None] = {}
    for name, arm in sorted(experiment["arms"].items()):
        here = (*path, "arms", name)
        _check_names((*here, "footprints"), arm["footprints"], "footprints", [*families, *members])
        if not given:
            _check_trained(here, arm, config, families, members)
        if arm["combine"] == "paired" and len(arm["resamples"]) != len(arm["seeds"]):
            found = f"{len(arm['resamples'])} resamples and {len(arm['seeds'])} seeds"
            raise ConfigError(here, f"has {found}, expected as many of one as of the other with combine: paired")
        used |= dict.fromkeys(members_of_arm(arm, families))
    for index, pair in enumerate(experiment["opposite"]):
        for side, footprint in enumerate(pair):
            here = (*path, "opposite", index, side)
            check_one_footprint(here, footprint, families)
            check_name(here, footprint, f"the arms of {path[1]}", used)


def _check_trained(
    path: KeyPath,
    arm: Mapping[str, Any],
    config: Mapping[str, Any],
    families: Mapping[str, list[str]],
    members: Mapping[str, Mapping[str, Any]],
) -> None:
    """Raise `ConfigError` for an arm without networks, or on footprints from which no training set can be drawn."""
    if "networks" not in arm:
        raise ConfigError(path, "lacks the key 'networks'")
    _check_names((*path, "networks"), arm["networks"], "networks", config["networks"])
    for footprint in arm["footprints"]:
        member = members[families.get(footprint, [footprint])[0]]
        if lacking := [key for key in ("region", "matching") if member[key] is None]:
            owner = footprint if footprint in config["footprints"] else member["family"]["name"]
            problem = (
                f"lacks the key '{lacking[0]}', expected it where networks are trained ({'.'.join(map(str, path))})"
            )
            raise ConfigError(("footprints", owner), problem)


def check_images(name: str, experiment: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` where the survey's images have no one scale for a dose in arcsec, or no unit for a recipe."""
    survey = config["surveys"][experiment["survey"]]
    if "dose" in experiment["controls"] and not isinstance(survey.get("cutout", {}).get("pixel_scale_arcsec"), float):
        problem = f"needs images of one scale, expected a number for surveys.{experiment['survey']}, pixel_scale_arcsec"
        raise ConfigError(("experiments", name, "controls", "dose"), problem)
    for network in sorted({network for arm in experiment["arms"].values() for network in arm["networks"]}):
        recipe = config["networks"][network]["recipe"]
        for one in config["recipes"][recipe].get("common", []):
            check_common(("recipes", recipe, "common"), one, one, experiment["survey"], config)
        unit = config["recipes"][recipe]["stretch"]["unit"]
        if unit != "file" and not kind_of(survey).unit_is_known(survey):
            problem = f"is {unit}, but FITS of surveys.{experiment['survey']} are in the unit of its HiPS, expected"
            raise ConfigError(
                ("recipes", recipe, "stretch", "unit"), f"{problem} file, and black, white, softening in it"
            )


def members_of_arm(arm: Mapping[str, Any], families: Mapping[str, list[str]]) -> list[str]:
    """The footprints of an arm; families stand for all their members."""
    return [member for footprint in arm["footprints"] for member in families.get(footprint, [footprint])]
