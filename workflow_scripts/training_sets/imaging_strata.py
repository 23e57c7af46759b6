"""Two strata of the imaging: galaxies that look as if they were in a footprint, and those that do not.

The propensity of a galaxy is P(it is in the footprint rather than elsewhere | its imaging), by a logistic regression on
the training pool (Rosenbaum & Rubin 1983, Biometrika 70, 41; strata of it: 1984, J. Am. Stat. Assoc. 79, 516). The
strata are cut at its median over the pool, so that opposite footprints have the same two.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.sky.footprints import contains, region_moc
from workflow_scripts.statistics.logistic import SeparatedError, fisher_scoring

# Deviations below this share of the mean, or of the largest principal component, are rounding.
_ROUNDING = 1e-6


class _Propensity(NamedTuple):
    """Linear predictor of imaging (n, k), less its median over the training pool."""

    mean: NDArray[np.float64]
    weights: NDArray[np.float64]
    median: float

    def stratum(self, imaging: NDArray[np.float64]) -> NDArray[np.int64]:
        # What is not known counts as the mean.
        centred = np.nan_to_num(imaging - self.mean, nan=0.0)
        return np.where(centred @ self.weights > self.median, 2, 1)


def stratum_of(pool: pd.DataFrame, footprint: Mapping[str, Any], galaxies: pd.DataFrame) -> NDArray[np.int64]:
    """The stratum, 1 or 2, of every galaxy (n,) by its imaging; 2 is that which looks like the footprint.

    Parameters
    ----------
    pool
        the galaxies of the training pool: `ra, dec` (ICRS degrees) and the imaging.
    footprint
        `name`, `region`, and `stratum` with the `columns` of the imaging.
    galaxies
        any galaxies with the columns of the imaging; what is not known of one counts as the mean of the pool.

    Raises
    ------
    InputError
        for a column that is missing or no number, imaging that is the same everywhere, and a footprint whose imaging
        is apart from that of all other galaxies.
    """
    columns, name = footprint["stratum"]["columns"], footprint["name"]
    moc = region_moc(footprint["region"], name=name)
    inside = contains(moc, pool["ra"].to_numpy(float), pool["dec"].to_numpy(float))
    return _propensity(_imaging(pool, columns, name), inside, columns, name).stratum(_imaging(galaxies, columns, name))


def divided_by_strata(
    pool: pd.DataFrame, covered: NDArray[np.bool_], numbers: Sequence[int], footprint: Mapping[str, Any]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which galaxies lie in the strata of members of a family, and how many of a class each training set gets.

    The two strata of a member share its `per_class` as its galaxies are divided between them, each class by itself, of
    which the smaller share counts: what a footprint can fill, its strata can.

    Parameters
    ----------
    pool
        training pool: `label` and the columns of the imaging.
    covered
        (members, n): whose region contains which galaxy.
    numbers
        stratum, 1 or 2, of each member.
    footprint
        as for `stratum_of`, with `matching`.

    Returns
    -------
    covered
        (members, n): galaxies that lie in the region, and in the stratum.
    per_class
        (members,)
    """
    columns, name = footprint["stratum"]["columns"], footprint["name"]
    imaging, labels = _imaging(pool, columns, name), pool["label"].to_numpy(np.int64)
    found: dict[bytes, NDArray[np.int64]] = {}
    within, sizes = [], []
    for inside, number in zip(covered, numbers, strict=True):
        if (key := inside.tobytes()) not in found:
            found[key] = _propensity(imaging, inside, columns, name).stratum(imaging)
        chosen = inside & (found[key] == number)
        shares = [np.sum(chosen & (labels == one)) / max(1, np.sum(inside & (labels == one))) for one in set(labels)]
        within.append(chosen)
        sizes.append(int(footprint["matching"]["per_class"] * min(shares) + 1e-9))
    return np.stack(within), np.array(sizes)


def _imaging(galaxies: pd.DataFrame, columns: Sequence[str], name: str) -> NDArray[np.float64]:
    for column in columns:
        if column not in galaxies or not pd.api.types.is_numeric_dtype(galaxies[column]):
            problem = "is not a number" if column in galaxies else "does not exist"
            raise InputError(f"footprints.{name}, strata: the catalog's column '{column}' {problem}")
    return np.column_stack([galaxies[column].to_numpy(float, na_value=np.nan) for column in columns])


def _propensity(
    imaging: NDArray[np.float64], inside: NDArray[np.bool_], columns: Sequence[str], name: str
) -> _Propensity:
    words = ", ".join(columns)
    known = np.isfinite(imaging)
    mean = np.array(
        [column[here].mean() if here.any() else 0.0 for column, here in zip(imaging.T, known.T, strict=True)]
    )
    centred = np.where(known, imaging - mean, 0.0)
    deviation = centred.std(axis=0)
    scale = np.where(deviation > _ROUNDING * np.abs(mean), deviation, np.inf)
    # Principal components: columns that follow from each other, such as seeing and depth, leave no direction undecided.
    _, lengths, directions = np.linalg.svd(centred / scale, full_matrices=False)
    kept = lengths > _ROUNDING * max(lengths[0], 1.0)
    if not kept.any():
        problem = f"{words} are the same for all galaxies, so that there is nothing to divide them by"
        raise InputError(f"footprints.{name}, strata: {problem}; expected `remedies` without strata")
    rotation = (directions[kept] / scale).T / (lengths[kept] / np.sqrt(len(imaging)))
    design = np.column_stack([np.ones(len(imaging)), centred @ rotation])
    try:
        fit = fisher_scoring(design, inside.astype(float), np.ones(len(imaging)))
    except SeparatedError:
        problem = f"{words} tell its galaxies from all others, so that no stratum has galaxies of both"
        raise InputError(f"footprints.{name}, strata: {problem}; expected `remedies` without strata") from None
    weights = rotation @ fit.coefficients[1:]
    return _Propensity(mean, weights, float(np.median(centred @ weights)))
