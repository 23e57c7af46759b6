"""Galaxies as the networks see them: examples by class, by footprint, and where opposite ones disagree; their greys."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from workflow_scripts.class_against_rest import as_two_classes, score_column
from workflow_scripts.figures.style import DOUBLE, SINGLE, explain_empty, new_figure
from workflow_scripts.images.arrays import ImageStore
from workflow_scripts.images.grey_levels import level_shares
from workflow_scripts.runs import listed_runs, paths_of_runs
from workflow_scripts.tables import read_table
from workflow_scripts.training_sets.split import hash_fractions

_COLUMNS = 12
# Galaxies whose grey levels are counted: of 48 pixels, two million pixels a channel.
_SAMPLE = 1000
_CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}


def galaxy_figures(
    experiment: Mapping[str, Any], store: ImageStore, annotations: str, sets: Mapping[str, pd.DataFrame]
) -> dict[str, Figure]:
    """The figures of `draw_galaxies`.

    `annotations` is the path of a run's annotations with `{run_id}`; `sets` are training sets by footprint.
    """
    sets = {name: one.assign(label=as_two_classes(one["label"], experiment)) for name, one in sets.items()}
    everything = pd.concat(sets.values()).drop_duplicates("source_id")
    gallery, by_footprint = [], []
    for label, name in enumerate(experiment["classes"]):
        chosen = _shuffled(everything.loc[everything["label"] == label, "source_id"])
        gallery += [(name if row == 0 else "", chosen[row * _COLUMNS : (row + 1) * _COLUMNS]) for row in range(3)]
        for footprint, training_set in sets.items():
            ids = _shuffled(training_set.loc[training_set["label"] == label, "source_id"])
            by_footprint.append((f"{footprint}\n{name}", ids[:_COLUMNS]))
    rows = {
        "gallery": gallery,
        "footprint_examples": by_footprint,
        "disagreement": _disagreements(experiment, annotations),
    }
    figures = {
        name: galaxy_rows([(label, store.read(list(ids))) for label, ids in named if len(ids)])
        for name, named in rows.items()
    }
    sample = _shuffled(everything["source_id"])[:_SAMPLE]
    return {**figures, "grey_levels": grey_levels(level_shares(store.read(list(sample))), len(sample))}


def _shuffled(source_ids: pd.Series) -> np.ndarray:
    """Ids in a fixed random order that does not depend on the order of the rows."""
    ids = source_ids.to_numpy(object)
    return ids[np.lexsort((ids.astype(str), hash_fractions(ids, "examples")))]


def _disagreements(experiment: Mapping[str, Any], pattern: str) -> list[tuple[str, np.ndarray]]:
    """For every opposite pair, the galaxies with the largest difference of mean score, both ways."""
    rows = []
    runs, column = listed_runs(experiment), score_column(experiment)
    for first, second in experiment["opposite"]:
        scores = {}
        for name in (first, second):
            files = paths_of_runs(pattern, [run for run in runs if run["footprint"] == name])
            tables = [read_table(file, ["source_id", column]) for file in files]
            scores[name] = np.mean([table[column].to_numpy() for table in tables], axis=0)
        ids = tables[0]["source_id"].to_numpy(object)
        order = np.argsort(scores[first] - scores[second], kind="stable")
        positive = experiment["classes"][1]
        rows += [(f"more {positive} for\n{first}", ids[order[::-1][:_COLUMNS]])]
        rows += [(f"more {positive} for\n{second}", ids[order[:_COLUMNS]])]
    return rows


def grey_levels(shares: NDArray[np.float64], galaxies: int) -> Figure:
    """Shares (channels, 256) of the pixels of so many galaxies by their grey level, after the recipe."""
    figure, axes = new_figure(SINGLE, 2.6)
    if not galaxies:
        explain_empty(axes, "There are no galaxies to show.")
        return figure
    for name, share in zip(_CHANNELS[len(shares)], shares, strict=True):
        levels = np.flatnonzero(share)
        middle = int(np.searchsorted(np.cumsum(share), 0.5))
        label = f"{name}: median {middle}, {share[0]:.1%} at 0, {share[-1]:.1%} at 255"
        axes.plot(levels, share[levels], color={"grey": "0.3"}.get(name, f"tab:{name}"), lw=1, label=label)
    axes.set(yscale="log", xlim=(0, 255), xlabel="grey level", ylabel=f"share of pixels, {galaxies} galaxies")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def galaxy_rows(rows: Sequence[tuple[str, NDArray[np.uint8]]], columns: int = _COLUMNS) -> Figure:
    """Rows of galaxies, each with a name; `rows` are (name, images (n, H, W, C) uint8)."""
    rows = [(name, images[:columns]) for name, images in rows if len(images)]
    if not rows:
        figure, axes = new_figure(SINGLE, 1.5)
        explain_empty(axes, "There are no galaxies to show.")
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
