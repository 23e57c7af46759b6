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


def test_a_design_that_cannot_be_met_ends_the_run_before_any_training(disturbed):
    config = disturbed.read_config()
    config["matchings"]["other"].update(per_class=1000)
    config["experiments"]["first"]["arms"]["halves"]["seeds"] = [0, 1, 2, 3]
    disturbed.write_config(config)
    before = made(disturbed, "training/**/model.keras")
    failed = disturbed.snakemake(check=False)
    assert failed.returncode
    *_, last = failed.stderr.strip().splitlines()
    # Both classes in one sentence, each with what would fit.
    for name, found in (("elliptical", 30), ("spiral", 40)):
        sentence = f"footprints.north, class {name}: {found} galaxies of the training pool are in the region"
        assert f"{sentence}, a training set needs 1000 (matchings: a per_class of {found} fits)" in last
    assert last.startswith("error: ")
    assert last.endswith("(logs/bias/first/check_design.log)")
    assert "no further job is started" in failed.stderr
    assert made(disturbed, "training/**/model.keras") == before
    # Nothing is lost: with the mistake mended, only what is new runs.
    config["matchings"]["other"].update(per_class=8)
    disturbed.write_config(config)
    would_run = disturbed.would_run()
    assert not {"fetch_cutouts", "prepare_images"} & {rule for rule, _ in would_run}
    trained = {output for rule, output in would_run if rule == "train" and output.endswith(".keras")}
    new = {f"{half}/net/resample0_seed{seed}/model.keras" for half in ("east", "west") for seed in (1, 2, 3)}
    # The set that cannot be drawn may have been tried beside the check, and is then made again.
    again = {"results/training/pixels/north/net/resample0_seed0/model.keras"}
    assert trained - again == {f"results/training/pixels/{run}" for run in new}


def test_a_design_that_cannot_answer_starts_nothing(disturbed):
    config = disturbed.read_config()
    del config["experiments"]["first"]["allow_unanswerable"]
    disturbed.write_config(config)
    failed = disturbed.snakemake("--dry-run", check=False)
    assert failed.returncode
    sentence = (
        "experiments.first cannot be answered: 1 + 1 training sets of east and west can give no adjusted p below 0.01"
    )
    assert sentence in failed.stdout + failed.stderr
    assert "to run it nevertheless, set `allow_unanswerable: true` in it" in failed.stdout + failed.stderr
    config["experiments"]["first"]["allow_unanswerable"] = True
    disturbed.write_config(config)
    allowed = disturbed.snakemake("--dry-run")
    assert sentence in allowed.stdout + allowed.stderr


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
