"""Results do not depend on the number of cores, nor on how often the workflow was killed on the way."""

import os
import signal
import subprocess
import time

import pytest

from tests.compared_results import different_results
from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy

pytestmark = pytest.mark.long

STAGES = ("catalog", "cutouts", "images", "training", "inference", "bias", "report")


def killed_when_started(workflow: WorkflowCopy, stage: str) -> bool:
    """Run until a job of a stage has begun, then SIGKILL Snakemake and all its jobs. False if the stage never began."""
    seen = set(workflow.analysis.glob(f"logs/{stage}/**/*.log"))
    process = subprocess.Popen(
        # A killed Snakemake leaves its lock.
        workflow.command("--nolock"),
        cwd=workflow.root,
        env=os.environ | {"PYTHONPATH": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while process.poll() is None:
            if set(workflow.analysis.glob(f"logs/{stage}/**/*.log")) - seen:
                # Into the job: past the start of its interpreter.
                time.sleep(1.0)
                return True
            time.sleep(0.05)
        return False
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_one_core_and_a_kill_in_every_stage_give_the_bytes_of_an_undisturbed_run(
    finished_run, repository, tmp_path_factory
):
    workflow = WorkflowCopy(repository, tmp_path_factory.mktemp("killed"))
    workflow.cores = 1
    workflow.write_config(CONFIG)
    for stage in STAGES:
        assert killed_when_started(workflow, stage), f"no job of stage {stage} was running to be killed"
    workflow.snakemake("--nolock")
    assert workflow.would_run() == set()
    assert different_results(finished_run.analysis / "results", workflow.analysis / "results") == []
    assert not list((workflow.analysis / "results").rglob("*.partial*"))
