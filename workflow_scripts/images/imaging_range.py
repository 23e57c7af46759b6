"""How much worse than its own the imaging of each image could be on its survey: seeing and noise of finished images."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.images.common_imaging import common_values, measured_on_corners

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
