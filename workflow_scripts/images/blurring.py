"""A blur of finished images, as worse seeing would make it: for controls with a known cause."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# FWHM of a Gaussian in standard deviations.
FWHM = 2 * np.sqrt(2 * np.log(2))
_AT_A_TIME = 1024


def blurred(images: NDArray[np.uint8], fwhm_px: float) -> NDArray[np.uint8]:
    """Images (n, H, W, C) convolved with a Gaussian of a width (FWHM, pixels), each channel by itself.

    Two Gaussians in turn are one whose width is their sum in quadrature, so a Gaussian seeing of width s becomes one of
    sqrt(s^2 + fwhm^2). The pixels are those after the stretch of the recipe, where that holds for the faint parts only,
    which the stretch leaves linear. At the borders the image is mirrored.
    """
    out = np.empty_like(images)
    sigma = (0, fwhm_px / FWHM, fwhm_px / FWHM, 0)
    for start in range(0, len(images), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        out[part] = np.rint(ndimage.gaussian_filter(images[part].astype(np.float32), sigma, mode="reflect"))
    return out
