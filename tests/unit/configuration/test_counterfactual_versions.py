"""Versions of the annotated images as surveys, recipes and networks: which there are, and what they leave alone."""

import copy

import pytest
import yaml

from workflow_scripts.configuration.derived_runs import (
    active_images,
    counterfactual_parameter,
    files_of_versions,
)
from workflow_scripts.configuration.loading import load
from workflow_scripts.errors import InputError
from workflow_scripts.planning.work import WorkSizes

CONFIG = yaml.safe_load("""
active_experiments: [main]
catalogs:
  sky:
    source: simulated
    n_galaxies: 1000
    split: {annotation_fraction: 0.4}
    imaging: {seeing: {dipole: {amplitude: 0.3}}, depth: {patches: {amplitude: 0.1}}}
  table: {source: file, path: table.csv, columns: {psf_fwhm_arcsec: seeing}}
  plain: {source: file, path: table.csv}
surveys:
  survey: {kind: simulated, catalog: sky}
  folder: {kind: local, catalog: table, path: images}
  unknown_seeing: {kind: local, catalog: plain, path: images}
recipes: {rgb32: {}}
matchings: {standard: {bins: {}}}
footprints:
  east: {region: {ra_range: [0, 180]}, matching: standard}
  west: {region: {ra_range: [180, 360]}, matching: standard}
networks: {net: {architecture: lenet5, recipe: rgb32}}
experiments:
  main:
    survey: survey
    arms: {halves: {footprints: [east, west], networks: [net], replicates: 3}}
    opposite: [[east, west]]
""")


def configured(counterfactual, changes=(), **experiment):
    config = copy.deepcopy(CONFIG)
    config["experiments"]["main"] |= {"why": {"counterfactual": counterfactual}, **experiment}
    for registry, name, entry in changes:
        config[registry][name] = entry
    return load(config)


def test_without_a_question_there_are_no_versions():
    asked, plain = configured(["seeing"]), load(CONFIG)
    assert counterfactual_parameter(plain, "main") is None
    assert files_of_versions(plain, "main") == []
    # What trains and measures does not know of versions.
    for parameter in ("bias_parameter", "design_parameter"):
        assert getattr(asked, parameter)("main") == getattr(plain, parameter)("main")
    assert asked.survey_parameter("survey") == plain.survey_parameter("survey")
    assert asked.positions_parameter("survey") == plain.positions_parameter("survey")
    assert asked.catalog_parameter("sky") == plain.catalog_parameter("sky")


def test_each_subset_of_what_varies_is_a_survey_that_is_rendered_anew():
    settings = configured(["extinction", "noise", "seeing"])
    found = counterfactual_parameter(settings, "main")
    assert (found["properties"], found["constant"]) == (["seeing", "noise"], ["extinction"])
    names = ["survey", "survey_common_seeing", "survey_common_noise", "survey_common_seeing_noise"]
    assert [version["survey"] for version in found["versions"]] == names
    assert [version["common"] for version in found["versions"]] == [[], ["seeing"], ["noise"], ["seeing", "noise"]]
    own, made = settings.survey_parameter("survey"), settings.survey_parameter(names[3])
    assert made == {**own, "common": ["seeing", "noise"]}
    files = files_of_versions(settings, "main")
    assert len(files) == 4 * 6
    assert files[-1] == "results/inference/survey_common_seeing_noise/west/net/resample2_seed2/annotations.parquet"
    assert ("survey_common_noise", "rgb32") in active_images(settings)
    assert settings.positions_parameter(names[1])["split"]["annotation_fraction"] == 0.4


def test_work_of_a_version_is_that_of_the_annotated_galaxies():
    sizes = WorkSizes(configured(["seeing"]))
    assert sum(sizes.images_of_tile("survey_common_seeing", tile) for tile in range(12)) == 400
    assert sizes.annotated_galaxies("survey_common_seeing") == sizes.annotated_galaxies("survey") == 400
    assert sizes.annotations_of_versions("main") == 2 * 6 * 400


def test_received_images_have_recipes_that_make_them_alike():
    settings = configured(["noise", "seeing"], survey="folder")
    found = counterfactual_parameter(settings, "main")
    assert {version["survey"] for version in found["versions"]} == {"folder"}
    assert [version["networks"]["net"] for version in found["versions"]] == [
        "net",
        "net_common_seeing",
        "net_common_noise",
        "net_common_seeing_noise",
    ]
    network = settings.network("net_common_seeing")
    assert (network["recipe"], network["version_of"]) == ("rgb32_common_seeing", "net")
    assert settings.recipe(network["recipe"]) == {**settings.recipe("rgb32"), "common": ["seeing"]}
    assert ("folder", "rgb32_common_seeing_noise") in active_images(settings)
    assert "folder/east/net_common_noise/resample0_seed0" in files_of_versions(settings, "main")[12]


def test_two_experiments_share_versions():
    config = copy.deepcopy(CONFIG)
    config["experiments"]["main"]["why"] = {"counterfactual": ["seeing", "noise"]}
    config["experiments"]["other"] = {**config["experiments"]["main"], "why": {"counterfactual": ["noise"]}}
    settings = load(config)
    assert set(files_of_versions(settings, "other")) < set(files_of_versions(settings, "main"))


@pytest.mark.parametrize(
    ("counterfactual", "changes", "survey", "sentence"),
    [
        (["extinction"], (), "folder", "is extinction, expected seeing, noise, background for images that are not"),
        (["seeing"], (), "unknown_seeing", r"expected columns.psf_fwhm_arcsec in catalogs.plain"),
        (["sea"], (), "survey", "counterfactual"),
        (
            ["seeing"],
            [("surveys", "survey_common_seeing", {"kind": "simulated", "catalog": "sky"})],
            "survey",
            r"counterfactual makes surveys.survey_common_seeing, a name that is taken",
        ),
        (["seeing"], [("recipes", "rgb32", {"common": ["noise"]})], "survey", "needs recipes without the key common"),
        ([], [("recipes", "rgb32", {"common": ["seeing"]})], "unknown_seeing", r"recipes.rgb32.common is seeing"),
    ],
)
def test_what_cannot_be_made_common(counterfactual, changes, survey, sentence):
    with pytest.raises(InputError, match=sentence):
        configured(counterfactual, changes, survey=survey)


def test_annotations_that_exist_have_no_versions():
    with pytest.raises(InputError, match="needs images and trained networks"):
        configured(["seeing"], survey=None, annotations="{footprint}_{resample}.csv")


def test_networks_are_trained_again_on_a_survey_of_their_own_after_the_same_designs():
    plain = configured(["seeing", "noise"])
    settings = configured(None, why={"counterfactual": ["seeing", "noise"], "retrain": True})
    found = counterfactual_parameter(settings, "main")
    assert found["versions"] == counterfactual_parameter(plain, "main")["versions"]
    made = "survey_common_seeing_noise_retrained"
    assert [version["survey"] for version in found["retrained"]][::3] == ["survey", made]
    assert settings.survey_parameter(made) == plain.survey_parameter("survey_common_seeing_noise")
    # All galaxies, not the annotated ones alone; the same designs have been checked for both.
    assert settings.positions_parameter(made) == plain.positions_parameter("survey")
    assert settings.experiments_of_survey(made) == ["main"]
    assert len(files_of_versions(settings, "main")) == (4 + 3) * 6


def test_received_images_have_networks_that_are_trained_again():
    settings = configured(None, survey="folder", why={"counterfactual": ["noise"], "retrain": True})
    (_, version) = counterfactual_parameter(settings, "main")["retrained"]
    name = version["networks"]["net"]
    assert (version["survey"], name) == ("folder", "net_common_noise_retrained")
    assert settings.network(name)["recipe"] == "rgb32_common_noise"
    assert "version_of" not in settings.network(name)


@pytest.mark.parametrize(
    ("why", "network", "words"),
    [
        ({"retrain": True}, {}, "why.retrain is true, expected properties in counterfactual"),
        (
            {"retrain": True, "counterfactual": ["seeing"]},
            {"architecture": "file", "mode": "annotate", "path": "m.keras"},
            "which is finished",
        ),
    ],
)
def test_what_cannot_be_trained_again_is_refused(why, network, words):
    entry = {**CONFIG["networks"]["net"], **network}
    with pytest.raises(InputError, match=words):
        configured(None, [("networks", "net", entry)], why=why)
