"""Training: a fixed number of epochs, the same bytes at the end whatever happened on the way.

Order and random changes of the images follow from seed and epoch alone, so that a training can resume at any epoch.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from workflow_scripts.errors import InputError, JobError
from workflow_scripts.networks.checkpoints import Checkpoints, History
from workflow_scripts.networks.tensorflow_runtime import keras, tf
from workflow_scripts.progress import Progress

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
}
CHUNK_BYTES = 2**24


class EpochPlan(NamedTuple):
    """What one epoch does with n images, each array (n,) in the order of presentation.

    `order` is the position of the image in the training set, int64; `quarter_turns` are 0 to 3; `left_right` and
    `up_down` are whether the image is mirrored that way.
    """

    order: np.ndarray
    quarter_turns: np.ndarray
    left_right: np.ndarray
    up_down: np.ndarray


def plan_epoch(n_images: int, seed: int, epoch: int, flips: bool, quarter_turns: bool) -> EpochPlan:
    """Order and augmentation of the images in an epoch (counted from 0)."""
    generator = np.random.default_rng([seed, epoch])
    # Always drawn, so that switching one kind of augmentation off leaves the order as it was.
    order = generator.permutation(n_images)
    turns = generator.integers(0, 4, n_images)
    left_right, up_down = generator.integers(0, 2, (2, n_images)).astype(bool)
    return EpochPlan(order, turns * quarter_turns, left_right & flips, up_down & flips)


def present(images: np.ndarray, plan: EpochPlan, start: int, stop: int) -> np.ndarray:
    """The images from `start` to `stop` of an epoch, augmented.

    `images` is (n, height, width, channels) with height = width where the plan has quarter turns; gives an array
    (stop - start, height, width, channels) of the same type.
    """
    part = slice(start, stop)
    shown = images[plan.order[part]]
    for turns in (1, 2, 3):
        chosen = plan.quarter_turns[part] == turns
        shown[chosen] = np.rot90(shown[chosen], turns, axes=(1, 2))
    chosen = plan.left_right[part]
    shown[chosen] = shown[chosen, :, ::-1]
    chosen = plan.up_down[part]
    shown[chosen] = shown[chosen, ::-1]
    return shown


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
        the network's entry: `epochs`, `batch_size`, `optimizer`, `augmentation`
    seed
        of the order and the augmentation
    checkpoints
        where an interrupted training is resumed from, if anywhere

    Raises
    ------
    InputError
        when the loss is no longer finite, or the model has nothing to train.
    """
    if not model.trainable_variables:
        raise InputError(f"networks: the model {model.name} has no weights that can be trained")
    batch_size = min(spec["batch_size"], len(images))
    optimizer = make_optimizer(spec, steps=spec["epochs"] * math.ceil(len(images) / batch_size))
    optimizer.build(model.trainable_variables)
    history = checkpoints.restore(model, optimizer) if checkpoints else []
    train_chunk = _chunk_trainer(model, optimizer, batch_size, images)
    chunk = max(1, CHUNK_BYTES // (images[0].nbytes * batch_size)) * batch_size
    targets = labels.astype(np.int32)
    with Progress("training", spec["epochs"], "epochs") as progress:
        progress.skip(len(history))
        for epoch in range(len(history), spec["epochs"]):
            plan = plan_epoch(len(images), seed, epoch, **spec["augmentation"])
            total_loss = total_correct = 0.0
            for start in range(0, len(images), chunk):
                stop = min(start + chunk, len(images))
                loss, correct = train_chunk(present(images, plan, start, stop), targets[plan.order[start:stop]])
                total_loss += float(loss)
                total_correct += float(correct)
            if not np.isfinite(total_loss):
                raise JobError(
                    f"networks: the loss of {model.name} is not finite after epoch {epoch + 1};"
                    f" expected a smaller learning_rate than {spec['optimizer']['learning_rate']}"
                )
            history.append((epoch + 1, total_loss / len(images), total_correct / len(images)))
            if checkpoints and epoch + 1 < spec["epochs"]:
                checkpoints.epoch_done(model, optimizer, history)
            progress.note = f"loss {history[-1][1]:.4f}, accuracy {history[-1][2]:.4f}"
            progress.add()
    return history


def make_optimizer(spec: Mapping[str, Any], steps: int) -> "keras.optimizers.Optimizer":
    """The optimizer of a network's entry; `cosine` ends at a learning rate of zero after `steps` batches.

    Loshchilov & Hutter 2017 (arXiv:1608.03983), eq. 5, without restarts.
    """
    settings = spec["optimizer"]
    rate = settings["learning_rate"]
    if settings["schedule"] == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    return OPTIMIZERS[settings["name"]](rate)


def _chunk_trainer(model: "keras.Model", optimizer: Any, batch_size: int, images: np.ndarray) -> Any:
    """A compiled function that trains on a chunk of images batch by batch; gives summed loss and number correct.

    One call for many batches: entering TensorFlow costs as much as a small batch.
    """

    def train_batch(pixels: Any, labels: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            outputs = model(tf.cast(pixels, tf.float32), training=True)
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

    @tf.function(
        autograph=False,
        input_signature=[tf.TensorSpec((None, *images.shape[1:]), images.dtype), tf.TensorSpec((None,), tf.int32)],
    )
    def train_chunk(pixels: Any, labels: Any) -> tuple[Any, Any]:
        def body(start: Any, loss: Any, correct: Any) -> tuple[Any, Any, Any]:
            batch = slice(start, start + batch_size)
            batch_loss, batch_correct = train_batch(pixels[batch], labels[batch])
            return start + batch_size, loss + batch_loss, correct + batch_correct

        n_images = tf.shape(pixels)[0]
        start = (tf.constant(0), tf.constant(0.0), tf.constant(0.0))
        # One batch after the other, also where TensorFlow would overlap them.
        _, loss, correct = tf.while_loop(lambda begin, *_: begin < n_images, body, start, parallel_iterations=1)
        return loss, correct

    return train_chunk
