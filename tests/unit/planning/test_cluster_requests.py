"""Requests for memory and time grow with the work that a rule states, and with every attempt."""

import pytest

from workflow_scripts.planning.cluster_requests import Work, cluster_request, cost_of, shipped_cost, stated_work


def requested(quantity, size, attempt=1):
    resources = cluster_request("fetch_cutouts", variant=lambda w: w["kind"], size=lambda w: int(w["galaxies"]))
    return resources[quantity]({"kind": "simulated", "galaxies": str(size)}, attempt)


@pytest.mark.parametrize("quantity", ["mem_mb", "runtime"])
def test_requests_grow_with_the_attempt_and_with_the_work(quantity):
    first, second, third = (requested(quantity, 1000, attempt) for attempt in (1, 2, 3))
    assert (second, third) == (2 * first, 3 * first)
    assert requested(quantity, 1_000_000) > 2 * first


def test_a_rule_with_constant_work_leaves_room_for_two_snakemakes():
    assert cluster_request("write_verdict")["mem_mb"]({}, 1) >= 500


def test_the_work_that_a_rule_states_is_read_from_the_resources_of_its_job():
    functions = cluster_request(
        "train", variant=lambda w: w["network"], size=lambda w: 12, written=lambda w: 7, requests=lambda w: None
    )
    resources = {
        name: function({"network": "lenet5"})
        for name, function in functions.items()
        if name not in ("mem_mb", "runtime")
    }
    # Snakemake leaves out resources that are None.
    resources = {"mem_mb": 500, **{name: value for name, value in resources.items() if value is not None}}
    assert stated_work("train", resources) == Work("train lenet5", 12, written=7)


def test_a_job_that_states_nothing_has_the_work_of_its_rule():
    assert stated_work("my_rule", {"mem_mb": 500}) == Work("my_rule", 1)


def test_a_service_that_limits_requests_sets_the_pace():
    lines = shipped_cost("fetch_cutouts sdss").lines
    assert cost_of(Work("fetch_cutouts sdss", 1000, least_seconds=5e5), lines).seconds == 5e5
    assert cost_of(Work("fetch_cutouts sdss", 1000), lines).seconds < 5e5


def test_a_kind_that_was_not_measured_is_taken_for_another_of_its_rule_or_for_any_job():
    assert shipped_cost("train resnet_small") != shipped_cost("train other")
    assert shipped_cost("train ResNet50") == shipped_cost("train other")
    assert shipped_cost("my_rule") == shipped_cost("other")
