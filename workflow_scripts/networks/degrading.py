"""Training images made worse at random, within what their survey has: wider seeing, more noise.

An image is drawn in a new state each time it is shown: its seeing between its own and the survey's worst, uniform in
FWHM, and its noise likewise, uniform in standard deviation (of all channels by one share). The pixels are those after
the stretch, so that both are exact for the faint parts only (`images/blurring.py`).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from workflow_scripts.images.arrays import ImageStore
from workflow_scripts.images.blurring import FWHM
from workflow_scripts.images.common_imaging import common_values, measured_on_corners
from workflow_scripts.networks.galaxies_of_runs import seeing_of_galaxies
from workflow_scripts.networks.tensorflow_runtime import tf

# Of the 99 % level of the noise, an error of some 2 %; in processor time, a quarter of a second.
_SURVEY_IMAGES = 2000
_AT_A_TIME = 2048


class ImagingRange(NamedTuple):
    """Own values of n images, and those that 99 % of the survey's images do not exceed.

    `fwhm` (n,) and `worst_fwhm`: seeing in pixels (FWHM); `noise` (n, channels) and `worst_noise` (channels,):
    standard deviation of a pixel.
    """

    fwhm: NDArray[np.float32]
    worst_fwhm: float
    noise: NDArray[np.float32]
    worst_noise: NDArray[np.float32]


def survey_range(
    images: NDArray[np.uint8], source_ids: NDArray, store: ImageStore, catalog: str | Path, spec: Mapping[str, Any]
) -> ImagingRange:
    """Of training images (n, H, W, C) of galaxies (n,), as a network's entry has them on its survey.

    The seeing is from the catalog, in pixels by `arcsec_per_px` of the entry; where its images are blurred
    (`blur_fwhm_px`), that is part of their own. The noise of the survey is that of up to 2,000 of its images. Raises
    `InputError` as `seeing_of_galaxies`.
    """
    own, of_survey = seeing_of_galaxies(catalog, source_ids)
    fwhm = np.hypot(own / spec["arcsec_per_px"], spec.get("blur_fwhm_px", 0))
    return imaging_range(images, fwhm, store.sample(_SURVEY_IMAGES), of_survey / spec["arcsec_per_px"])


def imaging_range(
    images: NDArray[np.uint8], fwhm: NDArray, survey_images: NDArray[np.uint8], survey_fwhm: NDArray
) -> ImagingRange:
    """Images (n, H, W, C) and some of their survey (m, H, W, C) with the seeing of each (FWHM, pixels).

    The noise is measured on the corners of both. An image's own has an error of some 10 %, which the level of 99 %
    has in it.
    """
    worst_fwhm, worst_noise, _ = common_values(survey_fwhm, corner_noise(survey_images), np.zeros((1, 1)))
    assert worst_fwhm is not None
    return ImagingRange(
        fwhm.astype(np.float32), worst_fwhm, corner_noise(images).astype(np.float32), worst_noise.astype(np.float32)
    )


def corner_noise(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Noise (n, C) of images (n, H, W, C), as `measured_on_corners`."""
    n, height, width, channels = images.shape
    found = np.empty((n, channels))
    for start in range(0, n, _AT_A_TIME):
        part = images[start : start + _AT_A_TIME]
        planes = np.moveaxis(part, -1, 1).reshape(-1, height, width).astype(np.float32)
        found[start : start + _AT_A_TIME] = measured_on_corners(planes)[0].reshape(-1, channels)
    return found


def degrader(imaging: ImagingRange, height: int, width: int) -> Callable[..., Any]:
    """A function that degrades a batch of b of the images of `imaging`.

    It takes planes (b, channels, height, width) of 0 to 255, the numbers of the images (b,), shares (b, 2) from 0 (own
    seeing, own noise) to 1 (the survey's worst), and a seed (2,) int32 of the noise; gives (b, height, width, channels)
    float32, whole numbers from 0 to 255. Images that are worse than the survey's worst stay as they are.

    In cosines (DCT-II), which mirror an image at its borders, a Gaussian of standard deviation s multiplies by
    K(f) = exp(-2 pi^2 s^2 f^2). White noise of standard deviation o becomes white noise of t with noise of the variance
    t^2 - o^2 K(f)^2 at f: what the blur takes away is put back, and the increase added, as in `common_imaging`.
    """
    rows, columns = (tf.constant(_cosines(size)) for size in (height, width))
    squared = tf.constant(_frequencies(height)[:, None] ** 2 + _frequencies(width) ** 2)
    own_fwhm, own_noise = tf.constant(imaging.fwhm), tf.constant(imaging.noise)
    more_noise = tf.constant(np.maximum(0, imaging.worst_noise - imaging.noise), tf.float32)
    worst_fwhm = tf.constant(imaging.worst_fwhm, tf.float32)

    def degrade(planes: Any, order: Any, shares: Any, seed: Any) -> Any:
        fwhm, noise = tf.gather(own_fwhm, order), tf.gather(own_noise, order)
        drawn = fwhm + shares[:, 0] * tf.maximum(0.0, worst_fwhm - fwhm)
        variance = (drawn**2 - fwhm**2) / FWHM**2
        gain = tf.exp(-2 * np.pi**2 * variance[:, None, None] * squared)[:, None]
        wanted = noise + shares[:, 1:] * tf.gather(more_noise, order)
        kept = (noise**2)[:, :, None, None] * gain**2
        lacking = tf.sqrt(tf.maximum(0.0, (wanted**2)[:, :, None, None] - kept))
        spectrum = tf.matmul(tf.matmul(rows, tf.cast(planes, tf.float32)), columns, transpose_b=True)
        # Each pixel is a sum over all cosines, normal whatever their distribution: uniform numbers cost a third.
        random = tf.random.stateless_uniform(tf.shape(spectrum), seed, -np.sqrt(3), np.sqrt(3), alg="philox")
        spectrum = spectrum * gain + lacking * random
        worse = tf.matmul(tf.matmul(rows, spectrum, transpose_a=True), columns)
        return tf.transpose(tf.clip_by_value(tf.round(worse), 0.0, 255.0), (0, 2, 3, 1))

    return degrade


def _cosines(size: int) -> Any:
    """The orthonormal DCT-II as a matrix (size, size)."""
    return scipy.fft.dct(np.eye(size), axis=0, norm="ortho").astype(np.float32)


def _frequencies(size: int) -> Any:
    """Of its rows, cycles a pixel."""
    return (np.arange(size) / (2 * size)).astype(np.float32)
