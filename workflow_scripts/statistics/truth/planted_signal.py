"""Does a true dipole of morphology survive what was done to the annotations: one that is planted by weights.

A galaxy at v of the true class c = 1 gets the weight (f + A x)/f, one of c = 0 the weight (1 - f - A x)/(1 - f), with
f the true fraction, x = (v - vbar) . e and A the amplitude along e: the weighted sky has the fraction f + A x, and as
many galaxies everywhere as before. Annotations y are those that networks gave, so that nothing is trained anew. The
weights minus one are A x h with h = (c - f)/(f (1 - f)), so what a number linear in y changes by is that number of
A x h (y - ybar), and the change over A does not depend on A. For labels its expectation is the true- minus the
false-positive rate, in all directions.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION

# Share of a true dipole that has to survive a remedy.
LEAST_KEPT = 0.8
_Values = NDArray[np.float64]


def planted_change(
    values: ArrayLike, truth: ArrayLike, vectors: ArrayLike, remedy: Callable[[_Values], _Values] | None = None
) -> NDArray[np.float64]:
    """The matrix (k, k) of what the dipole changes by, over what was planted: column j is of a unit dipole along j.

    Parameters
    ----------
    values
        (n,) annotations, labels or scores.
    truth
        (n,) true classes 0 or 1.
    vectors
        (n, k) components of the positions, those that the sky constrains.
    remedy
        what was done to values afterwards, linear, (n,) -> (n,); None for nothing.

    Raises
    ------
    ValueError
        for a truth other than 0 and 1, of one class alone, or positions on a part of the sky too small for a dipole.
    """
    y, c, v = np.asarray(values, float), np.asarray(truth, float), np.asarray(vectors, float)
    if y.shape != c.shape or v.shape[:1] != c.shape or not np.isin(c, (0.0, 1.0)).all():
        raise ValueError("annotations, true classes 0 or 1, and positions must be of the same galaxies")
    f = c.mean() if len(c) else 0.0
    if not 0 < f < 1:
        raise ValueError("there are no galaxies of one of the true classes: no dipole of them can be planted")
    centred = v - v.mean(axis=0)
    matrix = centred.T @ centred
    if not np.linalg.cond(matrix) < LARGEST_CONDITION:
        raise ValueError("the galaxies lie on a part of the sky too small for a dipole")
    planted = ((c - f) / (f * (1 - f)) * (y - y.mean()))[:, None] * centred
    if remedy is not None:
        planted = np.column_stack([remedy(column) for column in planted.T])
    return np.asarray(np.linalg.solve(matrix, centred.T @ planted), np.float64)


def least_kept(untreated: ArrayLike, treated: ArrayLike) -> tuple[float, NDArray[np.float64]]:
    """What is kept, of what the untreated annotations keep, along the direction (k,) in which that is least.

    `untreated` and `treated` (k, k) are `planted_change`, as a rule means over runs. Raises `ValueError` where the
    untreated annotations keep nothing along some direction.
    """
    before, after = np.asarray(untreated, float), np.asarray(treated, float)
    if not np.linalg.cond(before) < 1e6:
        raise ValueError("the untreated annotations keep nothing of a dipole along some direction")
    kept = np.linalg.solve(before.T, after.T).T
    values, directions = np.linalg.eigh((kept + kept.T) / 2)
    return float(values[0]), directions[:, 0]
