"""What the catalog's own imaging columns, without any pixel, tell of the side of a pair on which a galaxy lies."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workflow_scripts.tables import read_table

# Of the number of galaxies, on standardised columns.
_PENALTY = 0.001


def imaging_columns(catalog: str | Path, wanted: Sequence[str]) -> pd.DataFrame:
    """Those of the columns `wanted` that a catalog has as numbers and that vary, by `source_id`.

    Columns that are not known for any galaxy are left out. Raises `ValueError` where none is left.
    """
    present = pq.read_schema(catalog).names
    table = read_table(catalog, ["source_id", *(name for name in wanted if name in present)]).set_index("source_id")
    numbers = table.select_dtypes("number").astype(float)
    spread, size = numbers.std(), numbers.abs().mean().clip(lower=1)
    # Rounding makes a constant column vary a little.
    numbers = numbers.loc[:, spread > 1e-9 * size]
    if not numbers.shape[1]:
        raise ValueError(f"the catalog has none of {', '.join(wanted)} as numbers that vary")
    return numbers


def covariate_scores(
    covariates: pd.DataFrame, trained: NDArray, sides: NDArray, held_out: NDArray
) -> NDArray[np.float64]:
    """Scores of held-out galaxies by a ridge regression of the side on covariates, their squares and products.

    Parameters
    ----------
    covariates
        by `source_id`; a galaxy that lacks one has its mean instead.
    trained, sides
        (n,) identifiers and sides (0 and 1) of the galaxies that the regression is fitted to.
    held_out
        (m,) identifiers of the galaxies that get a score.
    """
    fitted, scored = (covariates.reindex(ids).to_numpy(float) for ids in (trained, held_out))
    known = np.isfinite(fitted)
    # Columns without a known value among the fitted have no weight.
    mean = np.where(known, fitted, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    spread = np.sqrt(np.where(known, (fitted - mean) ** 2, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    columns, weights = _quadratic((fitted - mean) / np.where(spread > 0, spread, np.inf)), sides - sides.mean()
    centre = columns.mean(axis=0)
    columns = columns - centre
    penalty = _PENALTY * len(columns) * np.eye(columns.shape[1])
    coefficients = np.linalg.solve(columns.T @ columns + penalty, columns.T @ weights)
    scores = (_quadratic((scored - mean) / np.where(spread > 0, spread, np.inf)) - centre) @ coefficients
    return np.asarray(scores, np.float64)


def _quadratic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.where(np.isfinite(values), values, 0.0)
    first, second = np.triu_indices(values.shape[1])
    return np.hstack([values, values[:, first] * values[:, second]])
