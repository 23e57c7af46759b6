"""The remedies of an experiment as footprints, networks and recipes that follow from its own.

A remedy repeats the runs of the experiment, each with the same number of the training set and the same seed, on other
footprints or by other networks. These are entries like any others, under names that hold all that can change them, so
that no rule but those that score remedies knows of them.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from workflow_scripts.catalogs.formats import SIMULATED_COLUMNS
from workflow_scripts.catalogs.seeing_columns import SEEING_COLUMN
from workflow_scripts.configuration.control_runs import added_entries
from workflow_scripts.configuration.counterfactual_versions import check_common, version_name
from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.configuration.program_networks import is_program
from workflow_scripts.configuration.schema import complete, resolve
from workflow_scripts.configuration.sources import ConfigError, KeyPath

Entry = dict[str, Any]

REMEDIES = (
    *("mixed_sky", "matched_imaging", "homogenised", "degraded", "equivariant", "aligned", "strata"),
    *("ensemble", "templates", "prediction_powered"),
)
# Computed from the annotations that the experiment has.
AFTER_THE_FACT = ("ensemble", "templates", "prediction_powered")
# Those that change how a network is trained, which a program decides by itself.
_OF_KERAS = ("degraded", "equivariant", "aligned")
# Columns of a catalog that describe the imaging of a galaxy.
_IMAGING_COLUMNS = (SEEING_COLUMN, "depth_mag", "ebv")
# Bins of matched imaging: wide, because they multiply those of the other covariates.
_IMAGING_BINS: Mapping[str, Any] = {SEEING_COLUMN: {"log10": 0.1}, "depth_mag": 0.5}
# Cells of 29 degrees, 20 galaxies a class in each of the default training sets.
_NSIDE = 2
_COMMON = ["seeing", "noise"]
_UNLABELLED = "_everywhere"


def remedies_of(
    name: str, experiment: Mapping[str, Any], config: dict[str, Any], footprints: dict[str, Entry]
) -> list[Entry]:
    """The remedies that an experiment tries; what they need is added to `config` and `footprints`.

    Parameters
    ----------
    name, experiment
        a valid entry, the arms of which list members in place of families.
    config
        the completed configuration, to whose `networks` and `recipes` entries are added.
    footprints
        all footprints, as `expand_footprints` gives them. Those added may have more keys: `stratified`, the HEALPix
        nside of cells that give equal numbers of galaxies; `turns`, as those of placebos; `stratum`, of galaxies in the
        region one `number` of two by their imaging `columns`, with that of every member as `strata` of the family.

    Returns
    -------
    list of dict
        in a fixed order: `remedy, survey`; `footprints` and `networks`, the name in the remedy by the experiment's own.
        Strata have `strata`, both footprints by the experiment's own, and `propensities`, by the latter what
        `imaging_strata.stratum_of` needs; `footprints` then has the first.

    Raises
    ------
    ConfigError
        for a remedy that the catalog or the networks do not allow.
    """
    path: KeyPath = ("experiments", name, "remedies")
    asked = [one for one in REMEDIES if one in experiment["remedies"]]
    if asked and experiment["annotations"]:
        raise ConfigError(path, "needs networks that are trained here, expected it without annotations that exist")
    own = {
        key: list(dict.fromkeys(one for _, arm in sorted(experiment["arms"].items()) for one in arm.get(key, [])))
        for key in ("footprints", "networks")
    }
    found = []
    for remedy in asked:
        here = (*path, experiment["remedies"].index(remedy))
        _check_networks(here, remedy, own["networks"], config)
        entry: Entry = {
            "remedy": remedy,
            "survey": experiment["survey"],
            **{key: {one: one for one in names} for key, names in own.items()},
        }
        drawn = [footprints[one] for one in own["footprints"]]
        if remedy == "mixed_sky":
            entry["footprints"] = added_entries(_mixed(drawn), footprints, "footprints", here)
        elif remedy == "matched_imaging":
            columns = _imaging_columns(here, remedy, experiment["survey"], config, tuple(_IMAGING_BINS))
            entry["footprints"] = added_entries(_matched(drawn, columns), footprints, "footprints", here)
        elif remedy == "strata":
            columns = _imaging_columns(here, remedy, experiment["survey"], config, _IMAGING_COLUMNS)
            both = [
                added_entries(_stratum(drawn, columns, number), footprints, "footprints", here) for number in (1, 2)
            ]
            entry["footprints"] = both[0]
            entry["strata"] = {one: [names[one] for names in both] for one in own["footprints"]}
            entry["propensities"] = {
                one["name"]: {"name": one["name"], "region": one["region"], "stratum": {"columns": columns}}
                for one in drawn
            }
        elif remedy not in AFTER_THE_FACT:
            if remedy == "homogenised":
                for one in _COMMON:
                    check_common(here, remedy, one, experiment["survey"], config)
            if remedy == "degraded":
                for one in own["networks"]:
                    _check_degrading(here, remedy, config["networks"][one], experiment["survey"], config)
            made = {one: _TREATED[remedy](one, config["networks"][one]) for one in own["networks"]}
            if remedy == "homogenised":
                _add_recipes(made, config, here)
            entry["networks"] = added_entries(made, config["networks"], "networks", here)
        found.append(entry)
    return found


def check_training_images(name: str, experiment: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for networks of an experiment, or of its remedies, that its images do not allow."""
    used = [network for arm in experiment["arms"].values() for network in arm["networks"]]
    used += [network for remedy in experiment["remedies"] for network in remedy["networks"].values()]
    for network in dict.fromkeys(used):
        entry, path = config["networks"][network], ("networks", network)
        if {"average", "mirror_average"} <= entry.keys():
            raise ConfigError(path, "has average and mirror_average, expected one of them")
        degrades = entry.get("augmentation", {}).get("degrade")
        if entry.get("mode") == "annotate" and (degrades or "alignment" in entry):
            key = ("augmentation", "degrade") if degrades else ("alignment",)
            raise ConfigError((*path, *key), "is given with mode: annotate, which trains nothing")
        if degrades:
            _check_degrading((*path, "augmentation", "degrade"), "on", entry, experiment["survey"], config)


def _check_degrading(path: KeyPath, what: str, network: Entry, survey: str, config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for a network that degrades images: it needs the seeing of each, and arcsec a pixel."""
    recipe = network["recipe"]
    if "seeing" in config["recipes"][recipe].get("common", []):
        problem = f"is {what}, but recipes.{recipe} makes the seeing of all images common; expected one of them"
        raise ConfigError(path, problem)
    _imaging_columns(path, what, survey, config, (SEEING_COLUMN,))
    if not isinstance(config["surveys"][survey].get("cutout", {}).get("pixel_scale_arcsec"), float):
        problem = f"is {what}, which needs images of one scale: expected a number for surveys.{survey}"
        raise ConfigError(path, f"{problem}, pixel_scale_arcsec")


def add_unlabelled(experiments: Mapping[str, Any], config: Mapping[str, Any], footprints: dict[str, Entry]) -> None:
    """Add, for every footprint on which networks with `alignment` are trained, one of galaxies from the whole sky.

    Of `experiments` as `Configuration` has them, with their controls and remedies.
    """
    for experiment in experiments.values():
        groups = [experiment, *experiment["controls"].values()]
        own = {
            (footprint, network)
            for group in groups
            for arm in group["arms"].values()
            for footprint in arm["footprints"]
            for network in arm["networks"]
        }
        treated = {
            (remedy["footprints"].get(footprint, footprint), remedy["networks"].get(network, network))
            for remedy in experiment["remedies"]
            for footprint, network in own
        }
        aligned = {one for one, network in own | treated if config["networks"].get(network, {}).get("alignment")}
        for footprint in sorted(aligned):
            entry = footprints[footprint]
            # Their labels are not read: that other sets have some of these galaxies, too, does not matter.
            alone = {**entry["matching"], "disjoint": False, "shortfall": "redistribute"}
            made = {
                "region": {"whole_sky": True},
                "matching": alone,
                "family": None,
                "axis": None,
                "stratified": _NSIDE,
            }
            kept = {key: entry[key] for key in ("shuffled",) if key in entry}
            own_name = unlabelled_footprint(footprint)
            added_entries({footprint: {"name": own_name, **made, **kept}}, footprints, "footprints", ("footprints",))


def unlabelled_footprint(footprint: str) -> str:
    """Name of the footprint whose training sets are the unlabelled galaxies beside those of another."""
    return f"{footprint}{_UNLABELLED}"


def _check_networks(path: KeyPath, remedy: str, names: list[str], config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for networks that a remedy would train, or change, and cannot."""
    for name in names:
        network = config["networks"][name]
        if remedy in _OF_KERAS and is_program(network):
            raise ConfigError(path, f"is {remedy}, which needs Keras networks, but networks.{name} is a program")
        trained = remedy not in ("equivariant", *AFTER_THE_FACT)
        if trained and network.get("mode") == "annotate":
            raise ConfigError(path, f"is {remedy}, which would train the network '{name}', which is finished")
        if remedy == "homogenised" and config["recipes"][network["recipe"]].get("common"):
            problem = f"is homogenised, but networks.{name} has the recipe {network['recipe']}"
            raise ConfigError(path, f"{problem}, expected one without the key common")
        if remedy == "equivariant" and "average" in network:
            raise ConfigError(path, f"is equivariant, but networks.{name} has the key average already")
        if remedy == "aligned" and "alignment" in network:
            raise ConfigError(path, f"is aligned, but networks.{name} has the key alignment already")
        if remedy == "degraded" and network["augmentation"].get("degrade"):
            raise ConfigError(path, f"is degraded, but networks.{name} has augmentation.degrade already")


def _imaging_columns(
    path: KeyPath, what: str, survey: str, config: Mapping[str, Any], wanted: tuple[str, ...]
) -> list[str]:
    """Those of some columns that a survey's catalog has; raises `ConfigError` where there is none."""
    catalog = config["surveys"][survey]["catalog"]
    columns = config["catalogs"][catalog].get("columns")
    found = [one for one in wanted if one in (SIMULATED_COLUMNS if columns is None else columns)]
    if not found:
        raise ConfigError(path, f"is {what}, expected {' or '.join(wanted)} in catalogs.{catalog}.columns")
    return found


def _mixed(drawn: list[Entry]) -> dict[str, Entry]:
    """Each footprint with galaxies from all of them, in equal numbers from every cell of the sky.

    As in the experiment, members of a family share the galaxies out; the others with one matching take them in turn.
    """
    region = _together([entry["region"] for entry in drawn])
    alone = sorted(entry["name"] for entry in drawn if not entry["family"])
    of_matching: dict[str, list[str]] = {}
    matchings = {entry["name"]: as_parameter(entry["matching"]) for entry in drawn}
    for name in alone:
        of_matching.setdefault(matchings[name], []).append(name)
    made = {}
    for entry in drawn:
        group = of_matching[matchings[entry["name"]]] if not entry["family"] else [entry["name"]]
        suffix = "_mixed" if region == {"whole_sky": True} else f"_mixed_{_digest(region)}"
        mixed = {**entry, "region": region, "stratified": _NSIDE, "matching": _redistributed(entry)}
        if family := entry["family"]:
            regions = [region] * len(family["regions"])
            mixed["family"] = {**family, "name": f"{family['name']}{suffix}", "regions": regions}
        elif len(group) > 1:
            suffix += f"_with_{_digest([one for one in group if one != entry['name']])}"
            turns = f"{_digest(group)}{suffix.partition('_with_')[0]}"
            mixed["turns"] = {"name": turns, "member": group.index(entry["name"]), "of": len(group)}
        made[entry["name"]] = {**mixed, "name": f"{entry['name']}{suffix}"}
    return made


def _together(regions: list[Entry]) -> Entry:
    """The region that several cover."""
    distinct = [json.loads(text) for text in sorted({as_parameter(region) for region in regions})]
    hemispheres = [one["hemisphere"] for one in distinct if "hemisphere" in one]
    opposite = any(
        (one["ra"] - other["ra"]) % 360 == 180 and one["dec"] == -other["dec"]
        for one in hemispheres
        for other in hemispheres
    )
    if opposite or any("whole_sky" in one for one in distinct):
        return {"whole_sky": True}
    return distinct[0] if len(distinct) == 1 else {"union": distinct}


def _matched(drawn: list[Entry], columns: list[str]) -> dict[str, Entry]:
    """Each footprint with galaxies that are matched in their imaging, too."""
    bins = {column: _IMAGING_BINS[column] for column in columns}
    made = {}
    for entry in drawn:
        matching = _redistributed(entry)
        matching["bins"] = {**bins, **(matching["bins"] or {})}
        made[entry["name"]] = _renamed(entry, "_matched", {"matching": matching})
    return made


def _stratum(drawn: list[Entry], columns: list[str], number: int) -> dict[str, Entry]:
    """Each footprint with those of its galaxies that are in one stratum of the imaging."""
    made = {}
    for entry in drawn:
        stratum = {"number": number, "columns": columns}
        strata = _renamed(entry, f"_stratum{number}", {"matching": _redistributed(entry), "stratum": stratum})
        if family := entry["family"]:
            # No two networks of different members see one galaxy, in whichever strata.
            count = len(family["regions"])
            strata["family"] = {
                "name": f"{family['name']}_strata",
                "member": family["member"] + (number - 1) * count,
                "regions": family["regions"] * 2,
                "strata": [1] * count + [2] * count,
            }
        made[entry["name"]] = strata
    return made


def _renamed(entry: Entry, suffix: str, changes: Entry) -> Entry:
    family = entry["family"] and {**entry["family"], "name": f"{entry['family']['name']}{suffix}"}
    return {**entry, "name": f"{entry['name']}{suffix}", "family": family, **changes}


def _redistributed(entry: Entry) -> Entry:
    """The matching of a footprint; more cells than it has cannot all be filled."""
    return {**entry["matching"], "shortfall": "redistribute"}


def _digest(value: Any) -> str:
    return hashlib.sha256(as_parameter(value).encode()).hexdigest()[:8]


def _homogenised(name: str, network: Entry) -> Entry:
    return {**network, "name": f"{name}_homogenised", "recipe": version_name(network["recipe"], _COMMON)}


def _degraded(name: str, network: Entry) -> Entry:
    return {**network, "name": f"{name}_degraded", "augmentation": {**network["augmentation"], "degrade": True}}


def _equivariant(name: str, network: Entry) -> Entry:
    """The models of a network as they are: it is a version of that."""
    kept = {key: value for key, value in network.items() if key != "mirror_average"}
    return {**kept, "name": f"{name}_orientations", "average": "orientations", "version_of": name}


def _aligned(name: str, network: Entry) -> Entry:
    default = complete({}, resolve("#/$defs/network")["properties"]["alignment"])
    return {**network, "name": f"{name}_aligned", "alignment": default}


_TREATED: Mapping[str, Callable[[str, Entry], Entry]] = {
    "homogenised": _homogenised,
    "degraded": _degraded,
    "equivariant": _equivariant,
    "aligned": _aligned,
}


def _add_recipes(made: Mapping[str, Entry], config: dict[str, Any], path: KeyPath) -> None:
    """Add the recipes of homogenised networks, the same that versions of the annotated images have."""
    for name, network in made.items():
        recipe = {**config["recipes"][config["networks"][name]["recipe"]], "common": _COMMON}
        added_entries({name: {**recipe, "name": network["recipe"]}}, config["recipes"], "recipes", path)
