"""The registry `audits`, and the command line that it becomes."""

import pytest

from workflow_scripts.audit import parser
from workflow_scripts.configuration.loading import load
from workflow_scripts.errors import InputError

BASE = {"active_experiments": [], "experiments": {}, "surveys": {}, "catalogs": {}}


def with_audit(**entry):
    return {**BASE, "active_audits": ["mine"], "audits": {"mine": {"path": "c.csv", **entry}}}


def test_options_are_those_of_the_command_line():
    entry = {
        "expected": 0.5,
        "label": ["a b", "c"],
        "positive": -1,
        "covariates": ["x"],
        "match_radius": 3,
        "source_id": "id",
    }
    settings = load(with_audit(**entry))
    options = settings.audit_options("mine")
    parsed = parser.parse_args(["c.csv", "--output", "o", *options])
    assert (parsed.label, parsed.positive, parsed.covariates) == (["a b", "c"], ["-1"], ["x"])
    assert parsed.expected == 0.5
    assert (parsed.match_radius, parsed.source_id, parsed.ra, parsed.permutations) == (3.0, "id", None, 4999)
    assert settings.active_audits == ["mine"]


def test_options_of_several_values_may_be_repeated():
    options = ["--label", "a", "--label", "b", "c", "--covariates", "x", "--covariates", "y", "--rest", "--rest", "a"]
    parsed = parser.parse_args(["c.csv", "--output", "o", *options])
    assert (parsed.label, parsed.covariates, parsed.rest) == (["a", "b", "c"], ["x", "y"], ["a"])


def test_defaults_are_those_of_the_command_line():
    settings = load(with_audit())
    options = settings.audit_options("mine") + settings.audit_figure_options("mine")
    plain = parser.parse_args(["c.csv", "--output", "o"])
    assert vars(parser.parse_args(["c.csv", "--output", "o", *options])) == vars(plain)


def test_titles_in_pdf_concern_the_figures_alone():
    settings, plain = load(with_audit(titles_in_pdf=False)), load(with_audit())
    assert settings.audit_options("mine") == plain.audit_options("mine")
    parsed = parser.parse_args(["c.csv", "--output", "o", *settings.audit_figure_options("mine")])
    assert not parsed.titles_in_pdf


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"compare": "o.csv", "label": ["a", "b"]}, "audits.mine.label names 2 columns, expected one"),
        ({"lable": ["a"]}, "unknown key 'lable'; did you mean 'label'?"),
    ],
)
def test_sentences(entry, expected):
    with pytest.raises(InputError) as stopped:
        load(with_audit(**entry))
    assert expected in str(stopped.value)


def test_an_active_audit_must_exist():
    with pytest.raises(InputError, match=r"active_audits\[0\] is 'yours', which is not in audits"):
        load({**with_audit(), "active_audits": ["yours"]})


def test_values_that_begin_with_a_dash_reach_the_command_line():
    options = load(with_audit(missing=["--", "-999"], weight="w", negative="--")).audit_options("mine")
    parsed = parser.parse_args(["c.csv", "--output", "o", *options])
    assert (parsed.missing, parsed.negative, parsed.weight) == (["--", "-999"], ["--"], "w")
