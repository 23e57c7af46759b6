"""Figure of the rotating design: fraction and false dipole against the direction of the training footprint."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.bias.declared_tests import PATTERN, RESPONSE
from workflow_scripts.figures.style import DOUBLE, explain_empty, new_figure
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.constrained_components import FIELD

_TICKS = [-1, -0.5, 0, 0.5, 1]


def footprint_response_figure(
    runs: pd.DataFrame, summary: Mapping[str, Any], positive: str, settings: Mapping[str, Any]
) -> Figure:
    """The fraction along its response, and the amplitude along the common dipole with the band of its curve."""
    rotating = runs[runs["family"].notna() & runs["axis_ra"].notna()]
    tests = summary["tests"]
    fraction = next((one for one in tests if (one["quantity"], one["design"]) == ("fraction", RESPONSE)), None)
    pattern = next((one for one in tests if one["design"] == PATTERN), None)
    figure, (left, right) = new_figure(DOUBLE, 2.7, ncols=2)
    if fraction is None or rotating.empty:
        for panel in (left, right):
            explain_empty(panel, "The experiment has no rotating footprints, or too few.")
        return figure
    colour = settings["colours"][0]
    _fraction(left, rotating[rotating["network"] == fraction["network"]], fraction, positive, colour)
    if pattern is None or "mu" not in pattern["details"]:
        field = summary["sky_kind"] == FIELD
        why = "the galaxies lie in a field" if field else "no reference labels, or too few footprints"
        explain_empty(right, f"The false dipole has no curve:\n{why}.")
    else:
        _pattern(right, pattern, settings["colours"])
    return figure


def _fraction(panel: Axes, rotating: pd.DataFrame, test: Mapping[str, Any], positive: str, colour: str) -> None:
    members = rotating[rotating["footprint"].isin(test["footprints"])]
    slope = np.asarray(test["estimate"], float)
    along = unit_vectors(members["axis_ra"], members["axis_dec"]) @ slope / np.linalg.norm(slope)
    values = members["fraction"].to_numpy()
    panel.plot(along, values, "o", color=colour, markersize=4, alpha=0.85)
    if np.isfinite(values).all():
        panel.plot([-1, 1], np.polyval(np.polyfit(along, values, 1), [-1, 1]), color="black", linewidth=1)
    panel.set(
        xlabel="footprint axis · direction of largest response",
        ylabel=f"{positive} fraction",
        xlim=(-1.05, 1.05),
        xticks=_TICKS,
        title=f"linear response: p = {test['deciding_p']:.2g}",
    )


def _pattern(panel: Axes, test: Mapping[str, Any], colours: list[str]) -> None:
    """Means of footprints, the fitted curve with its 95 % band, and where it is smallest and largest."""
    curve = test["details"]
    panel.fill_between(curve["mu"], curve["low"], curve["high"], color=colours[0], alpha=0.18, linewidth=0)
    panel.plot(curve["mu"], curve["amplitude"], color="black", linewidth=1)
    panel.plot(curve["footprint_mu"], curve["footprint_amplitude"], "o", color=colours[0], markersize=4)
    for end, marker in (("least", "v"), ("largest", "^")):
        place = curve[end]
        panel.plot(place["mu"], place["amplitude"], marker, color=colours[1], markersize=6, zorder=4)
    towards = curve["common_direction"].removeprefix("towards ")
    panel.set(
        xlabel=f"mu: footprint axis · ({towards})",
        ylabel="dipole of prediction - reference,\nalong the common dipole",
        xlim=(-1.05, 1.05),
        xticks=_TICKS,
        title=f"any response: p = {test['deciding_p']:.2g}",
    )
