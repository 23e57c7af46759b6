"""Experiments on annotations that exist: a table for each run, in place of a survey and networks that are trained."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_scripts.configuration.run_patterns import check_pattern, file_of_run, files_of_runs_by_pattern
from workflow_scripts.configuration.sources import ConfigError, KeyPath
from workflow_scripts.configuration.validation import check_name, validated
from workflow_scripts.runs import runs_of_experiment

if TYPE_CHECKING:
    # The configuration itself imports this module.
    from workflow_scripts.configuration.settings import Configuration

Entry = dict[str, Any]

# The network of arms that name none.
_UNNAMED_NETWORK = "classifier"
# The column of classes, where neither it nor scores are named.
_LABEL = "label"
# What the table of an experiment's first run is read as, where the experiment names no catalog.
_OF_POSITIONS = ("format", "hdu", "position_unit", "frame")


def check_annotations(path: KeyPath, experiment: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for keys of an experiment on given annotations that do not go together, and for its path."""
    given = experiment["annotations"]
    if experiment["survey"]:
        raise ConfigError(path, "has survey and annotations, expected one of them")
    if experiment["catalog"]:
        check_name((*path, "catalog"), experiment["catalog"], "catalogs", config["catalogs"])
        if given["classes"]:
            where = (*path, "annotations", "classes")
            raise ConfigError(where, f"is given beside catalog, expected catalogs.{experiment['catalog']}.classes")
    controls = experiment["controls"]
    if on := [kind for kind in ("placebo", "shuffled_sky", "dose") if controls[kind]]:
        raise ConfigError(
            (*path, "controls", on[0]), "would train networks, which an experiment with annotations has not"
        )
    if experiment["why"]["probe"]:
        raise ConfigError(
            (*path, "why", "probe"), "would train and read networks, which an experiment with annotations has not"
        )
    if experiment["correction"] and not experiment["catalog"]:
        raise ConfigError(
            (*path, "correction"), "needs imaging or reference labels, expected the key catalog beside annotations"
        )
    if not given["score"] and (of_scores := [one for one in experiment["tests"]["primary"] if "score" in one]):
        raise ConfigError(
            (*path, "tests", "primary"), f"has {of_scores[0]}, expected the key score in annotations for it"
        )
    classes, scores = classes_of_annotations(experiment, config), given["score"]
    by_class = isinstance(scores, Mapping)
    if scores and (by_class != (len(classes) > 2) or (by_class and set(scores) != set(classes))):
        expected = f"a column for each class ({', '.join(classes)})" if len(classes) > 2 else "one column"
        found = f"has columns for {', '.join(scores)}" if by_class else f"is '{scores}'"
        raise ConfigError((*path, "annotations", "score"), f"{found}, expected {expected}")
    check_pattern((*path, "annotations", "path"), given["path"])
    for name, arm in experiment["arms"].items():
        for index, network in enumerate(arm.get("networks", [])):
            if not re.fullmatch(r"[A-Za-z]\w*", network, re.ASCII):
                problem = f"is '{network}', expected a letter followed by letters, digits or _"
                raise ConfigError((*path, "arms", name, "networks", index), problem)


def classes_of_annotations(experiment: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """The classes of given annotations: those of the catalog, those that are named, or the default ones."""
    if experiment["catalog"]:
        found: list[str] = config["catalogs"][experiment["catalog"]]["classes"]
        return found
    return experiment["annotations"]["classes"] or _catalog_of(experiment["annotations"], "table")["classes"]


def complete_experiment(name: str, experiment: Entry, catalogs: dict[str, Entry]) -> None:
    """Fill in the networks and the catalog of an experiment on given annotations, whose arms list members of families.

    Without a catalog, the table of the first run is one, `NAME_annotated`, which is added to `catalogs`. Raises
    `ConfigError` where two runs have one table.
    """
    for arm in experiment["arms"].values():
        arm.setdefault("networks", [_UNNAMED_NETWORK])
    experiment["controls"] = {}
    given = experiment["annotations"]
    if not (given["label"] or given["score"]):
        given["label"] = _LABEL
    path = ("experiments", name, "annotations", "path")
    files = files_of_runs_by_pattern(path, experiment["annotations"]["path"], runs_of_experiment(experiment))
    if experiment["catalog"] is None:
        catalog = f"{name}_annotated"
        if catalog in catalogs:
            problem = f"would make a catalog called {catalog}, a name that is taken; expected another name"
            raise ConfigError(("experiments", name), problem)
        catalogs[catalog] = _catalog_of(experiment["annotations"], files[0])
        experiment["catalog"] = catalog


def _catalog_of(given: Mapping[str, Any], table: str) -> Entry:
    """The catalog that a table of annotations is: all its galaxies, at their positions."""
    named = {key: given[key] for key in ("source_id", "ra", "dec") if given[key]}
    entry = {"source": "file", "path": table, "columns": named, **{key: given[key] for key in _OF_POSITIONS}}
    entry |= {"hygiene": {"radius_arcsec": 0, "on_problem": "fatal"}, "split": {"radius_arcsec": 0}}
    entry |= {"classes": given["classes"]} if given["classes"] else {}
    whole = {"active_experiments": [], "experiments": {}, "surveys": {}, "catalogs": {"table": entry}}
    completed: Entry = validated(whole)["catalogs"]["table"]
    return completed


def given_table(settings: "Configuration", experiment: str, run: Mapping[str, Any]) -> str:
    """The user's table with the annotations of a run: `footprint`, `network`, `resample` and `seed`."""
    return file_of_run(settings.experiment(experiment)["annotations"]["path"], run)


def given_tables(settings: "Configuration", experiment: str) -> list[str]:
    """The tables of all runs of an experiment, in their order; none where its networks are trained here."""
    runs = [] if settings.trains(experiment) else settings.runs(experiment)
    return [given_table(settings, experiment, vars(run)) for run in runs]


def collection_parameter(settings: "Configuration", experiment: str) -> Entry:
    """How the tables of an experiment are read: what `read_given_annotations` needs."""
    given, catalog = settings.experiment(experiment)["annotations"], settings.catalog(settings.catalog_of(experiment))
    kept = ("format", "hdu", "source_id", "label", "score", "threshold", "label_values", "others")
    # Of a sample of the catalog, or of its labelled galaxies, the tables have more galaxies.
    others = "drop" if catalog["sample"] or catalog.get("unlabelled") == "drop" else given["others"]
    return {**{key: given[key] for key in kept}, "others": others, "classes": catalog["classes"]}
