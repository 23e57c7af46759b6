"""Every architecture builds, fits its recipe, or is refused."""

import keras
import numpy as np
import pytest

from workflow_scripts.errors import InputError
from workflow_scripts.networks.architectures import application_names, build_model

SHAPE = (32, 32, 3)


@pytest.mark.parametrize("architecture", ["lenet5", "resnet_small"])
@pytest.mark.parametrize("channels", [1, 3])
def test_small_networks_give_one_probability(architecture, channels):
    model = build_model({"architecture": architecture}, (32, 32, channels), 2)
    outputs = np.asarray(model(np.full((2, 32, 32, channels), 255.0)))
    assert outputs.shape == (2, 1)
    assert ((outputs > 0) & (outputs < 1)).all()
    assert model.count_params() < 300_000


def test_more_classes_give_a_softmax():
    model = build_model({"architecture": "lenet5"}, SHAPE, 4)
    outputs = np.asarray(model(np.zeros((3, *SHAPE))))
    assert outputs.shape == (3, 4)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)


def test_the_same_preprocessing_inside_every_network():
    for architecture in ("lenet5", "resnet_small", "MobileNetV2"):
        rescaling = build_model({"architecture": architecture}, SHAPE, 2).get_layer("rescaling")
        np.testing.assert_allclose(np.asarray(rescaling(np.array([0.0, 255.0]))), [-0.5, 0.5], atol=1e-6)


def test_efficientnet_sees_the_same_values_behind_its_own_rescaling():
    model = build_model({"architecture": "EfficientNetB0"}, SHAPE, 2)
    body = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    own = next(layer for layer in body.layers if isinstance(layer, keras.layers.Rescaling))
    seen = own(model.get_layer("rescaling")(np.array([0.0, 255.0])))
    np.testing.assert_allclose(np.asarray(seen), [-0.5, 0.5], atol=1e-6)


def test_names_of_keras_applications():
    names = application_names()
    assert {"ResNet50", "MobileNetV3Small", "EfficientNetV2B0", "VGG16"} <= set(names)
    assert all(issubclass(type(getattr(keras.applications, name)), type(application_names)) for name in names)


def test_unknown_architecture_is_suggested():
    with pytest.raises(InputError, match=r"'resnet_smal' is unknown; did you mean resnet_small"):
        build_model({"architecture": "resnet_smal"}, SHAPE, 2)
    with pytest.raises(InputError, match="'zzz' is unknown; expected lenet5"):
        build_model({"architecture": "zzz"}, SHAPE, 2)


def test_images_too_small():
    with pytest.raises(InputError, match=r"lenet5 needs images of at least 16 pixels a side, the recipe gives 12 x 12"):
        build_model({"architecture": "lenet5"}, (12, 12, 3), 2)
    with pytest.raises(InputError, match=r"Xception does not take images of shape \(32, 32, 3\)"):
        build_model({"architecture": "Xception"}, SHAPE, 2)


def test_weights_from_a_file(tmp_path):
    path = tmp_path / "start.weights.h5"
    source = build_model({"architecture": "lenet5"}, SHAPE, 2)
    source.save_weights(path)
    model = build_model({"architecture": "lenet5", "weights": str(path)}, SHAPE, 2)
    for expected, found in zip(source.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(InputError, match="these weights do not fit resnet_small"):
        build_model({"architecture": "resnet_small", "weights": str(path)}, SHAPE, 2)
