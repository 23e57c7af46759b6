"""What a network has learned to see: the numbers that its last layer with weights makes the score of."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.networks.annotation import BATCH
from workflow_scripts.networks.frozen_layers import flat_layers
from workflow_scripts.networks.tensorflow_runtime import keras, tf


def penultimate_features(model: "keras.Model", batches: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Features (n, d) of images in batches (n, height, width, channels) of up to `BATCH`.

    As `recorded_features`, which says what they are; raises as it does.
    """

    @tf.function(autograph=False)
    def features(batch: Any) -> Any:
        with recorded_features(model) as seen:
            model(tf.cast(batch, tf.float32), training=False)
        return seen[0]

    found = []
    for batch in batches:
        blanks = np.zeros((BATCH - len(batch), *batch.shape[1:]), np.uint8)
        outputs = features(np.concatenate([batch, blanks]) if len(blanks) else batch)
        found.append(outputs.numpy()[: len(batch)])
    return np.concatenate(found)


@contextmanager
def recorded_features(model: "keras.Model") -> Iterator[list[Any]]:
    """A list that gets the features (n, d) float32 of each call of `model` in the context.

    They are the input of the last layer with weights, wherever in the model it lies; of maps the mean over the pixels.
    Raises `InputError` for a model without such a layer.
    """
    last, seen = last_with_weights(model), []
    call = last.call

    def recording(given: Any, *args: Any, **kwargs: Any) -> Any:
        maps = len(given.shape) - 2
        found = tf.reduce_mean(given, axis=list(range(1, 1 + maps))) if maps else given
        seen.append(tf.cast(found, tf.float32))
        return call(given, *args, **kwargs)

    # Parts of a model that is made of models cannot be reached by their tensors from outside.
    last.call = recording
    try:
        yield seen
    finally:
        last.call = call


def last_with_weights(model: "keras.Model") -> Any:
    """The last layer with weights; `InputError` for a model without one."""
    weighted = [layer for layer in flat_layers(model) if layer.weights]
    if not weighted:
        raise InputError(f"networks: the model {model.name} has no layer with weights")
    return weighted[-1]
