"""Galaxies that passed the gate into sums, labels as 0 and 1; where there are templates, also into arrays."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations
from operator import add
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.audits.catalog_sums import (
    AUDIT_PIXELS,
    AnnotationSums,
    CatalogSums,
    PairSums,
    Places,
    ReferenceSums,
    audit_maps,
)
from workflow_scripts.audits.galaxy_pieces import Overview, galaxies, joined_reports
from workflow_scripts.audits.groups import GroupSums, group_names, groups_of
from workflow_scripts.audits.table_pieces import TableSource
from workflow_scripts.audits.vocabulary import Meaning
from workflow_scripts.audits.weighted_sums import WeightedColumn, WeightedSums
from workflow_scripts.catalogs.hygiene import NOTEWORTHY_LOSS
from workflow_scripts.errors import InputError
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues


@dataclass(frozen=True)
class Covariates:
    """Galaxies with all covariates, for the regressions on templates: they are not sums over pixels.

    `vectors` (n, 3), `pixels` (n,), `labels` (annotations, n), `templates` (n, k) with their `names`; `left_out` is the
    number of galaxies that lack a covariate. `groups` (n,) are the names of their groups, None without groups. `unused`
    says of other columns, by name, why nothing can depend on them.
    """

    names: tuple[str, ...]
    vectors: NDArray[np.float64]
    pixels: NDArray[np.int64]
    labels: NDArray[np.float64]
    templates: NDArray[np.float64]
    left_out: int
    groups: NDArray[np.object_] | None = None
    unused: Mapping[str, str] = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        """What a reader should know of columns that are not used, and of galaxies that lack a covariate."""
        sentences = [
            f"Column '{name}' (--covariates) {reason}, and is not used." for name, reason in self.unused.items()
        ]
        n = len(self.vectors)
        if self.names and self.left_out > NOTEWORTHY_LOSS * (n + self.left_out):
            sentences.append(
                f"{self.left_out:,} of {n + self.left_out:,} galaxies lack a covariate ({', '.join(self.names)}):"
                f" regressions on these are of the other {n:,}."
            )
        return sentences


@dataclass(frozen=True)
class Scores:
    """Scores of the galaxies that have one, in pixels, and each by itself (n,): permutations move single galaxies.

    `weighted` is the same with weights, where there are any.
    """

    positions: PixelPositions
    sums: PixelValues
    values: NDArray[np.float64]
    weighted: WeightedColumn | None = None


@dataclass(frozen=True)
class WeightedLabels:
    """Galaxies with weights: sums of each annotation and of each pair's difference; `weights` (n,) and `labels` (k, n).

    Labels are small integers: with the weights, some 9 bytes a galaxy are held.
    """

    annotations: tuple[WeightedSums, ...]
    pairs: tuple[WeightedSums, ...]
    weights: NDArray[np.float64]
    labels: NDArray[np.int8]

    def annotation(self, number: int) -> WeightedColumn:
        """The column of an annotation."""
        return WeightedColumn(self.annotations[number], self.labels[number].astype(float), self.weights)

    def difference(self, number: int) -> WeightedColumn:
        """The difference of a pair of annotations, by its place among all pairs."""
        first, second = list(combinations(range(len(self.annotations)), 2))[number]
        values = self.labels[first].astype(float) - self.labels[second]
        return WeightedColumn(self.pairs[number], values, self.weights)


@dataclass(frozen=True)
class BinnedCatalog:
    """`sums` of a catalog; `hygiene`: what was dropped; `covariates` where there are any.

    `scores` where they have no reference to be tested against, `weighted` where galaxies have weights,
    `groups` of the first annotation where they have groups.
    """

    sums: CatalogSums
    hygiene: dict[str, Any]
    covariates: Covariates | None
    scores: Scores | None
    weighted: WeightedLabels | None = None
    groups: Mapping[str, GroupSums] = field(default_factory=dict)


@dataclass
class _Collected:
    """What the pieces give."""

    sums: CatalogSums | None = None
    reports: list[dict[str, Any]] = field(default_factory=list)
    covariates: list[tuple[NDArray, NDArray, NDArray, NDArray]] = field(default_factory=list)
    covariate_groups: list[NDArray[np.object_]] = field(default_factory=list)
    scores: list[tuple[PixelPositions, PixelValues, NDArray]] = field(default_factory=list)
    # Of annotations, of pairs, and of the score.
    weighted: tuple[tuple[WeightedSums, ...], tuple[WeightedSums, ...]] | None = None
    weighted_scores: WeightedSums | None = None
    weights: list[tuple[NDArray, NDArray]] = field(default_factory=list)
    score_weights: list[NDArray] = field(default_factory=list)
    groups: dict[str, GroupSums] = field(default_factory=dict)
    without: Counter[str] = field(default_factory=Counter)


def catalog_maps(catalog: BinnedCatalog, field: bool) -> dict[str, NDArray[np.float64]]:
    """Maps of a catalog (see `catalog_sums.audit_maps`), of weighted fractions where galaxies have weights."""
    fractions = difference = score = None
    if (weighted := catalog.weighted) is not None:
        fractions = weighted.annotations[0].ratio
        difference = weighted.pairs[0].ratio if weighted.pairs else None
    if catalog.scores is not None:
        one = catalog.scores.weighted
        score = one.sums.ratio if one else (catalog.scores.sums.totals, catalog.scores.positions.counts.astype(float))
    return audit_maps(catalog.sums, field, fractions, difference, score)


def bin_catalog(source: TableSource, found: Overview, meanings: Mapping[str, Meaning]) -> BinnedCatalog:
    """Read, clean and add up a catalog.

    `meanings` has what the values of each of `source.label_columns` mean. Galaxies without a label in one of the
    annotation columns are left out of everything, those without a reference label out of the tests against it. Raises
    `InputError` where no galaxy is left, or a score is not between 0 and 1.
    """
    annotations = [name for name in source.label_columns if name != "reference"]
    classes = _shared_classes([found.classes[column] for column in annotations])
    collected = _Collected()
    for piece, report in galaxies(source, found):
        collected.reports.append(report)
        _add_piece(piece, source, annotations, classes, meanings, collected)
    if collected.sums is None:
        raise InputError(f"{source.path}: no galaxy has a label in {', '.join(source.columns.labels)}")
    hygiene = joined_reports(collected.reports)
    hygiene["repeated_with_other_labels"] = found.contradicting
    hygiene["positions_rounded_to"], hygiene["unit_in_doubt"] = found.rounded_to, found.unit_in_doubt
    if source.columns.weight:
        hygiene["of_weight_zero"] = collected.without["weight"]
    given = {"label": True, "reference": source.columns.reference, "score": source.columns.score}
    hygiene |= {f"without_{what}": collected.without[what] for what in given if given[what]}
    covariates = _joined(source.columns.covariates, collected)
    scores, weighted = _joined_scores(collected), _joined_weights(collected)
    return BinnedCatalog(collected.sums, hygiene, covariates, scores, weighted, collected.groups)


def _add_piece(
    piece: pd.DataFrame,
    source: TableSource,
    annotations: Sequence[str],
    classes: tuple[str, ...],
    meanings: Mapping[str, Meaning],
    collected: _Collected,
) -> None:
    labels = np.array([meanings[name].zeros_and_ones(piece[name]) for name in annotations])
    labelled = np.isfinite(labels).all(axis=0)
    collected.without["label"] += int((~labelled).sum())
    if source.columns.weight:
        counts = piece["weight"].to_numpy() > 0
        collected.without["weight"] += int((labelled & ~counts).sum())
        labelled &= counts
    piece, labels = piece[labelled], labels[:, labelled]
    if piece.empty:
        return
    ra, dec = piece["ra"].to_numpy(), piece["dec"].to_numpy()
    places = Places.of(ra, dec)
    numbers = []
    if len(annotations) > 1:
        numbers = (
            [numbers_of_classes(piece[name], classes) for name in annotations] if classes else [*labels.astype(int)]
        )
    pairs = [
        PairSums.of(labels[a], labels[b], (numbers[a], numbers[b]), len(classes) or 2, places)
        for a, b in combinations(range(len(annotations)), 2)
    ]
    reference = _reference(piece, labels[0], meanings, source, places, collected) if source.columns.reference else None
    part = CatalogSums.of(places, [AnnotationSums.of(row, places) for row in labels], pairs, reference)
    collected.sums = part if collected.sums is None else collected.sums + part
    if source.columns.weight:
        _add_weights(piece["weight"].to_numpy(float), labels, places, collected)
    if source.columns.group:
        weights = piece["weight"].to_numpy(float) if source.columns.weight else None
        for name, group in groups_of(piece["group"], labels[0], weights, places.vectors).items():
            collected.groups[name] = collected.groups[name] + group if name in collected.groups else group
    if source.columns.score:
        scores = piece["score"].to_numpy()
        known = np.isfinite(scores)
        collected.without["score"] += int((~known).sum())
        at = places.chosen(known)
        positions = PixelPositions.of(at.vectors, at.pixels, AUDIT_PIXELS)
        values = PixelValues.of(scores[known], at.vectors, at.pixels, AUDIT_PIXELS)
        collected.scores.append((positions, values, scores[known]))
        if source.columns.weight:
            weights = piece["weight"].to_numpy(float)[known]
            sums = WeightedSums.of(scores[known], weights, at, mapped=True)
            old = collected.weighted_scores
            collected.weighted_scores = sums if old is None else old + sums
            collected.score_weights.append(weights)
    if source.columns.covariates:
        templates = piece[[f"covariate:{name}" for name in source.columns.covariates]].to_numpy(float)
        collected.covariates.append((places.vectors, places.pixels, labels, templates))
        if source.columns.group:
            collected.covariate_groups.append(group_names(piece["group"]))


def _add_weights(
    weights: NDArray[np.float64], labels: NDArray[np.float64], places: Places, collected: _Collected
) -> None:
    # Maps are of the first column, and of the first pair.
    annotations = tuple(WeightedSums.of(row, weights, places, not number) for number, row in enumerate(labels))
    pairs = tuple(
        WeightedSums.of(first - second, weights, places, not number)
        for number, (first, second) in enumerate(combinations(labels, 2))
    )
    if (old := collected.weighted) is not None:
        annotations = tuple(map(add, old[0], annotations))
        pairs = tuple(map(add, old[1], pairs))
    collected.weighted = annotations, pairs
    collected.weights.append((weights, labels.astype(np.int8)))


def _reference(
    piece: pd.DataFrame,
    labels: NDArray[np.float64],
    meanings: Mapping[str, Meaning],
    source: TableSource,
    places: Places,
    collected: _Collected,
) -> ReferenceSums | None:
    truth = meanings["reference"].zeros_and_ones(piece["reference"])
    known = np.isfinite(truth)
    collected.without["reference"] += int((~known).sum())
    scores = None
    if source.columns.score:
        scores = piece["score"].to_numpy()
        known &= np.isfinite(scores)
        scores = scores[known]
    if not known.any():
        return None
    return ReferenceSums.of(labels[known], truth[known], scores, places.chosen(known))


def _joined(names: tuple[str, ...], collected: _Collected) -> Covariates | None:
    if not names:
        return None
    vectors, pixels, labels, templates = zip(*collected.covariates, strict=True)
    rows = np.concatenate(templates)
    unused = {name: reason for name, column in zip(names, rows.T, strict=True) if (reason := _unusable(column))}
    kept = [number for number, name in enumerate(names) if name not in unused]
    complete = np.isfinite(rows[:, kept]).all(axis=1)
    return Covariates(
        tuple(names[number] for number in kept),
        np.concatenate(vectors)[complete],
        np.concatenate(pixels)[complete],
        np.concatenate(labels, axis=1)[:, complete],
        rows[np.ix_(complete, kept)],
        int((~complete).sum()),
        np.concatenate(collected.covariate_groups)[complete] if collected.covariate_groups else None,
        unused,
    )


def _unusable(column: NDArray[np.float64]) -> str:
    known = column[np.isfinite(column)]
    if not len(known):
        return "has no value for any galaxy"
    return "" if known.max() > known.min() else "is the same for all galaxies"


def _joined_scores(collected: _Collected) -> Scores | None:
    if not collected.scores:
        return None
    positions, sums, values = zip(*collected.scores, strict=True)
    each, weighted = np.concatenate(values), None
    if collected.weighted_scores is not None:
        weighted = WeightedColumn(collected.weighted_scores, each, np.concatenate(collected.score_weights))
    return Scores(reduce(add, positions), reduce(add, sums), each, weighted)


def _joined_weights(collected: _Collected) -> WeightedLabels | None:
    if collected.weighted is None:
        return None
    weights, labels = zip(*collected.weights, strict=True)
    return WeightedLabels(*collected.weighted, np.concatenate(weights), np.concatenate(labels, axis=1))


def _shared_classes(counts: Sequence[Mapping[str, int]]) -> tuple[str, ...]:
    """All classes of columns that share some; none where columns have words of their own (E and S, 1 and 0)."""
    if len(counts) > 1 and not set.intersection(*(set(column) for column in counts)):
        return ()
    return tuple(sorted({name for column in counts for name in column}))


def numbers_of_classes(labels: pd.Series, classes: Sequence[str]) -> NDArray[np.int64]:
    """Position of each label in `classes`; -1 where it is missing."""
    order = {name: number for number, name in enumerate(classes)}
    numbers = np.array([order[name] for name in labels.cat.categories] + [-1], np.int64)
    return numbers[labels.cat.codes.to_numpy()]
