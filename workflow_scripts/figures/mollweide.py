"""HEALPix maps in Mollweide projection: ICRS, right ascension 180 degrees in the centre and growing to the left."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.sky.tiles import order_of, tile_of

_COLUMNS, _ROWS = 720, 360
# Fractions: beside values that are all the same, and the least end of a scale about zero.
_MARGIN, _LEAST = 0.01, 1e-3


def projected(ra: ArrayLike, dec: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates on Mollweide axes (radians) of positions in ICRS degrees: left of the centre is ra > 180."""
    return np.radians(180.0 - np.asarray(ra, float)), np.radians(np.asarray(dec, float))


def draw_map(axes: Axes, values: ArrayLike, colour_map: str | Colormap, low: float, high: float) -> Any:
    """Draw a nested HEALPix map; NaN stays empty. Returns what a colour bar needs."""
    values = np.asarray(values, float)
    order = order_of(len(values))
    x = np.linspace(-np.pi, np.pi, _COLUMNS + 1)
    y = np.linspace(-np.pi / 2, np.pi / 2, _ROWS + 1)
    ra = 180.0 - np.degrees((x[:-1] + x[1:]) / 2)
    dec = np.degrees((y[:-1] + y[1:]) / 2)
    grid_ra, grid_dec = np.meshgrid(ra % 360, dec)
    raster = values[tile_of(grid_ra.ravel(), grid_dec.ravel(), order)].reshape(_ROWS, _COLUMNS)
    drawn = axes.pcolormesh(
        x, y, np.ma.masked_invalid(raster), cmap=colour_map, vmin=low, vmax=high, rasterized=True, shading="flat"
    )
    # Zero is white in a diverging map: where there is nothing, the sky is hatched.
    axes.patch.set(facecolor="0.93", hatch="////", edgecolor="0.8", linewidth=0)
    _label_sky(axes)
    return drawn


def map_with_bar(
    axes: Axes, values: ArrayLike, colour_map: str, low: float, high: float, label: str, extend: str = "neither"
) -> None:
    """Draw a nested HEALPix map with a labelled colour bar below it."""
    drawn = draw_map(axes, values, colour_map, low, high)
    place: dict[str, Any] = {"orientation": "horizontal", "shrink": 0.6, "pad": 0.08}
    axes.figure.colorbar(drawn, ax=axes, label=label, extend=extend, ticks=MaxNLocator(5), **place)


def colour_range(values: NDArray, least: float, cut: float = 0.0) -> tuple[float, float]:
    """Colours of all values, or without `cut` per cent at each end: a colour bar that is cut needs arrows (`extend`).

    With a margin where the ends are closer than `least`.
    """
    low, high = np.nanpercentile(values, [cut, 100 - cut])
    return (float(low), float(high)) if high - low >= least else (low - _MARGIN, high + _MARGIN)


def range_about_zero(maps: Iterable[NDArray]) -> tuple[float, float]:
    """Colours of all values of maps in one scale that is symmetric about zero."""
    largest = max(float(np.nanmax(np.abs(values), initial=_LEAST)) for values in maps)
    return -largest, largest


def _label_sky(axes: Axes) -> None:
    hours = np.arange(60, 360, 60)
    axes.set_xticks(np.radians(180.0 - hours), [f"{hour}°" for hour in hours])
    axes.set_yticks(np.radians([-60, -30, 0, 30, 60]), ["-60°", "-30°", "0°", "30°", "60°"])
    axes.tick_params(labelsize=6, colors="0.25")
    for label in axes.get_xticklabels():
        label.set_path_effects([withStroke(linewidth=1.5, foreground="white")])
    axes.grid(True, linewidth=0.3, color="0.5", alpha=0.5)


def mark(axes: Axes, ra: float, dec: float, label: str) -> None:
    """Mark a direction with a cross on white and its name."""
    x, y = projected(ra, dec)
    axes.plot(x, y, marker="X", markersize=7, color="black", markeredgecolor="white", linestyle="none", label=label)
