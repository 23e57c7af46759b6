"""Whatever dies on the way, at most one more `snakemake` ends in the complete and identical result."""

import copy
import os
import signal
import time

import pytest

from tests.compared_results import different_results

pytestmark = [pytest.mark.slow, pytest.mark.slurm]


def assert_complete(submitted, local_few) -> None:
    assert different_results(local_few.analysis / "results", submitted.analysis / "results") == []
    assert submitted.would_run() == set()
    assert submitted.active_jobs() == []
    assert not list((submitted.analysis / "results").rglob("*.partial*"))


@pytest.mark.longest
def test_a_job_cancelled_and_one_out_of_memory_and_node_and_controller_away(submitted, few_runs, local_few):
    """One run, four accidents: no further command is needed."""
    submitted.write_config(few_runs)
    # Too little for the two Snakemakes and the step at the first attempt, enough at the second.
    submitted.start("--set-resources", "make_catalog:mem_mb=attempt*220")

    submitted.wait_for_running("make_catalog")
    fetching = submitted.wait_for_running("fetch_cutouts")
    submitted.cluster.run("scancel", fetching["id"])

    submitted.wait_for_running("prepare_images")
    submitted.cluster.stop_daemon("slurmctld")
    time.sleep(20)
    submitted.cluster.start_controller()

    training = submitted.wait_for_running("train")
    node = f"nodename={submitted.cluster.host}"
    submitted.cluster.run("scontrol", "update", node, "state=down", "reason=test")
    time.sleep(3)
    submitted.cluster.run("scontrol", "update", node, "state=resume")

    assert submitted.wait() == 0, submitted.printed()[-3000:]
    starved = submitted.jobs("make_catalog")
    assert [(job["state"], job["memory"]) for job in starved] == [("FAILED", "220M"), ("COMPLETED", "440M")]
    # A new allocation each, with twice the memory and time.
    fetched = submitted.jobs("fetch_cutouts")
    assert sorted(job["state"] for job in fetched) == ["CANCELLED", "COMPLETED", "COMPLETED"]
    assert (fetched[-1]["memory"], fetched[-1]["limit"]) == ("1600M", "22:00")
    assert {job["id"]: job["state"] for job in submitted.jobs()}[training["id"]] in ("NODE_FAIL", "FAILED")
    assert_complete(submitted, local_few)


@pytest.mark.longest
def test_an_interrupted_snakemake_cancels_its_jobs_and_the_next_goes_on(submitted, few_runs, local_few):
    submitted.write_config(few_runs)
    submitted.start()
    submitted.wait_for_running("fetch_cutouts")
    os.kill(submitted.process.pid, signal.SIGINT)
    assert submitted.wait() != 0
    submitted.cluster.wait_for(lambda: not submitted.active_jobs(), 60, "jobs were left in the queue")
    made = {job["id"] for job in submitted.jobs("simulate_sky")}
    assert submitted.run() == 0, submitted.printed()[-3000:]
    assert {job["id"] for job in submitted.jobs("simulate_sky")} == made
    assert_complete(submitted, local_few)


@pytest.mark.longest
def test_orphans_of_a_killed_snakemake_are_found_and_cancelled_and_the_next_goes_on(submitted, few_runs, local_few):
    submitted.write_config(few_runs)
    submitted.start()
    submitted.wait_for_running("train")
    refused = submitted.cancel_orphans()
    assert refused.returncode == 2
    assert "its jobs are no orphans" in refused.stderr
    os.kill(submitted.process.pid, signal.SIGKILL)
    submitted.process.wait()
    orphans = submitted.active_jobs()
    assert orphans
    listed = submitted.cancel_orphans("--dry-run")
    assert all(job["id"] in listed.stdout for job in orphans)
    assert submitted.active_jobs()
    cancelled = submitted.cancel_orphans()
    assert cancelled.returncode == 0, cancelled.stderr
    assert submitted.active_jobs() == []
    assert "no job of this folder" in submitted.cancel_orphans().stdout
    submitted.snakemake("--unlock")
    assert submitted.run() == 0, submitted.printed()[-3000:]
    assert_complete(submitted, local_few)


def test_a_site_that_wants_a_partition_is_reported(submitted, few_runs):
    submitted.write_config(few_runs)
    submitted.cluster.run("scontrol", "update", "partitionname=cpu", "default=no")
    try:
        assert submitted.run("--retries", "0") != 0
    finally:
        submitted.cluster.run("scontrol", "update", "partitionname=cpu", "default=yes")
    assert submitted.jobs() == []
    sentence = "error: SLURM refused a job: this site has no default partition: add --default-resources"
    assert submitted.printed().count(sentence) == 1


@pytest.mark.longest
def test_a_mistake_that_a_job_finds_ends_the_run_with_its_sentence(submitted, few_runs):
    config = copy.deepcopy(few_runs)
    for matching in config["matchings"].values():
        matching.update(per_class=100_000, shortfall="error")
    submitted.write_config(config)
    assert submitted.run() != 0
    *_, last = submitted.printed().strip().splitlines()
    assert last.startswith("error: footprints."), submitted.printed()[-3000:]
    assert "draw_training_set.log" in last
    # One attempt each: another would meet the same mistake.
    drawn = submitted.jobs("draw_training_set")
    assert len(drawn) <= 2
    assert submitted.jobs("train") == []
