"""FITS files of unknown origin: read whole or not at all, of several bands in one file, and of Pan-STARRS stacks."""

import hashlib
import io
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from workflow_scripts.errors import first_line


class UndecodableImageError(ValueError):
    """Bytes that are not the image they should be; the message is the reason."""


class UnusableImageError(UndecodableImageError):
    """A whole file that is none the less not one image of the sky with north, east and a unit; no other will come."""


@contextmanager
def reading_fits() -> Iterator[None]:
    """Everything that is raised within, or only warned of in the case of a short file, is `UndecodableImageError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # astropy only warns of a file that is shorter than by its header.
            warnings.filterwarnings("error", message=".*truncated")
            yield
    except UndecodableImageError:
        raise
    except Exception as error:  # a lying header can make astropy raise almost anything
        raise UndecodableImageError(f"not a whole FITS file: {first_line(error)}") from None


@contextmanager
def whole_fits(data: bytes, **options: Any) -> Iterator[fits.HDUList]:
    """The HDUs of a file; within `reading_fits`, one that does not end where it must by its headers is an error."""
    with fits.open(io.BytesIO(data), memmap=False, lazy_load_hdus=False, **options) as hdus:
        yield hdus
        end = max(hdu.fileinfo()["datLoc"] + hdu.fileinfo()["datSpan"] for hdu in hdus)
        if end != len(data):
            raise UndecodableImageError(f"a FITS file of {len(data)} bytes whose header has {end}")


# Files of single bands are kept together as the image of one galaxy in a FITS file. Its first HDU has no pixels and the
# card CONTENT; each of the others has the bytes of one file exactly as received (BITPIX = 8, one axis), in the order of
# the survey's `bands`, with the cards BAND and SHA256. `fits.open(io.BytesIO(hdu.data))` opens one.
_CONTENT = "FITS files of bands"
_MARK = f"CONTENT = '{_CONTENT}'".encode()


def packed(files: Mapping[str, bytes]) -> bytes:
    """One FITS file from the files of bands (names of a few letters), in their order."""
    hdus = fits.HDUList([fits.PrimaryHDU(header=fits.Header([("CONTENT", _CONTENT)]))])
    for band, data in files.items():
        cards = [("BAND", band, "the file of this band as received"), ("SHA256", hashlib.sha256(data).hexdigest())]
        hdus.append(fits.ImageHDU(np.frombuffer(data, np.uint8), fits.Header(cards)))
    buffer = io.BytesIO()
    hdus.writeto(buffer)
    return buffer.getvalue()


def is_packed(data: bytes) -> bool:
    """Whether the bytes are what `packed` makes."""
    return _MARK in data[:2880]


def unpacked(data: bytes) -> dict[str, bytes]:
    """The files of bands as received, in the order of the bands.

    Raises `UndecodableImageError` where there is none, a band comes twice, or a file is not the one received.
    """
    files: dict[str, bytes] = {}
    # As they are: what is compressed or scaled could become far larger than the file.
    plain = {"disable_image_compression": True, "do_not_scale_image_data": True}
    with fits.open(io.BytesIO(data), memmap=False, lazy_load_hdus=False, **plain) as hdus:
        for hdu in hdus[1:]:
            band = str(hdu.header.get("BAND", ""))
            if not isinstance(hdu, fits.ImageHDU) or len(hdu.shape) != 1 or hdu.header["BITPIX"] != 8:
                raise UndecodableImageError(f"HDU '{band}' of a FITS file of bands is no row of bytes")
            file = hdu.data.tobytes()
            if band in files:
                raise UndecodableImageError(f"two files of band '{band}'")
            if hashlib.sha256(file).hexdigest() != hdu.header.get("SHA256"):
                raise UndecodableImageError(f"the file of band '{band}' is not the one that was received (SHA256)")
            files[band] = file
    if not files:
        raise UndecodableImageError("a FITS file of bands without any")
    return files


# A Pan-STARRS stack is the sum of exposures, of more in one field than in another: its values are counts of EXPTIME
# seconds, and one count a second has the AB magnitude 25. Whole stacks are stored as asinh of the counts, with
# constants of their own (BSOFTEN, BOFFSET). By STScI, cutouts have linear counts, and those two cards show which of
# both a file has (PS1 Image Cutout Service, https://outerspace.stsci.edu/display/PANSTARRS; Waters et al. 2020,
# ApJS 251, 4).
ZERO_POINT = 25.0
# Nanomaggies have the zero point 22.5.
NANOMAGGIES = 10 ** (0.4 * (22.5 - ZERO_POINT))


def nanomaggies(values: NDArray[np.float32], header: fits.Header) -> NDArray[np.float32]:
    """Flux of the values (any shape) of an image with this header; NaN stays NaN.

    counts = BOFFSET + 2 BSOFTEN sinh(value ln(10) / 2.5) where the header has both cards, else the values themselves.

    Raises `UndecodableImageError` for a header without an exposure time, or with one of the two constants alone.
    """
    exposure_s = _number(header, "EXPTIME", positive=True)
    counts = values.astype(np.float64)
    if "BSOFTEN" in header or "BOFFSET" in header:
        softening, offset = _number(header, "BSOFTEN", positive=True), _number(header, "BOFFSET")
        with np.errstate(over="ignore"):
            counts = offset + 2 * softening * np.sinh(counts * math.log(10) / 2.5)
    with np.errstate(over="ignore"):
        return (counts / exposure_s * NANOMAGGIES).astype(np.float32)


def _number(header: fits.Header, card: str, positive: bool = False) -> float:
    value = header.get(card)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UndecodableImageError(f"the card {card} of the FITS header is {value!r}, expected a number")
    if positive and value <= 0:
        raise UndecodableImageError(f"the card {card} of the FITS header is {value}, expected more than 0")
    return float(value)
