"""Many statistics on the same permuted skies: p-values that know how alike the statistics are."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def step_down(observed: ArrayLike, null: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p-values (m,) of the step-down maximum (Westfall & Young 1993, Resampling-Based Multiple Testing).

    Statistics are taken from the largest down; each is compared with the largest, in every null sky, of itself and of
    all that are smaller, and adjusted p-values may not fall on the way down. The chance of any false alarm is kept
    below the level for any dependence between the statistics, and with less loss than Holm's where they go together.
    The observed sky counts as one of the null: p = (b + 1)/(B + 1).

    Parameters
    ----------
    observed
        (m,) statistics, large ones being extreme: |z| for two-sided tests. They should be of like scale, for the
        largest decides.
    null
        (B, m) the same statistics in B skies without any effect, each row of one sky.

    Raises
    ------
    ValueError
        where shapes do not fit, there is no sky or no statistic, or a number is missing.
    """
    observed, null = np.asarray(observed, float), np.asarray(null, float)
    if observed.ndim != 1 or null.ndim != 2 or null.shape[1] != len(observed):
        raise ValueError(f"null statistics {null.shape} do not belong to observed ones {observed.shape}")
    if not observed.size or not len(null):
        raise ValueError("there is nothing to adjust: no statistic or no null sky")
    if np.isnan(observed).any() or np.isnan(null).any():
        raise ValueError("a statistic is missing")
    order = np.argsort(-observed, kind="stable")
    largest = np.maximum.accumulate(null[:, order[::-1]], axis=1)[:, ::-1]
    # Statistics that differ only by rounding count as equal.
    reached = largest >= observed[order] - 1e-9 * np.abs(observed[order])
    adjusted = np.empty(len(observed))
    adjusted[order] = np.maximum.accumulate((reached.sum(axis=0) + 1) / (len(null) + 1))
    return adjusted
