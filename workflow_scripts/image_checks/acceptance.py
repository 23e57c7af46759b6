"""Is this a whole image of the sky? One decision for services, for cutouts from bricks and for local files.

A new check is a step of `check_image` (what the bytes are) or of `check_pixels` (what they show).
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from workflow_scripts.http_services.politeness import Repeatable
from workflow_scripts.image_checks.damaged_files import check_data_sums, check_whole_png, damage_of
from workflow_scripts.image_checks.empty_parts import LARGEST_EMPTY_SHARE, blank_in_jpeg, empty_share, has_empty_edge
from workflow_scripts.images.decoding import decode, image_format, is_constant, size_of
from workflow_scripts.images.fits_files import UndecodableImageError

# The last bytes of whole files.
_ENDS = {"jpeg": b"\xff\xd9", "png": b"\0\0\0\0IEND\xaeB\x60\x82"}
# Equal values at the end of a FITS that no sky gives.
_FILLED_UP = 16
# The next marker in coded data: neither a stuffed 0xff nor a restart.
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_SCAN, _END = 0xDA, 0xD9
# Frames, without those markers among them that begin none (DHT, JPG, DAC).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_COEFFICIENTS = 64
# What libjpeg reports of coded data with a cut, a wrong code or bytes left over; its other warnings harm no pixel.
_DAMAGE = ("Corrupt JPEG data", "Premature end")

# accepted: the bytes are the requested image; misconfigured: no request of this survey can succeed, the run stops.
Kind = Repeatable | Literal["accepted", "misconfigured"]
Outcome = Literal["delivered", "no_coverage", "rejected", "failed"]


@dataclass(frozen=True)
class Judgement:
    """What a response or a file is: whether the same request may give a better one, and what the ledger records."""

    kind: Kind
    outcome: Outcome
    reason: str = ""
    image: bytes = b""
    image_format: str = ""
    sha256: str = ""


def failed(kind: Kind, reason: str) -> Judgement:
    """Nothing usable came."""
    return Judgement(kind, "failed", reason)


def no_coverage(reason: str) -> Judgement:
    """The survey has no image there, now and later."""
    return Judgement("permanent", "no_coverage", reason)


def accepted(image: bytes, image_format: str) -> Judgement:
    """The requested image."""
    return Judgement("accepted", "delivered", "", image, image_format, hashlib.sha256(image).hexdigest())


def _constant(pixels: NDArray) -> Judgement:
    return Judgement("ambiguous", "rejected", "the image is constant")


@dataclass(frozen=True)
class Wanted:
    """What is known of an image beforehand.

    Attributes
    ----------
    size_px
        side of the image; None for any size.
    image_format
        `jpeg`, `png` or `fits` where a service was to send that; empty for a file on disk, of any format.
    blanks
        values, 0 to 255, one of which pixels of a picture outside the survey's coverage have; in a FITS they are
        exactly 0 or not finite. None where that is unknown: parts of the image may then have one value.
    of_blank
        what an image of one value means; called with its pixels.
    """

    size_px: int | None
    image_format: str = ""
    blanks: Sequence[int] | None = None
    of_blank: Callable[[NDArray], Judgement] = _constant


def check_image(data: bytes, wanted: Wanted) -> Judgement:
    """Whether bytes are a whole image as wanted.

    Passes all the same, because nothing in the file shows it: a FITS that was cut within its last 16 values or filled
    up with noise, or in which a few values without a check sum were overwritten by possible ones; a JPEG in which codes
    were overwritten by codes of as many blocks; a picture that was incomplete before it was coded, if what is missing
    is neither blank nor a strip of one value.
    """
    try:
        found = image_format(data)
        if wanted.image_format and found != wanted.image_format:
            return failed("ambiguous", f"a {found.upper()} file, expected {wanted.image_format.upper()}")
        # Files on disk may have more behind their end.
        if wanted.image_format and not data.endswith(_ENDS.get(found, b"")):
            return failed("transient", f"not an image: the end of the {found.upper()} file is missing")
        # In this order: `decode` limits the size.
        pixels = decode(data)
        if found == "jpeg":
            check_whole_jpeg(data)
        elif found == "png":
            check_whole_png(data)
        elif not wanted.image_format:
            check_data_sums(data)
    except UndecodableImageError as error:
        return failed("transient", f"not an image: {error}")
    if wanted.blanks is not None:
        blanks = [blank_in_jpeg(data, blank) for blank in wanted.blanks] if found == "jpeg" else wanted.blanks[:1]
        wanted = replace(wanted, blanks=blanks)
    if problem := check_pixels(pixels, wanted):
        return problem
    # What services send is judged by more, and may be sent again.
    if not wanted.image_format and wanted.blanks is None and (damage := damage_of(pixels)):
        return Judgement("permanent", "rejected", damage)
    return accepted(data, found)


def check_pixels(pixels: NDArray, wanted: Wanted) -> Judgement | None:
    """What speaks against decoded pixels (as `decoding.decode` gives them), if anything."""
    width, height = size_of(pixels)
    if wanted.size_px is not None and (width, height) != (wanted.size_px, wanted.size_px):
        reason = f"{width} x {height} pixels, expected {wanted.size_px} x {wanted.size_px}"
        return Judgement("ambiguous", "rejected", reason)
    if is_constant(pixels):
        return wanted.of_blank(pixels)
    if wanted.blanks is None:
        return None
    share = max(empty_share(pixels, blank) for blank in wanted.blanks)
    if share > LARGEST_EMPTY_SHARE:
        reason = f"{share:.0%} of the image is empty: the edge of the survey's images runs through it"
        # A picture is known to be whole, a FITS that was filled up may be whole the next time.
        return Judgement("permanent" if pixels.dtype == np.uint8 else "ambiguous", "no_coverage", reason)
    if wanted.image_format == "fits" and _is_filled_up(pixels):
        return Judgement("ambiguous", "rejected", "the FITS ends in one value, as one does that was cut and filled up")
    if has_empty_edge(pixels):
        return Judgement("ambiguous", "rejected", "partly empty: a strip along an edge has one value")
    return None


def _is_filled_up(pixels: NDArray) -> bool:
    """Whether the last values of a FITS are the same, unless it has whole numbers, as copies of pictures have."""
    last = pixels[-1].ravel()[-_FILLED_UP:]
    return bool((last == last[0]).all()) and bool((pixels != np.rint(pixels)).any())


def value_of(pixels: NDArray) -> tuple[float, ...]:
    """The value of every band of a constant image; NaN where none is finite."""
    bands = np.moveaxis(np.atleast_3d(pixels), -1, 0) if pixels.dtype == np.uint8 else pixels
    finite = [band[np.isfinite(band)] for band in bands]
    return tuple(float(values.flat[0]) if values.size else float("nan") for values in finite)


def largest_image(size_px: int, expected: str, bands: int) -> int:
    """Limit of the bytes of an image: what it could take unpacked, and room for headers."""
    each = 4 if expected == "fits" else 1
    return size_px**2 * each * max(bands, 3) * 2 + 2**20


def check_whole_jpeg(data: bytes) -> None:
    """Read all coded data of a JPEG that `decoding.decode` took (it limits the size), drawing an eighth of its size.

    Readers silently fill up what is missing, with grey. libjpeg-turbo warns of a cut also where somebody has put the
    mark of the end behind it, and so does a scan that overwrites it; Pillow hides its warnings, `simplejpeg` reports
    them.

    Raises
    ------
    UndecodableImageError
        for data that end too early, go on after the last block, have a wrong code, or lack a scan.
    """
    try:
        simplejpeg.decode_jpeg(data, "GRAY", fastdct=True, min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError as error:
        if str(error).startswith(_DAMAGE):
            raise UndecodableImageError(str(error)) from None
    if not _has_all_scans(data):
        raise UndecodableImageError("scans of the JPEG are missing")


def _has_all_scans(data: bytes) -> bool:
    """Whether every coefficient of every component came down to its last bit (ITU-T T.81, annexes B.2.3 and G)."""
    # By component: the lowest bit that has come, for each coefficient.
    lowest: dict[int, list[float]] = {}
    place = 2
    while found := _MARKER.search(data, place):
        kind, place = found[1][0], found.end()
        if kind == _END:
            break
        segment = data[place + 2 : place + int.from_bytes(data[place : place + 2])]
        place += 2 + len(segment)
        if kind in _FRAMES and len(segment) > 5:
            lowest = {component: [float("inf")] * _COEFFICIENTS for component in segment[6 : 6 + 3 * segment[5] : 3]}
        if kind == _SCAN and segment and len(segment) >= 4 + 2 * segment[0]:
            first, last, bits = segment[1 + 2 * segment[0] :][:3]
            for component in segment[1 : 1 + 2 * segment[0] : 2]:
                for coefficient in range(first, min(last + 1, _COEFFICIENTS)):
                    lowest.setdefault(component, [float("inf")] * _COEFFICIENTS)[coefficient] = bits & 15
            # The one scan of most files: what follows is its coded data.
            if _is_complete(lowest):
                return True
    return _is_complete(lowest)


def _is_complete(lowest: Mapping[int, Sequence[float]]) -> bool:
    return bool(lowest) and not any(any(bits) for bits in lowest.values())
