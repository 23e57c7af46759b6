"""HEALPix maps of a part of the sky, north up and east to the left (ICRS).

Of a field of few degrees gnomonic about its centre, of a larger part, such as a strip, right ascension against
declination.
"""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.figures.fraction_by_ra import along_circle
from workflow_scripts.sky.tiles import order_of, side_of_tile, tile_centres, tile_of
from workflow_scripts.sky.unit_vectors import right_ascension_declination, unit_vectors
from workflow_scripts.statistics.sky.field_trend import field_axes
from workflow_scripts.statistics.sky.sky_sums import PositionSums

# Pixels of a field along a side, and of a larger part.
_POINTS = 400
_COLUMNS, _ROWS = 720, 240
# Larger parts are drawn with the whole sky, degrees.
_WIDEST, _HIGHEST = 180.0, 60.0


def field_with_bar(
    axes: Axes, values: ArrayLike, colour_map: str, low: float, high: float, label: str, extend: str = "neither"
) -> None:
    """Draw a map of a field with a labelled colour bar beside it."""
    drawn = draw_field(axes, values, colour_map, low, high)
    axes.figure.colorbar(drawn, ax=axes, label=label, extend=extend)


def draw_field(axes: Axes, values: ArrayLike, colour_map: str, low: float, high: float) -> Any:
    """Draw a nested HEALPix map, all of whose cells with values are near each other; NaN stays empty.

    Returns what a colour bar needs.
    """
    values = np.asarray(values, float)
    order = order_of(len(values))
    known = unit_vectors(*(centres[np.isfinite(values)] for centres in tile_centres(order)))
    plane = field_axes(PositionSums.of(known))
    centre = np.cross(*plane)
    flat = np.degrees(known @ plane.T / (known @ centre)[:, None])
    side = side_of_tile(order)
    (west, south), (east, north) = flat.min(axis=0) - side, flat.max(axis=0) + side
    x, y = np.linspace(west, east, _POINTS + 1), np.linspace(south, north, _POINTS + 1)
    grid = np.stack(np.meshgrid((x[:-1] + x[1:]) / 2, (y[:-1] + y[1:]) / 2), axis=-1).reshape(-1, 2)
    towards = centre + np.radians(grid) @ plane
    ra, dec = right_ascension_declination(towards / np.linalg.norm(towards, axis=1)[:, None])
    raster = values[tile_of(ra, dec, order)].reshape(_POINTS, _POINTS)
    drawn = axes.pcolormesh(x, y, np.ma.masked_invalid(raster), cmap=colour_map, vmin=low, vmax=high, rasterized=True)
    ra, dec = right_ascension_declination(centre)
    axes.set(xlabel=f"degrees east of RA {ra:.2f}°", ylabel=f"degrees north of Dec {dec:+.2f}°", aspect="equal")
    axes.invert_xaxis()
    return drawn


class Part(NamedTuple):
    """Right ascensions from `west` to `east` (beyond 360 where it crosses zero) and declinations, degrees."""

    west: float
    east: float
    south: float
    north: float


def part_of_sky(values: ArrayLike) -> Part | None:
    """The part of the sky in which a nested HEALPix map has values; None where it is a large one, or there are none."""
    values = np.asarray(values, float)
    order = order_of(len(values))
    ra, dec = (centres[np.isfinite(values)] for centres in tile_centres(order))
    if not len(ra):
        return None
    half = side_of_tile(order) / 2
    south, north = max(-90.0, dec.min() - half), min(90.0, dec.max() + half)
    (turned,) = along_circle(ra, ra)
    across = half / max(0.2, float(np.cos(np.radians(np.abs(dec).max()))))
    part = Part(turned.min() - across, turned.max() + across, south, north)
    return part if part.east - part.west <= _WIDEST and north - south <= _HIGHEST else None


def height_of(part: Part, width: float) -> float:
    """How high a map of so many inches' width is: to scale, but no lower than that its cells are seen."""
    middle = np.cos(np.radians((part.south + part.north) / 2))
    return float(np.clip(width * (part.north - part.south) / ((part.east - part.west) * middle), 0.6, width))


def strip_with_bar(
    axes: Axes, values: NDArray, part: Part, colour_map: str, low: float, high: float, label: str, extend: str
) -> None:
    """Draw a part of a nested HEALPix map, NaN stays empty, with a labelled colour bar below it."""
    x, y = np.linspace(part.west, part.east, _COLUMNS + 1), np.linspace(part.south, part.north, _ROWS + 1)
    ra, dec = np.meshgrid((x[:-1] + x[1:]) / 2 % 360, (y[:-1] + y[1:]) / 2)
    raster = values[tile_of(ra.ravel(), dec.ravel(), order_of(len(values)))].reshape(_ROWS, _COLUMNS)
    colours: dict[str, Any] = {"cmap": colour_map, "vmin": low, "vmax": high, "rasterized": True}
    drawn = axes.pcolormesh(x, y, np.ma.masked_invalid(raster), **colours)
    axes.patch.set(facecolor="0.93", hatch="////", edgecolor="0.8", linewidth=0)
    axes.set(xlabel="right ascension (degrees)", ylabel="declination\n(degrees)", xlim=(part.east, part.west))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda degrees, _: f"{degrees % 360:g}"))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    place: dict[str, Any] = {"orientation": "horizontal", "shrink": 0.6, "pad": 0.08, "ticks": MaxNLocator(5)}
    axes.figure.colorbar(drawn, ax=axes, label=label, extend=extend, **place)
