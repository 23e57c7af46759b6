"""Fractions of a class by right ascension, of networks or of annotations, with cosines fitted to them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.figures.style import MARKERS

# With fewer bins that hold galaxies there is no curve.
FEWEST_BINS = 3


def draw_fractions(
    axes: Any, bins: pd.DataFrame, shift: float, number: int, settings: Mapping[str, Any], label: str | None = None
) -> None:
    """Draw series `number` of fractions with Wilson intervals, `shift` degrees beside the middle of its bins.

    `bins` has the columns `low_deg`, `high_deg`, `fraction`, `wilson_low` and `wilson_high`.
    """
    errors = np.abs(bins[["wilson_low", "wilson_high"]].to_numpy().T - bins["fraction"].to_numpy())
    axes.errorbar(
        (bins["low_deg"] + bins["high_deg"]) / 2 + shift,
        bins["fraction"],
        errors,
        fmt=MARKERS[number % 4],
        color=settings["colours"][number % len(settings["colours"])],
        markersize=3.5,
        capsize=1.5,
        label=label,
    )


def draw_cosine(axes: Any, bins: pd.DataFrame, amplitude: float, phase_deg: float, colour: str, label: str) -> None:
    """Draw `amplitude cos(RA - phase_deg)` through the mean of the bins, where they hold galaxies.

    `bins` has `n` beside the columns that `draw_fractions` takes.
    """
    middle = (bins["low_deg"] + bins["high_deg"]) / 2
    # On a part of the circle a cosine has a mean of its own.
    rest = bins["fraction"] - amplitude * np.cos(np.radians(middle - phase_deg))
    angle = np.linspace(0, 360, 361)
    curve = np.average(rest, weights=bins["n"]) + amplitude * np.cos(np.radians(angle - phase_deg))
    within = (angle >= bins["low_deg"].to_numpy()[:, None]) & (angle <= bins["high_deg"].to_numpy()[:, None])
    axes.plot(angle, np.where(within.any(axis=0), curve, np.nan), color=colour, linewidth=1, label=label)


def label_axes(axes: Any, fraction: str) -> None:
    """Name both axes; right ascension runs over the whole circle."""
    axes.set(xlabel="right ascension (degrees)", ylabel=fraction, xlim=(0, 360), xticks=range(0, 361, 60))
