"""The clock of the preview: how long jobs take together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.planning import schedule
from workflow_scripts.planning.cluster_requests import Cost, Work
from workflow_scripts.planning.dry_run import PlannedJob
from workflow_scripts.planning.schedule import simulated


@pytest.fixture(autouse=True)
def no_overhead(monkeypatch):
    monkeypatch.setattr(schedule, "LOCAL_OVERHEAD", 0.0)
    monkeypatch.setattr(schedule, "CLUSTER_OVERHEAD", 0.0)


def job(number, seconds, needs=(), threads=1, gpus=0, memory=1.0):
    """A job and what it takes."""
    resources = {"gpu": gpus, "unlimited": 10}
    planned = PlannedJob(number, "rule", "stage", {}, tuple(needs), (), threads, resources, Work("rule"), ("new",), ())
    return planned, Cost(seconds, memory, 0)


def scheduled(jobs, cores, limits=None, slots=None):
    costs = {planned.number: cost for planned, cost in jobs}
    return simulated([planned for planned, _ in jobs], costs, cores, limits or {}, slots)


def test_nothing_takes_no_time():
    assert scheduled([], 4).seconds == 0


def test_a_chain_takes_the_sum_and_a_crowd_shares_the_cores():
    chain = [job(number, 2.0, needs=[number - 1]) for number in range(5)]
    assert scheduled(chain, 4).seconds == 10
    crowd = [job(number, 2.0) for number in range(8)]
    assert scheduled(crowd, 4).seconds == 4
    assert scheduled(crowd, 4).memory_mb == 4
    assert scheduled(crowd, 1, slots=8).seconds == 2


def test_needs_that_are_done_are_not_waited_for():
    assert scheduled([job(5, 1.0, needs=[1, 2])], 1).seconds == 1


def test_threads_are_cores_and_more_than_there_are_take_all():
    jobs = [job(0, 1.0, threads=3), job(1, 1.0, threads=2), job(2, 1.0, threads=2)]
    assert scheduled(jobs, 4).seconds == 2
    assert scheduled([job(0, 1.0, threads=64), job(1, 1.0)], 4).seconds == 2


def test_one_card_takes_one_job_while_others_go_on():
    jobs = [job(0, 2.0, gpus=1), job(1, 2.0, gpus=1), job(2, 4.0)]
    assert scheduled(jobs, 8, {"gpu": 1}).seconds == 4
    assert scheduled(jobs, 8).seconds == 4
    assert scheduled([*jobs, job(3, 2.0, gpus=1)], 8, {"gpu": 1}).seconds == 6
    assert scheduled(jobs, 1, {"gpu": 1}, slots=8).seconds == 4


@given(
    times=st.lists(st.floats(0.1, 50), min_size=1, max_size=30),
    cores=st.integers(1, 6),
    links=st.lists(st.integers(0, 100), min_size=30, max_size=30),
)
def test_between_the_bounds_of_list_scheduling(times, cores, links):
    """No shorter than the work shared out or the longest chain, and less than the sum of both (Graham 1969)."""
    jobs = [job(n, seconds, needs=[links[n] % n] if n else []) for n, seconds in enumerate(times)]
    chain = []
    for item, cost in jobs:
        chain.append(cost.seconds + max((chain[need] for need in item.needs), default=0))
    share = sum(times) / cores
    found = scheduled(jobs, cores).seconds
    assert max(share, max(chain)) - 1e-6 <= found <= share + max(chain) + 1e-6
