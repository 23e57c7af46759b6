"""Galaxies as the networks see them: pairs alike of opposite footprints, and where their networks disagree; greys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from workflow_scripts.catalogs.seeing_columns import seeing_column, seeing_in_words
from workflow_scripts.class_against_rest import as_two_classes, score_column
from workflow_scripts.figures.style import DOUBLE, SINGLE, explain_empty, new_figure, state
from workflow_scripts.images.arrays import ImageStore
from workflow_scripts.images.grey_levels import level_shares
from workflow_scripts.runs import listed_runs, paths_of_runs
from workflow_scripts.tables import read_table
from workflow_scripts.training_sets.matched_pairs import alike_columns, matched_pairs
from workflow_scripts.training_sets.split import hash_fractions

_COLUMNS = 12
# Rows of a class: of so many classes and pairs of footprints together, one each.
_ROWS, _MANY = 2, 4
# Of the width of a galaxy.
_GAP = 0.12
# Galaxies whose grey levels are counted: of 48 pixels, two million pixels a channel.
_SAMPLE = 1000
_CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}


@dataclass(frozen=True)
class ImageRow:
    """A row of galaxies: its name, `images` (n, H, W, C) uint8, words `below` and `above` each, colours of `frames`."""

    name: str
    images: NDArray[np.uint8]
    below: Sequence[str] = ()
    above: Sequence[str] = ()
    frames: Sequence[str] = ()


def galaxy_figures(
    experiment: Mapping[str, Any],
    store: ImageStore,
    annotations: str,
    sets: Mapping[str, pd.DataFrame],
    catalog: pd.DataFrame,
    settings: Mapping[str, Any],
) -> dict[str, Figure]:
    """The figures of `draw_galaxies`.

    `annotations` is the path of a run's annotations with `{run_id}`; `sets` are training sets by footprint; `catalog`
    has magnitude, radius and seeing of galaxies by `source_id`, where they are known.
    """
    known = catalog.set_index("source_id")
    labelled = {
        name: _shuffled(one.assign(label=as_two_classes(one["label"], experiment))[["source_id", "label"]])
        for name, one in sets.items()
    }
    everything = _shuffled(pd.concat(labelled.values()).drop_duplicates("source_id"))
    opposite = [pair for pair in experiment["opposite"] if set(pair) <= set(labelled)]
    if opposite:
        gallery = _pairs(experiment["classes"], opposite, labelled, known, store, settings)
    else:
        gallery = _examples(experiment["classes"], everything, known, store)
    sample = everything["source_id"][:_SAMPLE]
    return {
        "gallery": gallery,
        "disagreement": _disagreements(experiment, annotations, known, store, settings),
        "grey_levels": grey_levels(level_shares(store.read(list(sample))), len(sample)),
    }


def _shuffled(galaxies: pd.DataFrame) -> pd.DataFrame:
    """Galaxies in a fixed random order that does not depend on the order of the rows."""
    ids = galaxies["source_id"].to_numpy(object)
    return galaxies.iloc[np.lexsort((ids.astype(str), hash_fractions(ids, "examples")))].reset_index(drop=True)


def _pairs(
    classes: Sequence[str],
    opposite: Sequence[Sequence[str]],
    labelled: Mapping[str, pd.DataFrame],
    known: pd.DataFrame,
    store: ImageStore,
    settings: Mapping[str, Any],
) -> Figure:
    """Galaxies of opposite footprints side by side, each pair alike in class, magnitude and radius."""
    columns, column = alike_columns(known), seeing_column(known)
    rows, seeing, shown = [], [], 0
    lines = _ROWS if len(classes) * len(opposite) <= _MANY else 1
    colours = [settings["colours"][number] for number in (0, 1)]
    for first, second in opposite:
        for label, name in enumerate(classes):
            first_of, second_of = (
                known.reindex(one.loc[one["label"] == label, "source_id"]).reset_index()
                for one in (labelled[first], labelled[second])
            )
            pairs = matched_pairs(first_of, second_of, columns, lines * _COLUMNS // 2)
            shown += len(pairs)
            for part in (pairs[k : k + _COLUMNS // 2] for k in range(0, len(pairs), _COLUMNS // 2)):
                galaxies = pd.concat(
                    [one.iloc[[k]] for row in part for one, k in zip((first_of, second_of), row, strict=True)]
                )
                seeing += [galaxies[column].to_numpy(float).reshape(-1, 2)] if column else []
                rows.append(
                    ImageRow(
                        name if len(opposite) == 1 else f"{first},\n{second}:\n{name}",
                        store.read(list(galaxies["source_id"])),
                        _numbers(galaxies[column]) if column else (),
                        [words for row in galaxies.iloc[::2].itertuples() for words in (_alike(row, columns), "")],
                        colours * len(part),
                    )
                )
    figure = galaxy_rows(rows)
    if not rows:
        return figure
    first, second = opposite[0]
    medians = np.nanmedian(np.concatenate(seeing), axis=0) if seeing else None
    alike = " and ".join(["class", *(name.split("_")[0] for name in columns)][-2:])
    alike = f"class, {alike}" if len(columns) > 1 else alike
    found = ""
    if medians is not None and column:
        ends = "first" if len(opposite) > 1 else first, "second" if len(opposite) > 1 else second
        _, unit = seeing_in_words(column)
        found = f": median seeing {medians[0]:.3g} {unit} ({ends[0]}) and {medians[1]:.3g} {unit} ({ends[1]})"
    state(
        figure,
        f"Training galaxies of opposite footprints, alike in {alike}{found}",
        f"n = {shown} pairs: random galaxies of {first if len(opposite) == 1 else 'the first'}, each beside its nearest"
        f" of {second if len(opposite) == 1 else 'the second'} in {alike}. Above: {_units(columns)} of the first."
        + (" Below: {} ({}).".format(*seeing_in_words(column)) if column else ""),
    )
    _name_frames(figure, (first, second) if len(opposite) == 1 else ("first footprint", "second"), colours)
    return figure


def _alike(row: Any, columns: Sequence[str]) -> str:
    return ", ".join(f"{getattr(row, name):.1f}" for name in columns)


def _units(columns: Sequence[str]) -> str:
    return " and ".join({"magnitude": "magnitude", "radius_arcsec": "radius (arcsec)"}[name] for name in columns) or "-"


def _numbers(values: pd.Series) -> list[str]:
    return ["" if np.isnan(value) else f"{value:.2f}" for value in values.to_numpy(float)]


def _name_frames(figure: Figure, names: Sequence[str], colours: Sequence[str]) -> None:
    """Name the footprints of the frames above the first pair."""
    lines = [Line2D([], [], color=colour, linewidth=2) for colour in colours]
    first = next(axes for axes in figure.axes if axes.images)
    words = [f"frame: {name}" for name in names]
    legend = first.legend(lines, words, loc="lower left", bbox_to_anchor=(-0.1, 1.15), ncols=2)
    # It is wider than its galaxy, and has the line above that one's words.
    legend.set_in_layout(False)
    first.set_title(f"\n{first.get_title('left')}", fontsize=6, pad=2, loc="left")


def _examples(classes: Sequence[str], everything: pd.DataFrame, known: pd.DataFrame, store: ImageStore) -> Figure:
    """Galaxies by class, where no footprints are opposite."""
    column, rows, shown = seeing_column(known), [], 0
    for label, name in enumerate(classes):
        ids = everything.loc[everything["label"] == label, "source_id"][: _ROWS * _COLUMNS]
        shown += len(ids)
        for part in (ids[k : k + _COLUMNS] for k in range(0, len(ids), _COLUMNS)):
            below = _numbers(known[column].reindex(part)) if column else ()
            rows.append(ImageRow(name, store.read(list(part)), below))
    figure = galaxy_rows(rows)
    if rows:
        words = " Below: {} ({}).".format(*seeing_in_words(column)) if column else ""
        state(figure, "Training galaxies by reference label", f"n = {shown}, chosen at random.{words}")
    return figure


def _disagreements(
    experiment: Mapping[str, Any],
    pattern: str,
    known: pd.DataFrame,
    store: ImageStore,
    settings: Mapping[str, Any],
) -> Figure:
    """For every opposite pair, the galaxies with the largest difference of mean score, both ways."""
    rows, largest = [], []
    runs, column = listed_runs(experiment), score_column(experiment)
    positive, seeing = experiment["classes"][1], seeing_column(known)
    for first, second in experiment["opposite"]:
        scores = {}
        for name in (first, second):
            files = paths_of_runs(pattern, [run for run in runs if run["footprint"] == name])
            tables = [read_table(file, ["source_id", column]) for file in files]
            scores[name] = np.mean([table[column].to_numpy() for table in tables], axis=0)
        ids = tables[0]["source_id"].to_numpy(object)
        difference = scores[first] - scores[second]
        order = np.argsort(difference, kind="stable")
        for name, chosen in ((first, order[::-1][:_COLUMNS]), (second, order[:_COLUMNS])):
            largest.append(f"{abs(difference[chosen[0]]):.2f}")
            below = [f"{scores[first][one]:.2f} | {scores[second][one]:.2f}" for one in chosen]
            above = _numbers(known[seeing].reindex(ids[chosen])) if seeing else ()
            rows.append(ImageRow(f"more {positive}\nfor {name}", store.read(list(ids[chosen])), below, above))
    figure = galaxy_rows(rows)
    if rows:
        first, second = experiment["opposite"][0]
        of_pair = f"{first} | {second}" if len(experiment["opposite"]) == 1 else "first | second footprint"
        state(
            figure,
            f"Where networks of opposite footprints disagree most: mean scores differ by up to {largest[0]} one way and"
            f" {largest[1]} the other",
            f"The {_COLUMNS} of n = {len(ids):,} annotated galaxies with the largest difference, each way: extremes,"
            f" not typical galaxies. Below: mean scores, {of_pair}."
            + (" Above: {} ({}).".format(*seeing_in_words(seeing)) if seeing else ""),
        )
    return figure


def grey_levels(shares: NDArray[np.float64], galaxies: int) -> Figure:
    """Shares (channels, 256) of the pixels of so many galaxies by their grey level, after the recipe."""
    figure, axes = new_figure(SINGLE, 2.4)
    if not galaxies:
        explain_empty(axes, "There are no galaxies to show.")
        return figure
    medians = []
    for name, share in zip(_CHANNELS[len(shares)], shares, strict=True):
        levels = np.flatnonzero(share)
        medians.append(str(int(np.searchsorted(np.cumsum(share), 0.5))))
        label = f"{name}: {share[0]:.1%} at 0, {share[-1]:.1%} at 255"
        axes.plot(levels, share[levels], color={"grey": "0.3"}.get(name, f"tab:{name}"), lw=1, label=label)
    axes.set(yscale="log", xlim=(0, 255), xlabel="grey level (0 to 255)", ylabel="share of pixels")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
    names = " and ".join(_CHANNELS[len(shares)][-2:])
    names = f"red, {names}" if len(shares) > 1 else names
    state(
        figure,
        f"Half of the pixels lie below grey level {', '.join(medians)} ({names})",
        f"n = {galaxies:,} training galaxies, all pixels of their images after the recipe.",
    )
    return figure


def galaxy_rows(rows: Sequence[ImageRow], columns: int = _COLUMNS) -> Figure:
    """Rows of galaxies, each with a name; framed ones stand in pairs."""
    rows = [row for row in rows if len(row.images)]
    if not rows:
        figure, axes = new_figure(SINGLE, 1.5)
        explain_empty(axes, "There are no galaxies to show.")
        return figure
    side = (DOUBLE - 0.9) / columns
    lines = sum(any(words) for words in (rows[0].below, rows[0].above))
    # Between pairs there is a gap.
    framed = any(row.frames for row in rows)
    widths = [1.0, 1.0, _GAP] * (columns // 2) if framed else [1.0] * columns
    figure, axes = new_figure(
        DOUBLE,
        (side + 0.13 * lines) * len(rows) + 0.2,
        nrows=len(rows),
        ncols=len(widths),
        squeeze=False,
        width_ratios=widths,
        gridspec_kw={"wspace": 0.02},
    )
    for panel in axes[:, np.array(widths) < 1].flat:
        panel.set_axis_off()
    for line, row in zip(axes[:, np.array(widths) == 1], rows, strict=True):
        for panel in line[len(row.images) :]:
            panel.set_axis_off()
        for number, (panel, image) in enumerate(zip(line, row.images, strict=False)):
            panel.imshow(image.squeeze(), cmap="gray" if image.shape[-1] == 1 else None, interpolation="nearest")
            panel.set(xticks=[], yticks=[])
            for spine in panel.spines.values():
                spine.set(visible=bool(row.frames), linewidth=1.4, color=row.frames[number] if row.frames else "none")
            if row.below:
                panel.set_xlabel(row.below[number], fontsize=6, labelpad=2)
            if row.above:
                # Over both of a pair.
                panel.set_title(row.above[number], fontsize=6, pad=2, loc="left" if row.frames else "center")
        line[0].text(-0.12, 0.5, row.name, ha="right", va="center", transform=line[0].transAxes, fontsize=7)
    return figure
