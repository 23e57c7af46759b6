"""What is wrong for all ends the run at once; what fails for one job holds up no other. The sentences come last."""

import shutil

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture
def disturbed(workflow):
    """The finished run, whose results are put back after the test."""
    kept = workflow.analysis.with_name("kept results")
    shutil.copytree(workflow.analysis, kept)
    yield workflow
    shutil.rmtree(workflow.analysis)
    kept.rename(workflow.analysis)


def made(workflow, pattern):
    return {
        str(path.relative_to(workflow.analysis / "results")) for path in workflow.analysis.glob(f"results/{pattern}")
    }


def test_a_design_that_cannot_be_met_ends_the_run(disturbed):
    config = disturbed.read_config()
    config["matchings"]["other"].update(per_class=1000)
    config["experiments"]["first"]["arms"]["halves"]["seeds"] = [0, 1, 2, 3]
    disturbed.write_config(config)
    before = made(disturbed, "training/**/model.keras")
    failed = disturbed.snakemake(check=False)
    assert failed.returncode
    *_, last = failed.stderr.strip().splitlines()
    assert last.startswith("error: footprints.north")
    assert last.endswith("(logs/training/pixels/north/resample0/draw_training_set.log)")
    assert "no further job is started" in failed.stderr
    # Training sets come first; at most what ran beside the one that failed has been trained.
    assert len(made(disturbed, "training/**/model.keras") - before) <= 1
    # Nothing is lost: with the mistake mended, only what is new runs.
    config["matchings"]["other"].update(per_class=8)
    disturbed.write_config(config)
    rules = {rule for rule, _ in disturbed.would_run()}
    assert not {"fetch_cutouts", "prepare_images"} & rules


def test_a_network_that_diverges_holds_up_no_other(disturbed):
    config = disturbed.read_config()
    net = config["networks"]["net"]
    config["networks"]["wild"] = {**net, "optimizer": {"name": "sgd", "learning_rate": 1e30}, "epochs": 3}
    arms = config["experiments"]["first"]["arms"]
    arms["wild"] = {**arms["control"], "networks": ["wild"]}
    arms["halves"]["seeds"] = [0, 1]
    disturbed.write_config(config)
    failed = disturbed.snakemake(check=False)
    assert failed.returncode
    *_, last = failed.stderr.strip().splitlines()
    assert last.startswith("failed: networks: the loss of lenet5 is not finite")
    assert last.endswith("(logs/training/pixels/north/wild/resample0_seed0/train.log)")
    done = made(disturbed, "inference/**/annotations.parquet")
    assert {f"inference/pixels/{half}/net/resample0_seed1/annotations.parquet" for half in ("east", "west")} <= done
