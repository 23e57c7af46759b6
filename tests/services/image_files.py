"""JPEG, PNG and FITS files with the position of the request in them, around pixels that are kept."""

import struct
import zlib
from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from PIL import Image

QUALITY = 90


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """A JPEG of (height, width, 3) or (height, width) bytes."""
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG of (height, width, 3) or (height, width) bytes."""
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def with_comment(image: bytes, text: str) -> bytes:
    """A JPEG or PNG with a comment in it: files of different positions differ in their bytes."""
    comment = text.encode("ascii")
    if image[:2] == b"\xff\xd8":
        return image[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + image[2:]
    body = b"tEXtComment\0" + comment
    # Before the last chunk, which has 12 bytes.
    return image[:-12] + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) + image[-12:]


def comment_of(image: bytes) -> str:
    """The comment of a JPEG or PNG that `with_comment` wrote."""
    picture = Image.open(BytesIO(image))
    comment = picture.info.get("comment", picture.info.get("Comment", ""))
    return comment.decode("ascii") if isinstance(comment, bytes) else comment


def fits_file(planes: NDArray, ra: float, dec: float, pixel_scale: float, keywords: Mapping[str, str | float]) -> bytes:
    """A FITS image of (bands, height, width), or (height, width) for one band, row 0 south, TAN about a position."""
    data = np.ascontiguousarray(planes[0] if len(planes) == 1 else planes)
    header = _header(data.shape, data.dtype.str, pixel_scale, tuple(keywords.items()))
    for card, value in (("CRVAL1", ra), ("CRVAL2", dec)):
        header = header.replace(f"{card:8}=                  0.0".ljust(80), f"{card:8}= {value:20.10f}".ljust(80))
    body = data.astype(data.dtype.newbyteorder(">")).tobytes()
    return header.encode("ascii") + body + b"\0" * (-len(body) % 2880)


@lru_cache(maxsize=256)
def _header(
    shape: tuple[int, ...], dtype: str, pixel_scale: float, keywords: tuple[tuple[str, str | float], ...]
) -> str:
    header = fits.PrimaryHDU(np.zeros(shape, dtype)).header
    header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 0.0, "CRVAL2": 0.0})
    header.update({"CRPIX1": (shape[-1] + 1) / 2, "CRPIX2": (shape[-2] + 1) / 2})
    header.update({"CD1_1": -pixel_scale / 3600, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": pixel_scale / 3600})
    header.update(dict(keywords))
    return header.tostring()
