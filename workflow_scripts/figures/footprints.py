"""Footprints on the sky."""

from collections.abc import Mapping
from typing import Any

from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from mocpy import MOC

from workflow_scripts.figures.mollweide import draw_map
from workflow_scripts.figures.style import DOUBLE, new_figure
from workflow_scripts.sky.footprints import contains
from workflow_scripts.sky.tiles import tile_centres

_ORDER = 6


def footprint_maps(mocs: Mapping[str, MOC], settings: Mapping[str, Any]) -> Figure:
    """One small sky map a footprint."""
    columns = min(4, len(mocs))
    rows = -(-len(mocs) // columns)
    figure, axes = new_figure(
        DOUBLE, DOUBLE / columns * 0.62 * rows, nrows=rows, ncols=columns, squeeze=False,
        subplot_kw={"projection": "mollweide"},
    )  # fmt: skip
    ra, dec = tile_centres(_ORDER)
    colour = ListedColormap(["0.93", settings["colours"][0]])
    for panel, (name, moc) in zip(axes.ravel(), mocs.items(), strict=False):
        draw_map(panel, contains(moc, ra, dec).astype(float), colour, 0, 1)
        panel.set_title(f"{name} ({100 * moc.sky_fraction:.1f} % of the sky)", fontsize=6, pad=6)
        panel.set_xticklabels([])
        panel.set_yticklabels([])
    for spare in axes.ravel()[len(mocs) :]:
        spare.set_visible(False)
    return figure
