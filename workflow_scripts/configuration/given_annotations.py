"""Experiments on annotations that exist: a table for each run, in place of a survey and networks that are trained."""

import re
from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

from workflow_scripts.configuration.sources import ConfigError, KeyPath
from workflow_scripts.configuration.validation import check_name, suggestion, validated
from workflow_scripts.runs import Run, runs_of_experiment

Entry = dict[str, Any]

# What stands in braces in the path of the annotations, and the width of a number (`{seed:02d}`).
_PLACEHOLDERS = ("footprint", "network", "resample", "seed")
_WIDTH = re.compile(r"0?\d{1,2}d?")
# The network of arms that name none.
_UNNAMED_NETWORK = "classifier"
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
    if not given["score"] and (of_scores := [one for one in experiment["tests"]["primary"] if "score" in one]):
        raise ConfigError(
            (*path, "tests", "primary"), f"has {of_scores[0]}, expected the key score in annotations for it"
        )
    _check_pattern((*path, "annotations", "path"), given["path"])
    for name, arm in experiment["arms"].items():
        for index, network in enumerate(arm.get("networks", [])):
            if not re.fullmatch(r"[A-Za-z]\w*", network, re.ASCII):
                problem = f"is '{network}', expected a letter followed by letters, digits or _"
                raise ConfigError((*path, "arms", name, "networks", index), problem)


def _check_pattern(path: KeyPath, pattern: str) -> None:
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError as error:
        raise ConfigError(path, f"is '{pattern}', which has a lone brace ({error})") from None
    for _, name, width, conversion in parts:
        if name is None:
            continue
        if name not in _PLACEHOLDERS:
            raise ConfigError(path, f"has '{{{name}}}'{suggestion(name, _PLACEHOLDERS)}")
        if conversion or (width and not (name in ("resample", "seed") and _WIDTH.fullmatch(width))):
            shown = f"{name}{'!' + conversion if conversion else ''}{':' + width if width else ''}"
            raise ConfigError(path, f"has '{{{shown}}}', expected '{{{name}}}', or for a number '{{seed:02d}}'")


def complete_experiment(name: str, experiment: Entry, catalogs: dict[str, Entry]) -> None:
    """Fill in the networks and the catalog of an experiment on given annotations, whose arms list members of families.

    Without a catalog, the table of the first run is one, `NAME_annotated`, which is added to `catalogs`. Raises
    `ConfigError` where two runs have one table.
    """
    for arm in experiment["arms"].values():
        arm.setdefault("networks", [_UNNAMED_NETWORK])
    experiment["controls"] = {}
    path = ("experiments", name, "annotations", "path")
    files: dict[str, Run] = {}
    for run in runs_of_experiment(experiment):
        file = annotation_file(experiment, vars(run))
        if other := files.get(file):
            differs = next(key for key in _PLACEHOLDERS if getattr(run, key) != getattr(other, key))
            problem = f"gives {other.run_id} and {run.run_id} one file, '{file}', expected '{{{differs}}}' in it"
            raise ConfigError(path, problem)
        files[file] = run
    if experiment["catalog"] is None:
        experiment["catalog"] = f"{name}_annotated"
        if experiment["catalog"] in catalogs:
            problem = (
                f"would make a catalog called {experiment['catalog']}, a name that is taken; expected another name"
            )
            raise ConfigError(("experiments", name), problem)
        catalogs[experiment["catalog"]] = _catalog_of(experiment["annotations"], next(iter(files)))


def _catalog_of(given: Mapping[str, Any], table: str) -> Entry:
    """The catalog that a table of annotations is: all its galaxies, at their positions."""
    named = {key: given[key] for key in ("source_id", "ra", "dec") if given[key]}
    entry = {"source": "file", "path": table, "columns": named, **{key: given[key] for key in _OF_POSITIONS}}
    entry |= {"hygiene": {"radius_arcsec": 0, "on_problem": "fatal"}, "split": {"radius_arcsec": 0}}
    entry |= {"classes": given["classes"]} if given["classes"] else {}
    whole = {"active_experiments": [], "experiments": {}, "surveys": {}, "catalogs": {"table": entry}}
    completed: Entry = validated(whole)["catalogs"]["table"]
    return completed


def annotation_file(experiment: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """The user's table with the annotations of a run: `footprint`, `network`, `resample` and `seed`."""
    pattern: str = experiment["annotations"]["path"]
    numbers = {key: int(run[key]) for key in ("resample", "seed")}
    return pattern.format(footprint=run["footprint"], network=run["network"], **numbers)


def annotation_files(experiment: Mapping[str, Any]) -> Iterator[str]:
    """The tables of all runs of an experiment, in their order."""
    return (annotation_file(experiment, vars(run)) for run in runs_of_experiment(experiment))


def collection_parameter(experiment: Mapping[str, Any], catalog: Mapping[str, Any]) -> Entry:
    """How a table of annotations is read: what `read_given_annotations` needs."""
    given = experiment["annotations"]
    kept = ("format", "hdu", "source_id", "label", "score", "threshold", "label_values", "others")
    others = "drop" if catalog["sample"] else given["others"]
    return {**{key: given[key] for key in kept}, "others": others, "classes": catalog["classes"]}
