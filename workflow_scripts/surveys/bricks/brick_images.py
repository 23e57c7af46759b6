"""The file of a brick in one band: read whole, and believed only if it is the image of that brick."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from astropy.coordinates import angular_separation
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from workflow_scripts.errors import first_line
from workflow_scripts.images.decoding import LARGEST_BYTES, LARGEST_SIDE, UndecodableImageError
from workflow_scripts.images.fits_files import reading_fits, whole_fits
from workflow_scripts.surveys.bricks.geometry import Brick

# A brick's image is centred on the brick, exactly as its table has it.
_FARTHEST_CENTRE_ARCSEC = 1.0
_SCALE_TOLERANCE = 1e-3


class WrongBrickError(ValueError):
    """A whole file that is not the image that was asked for; the message says why."""


@dataclass(frozen=True)
class BrickImage:
    """Pixels (H, W) float32, row 0 south and column 0 east, in nanomaggies; their place on the sky."""

    pixels: NDArray[np.float32]
    wcs: WCS


def read_brick_image(data: bytes, brick: Brick, band: str, pixel_scale: float) -> BrickImage:
    """The image of a brick in a band from a tile-compressed FITS file.

    Parameters
    ----------
    pixel_scale
        arcsec a pixel that the image must have.

    Raises
    ------
    UndecodableImageError
        for bytes that are not a whole file of this kind, or one that is too large.
    WrongBrickError
        for an image of another brick, band or scale, or one that is turned, mirrored or shifted.
    """
    if len(data) > LARGEST_BYTES:
        raise UndecodableImageError(f"{len(data)} bytes, expected at most {LARGEST_BYTES}")
    if not data.startswith(b"SIMPLE  ="):
        raise UndecodableImageError(f"no FITS file (starts with {data[:12]!r})" if data else "no bytes")
    with reading_fits():
        _check_whole(data)
        with fits.open(io.BytesIO(data), memmap=False) as hdus:
            image = next((hdu for hdu in hdus if isinstance(hdu, fits.CompImageHDU)), None)
            if image is None:
                raise UndecodableImageError("a FITS file without a compressed image")
            if len(image.shape) != 2 or not all(0 < side <= LARGEST_SIDE for side in image.shape):
                raise UndecodableImageError(f"an image of shape {image.shape}, expected (H, W) up to {LARGEST_SIDE}")
            header = image.header
            pixels = np.ascontiguousarray(image.data, dtype=np.float32)
    return BrickImage(pixels, _checked_wcs(header, pixels.shape, brick, band, pixel_scale))


def _check_whole(data: bytes) -> None:
    """Compare the file with its headers, as tables of compressed tiles, before anything is unpacked."""
    with whole_fits(data, disable_image_compression=True) as hdus:
        for hdu in hdus:
            tiles = [int(value) for key, value in hdu.header.items() if key.startswith("ZTILE")]
            if not all(0 < side <= LARGEST_SIDE for side in tiles):
                raise UndecodableImageError(f"compressed tiles of {tiles} pixels")
            # 1 where it is right, 2 where the file has none.
            if hdu.verify_datasum() == 0:
                raise UndecodableImageError("the sum of the data is not the one in the header")


def _checked_wcs(header: fits.Header, shape: tuple[int, ...], brick: Brick, band: str, pixel_scale: float) -> WCS:
    for key, expected in (("BRICKNAM", brick.name), ("FILTER", band)):
        found = str(header.get(key, expected)).strip()
        if found != expected:
            raise WrongBrickError(f"{key} is {found[:40]}, expected {expected}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(header, naxis=2)
            kinds, matrix = list(wcs.wcs.ctype), wcs.pixel_scale_matrix * 3600
            ra, dec = wcs.wcs_pix2world([[(shape[1] - 1) / 2, (shape[0] - 1) / 2]], 0)[0]
    except Exception as error:  # as above
        reason = first_line(error)
        raise WrongBrickError(f"without a place on the sky: {reason}") from None
    if kinds != ["RA---TAN", "DEC--TAN"]:
        raise WrongBrickError(f"the projection is {', '.join(kinds)}, expected RA---TAN, DEC--TAN")
    # Not greater, so that NaN is refused as well.
    if not np.abs(matrix - np.diag([-pixel_scale, pixel_scale])).max() <= _SCALE_TOLERANCE * pixel_scale:
        told = "; ".join(" ".join(f"{value:.4g}" for value in row) for row in matrix)
        raise WrongBrickError(
            f"its pixels go ({told}) arcsec to east and north, expected ({-pixel_scale:g} 0; 0 {pixel_scale:g})"
        )
    away = np.degrees(angular_separation(*np.radians([ra, dec, brick.ra, brick.dec]))) * 3600
    if not away <= _FARTHEST_CENTRE_ARCSEC:
        raise WrongBrickError(f"its centre is {away:.0f} arcsec from that of brick {brick.name}")
    return wcs
