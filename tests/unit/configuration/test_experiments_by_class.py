"""Catalogs of three classes or more: one experiment of each class, the same runs, and what needs two classes."""

import copy

import pytest
import yaml

from workflow_scripts.configuration.loading import load
from workflow_scripts.errors import InputError

CONFIG = yaml.safe_load("""
active_experiments: [main]
catalogs:
  sky:
    source: simulated
    classes: [elliptical, spiral, edge_on]
    galaxies: {edge_on_fraction: 0.3}
  two: {source: simulated}
surveys:
  survey: {kind: simulated, catalog: sky}
  of_two: {kind: simulated, catalog: two}
recipes: {rgb40: {size_px: 40}}
matchings: {standard: {}}
footprints: {rotating: {region: {rotating: hemispheres}, matching: standard}}
networks: {net: {architecture: lenet5, recipe: rgb40}}
experiments:
  main: {survey: survey, arms: {rotating: {footprints: [rotating], networks: [net]}}}
  other: {survey: of_two, arms: {rotating: {footprints: [rotating], networks: [net]}}}
""")


def changed(path, value):
    config = copy.deepcopy(CONFIG)
    *parents, key = path.split(".")
    entry = config
    for parent in parents:
        entry = entry.setdefault(parent, {})
    entry[key] = value
    return config


def test_each_class_is_an_experiment_on_the_same_runs():
    settings = load(CONFIG)
    assert settings.active_experiments == ["main_elliptical", "main_spiral", "main_edge_on"]
    first, _, last = (settings.bias_parameter(name) for name in settings.active_experiments)
    assert first["classes"] == ["not elliptical", "elliptical"]
    assert last["classes"] == ["not edge_on", "edge_on"]
    assert last["one_class"] == {"name": "edge_on", "number": 2, "classes": 3, "tested": 3}
    assert settings.design_parameter("main_spiral")["one_class"]["tested"] == 3
    assert len({tuple(settings.runs(name)) for name in settings.active_experiments}) == 1
    # One survey for all, so that each network is trained once.
    assert {settings.names_in_paths(name)["survey"] for name in settings.active_experiments} == {"survey"}
    different = {key for key in first if first[key] != last[key]}
    assert different == {"name", "classes", "one_class"}


def test_classes_that_are_named_are_those_that_are_adjusted_over():
    settings = load(changed("experiments.main.classes", ["edge_on", "elliptical"]))
    assert settings.active_experiments == ["main_edge_on", "main_elliptical"]
    assert settings.bias_parameter("main_edge_on")["one_class"]["tested"] == 2
    alone = changed("experiments.main.classes", ["spiral"])
    alone["experiments"]["main"]["tests"] = {"expected": 0.4}
    assert load(alone).bias_parameter("main_spiral")["one_class"]["tested"] == 1


def test_two_classes_are_one_experiment_without_a_word_of_classes():
    settings = load(changed("active_experiments", ["other"]))
    assert settings.active_experiments == ["other"]
    found = settings.bias_parameter("other")
    assert found["classes"] == ["elliptical", "spiral"]
    assert "one_class" not in found
    assert "one_class" not in settings.design_parameter("other")


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("catalogs.sky.mirror", "swap", "catalogs.sky.mirror is swap with 3 classes, expected two classes"),
        ("catalogs.sky.classes", ["a", "b"], "has 2 classes, expected the 3 of the simulated sky"),
        ("catalogs.two.classes", ["a", "b", "c"], "has 3 classes, expected the 2 of the simulated sky"),
        ("catalogs.sky.classes", ["a", "b", "c d"], "classes[2] is 'c d', expected letters, digits and _"),
        ("experiments.main.classes", ["spirals"], "main.classes[0] is 'spirals', which is not in catalogs.sky.classes"),
        ("experiments.main.classes", [], "experiments.main.classes has 0 items, expected at least 1"),
        ("experiments.other.classes", ["spiral"], "is given, but catalogs.two has two classes"),
        (
            "experiments.main.tests",
            {"expected": 0.5},
            "main.tests.expected is one fraction for 3 classes, expected one",
        ),
        ("experiments.main_spiral", {"like": "other"}, "makes an experiment called main_spiral, a name that is taken"),
    ],
)
def test_what_needs_two_classes_or_other_names_is_one_sentence(path, value, sentence):
    with pytest.raises(InputError) as caught:
        load(changed(path, value))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def given(classes, score):
    experiment = {
        "annotations": {"path": "{footprint}_{seed}.csv", "classes": classes, "score": score},
        "arms": {"halves": {"footprints": ["east", "west"], "replicates": 6}},
        "opposite": [["east", "west"]],
    }
    sides = {"east": {"region": {"ra_range": [0, 180]}}, "west": {"region": {"ra_range": [180, 360]}}}
    nothing = {"catalogs": {}, "surveys": {}, "recipes": {}, "matchings": {}, "networks": {}}
    named = {"active_experiments": ["mine"], "footprints": sides, "experiments": {"mine": experiment}}
    return load({**nothing, **named})


def test_given_annotations_of_three_classes_have_a_column_each():
    settings = given(["a", "b", "c"], {"a": "p_a", "b": "p_b", "c": "p_c"})
    assert settings.active_experiments == ["mine_a", "mine_b", "mine_c"]
    assert settings.catalog_of("mine_c") == "mine_annotated"
    with pytest.raises(InputError, match="score is 'p_c', expected a column for each class"):
        given(["a", "b", "c"], "p_c")
    with pytest.raises(InputError, match="has columns for a, b, expected a column for each class"):
        given(["a", "b", "c"], {"a": "p_a", "b": "p_b"})
    with pytest.raises(InputError, match="has columns for a, b, expected one column"):
        given(["a", "b"], {"a": "p_a", "b": "p_b"})
