"""The positions in which an image can be shown, and scores averaged over them.

Where a mirror swaps the two classes, the mirror image's probability of a class counts for the other.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.networks.tensorflow_runtime import keras, tf

# Rows of `positions_of_pixels`: an image and its mirror image; all eight, each once.
MIRROR = (0, 2)
ORIENTATIONS = tuple(range(0, 16, 2))


def positions_of_pixels(height: int, width: int) -> NDArray[np.int32]:
    """Which pixel of an image is shown where, (16, height x width).

    The row is 4 x quarter turns + 2 x mirrored + flipped. Left and right are exchanged by `mirrored`, up and down by
    `flipped`, after the turns; these need height = width.
    """
    pixels = np.arange(height * width, dtype=np.int32).reshape(height, width)
    turned = [np.rot90(pixels, turns) for turns in range(4)]
    return np.stack([image[::up_down, ::side].ravel() for image in turned for side in (1, -1) for up_down in (1, -1)])


def mirrored_positions() -> NDArray[np.int32]:
    """Which rows of `positions_of_pixels` show a mirror image, (16,) of 0 and 1.

    Mirrored and flipped is a half turn, as are two quarter turns: those keep the sense of a spiral.
    """
    row = np.arange(16, dtype=np.int32)
    return (row >> 1 ^ row) & 1


class AveragedModel(keras.Model):
    """A model whose outputs are the mean over positions of an image; equal to `model` where it treats all alike.

    Parameters
    ----------
    model
        gives (n, 1) or (n, classes) probabilities of images (n, height, width, channels)
    positions
        `MIRROR` or `ORIENTATIONS`; these need height = width
    swaps
        whether a mirror swaps the two classes, so that outputs are (n, 1) or (n, 2)
    """

    def __init__(self, model: "keras.Model", positions: tuple[int, ...], swaps: bool):
        super().__init__(name=f"{model.name}_averaged")
        self.model, self.swaps, self.positions = model, swaps, list(positions)

    def call(self, pixels: Any, training: bool = False) -> Any:
        """Mean of the outputs (n, 1) or (n, classes)."""
        _, height, width, channels = pixels.shape
        flat = tf.reshape(pixels, (-1, height * width, channels))
        shown_at = positions_of_pixels(height, width)[self.positions]

        def outputs_of(position: Any) -> Any:
            places, mirrored = position
            shown = tf.reshape(tf.gather(flat, places, axis=1), tf.shape(pixels))
            outputs = self.model(tf.ensure_shape(shown, pixels.shape), training=training)
            if not self.swaps:
                return outputs
            return tf.where(mirrored, 1 - outputs if outputs.shape[-1] == 1 else outputs[:, ::-1], outputs)

        # One position after the other: the memory is that of one.
        each = tf.map_fn(
            outputs_of,
            (tf.constant(shown_at), tf.constant(mirrored_positions()[self.positions] > 0)),
            fn_output_signature=tf.float32,
            parallel_iterations=1,
        )
        return tf.reduce_mean(each, axis=0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the model."""
        return self.model.compute_output_shape(input_shape)
