"""Experiments on catalogs of three classes or more, as one experiment of each class against the rest.

Networks, their runs and their annotations are the same for all of them; the statistics read one class as positive and
all others as negative. So no rule and no test knows of more than two classes, but each p is adjusted over the classes.
"""

import re
from collections.abc import Mapping
from typing import Any

from workflow_scripts.configuration.sources import ConfigError
from workflow_scripts.configuration.validation import check_name

Entry = dict[str, Any]

# Class names are parts of the names of experiments, which are names of folders.
_NAME = re.compile(r"\w+", re.ASCII)


def split_by_class(config: Entry) -> None:
    """Replace each experiment on three classes or more by one of each of its `classes`, called EXPERIMENT_CLASS.

    `config` is the completed configuration, in place. Such an experiment has the key `one_class` that
    `class_against_rest` describes; those on two classes have neither it nor `classes`. Raises `ConfigError` for what
    needs two classes.
    """
    made: dict[str, list[str]] = {}
    experiments: dict[str, Entry] = {}
    for name, entry in config["experiments"].items():
        catalog = entry["catalog"] or config["surveys"][entry["survey"]]["catalog"]
        classes: list[str] = config["catalogs"][catalog]["classes"]
        wanted = entry.pop("classes")
        if len(classes) == 2:
            if wanted is not None:
                problem = f"is given, but catalogs.{catalog} has two classes, which are one question; leave it out"
                raise ConfigError(("experiments", name, "classes"), problem)
            experiments[name], made[name] = entry, [name]
            continue
        for index, one in enumerate(wanted or []):
            check_name(("experiments", name, "classes", index), one, f"catalogs.{catalog}.classes", classes)
        tested = wanted or classes
        _check_classes(name, entry, catalog, classes, tested)
        made[name] = [f"{name}_{one}" for one in tested]
        for one, own_name in zip(tested, made[name], strict=True):
            if own_name in config["experiments"]:
                problem = f"makes an experiment called {own_name}, a name that is taken; expected another name"
                raise ConfigError(("experiments", name), problem)
            number = {"name": one, "number": classes.index(one), "classes": len(classes), "tested": len(tested)}
            experiments[own_name] = {**entry, "one_class": number}
    config["experiments"] = experiments
    config["active_experiments"] = [one for name in config["active_experiments"] for one in made[name]]


def _check_classes(name: str, entry: Mapping[str, Any], catalog: str, classes: list[str], tested: list[str]) -> None:
    for index, one in enumerate(classes):
        if not _NAME.fullmatch(one):
            problem = f"is '{one}', expected letters, digits and _ where there are three classes or more"
            raise ConfigError(("catalogs", catalog, "classes", index), problem)
    if "expected" in entry["tests"] and len(tested) > 1:
        problem = f"is one fraction for {len(tested)} classes, expected one (experiments.{name}.classes: [NAME])"
        raise ConfigError(("experiments", name, "tests", "expected"), problem)
