"""Model files from anywhere are read with suspicion; our own are written without dates."""

import json
import zipfile

import keras
import numpy as np
import pytest

from workflow_scripts.errors import InputError
from workflow_scripts.networks import model_files
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.model_files import load_checked, model_record, write_model

SHAPE = (20, 20, 3)
layers = keras.layers


def small_model(*middle, shape=SHAPE, units=1, activation="sigmoid"):
    end = [layers.GlobalAveragePooling2D(), layers.Dense(units, activation=activation)]
    return keras.Sequential([layers.Input(shape), *middle, *end])


def test_written_model_has_no_dates_and_loads(tmp_path, monkeypatch):
    model = build_model({"architecture": "lenet5"}, SHAPE, 2)
    write_model(tmp_path / "a.keras", model, {"seeds": {"training": 3}})
    monkeypatch.setattr("time.localtime", lambda *_: (2031, 5, 6, 7, 8, 9, 0, 0, 0))
    write_model(tmp_path / "b.keras", model, {"seeds": {"training": 3}})
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert {member.date_time[0] for member in archive.infolist()} == {1980}
        assert "1980" in json.loads(archive.read("metadata.json"))["date_saved"]
    loaded = keras.models.load_model(tmp_path / "a.keras")
    pixels = np.random.default_rng(0).uniform(0, 255, (5, *SHAPE)).astype("float32")
    np.testing.assert_array_equal(loaded(pixels), model(pixels))
    assert model_record(tmp_path / "a.keras") == {"seeds": {"training": 3}}


def test_model_that_fits_is_loaded(tmp_path):
    for number, model in enumerate(
        [small_model(), small_model(units=2, activation="softmax"), small_model(shape=(None, None, 3))]
    ):
        path = tmp_path / f"model{number}.keras"
        model.save(path)
        assert load_checked(path, SHAPE, 2).output_shape == model.output_shape
        assert model_record(path) == {}


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (small_model(shape=(24, 24, 3)), r"takes input of shape \(n, 24, 24, 3\), the recipe gives images"),
        (small_model(shape=(20, 20, 1)), r"the recipe gives images of shape \(n, 20, 20, 3\)"),
        (
            small_model(units=3, activation="softmax"),
            r"output of shape \(n, 3\), expected \(n, 1\) or \(n, 2\) for 2 classes",
        ),
        (small_model(layers.Rescaling(100.0, offset=50), activation="linear"), "expected probabilities"),
        (small_model(units=2, activation="relu"), "expected probabilities"),
        (small_model(layers.Lambda(lambda x: x * 2)), "has a layer 'lambda' of class Lambda, which can run"),
    ],
    ids=["size", "channels", "classes", "linear", "relu", "lambda"],
)
def test_model_that_does_not_fit(tmp_path, model, sentence):
    path = tmp_path / "model.keras"
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape))
    model.save(path)
    with pytest.raises(InputError, match=sentence) as refused:
        load_checked(path, SHAPE, 2)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def rewritten(path, target, change):
    """A copy of a model file with each member passed through `change(name, content)`."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, change(name, source.read(name)))


def changed_config(change):
    return lambda name, content: change(content.decode()).encode() if name == "config.json" else content


def test_files_that_are_no_models(tmp_path):
    good = tmp_path / "good.keras"
    small_model().save(good)
    content = good.read_bytes()
    bad = tmp_path / "bad.keras"

    def refused(sentence):
        with pytest.raises(InputError, match=sentence):
            load_checked(bad, SHAPE, 2)

    refused("does not exist")
    for text in (b"", b"not a zip", content[: len(content) // 2], content[:-10]):
        bad.write_bytes(text)
        refused("is not a .keras file")
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 255
    bad.write_bytes(damaged)
    refused("damaged|is not a .keras file|cannot load")
    rewritten(good, bad, changed_config(lambda _: "{"))
    refused("is not a .keras file")
    rewritten(good, bad, changed_config(lambda _: "[" * 100_000))
    refused("is not a .keras file")
    rewritten(good, bad, changed_config(lambda _: "[1, 2]"))
    refused("Keras cannot load this model")
    rewritten(good, bad, changed_config(lambda text: text.replace('"module": "keras.layers"', '"module": "os"', 1)))
    refused(r"has a layer 'input_layer\w*' of class InputLayer from os, expected layers")
    rewritten(good, bad, changed_config(lambda text: text.replace('"units": 1,', '"units": 100000000000000,')))
    refused("describes 400000000000000 weights, more than the")
    rewritten(good, bad, lambda name, content: b"" if name == "model.weights.h5" else content)
    refused("describes 4 weights, more than the 0 bytes")
    with pytest.raises(InputError, match=r"a file named \*\.keras"):
        load_checked(good.rename(tmp_path / "good.h5"), SHAPE, 2)


def test_a_file_that_would_fill_the_memory(tmp_path, monkeypatch):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(5 * 2**20))
    assert path.stat().st_size < 2**20
    monkeypatch.setattr(model_files, "LARGEST_FILE", 2**22)
    for spec in ({"architecture": "file", "path": str(path)}, {"architecture": "lenet5", "weights": str(path)}):
        with pytest.raises(InputError, match=r"bomb\.keras: holds 0\.00488 GiB, expected at most 0\.00391"):
            build_model(spec, SHAPE, 2)
