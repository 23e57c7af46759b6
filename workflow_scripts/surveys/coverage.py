"""Where a survey has images: a multi-order coverage map (MOC), known before anything is asked of its service."""

from pathlib import Path

import numpy as np
from astropy import units
from mocpy import MOC
from numpy.typing import NDArray

from workflow_scripts.errors import InputError, first_line

# The finest maps of whole surveys have some megabytes.
LARGEST_BYTES = 256 * 2**20


class Coverage:
    """A MOC from a FITS file."""

    def __init__(self, path: str | Path):
        """Raise `InputError` where the file is no MOC, or one of nothing."""
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: does not exist, expected a coverage map (MOC in FITS)")
        if path.stat().st_size > LARGEST_BYTES:
            raise InputError(f"{path}: {path.stat().st_size} bytes, expected a coverage map of at most {LARGEST_BYTES}")
        try:
            self.moc = MOC.from_fits(str(path))
            empty = self.moc.empty()
        except Exception as error:  # the reader has errors of several libraries for a file that is no MOC
            reason = first_line(error)
            raise InputError(f"{path}: expected a coverage map (MOC), but it cannot be read: {reason}") from None
        if empty:
            raise InputError(f"{path}: is an empty coverage map, expected the map of a survey")

    def contains(self, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether positions (ICRS degrees) are covered."""
        if len(ra) == 0:
            return np.zeros(0, bool)
        return np.asarray(self.moc.contains_lonlat(ra * units.deg, dec * units.deg), bool)
