"""Galaxies that passed the gate into sums, labels as 0 and 1; where there are templates, also into arrays."""

import logging
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
)
from workflow_scripts.audits.galaxy_pieces import Overview, galaxies, joined_reports
from workflow_scripts.audits.table_pieces import TableSource
from workflow_scripts.errors import InputError
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues

log = logging.getLogger(__name__)

# (negative, positive) of two classes whose names show which is which.
_KNOWN_PAIRS = (("0", "1"), ("-1", "1"), ("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"))


@dataclass(frozen=True)
class Covariates:
    """Galaxies with all covariates, for the regressions on templates: they are not sums over pixels.

    `vectors` (n, 3), `pixels` (n,), `labels` (annotations, n), `templates` (n, k) with their `names`; `left_out` is the
    number of galaxies that lack a covariate.
    """

    names: tuple[str, ...]
    vectors: NDArray[np.float64]
    pixels: NDArray[np.int64]
    labels: NDArray[np.float64]
    templates: NDArray[np.float64]
    left_out: int


@dataclass(frozen=True)
class Scores:
    """Scores of the galaxies that have one, in pixels, and each by itself (n,): permutations move single galaxies."""

    positions: PixelPositions
    sums: PixelValues
    values: NDArray[np.float64]


@dataclass(frozen=True)
class BinnedCatalog:
    """`sums` of a catalog; `hygiene`: what was dropped; `covariates` where there are any.

    `scores` where they have no reference to be tested against.
    """

    sums: CatalogSums
    classes: tuple[str, ...]
    hygiene: dict[str, Any]
    covariates: Covariates | None
    scores: Scores | None


@dataclass
class _Collected:
    """What the pieces give."""

    sums: CatalogSums | None = None
    reports: list[dict[str, Any]] = field(default_factory=list)
    covariates: list[tuple[NDArray, NDArray, NDArray, NDArray]] = field(default_factory=list)
    scores: list[tuple[PixelPositions, PixelValues, NDArray]] = field(default_factory=list)
    extents: list[tuple[float, float, float]] = field(default_factory=list)
    without: Counter[str] = field(default_factory=Counter)


def bin_catalog(source: TableSource, found: Overview, positives: Mapping[str, str]) -> BinnedCatalog:
    """Read, clean and add up a catalog.

    `positives` is the positive class of each of `source.label_columns`. Galaxies without a label in one of the
    annotation columns are left out of everything, those without a reference label out of the tests against it. Raises
    `InputError` where no galaxy is left, or a score is not between 0 and 1.
    """
    annotations = [name for name in source.label_columns if name != "reference"]
    classes = tuple(sorted({name for column in annotations for name in found.classes[column]}))
    collected = _Collected()
    for piece, report in galaxies(source, found):
        collected.reports.append(report)
        _add_piece(piece, source, annotations, classes, positives, collected)
    if collected.sums is None:
        raise InputError(f"{source.path}: no galaxy has a label in {', '.join(source.columns.labels)}")
    hygiene = joined_reports(collected.reports)
    hygiene["repeated_with_other_labels"] = found.contradicting
    hygiene["suspected_unit"] = _suspected_unit(np.array(collected.extents))
    given = {"label": True, "reference": source.columns.reference, "score": source.columns.score}
    hygiene |= {f"without_{what}": collected.without[what] for what in given if given[what]}
    covariates = _joined(source.columns.covariates, collected)
    return BinnedCatalog(collected.sums, classes, hygiene, covariates, _joined_scores(collected))


def _suspected_unit(extents: NDArray[np.float64]) -> str | None:
    """The unit that positions seem to have, if not degrees, from (lowest RA, highest RA, highest |Dec|) of pieces.

    A survey may lie in such a strip, so that this is no error.
    """
    lowest, highest, declination = extents[:, 0].min(), extents[:, 1].max(), extents[:, 2].max()
    if highest <= 2 * np.pi and declination <= np.pi / 2 and highest - lowest > 3:
        return "radians"
    if highest <= 24 and highest - lowest > 18 and declination > 20:
        return "hours"
    return None


def _add_piece(
    piece: pd.DataFrame,
    source: TableSource,
    annotations: Sequence[str],
    classes: tuple[str, ...],
    positives: Mapping[str, str],
    collected: _Collected,
) -> None:
    labels = np.array([is_positive(piece[name], positives[name]) for name in annotations])
    labelled = np.isfinite(labels).all(axis=0)
    collected.without["label"] += int((~labelled).sum())
    piece, labels = piece[labelled], labels[:, labelled]
    if piece.empty:
        return
    ra, dec = piece["ra"].to_numpy(), piece["dec"].to_numpy()
    collected.extents.append((ra.min(), ra.max(), np.abs(dec).max()))
    places = Places.of(ra, dec)
    numbers = [numbers_of_classes(piece[name], classes) for name in annotations] if len(annotations) > 1 else []
    pairs = [
        PairSums.of(labels[a], labels[b], (numbers[a], numbers[b]), len(classes), places)
        for a, b in combinations(range(len(annotations)), 2)
    ]
    reference = _reference(piece, labels[0], positives, source, places, collected) if source.columns.reference else None
    part = CatalogSums.of(places, [AnnotationSums.of(row, places) for row in labels], pairs, reference)
    collected.sums = part if collected.sums is None else collected.sums + part
    if source.columns.score and not source.columns.reference:
        scores = _scores(piece, source)
        known = np.isfinite(scores)
        collected.without["score"] += int((~known).sum())
        at = places.chosen(known)
        positions = PixelPositions.of(at.vectors, at.pixels, AUDIT_PIXELS)
        values = PixelValues.of(scores[known], at.vectors, at.pixels, AUDIT_PIXELS)
        collected.scores.append((positions, values, scores[known]))
    if source.columns.covariates:
        templates = piece[[f"covariate:{name}" for name in source.columns.covariates]].to_numpy(float)
        collected.covariates.append((places.vectors, places.pixels, labels, templates))


def _scores(piece: pd.DataFrame, source: TableSource) -> NDArray[np.float64]:
    scores = piece["score"].to_numpy()
    odd = scores[(scores < 0) | (scores > 1)]
    if len(odd):
        raise InputError(f"{source.path}: column '{source.columns.score}' (--score) has {odd[0]:g}, expected 0 to 1")
    return scores


def _reference(
    piece: pd.DataFrame,
    labels: NDArray[np.float64],
    positives: Mapping[str, str],
    source: TableSource,
    places: Places,
    collected: _Collected,
) -> ReferenceSums | None:
    truth = is_positive(piece["reference"], positives["reference"])
    known = np.isfinite(truth)
    collected.without["reference"] += int((~known).sum())
    scores = None
    if source.columns.score:
        scores = _scores(piece, source)
        collected.without["score"] += int((known & np.isnan(scores)).sum())
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
    complete = np.isfinite(rows).all(axis=1)
    return Covariates(
        names,
        np.concatenate(vectors)[complete],
        np.concatenate(pixels)[complete],
        np.concatenate(labels, axis=1)[:, complete],
        rows[complete],
        int((~complete).sum()),
    )


def _joined_scores(collected: _Collected) -> Scores | None:
    if not collected.scores:
        return None
    positions, sums, values = zip(*collected.scores, strict=True)
    return Scores(reduce(add, positions), reduce(add, sums), np.concatenate(values))


def positive_class(counts: Mapping[str, int], wanted: str | None, file: str, column: str) -> str:
    """The class that is counted, as it is written in the file.

    Parameters
    ----------
    counts
        galaxies of each class that occurs.
    wanted
        what the user named (`1`, `1.0` and `+1` are the same); None for two classes, of which `1`, `true` and `yes` are
        positive, and of others the last in alphabetical order.

    Raises
    ------
    InputError
        for no class or one, for a class that does not occur, or for three or more of which none was named.
    """
    where = f"{file}: column '{column}'"
    if len(counts) < 2:
        found = f"one class only ({next(iter(counts))})" if counts else "no label"
        raise InputError(f"{where} has {found}, expected two classes or more")
    shown = ", ".join(list(counts)[:8]) + (", ..." if len(counts) > 8 else "")
    if wanted is None:
        if len(counts) > 2:
            raise InputError(f"{where} has {len(counts)} classes ({shown}), expected two, or one of them as --positive")
        by_folded = {name.casefold(): name for name in counts}
        known = next((pair for pair in _KNOWN_PAIRS if set(pair) == set(by_folded)), None)
        positive = by_folded[known[1]] if known else sorted(counts)[1]
        log.info("column '%s' has the classes %s: '%s' is counted (--positive)", column, shown, positive)
        return positive
    if wanted in counts:
        return wanted
    same = [name for name in counts if _as_number(name) is not None and _as_number(name) == _as_number(wanted)]
    if len(same) == 1:
        return same[0]
    raise InputError(f"{where} has no class '{wanted}' (--positive), expected one of {shown}")


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def is_positive(labels: pd.Series, positive: str) -> NDArray[np.float64]:
    """1 where a label (a categorical of texts) is the positive class, 0 where it is another, NaN where it lacks."""
    categories = list(labels.cat.categories)
    codes = labels.cat.codes.to_numpy()
    wanted = categories.index(positive) if positive in categories else len(categories)
    return np.where(codes < 0, np.nan, (codes == wanted).astype(float))


def numbers_of_classes(labels: pd.Series, classes: Sequence[str]) -> NDArray[np.int64]:
    """Position of each label in `classes`; -1 where it is missing."""
    order = {name: number for number, name in enumerate(classes)}
    numbers = np.array([order[name] for name in labels.cat.categories] + [-1], np.int64)
    return numbers[labels.cat.codes.to_numpy()]
