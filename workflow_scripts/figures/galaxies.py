"""Galleries of galaxies."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from workflow_scripts.figures.style import DOUBLE, SINGLE, new_figure, say_instead


def galaxy_rows(rows: Sequence[tuple[str, NDArray[np.uint8]]], columns: int = 12) -> Figure:
    """Rows of galaxies, each with a name; `rows` are (name, images (n, H, W, C) uint8)."""
    rows = [(name, images[:columns]) for name, images in rows if len(images)]
    if not rows:
        figure, axes = new_figure(SINGLE, 1.5)
        say_instead(axes, "There are no galaxies to show.")
        return figure
    side = (DOUBLE - 1.2) / columns
    figure, axes = new_figure(
        DOUBLE,
        side * len(rows) * 1.05 + 0.1,
        nrows=len(rows),
        ncols=columns,
        squeeze=False,
        gridspec_kw={"wspace": 0.02},
    )
    for line, (name, images) in zip(axes, rows, strict=True):
        for panel in line:
            panel.set_axis_off()
        for panel, image in zip(line, images, strict=False):
            panel.imshow(image.squeeze(), cmap="gray" if image.shape[-1] == 1 else None, interpolation="nearest")
        line[0].text(-0.1, 0.5, name, ha="right", va="center", transform=line[0].transAxes, fontsize=7)
    return figure
