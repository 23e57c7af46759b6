"""Received bytes as pixels, decoded fully and with every size limited."""

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workflow_scripts.errors import first_line
from workflow_scripts.images.fits_files import (
    UndecodableImageError,
    is_packed,
    nanomaggies,
    reading_fits,
    unpacked,
    whole_fits,
)

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


def decode(data: bytes, of_stack: bool = False) -> NDArray:
    """All pixels of a JPEG, PNG or FITS, or of several FITS of one band each as `fits_files.packed` makes them.

    JPEG and PNG give (H, W) or (H, W, 3) uint8, FITS (bands, H, W) float32, from the first HDU with an image. Bands are
    from blue to red: packed files, which come in the order red, green, blue, are turned round. `of_stack`: whether
    values of a FITS are counts of a Pan-STARRS stack, to become nanomaggies. Raises `UndecodableImageError` for bytes
    that are truncated, too large, or not what their first bytes promise.
    """
    if len(data) > LARGEST_BYTES:
        raise UndecodableImageError(f"{len(data)} bytes, expected at most {LARGEST_BYTES}")
    return _decode_fits(data, of_stack) if image_format(data) == "fits" else _decode_picture(data)


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


def _decode_fits(data: bytes, of_stack: bool) -> NDArray[np.float32]:
    with reading_fits():
        if not is_packed(data):
            return _bands_of(data, of_stack)
        files = list(unpacked(data).values())
        bands = [_bands_of(file, of_stack, len(files)) for file in reversed(files)]
    if len({band.shape for band in bands}) > 1:
        raise UndecodableImageError(f"bands of shapes {', '.join(str(band.shape) for band in bands)}, expected one")
    return np.concatenate(bands)


def _bands_of(data: bytes, of_stack: bool, files: int = 1) -> NDArray[np.float32]:
    """(bands, H, W) of one FITS file, of so many that are decoded together."""
    with whole_fits(data) as hdus:
        image = next((hdu for hdu in hdus if hdu.is_image and len(hdu.shape) > 1), None)
        if image is None:
            raise UndecodableImageError("a FITS file without an image")
        if len(image.shape) > 3 or 0 in image.shape:
            raise UndecodableImageError(f"a FITS image of shape {image.shape}, expected ([bands,] H, W)")
        _check_size(files * (image.shape[0] if len(image.shape) == 3 else 1), *image.shape[-2:])
        pixels = np.asarray(image.data, dtype=np.float32)
        if of_stack:
            pixels = nanomaggies(pixels, image.header)
    return pixels[None] if pixels.ndim == 2 else pixels


def _check_size(bands: int, *sides: int) -> None:
    if max(sides) > LARGEST_SIDE or bands > LARGEST_BANDS or math.prod(sides) * bands > LARGEST_PIXELS:
        size = " x ".join(map(str, sides)) + (f" x {bands} bands" if bands > 1 else "")
        raise UndecodableImageError(f"{size} pixels, expected at most {LARGEST_SIDE} a side, {LARGEST_PIXELS} in all")
