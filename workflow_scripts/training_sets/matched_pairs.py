"""Galaxies of two training sets that are alike: the same class, and the nearest magnitude and radius."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

# How a pair is alike, where the tables have these: differences in units of the scatter of both.
ALIKE = ("magnitude", "radius_arcsec")
_NEIGHBOURS = 20


def alike_columns(galaxies: pd.DataFrame) -> list[str]:
    """Those of `ALIKE` that a table of galaxies knows."""
    return [name for name in ALIKE if name in galaxies and galaxies[name].notna().any()]


def matched_pairs(first: pd.DataFrame, second: pd.DataFrame, columns: Sequence[str], number: int) -> NDArray[np.int64]:
    """Rows of pairs (k, 2), k up to `number`: a galaxy of `first` and its nearest of `second` in the `columns`.

    The first rows of `first` that have a partner are taken, so that its order chooses the galaxies; no galaxy is taken
    twice. Distances are Euclidean, each column in units of its standard deviation over both tables, radii in the
    logarithm; without columns the rows are paired in their order. Galaxies with an unknown value have no partner.
    """
    if not columns:
        k = min(number, len(first), len(second))
        return np.stack([np.arange(k)] * 2, axis=1)
    values = [_scaled(table, columns) for table in (first, second)]
    spread = np.nanstd(np.concatenate(values), axis=0)
    values = [one / np.where(spread > 0, spread, 1.0) for one in values]
    known = [np.flatnonzero(np.isfinite(one).all(axis=1)) for one in values]
    if not all(map(len, known)):
        return np.empty((0, 2), np.int64)
    tree, neighbours = cKDTree(values[1][known[1]]), min(_NEIGHBOURS, len(known[1]))
    ids = [table["source_id"].to_numpy(object) for table in (first, second)]
    pairs: list[tuple[int, int]] = []
    taken: set[str] = set()
    for row in known[0]:
        if len(pairs) == number:
            break
        _, nearest = tree.query(values[0][row], k=[*range(1, neighbours + 1)])
        partners = [partner for partner in known[1][nearest] if ids[1][partner] not in {*taken, ids[0][row]}]
        if partners and ids[0][row] not in taken:
            pairs.append((int(row), int(partners[0])))
            taken |= {ids[0][row], ids[1][partners[0]]}
    return np.array(pairs, np.int64).reshape(-1, 2)


def _scaled(table: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    numbers = table[list(columns)].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = np.log10(numbers)
    radii = [name.startswith("radius") for name in columns]
    return np.where(radii, np.where(np.isfinite(logarithms), logarithms, np.nan), numbers)
