"""Features of the last hidden layer, wherever it is in a model."""

import keras
import numpy as np
import pytest

from workflow_scripts.errors import InputError
from workflow_scripts.networks.annotation import scored
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.model_trial import as_classifier
from workflow_scripts.networks.penultimate import penultimate_features

IMAGES = np.random.default_rng(0).integers(0, 256, size=(300, 20, 20, 3), dtype=np.uint8)
BATCHES = [IMAGES[:256], IMAGES[256:]]


def test_the_score_of_a_network_follows_from_its_features(network):
    model = build_model(network(), IMAGES.shape[1:], 2)
    found = penultimate_features(model, BATCHES)
    assert found.shape == (300, 84)
    weights, bias = model.get_layer("score").get_weights()
    assert np.allclose(1 / (1 + np.exp(-(found @ weights + bias))), scored(model, IMAGES), atol=1e-5)


def test_models_within_models_and_maps_have_features_too():
    pixels = keras.layers.Input((20, 20, 3))
    maps = keras.layers.Conv2D(5, 3, activation="relu")(pixels)
    logits = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(1, 1, name="last")(maps))
    inner = keras.Model(pixels, logits)
    outer = as_classifier("a", inner, IMAGES[:4], 2, {"outputs": "logits", "input_range": [0, 1]})
    found = penultimate_features(outer, BATCHES)
    expected = keras.Model(pixels, maps)(IMAGES.astype(np.float32) / 255).numpy().mean(axis=(1, 2))
    assert np.allclose(found, expected, atol=1e-4)
    # The model is as it was.
    assert np.isfinite(scored(outer, IMAGES)).all()


def test_a_model_without_weights_is_refused():
    pixels = keras.layers.Input((20, 20, 3))
    with pytest.raises(InputError, match="no layer with weights"):
        penultimate_features(keras.Model(pixels, keras.layers.Flatten()(pixels)), BATCHES)
