"""Rows of tables in, galaxies that passed the hygiene gate out: each once, and of two catalogs those that match.

What all pieces of a table must know of each other, the classes that occur and the galaxies that repeat, is found in a
first pass which keeps some 20 bytes a galaxy.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from workflow_scripts.audits.groups import check_number_of_groups, group_names
from workflow_scripts.audits.table_pieces import TableSource
from workflow_scripts.catalogs.cells import equals_any
from workflow_scripts.catalogs.hygiene import (
    LARGEST_LOSS,
    PROBLEMS,
    check_loss,
    clean,
    is_one_of,
    radius_of_repeats,
    repeated_galaxies,
    swap_counts,
    swapped_words,
)
from workflow_scripts.catalogs.positions import PositionExtent
from workflow_scripts.errors import InputError
from workflow_scripts.progress import counted
from workflow_scripts.sky.unit_vectors import unit_vectors

log = logging.getLogger(__name__)

_STRIP_ROWS = 1_000_000


@dataclass(frozen=True)
class Overview:
    """What the first pass found.

    `rows` of the table; how often each class occurs at a usable position, by label column; which rows (n,) repeat a
    galaxy of earlier rows, `repeated` with the same labels and `repeated_id` with the same id (None where one piece is
    all); how many `contradicting` rows repeat a galaxy with other labels; and the step (degrees) that positions are
    `rounded_to`, None for none; `unit_in_doubt` is the sentence of `PositionExtent.doubt`.
    """

    rows: int
    classes: dict[str, dict[str, int]]
    repeated: NDArray[np.bool_]
    repeated_id: NDArray[np.bool_] | None
    contradicting: int
    rounded_to: float | None = None
    unit_in_doubt: str | None = None


def overview(source: TableSource) -> Overview:
    """First pass over a source: positions and labels.

    A galaxy that is listed twice with the same labels counts twice, and raises every significance; these rows are to be
    dropped. Of one that is listed with different labels, it is unknown which row is right: both are kept, and
    counted. Raises `InputError` as the reader does, and for a table without rows.
    """
    counts: dict[str, Counter[str]] = {name: Counter() for name in source.label_columns}
    extent = PositionExtent()
    annotations = [name for name in source.label_columns if name != "reference"]
    positions, ids, kinds, rows, any_usable = [], [], [], 0, False
    numbers: dict[tuple, int] = {}
    groups: Counter[str] = Counter()
    swaps = np.zeros(2, np.int64)
    weights = WeightCheck()
    for piece in source.pieces("look over the table"):
        rows += len(piece)
        usable = _usable(piece, source.hygiene["sentinels"])
        for name, counter in counts.items():
            counter.update({str(value): int(n) for value, n in piece.loc[usable, name].value_counts().items() if n})
        any_usable |= bool(usable.any())
        if source.columns.score:
            _check_scores(piece["score"].to_numpy(), source)
        swaps += swap_counts(piece["ra"], piece["dec"])
        extent.add(piece["ra"].to_numpy()[usable], piece["dec"].to_numpy()[usable])
        # A row without a label repeats nothing: it is left out anyway.
        usable &= piece[annotations].notna().all(axis=1)
        if source.columns.group:
            groups.update(group_names(piece["group"][usable]))
            check_number_of_groups(groups, f"{source.path}: column '{source.columns.group}' (--group-by)")
        if source.columns.weight:
            weights.add(piece["weight"][usable].to_numpy(float))
        positions.append(np.where(usable.to_numpy()[:, None], piece[["ra", "dec"]].to_numpy(), np.nan))
        kinds.append(_kinds(piece, annotations, numbers))
        if source.columns.source_id:
            ids.append(pd.util.hash_array(piece["source_id"].to_numpy(object)))
    if not rows:
        table = source.table
        if table is not None and table.rows and table.selection is not None:
            raise InputError(
                f"{source.path}: none of {table.rows} rows is selected by '{table.selection.text}'"
                f" ({table.selection.key}), expected galaxies"
            )
        raise InputError(f"{source.path}: the table has no rows, expected galaxies")
    ra, dec = np.concatenate(positions).T
    if not any_usable:
        words = swapped_words({"finite_positions": swaps[0], "usable_if_swapped": swaps[1]})
        raise InputError(f"{source.path}: none of {rows} rows has a usable position, expected ICRS degrees{words}")
    doubt = None
    if source.held is None and source.table is not None:
        extent.check(source.table.positions)
        doubt = extent.doubt(source.table.positions)
        source.table.log_report()
    if source.columns.weight:
        weights.check(f"{source.path}: column '{source.columns.weight}' (--weight)")
    kind, rounded_to = np.concatenate(kinds), extent.rounded_to()
    radius = radius_of_repeats(source.hygiene["radius_arcsec"], rounded_to)
    repeated: NDArray[np.bool_] = np.zeros(rows, bool)
    for number in range(len(numbers)):
        members = np.flatnonzero(kind == number)
        repeated[members] = repeated_in_strips(ra[members], dec[members], radius)
    once = np.flatnonzero(~repeated)
    contradicting = int(repeated_in_strips(ra[once], dec[once], radius).sum())
    repeated_id = pd.Series(np.concatenate(ids)).duplicated().to_numpy() if len(ids) > 1 else None
    classes = {name: dict(sorted(counter.items())) for name, counter in counts.items()}
    return Overview(rows, classes, repeated, repeated_id, contradicting, rounded_to, doubt)


@dataclass
class WeightCheck:
    """Weights of the galaxies that have a label: how many are no weights, and how many count."""

    n: int = 0
    negative: int = 0
    missing: int = 0
    positive: int = 0

    def add(self, weights: NDArray[np.float64]) -> None:
        """Count more weights (n,)."""
        self.n += len(weights)
        self.negative += int((weights < 0).sum())
        self.missing += int((~np.isfinite(weights)).sum())
        self.positive += int((weights > 0).sum())

    def check(self, where: str) -> None:
        """Raise `InputError`, beginning with `where`, for weights that are negative, missing or infinite, or all 0."""
        if self.negative or self.missing:
            raise InputError(
                f"{where} has {self.negative} negative and {self.missing} missing or infinite values among {self.n}"
                " galaxies, expected a number for each, zero or more (zero: the galaxy does not count)"
            )
        if self.n and not self.positive:
            raise InputError(f"{where} is zero for all {self.n} galaxies, expected weights above zero")


def _check_scores(scores: NDArray[np.float64], source: TableSource) -> None:
    """Raise `InputError` for scores (n,) that are neither 0 to 1 nor sentinels."""
    odd = scores[((scores < 0) | (scores > 1)) & ~equals_any(scores, source.hygiene["sentinels"])]
    if len(odd):
        raise InputError(f"{source.path}: column '{source.columns.score}' (--score) has {odd[0]:g}, expected 0 to 1")


def _usable(piece: pd.DataFrame, sentinels: list[float]) -> pd.Series:
    in_range = piece["ra"].between(-180, 360) & piece["dec"].between(-90, 90)
    return in_range & ~is_one_of(piece[["ra", "dec"]], sentinels).any(axis=1)


def _kinds(piece: pd.DataFrame, annotations: list[str], numbers: dict[tuple, int]) -> NDArray[np.int32]:
    """Number of each row's combination of labels, new ones being added to `numbers`."""
    categories = [[*piece[name].cat.categories, ""] for name in annotations]
    shape = tuple(map(len, categories))
    # Missing labels, code -1, are the last of each.
    codes = [piece[name].cat.codes.to_numpy() % size for name, size in zip(annotations, shape, strict=True)]
    together, row = np.unique(np.ravel_multi_index(codes, shape), return_inverse=True)
    named = [
        tuple(names[code] for names, code in zip(categories, np.unravel_index(number, shape), strict=True))
        for number in together
    ]
    return np.array([numbers.setdefault(name, len(numbers)) for name in named], np.int32)[row]


def repeated_in_strips(ra: NDArray, dec: NDArray, radius_arcsec: float) -> NDArray[np.bool_]:
    """`hygiene.repeated_galaxies` for many rows: strip by strip of declination, neighbouring strips overlapping.

    Rows without a usable position repeat nothing. A chain of galaxies closer than the radius that crosses the border of
    a strip may lose one galaxy more.
    """
    repeated: NDArray[np.bool_] = np.zeros(len(ra), bool)
    if not radius_arcsec:
        return repeated
    usable = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    order = usable[np.argsort(dec[usable], kind="stable")]
    starts = range(0, len(order), _STRIP_ROWS)
    for start in counted(
        starts, len(order), "galaxies", "galaxies that repeat", size=lambda start: min(_STRIP_ROWS, len(order) - start)
    ):
        end = min(start + _STRIP_ROWS, len(order))
        reach = dec[order[end - 1]] + 2 * radius_arcsec / 3600
        end = int(np.searchsorted(dec[order], reach, side="right"))
        rows = np.sort(order[start:end])
        repeated[rows[repeated_galaxies(ra[rows], dec[rows], radius_arcsec)]] = True
    return repeated


def galaxies(source: TableSource, found: Overview) -> Iterator[tuple[pd.DataFrame, dict[str, Any]]]:
    """Second pass: every piece through the hygiene gate, with its report. Raises `InputError` where nothing is left."""
    # Galaxies that repeat were found across pieces, and a piece may lose all of its rows.
    settings = {**source.hygiene, "radius_arcsec": 0.0, "part": True}
    start, reports = 0, []
    for piece in source.pieces("add up the galaxies"):
        rows = slice(start, start + len(piece))
        start = rows.stop
        drop = {"repeated_galaxy": found.repeated[rows]}
        if found.repeated_id is not None:
            drop["repeated_id"] = found.repeated_id[rows] & ~drop["repeated_galaxy"]
        cleaned, report = clean(piece[~np.logical_or.reduce(list(drop.values()))], settings, str(source.path))
        report["rows_in"] = len(piece)
        for problem, repeats in drop.items():
            report["problems"][problem]["rows"] += int(repeats.sum())
        reports.append(report)
        yield cleaned, report
    if not any(report["rows_out"] for report in reports):
        check_loss({**joined_reports(reports), "problems": _by_problem(joined_reports(reports))}, 0.0, source.path, "")


def check_rows_lost(report: Mapping[str, Any], source: TableSource) -> None:
    """Raise `InputError` where more rows were dropped than the source's hygiene allows; see `hygiene.check_loss`."""
    largest = source.hygiene.get("largest_loss", LARGEST_LOSS)
    check_loss({**report, "problems": _by_problem(report)}, largest, source.path, "--largest-loss")


def _by_problem(report: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    return {name: {"rows": rows} for name, rows in report["dropped"].items()}


def joined_reports(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """The reports of all pieces as one."""
    problems = {name: sum(report["problems"][name]["rows"] for report in reports) for name in PROBLEMS}
    blanked: Counter[str] = Counter()
    for report in reports:
        blanked.update(report["sentinels_in_covariates"])
    return {
        "rows_in": sum(report["rows_in"] for report in reports),
        "rows_out": sum(report["rows_out"] for report in reports),
        "dropped": {name: rows for name, rows in problems.items() if rows},
        **{
            name: sum(report[name] for report in reports)
            for name in ("right_ascensions_wrapped", "finite_positions", "usable_if_swapped")
        },
        "sentinels_in_covariates": dict(blanked),
    }


def matched_source(first: TableSource, second: TableSource, radius_arcsec: float) -> tuple[TableSource, dict[str, Any]]:
    """Galaxies of both catalogs, each paired with the nearest of the other within the radius (arcsec), and a report.

    Two galaxies are a match where each is the other's nearest. Positions, covariates and reference are those of the
    first catalog, the second annotation is that of the second. Both are cleaned before, and held in memory. Raises
    `InputError` where nothing matches.
    """
    tables, reports = [], []
    for source in (first, second):
        pieces, cleaned = [], []
        for piece, report in galaxies(source, overview(source)):
            pieces.append(piece)
            cleaned.append(report)
        tables.append(pd.concat(pieces, ignore_index=True) if len(pieces) > 1 else pieces[0].reset_index(drop=True))
        reports.append(joined_reports(cleaned))
        check_rows_lost(reports[-1], source)
    rows_a, rows_b = mutual_matches(tables[0], tables[1], radius_arcsec)
    if not len(rows_a):
        raise InputError(
            f"{second.path}: no galaxy lies within {radius_arcsec:g} arcsec of one of {first.path}, expected the same"
            " sky"
        )
    log.info("%d galaxies of %d and %d match within %g arcsec", len(rows_a), *map(len, tables), radius_arcsec)
    matched = tables[0].iloc[rows_a].reset_index(drop=True)
    matched["annotation1"] = pd.Categorical(tables[1]["annotation0"].astype(object).iloc[rows_b].to_numpy(object))
    name = f"{second.columns.labels[0]} of {Path(second.path).name}"
    columns = replace(first.columns, labels=(first.columns.labels[0], name))
    report = {"radius_arcsec": radius_arcsec, "matched": len(rows_a), "first": reports[0], "second": reports[1]}
    other = {"annotation1": second.places["annotation0"]}, {"annotation1": second.vocabularies["annotation0"]}
    return replace(
        first,
        columns=columns,
        held=matched,
        places={**first.places, **other[0]},
        vocabularies={**first.vocabularies, **other[1]},
    ), report


def mutual_matches(
    first: pd.DataFrame, second: pd.DataFrame, radius_arcsec: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of two tables (`ra`, `dec` in degrees) that are each other's nearest within the radius (arcsec)."""
    a, b = (unit_vectors(table["ra"], table["dec"]) for table in (first, second))
    chord = 2 * np.sin(np.radians(radius_arcsec / 3600) / 2)
    distance, nearest_b = cKDTree(b).query(a, distance_upper_bound=chord * (1 + 1e-9))
    _, nearest_a = cKDTree(a).query(b)
    rows = np.flatnonzero(np.isfinite(distance))
    rows = rows[nearest_a[nearest_b[rows]] == rows]
    return rows, nearest_b[rows].astype(np.int64)
