"""Whether a JPEG is whole: readers silently fill up what is missing, with grey.

libjpeg-turbo warns of a cut also where somebody has put the mark of the end behind it, and so does a scan that
overwrites it; Pillow hides its warnings, `simplejpeg` reports them.
"""

import re
from collections.abc import Mapping, Sequence

import simplejpeg

from workflow_scripts.images.fits_files import UndecodableImageError

# The next marker in coded data: neither a stuffed 0xff nor a restart.
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_SCAN, _END = 0xDA, 0xD9
# Frames, without those markers among them that begin none (DHT, JPG, DAC).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_COEFFICIENTS = 64
# What libjpeg reports of coded data with a cut, a wrong code or bytes left over; its other warnings harm no pixel.
_DAMAGE = ("Corrupt JPEG data", "Premature end")


def check_whole_jpeg(data: bytes) -> None:
    """Read all coded data of a JPEG that `decoding.decode` took (it limits the size), drawing an eighth of its size.

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
