"""Footprints: named sky regions as MOCs (IVOA multi-order coverage maps), so that what is exported is what was used."""

import warnings
from collections.abc import Callable, Mapping
from functools import cache, reduce
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units
from astropy.coordinates import Angle, Latitude, Longitude, SkyCoord
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning
from mocpy import MOC, STMOC, TimeMOC
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.sky.tiles import number_of_tiles, tile_centres
from workflow_scripts.sky.unit_vectors import right_ascension_declination, unit_vectors

# Cells of 14 arcmin: finer than any pattern this tool looks for, and a hemisphere is drawn in a tenth of a second.
ORDER = 8
# Coverages are averaged in cells of 1 degree or smaller, in which a centre stands for the whole cell.
_AVERAGING_ORDER = 6
_SHORTEST_MEAN = 0.05


def region_moc(region: Mapping[str, Any], order: int = ORDER, name: str = "region") -> MOC:
    """The coverage of a region.

    Hemispheres, ranges, Galactic hemispheres, the whole sky and random skies are decided at the centres of HEALPix
    cells, so that a region and its complement share no cell and leave none out; cones and polygons are as fine as two
    orders more, and MOC files keep their own cells. A space-time MOC counts with all its observations.

    Parameters
    ----------
    region
        one kind and its settings, as in the configuration, with families expanded and references replaced.
    order
        order of the HEALPix cells (nside = 2**order).
    name
        the footprint's name, for messages.

    Raises
    ------
    InputError
        for a MOC file that is missing or is not a MOC of the sky, a polygon with fewer than three corners, and an
        empty region.
    """
    moc = _coverage(region, order, name)
    if moc.empty():
        raise InputError(f"footprints.{name}: the region is empty, expected some area on the sky")
    return moc


def contains(moc: MOC, ra: ArrayLike, dec: ArrayLike) -> NDArray[np.bool_]:
    """Whether each position (ICRS degrees) lies in the coverage; a boolean array of the positions' number."""
    ra, dec = np.atleast_1d(np.asarray(ra, float)), np.atleast_1d(np.asarray(dec, float))
    if ra.size == 0:
        return np.zeros(0, bool)
    return np.asarray(moc.contains_lonlat(ra * units.deg, dec * units.deg), bool)


def shared_area(first: MOC, second: MOC) -> float:
    """Area that two coverages have in common, as a share of the smaller one, 0 to 1."""
    smaller = min(first.sky_fraction, second.sky_fraction)
    return float(first.intersection(second).sky_fraction / smaller)


def footprint_axis(region: Mapping[str, Any], moc: MOC) -> list[float] | None:
    """Where a region with a coverage points, as [ra, dec] (ICRS degrees).

    The pole of a hemisphere, or else the mean direction of the area; None where the mean vector is shorter than 0.05,
    because such a footprint points nowhere.
    """
    if "hemisphere" in region:
        return [float(region["hemisphere"]["ra"]), float(region["hemisphere"]["dec"])]
    mean = _mean_vector(moc)
    if np.linalg.norm(mean) < _SHORTEST_MEAN:
        return None
    ra, dec = right_ascension_declination(mean)
    # Rounded, so that the last bits of a sum over cells do not show (and 0 is not -4e-16).
    return [round(float(ra), 9) % 360, round(float(dec), 9) + 0.0]


def _mean_vector(moc: MOC) -> NDArray[np.float64]:
    """Mean unit vector (3,) of the area."""
    uniq = np.asarray(moc.uniq_hpx, np.uint64).astype(np.int64)
    orders = ((np.frexp(uniq.astype(float))[1] - 1) // 2) - 1
    total, area = np.zeros(3), 0.0
    for order in np.unique(orders):
        cells = uniq[orders == order] - 4 ** (int(order) + 1)
        finer = max(0, _AVERAGING_ORDER - int(order))
        cells = (cells[:, None] * 4**finer + np.arange(4**finer)).ravel()
        weight = 4.0 ** -(int(order) + finer)
        total += weight * unit_vectors(*tile_centres(int(order) + finer, cells)).sum(axis=0)
        area += weight * cells.size
    return total / area


def _coverage(region: Mapping[str, Any], order: int, name: str) -> MOC:
    ((kind, settings),) = region.items()
    if kind in _AT_CENTRES:
        return _of_cells(np.flatnonzero(_AT_CENTRES[kind](settings, *_cell_centres(order))), order)
    if kind == "random_sky":
        return _random_sky(settings)
    if kind == "cone":
        return MOC.from_cone(
            Longitude(settings["ra"] * units.deg),
            Latitude(settings["dec"] * units.deg),
            radius=Angle(settings["radius_deg"] * units.deg),
            max_depth=order + 2,
        )
    if kind == "polygon":
        return _polygon(settings, order, name)
    if kind == "moc":
        return _moc_file(settings["path"], name)
    if kind == "complement":
        return _coverage(settings, order, name).complement()
    if kind in _SET_OPERATIONS:
        return reduce(_SET_OPERATIONS[kind], [_coverage(part, order, name) for part in settings])
    raise InputError(f"footprints.{name}: '{kind}' is not a kind of region")


@cache
def _cell_centres(order: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Right ascension, declination and unit vectors of all cells; kept, because every member of a family needs them."""
    ra, dec = tile_centres(order)
    return ra, dec, unit_vectors(ra, dec)


def _hemisphere(settings: Mapping[str, float], ra: NDArray, dec: NDArray, vectors: NDArray) -> NDArray[np.bool_]:
    pole = unit_vectors(settings["ra"], settings["dec"])
    height = vectors @ pole
    # A centre on the great circle itself belongs to one of two opposite hemispheres: decided by the pole's own sign.
    first = next(component for component in pole[::-1] if abs(component) > 1e-12)
    return np.where(np.abs(height) < 1e-12, first > 0, height > 0)


def _ra_range(limits: list[float], ra: NDArray, dec: NDArray, vectors: NDArray) -> NDArray[np.bool_]:
    low, high = limits
    if (high - low) % 360 == 0:
        return np.full(ra.size, high > low)
    # Compared, not subtracted: no rounding can then give a centre on a limit to both ranges or to neither.
    low, high = low % 360, high % 360
    return (ra >= low) & (ra < high) if low <= high else (ra >= low) | (ra < high)


def _dec_range(limits: list[float], ra: NDArray, dec: NDArray, vectors: NDArray) -> NDArray[np.bool_]:
    low, high = limits
    return (dec >= low) & ((dec < high) | (high >= 90))


def _galactic_hemisphere(which: str, ra: NDArray, dec: NDArray, vectors: NDArray) -> NDArray[np.bool_]:
    north = SkyCoord(ra, dec, unit="deg").galactic.b.deg >= 0
    return north if which == "north" else ~north


_AT_CENTRES: dict[str, Callable[[Any, NDArray, NDArray, NDArray], NDArray[np.bool_]]] = {
    "whole_sky": lambda settings, ra, dec, vectors: np.ones(ra.size, bool),
    "hemisphere": _hemisphere,
    "ra_range": _ra_range,
    "dec_range": _dec_range,
    "galactic_hemisphere": _galactic_hemisphere,
}

_SET_OPERATIONS: dict[str, Callable[[MOC, MOC], MOC]] = {
    "union": MOC.union,
    "intersection": MOC.intersection,
    "difference": MOC.difference,
}


def _random_sky(settings: Mapping[str, Any]) -> MOC:
    """A random set of HEALPix cells with a given share of the sky; every member of a family has the same area."""
    order = int(settings["nside"]).bit_length() - 1
    cells = number_of_tiles(order)
    random = np.random.default_rng([settings["seed"], settings["member"]])
    chosen = random.permutation(cells)[: round(cells * settings["area_fraction"])]
    return _of_cells(np.sort(chosen), order)


def _of_cells(cells: NDArray[np.int64], order: int) -> MOC:
    depth = np.full(cells.size, order, np.uint8)
    return MOC.from_healpix_cells(cells.astype(np.uint64), depth, max_depth=order)


def _polygon(corners: list[list[float]], order: int, name: str) -> MOC:
    different = {(ra % 360, dec) for ra, dec in corners}
    if len(different) < 3:
        raise InputError(f"footprints.{name}: the polygon has {len(different)} different corners, expected at least 3")
    # mocpy encloses the smaller of the two areas, whichever way round the corners are listed.
    return MOC.from_polygon_skycoord(SkyCoord(corners, unit="deg"), max_depth=order + 2)


def _moc_file(path: str, name: str) -> MOC:
    if not Path(path).is_file():
        raise InputError(f"footprints.{name}: the MOC file {path} does not exist")
    try:
        header = _moc_header(path)
        if str(header.get("MOCDIM", "SPACE")).strip() == "TIME.SPACE":
            # Everything observed at any time: a footprint is a part of the sky.
            return MOC.from_stmoc_time_fold(TimeMOC.from_str("0/0-1"), STMOC.load(path, format="fits"))
        return MOC.load(path, format="fits")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: expected a MOC of the sky in FITS (ICRS) for footprints.{name}, found {error}"
        ) from error


def _moc_header(path: str) -> fits.Header:
    """Header of the table of a MOC; raises `ValueError` for what mocpy would read as another region."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyUserWarning)
        with fits.open(path) as hdus:
            if len(hdus) < 2:
                raise ValueError("no table")
            header, start = hdus[1].header, hdus[1].fileinfo()["datLoc"]
    expected, size = start + header["NAXIS1"] * header["NAXIS2"], Path(path).stat().st_size
    if size < expected:
        raise ValueError(f"a file cut short ({size} bytes of {expected})")
    if (frame := str(header.get("COORDSYS", "C")).strip()) != "C":
        raise ValueError(f"COORDSYS '{frame}'")
    return header
