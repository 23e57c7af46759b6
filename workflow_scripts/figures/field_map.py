"""HEALPix maps of a field of few degrees: gnomonic about its centre, north up and east to the left (ICRS)."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from workflow_scripts.sky.tiles import order_of, side_of_tile, tile_centres, tile_of
from workflow_scripts.sky.unit_vectors import right_ascension_declination, unit_vectors
from workflow_scripts.statistics.sky.field_trend import field_axes
from workflow_scripts.statistics.sky.sky_sums import PositionSums

_POINTS = 400


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
