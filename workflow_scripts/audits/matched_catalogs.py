"""Two catalogs of the same sky, matched by position, as one catalog with two annotations."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from workflow_scripts.audits.pieces import Source, galaxies, joined_reports, overview
from workflow_scripts.errors import InputError
from workflow_scripts.sky.unit_vectors import unit_vectors

log = logging.getLogger(__name__)


def matched_source(first: Source, second: Source, radius_arcsec: float) -> tuple[Source, dict[str, Any]]:
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
    return Source.in_memory(first, columns, matched), report


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
