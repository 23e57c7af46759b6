"""FITS files of single bands, kept together as the image of one galaxy.

What holds them is a FITS file too. Its first HDU has no pixels and the card CONTENT; each of the others has the bytes
of one file exactly as received (BITPIX = 8, one axis), in the order of the survey's `bands`, with the cards BAND and
SHA256. `astropy.io.fits.open(io.BytesIO(hdu.data))` opens one.
"""

import hashlib
import io
from collections.abc import Mapping

import numpy as np
from astropy.io import fits

from workflow_scripts.images.undecodable import UndecodableImageError

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

    Raises
    ------
    UndecodableImageError
        where there is none, a band comes twice, or a file is not the one that was received.
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
