"""Pan-STARRS stacks: from the values of a FITS file to nanomaggies, the same unit over the whole sky.

A stack is the sum of exposures, of more in one field than in another: its values are counts of EXPTIME seconds, and one
count a second has the AB magnitude 25. Whole stacks are stored as asinh of the counts, with constants of their own
(BSOFTEN, BOFFSET). STScI says that cutouts have linear counts, and that those two cards tell which of both a file has
(PS1 Image Cutout Service, https://outerspace.stsci.edu/display/PANSTARRS; Waters et al. 2020, ApJS 251, 4).
"""

import math

import numpy as np
from astropy.io.fits import Header
from numpy.typing import NDArray

from workflow_scripts.images.undecodable import UndecodableImageError

ZERO_POINT = 25.0
# Nanomaggies have the zero point 22.5.
NANOMAGGIES = 10 ** (0.4 * (22.5 - ZERO_POINT))


def nanomaggies(values: NDArray[np.float32], header: Header) -> NDArray[np.float32]:
    """Flux of the values (any shape) of an image with this header; NaN stays NaN.

    counts = BOFFSET + 2 BSOFTEN sinh(value ln(10) / 2.5) where the header has both cards, else the values themselves.

    Raises
    ------
    UndecodableImageError
        for a header without an exposure time, or with one of the two constants alone.
    """
    exposure_s = _number(header, "EXPTIME", positive=True)
    counts = values.astype(np.float64)
    if "BSOFTEN" in header or "BOFFSET" in header:
        softening, offset = _number(header, "BSOFTEN", positive=True), _number(header, "BOFFSET")
        with np.errstate(over="ignore"):
            counts = offset + 2 * softening * np.sinh(counts * math.log(10) / 2.5)
    with np.errstate(over="ignore"):
        return (counts / exposure_s * NANOMAGGIES).astype(np.float32)


def _number(header: Header, card: str, positive: bool = False) -> float:
    value = header.get(card)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UndecodableImageError(f"the card {card} of the FITS header is {value!r}, expected a number")
    if positive and value <= 0:
        raise UndecodableImageError(f"the card {card} of the FITS header is {value}, expected more than 0")
    return float(value)
