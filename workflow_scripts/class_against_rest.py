"""Of three classes or more, one against the rest: how annotations and labels of all classes are read as of two.

An experiment on such a catalog is one of each class (`configuration.experiments_by_class`), with the key `one_class`:
`number` of the class from 0 and `name`, `classes`, their number in the catalog, and `tested`, how many are asked about.
"""

from collections.abc import Mapping
from typing import Any


def score_columns(n_classes: int) -> list[str]:
    """Names of the columns of scores: `score`, P(class 1), of two classes, else `score_0`, `score_1`, ..."""
    return ["score"] if n_classes == 2 else [f"score_{number}" for number in range(n_classes)]


def two_classes(experiment: Mapping[str, Any], classes: list[str]) -> list[str]:
    """What the labels 0 and 1 are called, of the `classes` of a catalog: all others and the one, where it has more."""
    if "one_class" not in experiment:
        return classes
    name = experiment["one_class"]["name"]
    return [f"not {name}", name]


def class_in_words(experiment: Mapping[str, Any]) -> str | None:
    """What the sentences of an experiment begin with; None where the catalog has two classes."""
    return f"{experiment['one_class']['name']} against the rest" if "one_class" in experiment else None


def score_column(experiment: Mapping[str, Any]) -> str:
    """The column of the probability of the class that an experiment is about."""
    return f"score_{experiment['one_class']['number']}" if "one_class" in experiment else "score"


def as_two_classes(labels: Any, experiment: Mapping[str, Any]) -> Any:
    """1 for the class that an experiment is about and 0 for all others, of an array or column of class numbers."""
    if "one_class" not in experiment:
        return labels
    return (labels == experiment["one_class"]["number"]).astype(labels.dtype)


def n_classes_of(experiment: Mapping[str, Any]) -> int:
    """The number of classes of an experiment's catalog."""
    return experiment["one_class"]["classes"] if "one_class" in experiment else 2


def n_tested_classes(experiment: Mapping[str, Any]) -> int:
    """How many classes are each compared with the rest: every p is adjusted over them, too."""
    return experiment["one_class"]["tested"] if "one_class" in experiment else 1
