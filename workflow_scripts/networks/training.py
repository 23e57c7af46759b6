"""Training: a fixed number of epochs, the same bytes at the end whatever happened on the way.

Order and random changes of the images follow from seed and epoch alone, so that a training can resume at any epoch.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from workflow_scripts.errors import InputError, JobError
from workflow_scripts.networks.alignment import DISTANCES, WEIGHTS, of_unit_variance
from workflow_scripts.networks.checkpoints import Checkpoints, History
from workflow_scripts.networks.degrading import ImagingRange, degrader
from workflow_scripts.networks.frozen_layers import flat_layers
from workflow_scripts.networks.mirrored_classes import swaps_classes
from workflow_scripts.networks.orientations import mirrored_positions, positions_of_pixels
from workflow_scripts.networks.penultimate import last_with_weights, recorded_features
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
    """What one epoch does with n images, each array in the order of presentation.

    `order` (n,) int32 is the position of the image in the training set, `position` (n,) int32 the row of
    `positions_of_pixels` in which it is shown. Where images are degraded: `shares` (n, 2) float32, of seeing and noise,
    and `noise_seed` (n, 2) int32, of which a batch has the first.
    """

    order: np.ndarray
    position: np.ndarray
    shares: np.ndarray
    noise_seed: np.ndarray


def plan_epoch(
    n_images: int, seed: int, epoch: int, flips: bool, quarter_turns: bool, stream: tuple[int, ...] = ()
) -> EpochPlan:
    """Order and augmentation of the images in an epoch (counted from 0); another `stream` has other random numbers."""
    generator = np.random.default_rng([seed, epoch, *stream])
    # Always drawn, so that switching one kind of augmentation off leaves the order as it was.
    order = generator.permutation(n_images)
    turns = generator.integers(0, 4, n_images)
    left_right, up_down = generator.integers(0, 2, (2, n_images))
    shares = generator.random((n_images, 2), np.float32)
    noise_seed = generator.integers(0, 2**31, (n_images, 2), np.int32)
    position = 4 * turns * quarter_turns + (2 * left_right + up_down) * flips
    return EpochPlan(order.astype(np.int32), position.astype(np.int32), shares, noise_seed)


def fit(
    model: "keras.Model",
    images: np.ndarray,
    labels: np.ndarray,
    spec: Mapping[str, Any],
    seed: int,
    checkpoints: Checkpoints | None = None,
    imaging: ImagingRange | None = None,
    unlabelled: np.ndarray | None = None,
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
    imaging
        of `images`, where these are degraded (`degrader`), anew in each epoch
    unlabelled
        (m, height, width, channels) uint8, where the features of training images are kept near those of these, by the
        `alignment` of the entry (`alignment.DISTANCES`): as many of them as there are in a batch pass through the
        network with it, so that batch normalisation is over both

    Raises
    ------
    InputError
        when the model has nothing to train, or nothing that an alignment could change; or a mirror swaps more than two
        classes.
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
    alignment = None if unlabelled is None else _Alignment(model, unlabelled, spec["alignment"])
    train_epoch = _epoch_trainer(model, optimizer, batch_size, _Shown(images, imaging), labels, swaps, alignment)
    turns = {key: spec["augmentation"][key] for key in ("flips", "quarter_turns")}
    with Progress("training", spec["epochs"], "epochs") as progress:
        progress.skip(len(history))
        for epoch in range(len(history), spec["epochs"]):
            plan = plan_epoch(len(images), seed, epoch, **turns)
            arrays = plan if imaging else plan[:2]
            if alignment:
                others = plan_epoch(alignment.n_images, seed, epoch, **turns, stream=(1,))
                arrays = *arrays, *(np.resize(array, len(images)) for array in others[:2])
            loss, correct = map(float, train_epoch(*arrays))
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


class _Shown:
    """Images on the device, put in order and turned there."""

    def __init__(self, images: np.ndarray, imaging: ImagingRange | None = None):
        n_images, self.height, self.width, self.channels = images.shape
        stored = np.moveaxis(images, -1, 1) if imaging else images.reshape(n_images, -1, self.channels)
        try:
            self.pixels = tf.constant(stored)
        except tf.errors.ResourceExhaustedError:
            raise JobError(
                f"networks: the {images.nbytes / 1e9:.1f} GB of training images do not fit on the graphics card;"
                " expected a smaller training set or recipe, or a larger card"
            ) from None
        self.positions = tf.constant(positions_of_pixels(self.height, self.width))
        self.degrade = degrader(imaging, self.height, self.width) if imaging else None

    def batch(self, order: Any, position: Any, *worse: Any) -> Any:
        """(b, height, width, channels) float32 of the arrays of an `EpochPlan`: all, where images are degraded."""
        pixels = tf.gather(self.pixels, order)
        if self.degrade:
            shares, noise_seed = worse
            worse_images = self.degrade(pixels, order, shares, noise_seed[0])
            pixels = tf.reshape(worse_images, (-1, self.height * self.width, self.channels))
        shown = tf.gather(pixels, tf.gather(self.positions, position), axis=1, batch_dims=1)
        return tf.cast(tf.reshape(shown, (-1, self.height, self.width, self.channels)), tf.float32)


class _Alignment:
    """Unlabelled images, and what the loss has for how far the features of training images are from theirs."""

    def __init__(self, model: "keras.Model", unlabelled: np.ndarray, settings: Mapping[str, Any]):
        behind = {id(variable) for variable in last_with_weights(model).trainable_variables}
        if all(id(variable) in behind for variable in model.trainable_variables):
            raise InputError(
                f"networks: alignment changes nothing in {model.name}, of which only the last layer is trained;"
                " expected trainable to have more layers"
            )
        self.shown, self.n_images = _Shown(unlabelled), len(unlabelled)
        self.distance = DISTANCES[settings["loss"]]
        self.weight = settings.get("weight", WEIGHTS[settings["loss"]])

    def penalty(self, features: Any, n_training: Any) -> Any:
        """The term of a batch whose first `n_training` images are those of the training."""
        features = of_unit_variance(features)
        return self.weight * self.distance(features[:n_training], features[n_training:])


def _epoch_trainer(
    model: "keras.Model",
    optimizer: Any,
    batch_size: int,
    images: _Shown,
    labels: np.ndarray,
    swaps: bool,
    alignment: _Alignment | None,
) -> Any:
    """A compiled function that trains on the arrays of an `EpochPlan` batch by batch; summed loss and number correct.

    Where it `swaps`, the class of an image that is shown mirrored is the other one. With an `alignment`, order and
    position of as many unlabelled images follow.

    The images go to the device once and are put in order and turned there, so that an epoch is one call, which sends
    eight bytes a galaxy: a card waits for nothing.
    """
    n_images = len(labels)
    classes = tf.constant(labels.astype(np.int32))
    mirrored = tf.constant(mirrored_positions())
    specs = [tf.TensorSpec((n_images,), tf.int32)] * 2
    if images.degrade:
        specs += [tf.TensorSpec((n_images, 2), tf.float32), tf.TensorSpec((n_images, 2), tf.int32)]
    n_own = len(specs)
    if alignment:
        specs += specs[:2]

    def train_batch(*arrays: Any) -> tuple[Any, Any]:
        order, position = arrays[:2]
        shown = images.batch(*arrays[:n_own])
        labels = tf.gather(classes, order)
        if swaps:
            labels = tf.bitwise.bitwise_xor(labels, tf.gather(mirrored, position))
        with tf.GradientTape() as tape:
            if alignment:
                outputs, penalty = _aligned(model, shown, alignment, arrays[n_own:])
            else:
                outputs = model(shown, training=True)
            if outputs.shape[-1] == 1:
                losses = keras.losses.binary_crossentropy(tf.cast(labels, tf.float32)[:, None], outputs)
                predicted = tf.cast(outputs[:, 0] > 0.5, tf.int32)
            else:
                losses = keras.losses.sparse_categorical_crossentropy(labels, outputs)
                predicted = tf.argmax(outputs, axis=-1, output_type=tf.int32)
            loss = tf.reduce_mean(losses)
            if model.losses:
                loss += tf.add_n(model.losses)
            if alignment:
                loss += penalty
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(predicted == labels, tf.float32))

    @tf.function(autograph=False, input_signature=specs)
    def train_epoch(*arrays: Any) -> tuple[Any, Any]:
        def body(start: Any, loss: Any, correct: Any) -> tuple[Any, Any, Any]:
            batch = slice(start, start + batch_size)
            batch_loss, batch_correct = train_batch(*(array[batch] for array in arrays))
            return start + batch_size, loss + batch_loss, correct + batch_correct

        start = (tf.constant(0), tf.constant(0.0), tf.constant(0.0))
        # One batch after the other, also where TensorFlow would overlap them.
        _, loss, correct = tf.while_loop(lambda begin, *_: begin < n_images, body, start, parallel_iterations=1)
        return loss, correct

    return train_epoch


def _aligned(model: "keras.Model", shown: Any, alignment: _Alignment, others: Any) -> tuple[Any, Any]:
    """Outputs for the training images of a batch, and the term of its loss for the unlabelled ones beside them."""
    n_training = tf.shape(shown)[0]
    with recorded_features(model) as seen:
        outputs = model(tf.concat([shown, alignment.shown.batch(*others)], 0), training=True)
    return outputs[:n_training], alignment.penalty(seen[0], n_training)
