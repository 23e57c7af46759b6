"""Requests for memory and time grow with the work and with every attempt."""

import copy

import pytest

from tests.small_experiment import CONFIG
from workflow_scripts.configuration import load
from workflow_scripts.planning.cluster_requests import Requests

TRAINING = {"survey": "pixels", "footprint": "east", "network": "net", "resample": "0", "seed": "0"}


@pytest.fixture
def requests_for(tmp_path):
    def build(n_galaxies):
        config = copy.deepcopy(CONFIG)
        config["catalogs"]["sky"]["n_galaxies"] = n_galaxies
        return Requests(load(config), tmp_path)

    return build


@pytest.mark.parametrize("quantity", ["memory_mb", "minutes"])
def test_every_attempt_asks_for_as_many_times_as_much(requests_for, quantity):
    asked = getattr(requests_for(1000), quantity)
    first, second, third = (asked("train", TRAINING, attempt) for attempt in (1, 2, 3))
    assert (second, third) == (2 * first, 3 * first)


@pytest.mark.parametrize("quantity", ["memory_mb", "minutes"])
def test_more_galaxies_ask_for_more(requests_for, quantity):
    names = {"survey": "pixels", "tile": "3"}
    small = getattr(requests_for(1000), quantity)("fetch_cutouts", names, 1)
    assert getattr(requests_for(10_000_000), quantity)("fetch_cutouts", names, 1) > 2 * small


def test_a_rule_with_constant_work_leaves_room_for_two_snakemakes(requests_for):
    assert requests_for(1000).memory_mb("write_verdict", {"experiment": "first"}, 1) >= 500
