"""Controls of an experiment as footprints, networks and runs: which there are, and what they leave alone."""

import copy

import pytest
import yaml

from workflow_scripts.configuration.control_entries import (
    controls_parameter,
    files_of_controls,
    runs_of_controls,
    trained_network,
)
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.errors import InputError

CONFIG = yaml.safe_load("""
active_experiments: [main]
catalogs: {sky: {source: simulated}}
surveys:
  survey: {kind: simulated, catalog: sky, cutout: {size_px: 60, pixel_scale_arcsec: 0.5}}
  folder: {kind: local, catalog: sky, path: images}
recipes: {rgb40: {size_px: 40, crop_fraction: 0.5}}
matchings: {standard: {}, other: {per_class: 7}}
footprints:
  rotating: {region: {rotating: hemispheres}, matching: standard}
  east: {region: {ra_range: [0, 180]}, matching: standard}
  west: {region: {ra_range: [180, 360]}, matching: standard}
  north: {region: {dec_range: [0, 90]}, matching: standard}
  random_sky: {region: {random_sky: {count: 3, seed: 5}}, matching: standard}
networks:
  small: {architecture: lenet5, recipe: rgb40}
  finished: {architecture: file, path: a.keras, mode: annotate, recipe: rgb40}
experiments:
  main:
    survey: survey
    arms:
      rotating: {footprints: [rotating], networks: [small], seeds: [0, 1]}
      halves: {footprints: [east, west], networks: [small], replicates: 3}
      random: {footprints: [random_sky], networks: [small]}
    opposite: [[east, west]]
""")
ALL = {"placebo": True, "shuffled_sky": True, "dose": {"footprint": "east", "blur_fwhm_arcsec": [1, 0.3]}}


def configured(controls=ALL, **experiment):
    config = copy.deepcopy(CONFIG)
    config["experiments"]["main"] |= {"controls": controls, **experiment}
    return load(config)


def test_each_control_repeats_the_runs_that_are_compared():
    settings = configured()
    own = [run for run in settings.runs("main") if run.arm != "random"]
    for kind, suffix in (("placebo", "_placebo0"), ("shuffled_sky", "_shuffled0")):
        control = controls_parameter(settings, "main")[kind]
        runs = [run for run in runs_of_controls(settings, "main") if suffix in run.footprint]
        assert sorted(control["arms"]) == ["halves", "rotating"]
        assert len(runs) == len(own) == 12 * 2 + 2 * 3
        named = {(run.footprint.split(suffix)[0], run.network, run.resample, run.seed) for run in runs}
        assert named == {(run.footprint, run.network, run.resample, run.seed) for run in own}
        axes = {name.split(suffix)[0]: found["axis"] for name, found in control["footprints"].items()}
        assert axes == {name: settings.footprint(name)["axis"] for name in axes}
        assert {found["family"] for found in control["footprints"].values()} == {None, f"rotating{suffix}"}


def test_a_dose_shares_training_sets_and_the_runs_without_blur():
    settings = configured()
    dose = controls_parameter(settings, "main")["dose"]
    assert dose["doses"] == {"small": 0.0, "small_blur0p3": 0.3, "small_blur1": 1.0}
    runs = [run for run in runs_of_controls(settings, "main") if run.footprint == "east"]
    assert {run.network for run in runs} == set(dose["doses"])
    assert len(runs) == 3 * 3
    assert {run for run in runs if run.network == "small"} <= set(settings.runs("main"))


def test_a_blur_is_given_in_pixels_of_the_recipe():
    settings = configured()
    # 60 pixels of 0.5 arcsec, the central half of which becomes 40 pixels.
    blurred, plain = ({"network": name} for name in ("small_blur0p3", "small"))
    assert trained_network(settings, "survey", blurred)["blur_fwhm_px"] == pytest.approx(0.3 / (15 / 40))
    assert trained_network(settings, "survey", plain) == settings.network("small")


def test_controls_change_no_parameter_of_the_experiment():
    without, settings = load(copy.deepcopy(CONFIG)), configured()
    assert settings.runs("main") == without.runs("main")
    for name in ("bias_parameter", "figures_parameter"):
        assert getattr(settings, name)("main") == getattr(without, name)("main")
    for run in settings.runs("main"):
        assert settings.training_set_parameter(run.footprint) == without.training_set_parameter(run.footprint)
        assert trained_network(settings, "survey", vars(run)) == trained_network(without, "survey", vars(run))
    assert settings.training_set_files("main") == without.training_set_files("main")
    assert controls_parameter(without, "main") == {}
    assert files_of_controls(without, "main") == []


def test_galaxies_of_a_shuffled_sky_and_no_others_are_shuffled():
    settings = configured()
    files = {name: settings.galaxies_file("survey", name) for name in ("east", "east_shuffled0")}
    assert files["east"] == "results/catalog/sky/galaxies-magnitude-radius_arcsec.parquet"
    assert files["east_shuffled0"] == "results/training/survey/shuffled_sky0/galaxies-magnitude-radius_arcsec.parquet"


def test_another_seed_is_another_name():
    named = [{run.run_id for run in runs_of_controls(configured(ALL | {"seed": seed}), "main")} for seed in (0, 1)]
    shared = named[0] & named[1]
    assert shared
    assert all(run_id.startswith("east/") for run_id in shared)


def test_footprints_connected_by_pairs_are_pooled_together():
    arms = {"all": {"footprints": ["east", "west", "north"], "networks": ["small"]}}
    settings = configured({"placebo": True}, arms=arms, opposite=[["east", "west"], ["north", "east"]])
    placebos = {run.footprint: settings.footprint(run.footprint) for run in runs_of_controls(settings, "main")}
    assert sorted(placebos) == [
        "east_placebo0_with_north_west",
        "north_placebo0_with_east_west",
        "west_placebo0_with_east_north",
    ]
    assert len({as_parameter(entry["region"]) for entry in placebos.values()}) == 1
    assert sorted(entry["turns"]["member"] for entry in placebos.values()) == [0, 1, 2]
    assert controls_parameter(settings, "main")["placebo"]["opposite"] == [
        ["east_placebo0_with_north_west", "west_placebo0_with_east_north"],
        ["north_placebo0_with_east_west", "east_placebo0_with_north_west"],
    ]


def test_experiments_share_controls_with_the_same_footprints():
    config = copy.deepcopy(CONFIG)
    config["experiments"]["main"]["controls"] = ALL
    config["experiments"]["second"] = {"like": "main"}
    settings = load(config)
    assert files_of_controls(settings, "main") == files_of_controls(settings, "second")


@pytest.mark.parametrize(
    ("controls", "experiment", "message"),
    [
        ({"placebo": True}, {"opposite": [], "arms": "random"}, "expected footprints in `opposite` pairs"),
        ({"placebo": True}, {"opposite": [["east", "rotating_00"]]}, "cannot exchange the galaxies of east and rot"),
        (
            {"placebo": True},
            {"matching": "other"},
            "would exchange galaxies of east and west, expected .* one matching",
        ),
        ({"dose": {"footprint": "north", "blur_fwhm_arcsec": [1]}}, {}, "is 'north', which is not in the arms"),
        ({"dose": {"footprint": "east", "blur_fwhm_arcsec": [0]}}, {}, "is 0, expected at least 0.001"),
        ({"dose": {"footprint": "east"}}, {}, "lacks the key 'blur_fwhm_arcsec'"),
        ({"dose": {"footprint": "east", "blur_fwhm_arcsec": [1]}}, {"survey": "folder"}, "needs images of one scale"),
        ({"shuffled_sky": True}, {"network": "finished"}, "would train the network 'finished', which is finished"),
        ({"placebos": True}, {}, "unknown key 'placebos'; did you mean 'placebo'"),
        ({"placebo": True}, {"taken": True}, "makes footprints.rotating_03_placebo0, a name that is taken"),
    ],
)
def test_controls_that_cannot_be_made_are_refused(controls, experiment, message):
    config = copy.deepcopy(CONFIG)
    entry = config["experiments"]["main"] | {"controls": controls}
    for key, value in experiment.items():
        if key == "arms":
            entry["arms"] = {value: entry["arms"][value]}
        elif key == "matching":
            config["footprints"]["west"]["matching"] = value
        elif key == "network":
            entry["arms"]["halves"]["networks"] = [value]
        elif key == "taken":
            config["footprints"]["rotating_03_placebo0"] = config["footprints"]["north"]
        else:
            entry[key] = value
    config["experiments"]["main"] = entry
    with pytest.raises(InputError, match=message):
        load(config)
