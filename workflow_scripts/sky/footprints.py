"""Footprints: named sky regions, as MOCs (multi-order coverage maps, IVOA), so that what is exported is what was used."""

from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units
from astropy.coordinates import Angle, Latitude, Longitude, SkyCoord
from mocpy import MOC
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.sky.tiles import number_of_tiles, tile_centres
from workflow_scripts.sky.unit_vectors import right_ascension_declination, unit_vectors

# Cells of 14 arcmin: finer than any pattern this tool looks for, and a hemisphere is drawn in a tenth of a second.
ORDER = 8


def region_moc(region: Mapping[str, Any], name: str, order: int = ORDER) -> MOC:
    """The coverage of a region.

    Hemispheres, ranges, Galactic hemispheres and random skies are decided at the centres of the HEALPix cells of
    `order`, so that a region and its complement share no cell; cones, polygons and MOC files keep their own cells.

    Parameters
    ----------
    region
        one kind and its settings, as in the configuration, with references to other footprints replaced.
    name
        the footprint's name, for messages.

    Raises
    ------
    InputError
        for a MOC file that cannot be read, a polygon with fewer than three corners, and an empty region.
    """
    moc = _coverage(region, name, order)
    if moc.empty():
        raise InputError(f"footprints.{name}: the region is empty, expected some area on the sky")
    return moc


def contains(moc: MOC, ra: ArrayLike, dec: ArrayLike) -> NDArray[np.bool_]:
    """Whether each position (ICRS degrees) lies in the coverage."""
    ra, dec = np.asarray(ra, float), np.asarray(dec, float)
    if ra.size == 0:
        return np.zeros(0, bool)
    return np.asarray(moc.contains_lonlat(ra * units.deg, dec * units.deg), bool)


def footprint_axis(moc: MOC) -> tuple[float, float] | None:
    """Mean direction (ra, dec in ICRS degrees) of a coverage; None where it has none (mean vector under 0.05)."""
    order = min(moc.max_order, 6)
    cells = moc.degrade_to_order(order).flatten() if moc.max_order > order else moc.flatten()
    ra, dec = tile_centres(order) if moc.max_order >= order else tile_centres(moc.max_order)
    mean = unit_vectors(ra[cells.astype(np.int64)], dec[cells.astype(np.int64)]).mean(axis=0)
    if np.linalg.norm(mean) < 0.05:
        return None
    axis_ra, axis_dec = right_ascension_declination(mean)
    return float(axis_ra), float(axis_dec)


def _coverage(region: Mapping[str, Any], name: str, order: int) -> MOC:
    ((kind, settings),) = region.items()
    if kind in _AT_CENTRES:
        ra, dec = tile_centres(order)
        return _of_cells(np.flatnonzero(_AT_CENTRES[kind](settings, ra, dec)), order)
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
        return MOC.from_polygon_skycoord(SkyCoord(settings, unit="deg"), max_depth=order + 2)
    if kind == "moc":
        return _moc_file(settings["path"], name)
    if kind == "complement":
        return _coverage(settings, name, order).complement()
    parts = [_coverage(part, name, order) for part in settings]
    combine: Callable[[MOC, MOC], MOC] = getattr(MOC, kind)
    return reduce(combine, parts)


def _hemisphere(settings: Mapping[str, float], ra: NDArray, dec: NDArray) -> NDArray[np.bool_]:
    height = unit_vectors(ra, dec) @ unit_vectors(settings["ra"], settings["dec"])
    # A centre on the great circle itself belongs to one of two opposite hemispheres: decided by the pole's own sign.
    on_circle = np.abs(height) < 1e-12
    pole = unit_vectors(settings["ra"], settings["dec"])
    first = next(component for component in pole[::-1] if abs(component) > 1e-12)
    return np.where(on_circle, first > 0, height > 0)


def _ra_range(limits: list[float], ra: NDArray, dec: NDArray) -> NDArray[np.bool_]:
    low, high = limits
    if high - low >= 360:
        return np.ones(ra.size, bool)
    return (ra - low) % 360 < (high - low) % 360


def _dec_range(limits: list[float], ra: NDArray, dec: NDArray) -> NDArray[np.bool_]:
    low, high = limits
    return (dec >= low) & ((dec < high) | (high >= 90))


def _galactic_hemisphere(which: str, ra: NDArray, dec: NDArray) -> NDArray[np.bool_]:
    north = SkyCoord(ra, dec, unit="deg").galactic.b.deg >= 0
    return north if which == "north" else ~north


_AT_CENTRES: dict[str, Callable[[Any, NDArray, NDArray], NDArray[np.bool_]]] = {
    "whole_sky": lambda settings, ra, dec: np.ones(ra.size, bool),
    "hemisphere": _hemisphere,
    "ra_range": _ra_range,
    "dec_range": _dec_range,
    "galactic_hemisphere": _galactic_hemisphere,
}


def _random_sky(settings: Mapping[str, Any]) -> MOC:
    """A random set of HEALPix cells with a given share of the sky."""
    order = int(settings["nside"]).bit_length() - 1
    cells = number_of_tiles(order)
    random = np.random.default_rng([settings["seed"], settings["member"]])
    chosen = random.permutation(cells)[: round(cells * settings["area_fraction"])]
    return _of_cells(np.sort(chosen), order)


def _of_cells(cells: NDArray[np.int64], order: int) -> MOC:
    depth = np.full(cells.size, order, np.uint8)
    return MOC.from_healpix_cells(cells.astype(np.uint64), depth, max_depth=order)


def _moc_file(path: str, name: str) -> MOC:
    if not Path(path).is_file():
        raise InputError(f"footprints.{name}: the MOC file {path} does not exist")
    try:
        return MOC.load(path, format="fits")
    except Exception as error:  # mocpy's Rust core raises whatever its parser does
        raise InputError(
            f"{path}: expected a spatial MOC in FITS for footprints.{name}, but it says: {error}"
        ) from error
