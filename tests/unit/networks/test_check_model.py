"""The trial of a given model as a step, and the images on which it is made."""

import json

import keras
import numpy as np

from workflow_scripts import check_model
from workflow_scripts.networks.example_galaxies import drawn_galaxies, example_images

SHAPE = (32, 32, 3)


def arguments(path, output, **changes):
    network = {"architecture": "file", "path": str(path), "weights": None, "mode": "annotate", **changes}
    trial = {"network": network, "image_shape": list(SHAPE), "classes": ["elliptical", "spiral"]}
    return ["--trial", json.dumps(trial), "--images", str(output.parent / "images"), "--output", str(output)]


def given(path, **changes):
    pixels = keras.layers.Input(SHAPE)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(pixels)))
    keras.Model(pixels, keras.layers.Dense(1, **changes)(x)).save(path)
    return path


def test_what_a_model_gave_is_written(run_here, tmp_path):
    path = given(tmp_path / "good.keras", activation="sigmoid")
    run_here(check_model, *arguments(path, tmp_path / "trial.json"))
    trial = json.loads((tmp_path / "trial.json").read_text())
    assert len(trial["scores"]) == 4
    assert trial["score_of"] == "spiral"
    assert (trial["images"], trial["trained_parameters"], trial["parameters"]) == ("drawn", 0, 117)
    assert list(trial["provenance"]["inputs"]) == [str(path)]


def test_a_model_that_cannot_be_used_ends_the_run(run_here, tmp_path):
    path = given(tmp_path / "logits.keras")
    printed = run_here(check_model, *arguments(path, tmp_path / "trial.json"), expect=2)
    assert f"\nerror: {path}: its last layer 'dense" in printed
    assert not (tmp_path / "trial.json").exists()
    run_here(check_model, *arguments(path, tmp_path / "trial.json", outputs="logits", mode="fine_tune"))
    assert json.loads((tmp_path / "trial.json").read_text())["trained_parameters"] == 117


def test_every_model_of_a_network_is_tried(run_here, tmp_path):
    files = [given(tmp_path / f"{name}.keras", activation="sigmoid") for name in ("east", "west")]
    options = arguments(tmp_path / "{footprint}.keras", tmp_path / "trial.json")
    trial = {**json.loads(options[1]), "models": list(map(str, files))}
    run_here(check_model, "--trial", json.dumps(trial), *options[2:])
    tried = json.loads((tmp_path / "trial.json").read_text())
    assert list(tried["models"]) == list(tried["provenance"]["inputs"]) == list(map(str, files))
    given(files[1])
    printed = run_here(check_model, "--trial", json.dumps(trial), *options[2:], expect=2)
    assert f"\nerror: {files[1]}: its last layer 'dense" in printed


def test_images_of_the_survey_come_first(tmp_path):
    images, origin = example_images(tmp_path, SHAPE)
    assert origin == "drawn"
    np.testing.assert_array_equal(images, drawn_galaxies(SHAPE))
    (tmp_path / "tile0.npy").write_bytes(b"damaged")
    np.save(tmp_path / "tile1.npy", np.zeros((9, 8, 8, 3), np.uint8))
    mine = np.arange(9, dtype=np.uint8)[:, None, None, None] * np.ones(SHAPE, np.uint8)
    np.save(tmp_path / "tile2.npy", mine)
    images, origin = example_images(tmp_path, SHAPE)
    assert origin.endswith("tile2.npy")
    assert images[:, 0, 0, 0].tolist() == [0, 2, 5, 8]


def test_drawn_galaxies_differ_and_fill_the_range():
    for shape in (SHAPE, (48, 48, 1)):
        images = drawn_galaxies(shape)
        assert (images.shape, images.dtype) == ((4, *shape), np.uint8)
        assert images.max() > 180
        assert np.median(images) < 40
        assert len({image.tobytes() for image in images}) == 4
