"""Where each service has images: the one place that describes it, for the server and for the tests.

Each coverage is a set of nested HEALPix pixels (order 6, 0.9 deg), so its MOC is exact.

sdss        declination above -4 and galactic latitude above 25 degrees
panstarrs   declination above -30 degrees
legacy      declination from -65 to 84, more than 18 degrees from the galactic plane
all_sky     everywhere
"""

from functools import cache

import healpy
import numpy as np
from mocpy import MOC
from numpy.typing import NDArray

ORDER = 6
NSIDE = 2**ORDER
# What the HiPS that the server knows show.
HIPS = {
    "CDS/P/SDSS9/color": "sdss",
    "CDS/P/SDSS9/color-alt": "sdss",
    **{f"CDS/P/SDSS9/{band}": "sdss" for band in "ugriz"},
    "CDS/P/PanSTARRS/DR1/color-i-r-g": "panstarrs",
    "CDS/P/PanSTARRS/DR1/color-z-zg-g": "panstarrs",
    **{f"CDS/P/PanSTARRS/DR1/{band}": "panstarrs" for band in "grizy"},
    "CDS/P/DESI-Legacy-Surveys/DR10/color": "legacy",
    **{f"CDS/P/DESI-Legacy-Surveys/DR10/{band}": "legacy" for band in "griz"},
    "CDS/P/DSS2/color": "all_sky",
    "CDS/P/DSS2/red": "all_sky",
}
SINGLE_BAND = frozenset(name for name in HIPS if name.rsplit("/", 1)[1] in {*"grizy", "red"})


@cache
def covered_pixels(name: str) -> NDArray[np.bool_]:
    """Whether each nested pixel of order 6 is covered."""
    ra, dec = healpy.pix2ang(NSIDE, np.arange(healpy.nside2npix(NSIDE)), nest=True, lonlat=True)
    latitude = healpy.Rotator(coord=["C", "G"])(ra, dec, lonlat=True)[1]
    return {
        "sdss": (dec > -4) & (latitude > 25),
        "panstarrs": dec > -30,
        "legacy": (dec > -65) & (dec < 84) & (np.abs(latitude) > 18),
        "all_sky": dec > -100,
    }[name]


def is_covered(name: str, ra, dec):
    """Whether positions (ICRS degrees; numbers or arrays) are covered."""
    return covered_pixels(name)[healpy.ang2pix(NSIDE, ra, dec, nest=True, lonlat=True)]


def is_near(name: str, ra: float, dec: float, radius: float) -> bool:
    """Whether a position is covered or lies within `radius` (degrees) of the covered sky."""
    if is_covered(name, ra, dec):
        return True
    near = healpy.query_disc(NSIDE * 16, healpy.ang2vec(ra, dec, lonlat=True), np.radians(radius), nest=True)
    return bool(covered_pixels(name)[near >> 8].any())


def covered_grid(name: str, ra: float, dec: float, width_deg: float, height_deg: float, cells: int = 16):
    """Which cells of a cutout around a position are covered: (cells, cells), north up, east left."""
    steps = (np.arange(cells) + 0.5) / cells - 0.5
    decs = np.clip(dec - steps * height_deg, -90, 90)[:, None]
    ras = ra - steps[None, :] * width_deg / np.maximum(np.cos(np.radians(decs)), 1e-3)
    return is_covered(name, ras, np.broadcast_to(decs, ras.shape))


def moc(name: str | None, order: int = ORDER) -> MOC:
    """The coverage as a MOC; an empty one for None."""
    pixels = np.flatnonzero(covered_pixels(name)) if name else np.zeros(0, np.int64)
    cells = MOC.from_healpix_cells(pixels.astype(np.uint64), np.full(len(pixels), ORDER, np.uint8), max_depth=ORDER)
    return cells.degrade_to_order(order) if order < ORDER else cells
