"""Network architectures: small ones of this project, those of keras.applications, and models from a file."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from workflow_scripts.errors import InputError, first_line
from workflow_scripts.networks.model_files import load_checked
from workflow_scripts.networks.tensorflow_runtime import keras

Shape = tuple[int, int, int]
_layers = keras.layers


def build_model(spec: Mapping[str, Any], input_shape: Shape, n_classes: int) -> "keras.Model":
    """The network of a registry entry, with random weights or those that the entry names.

    Parameters
    ----------
    spec
        the network's entry: `architecture`, and `path` or `weights` where they apply
    input_shape
        (height, width, channels) of the images, pixel values 0 to 255
    n_classes
        2 gives one sigmoid output, P(class 1); more give a softmax over the classes

    Raises
    ------
    InputError
        for an unknown architecture, images that are too small for it, a file that is no Keras model, or a model or
        weights that do not fit.
    """
    architecture = spec["architecture"]
    if architecture == "file":
        return load_checked(spec["path"], input_shape, n_classes)
    pixels = _layers.Input(input_shape, name="pixels")
    if architecture in SMALL:
        if min(input_shape[:2]) < SMALLEST_IMAGE:
            raise InputError(
                f"networks: {architecture} needs images of at least {SMALLEST_IMAGE} pixels a side,"
                f" the recipe gives {input_shape[0]} x {input_shape[1]}"
            )
        features = SMALL[architecture](_rescaled(pixels))
    elif architecture in application_names():
        body = _application(architecture, input_shape)
        # The first EfficientNets divide by 255 themselves; with this offset they see the same values as all others.
        own_scale = architecture.startswith("EfficientNetB")
        features = body(_rescaled(pixels, 1.0, -127.5) if own_scale else _rescaled(pixels))
    else:
        known = [*SMALL, "file", *application_names()]
        close = difflib.get_close_matches(architecture, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else "expected lenet5, resnet_small, file or a Keras one"
        raise InputError(f"networks: architecture '{architecture}' is unknown; {hint}")
    head = (1, "sigmoid") if n_classes == 2 else (n_classes, "softmax")
    scores = _layers.Dense(head[0], activation=head[1], name="score")(features)
    model = keras.Model(pixels, scores, name=architecture.lower())
    if spec.get("weights"):
        _load_weights(model, spec["weights"], architecture)
    return model


def application_names() -> list[str]:
    """Names of the architectures of keras.applications."""
    return sorted(name for name, value in vars(keras.applications).items() if name[0].isupper() and callable(value))


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


def _application(architecture: str, input_shape: Shape) -> "keras.Model":
    options: dict[str, Any] = {"include_top": False, "weights": None, "pooling": "avg", "input_shape": input_shape}
    if architecture.startswith(("EfficientNetV2", "MobileNetV3", "ConvNeXt")):
        options["include_preprocessing"] = False
    try:
        return getattr(keras.applications, architecture)(**options)
    except ValueError as error:
        raise InputError(
            f"networks: {architecture} does not take images of shape {input_shape}, expected a recipe that fits"
            f" ({first_line(error)})"
        ) from None


def _load_weights(model: "keras.Model", path: str, architecture: str) -> None:
    try:
        model.load_weights(path)
    except FileNotFoundError:
        raise InputError(f"{path}: the file of weights for {architecture} does not exist") from None
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: these weights do not fit {architecture} with this recipe ({first_line(error)})"
        ) from None
