"""Weights of keras.applications from files, with each family's preprocessing; no weights can be downloaded in tests."""

import inspect

import h5py
import keras
import numpy as np
import pytest

from workflow_scripts.errors import InputError
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.pretrained import imagenet_pixels

SHAPE = (32, 32, 3)
ARCHITECTURE = "MobileNetV3Small"
PIXELS = np.random.default_rng(0).integers(0, 256, (3, *SHAPE)).astype("float32")


def legacy(folder, model, name):
    """The layout of the files that Keras offers: layers in order at the root of an HDF5 file."""
    model.save(folder / "whole.h5")
    with h5py.File(folder / "whole.h5") as whole, h5py.File(folder / name, "w") as target:
        for group in whole["model_weights"]:
            whole.copy(whole["model_weights"][group], target, group)
        target.attrs.update(whole["model_weights"].attrs)
    return folder / name


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of weights of one network with random weights in all layouts, and that network without its top."""
    folder = tmp_path_factory.mktemp("weights")
    keras.utils.set_random_seed(1)
    with_top = keras.applications.MobileNetV3Small(weights=None)
    body = keras.applications.MobileNetV3Small(weights=None, include_top=False, pooling="avg", input_shape=SHAPE)
    layers = [layer for layer in with_top.layers if layer.weights]
    for layer, source in zip([layer for layer in body.layers if layer.weights], layers, strict=False):
        # Features of random networks fade to zero through many layers.
        values = [4 * value if value.ndim > 1 else value for value in source.get_weights()]
        source.set_weights(values)
        layer.set_weights(values)
    for model, name in ((with_top, "top"), (body, "notop")):
        model.save_weights(folder / f"{name}.weights.h5")
        model.save(folder / f"{name}.keras")
        legacy(folder, model, f"{name}.h5")
    return folder, np.asarray(body(PIXELS))


@pytest.mark.parametrize("name", ["top.h5", "notop.h5", "top.weights.h5", "notop.keras"])
def test_weights_with_and_without_top(files, name):
    folder, expected = files
    keras.utils.set_random_seed(2)
    model = build_model({"architecture": ARCHITECTURE, "weights": str(folder / name)}, SHAPE, 2)
    features = keras.Model(model.input, model.get_layer("score").input)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(features(PIXELS), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "architecture",
    [
        *("ConvNeXtTiny", "DenseNet121", "EfficientNetV2B0", "InceptionResNetV2", "InceptionV3", "MobileNet"),
        *("MobileNetV2", "MobileNetV3Small", "NASNetMobile", "ResNet50", "ResNet50V2", "VGG16", "VGG19", "Xception"),
    ],
)
def test_preprocessing_is_that_of_the_family(architecture):
    pixels = keras.layers.Input(SHAPE)
    seen = keras.Model(pixels, imagenet_pixels(architecture, pixels))(PIXELS)
    preprocess = inspect.getmodule(getattr(keras.applications, architecture)).preprocess_input
    np.testing.assert_allclose(seen, preprocess(PIXELS.copy()), rtol=1e-5, atol=1e-4)


def test_preprocessing_of_the_first_efficientnets_has_the_division_that_keras_adds_to_its_own_download():
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    pixels = keras.layers.Input(SHAPE)
    seen = keras.Model(pixels, imagenet_pixels("EfficientNetB0", pixels))(PIXELS)
    # The weights that Keras offers have the standard deviation where its layer expects the variance.
    normalized = keras.layers.Normalization(mean=mean, variance=std)(np.asarray(seen) / 255)
    np.testing.assert_allclose(normalized, (PIXELS / 255 - mean) / std, rtol=1e-4, atol=1e-4)


def test_weights_that_do_not_fit(files, tmp_path):
    folder, _ = files

    def refused(sentence, shape=SHAPE, architecture=ARCHITECTURE, weights=folder / "notop.h5"):
        with pytest.raises(InputError, match=sentence) as error:
            build_model({"architecture": architecture, "weights": str(weights)}, shape, 2)
        assert "\n" not in str(error.value)

    refused("for images of 3 channels, the recipe gives 1; expected channels: 3", shape=(32, 32, 1))
    refused(r"notop\.h5: these weights do not fit MobileNet with this recipe: ", architecture="MobileNet")
    refused("these weights do not fit VGG16", architecture="VGG16", weights=folder / "top.weights.h5")
    refused("the file of weights for MobileNetV3Small does not exist", weights=tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("hello")
    refused(r"text\.h5: these weights do not fit", weights=tmp_path / "text.h5")


@pytest.mark.parametrize("kind", ["external_link", "external_storage", "virtual"])
def test_weights_of_another_file_are_not_read(tmp_path, kind):
    """HDF5 can fetch its numbers from any file of the reader; Keras refuses, and its words are shown."""
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(4 * 5 * 5 * 3 * 6))
    path = legacy(tmp_path, build_model({"architecture": "lenet5"}, SHAPE, 2), "hostile.h5")
    with h5py.File(path, "a") as file:
        where = "convolution1/" + file["convolution1"].attrs["weight_names"][0]
        shape = file[where].shape
        del file[where]
        if kind == "external_link":
            file[where] = h5py.ExternalLink(str(tmp_path / "whole.h5"), f"model_weights/{where}")
        elif kind == "external_storage":
            file.create_dataset(where, shape, "f4", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
        else:
            layout = h5py.VirtualLayout(shape, "f4")
            layout[...] = h5py.VirtualSource(str(tmp_path / "whole.h5"), f"model_weights/{where}", shape=shape)
            file.create_virtual_dataset(where, layout)
    with pytest.raises(InputError, match=r"hostile\.h5: these weights do not fit lenet5 .*: Not allowed"):
        build_model({"architecture": "lenet5", "weights": str(path)}, SHAPE, 2)
