"""The key `correction` of experiments and audits: off unless asked for, and known to no other rule."""

import copy

import pytest
import yaml

from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_options
from workflow_scripts.correct_audit import parser
from workflow_scripts.errors import InputError

CONFIG = yaml.safe_load("""
active_experiments: [main]
active_audits: [mine]
catalogs: {sky: {source: simulated}}
surveys: {survey: {kind: simulated, catalog: sky}}
recipes: {rgb32: {}}
matchings: {shared: {}}
footprints: {control: {region: {random_sky: {count: 3, seed: 5}}, matching: shared}}
networks: {small: {architecture: lenet5, recipe: rgb32}}
experiments: {main: {survey: survey, arms: {all: {footprints: [control], networks: [small]}}}}
audits: {mine: {path: c.csv}}
""")
DEFAULT = {"arm": None, "method": "auto", "nside": None}


def with_corrections(of_experiment, of_audit):
    config = copy.deepcopy(CONFIG)
    config["experiments"]["main"]["correction"] = of_experiment
    config["audits"]["mine"]["correction"] = of_audit
    return load(config)


@pytest.mark.parametrize("off", [False, None])
def test_it_is_off_unless_asked_for(off):
    for settings in (load(CONFIG), with_corrections(off, off)):
        assert settings.correction_parameter("main") == settings.audit_correction("mine") == {}


def test_true_stands_for_the_defaults():
    settings = with_corrections(True, True)
    assert settings.correction_parameter("main") == DEFAULT
    assert settings.audit_correction("mine") == {"method": "auto", "nside": None, "labelled_at_random": False}
    other = with_corrections({"arm": "all", "nside": 8}, True)
    assert other.correction_parameter("main") == {**DEFAULT, "arm": "all", "nside": 8}


def test_nothing_else_depends_on_it():
    plain, corrected = load(CONFIG), with_corrections({"nside": 4}, {"nside": 4})
    assert corrected.bias_parameter("main") == plain.bias_parameter("main")
    # Whether it can be made is checked before training, which does not depend on the check.
    design = corrected.design_parameter("main")
    assert design.pop("correction")["wanted"] == "auto"
    assert design == plain.design_parameter("main")
    assert corrected.figures_parameter("main") == plain.figures_parameter("main")
    assert corrected.audit_options("mine") == plain.audit_options("mine")


def test_options_of_an_audited_catalog_are_those_of_the_step():
    settings = with_corrections(True, {"method": "imaging", "nside": 8, "labelled_at_random": True})
    options = as_options(settings.audit_correction("mine"))
    arguments = parser.parse_args(["c.csv", *settings.audit_options("mine"), *options, "--output", "out"])
    assert (arguments.method, arguments.nside, arguments.labelled_at_random) == ("imaging", 8, True)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"nside": 3}, "nside is 3, expected null or 4 or 8"),
        ({"metod": "auto"}, "did you mean 'method'"),
        ("yes", "expected a mapping or null"),
    ],
)
def test_other_values_are_refused(wrong, sentence):
    with pytest.raises(InputError) as stopped:
        with_corrections(wrong, True)
    assert sentence in str(stopped.value)
