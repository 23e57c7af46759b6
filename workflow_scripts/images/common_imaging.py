"""Images with properties of the imaging in common: one seeing, one noise, one sky level.

In the linear unit of a FITS; in a JPEG or PNG on the values of its pixels, after a stretch, which makes the result
approximate. A blur makes noise smoother, and of one scale per galaxy, which networks see. So the noise that is added
has the spectrum which makes the sum white: t^2 - s^2 |K(f)|^2 for white noise of standard deviation s, blurred by a
kernel with the transform K, and t after it.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from workflow_scripts.images.blurring import FWHM

# Of the side of an image, each corner.
_CORNER = 0.125
_FEWEST_IN_CORNER = 4
# Of a normal distribution, the standard deviation in median absolute deviations.
_OF_MAD = 1.4826


@dataclass(frozen=True)
class ImagingOfImage:
    """`fwhm` (pixels) of the PSF, None where it is not known; by band the `noise` of a pixel and the `sky` level."""

    fwhm: float | None
    noise: NDArray[np.float64]
    sky: NDArray[np.float64]


def measured_on_corners(pixels: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Noise and sky level (bands,) of an image as `decoding.sky_pixels` gives it, in its unit, from its four corners.

    The sky is the median of all their pixels; the noise the median over corners of the median absolute deviation,
    times 1.48, which neighbours in one or two of them hardly change. NaN where no pixel of the corners is finite.
    """
    bands = _bands(pixels)
    side = max(_FEWEST_IN_CORNER, round(min(bands.shape[1:]) * _CORNER))
    corners = np.stack(
        [
            bands[:, rows, columns]
            for rows in (slice(side), slice(-side, None))
            for columns in (slice(side), slice(-side, None))
        ]
    ).reshape(4, len(bands), -1)
    with np.errstate(all="ignore"):
        centres = np.nanmedian(corners, axis=2, keepdims=True)
        noise = _OF_MAD * np.nanmedian(np.nanmedian(np.abs(corners - centres), axis=2), axis=0)
        sky = np.nanmedian(np.moveaxis(corners, 0, 1).reshape(len(bands), -1), axis=1)
    return noise, sky


def with_common_imaging(
    pixels: NDArray, own: ImagingOfImage, common: ImagingOfImage, properties: Collection[str], seed: int
) -> NDArray:
    """An image as `decoding.sky_pixels` gives it, with `properties` (`seeing`, `noise`, `background`) as in `common`.

    A Gaussian of sqrt(common^2 - own^2) brings the seeing to the common one; at the borders the image is mirrored. The
    noise is white afterwards: as large as it was, or with `noise` the common one. What is worse than the common value
    already stays. Pixels that are not finite stay so. Returns an array of the kind and shape of `pixels`; raises
    `ValueError` for a seeing that is not known, or bands that are not those of `common`.
    """
    bands, random = _bands(pixels).astype(np.float64), np.random.default_rng(seed)
    if len(common.noise) != len(bands):
        raise ValueError(f"{len(bands)} bands, expected {len(common.noise)} as in the other images")
    sigma = 0.0
    if "seeing" in properties:
        if own.fwhm is None or common.fwhm is None or not np.isfinite(own.fwhm):
            raise ValueError("the seeing of the image is not known")
        sigma = np.sqrt(max(0.0, common.fwhm**2 - own.fwhm**2)) / FWHM
    known = np.isfinite(bands)
    bands = np.where(known, bands, own.sky[:, None, None])
    noise = np.maximum(own.noise, common.noise) if "noise" in properties else own.noise
    for number, band in enumerate(bands):
        if sigma > 0:
            band[:] = ndimage.gaussian_filter(band, sigma, mode="reflect")
        band += _whitening(band.shape, own.noise[number], noise[number], sigma, random)
        if "background" in properties:
            band += common.sky[number] - own.sky[number]
    bands = np.where(known, bands, np.nan)
    if pixels.dtype != np.uint8:
        return bands.astype(pixels.dtype)
    picture = np.clip(np.rint(bands), 0, 255).astype(np.uint8)
    return picture[0] if pixels.ndim == 2 else np.moveaxis(picture, 0, -1)


def _whitening(
    shape: tuple[int, ...], before: float, after: float, sigma: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Gaussian noise that makes white noise of `before`, blurred by `sigma` pixels, white noise of `after`."""
    squared = np.fft.fftfreq(shape[0])[:, None] ** 2 + np.fft.rfftfreq(shape[1]) ** 2
    blurred = before**2 * np.exp(-4 * np.pi**2 * sigma**2 * squared)
    spectrum = np.sqrt(np.maximum(0.0, after**2 - blurred))
    # Drawn whatever its size, so that another common value does not draw other noise.
    return np.fft.irfft2(np.fft.rfft2(random.normal(size=shape)) * spectrum, s=shape)


def common_values(
    seeing: NDArray | None, noise: NDArray, sky: NDArray, worst: float = 0.99
) -> tuple[float | None, NDArray[np.float64], NDArray[np.float64]]:
    """The common seeing, noise and sky level of images: `worst` is the share that are no worse; the sky is the median.

    `seeing` (n,), `noise` and `sky` (n, bands); NaN is left out. The last of a hundred would blur all others by an
    outlier.
    """
    fwhm = None if seeing is None else float(np.nanquantile(seeing, worst))
    return fwhm, np.nanquantile(noise, worst, axis=0), np.nanmedian(sky, axis=0)


def _bands(pixels: NDArray) -> NDArray:
    """(bands, H, W)."""
    if pixels.dtype != np.uint8:
        return pixels
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
