"""Which keys changed, from the texts that Snakemake keeps."""

import json

from workflow_scripts.configuration import as_parameter
from workflow_scripts.planning.reasons import changed_parameters, is_code_digest


def recorded(value):
    """A parameter as Snakemake records it."""
    return repr(as_parameter(value))


def test_a_digest_of_code_is_recognised():
    assert is_code_digest(repr("0123456789abcdef"))
    assert not is_code_digest(repr("north"))
    assert not is_code_digest(recorded({"epochs": 2}))


def test_changed_added_and_removed_keys_are_named():
    before = recorded({"epochs": 20, "optimizer": {"name": "adam", "rate": 0.1}, "old": None, "same": [1]})
    now = recorded({"epochs": 25, "optimizer": {"name": "sgd", "rate": 0.1}, "new": True, "same": [1]})
    found = changed_parameters({before, "'0123456789abcdef'"}, {now, "'fedcba9876543210'"})
    assert found == ("epochs: 20 -> 25", "new: nothing -> true", "old: null -> nothing", "optimizer.name: adam -> sgd")


def test_long_values_are_cut():
    (line,) = changed_parameters({recorded({"arms": list(range(99))})}, {recorded({"arms": 1})})
    assert len(line) < 60
    assert line.endswith("... -> 1")


def test_what_cannot_be_compared_is_left_out():
    assert changed_parameters(set(), {recorded({"a": 1})}) == ()
    assert changed_parameters({"'north'"}, {"'south'"}) == ()
    assert changed_parameters({repr(json.dumps([1]))}, {recorded({"a": 1})}) == ()
    assert changed_parameters({recorded({"a": 1}), recorded({"b": 1})}, {recorded({"a": 2})}) == ()
    assert changed_parameters({"not a literal"}, {"12"}) == ()
