"""An image is accepted only if type, first bytes, length, full decode, size and contents all agree."""

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.images.decoding import UndecodableImageError, decode, image_format, is_constant, size_of
from workflow_scripts.surveys.fetcher.download import Received
from workflow_scripts.surveys.fetcher.verdicts import Verdict, failed, quoted

# Types under which services send images; others (text/html, application/json) tell of an error.
_UNTOLD = ("application/octet-stream", "binary/octet-stream", "application/fits", "")
# The last bytes of whole files.
_ENDS = {"jpeg": b"\xff\xd9", "png": b"\0\0\0\0IEND\xaeB\x60\x82"}
# Rows or columns (pixels) of one value at an edge that make an image partly empty; a JPEG block has 8.
_STRIP = 8

OfBlank = Callable[[NDArray], Verdict]


def accepted(answer: Received, size_px: int, expected: str, of_blank: OfBlank) -> Verdict:
    """The verdict of an answer with status 200.

    What was cut within its last rows (16 of a JPEG, 8 of a FITS) and filled up again passes: no decoder tells it from
    a whole file.

    Parameters
    ----------
    answer
        as received.
    size_px
        side of the image that was asked for.
    expected
        `jpeg`, `png` or `fits`.
    of_blank
        what this service means with an image of one value; called with its pixels.
    """
    kind = answer.content_type.split(";")[0].strip().lower()
    if not answer.body:
        return failed("transient", "an empty body with status 200")
    if not kind.startswith("image/") and kind not in _UNTOLD:
        return failed("transient", f"{kind} where an image was expected{quoted(answer)}")
    try:
        found = image_format(answer.body)
    except UndecodableImageError as error:
        return failed("transient", f"not an image: {error}{quoted(answer)}")
    if found != expected:
        return failed("ambiguous", f"a {found.upper()} file, expected {expected.upper()}")
    if not answer.body.endswith(_ENDS.get(found, b"")):
        return failed("transient", f"not an image: the end of the {found.upper()} file is missing")
    try:
        pixels = decode(answer.body)
    except UndecodableImageError as error:
        return failed("transient", f"not an image: {error}")
    width, height = size_of(pixels)
    if (width, height) != (size_px, size_px):
        reason = f"{width} x {height} pixels, expected {size_px} x {size_px}"
        return Verdict("ambiguous", "rejected", reason)
    if is_constant(pixels):
        return of_blank(pixels)
    if has_empty_edge(pixels):
        # Or a cut JPEG that somebody closed: what is missing is drawn grey.
        return Verdict("ambiguous", "rejected", "partly empty: the edge of the survey's images runs through it")
    return Verdict("accepted", "delivered", "", answer.body, found, hashlib.sha256(answer.body).hexdigest())


def has_empty_edge(pixels: NDArray) -> bool:
    """Whether a strip along an edge has one value, or none that is finite: in all colours, or in a band of a FITS.

    The sky has noise: a strip without any is where the survey has no data.
    """
    if pixels.dtype != np.uint8 and len(pixels) > 1:
        return any(has_empty_edge(band[None]) for band in pixels)
    image = np.atleast_3d(pixels) if pixels.dtype == np.uint8 else np.moveaxis(pixels, 0, -1)
    strips = (image[:_STRIP], image[-_STRIP:], image[:, :_STRIP], image[:, -_STRIP:])
    return any(_is_empty(strip) for strip in strips)


def _is_empty(strip: NDArray) -> bool:
    # The corner first: most strips differ within a few pixels.
    first = strip[0, 0]
    if not ((strip[1, 1] == first) | ~np.isfinite(first)).all():
        return False
    return bool(((strip == first) | ~np.isfinite(strip)).all())


def value_of(pixels: NDArray) -> tuple[float, ...]:
    """The value of every band of a constant image; NaN where none is finite."""
    bands = np.moveaxis(np.atleast_3d(pixels), -1, 0) if pixels.dtype == np.uint8 else pixels
    finite = [band[np.isfinite(band)] for band in bands]
    return tuple(float(values.flat[0]) if values.size else float("nan") for values in finite)


def largest_answer(size_px: int, expected: str, bands: int) -> int:
    """Limit of the bytes of an image: what it could take unpacked, and room for headers."""
    each = 4 if expected == "fits" else 1
    return size_px**2 * each * max(bands, 3) * 2 + 2**20
