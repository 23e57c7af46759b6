"""An image is accepted only if type, first bytes, length, full decode, size and contents all agree."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.image_checks.empty_parts import EMPTY_EDGE, blank_in_jpeg, has_empty_edge, too_empty
from workflow_scripts.image_checks.whole_jpeg import check_whole_jpeg
from workflow_scripts.images.decoding import UndecodableImageError, decode, image_format, is_constant, size_of
from workflow_scripts.surveys.fetcher.download import Received
from workflow_scripts.surveys.fetcher.judgements import Verdict, failed, quoted

# Types under which services send images; others (text/html, application/json) tell of an error.
_UNTOLD = ("application/octet-stream", "binary/octet-stream", "application/fits", "")
# The last bytes of whole files.
_ENDS = {"jpeg": b"\xff\xd9", "png": b"\0\0\0\0IEND\xaeB\x60\x82"}
# Equal values at the end of a FITS that no sky gives.
_FILLED_UP = 16

OfBlank = Callable[[NDArray], Verdict]


def accepted(answer: Received, size_px: int, expected: str, of_blank: OfBlank, blanks: Sequence[int] = (0,)) -> Verdict:
    """The verdict of an answer with status 200.

    Passes all the same, because nothing in the file tells: a FITS that was cut within its last 16 values or filled up
    with noise; a JPEG the end of whose last row of blocks was overwritten by codes of as many blocks; a picture that
    was incomplete before the service coded it, if what is missing is neither blank nor a strip of one value.

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
    blanks
        values, 0 to 255, one of which this service gives to pixels of a picture outside its coverage; in a FITS they
        are exactly 0 or not finite.
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
        # In this order: `decode` limits the size.
        pixels = decode(answer.body)
        if found == "jpeg":
            check_whole_jpeg(answer.body)
    except UndecodableImageError as error:
        return failed("transient", f"not an image: {error}")
    width, height = size_of(pixels)
    if (width, height) != (size_px, size_px):
        reason = f"{width} x {height} pixels, expected {size_px} x {size_px}"
        return Verdict("ambiguous", "rejected", reason)
    if is_constant(pixels):
        return of_blank(pixels)
    values = [blank_in_jpeg(answer.body, blank) for blank in blanks] if found == "jpeg" else blanks[:1]
    if reason := too_empty(pixels, values):
        # A picture is known to be whole, a FITS that was filled up may be whole the next time.
        return Verdict("ambiguous" if found == "fits" else "permanent", "no_coverage", reason)
    if found == "fits" and _is_filled_up(pixels):
        return Verdict("ambiguous", "rejected", "the FITS ends in one value, as one does that was cut and filled up")
    if has_empty_edge(pixels):
        return Verdict("ambiguous", "rejected", EMPTY_EDGE)
    return Verdict("accepted", "delivered", "", answer.body, found, hashlib.sha256(answer.body).hexdigest())


def _is_filled_up(pixels: NDArray) -> bool:
    """Whether the last values of a FITS are the same, unless it has whole numbers, as copies of pictures have."""
    last = pixels[-1].ravel()[-_FILLED_UP:]
    return bool((last == last[0]).all()) and bool((pixels != np.rint(pixels)).any())


def value_of(pixels: NDArray) -> tuple[float, ...]:
    """The value of every band of a constant image; NaN where none is finite."""
    bands = np.moveaxis(np.atleast_3d(pixels), -1, 0) if pixels.dtype == np.uint8 else pixels
    finite = [band[np.isfinite(band)] for band in bands]
    return tuple(float(values.flat[0]) if values.size else float("nan") for values in finite)


def largest_answer(size_px: int, expected: str, bands: int) -> int:
    """Limit of the bytes of an image: what it could take unpacked, and room for headers."""
    each = 4 if expected == "fits" else 1
    return size_px**2 * each * max(bands, 3) * 2 + 2**20
