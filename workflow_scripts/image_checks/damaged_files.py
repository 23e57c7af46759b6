"""Damage of files on disk that decode all the same: what a check sum, a flat end or an impossible value shows.

Services send another image when they are asked again, and their images are judged by more (`acceptance.Wanted`). Local
images may have been masked, padded or cut out in any way: a part of one value is damage only if there is no other such
part.
"""

import io

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from workflow_scripts.errors import first_line
from workflow_scripts.images.fits_files import UndecodableImageError, is_packed, reading_fits

# Rows of a JPEG block.
_BLOCK = 8
# A value that so large a share of the other pixels has, or a square of so many pixels, is the sky or a mask.
_COMMON, _SQUARE = 0.25, 4
# Neighbours with one value along the rows of a FITS that are no part of a mask: the next run is so many times shorter.
_LONG_RUN, _LONELY = 24, 8
# The last values of a FITS whose values are not whole.
_FLAT_END = 16
# Distance of a value from the median, in units of the range that 80 % of the values have. A float32 has 7 digits.
_IMPOSSIBLE = 1e10


def check_whole_png(data: bytes) -> None:
    """Raise `UndecodableImageError` where a chunk of a PNG is not the one that its check sum is of."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            picture.verify()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UndecodableImageError(first_line(error)) from None


def check_data_sums(data: bytes) -> None:
    """Raise `UndecodableImageError` where the pixels of a FITS are not those that its DATASUM cards are of."""
    if b"DATASUM" not in data or is_packed(data):
        return
    with reading_fits(), fits.open(io.BytesIO(data), memmap=False, disable_image_compression=True) as hdus:
        for number, hdu in enumerate(hdus):
            if "DATASUM" in hdu.header and hdu.verify_datasum() == 0:
                raise UndecodableImageError(f"the data of HDU {number} are not those that its card DATASUM is of")


def damage_of(pixels: NDArray) -> str:
    """What shows that an image (as `decoding.decode` gives it) was cut and filled up, or overwritten; '' if nothing."""
    if pixels.dtype == np.uint8:
        return "the last rows have one value, as in a picture that was cut" if _has_flat_end(pixels) else ""
    for band in pixels:
        if found := _damage_of_band(band):
            return found
    return ""


def _has_flat_end(pixels: NDArray[np.uint8]) -> bool:
    """Whether the last rows of blocks have one value that is rare elsewhere."""
    picture = np.atleast_3d(pixels)
    value = picture[-1, -1]
    if len(picture) <= _BLOCK or not (picture[-1] == value).all() or not (picture[-_BLOCK:] == value).all():
        return False
    same = (picture == value).all(axis=2)
    start = len(same) - int(np.argmin(same.all(axis=1)[::-1]))
    # Where the end begins, a block of a JPEG has some pixels of both.
    rest = same[: max(start - 2 * _BLOCK, 0)]
    if not rest.size or rest.mean() > _COMMON:
        return False
    return not ndimage.minimum_filter(rest.view(np.uint8), _SQUARE, mode="constant", cval=0).any()


def _damage_of_band(band: NDArray) -> str:
    finite = band[np.isfinite(band)]
    if not finite.size:
        return ""
    low, median, high = np.percentile(finite, [10, 50, 90]).astype(np.float64)
    farthest = finite[np.argmax(np.abs(finite - median))]
    if high > low and abs(float(farthest) - median) > _IMPOSSIBLE * (high - low):
        return f"a value of {farthest:.3g} among values of {low:.3g} to {high:.3g}: no data, expected NaN, or damage"
    start, length, next_length = _longest_run(band)
    value = band.flat[start]
    if length < _LONELY * next_length:
        return ""
    at_end = start + length == band.size
    whole_rows = start % band.shape[1] == 0 and length % band.shape[1] == 0
    enough = _FLAT_END if (finite != np.rint(finite)).any() else _LONG_RUN
    if at_end and not np.isnan(value) and length >= enough:
        return f"the FITS ends in {length} values of {value:g}, as one does that was cut and filled up"
    if length >= _LONG_RUN and not whole_rows:
        return f"{length} values in a row are {value:g}, as where a file was overwritten"
    return ""


def _longest_run(band: NDArray) -> tuple[int, int, int]:
    """Start and length of the longest run of one value, or NaN, along the rows and over their ends; the next length."""
    values = band.ravel()
    unlike = (values[1:] != values[:-1]) & ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
    starts = np.concatenate([[0], np.flatnonzero(unlike) + 1])
    lengths = np.diff(np.append(starts, len(values)))
    longest = int(np.argmax(lengths))
    others = np.delete(lengths, longest)
    return int(starts[longest]), int(lengths[longest]), int(others.max(initial=0))
