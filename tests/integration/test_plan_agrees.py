"""The preview of experiments/tiny.yaml before, half-way and after a run agrees with what then runs."""

import pytest
import yaml

from tests.planned import counted_by_snakemake, planned
from tests.workflow_copy import WorkflowCopy

pytestmark = [pytest.mark.long, pytest.mark.longest]


def jobs_that_ran(workflow: WorkflowCopy, *arguments: str) -> int:
    """Run the workflow; how many jobs finished."""
    log = workflow.snakemake(*arguments).stderr
    counted = counted_by_snakemake(log)
    assert log.count("Finished jobid: ") == counted["total"]
    return counted["total"]


def test_the_preview_counts_what_runs_before_half_way_and_after(repository, tmp_path):
    workflow = WorkflowCopy(repository, tmp_path)
    tiny = yaml.safe_load((repository / "experiments" / "tiny.yaml").read_text(encoding="utf-8"))
    workflow.write_config(tiny)

    before = planned(workflow)
    assert before["total"]["done"] == 0
    assert before["total"]["why"] == {"new": before["total"]["to_do"]}
    assert before["download"] == {"requests": 0, "bytes": 0}
    assert all(source["records"] == 0 for source in before["estimates"])

    ran = jobs_that_ran(workflow, "--until", "index_images", "draw_training_set")
    half_way = planned(workflow)
    assert half_way["total"]["done"] == ran
    assert half_way["total"]["done"] + half_way["total"]["to_do"] == before["total"]["to_do"]

    rest = jobs_that_ran(workflow)
    assert rest == half_way["total"]["to_do"] + half_way["target_rules"]
    after = planned(workflow)
    assert (after["total"]["to_do"], after["wall_seconds"]) == (0, 0)
    assert after["total"]["done"] == before["total"]["to_do"]

    # What is known now comes from what ran.
    tiny["networks"]["tiny_lenet5"]["epochs"] += 1
    workflow.write_config(tiny)
    again = planned(workflow)
    training = again["groups"]["experiment tiny"]["training"]
    assert (training["to_do"], training["why"], training["changes"]) == (20, {"parameters": 20}, ["epochs: 2 -> 3"])
    assert again["total"]["from_records"]
    assert jobs_that_ran(workflow) == again["total"]["to_do"] + again["target_rules"]
