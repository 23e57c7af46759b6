"""Network architectures: small ones of this project, those of keras.applications, and models from a file."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.networks.frozen_layers import set_trainable
from workflow_scripts.networks.model_files import read_model
from workflow_scripts.networks.model_trial import as_classifier, noise_images
from workflow_scripts.networks.pretrained import application_body, application_names, imagenet_pixels, load_weights
from workflow_scripts.networks.tensorflow_runtime import keras

Shape = tuple[int, int, int]
_layers = keras.layers


def build_model(
    spec: Mapping[str, Any], input_shape: Shape, n_classes: int, images: NDArray[np.uint8] | None = None
) -> "keras.Model":
    """The network of a registry entry, with random weights or those that the entry names.

    Parameters
    ----------
    spec
        the network's entry: `architecture`, and `path`, `weights`, `trainable`, `outputs` and `input_range` where they
        apply
    input_shape
        (height, width, channels) of the images, pixel values 0 to 255
    n_classes
        2 gives one sigmoid output, P(class 1); more give a softmax over the classes. A model of the user may also have
        two outputs for two classes.
    images
        (n, height, width, channels) that a model of the user is tried on, noise where there are none

    Raises
    ------
    InputError
        for an unknown architecture, images that are too small for it, a file that is no Keras model, or a model or
        weights that do not fit.
    """
    architecture = spec["architecture"]
    if architecture == "file":
        model = read_model(spec["path"])
        if spec.get("mode") == "from_scratch":
            # Weights as its initializers draw them.
            model = keras.models.clone_model(model)
        images = noise_images(input_shape) if images is None else images
        model = as_classifier(spec["path"], model, images, n_classes, spec)
    else:
        model = _classifier(architecture, spec.get("weights"), input_shape, n_classes)
    if spec.get("trainable"):
        set_trainable(model, spec["trainable"])
    return model


def _classifier(architecture: str, weights: str | None, input_shape: Shape, n_classes: int) -> "keras.Model":
    pixels = _layers.Input(input_shape, name="pixels")
    if architecture in SMALL:
        if min(input_shape[:2]) < SMALLEST_IMAGE:
            raise InputError(
                f"networks: {architecture} needs images of at least {SMALLEST_IMAGE} pixels a side,"
                f" the recipe gives {input_shape[0]} x {input_shape[1]}"
            )
        features = SMALL[architecture](_rescaled(pixels))
    elif architecture in application_names():
        body = application_body(architecture, input_shape, weights)
        if weights:
            seen = imagenet_pixels(architecture, pixels)
        elif architecture.startswith("EfficientNetB"):
            # The first EfficientNets divide by 255 themselves; with this offset they see the same values as all others.
            seen = _rescaled(pixels, 1.0, -127.5)
        else:
            seen = _rescaled(pixels)
        features = body(seen)
    else:
        known = [*SMALL, "file", *application_names()]
        close = difflib.get_close_matches(architecture, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else "expected lenet5, resnet_small, file or a Keras one"
        raise InputError(f"networks: architecture '{architecture}' is unknown; {hint}")
    head = (1, "sigmoid") if n_classes == 2 else (n_classes, "softmax")
    scores = _layers.Dense(head[0], activation=head[1], name="score")(features)
    model = keras.Model(pixels, scores, name=architecture.lower())
    if weights and architecture in SMALL:
        load_weights(model, weights, architecture)
    return model


def _rescaled(pixels: Any, scale: float = 1 / 255, offset: float = -0.5) -> Any:
    # Fixed constants: a network must not learn its footprint's brightness through the preprocessing.
    return _layers.Rescaling(scale, offset=offset, name="rescaling")(pixels)


def _lenet5(x: Any) -> Any:
    """LeCun et al. (1998): two convolutions of 6 and 16 maps, dense layers of 120 and 84; ReLU and max pooling."""
    for number, maps in enumerate((6, 16), start=1):
        x = _layers.Conv2D(maps, 5, activation="relu", kernel_initializer="he_uniform", name=f"convolution{number}")(x)
        x = _layers.MaxPooling2D(2, name=f"pooling{number}")(x)
    x = _layers.Flatten(name="flatten")(x)
    for number, units in enumerate((120, 84), start=1):
        x = _layers.Dense(units, activation="relu", kernel_initializer="he_uniform", name=f"dense{number}")(x)
    return x


def _resnet_small(x: Any) -> Any:
    """Residual network of 175,000 parameters (He et al. 2016): a stem, three stages of one block, global average."""
    x = _layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = _layers.ReLU(name="stem_relu")(_layers.BatchNormalization(name="stem_norm")(x))
    for stage, (width, stride) in enumerate(((32, 1), (64, 2), (96, 2)), start=1):
        name = f"stage{stage}"
        shortcut = _layers.Conv2D(width, 1, strides=stride, use_bias=False, name=f"{name}_shortcut")(x)
        y = _layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False, name=f"{name}_convolution1")(x)
        y = _layers.ReLU(name=f"{name}_relu1")(_layers.BatchNormalization(name=f"{name}_norm1")(y))
        y = _layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{name}_convolution2")(y)
        # The block starts as the shortcut alone, which lets short trainings converge.
        y = _layers.BatchNormalization(gamma_initializer="zeros", name=f"{name}_norm2")(y)
        x = _layers.ReLU(name=f"{name}_relu2")(_layers.Add(name=f"{name}_add")([shortcut, y]))
    return _layers.GlobalAveragePooling2D(name="average")(x)


SMALL: dict[str, Callable[[Any], Any]] = {"lenet5": _lenet5, "resnet_small": _resnet_small}
SMALLEST_IMAGE = 16
