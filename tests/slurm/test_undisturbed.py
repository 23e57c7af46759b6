"""The tiny experiment through profiles/slurm, judged by the scheduler's own records."""

from collections import Counter

import pytest

from tests.compared_results import different_results
from workflow_scripts.planning.dry_run import dry_run

pytestmark = [pytest.mark.slow, pytest.mark.slurm, pytest.mark.longest]

LOCAL = {"map_footprint", "write_verdict", "draw_runs", "draw_footprints"}


def expected_requests(submitted) -> Counter:
    """(rule, CPUs, MB, minutes, cards) of every job that is not local, and how often."""
    experiment = str(submitted.analysis / "experiment.yaml")
    plan = dry_run(["--directory", str(submitted.analysis), "--configfile", experiment, "--cores", "2"])
    return Counter(
        (job.rule, job.threads, job.resources["mem_mb"], job.resources["runtime"], job.resources.get("gpu", 0))
        for job in plan.jobs
        if job.rule not in LOCAL
    )


def recorded_requests(jobs: list[dict[str, str]]) -> Counter:
    """The same of jobs as the scheduler recorded them."""
    found: Counter = Counter()
    for job in jobs:
        memory = int(float(job["memory"][:-1]) * {"M": 1, "G": 1024}[job["memory"][-1]])
        # [hours:]minutes:seconds
        *hours, minutes, _ = map(int, job["limit"].split(":"))
        found[(job["rule"], int(job["cpus"]), memory, minutes + 60 * sum(hours), int(job["cards"]))] += 1
    return found


def run_and_compare(submitted, expected) -> list[dict[str, str]]:
    """Run to the end; every job that is not local was one of SLURM as requested, and results are the expected ones."""
    requested = expected_requests(submitted)
    assert submitted.run() == 0, submitted.printed()[-3000:]
    recorded = submitted.jobs()
    assert {job["state"] for job in recorded} == {"COMPLETED"}
    assert recorded_requests(recorded) == requested
    assert different_results(expected.analysis / "results", submitted.analysis / "results") == []
    assert len(list((submitted.analysis / "logs" / "slurm").rglob("*.log"))) == len(recorded)
    return recorded


def test_tiny_runs_as_jobs_of_slurm_and_requests_no_card(submitted, tiny, local_tiny):
    submitted.write_config(tiny)
    recorded = run_and_compare(submitted, local_tiny)
    assert Counter(job["rule"] for job in recorded)["train"] == 20
    assert {job["cards"] for job in recorded} == {"0"}
    assert submitted.would_run() == set()


def test_training_and_annotation_request_one_card_each_when_the_experiment_does(submitted, few_runs, local_few):
    submitted.write_config(few_runs | {"gpu": {"enabled": True}})
    recorded = run_and_compare(submitted, local_few)
    with_card = {job["rule"] for job in recorded if job["cards"] == "1"}
    assert with_card == {"train", "annotate"}
