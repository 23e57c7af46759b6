"""Figure of the rotating design: fraction and false dipole against the direction of the training footprint."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.bias.declared_tests import PATTERN, RESPONSE
from workflow_scripts.figures.answer_titles import answer_to, change_title
from workflow_scripts.figures.style import (
    DOUBLE,
    explain_empty,
    in_hundredths,
    new_figure,
    panel_title,
    state,
)
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
    rotating = rotating[rotating["network"] == fraction["network"]]
    _fraction(left, rotating, fraction, positive, colour)
    panel_title(
        left,
        change_title(f"Share called {positive}", answer_to(summary, fraction["name"]), "with the footprint"),
    )
    if pattern is None or "mu" not in pattern["details"]:
        field = summary["sky_kind"] == FIELD
        why = "the galaxies lie in a field" if field else "no reference labels, or too few footprints"
        explain_empty(right, f"The false dipole has no curve:\n{why}.")
    else:
        _pattern(right, pattern, settings["colours"])
        panel_title(right, change_title("False dipole", answer_to(summary, pattern["name"]), "with the footprint"))
    members = rotating[rotating["footprint"].isin(fraction["footprints"])]
    state(
        figure,
        "",
        "Cosines: of a footprint's axis. Dipoles: of prediction minus reference. Left: dots are"
        f" {len(members)} runs of {members['footprint'].nunique()} footprints, with a straight line. Right: dots are"
        " means of footprints, the band holds 95 % of all of the curve at once (footprints as the unit); triangles:"
        " where it is least and largest. Sizes and intervals: between opposite footprints, and from least to largest.",
    )
    return figure


def _fraction(panel: Axes, rotating: pd.DataFrame, test: Mapping[str, Any], positive: str, colour: str) -> None:
    members = rotating[rotating["footprint"].isin(test["footprints"])]
    slope = np.asarray(test["estimate"], float)
    along = unit_vectors(members["axis_ra"], members["axis_dec"]) @ slope / np.linalg.norm(slope)
    values = members["fraction"].to_numpy()
    panel.plot(along, values, "o", color=colour, markersize=4, alpha=0.85)
    if np.isfinite(values).all():
        panel.plot([-1, 1], np.polyval(np.polyfit(along, values, 1), [-1, 1]), color="black", linewidth=1)
    place = f"\n({test['direction'].removeprefix('towards ')})" if test["direction"] else ""
    panel.set(
        xlabel=f"cosine to the direction of largest response{place}",
        ylabel=f"galaxies called {positive} (%)",
        xlim=(-1.05, 1.05),
        xticks=_TICKS,
    )
    in_hundredths(panel.yaxis)


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
        xlabel=f"mu: cosine to ({towards})",
        ylabel="dipole along the common one\n(percentage points)",
        xlim=(-1.05, 1.05),
        xticks=_TICKS,
    )
    in_hundredths(panel.yaxis)
