"""What a summary of an experiment or an audit gives to its page: a row for every test."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workflow_scripts.pages.imaging_rows import name_in_words
from workflow_scripts.pages.number_formats import axis, direction, interval, number, p_value

TEST_HEADING = (
    *("test", "family", "what is estimated", "estimate", "SE", "95 %", "direction", "adjusted p", "p"),
    *("permutation p", "statistic (dof)", "n", "remarks"),
)
# Components are in summary.json; the page has amplitude and direction.
_COMPONENTS = "(x y z)"


def rows_of_tests(summary: Mapping[str, Any], left_out: Sequence[str] = ()) -> list[list[str]]:
    """A row below `TEST_HEADING` for every test but those of the families that are left out."""
    ledger = {line["name"]: line for line in summary["ledger"]}
    templates = summary.get("templates")
    return [
        _cells(test, ledger.get(test["name"]), templates) for test in summary["tests"] if test["family"] not in left_out
    ]


def _cells(test: Mapping[str, Any], line: Mapping[str, Any] | None, templates: Mapping[str, Any] | None) -> list[str]:
    size, ends, where = _size_of(test)
    # The error of a vector is three numbers; its size has an interval.
    se = "-" if _is_vector(test["estimate"]) else number(test["se"])
    statistic = number(test["statistic"]) + (f" ({number(test['dof'])})" if test["dof"] is not None else "")
    adjusted = f"{p_value(line['adjusted'])} ({'Holm' if line['method'] == 'Holm' else 'BH'})" if line else "-"
    notes = [f"weights {test['weights']}"] if "weights" in test else []
    if line and line.get("of_the_answer"):
        unit = test["unit_of_replication"]
        notes.append(f"adjusted p is the answer's, with blocks of sky; SE, 95 % and p have the {unit} as the unit")
    notes += [note for note in test["notes"] if _COMPONENTS not in note]
    return [
        *(
            name_in_words(test["name"], templates),
            test["family"].replace("_", " "),
            test["estimand"].replace(f" {_COMPONENTS}", ""),
        ),
        *(number(size), se, interval(ends), where, adjusted),
        *(p_value(test["p"], test["log10_p"]), p_value(test["p_permutation"]), statistic),
        *(number(test["n"]), "; ".join(notes)),
    ]


def _size_of(test: Mapping[str, Any]) -> tuple[Any, Any, str]:
    """The estimate of a test, its interval and direction; of a vector or a matrix the size in place of components."""
    estimate = test["estimate"]
    where = (test.get("direction") or axis(test.get("axis_ra"), test.get("axis_dec"))).removeprefix("towards ")
    if not _is_vector(estimate):
        return estimate, test["ci95"], where
    if where == "-" and np.ndim(estimate) == 1:
        where = direction(estimate)
    return test["size"], test["size_ci95"], where if test["size"] else "-"


def _is_vector(estimate: Any) -> bool:
    return isinstance(estimate, list) and (np.ndim(estimate) == 2 or len(estimate) == 3)
