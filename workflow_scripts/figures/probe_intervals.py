"""Figure of the probes: by how much networks tell opposite footprints apart, and what their features know of the place.

A point with its 95 % interval for what networks were shown, for each pair, and for the features beside their null.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.figures.style import DOUBLE, explain_empty, new_figure, state
from workflow_scripts.statistics.place_auc import NO_INFORMATION

_ROW, _FRAME = 0.17, 0.75


class _Row(NamedTuple):
    """A line of a panel, of `mean` above `nothing`: `null` is where 95 % of the values without information lie above
    it, None where that is a number.
    """

    name: str
    mean: Mapping[str, Any]
    colour: str
    null: Sequence[float] | None = None
    nothing: float = 0.0


def probe_figure(probe: Mapping[str, Any], settings: Mapping[str, Any], finding: str = "") -> Figure:
    """A panel for the pixels and one for the features, of `why.probe` of a summary; a reason where there is neither."""
    colours = settings["colours"]
    several = len({one["network"] for one in (*probe["pixels"], *probe["features"])}) > 1
    aucs: list[_Row] = []
    r2: list[_Row] = []
    for one in probe["pixels"]:
        of = f" ({one['network']})" if several else ""
        kinds = {"whole images" if kind == "whole" else kind: found for kind, found in one["auc"].items()}
        aucs += [_Row(f"{name}{of}", found, colours[0]) for name, found in kinds.items()]
        aucs += [_Row(f"{name}{of}", found, "0.5") for name, found in one["auc_by_pair"].items()]
    for one in probe["features"]:
        of = f" ({one['network']})" if several else ""
        nothing = one["null_mean"]
        r2.append(_Row(f"features{of}", one["r2"], colours[0], [end - nothing for end in one["null95"]], nothing))
    panels = ((aucs, "AUC", NO_INFORMATION), (r2, "R² of the position, above that of exchanged blocks", 0.0))
    shown = [panel for panel in panels if panel[0]]
    heights = [_FRAME + _ROW * len(rows) for rows, _, _ in shown]
    figure, axes = new_figure(
        DOUBLE, sum(heights) or 1, nrows=max(1, len(shown)), squeeze=False, height_ratios=heights or [1]
    )
    if not shown:
        explain_empty(axes[0, 0], "Nothing was measured: the answers say why.")
    for panel, (rows, words, nothing) in zip(axes[:, 0], shown, strict=False):
        _points(panel, rows)
        panel.axvline(nothing, color="0.2", linewidth=0.7, linestyle=":")
        panel.set_xlabel(words)
    if shown:
        state(
            figure,
            finding.rstrip("."),
            "Lines: 95 % intervals, with the noise of the galaxies and the scatter between training sets, not adjusted;"
            " dotted: no information; bar: 95 % of skies whose blocks were exchanged.",
        )
    return figure


def _points(panel: Axes, rows: Sequence[_Row]) -> None:
    # A bar would end at the frame.
    panel.use_sticky_edges = False
    for height, row in enumerate(rows):
        if row.null:
            low, high = row.null
            panel.barh(height, high - low, left=low, height=0.7, color="0.85")
        low, high = (end - row.nothing for end in row.mean["ci95"])
        panel.hlines(height, low, high, color=row.colour, linewidth=1)
        panel.plot(row.mean["estimate"] - row.nothing, height, "o", color=row.colour, markersize=4)
    panel.set(yticks=np.arange(len(rows)), yticklabels=[row.name for row in rows], ylim=(len(rows) - 0.4, -0.6))
