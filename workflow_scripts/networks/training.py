"""Training: a fixed number of epochs, the same bytes at the end whatever happened on the way.

Order and random changes of the images follow from seed and epoch alone, so that a training can resume at any epoch.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from workflow_scripts.errors import InputError, JobError
from workflow_scripts.networks.checkpoints import Checkpoints, History
from workflow_scripts.networks.frozen_layers import flat_layers
from workflow_scripts.networks.mirrored_classes import swaps_classes
from workflow_scripts.networks.orientations import mirrored_positions, positions_of_pixels
from workflow_scripts.networks.tensorflow_runtime import keras, tf
from workflow_scripts.progress import Progress

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
}
# Batch normalisation averages over this share of a training.
SHARE_OF_NORMS = 0.1


class EpochPlan(NamedTuple):
    """What one epoch does with n images, each array (n,) int32 in the order of presentation.

    `order` is the position of the image in the training set, `position` the row of `positions_of_pixels` in which it is
    shown.
    """

    order: np.ndarray
    position: np.ndarray


def plan_epoch(n_images: int, seed: int, epoch: int, flips: bool, quarter_turns: bool) -> EpochPlan:
    """Order and augmentation of the images in an epoch (counted from 0)."""
    generator = np.random.default_rng([seed, epoch])
    # Always drawn, so that switching one kind of augmentation off leaves the order as it was.
    order = generator.permutation(n_images)
    turns = generator.integers(0, 4, n_images)
    left_right, up_down = generator.integers(0, 2, (2, n_images))
    position = 4 * turns * quarter_turns + (2 * left_right + up_down) * flips
    return EpochPlan(order.astype(np.int32), position.astype(np.int32))


def fit(
    model: "keras.Model",
    images: np.ndarray,
    labels: np.ndarray,
    spec: Mapping[str, Any],
    seed: int,
    checkpoints: Checkpoints | None = None,
) -> History:
    """Train `model` in place and give (epoch from 1, mean loss, accuracy) of every epoch.

    Parameters
    ----------
    model
        takes (n, height, width, channels) pixels, gives (n, 1) or (n, classes) probabilities
    images
        (n, height, width, channels), uint8
    labels
        (n,), class of each image
    spec
        the network's entry: `epochs`, `batch_size`, `optimizer`, `augmentation`; with `mirror: swap`, an image of class
        0 that is shown mirrored has class 1, and the other way round
    seed
        of the order and the augmentation
    checkpoints
        where an interrupted training is resumed from, if anywhere

    Raises
    ------
    InputError
        when the model has nothing to train, or a mirror swaps more than two classes.
    JobError
        when the loss is no longer finite, or the images do not fit on the graphics card.
    """
    if not model.trainable_variables:
        raise InputError(f"networks: the model {model.name} has no weights that can be trained")
    swaps = swaps_classes(spec)
    if swaps and labels.max() > 1:
        raise InputError(f"networks: a mirror swaps two classes, and {labels.max() + 1} were given to {model.name}")
    batch_size = min(spec["batch_size"], len(images))
    steps = spec["epochs"] * math.ceil(len(images) / batch_size)
    shorten_memory_of_norms(model, steps)
    optimizer = make_optimizer(spec, steps)
    optimizer.build(model.trainable_variables)
    history = checkpoints.restore(model, optimizer) if checkpoints else []
    train_epoch = _epoch_trainer(model, optimizer, batch_size, images, labels, swaps)
    with Progress("training", spec["epochs"], "epochs") as progress:
        progress.skip(len(history))
        for epoch in range(len(history), spec["epochs"]):
            loss, correct = map(float, train_epoch(*plan_epoch(len(images), seed, epoch, **spec["augmentation"])))
            if not math.isfinite(loss):
                raise JobError(
                    f"networks: the loss of {model.name} is not finite after epoch {epoch + 1};"
                    f" expected a smaller learning_rate than {spec['optimizer']['learning_rate']}"
                )
            history.append((epoch + 1, loss / len(images), correct / len(images)))
            if checkpoints and epoch + 1 < spec["epochs"]:
                checkpoints.epoch_done(model, optimizer, history)
            progress.note = f"loss {history[-1][1]:.4f}, accuracy {history[-1][2]:.4f}"
            progress.add()
    return history


def shorten_memory_of_norms(model: "keras.Model", steps: int) -> None:
    """Let batch normalisation average over the last tenth of the `steps` of a training, where it averages over more.

    At inference a network has the moving averages of mean and variance. Those of Keras reach over 100 batches and start
    at 0 and 1: after 60 batches more than half of them is that start, and a network that is right in training is not at
    inference. The weights do not depend on the averages.
    """
    for layer in flat_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
            layer.momentum = min(layer.momentum, max(0.0, 1 - 1 / (SHARE_OF_NORMS * steps)))


def make_optimizer(spec: Mapping[str, Any], steps: int) -> "keras.optimizers.Optimizer":
    """The optimizer of a network's entry; `cosine` ends at a learning rate of zero after `steps` batches.

    Loshchilov & Hutter 2017 (arXiv:1608.03983), eq. 5, without restarts.
    """
    settings = spec["optimizer"]
    rate = settings["learning_rate"]
    if settings["schedule"] == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    return OPTIMIZERS[settings["name"]](rate)


def _epoch_trainer(
    model: "keras.Model", optimizer: Any, batch_size: int, images: np.ndarray, labels: np.ndarray, swaps: bool
) -> Any:
    """A compiled function that trains on an `EpochPlan` batch by batch; gives summed loss and number correct.

    Where it `swaps`, the class of an image that is shown mirrored is the other one.

    The images go to the device once and are put in order and turned there, so that an epoch is one call, which sends
    eight bytes a galaxy: a card waits for nothing.
    """
    n_images, height, width, channels = images.shape
    try:
        pixels = tf.constant(images.reshape(n_images, height * width, channels))
    except tf.errors.ResourceExhaustedError:
        raise JobError(
            f"networks: the {images.nbytes / 1e9:.1f} GB of training images do not fit on the graphics card; expected a"
            " smaller training set or recipe, or a larger card"
        ) from None
    classes = tf.constant(labels.astype(np.int32))
    positions = tf.constant(positions_of_pixels(height, width))
    mirrored = tf.constant(mirrored_positions())

    def train_batch(order: Any, position: Any) -> tuple[Any, Any]:
        shown = tf.gather(tf.gather(pixels, order), tf.gather(positions, position), axis=1, batch_dims=1)
        shown = tf.reshape(shown, (-1, height, width, channels))
        labels = tf.gather(classes, order)
        if swaps:
            labels = tf.bitwise.bitwise_xor(labels, tf.gather(mirrored, position))
        with tf.GradientTape() as tape:
            outputs = model(tf.cast(shown, tf.float32), training=True)
            if outputs.shape[-1] == 1:
                losses = keras.losses.binary_crossentropy(tf.cast(labels, tf.float32)[:, None], outputs)
                predicted = tf.cast(outputs[:, 0] > 0.5, tf.int32)
            else:
                losses = keras.losses.sparse_categorical_crossentropy(labels, outputs)
                predicted = tf.argmax(outputs, axis=-1, output_type=tf.int32)
            loss = tf.reduce_mean(losses)
            if model.losses:
                loss += tf.add_n(model.losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(predicted == labels, tf.float32))

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((n_images,), tf.int32)] * 2)
    def train_epoch(order: Any, position: Any) -> tuple[Any, Any]:
        def body(start: Any, loss: Any, correct: Any) -> tuple[Any, Any, Any]:
            batch = slice(start, start + batch_size)
            batch_loss, batch_correct = train_batch(order[batch], position[batch])
            return start + batch_size, loss + batch_loss, correct + batch_correct

        start = (tf.constant(0), tf.constant(0.0), tf.constant(0.0))
        # One batch after the other, also where TensorFlow would overlap them.
        _, loss, correct = tf.while_loop(lambda begin, *_: begin < n_images, body, start, parallel_iterations=1)
        return loss, correct

    return train_epoch
