"""What a mirror does to the classes: which steps read it, and that nothing else depends on it."""

import copy

import pytest
import yaml

from workflow_scripts.configuration.control_entries import annotating_network, averages_mirror, trained_network
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.errors import InputError

CONFIG = yaml.safe_load("""
active_experiments: [main]
catalogs: {sky: {source: simulated}}
surveys: {survey: {kind: simulated, catalog: sky}}
recipes: {rgb40: {size_px: 40}}
matchings: {standard: {}}
footprints: {rotating: {region: {rotating: hemispheres}, matching: standard}}
networks:
  single: {architecture: lenet5, recipe: rgb40}
  averaged: {architecture: lenet5, recipe: rgb40, mirror_average: true}
  own:
    architecture: program
    recipe: rgb40
    command: {train: "a {images} {labels} {model}", annotate: "a {images} {model} {scores}.npy"}
experiments:
  main:
    survey: survey
    arms: {rotating: {footprints: [rotating], networks: [single, averaged, own]}}
""")


def configured(**catalog):
    config = copy.deepcopy(CONFIG)
    config["catalogs"]["sky"] |= catalog
    return load(config)


def test_a_mirror_that_swaps_reaches_the_networks_and_no_other_step():
    plain, unchanged, swapping = configured(), configured(mirror="unchanged"), configured(mirror="swap")
    for settings in (unchanged, swapping):
        for parameter, name in (("catalog_parameter", "sky"), ("sky_parameter", "sky"), ("bias_parameter", "main")):
            assert as_parameter(getattr(settings, parameter)(name)) == as_parameter(getattr(plain, parameter)(name))
        columns = ["magnitude"]
        assert settings.galaxies_parameter("sky", columns) == plain.galaxies_parameter("sky", columns)
    for settings in (plain, unchanged):
        assert trained_network(settings, "survey", {"network": "single"}) == plain.network("single")
    assert trained_network(swapping, "survey", {"network": "single"}) == {**plain.network("single"), "mirror": "swap"}
    # A program changes its images itself.
    assert trained_network(swapping, "survey", {"network": "own"}) == plain.network("own")


def test_the_average_over_the_mirror_changes_annotations_alone():
    plain, swapping = configured(), configured(mirror="swap")
    for settings in (plain, swapping):
        single, averaged = (trained_network(settings, "survey", {"network": name}) for name in ("single", "averaged"))
        assert as_parameter(single) == as_parameter(averaged)
        assert annotating_network(settings, "survey", "single") == plain.network("single")
        assert annotating_network(settings, "survey", "own") == plain.network("own")
    assert annotating_network(plain, "survey", "averaged") == plain.network("averaged")
    assert annotating_network(swapping, "survey", "averaged") == {**plain.network("averaged"), "mirror": "swap"}
    assert [averages_mirror(swapping, name) for name in ("averaged", "single", "own")] == [True, False, False]


def test_words_that_are_no_mirror_are_refused():
    with pytest.raises(InputError, match=r"catalogs\.sky\.mirror is 'swop'.*swap"):
        configured(mirror="swop")
    config = copy.deepcopy(CONFIG)
    config["networks"]["own"]["mirror_average"] = True
    with pytest.raises(InputError, match=r"networks\.own\.mirror_average is not a key of networks with a command"):
        load(config)
