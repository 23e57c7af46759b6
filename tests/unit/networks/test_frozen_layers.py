"""Which layers are trained, and that the others stay as they were."""

import keras
import numpy as np
import pytest

from workflow_scripts.errors import InputError
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.frozen_layers import flat_layers, set_trainable
from workflow_scripts.networks.model_files import load_checked, write_model
from workflow_scripts.networks.training import fit

SHAPE = (20, 20, 3)


def names_of_trained(model):
    return [layer.name for layer in flat_layers(model) if layer.trainable_weights]


@pytest.mark.parametrize(
    ("trainable", "trained"),
    [
        ("top", ["score"]),
        ("last 1", ["score"]),
        ("last 3", ["dense1", "dense2", "score"]),
        ("all", ["convolution1", "convolution2", "dense1", "dense2", "score"]),
    ],
)
def test_layers_are_counted_from_the_scores(trainable, trained):
    model = build_model({"architecture": "lenet5"}, SHAPE, 2)
    set_trainable(model, "top")
    set_trainable(model, trainable)
    assert names_of_trained(model) == trained


def test_layers_within_a_given_model_count_each(tmp_path):
    body = build_model({"architecture": "resnet_small"}, SHAPE, 2)
    body.trainable = False
    pixels = keras.layers.Input(SHAPE)
    scores = keras.layers.Dense(1, activation="sigmoid", name="end")(keras.layers.Dense(4, name="hidden")(body(pixels)))
    keras.Model(pixels, scores).save(tmp_path / "given.keras")
    entry = {"architecture": "file", "path": str(tmp_path / "given.keras"), "mode": "fine_tune"}
    assert names_of_trained(build_model(entry, SHAPE, 2)) == ["hidden", "end"]
    assert names_of_trained(build_model(entry | {"trainable": "last 4"}, SHAPE, 2)) == [
        "stage3_norm2",
        "score",
        "hidden",
        "end",
    ]


def test_more_layers_than_there_are():
    model = build_model({"architecture": "lenet5"}, SHAPE, 2)
    with pytest.raises(InputError, match="trainable is 'last 6', expected at most 5: so many have weights"):
        set_trainable(model, "last 6")


def test_what_is_frozen_stays_and_is_written(tmp_path, network, galaxy_images):
    labels = np.arange(32) % 2
    model = build_model({"architecture": "resnet_small", "trainable": "last 2"}, SHAPE, 2)
    before = {variable.path: np.array(variable) for variable in model.variables}
    fit(model, galaxy_images(labels, 0), labels, network(epochs=2, batch_size=16), seed=0)
    changed = {path for path, value in before.items() if not np.array_equal(value, _variable(model, path))}
    # Batch normalisation that is not trained keeps its means, too.
    assert {path.split("/")[0] for path in changed} == {"stage3_norm2", "score"}
    write_model(tmp_path / "model.keras", model, {})
    assert names_of_trained(load_checked(tmp_path / "model.keras", SHAPE)) == ["stage3_norm2", "score"]


def _variable(model, path):
    return next(np.array(variable) for variable in model.variables if variable.path == path)
