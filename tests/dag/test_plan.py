"""The preview lists what Snakemake would run, and why."""

import copy

import pytest

from tests.planned import counted_by_snakemake, plan, planned
from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy
from workflow_scripts.planning.estimate import STAGES

pytestmark = pytest.mark.slow


def change(workflow, edit):
    config = workflow.read_config()
    edit(config)
    workflow.write_config(config)


def stages_to_do(found, group="experiment first"):
    return {stage: row["to_do"] for stage, row in found["groups"][group].items() if row["to_do"]}


def assert_agrees(workflow, found):
    """The preview and `snakemake -n` count the same jobs."""
    counted = counted_by_snakemake(workflow.snakemake("--dry-run").stdout)
    assert found["total"]["to_do"] + found["target_rules"] == counted.get("total", 0)


def test_a_finished_run_leaves_nothing_to_do(workflow):
    found = planned(workflow)
    assert_agrees(workflow, found)
    assert found["total"]["to_do"] == 0
    assert found["total"]["done"] > 30
    assert (found["wall_seconds"], found["disk"]["written_bytes"]) == (0, 0)
    assert "Nothing to do" in plan(workflow).stdout


def test_changed_epochs_are_named(workflow):
    change(workflow, lambda c: c["networks"]["net"].update(epochs=2))
    found = planned(workflow)
    assert_agrees(workflow, found)
    assert stages_to_do(found) == {"training": 3, "inference": 3, "bias": 1, "report": 4}
    training = found["groups"]["experiment first"]["training"]
    assert training["why"] == {"parameters": 3}
    assert training["changes"] == ["epochs: 1 -> 2"]
    assert training["from_records"]
    assert found["groups"]["experiment first"]["inference"]["why"] == {"follows": 3}
    assert "parameters (epochs: 1 -> 2)" in plan(workflow).stdout


def test_edited_code_and_edited_parameters_are_distinguished(workflow):
    module = workflow.root / "workflow_scripts" / "statistics" / "runs" / "contrasts.py"
    module.write_text(module.read_text() + "\nANSWER = 42\n")
    found = planned(workflow)
    assert_agrees(workflow, found)
    assert found["groups"]["experiment first"]["bias"]["why"] == {"code": 1}
    assert found["groups"]["experiment first"]["report"]["why"] == {"follows": 3}


@pytest.mark.long
def test_a_shared_job_is_counted_once(workflow):
    def edit(config):
        first = config["experiments"]["first"]
        arm = {"footprints": ["east", "west"], "networks": ["net"], "resamples": [0], "seeds": [0, 2]}
        config["experiments"]["second"] = {**first, "arms": {"halves": arm}}
        config["active_experiments"] = ["first", "second"]
        config["networks"]["net"]["epochs"] = 2

    change(workflow, edit)
    found = planned(workflow)
    assert_agrees(workflow, found)
    assert stages_to_do(found)["training"] == 3
    # Two new runs, which wait for the designs, beside the two that both share.
    assert stages_to_do(found, "experiment second")["training"] == 5
    training = {job: row["training"] for job, row in found["groups"].items()}
    # East and west with seed 0, their training sets and their maps.
    assert training["experiment first"]["shared"] == training["experiment second"]["shared"] == 6
    by_group = sum(row["to_do"] for stages in found["groups"].values() for row in stages.values())
    # East and west with seed 0, twice, and nothing else that is to be done.
    assert found["total"]["to_do"] == by_group - 4
    assert set(found["designs"]) == {"first", "second"}
    assert found["designs"]["second"]["galaxies"] == []
    assert any("no adjusted p below 0.01" in sentence for sentence in found["designs"]["second"]["problems"])
    assert found["total"]["why"]["new"] >= 2


def test_a_forced_job_is_named(workflow):
    found = plan(workflow, "--", "--forcerun", "write_verdict")
    assert "forced" in found.stdout


def test_a_mistake_is_one_sentence_and_snakemakes(workflow):
    change(workflow, lambda c: c["networks"]["net"].update(epoch=2))
    refused = plan(workflow)
    assert refused.returncode == 2
    assert refused.stdout == ""
    (line,) = refused.stderr.splitlines()
    sentence = line.removeprefix("error: ")
    assert "did you mean 'epochs'?" in sentence
    snakemake = workflow.snakemake("--dry-run", check=False)
    assert sentence in snakemake.stderr + snakemake.stdout


def test_a_missing_file_of_the_user_is_named(repository, tmp_path):
    workflow = WorkflowCopy(repository, tmp_path)
    config = copy.deepcopy(CONFIG)
    config["footprints"]["east"].update(region={"moc": {"path": "region.fits"}})
    workflow.write_config(config)
    refused = plan(workflow)
    assert refused.returncode == 2
    assert "footprints.east.region.moc.path is 'region.fits', which does not exist" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    ("module", "made_again"),
    [
        # The ledger follows from the tiles.
        ("surveys/simulated/rendering.py", {"cutouts": {"code", "follows"}, "images": {"follows"}}),
        ("networks/training.py", {"training": {"code"}, "inference": {"follows"}}),
    ],
)
def test_a_newer_version_lists_what_it_makes_again_of_older_results(workflow, module, made_again):
    path = workflow.root / "workflow_scripts" / module
    path.write_text(path.read_text() + "\nANSWER = 42\n")
    found = planned(workflow)
    assert_agrees(workflow, found)
    why = {stage: set(row["why"]) for stage, row in found["groups"]["experiment first"].items() if row["to_do"]}
    first = STAGES.index(next(iter(made_again)))
    assert set(why) <= set(STAGES[first:]), "what comes before is not made again"
    assert {stage: why[stage] for stage in made_again} == made_again
