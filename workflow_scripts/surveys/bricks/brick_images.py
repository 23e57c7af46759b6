"""Images of bricks: files read whole and believed only if they are those of the brick, and cutouts from them."""

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from astropy.coordinates import angular_separation
from astropy.io import fits
from astropy.nddata import Cutout2D, NoOverlapError
from astropy.wcs import WCS
from numpy.typing import NDArray

from workflow_scripts.errors import first_line
from workflow_scripts.image_checks.acceptance import Wanted, check_pixels, no_coverage
from workflow_scripts.image_checks.empty_parts import LARGEST_EMPTY_SHARE
from workflow_scripts.images.decoding import LARGEST_BYTES, LARGEST_SIDE
from workflow_scripts.images.fits_files import UndecodableImageError, reading_fits, whole_fits
from workflow_scripts.surveys.bricks.geometry import Brick

# A brick's image is centred on the brick, exactly as its table has it.
_FARTHEST_CENTRE_ARCSEC = 1.0
_SCALE_TOLERANCE = 1e-3


class WrongBrickError(ValueError):
    """A whole file that is not the requested image; the message is the reason."""


@dataclass(frozen=True)
class BrickImage:
    """Pixels (H, W) float32, row 0 south and column 0 east, in nanomaggies; their place on the sky."""

    pixels: NDArray[np.float32]
    wcs: WCS


def read_brick_image(data: bytes, brick: Brick, band: str, pixel_scale: float) -> BrickImage:
    """The image of a brick in a band, of a pixel scale (arcsec), from a tile-compressed FITS file.

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
        found = "; ".join(" ".join(f"{value:.4g}" for value in row) for row in matrix)
        raise WrongBrickError(
            f"its pixels go ({found}) arcsec to east and north, expected ({-pixel_scale:g} 0; 0 {pixel_scale:g})"
        )
    away = np.degrees(angular_separation(*np.radians([ra, dec, brick.ra, brick.dec]))) * 3600
    if not away <= _FARTHEST_CENTRE_ARCSEC:
        raise WrongBrickError(f"its centre is {away:.0f} arcsec from that of brick {brick.name}")
    return wcs


class NoPixelsError(ValueError):
    """A cutout that the brick has no, or too few, pixels for; the message is the reason."""


def cut(
    images: Mapping[str, BrickImage], ra: float, dec: float, size_px: int
) -> tuple[NDArray[np.float32], fits.Header]:
    """A cutout around a position (ICRS degrees), which lies within half a pixel of its centre.

    The images are of one brick by band, all of one shape. Returns (bands, size_px, size_px) float32, NaN beyond the
    brick's edge, and the place on the sky. Raises `NoPixelsError` where more than 2 % of the cutout are beyond the edge
    of the brick, or empty and joined to an edge.
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
    if problem := check_pixels(
        pixels, Wanted(size_px, blanks=(0,), of_blank=lambda _: no_coverage("empty: outside the survey"))
    ):
        raise NoPixelsError(problem.reason)
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
