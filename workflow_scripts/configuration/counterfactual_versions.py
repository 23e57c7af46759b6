"""Versions of the images, in each of which some properties of the imaging have a common value.

A version is a survey, recipe or network like any other, under a name that says what is common, so that no rule but the
one that measures shares knows of versions: a simulated survey is rendered anew, received images go through a recipe
that makes them alike. Where the annotated images alone are made alike, `version_of` names the survey, or network, whose
trained models annotate the version. Where networks are trained again on such images, a survey that is rendered anew has
`retrained_of`, the survey whose checked designs hold for it, too.
"""

from collections.abc import Mapping
from typing import Any

from workflow_scripts.catalogs.seeing_columns import SEEING_COLUMN
from workflow_scripts.configuration.sources import ConfigError, KeyPath
from workflow_scripts.surveys.simulated.sky_entry import PROPERTY_FIELDS

# In the order in which names and entries of versions list them.
_PROPERTIES = ("seeing", "noise", "background", "extinction")
# What can be made common in images as they were received.
_OF_RECEIVED_IMAGES = _PROPERTIES[:3]
_RETRAINED = "_retrained"

Entry = dict[str, Any]


def counterfactual_of(name: str, experiment: Mapping[str, Any], config: dict[str, Any]) -> Entry | None:
    """The versions that an experiment annotates, None for none; what they need is added to `config`.

    Parameters
    ----------
    name, experiment
        a valid entry, the arms of which list members in place of families.
    config
        the completed configuration, to whose `surveys`, `recipes` and `networks` entries are added.

    Returns
    -------
    dict
        `properties`, those that vary; `constant`, those asked about that do not; and `versions`, one a subset of the
        former: `common`, `survey`, and `networks`, the name in the version by the experiment's own. Version number v
        has property j in common where bit j of v is set. `retrained` likewise, of networks that are trained again;
        empty unless asked for.

    Raises
    ------
    ConfigError
        for annotations that exist, a property that these images cannot have in common, or finished models that would
        be trained again.
    """
    asked = [one for one in _PROPERTIES if one in experiment["why"]["counterfactual"]]
    path: KeyPath = ("experiments", name, "why", "counterfactual")
    retrain = experiment["why"]["retrain"]
    if not asked:
        if retrain:
            raise ConfigError((*path[:-1], "retrain"), "is true, expected properties in counterfactual beside it")
        return None
    if experiment["annotations"]:
        raise ConfigError(path, "needs images and trained networks, expected it without annotations that exist")
    survey = config["surveys"][experiment["survey"]]
    rendered = survey["kind"] == "simulated"
    if rendered:
        imaging = config["catalogs"][survey["catalog"]]["imaging"]
        varying = [one for one in asked if _varies(imaging, one) and one not in survey.get("common", [])]
    else:
        varying = asked
        for one in asked:
            check_common((*path, asked.index(one)), one, one, experiment["survey"], config)
    networks = sorted({network for arm in experiment["arms"].values() for network in arm["networks"]})
    for network in networks:
        # What is common to their images would be found anew in each version.
        if config["recipes"][config["networks"][network]["recipe"]].get("common"):
            recipe = config["networks"][network]["recipe"]
            raise ConfigError(path, f"needs recipes without the key common, but networks.{network} has {recipe}")
        if retrain and config["networks"][network].get("mode") == "annotate":
            problem = f"would train the network '{network}', which is finished"
            raise ConfigError((*path[:-1], "retrain"), f"{problem}; expected false")

    def versions(trained: bool) -> list[Entry]:
        made = []
        for number in range(2 ** len(varying)):
            common = [one for j, one in enumerate(varying) if number >> j & 1]
            version = {"common": common, "survey": experiment["survey"], "networks": {one: one for one in networks}}
            if common and rendered:
                version["survey"] = _rendered_anew(experiment["survey"], common, trained, config, path)
            elif common:
                version["networks"] = {one: _seeing_alike(one, common, trained, config, path) for one in networks}
            made.append(version)
        return made

    return {
        "properties": varying,
        "constant": [one for one in asked if one not in varying],
        "versions": versions(trained=False),
        "retrained": versions(trained=True) if retrain and varying else [],
    }


def version_name(name: str, common: list[str]) -> str:
    """Name of the survey, recipe or network that has these properties in common and else is `name`."""
    return f"{name}_common_{'_'.join(one for one in _PROPERTIES if one in common)}"


def check_common(path: KeyPath, what: str, one: str, survey: str, config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for a property in which the images of a survey cannot be made alike by a recipe.

    `what` is the value at `path` that asks for it.
    """
    if one not in _OF_RECEIVED_IMAGES:
        problem = f"is {what}, expected {', '.join(_OF_RECEIVED_IMAGES)} for images that are not rendered here"
        raise ConfigError(path, problem)
    catalog = config["surveys"][survey]["catalog"]
    entry = config["catalogs"][catalog]
    if one == "seeing" and entry["source"] != "simulated" and SEEING_COLUMN not in entry["columns"]:
        problem = f"is {what}, which needs the seeing of each galaxy: expected columns.{SEEING_COLUMN} in"
        raise ConfigError(path, f"{problem} catalogs.{catalog} (recipes.NAME.common: [noise, background] needs none)")


def _varies(imaging: Mapping[str, Any], one: str) -> bool:
    field = imaging[PROPERTY_FIELDS[one]]
    parts = (field[part]["amplitude"] for part in ("dipole", "step", "patches", "plane") if part in field)
    mean = field.get("level", field.get("ebv", 1.0))
    return mean != 0 and any(amplitude != 0 for amplitude in parts)


def _rendered_anew(survey: str, common: list[str], trained: bool, config: dict[str, Any], path: KeyPath) -> str:
    entry = config["surveys"][survey]
    together = [one for one in _PROPERTIES if one in (*common, *entry.get("common", []))]
    made = version_name(survey, common) + (_RETRAINED if trained else "")
    of = "retrained_of" if trained else "version_of"
    return _version(made, {**entry, "common": together, of: survey}, "surveys", config, path)


def _seeing_alike(network: str, common: list[str], trained: bool, config: dict[str, Any], path: KeyPath) -> str:
    entry = config["networks"][network]
    recipe = {**config["recipes"][entry["recipe"]], "common": common}
    alike = {**entry, "recipe": _version(version_name(entry["recipe"], common), recipe, "recipes", config, path)}
    made = version_name(network, common)
    if trained:
        return _version(f"{made}{_RETRAINED}", alike, "networks", config, path)
    return _version(made, {**alike, "version_of": network}, "networks", config, path)


def _version(made: str, entry: Entry, registry: str, config: dict[str, Any], path: KeyPath) -> str:
    """Add an entry under the name `made` of a version, which other experiments may have added before; that name."""
    if config[registry].setdefault(made, entry) != entry:
        raise ConfigError(path, f"makes {registry}.{made}, a name that is taken; expected another for that entry")
    return made
