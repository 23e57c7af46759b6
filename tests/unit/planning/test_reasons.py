"""Which keys changed, from the texts that Snakemake keeps."""

import json
from types import SimpleNamespace

import pytest

from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.planning.reasons import changed_parameters, why_it_runs


def recorded(value):
    """A parameter as Snakemake records it."""
    return repr(as_parameter(value))


def reason(**given):
    nothing = dict.fromkeys(["forced", "code_changed", "input_changed", "software_stack_changed"], False)
    nothing |= dict.fromkeys(["_incomplete_output", "_updated_input", "_missing_output"])
    return SimpleNamespace(**{**nothing, "params_changed": changed(set(), set()), **given})


def changed(only_old, only_new):
    return SimpleNamespace(only_old=only_old, only_new=only_new)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ("follows",)),
        ({"_missing_output": {"a.parquet"}}, ("new",)),
        ({"params_changed": changed({repr("0123456789abcdef")}, set())}, ("code",)),
        ({"params_changed": changed({repr("north")}, {recorded({"epochs": 2})})}, ("parameters",)),
        ({"_incomplete_output": {"a"}, "_updated_input": {"b"}, "_missing_output": {"a"}}, ("interrupted", "input")),
        ({"forced": True, "software_stack_changed": True}, ("forced", "software")),
    ],
)
def test_a_reason_is_given_in_words(given, words):
    assert why_it_runs(reason(**given)) == words


def test_changed_added_and_removed_keys_are_named():
    before = recorded({"epochs": 20, "optimizer": {"name": "adam", "rate": 0.1}, "old": None, "same": [1]})
    now = recorded({"epochs": 25, "optimizer": {"name": "sgd", "rate": 0.1}, "new": True, "same": [1]})
    found = changed_parameters(changed({before, "'0123456789abcdef'"}, {now, "'fedcba9876543210'"}))
    assert found == ("epochs: 20 -> 25", "new: nothing -> true", "old: null -> nothing", "optimizer.name: adam -> sgd")


def test_long_values_are_cut():
    (line,) = changed_parameters(changed({recorded({"arms": list(range(99))})}, {recorded({"arms": 1})}))
    assert len(line) < 60
    assert line.endswith("... -> 1")


def test_what_cannot_be_compared_is_left_out():
    assert changed_parameters(changed(set(), {recorded({"a": 1})})) == ()
    assert changed_parameters(changed({"'north'"}, {"'south'"})) == ()
    assert changed_parameters(changed({repr(json.dumps([1]))}, {recorded({"a": 1})})) == ()
    assert changed_parameters(changed({recorded({"a": 1}), recorded({"b": 1})}, {recorded({"a": 2})})) == ()
    assert changed_parameters(changed({"not a literal"}, {"12"})) == ()
