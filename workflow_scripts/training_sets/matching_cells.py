"""Matching cells: galaxies with the same binned covariates, and how many of each cell a training set gets."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.errors import InputError

# Bins away that a cell counts as when only one of two cells knows a covariate: farther than any real pair, but finite.
_UNKNOWN_DISTANCE = 100.0
# The covariate that is a cell of the sky: any two are equally far apart, and closer than other bins of a covariate.
SKY_CELL = "sky cell"
_OTHER_PLACE = 0.5
_NOT_COVARIATES = ("source_id", "label", "split")


class Cells(NamedTuple):
    """The cell of every galaxy.

    `number` (n,): the galaxy's cell, counted from 0. `bins` (cells, covariates): each cell's bin in each covariate, NaN
    where the covariate is not known. `covariates`: their names.
    """

    number: NDArray[np.int64]
    bins: NDArray[np.float64]
    covariates: tuple[str, ...]

    def describe(self, cell: int) -> str:
        """A cell in words, like `magnitude bin 33, redshift unknown`."""
        words = [
            f"{name} unknown" if np.isnan(value) else f"{name}{'' if name == SKY_CELL else ' bin'} {int(value)}"
            for name, value in zip(self.covariates, self.bins[cell], strict=True)
        ]
        return ", ".join(words) or "all galaxies"

    def distances(self, cell: int) -> NDArray[np.float64]:
        """Squared distance (cells,), in bins, of all cells from one."""
        apart = (self.bins - self.bins[cell]) ** 2
        if SKY_CELL in self.covariates:
            place = self.covariates.index(SKY_CELL)
            apart[:, place] = np.where(apart[:, place] > 0, _OTHER_PLACE, 0.0)
        unknown, here = np.isnan(self.bins), np.isnan(self.bins[cell])
        return np.where(unknown & here, 0.0, np.where(unknown | here, _UNKNOWN_DISTANCE, apart)).sum(axis=1)


def matching_cells(galaxies: pd.DataFrame, bins: Mapping[str, Any] | None, name: str) -> Cells:
    """Sort galaxies into cells.

    Parameters
    ----------
    bins
        covariate -> width of its bins, or `{log10: width}` for bins in its logarithm. Values that are missing (or, in
        a logarithm, not positive) form a bin of their own.
    name
        the footprint's name, for messages.

    Raises
    ------
    InputError
        for a covariate that the catalog does not have, or that is not a number.
    """
    bins = bins or {}
    binned = np.empty((len(galaxies), len(bins)))
    for index, (column, width) in enumerate(bins.items()):
        values = _covariate(galaxies, column, name)
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = np.log10(values) / width["log10"] if isinstance(width, Mapping) else values / width
        binned[:, index] = np.where(np.isfinite(scaled), np.floor(scaled), np.nan)
    # NaN would make every row its own; below all bins, it is one bin like the others.
    known = np.where(np.isnan(binned), -np.inf, binned)
    rows, number = np.unique(known, axis=0, return_inverse=True)
    return Cells(number.reshape(-1).astype(np.int64), np.where(np.isinf(rows), np.nan, rows), tuple(bins))


def cell_quotas(counts: NDArray[np.int64], per_class: int) -> NDArray[np.int64]:
    """How many galaxies of each cell a class gets: `per_class` in all, in proportion to `counts` (cells,).

    By largest remainder; of equal remainders, the lower cell's comes first.
    """
    exact = counts / counts.sum() * per_class
    quotas = np.floor(exact).astype(np.int64)
    largest = np.argsort(-(exact - quotas), kind="stable")
    quotas[largest[: per_class - quotas.sum()]] += 1
    return quotas


def _covariate(galaxies: pd.DataFrame, column: str, name: str) -> NDArray[np.float64]:
    numeric = [
        known
        for known in galaxies.columns
        if known not in _NOT_COVARIATES and pd.api.types.is_numeric_dtype(galaxies[known])
    ]
    if column not in numeric:
        problem = "is not a number" if column in galaxies else "does not exist"
        raise InputError(
            f"footprints.{name}, matching: the catalog's column '{column}' {problem},"
            f" expected one of {', '.join(numeric)}"
        )
    return galaxies[column].to_numpy(float, na_value=np.nan)
