"""Families become members, references become regions, arms become runs."""

import healpy
import numpy as np
import pytest
import yaml

from workflow_scripts.configuration.expansion import BASE_PIXELS
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.errors import InputError
from workflow_scripts.runs import Run, listed_runs, paths_of_runs

CONFIG = """
active_experiments: [main]
catalogs: {sky: {source: simulated, classes: [smooth, disk]}}
surveys: {survey: {kind: simulated, catalog: sky, tile_order: 1}}
recipes: {rgb32: {}}
matchings:
  shared: {per_class: 50, disjoint: false}
  apart: {per_class: 50, disjoint: true}
footprints:
  rotating: {region: {rotating: hemispheres}, matching: apart}
  control: {region: {random_sky: {count: 3, seed: 5}}, matching: shared}
  north: {region: {hemisphere: {ra: 0, dec: 90}}, matching: shared}
  alias: {region: {footprint: north}, matching: apart}
  odd: {region: {difference: [{whole_sky: true}, {complement: {footprint: rotating_04}}, {footprint: control_01}]},
        matching: shared}
networks:
  small: {architecture: lenet5, recipe: rgb32}
  large: {architecture: resnet_small, recipe: rgb32}
experiments:
  main:
    survey: survey
    arms:
      families: {footprints: [rotating, control], networks: [small], seeds: [0, 1]}
      pairs: {footprints: [north, rotating_00], networks: [small, large], resamples: [0, 1], seeds: [0, 7],
              combine: paired}
    opposite: [[rotating_00, rotating_10]]
"""


@pytest.fixture
def settings():
    return load(yaml.safe_load(CONFIG))


def test_rotating_axes_are_the_nested_base_pixels():
    ra, dec = healpy.pix2ang(1, np.arange(12), nest=True, lonlat=True)
    np.testing.assert_allclose(np.array(BASE_PIXELS), np.column_stack([ra, dec]), rtol=0, atol=1e-12)


def test_rotating_family(settings):
    members = [settings.footprint(f"rotating_{number:02d}") for number in range(12)]
    regions = [member["region"] for member in members]
    assert regions == [{"hemisphere": {"ra": ra, "dec": dec}} for ra, dec in BASE_PIXELS]
    for number, member in enumerate(members):
        assert member["name"] == f"rotating_{number:02d}"
        assert member["family"] == {"name": "rotating", "member": number, "regions": regions}
        assert member["axis"] == list(BASE_PIXELS[number])
        assert member["matching"]["per_class"] == 50
    with pytest.raises(InputError, match="'rotating' is not in footprints"):
        settings.footprint("rotating")


def test_random_sky_family(settings):
    member = settings.footprint("control_02")
    assert member["region"] == {"random_sky": {"seed": 5, "member": 2, "area_fraction": 0.5, "nside": 16}}
    assert member["axis"] is None
    assert member["family"]["name"] == "control"
    assert len(member["family"]["regions"]) == 3


def test_references_are_replaced_at_any_depth(settings):
    assert settings.footprint("alias")["region"] == {"hemisphere": {"ra": 0.0, "dec": 90.0}}
    assert settings.footprint("alias")["axis"] == [0.0, 90.0]
    assert settings.footprint("alias")["family"] is None
    assert settings.footprint("odd")["region"] == {
        "difference": [
            {"whole_sky": True},
            {"complement": {"hemisphere": {"ra": 0.0, "dec": 0.0}}},
            {"random_sky": {"seed": 5, "member": 1, "area_fraction": 0.5, "nside": 16}},
        ]
    }


def test_runs_of_arms(settings):
    runs = settings.runs("main")
    ids = [run.run_id for run in runs]
    assert len(ids) == len(set(ids))
    # 15 members x 2 seeds, and 2 footprints x 2 networks x 2 pairs without rotating_00/small/resample0_seed0.
    assert len(runs) == 30 + 8 - 1
    assert Run("families", "rotating_00", "small", 0, 0) in runs
    assert Run("pairs", "rotating_00", "small", 1, 7) in runs
    assert "rotating_00/small/resample1_seed0" not in ids
    assert runs[0].run_id == "rotating_00/small/resample0_seed0"


def test_experiment_for_the_statistics(settings):
    experiment = settings.bias_parameter("main")
    assert set(experiment) == {"name", "survey", "simulated", "classes", "arms", "footprints", "opposite", "tests"}
    assert experiment["classes"] == ["smooth", "disk"]
    assert experiment["opposite"] == [["rotating_00", "rotating_10"]]
    assert experiment["tests"]["permutations"] == 10000
    listed = listed_runs(experiment)
    assert [run["run_id"] for run in listed] == [run.run_id for run in settings.runs("main")]
    # A run that two arms share is made once, for the first of them.
    shared = "rotating_00/small/resample0_seed0"
    by_id = {run["run_id"]: run for run in listed}
    assert by_id[shared] == {
        "run_id": shared,
        "arm": "families",
        "footprint": "rotating_00",
        "network": "small",
        "resample": 0,
        "seed": 0,
        "axis": list(BASE_PIXELS[0]),
        "family": "rotating",
    }
    assert by_id["north/large/resample1_seed7"]["family"] is None


def test_paths_of_runs_name_a_file_that_runs_share_once():
    runs = [{"run_id": f"east/net/resample0_seed{seed}", "footprint": "east", "resample": 0} for seed in range(2)]
    assert paths_of_runs("x/{run_id}/a", runs) == ["x/east/net/resample0_seed0/a", "x/east/net/resample0_seed1/a"]
    assert paths_of_runs("x/{footprint}/resample{resample}/b", runs) == ["x/east/resample0/b"]


def test_an_experiment_of_many_thousand_runs_has_room_in_a_command_line():
    config = yaml.safe_load(CONFIG)
    config["experiments"]["main"]["arms"]["families"]["seeds"] = list(range(1000))
    settings = load(config)
    assert len(settings.runs("main")) > 12_000
    # Linux takes no argument of more than 128 KiB.
    for parameter in (settings.bias_parameter, settings.design_parameter):
        assert len(as_parameter(parameter("main"))) < 20_000


def test_tiles(settings):
    assert list(settings.tiles("survey")) == list(range(48))
