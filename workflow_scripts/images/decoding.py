"""Received bytes as pixels, decoded fully and with every size limited."""

import io
import warnings

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

# A galaxy cutout is far smaller; anything larger is a mistake or an attack.
LARGEST_SIDE = 8192
LARGEST_BYTES = 64 * 2**20


class UndecodableImageError(ValueError):
    """Bytes that are not the image they should be; the message says why."""


def image_format(data: bytes) -> str:
    """`jpeg`, `png` or `fits` by the first bytes; `UndecodableImageError` for anything else."""
    for magic, name in ((b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"SIMPLE  =", "fits")):
        if data.startswith(magic):
            return name
    raise UndecodableImageError(f"neither JPEG, PNG nor FITS (starts with {data[:12]!r})")


def decode(data: bytes) -> NDArray:
    """All pixels of an image.

    Returns
    -------
    numpy.ndarray
        JPEG and PNG: (H, W) or (H, W, 3) uint8; FITS: (bands, H, W) float32.

    Raises
    ------
    UndecodableImageError
        for bytes that are truncated, too large, or not what their first bytes say.
    """
    if len(data) > LARGEST_BYTES:
        raise UndecodableImageError(f"{len(data)} bytes, expected at most {LARGEST_BYTES}")
    return _decode_fits(data) if image_format(data) == "fits" else _decode_picture(data)


def is_constant(pixels: NDArray) -> bool:
    """Whether every pixel of a band has the same value, or none is finite: what services send outside coverage."""
    finite = pixels[np.isfinite(pixels)]
    return finite.size == 0 or finite.min() == finite.max()


def _decode_picture(data: bytes) -> NDArray[np.uint8]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
                if max(picture.size) > LARGEST_SIDE:
                    raise UndecodableImageError(f"{picture.size} pixels, expected at most {LARGEST_SIDE} a side")
                picture.load()
                mode = "L" if picture.mode in ("L", "1", "I;16", "I") else "RGB"
                return np.asarray(picture.convert(mode))
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Warning, Image.DecompressionBombError) as error:
        raise UndecodableImageError(str(error)) from None


def _decode_fits(data: bytes) -> NDArray[np.float32]:
    try:
        with warnings.catch_warnings():
            # astropy only warns of a file that is shorter than its header says.
            warnings.simplefilter("error")
            with fits.open(io.BytesIO(data), memmap=False, lazy_load_hdus=False) as hdus:
                image = hdus[0]
                shape = image.shape
                if len(shape) not in (2, 3) or max(shape[-2:], default=0) > LARGEST_SIDE or np.prod(shape) < 1:
                    raise UndecodableImageError(f"FITS image of shape {shape}, expected (H, W) or (bands, H, W)")
                if len(shape) == 3 and shape[0] > 16:
                    raise UndecodableImageError(f"FITS image with {shape[0]} bands, expected at most 16")
                pixels = np.asarray(image.data, dtype=np.float32)
    except UndecodableImageError:
        raise
    except Exception as error:  # a lying header can make astropy raise almost anything
        raise UndecodableImageError(f"not a whole FITS image: {error}") from None
    return pixels[None] if pixels.ndim == 2 else pixels
