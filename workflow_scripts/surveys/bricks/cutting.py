"""Cutouts from the images of a brick: its own pixels, not resampled, as one FITS file a galaxy."""

import io
from collections.abc import Mapping

import numpy as np
from astropy.io import fits
from astropy.nddata import Cutout2D, NoOverlapError
from numpy.typing import NDArray

from workflow_scripts.image_checks.empty_parts import EMPTY_EDGE, LARGEST_EMPTY_SHARE, has_empty_edge, too_empty
from workflow_scripts.images.decoding import is_constant
from workflow_scripts.surveys.bricks.brick_images import BrickImage


class NoPixelsError(ValueError):
    """A cutout that the brick has no, or too few, pixels for; the message says which."""


def cut(
    images: Mapping[str, BrickImage], ra: float, dec: float, size_px: int
) -> tuple[NDArray[np.float32], fits.Header]:
    """A cutout around a position (ICRS degrees), which lies within half a pixel of its centre.

    Parameters
    ----------
    images
        of one brick by band, all of one shape.

    Returns
    -------
    numpy.ndarray, astropy.io.fits.Header
        (bands, size_px, size_px) float32, NaN beyond the brick's edge, and its place on the sky.

    Raises
    ------
    NoPixelsError
        where more than 2 % of the cutout are beyond the edge of the brick, or empty and joined to an edge.
    """
    planes = []
    for image in images.values():
        x, y = image.wcs.wcs_world2pix([[ra, dec]], 0)[0]
        try:
            cutout = Cutout2D(image.pixels, (x, y), size_px, image.wcs, mode="partial", fill_value=np.nan)
        except NoOverlapError:
            raise NoPixelsError("the position lies outside its brick's image") from None
        planes.append(cutout.data)
    pixels = np.stack(planes)
    (bottom, top), (left, right) = cutout.bbox_original
    beyond = 1 - (top - bottom + 1) * (right - left + 1) / size_px**2
    if beyond > LARGEST_EMPTY_SHARE:
        raise NoPixelsError(f"{beyond:.0%} of the image is beyond the edge of its brick")
    if is_constant(pixels):
        raise NoPixelsError("empty: outside the survey")
    if reason := too_empty(pixels):
        raise NoPixelsError(reason)
    if has_empty_edge(pixels):
        raise NoPixelsError(EMPTY_EDGE)
    return pixels, _place_on_sky(cutout.wcs)


def as_fits(pixels: NDArray[np.float32], place: fits.Header, brick: str, digests: Mapping[str, str]) -> bytes:
    """A cutout as a FITS file, the same bytes every time; `digests` are the SHA-256 of the brick's files by band."""
    hdu = fits.PrimaryHDU(pixels[0] if len(pixels) == 1 else pixels, header=place)
    hdu.header["BUNIT"] = "nanomaggy"
    hdu.header["BANDS"] = ("".join(digests), "planes, the first one first")
    hdu.header["BRICK"] = (brick, "cut from the images of this brick")
    for band, digest in digests.items():
        hdu.header[f"SHA256{band.upper()}"] = digest
    file = io.BytesIO()
    hdu.writeto(file)
    return file.getvalue()


def _place_on_sky(wcs) -> fits.Header:
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})
    for axis in (0, 1):
        header[f"CRVAL{axis + 1}"] = float(wcs.wcs.crval[axis])
        header[f"CRPIX{axis + 1}"] = float(wcs.wcs.crpix[axis])
    for row in (0, 1):
        for column in (0, 1):
            header[f"CD{row + 1}_{column + 1}"] = float(wcs.pixel_scale_matrix[row, column])
    return header
