"""HEALPix maps that are read: of a correction, and of the imaging that users have of their mocks."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.sky.tiles import tile_of

# The map among the files of a correction.
MAP_FILE = "debiased_fraction.fits"
# Rows of nside 2048, the finest map that is read.
_MOST_PIXELS = 12 * 2048**2


@dataclass(frozen=True)
class ImagingMap:
    """Numbers of pixels by name (p,), of nested HEALPix pixels of an order, in rising order."""

    order: int
    pixels: NDArray[np.int64]
    values: dict[str, NDArray[np.float64]]

    def at(self, name: str, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
        """A column at positions (n,), ICRS degrees; NaN outside the map."""
        wanted = tile_of(ra, dec, self.order)
        place = np.minimum(np.searchsorted(self.pixels, wanted), len(self.pixels) - 1)
        return np.where(self.pixels[place] == wanted, self.values[name][place], np.nan)


def read_imaging_map(path: str, names: list[str]) -> ImagingMap:
    """The columns `names` of a nested HEALPix map in the form of `write_map`, or of all pixels in order.

    Raises `InputError` for a file that is not such a map, that lacks a column, or is finer than nside 2048.
    """
    try:
        with fits.open(path, memmap=True) as opened:
            table = next((hdu for hdu in opened if isinstance(hdu, fits.BinTableHDU)), None)
            if table is None or table.header.get("PIXTYPE", "").strip() != "HEALPIX":
                raise InputError(f"{path}: has no HEALPix table, expected one with PIXTYPE = HEALPIX")
            ordering, nside = str(table.header.get("ORDERING", "")).strip(), table.header.get("NSIDE", 0)
            if ordering not in ("NESTED", "NEST"):
                raise InputError(f"{path}: ORDERING is '{ordering}', expected NESTED")
            if not isinstance(nside, int) or nside < 1 or nside & (nside - 1) or len(table.data) > _MOST_PIXELS:
                raise InputError(f"{path}: NSIDE is {nside}, expected a power of two up to 2048")
            known = {name.casefold(): name for name in table.columns.names}
            if missing := [name for name in names if name.casefold() not in known]:
                raise InputError(f"{path}: column '{missing[0]}' is missing, expected {', '.join(names)}")
            read = {name: np.asarray(table.data[known[name.casefold()]], float) for name in names}
            explicit = "pixel" in known
            pixels = np.asarray(table.data[known["pixel"]], np.int64) if explicit else np.arange(len(table.data))
    except OSError as error:
        raise InputError(f"{path}: expected a HEALPix map (FITS), but it cannot be read: {error}") from None
    order, total = nside.bit_length() - 1, 12 * nside**2
    if any(column.shape != pixels.shape for column in read.values()) or not len(pixels):
        raise InputError(f"{path}: expected one number a pixel in each of {', '.join(names)}")
    if (not explicit and len(pixels) != total) or pixels.min() < 0 or pixels.max() >= total:
        raise InputError(f"{path}: its pixels are not those of NSIDE {nside}, expected {total} or a column PIXEL")
    rows = np.argsort(pixels, kind="stable")
    return ImagingMap(order, pixels[rows], {name: column[rows] for name, column in read.items()})
