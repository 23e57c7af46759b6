"""The train step as a program: the same bytes again, after a kill too, and other bytes with another seed."""

import json
import shutil
import signal

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from workflow_scripts import train
from workflow_scripts.networks.model_files import load_checked

OUTPUTS = ("model.keras", "history.csv", "run.json")
# The process kills itself as soon as it has kept the given epoch.
KILL_AFTER = """
import os, signal
from workflow_scripts.networks.checkpoints import Checkpoints
keep = Checkpoints.epoch_done
def keep_and_die(self, model, optimizer, history):
    keep(self, model, optimizer, history)
    if len(history) == {epoch}:
        os.kill(os.getpid(), signal.SIGKILL)
Checkpoints.epoch_done = keep_and_die
"""


@pytest.fixture
def outcome(tiny_survey):
    """Bytes of the three outputs in a folder of the tiny survey."""

    def read(folder):
        return {name: (tiny_survey / folder / name).read_bytes() for name in OUTPUTS}

    return read


@pytest.fixture
def fresh(tiny_survey):
    """An output folder that is the same in every training, since its name is part of the record."""
    folder = tiny_survey / "run"
    shutil.rmtree(folder, ignore_errors=True)
    return folder.relative_to(tiny_survey)


@pytest.fixture(scope="session")
def undisturbed():
    """Outputs of the undisturbed training, kept between tests."""
    return {}


@pytest.fixture
def reference(undisturbed, run_step, train_arguments, outcome, fresh, tiny_survey):
    if not undisturbed:
        run_step("train", *train_arguments(fresh))
        undisturbed.update(outcome(fresh))
        shutil.rmtree(tiny_survey / fresh)
    return undisturbed


def test_training_learns_and_records_what_it_did(reference, tmp_path):
    (tmp_path / "history.csv").write_bytes(reference["history.csv"])
    history = pd.read_csv(tmp_path / "history.csv")
    assert list(history.columns) == ["epoch", "loss", "accuracy"]
    assert list(history["epoch"]) == [1, 2, 3, 4]
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert history["accuracy"].iloc[-1] > 0.75
    run = json.loads(reference["run.json"])
    assert run["config"]["footprint"] == "north"
    assert run["seeds"] == {"training": 0}
    assert set(run["inputs"]) == {"training_set.parquet", "images/index.parquet", "catalog.parquet"}
    assert sum(run["training"]["n_train"].values()) == 200
    (tmp_path / "model.keras").write_bytes(reference["model.keras"])
    assert keras.models.load_model(tmp_path / "model.keras").count_params() == run["training"]["parameters"]
    assert run["training"]["last_epoch"]["accuracy"] == pytest.approx(history["accuracy"].iloc[-1])
    at_inference = run["training"]["at_inference"]
    # 400 galaxies of the annotation split, of which all with an image are known.
    assert (at_inference["training"]["n"], at_inference["held_out"]["n"]) == (200, 400)
    assert min(of["balanced_accuracy"] for of in at_inference.values()) > 0.75
    assert run["training"]["learned"] is True


def test_same_bytes_in_another_process(reference, run_step, train_arguments, outcome, fresh, tiny_survey):
    run_step("train", *train_arguments(fresh), "--threads", "2")
    assert outcome(fresh) == reference
    assert list((tiny_survey / fresh / "resume").glob("*")) == []


def test_another_seed_gives_another_model(reference, run_here, train_arguments, outcome, fresh):
    run_here(train, *train_arguments(fresh, seed=1))
    assert outcome(fresh)["model.keras"] != reference["model.keras"]
    assert outcome(fresh)["history.csv"] != reference["history.csv"]


def test_a_blur_is_seen_by_the_network_and_recorded(reference, run_here, train_arguments, outcome, fresh):
    run_here(train, *train_arguments(fresh, blur_fwhm_px=4.0))
    assert outcome(fresh)["model.keras"] != reference["model.keras"]
    assert outcome(fresh)["history.csv"] != reference["history.csv"]
    assert json.loads(outcome(fresh)["run.json"])["config"]["network"]["blur_fwhm_px"] == 4.0


@pytest.mark.long
def test_killed_training_resumes_to_the_same_bytes(reference, run_step, train_arguments, outcome, fresh, tiny_survey):
    for epoch in (1, 3):
        killed = run_step("train", *train_arguments(fresh), before=KILL_AFTER.format(epoch=epoch), expect=None)
        assert killed.returncode == -signal.SIGKILL
        assert not any((tiny_survey / fresh / name).exists() for name in OUTPUTS)
        (kept,) = (tiny_survey / fresh / "resume").glob("*/last_epoch.npz")
    # Other trainings have folders of their own.
    other = run_step("train", *train_arguments(fresh, epochs=1))
    assert "resuming" not in other.stderr
    assert kept.exists()
    finished = run_step("train", *train_arguments(fresh))
    assert "resuming after epoch 3" in finished.stderr
    assert outcome(fresh) == reference
    assert not kept.parent.exists()


@pytest.mark.long
def test_damaged_checkpoint_is_not_trusted(reference, run_step, train_arguments, outcome, fresh, tiny_survey):
    run_step("train", *train_arguments(fresh), before=KILL_AFTER.format(epoch=2), expect=None)
    (kept,) = (tiny_survey / fresh / "resume").glob("*/last_epoch.npz")
    kept.write_bytes(kept.read_bytes()[:5000])
    finished = run_step("train", *train_arguments(fresh))
    assert "training starts again" in finished.stderr
    assert outcome(fresh) == reference


def test_given_model_is_fine_tuned_or_only_checked(reference, run_here, train_arguments, outcome, fresh, tiny_survey):
    (tiny_survey / "given.keras").write_bytes(reference["model.keras"])
    given = {"architecture": "file", "path": "given.keras"}
    run_here(train, *train_arguments(fresh, **given, mode="annotate"))
    assert outcome(fresh)["model.keras"] == reference["model.keras"]
    assert outcome(fresh)["history.csv"] == b"epoch,loss,accuracy\n"
    assert "given.keras" in json.loads(outcome(fresh)["run.json"])["inputs"]
    run_here(train, *train_arguments(fresh, **given, mode="fine_tune", epochs=1))
    first_loss = float(outcome(fresh)["history.csv"].split(b"\n")[1].split(b",")[1])
    assert first_loss < 0.8 * float(reference["history.csv"].split(b"\n")[1].split(b",")[1])


def test_a_finished_model_that_gives_logits_is_kept_as_one_that_gives_probabilities(
    reference, run_here, train_arguments, outcome, fresh, tiny_survey
):
    (tiny_survey / "mine.keras").write_bytes(reference["model.keras"])
    model = keras.models.load_model(tiny_survey / "mine.keras")
    end = model.get_layer("score")
    end.activation = keras.activations.linear
    model.save(tiny_survey / "logits.keras")
    given = {"architecture": "file", "path": "logits.keras", "outputs": "logits"}
    run_here(train, *train_arguments(fresh, **given, mode="annotate"))
    (tiny_survey / "kept.keras").write_bytes(outcome(fresh)["model.keras"])
    pixels = np.random.default_rng(0).uniform(0, 255, (3, 20, 20, 3)).astype("float32")
    expected = keras.models.load_model(tiny_survey / "mine.keras")(pixels)
    np.testing.assert_allclose(load_checked(tiny_survey / "kept.keras", (20, 20, 3))(pixels), expected, atol=1e-6)


def test_network_that_has_not_learned_is_a_finding_of_its_run(run_here, train_arguments, outcome, fresh):
    idle = {"name": "sgd", "learning_rate": 1e-9, "schedule": "constant"}
    shown = run_here(train, *train_arguments(fresh, epochs=1, optimizer=idle))
    (line,) = [line for line in shown.splitlines() if "has not learned" in line]
    assert " WARNING run has not learned: at inference its balanced accuracy is 0." in line
    run = json.loads(outcome(fresh)["run.json"])["training"]
    assert run["learned"] is False
    assert run["at_inference"]["held_out"]["p_guessing"] >= 0.01


def test_a_card_that_is_not_there_stops_the_training(run_here, train_arguments, fresh, tiny_survey):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a graphics card")
    shown = run_here(train, *train_arguments(fresh), "--gpu", expect=2)
    (line,) = [line for line in shown.splitlines() if line.startswith("error: ")]
    assert "sees no graphics card" in line
    assert "make environment GPU=1" in line
    assert not any((tiny_survey / fresh / name).exists() for name in OUTPUTS)


def test_wrong_entries_are_one_sentence(run_here, train_arguments, fresh, tiny_survey):
    (tiny_survey / "text.keras").write_text("hello")
    wild = {"name": "sgd", "learning_rate": 1e30, "schedule": "constant"}
    # A network that diverges fails alone; the others are mistakes of the configuration.
    for changes, word, sentence in (
        (
            {"architecture": "file", "path": "text.keras", "mode": "annotate"},
            "error",
            "text.keras: is not a .keras file",
        ),
        (
            {"architecture": "file", "path": "none.keras", "mode": "fine_tune"},
            "error",
            "none.keras: the model file does not exist",
        ),
        (
            {"weights": "none.weights.h5", "mode": "fine_tune"},
            "error",
            "none.weights.h5: the file of weights for lenet5 does not exist",
        ),
        ({"optimizer": wild}, "failed", "is not finite after epoch"),
    ):
        failed = run_here(train, *train_arguments(fresh, **changes), expect=2)
        (line,) = [line for line in failed.splitlines() if line.startswith(f"{word}: ")]
        assert sentence in line
        assert "Traceback" not in failed
        assert not any((tiny_survey / fresh / name).exists() for name in OUTPUTS)
