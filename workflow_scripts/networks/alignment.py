"""Distances between the features of two sets of images, for trainings that keep them small.

With such a term in the loss, features that tell the footprint's images from those of the whole sky cost something.
The features count in units of their scatter (`of_unit_variance`): else CORAL, of their fourth power, would be lowered
by smaller features with larger weights behind them, and one weight of the term would not do for two architectures.
"""

from collections.abc import Callable
from typing import Any

from workflow_scripts.networks.tensorflow_runtime import tf

# Squared widths of the kernels in units of the median squared distance.
_WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
_SMALLEST = 1e-12


def of_unit_variance(features: Any) -> Any:
    """Features (n, d) divided by one number, so that their variance over the images is 1 in the mean over d."""
    variance = tf.reduce_mean((features - tf.reduce_mean(features, axis=0)) ** 2)
    return features / tf.sqrt(tf.maximum(variance, _SMALLEST))


def coral_distance(training: Any, unlabelled: Any) -> Any:
    """CORAL of features (n, d) and (m, d): |C - C'|^2 / (4 d^2) of their covariances, Frobenius norm.

    Sun & Saenko 2016 (arXiv:1607.01719), eq. 1. The norm follows from products of the images with each other, so that
    memory grows with (n + m)^2 and not with d^2. The covariance of a single image counts as 0.
    """
    sides = (training, unlabelled)
    scaled = [(side - tf.reduce_mean(side, axis=0)) / tf.sqrt(tf.maximum(_size(side) - 1, 1)) for side in sides]
    here, there, both = (
        tf.reduce_sum(tf.matmul(scaled[one], scaled[other], transpose_b=True) ** 2)
        for one, other in ((0, 0), (1, 1), (0, 1))
    )
    return (here + there - 2 * both) / (4 * training.shape[-1] ** 2)


def mmd_distance(training: Any, unlabelled: Any) -> Any:
    """Squared maximum mean discrepancy of features (n, d) and (m, d), unbiased, with Gaussian kernels.

    Gretton et al. 2012 (JMLR 13, 723), eq. 3. The kernel is the mean over five widths about the median distance of
    all images, which counts as a constant. A single image on a side counts as if its kernel with others were 0.
    """
    features, first = tf.concat([training, unlabelled], 0), tf.shape(training)[0]
    lengths = tf.reduce_sum(features**2, axis=1)
    products = tf.matmul(features, features, transpose_b=True)
    squared = tf.maximum(lengths[:, None] + lengths - 2 * products, 0.0)
    ordered = tf.sort(tf.reshape(tf.stop_gradient(squared), (-1,)))
    median = tf.maximum(ordered[tf.size(ordered) // 2], _SMALLEST)
    kernel = tf.add_n([tf.exp(-squared / (2 * width * median)) for width in _WIDTHS]) / len(_WIDTHS)
    within = [
        (tf.reduce_sum(own) - tf.linalg.trace(own)) / tf.maximum(_size(own) * (_size(own) - 1), 1)
        for own in (kernel[:first, :first], kernel[first:, first:])
    ]
    return within[0] + within[1] - 2 * tf.reduce_mean(kernel[:first, first:])


def _size(side: Any) -> Any:
    return tf.cast(tf.shape(side)[0], tf.float32)


DISTANCES: dict[str, Callable[[Any, Any], Any]] = {"coral": coral_distance, "mmd": mmd_distance}
# Weights of the terms in the loss where an entry gives none: the largest of 1, 3 and 10 that cost no accuracy in a
# trial, lenet5 for 8 epochs on the hemisphere of worst seeing of the default sky (one seed; without, 0.790 +- 0.009
# balanced accuracy, CORAL 0.0064 and MMD 0.0080 from the whole sky). CORAL: 1 gives 0.788 and 0.0048, 3 0.758 and
# 0.0022, 10 0.697 and 0.0004. MMD: 1 gives 0.796 and 0.0050, 3 0.793 and 0.0037, 10 0.749 and 0.0008.
WEIGHTS = {"coral": 1.0, "mmd": 3.0}
