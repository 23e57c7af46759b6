"""Tiles: nested HEALPix cells (ICRS), or runs of them, the unit in which cutouts are fetched and cached."""

import numpy as np
from astropy import units
from astropy_healpix import HEALPix
from numpy.typing import ArrayLike, NDArray

# Cells of 0.9 arcmin, of which equal tiles are made.
FINE_ORDER = 12


def tile_of(ra: ArrayLike, dec: ArrayLike, order: int) -> NDArray[np.int64]:
    """Nested HEALPix pixel of positions (ICRS degrees) at an order (nside = 2**order)."""
    ra, dec = np.atleast_1d(np.asarray(ra, float)), np.atleast_1d(np.asarray(dec, float))
    if ra.size == 0:
        return np.empty(0, np.int64)
    return _grid(order).lonlat_to_healpix(ra * units.deg, dec * units.deg).astype(np.int64)


def equal_tile_of(ra: ArrayLike, dec: ArrayLike, tiles: int) -> NDArray[np.int64]:
    """Tile of every position (ICRS degrees), out of `tiles` with as equal numbers of them as possible.

    A tile is a run of consecutive nested cells of order `FINE_ORDER`, which follow each other along a curve that fills
    the sky: it is compact, it depends on the set of positions and not on their order, and positions in one cell share
    a tile. A cell that holds more than a tile's share is not divided.
    """
    cells = tile_of(ra, dec, FINE_ORDER)
    before = np.searchsorted(np.sort(cells), cells)
    return before * tiles // max(cells.size, 1)


def tile_centres(order: int, pixels: ArrayLike | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Right ascension and declination (ICRS degrees) of the centres of nested pixels of an order; all, unless given."""
    pixels = np.arange(number_of_tiles(order)) if pixels is None else np.asarray(pixels, np.int64)
    longitude, latitude = _grid(order).healpix_to_lonlat(pixels)
    return longitude.deg, latitude.deg


def tile_outlines(order: int, pixels: ArrayLike, steps: int = 1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Right ascension and declination (n, 4 steps) of points along the edges of nested pixels (n,), ICRS degrees."""
    longitude, latitude = _grid(order).boundaries_lonlat(np.asarray(pixels, np.int64), step=steps)
    return longitude.deg, latitude.deg


def number_of_tiles(order: int) -> int:
    """Number of pixels on the sky at an order."""
    return 12 * 4**order


def order_of(pixels: int) -> int:
    """The order of a map of the whole sky with so many pixels."""
    return (pixels // 12).bit_length() // 2


def side_of_tile(order: int) -> float:
    """Side of a square as large as a pixel of an order, degrees."""
    return float(np.degrees(np.sqrt(np.pi / 3)) / 2**order)


def _grid(order: int) -> HEALPix:
    return HEALPix(nside=2**order, order="nested")
