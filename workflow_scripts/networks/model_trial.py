"""What a model of the user takes and gives, found by calling it on a few images."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.errors import InputError, first_line
from workflow_scripts.networks.frozen_layers import flat_layers
from workflow_scripts.networks.tensorflow_runtime import keras, tf

PIXEL_RANGE = (0, 255)
# Name of a model around one of the user.
ADAPTED = "adapted"
OTHER_RANGES = ((0, 1), (-1, 1))


def as_classifier(
    path: str | Path,
    model: "keras.Model",
    images: NDArray[np.uint8],
    n_classes: int | None = None,
    spec: Mapping[str, Any] | None = None,
) -> "keras.Model":
    """`model` as one that takes pixel values 0 to 255 and gives probabilities, which it is tried for.

    Shapes are those of a call, not those that the model states: these may be unknown, or have the size of a batch.

    Parameters
    ----------
    path
        of the model, for messages
    images
        (n, height, width, channels), n >= 2
    n_classes
        of the catalog; None for any number
    spec
        the network's entry: with `input_range`, pixel values are scaled to it first; with `outputs: logits`, a sigmoid
        or softmax follows. The one output of a dict or list is taken. Where nothing is to be changed, and the model
        states no size of batches, it comes back itself.

    Returns
    -------
    a model from (n, height, width, channels) to (n, 1), P(class 1), or (n, classes), float32

    Raises
    ------
    InputError
        for images that the model does not take, and for outputs that are no such probabilities.
    """
    spec = spec or {}
    shape = images.shape[1:]
    _check_input_shape(path, model, shape)
    scaling = _scaling(spec.get("input_range"))
    pixels = images.astype(np.float32) * scaling["scale"] + scaling["offset"]
    outputs = _called(path, model, pixels)
    name, scores = _only_output(path, model, outputs)
    _check_output_shape(path, scores.shape, len(images), n_classes)
    few = _only_output(path, model, _called(path, model, pixels[:1]))[1]
    if few.shape != (1, scores.shape[1]):
        raise InputError(f"{path}: gives output of shape {few.shape} for one image, expected (1, {scores.shape[1]})")
    if scores.dtype not in (tf.float32, tf.float64):
        raise InputError(
            f"{path}: gives its scores as {scores.dtype.name}, in which probabilities are rounded to two or three"
            " digits; expected float32 (in Keras: dtype='float32' for the last layer)"
        )
    logits = spec.get("outputs") == "logits"
    _check_last_layer(path, model, logits)
    activation = "linear" if not logits else "sigmoid" if scores.shape[1] == 1 else "softmax"
    check_scores(path, np.asarray(keras.activations.get(activation)(scores)))
    # A model that was made by its first call states the size of that batch.
    any_batch = (getattr(model, "input_shape", None) or (None,))[0] is None
    if any_batch and not logits and name is None and not spec.get("input_range"):
        return model
    given = keras.layers.Input(shape, name="pixels")
    found = model(keras.layers.Rescaling(**scaling, name="input_range")(given) if spec.get("input_range") else given)
    found = found if name is None else found[name]
    return keras.Model(given, keras.layers.Activation(activation, name="score", dtype="float32")(found), name=ADAPTED)


def check_scores(path: str | Path, outputs: np.ndarray) -> None:
    """Raise `InputError` unless `outputs` (n, 1) or (n, classes) are probabilities."""
    if not np.isfinite(outputs).all():
        raise InputError(f"{path}: the model gives scores that are not finite, expected probabilities")
    sums = outputs.sum(axis=1)
    if outputs.min() < 0 or outputs.max() > 1 or (outputs.shape[1] > 1 and np.abs(sums - 1).max() > 1e-3):
        found = f"values from {outputs.min():.3g} to {outputs.max():.3g}"
        if outputs.shape[1] > 1:
            found += f", whose sums are {sums.min():.3g} to {sums.max():.3g}"
        raise InputError(f"{path}: the model gives {found}, expected probabilities (a sigmoid or softmax at the end)")


def noise_images(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Four images (4, height, width, channels) for a first call: black, white, and two of noise."""
    images = np.random.default_rng(0).integers(0, 256, size=(4, *shape), dtype=np.uint8)
    images[0], images[1] = PIXEL_RANGE
    return images


def reason_of(error: BaseException) -> str:
    """What Keras or TensorFlow says is wrong, in one line: its errors begin and end with what was given."""
    text = re.sub(r"\x1b\[\d*m", "", str(error).split("Arguments received by")[0])
    text = text.split("Exception encountered: ")[-1]
    lines = [line.strip().rstrip(".:") for line in text.splitlines() if line.strip()]
    reason = ": ".join(lines[:2]) if lines and "encountered when calling" in lines[0] else first_line(Exception(text))
    reason = reason if lines else type(error).__name__
    return reason if len(reason) <= 300 else reason[:300].rsplit(" ", 1)[0] + " ..."


def _scaling(input_range: list[float] | None) -> dict[str, float]:
    low, high = input_range or PIXEL_RANGE
    return {"scale": (high - low) / 255, "offset": low}


def _check_input_shape(path: str | Path, model: "keras.Model", shape: tuple[int, ...]) -> None:
    takes = getattr(model, "input_shape", None)
    if takes is None:
        return
    if isinstance(takes, dict | list):
        names = " and ".join(f"'{one.name}'" for one in keras.tree.flatten(model.inputs))
        raise InputError(f"{path}: takes {len(takes)} inputs ({names}), expected one, the images")
    if len(takes) != 4 or any(given not in (None, size) for given, size in zip(takes[1:], shape, strict=True)):
        wanted = _any_number((None, *shape))
        raise InputError(
            f"{path}: takes input of shape {_any_number(takes)}, the recipe gives images of shape {wanted}"
        )


def _any_number(shape: Any) -> str:
    return "(" + ", ".join(["n", *map(str, shape[1:])]) + ("," if len(shape) == 1 else "") + ")"


def _called(path: str | Path, model: "keras.Model", pixels: NDArray[np.float32]) -> Any:
    try:
        return model(pixels, training=False)
    except Exception as error:
        shape = " x ".join(map(str, pixels.shape[1:]))
        images = "an image" if len(pixels) == 1 else f"{len(pixels)} images"
        raise InputError(f"{path}: the model fails on {images} of {shape} pixels: {reason_of(error)}") from None


def _only_output(path: str | Path, model: "keras.Model", outputs: Any) -> tuple[Any, Any]:
    """Key (None where there is none) and values of the one output."""
    if not isinstance(outputs, dict | list | tuple):
        return None, outputs
    keyed = outputs if isinstance(outputs, dict) else dict(enumerate(outputs))
    if len(keyed) == 1:
        return next(iter(keyed.items()))
    names = list(keyed) if isinstance(outputs, dict) else getattr(model, "output_names", list(keyed))
    found = " and ".join(
        f"'{name}' of shape {_any_number(one.shape)}" for name, one in zip(names, keyed.values(), strict=True)
    )
    raise InputError(f"{path}: gives {len(keyed)} outputs, {found}; expected one, the scores")


def _check_output_shape(path: str | Path, shape: Any, n_images: int, n_classes: int | None) -> None:
    expected = {None: "(n, 1) or (n, classes)", 2: "(n, 1) or (n, 2) for 2 classes"}.get(
        n_classes, f"(n, {n_classes}) for {n_classes} classes"
    )
    if len(shape) != 2 or shape[0] != n_images:
        found = _any_number(shape) if shape and shape[0] == n_images else f"{tuple(shape)} for {n_images} images"
        raise InputError(f"{path}: gives output of shape {found}, expected {expected}")
    if n_classes not in (None, max(shape[1], 2)):
        raise InputError(f"{path}: gives output of shape {_any_number(shape)}, expected {expected}")


def _check_last_layer(path: str | Path, model: "keras.Model", logits: bool) -> None:
    """Scores of a few images may lie between 0 and 1 by chance; the activation at the end shows what they are."""
    *_, last = flat_layers(model)
    activation = getattr(getattr(last, "activation", None), "__name__", None)
    if not isinstance(last, keras.layers.Dense | keras.layers.Activation):
        return
    if logits and activation in ("sigmoid", "softmax"):
        raise InputError(
            f"{path}: its last layer '{last.name}' is a {activation}, which gives probabilities; expected a network"
            " without outputs: logits"
        )
    if not logits and isinstance(last, keras.layers.Dense) and activation == "linear":
        raise InputError(
            f"{path}: its last layer '{last.name}' has no activation, expected probabilities (a sigmoid or softmax at"
            " the end), or outputs: logits for this network"
        )


def check_scores_differ(
    path: str | Path, model: "keras.Model", images: NDArray[np.uint8], spec: Mapping[str, Any]
) -> NDArray[np.float32]:
    """Scores (n, 1) or (n, classes) of galaxies by a model that has been trained.

    Raises `InputError` where these are all the same, and those of noise too: so it is with a model that was made for
    other pixel values, which the sentence then names.
    """
    black, *others = noise_images(images.shape[1:])
    shown = np.concatenate([images, others, black[None]]).astype(np.float32)
    scores = np.asarray(model(shown, training=False), np.float32)
    all_but_black = scores[:-1]
    # A model to be trained further may begin with the same score for all, but not with one that has no gradient.
    can_learn = spec["mode"] != "annotate" and scores.min() > 0 and scores.max() < 1
    if can_learn or np.ptp(all_but_black, axis=0).max() > 1e-6:
        return scores[: len(images)]
    same = f"{path}: gives the same score, {scores[0, -1]:.3g}, to {len(images)} galaxies and to noise"
    for low, high in () if spec.get("input_range") else OTHER_RANGES:
        found = np.asarray(model(images.astype(np.float32) * ((high - low) / 255) + low, training=False))[:, -1]
        if np.ptp(found) > 0.01:
            raise InputError(
                f"{same}; with pixel values from {low} to {high} its scores are {found.min():.3g} to {found.max():.3g}:"
                f" expected a model for values 0 to 255, or input_range: [{low}, {high}] for this network"
            )
    if np.ptp(scores, axis=0).max() <= 1e-6:
        raise InputError(f"{same}; expected a model that tells galaxies apart")
    return scores[: len(images)]
