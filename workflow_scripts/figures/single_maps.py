"""Figures of one map, or of several of one kind: the sky in Mollweide projection, a field gnomonic; and the seeing."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from workflow_scripts.catalogs.seeing_columns import seeing_column, seeing_in_words
from workflow_scripts.figures.mollweide import map_with_bar
from workflow_scripts.figures.partial_maps import field_with_bar, height_of, part_of_sky, strip_with_bar
from workflow_scripts.figures.style import DOUBLE, SINGLE, explain_empty, new_figure, state
from workflow_scripts.sky.tiles import number_of_tiles, tile_of
from workflow_scripts.statistics.sky.map_cells import cell_means

# Of the largest value: closer together, all are the same.
_SAME = 1e-6


def seeing_map(catalog: pd.DataFrame, field: bool, settings: Mapping[str, Any]) -> Figure:
    """Mean seeing of galaxies (`ra`, `dec`, and a column of the seeing) in cells of 7.3 degrees, on a field of 0.9.

    The reason where the catalog has no such column, or one that is the same everywhere.
    """
    column = seeing_column(catalog)
    if column is None or catalog[column].isna().all():
        return no_map("The catalog has no column of the seeing, such as psf_fwhm_arcsec: there is nothing to map.")
    known = catalog[catalog[column].notna()]
    values = known[column].to_numpy(float)
    if np.ptp(values) <= _SAME * np.abs(values).max():
        return no_map(f"The seeing ({column}) is {values[0]:.3g} for all galaxies: there is nothing to map.")
    order = 6 if field else 3
    cell, cells = tile_of(known["ra"], known["dec"], order), number_of_tiles(order)
    seeing = cell_means(cell, values, cells)
    low, high = np.nanmin(seeing), np.nanmax(seeing)
    margin = 0.0 if high > low else 0.1
    what, unit = seeing_in_words(column)
    figure = one_map(seeing, settings["sequential_map"], low - margin, high + margin, f"{what} ({unit})", field)
    state(
        figure,
        f"{what} lies between {low:.3g} and {high:.3g} {unit}, by place",
        f"n = {len(known):,} galaxies of the catalog, means of cells"
        + (", as put into the simulation." if settings["simulated"] else "."),
    )
    return figure


def one_map(
    values: NDArray, colour_map: str, low: float, high: float, label: str, field: bool, extend: str = "neither"
) -> Figure:
    """A figure of one column of a journal with a map of `values` (p,), nested HEALPix, and its colour bar.

    What has values in a small part of the sky, but is no field, is drawn as that part.
    """
    if not field and (part := part_of_sky(values)):
        figure, panel = new_figure(SINGLE, 1.1 + height_of(part, SINGLE - 0.6))
        strip_with_bar(panel, values, part, colour_map, low, high, label, extend)
        return figure
    figure, axes = map_axes(1, field)
    draw_with_bar(field)(axes[0], values, colour_map, low, high, label, extend)
    return figure


def draw_with_bar(field: bool) -> Callable[..., None]:
    """What draws a map of a field, or of the sky, with its colour bar."""
    return field_with_bar if field else map_with_bar


def map_axes(panels: int, field: bool, lines: int = 0) -> tuple[Figure, list[Any]]:
    """A figure for so many maps, their titles of so many lines, and the axes."""
    columns = min(panels, 2)
    rows = -(-panels // columns)
    width = SINGLE if columns == 1 else DOUBLE
    projection = {} if field else {"subplot_kw": {"projection": "mollweide"}}
    height = ((0.88 if field else 0.64) * width / columns + 0.32 + 0.15 * lines) * rows
    figure, axes = new_figure(width, height, nrows=rows, ncols=columns, **projection)
    axes = list(np.atleast_1d(axes).ravel())
    for spare in axes[panels:]:
        spare.set_visible(False)
    return figure, axes[:panels]


def no_map(sentence: str) -> Figure:
    """A small figure with the reason why there is no map."""
    figure, axes = new_figure(SINGLE, 1.5)
    explain_empty(axes, sentence)
    return figure
