"""Which layers of a network are trained."""

from collections.abc import Iterator
from typing import Any

from workflow_scripts.errors import InputError
from workflow_scripts.networks.tensorflow_runtime import keras


def flat_layers(model: "keras.Model") -> Iterator[Any]:
    """The layers of a model from its input to its output, with those of models within it in their place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from flat_layers(layer)
        else:
            yield layer


def set_trainable(model: "keras.Model", trainable: str) -> None:
    """Train `all` layers, the `top`, which gives the scores, or the `last N` of those that have weights.

    The others keep their weights. Batch normalisations among them also keep their means and variances, and use these
    in training: so does Keras with a layer that is not trainable.

    Raises
    ------
    InputError
        where there are not so many layers.
    """
    layers = list(dict.fromkeys(layer for layer in flat_layers(model) if layer.weights))
    n_last = {"all": len(layers), "top": 1}.get(trainable) or int(trainable.removeprefix("last "))
    if n_last > len(layers):
        raise InputError(f"networks: trainable is '{trainable}', expected at most {len(layers)}: so many have weights")
    _unfreeze(model)
    for layer in layers[:-n_last]:
        layer.trainable = False


def _unfreeze(model: "keras.Model") -> None:
    # A model that is frozen trains nothing in it, and Keras passes a change on to some of its layers only.
    model.trainable = True
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            _unfreeze(layer)
        layer.trainable = True
