"""Architectures of keras.applications, with weights from a file and the preprocessing that these were trained with."""

import inspect
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.errors import InputError
from workflow_scripts.networks.model_files import check_size
from workflow_scripts.networks.model_trial import reason_of
from workflow_scripts.networks.tensorflow_runtime import keras

# The first EfficientNets divide by the root of the standard deviation (of red, green and blue in ImageNet, per 255)
# and need another such division, which Keras builds only where it downloads the weights itself.
_IMAGENET_MEAN, _IMAGENET_STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def application_names() -> list[str]:
    """Names of the architectures of keras.applications."""
    return sorted(name for name, value in vars(keras.applications).items() if name[0].isupper() and callable(value))


def application_body(architecture: str, input_shape: tuple[int, int, int], weights: str | None) -> "keras.Model":
    """An architecture without its top: images to features (n, features), averaged over the image.

    With `weights` (a file that `keras.applications` offers, with or without top, or that `save_weights` or `save` of
    such a model wrote: .h5, .weights.h5, .keras), pixel values are expected as `imagenet_pixels` gives them; without,
    weights are random, and pixel values are expected about zero.

    Raises
    ------
    InputError
        for images that are too small for the architecture, or not of three channels with weights; and for weights
        that are missing, or of another architecture.
    """
    options: dict[str, Any] = {"include_top": False, "weights": None, "pooling": "avg", "input_shape": input_shape}
    if weights and input_shape[2] != 3:
        raise InputError(
            f"networks: weights of {architecture} are for images of 3 channels, the recipe gives {input_shape[2]};"
            " expected channels: 3 for the recipe"
        )
    if not weights and architecture.startswith(("EfficientNetV2", "MobileNetV3", "ConvNeXt")):
        options["include_preprocessing"] = False
    try:
        body = getattr(keras.applications, architecture)(**options)
    except ValueError as error:
        raise InputError(
            f"networks: {architecture} does not take images of shape {input_shape}, expected a recipe that fits"
            f" ({reason_of(error)})"
        ) from None
    if weights:
        _load_body(body, architecture, weights)
    return body


def imagenet_pixels(architecture: str, pixels: Any) -> Any:
    """Layers that change `pixels`, 0 to 255 in the order red, green, blue, as `preprocess_input` of the family does.

    What the function does to each channel (a scale, an offset, and for some families the order blue, green, red) is
    found by calling it.
    """
    preprocess = inspect.getmodule(getattr(keras.applications, architecture)).preprocess_input  # type: ignore[union-attr]
    black_and_channels = np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)])
    seen = np.asarray(preprocess(black_and_channels[:, None, None].astype(np.float32)))[:, 0, 0].astype(np.float64)
    offset, change = seen[0], (seen[1:] - seen[0]) / 255
    scale = change.max(axis=0)
    if architecture.startswith("EfficientNetB"):
        scale = 1 / np.sqrt(_IMAGENET_STD)
        offset = 255 * _IMAGENET_MEAN * (1 - scale)
    if change.argmax(axis=0).tolist() == [2, 1, 0]:
        pixels = keras.ops.flip(pixels, axis=-1)
    return keras.layers.Rescaling(scale.tolist(), offset=offset.tolist(), name="preprocessing")(pixels)


def load_weights(model: "keras.Model", path: str, architecture: str) -> None:
    """Read the weights of `model` from a file; Keras refuses links out of it, and arrays that are not stored whole.

    Raises
    ------
    InputError
        for a file that is missing, too large, or does not fit.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: the file of weights for {architecture} does not exist")
    # Keras only warns of some parts that a file lacks, and leaves their random weights.
    kept = [variable for variable in model.weights if "float" in variable.dtype]
    for variable in kept:
        variable.assign(np.full(variable.shape, np.nan))
    try:
        check_size(path)
        with warnings.catch_warnings(action="ignore"):
            model.load_weights(path)
        missing = [variable.path for variable in kept if np.isnan(np.asarray(variable)).any()]
        if missing:
            raise ValueError(f"no numbers for {missing[0]} and {len(missing) - 1} more")
    except InputError:
        raise
    except (Exception, MemoryError) as error:
        # A hostile file can make Keras raise anything.
        problem = f"these weights do not fit {architecture} with this recipe"
        raise InputError(f"{path}: {problem}: {reason_of(error)}") from None


def _load_body(body: "keras.Model", architecture: str, path: str) -> None:
    try:
        return load_weights(body, path, architecture)
    except InputError as error:
        # Files in the older layout list their layers, so that those with a top have too many.
        if "Layer count mismatch" not in str(error):
            raise
    whole = getattr(keras.applications, architecture)(weights=None)
    load_weights(whole, path, architecture)
    for layer, source in zip(_with_weights(body), _with_weights(whole), strict=False):
        layer.set_weights(source.get_weights())


def _with_weights(model: "keras.Model") -> list[Any]:
    return [layer for layer in model.layers if layer.weights]
