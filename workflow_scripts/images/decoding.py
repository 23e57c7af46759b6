"""Received bytes as pixels, decoded fully and with every size limited: as they are, and as networks see the sky."""

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from PIL import Image

from workflow_scripts.errors import first_line
from workflow_scripts.images.fits_files import (
    UndecodableImageError,
    UnusableImageError,
    is_packed,
    nanomaggies,
    reading_fits,
    unpacked,
    whole_fits,
)
from workflow_scripts.images.orientation import local_axes, north_up
from workflow_scripts.images.surface_brightness import factor_to_surface_brightness

# A galaxy cutout is far smaller; anything larger is a mistake or an attack.
LARGEST_SIDE = 8192
LARGEST_BYTES = 64 * 2**20
# Over all bands: 256 MB of float32.
LARGEST_PIXELS = 2**26
LARGEST_BANDS = 16

_MAGIC = ((b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"SIMPLE  =", "fits"))


def image_format(data: bytes) -> str:
    """`jpeg`, `png` or `fits` by the first bytes; `UndecodableImageError` for anything else."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    raise UndecodableImageError(f"neither JPEG, PNG nor FITS (starts with {data[:12]!r})" if data else "no bytes")


def decode(data: bytes, of_stack: bool = False, extensions: Sequence[str] = ()) -> NDArray:
    """All pixels of a JPEG, PNG or FITS as the file has them, for checks; networks see those of `sky_pixels`.

    JPEG and PNG give (H, W) or (H, W, 3) uint8, FITS (bands, H, W) float32, from the only extension with an image or
    from those named. Bands are from blue to red: several FITS of one band each in one file (`fits_files.packed`), which
    come in the order red, green, blue, are turned round. `of_stack`: whether values of a FITS are counts of a
    Pan-STARRS stack, to become nanomaggies.

    Raises `UndecodableImageError` for bytes that are truncated, too large, or not what their first bytes promise;
    `UnusableImageError` for several images in one FITS of which none is named, or for axes away from north and east.
    """
    if _format_of(data) != "fits":
        return _decode_picture(data)
    planes = _decode_fits(data, of_stack, extensions)
    with reading_fits():
        for pixels, header in planes:
            north_up(pixels, local_axes(header, pixels.shape))
    return _joined([pixels for pixels, _ in planes])


def sky_pixels(
    data: bytes,
    of_stack: bool = False,
    extensions: Sequence[str] = (),
    pixel_scale: float | None = None,
    surface_brightness: bool = True,
) -> NDArray:
    """The pixels that `decode` gives, row 0 the north and column 0 the east.

    Values of a FITS are in nanomaggies a square arcsec, or with `surface_brightness` off as the file has them;
    `pixel_scale` (arcsec) is the survey's, None where that does not know it. Raises as `decode`, and where the unit or
    the area of a pixel is not known.
    """
    if _format_of(data) != "fits":
        return _decode_picture(data)
    turned = []
    with reading_fits():
        for pixels, header in _decode_fits(data, of_stack, extensions):
            axes = local_axes(header, pixels.shape)
            pixels = north_up(pixels, axes)
            if surface_brightness:
                pixels = pixels * np.float32(factor_to_surface_brightness(header, axes, pixel_scale, of_stack))
            turned.append(pixels)
    return _joined(turned)


def _format_of(data: bytes) -> str:
    if len(data) > LARGEST_BYTES:
        raise UndecodableImageError(f"{len(data)} bytes, expected at most {LARGEST_BYTES}")
    return image_format(data)


def size_of(pixels: NDArray) -> tuple[int, int]:
    """Width and height of decoded pixels."""
    height, width = pixels.shape[:2] if pixels.dtype == np.uint8 else pixels.shape[-2:]
    return width, height


def is_constant(pixels: NDArray) -> bool:
    """Whether every band has one value only, or none that is finite: what services send outside coverage."""
    if pixels.dtype == np.uint8:
        # Row by row: an image of the sky differs in the first.
        return all(bool((row == pixels[0, 0]).all()) for row in pixels)
    finite = (band[np.isfinite(band)] for band in pixels)
    return all(values.size == 0 or bool(values.min() == values.max()) for values in finite)


def _decode_picture(data: bytes) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            _check_size(1, *picture.size)
            picture.load()
            if picture.mode.startswith("I"):
                # 16 bits; Pillow itself would cut off everything above 255.
                return (np.asarray(picture) // 257).clip(0, 255).astype(np.uint8)
            return np.asarray(picture.convert("L" if picture.mode in ("L", "1") else "RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UndecodableImageError(first_line(error)) from None


_Planes = tuple[NDArray[np.float32], fits.Header]


def _decode_fits(data: bytes, of_stack: bool, extensions: Sequence[str]) -> list[_Planes]:
    """(bands, H, W) and the header of each image, from blue to red."""
    with reading_fits():
        if not is_packed(data):
            return _images_of(data, of_stack, extensions)
        files = list(unpacked(data).values())
        return [image for file in reversed(files) for image in _images_of(file, of_stack, (), len(files))]


def _joined(bands: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    if len({band.shape[1:] for band in bands}) > 1:
        raise UndecodableImageError(f"bands of shapes {', '.join(str(band.shape) for band in bands)}, expected one")
    return np.concatenate(bands) if len(bands) > 1 else bands[0]


def _images_of(data: bytes, of_stack: bool, extensions: Sequence[str], files: int = 1) -> list[_Planes]:
    """The image of one FITS file, of so many that are decoded together; or the images of the extensions."""
    with whole_fits(data) as hdus:
        images = [(number, hdu) for number, hdu in enumerate(hdus) if hdu.is_image and len(hdu.shape) > 1]
        if not images:
            raise UndecodableImageError("a FITS file without an image")
        chosen = []
        for hdu in _chosen(images, extensions):
            if len(hdu.shape) > 3 or 0 in hdu.shape:
                raise UndecodableImageError(f"a FITS image of shape {hdu.shape}, expected ([bands,] H, W)")
            bands = hdu.shape[0] if len(hdu.shape) == 3 else 1
            _check_size(max(files, len(extensions)) * bands, *hdu.shape[-2:])
            pixels = np.asarray(hdu.data, dtype=np.float32)
            if of_stack:
                pixels = nanomaggies(pixels, hdu.header)
            chosen.append((pixels[None] if pixels.ndim == 2 else pixels, hdu.header))
    return chosen


def _chosen(images: Sequence[tuple[int, Any]], extensions: Sequence[str]) -> list[Any]:
    """The one image, or those of the extensions named (EXTNAME, or the number of the HDU), in their order."""
    if len(images) == 1 and not extensions:
        return [images[0][1]]
    listed = ", ".join(f"{hdu.name or 'HDU'} ({number})" for number, hdu in images[:LARGEST_BANDS])
    if not extensions:
        raise UnusableImageError(
            f"a FITS file with {len(images)} images: {listed}; expected one, or the names of its bands from blue to red"
            " (surveys, extensions)"
        )
    chosen = []
    for name in extensions:
        found = [hdu for number, hdu in images if name.upper() in (hdu.name.upper(), str(number))]
        if len(found) != 1:
            raise UnusableImageError(
                f"a FITS file with {len(found) or 'no'} images of the name {name} (surveys, extensions), but {listed}"
            )
        chosen += found
    return chosen


def _check_size(bands: int, *sides: int) -> None:
    if max(sides) > LARGEST_SIDE or bands > LARGEST_BANDS or math.prod(sides) * bands > LARGEST_PIXELS:
        size = " x ".join(map(str, sides)) + (f" x {bands} bands" if bands > 1 else "")
        raise UndecodableImageError(f"{size} pixels, expected at most {LARGEST_SIDE} a side, {LARGEST_PIXELS} in all")
