"""The probe of an experiment as files that the workflow makes: which there are, and what is refused."""

import copy

import pytest
import yaml

from workflow_scripts.configuration.control_entries import trained_network
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.configuration.probe_entries import probe_files, probe_parameter, probed_network
from workflow_scripts.errors import InputError

CONFIG = yaml.safe_load("""
active_experiments: [main]
catalogs: {sky: {source: simulated, mirror: swap}}
surveys: {survey: {kind: simulated, catalog: sky}}
recipes: {rgb32: {}}
matchings: {standard: {}}
footprints:
  rotating: {region: {rotating: hemispheres}, matching: standard}
  east: {region: {ra_range: [0, 180]}, matching: standard}
  west: {region: {ra_range: [180, 360]}, matching: standard}
  random_sky: {region: {random_sky: {count: 2, seed: 5}}, matching: standard}
networks:
  small: {architecture: lenet5, recipe: rgb32}
  finished: {architecture: file, path: a.keras, mode: annotate, recipe: rgb32}
  program:
    recipe: rgb32
    command: {train: "python a.py {images} {labels} {model}", annotate: "python b.py {images} {model} {scores}.npy"}
experiments:
  main:
    survey: survey
    arms:
      rotating: {footprints: [rotating], networks: [small], seeds: [0, 1]}
      halves: {footprints: [east, west], networks: [small, finished], replicates: 3}
      random: {footprints: [random_sky], networks: [small]}
    opposite: [[west, east]]
""")


def configured(probe, **experiment):
    config = copy.deepcopy(CONFIG)
    config["experiments"]["main"] |= {"why": {"probe": probe}, **experiment}
    return load(config)


def test_without_a_probe_there_is_nothing_to_do():
    settings = load(CONFIG)
    assert probe_parameter(settings, "main") == {}
    assert probe_files(settings, "main") == []
    assert "why" not in settings.bias_parameter("main")


def test_pairs_are_probed_from_the_training_sets_that_there_are():
    files = probe_files(configured({}), "main")
    scores = [path for path in files if path.endswith("scores.parquet")]
    # Six pairs of opposite hemispheres with two seeds, one pair of halves with three sets; three kinds of pixels.
    assert len(scores) == (6 * 2 + 3) * 3
    assert len(files) == len(set(files))
    assert "results/causes/survey/east/against_west/small/whole/resample2_seed2/scores.parquet" in scores
    assert all("/small/" in path for path in scores)
    assert not any("random_sky" in path for path in scores)
    features = set(files) - set(scores)
    # All runs of Keras networks, finished ones as well.
    assert len(features) == 12 * 2 + 2 * 2 * 3 + 2
    assert "results/causes/survey/east/finished/resample0_seed0/position.json" in features
    assert "main" not in "".join(files)


def test_parts_can_be_left_out():
    alone = probe_files(configured({"controls": [], "features": False}), "main")
    assert len(alone) == 15
    assert all("/whole/" in path for path in alone)
    assert len(probe_files(configured({"pixels": False}), "main")) == 38


def test_a_probe_changes_nothing_that_the_experiment_has():
    plain, probed = load(CONFIG), configured({})
    for part in ("bias_parameter", "design_parameter", "figures_parameter"):
        assert as_parameter(getattr(plain, part)("main")) == as_parameter(getattr(probed, part)("main"))


def test_a_mirror_swaps_classes_and_no_sides_of_the_sky():
    settings = load(CONFIG)
    run = vars(settings.runs("main")[0])
    assert trained_network(settings, "survey", run)["mirror"] == "swap"
    assert "mirror" not in probed_network(settings, "small")


@pytest.mark.parametrize(
    ("probe", "arms", "sentence"),
    [
        ({"pixels": False, "features": False}, None, "expected one of them"),
        ({}, {"one": {"footprints": ["east"], "networks": ["small"]}}, "expected a pair of opposite footprints"),
        (
            {},
            {
                "one": {"footprints": ["east"], "networks": ["small"], "seeds": [0]},
                "other": {"footprints": ["west"], "networks": ["small"], "seeds": [1]},
            },
            "expected a pair of opposite footprints",
        ),
        ({}, {"one": {"footprints": ["east", "west"], "networks": ["finished"]}}, "finished cannot be trained"),
        (
            {"pixels": False},
            {"one": {"footprints": ["east", "west"], "networks": ["program"]}},
            "all networks are programs",
        ),
        ({"size": 0.5}, None, "size"),
        ({"controls": ["blurred"]}, None, "blurred"),
    ],
)
def test_a_probe_that_cannot_be_made_is_refused_with_the_key(probe, arms, sentence):
    changes = {} if arms is None else {"arms": arms, "opposite": []}
    if arms and len(arms) == 2:
        changes["opposite"] = [["east", "west"]]
    with pytest.raises(InputError, match=r"experiments\.main\.why\.probe") as caught:
        configured(probe, **changes)
    assert sentence in str(caught.value)


def test_annotations_that_exist_have_no_network_to_probe():
    given = {"path": "a_{footprint}.csv", "score": "p"}
    arms = {"halves": {"footprints": ["east", "west"]}}
    with pytest.raises(InputError, match="which an experiment with annotations has not"):
        configured({}, survey=None, annotations=given, arms=arms)
