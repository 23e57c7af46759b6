"""Permutations of any numbers over galaxies: scores between 0 and 1, or whatever else is not a label.

A permutation of N numbers over the galaxies of a sky is the numbers in random order, cut where pixels begin: neither
the galaxies' order nor which of a pixel's galaxies has which number matters to sums over pixels. For labels, `nulls`
draws the numbers of each pixel directly, which is faster.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.sky.nulls import (
    DipoleScoreTest,
    batches_of_skies,
    check_same_pixels,
    need_positive,
    tested_against,
)
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues


def permuted_value_totals(
    positions: PixelPositions, values: ArrayLike, permutations: int, seed: int
) -> Iterator[NDArray[np.float64]]:
    """Sums of the values in each pixel that has galaxies, for random permutations of them over all galaxies.

    Yields (skies, occupied pixels) arrays that hold `permutations` skies together. `values` (n,) are of the galaxies of
    `positions`, in any order: all orders give the same skies. The same seed gives the same skies however many are
    drawn at once, so that several statistics of one column can share them.

    Raises `ValueError` for a number of values that is not that of the galaxies, NaN, or fewer than one permutation.
    """
    need_positive(permutations)
    # Sorted, so that the order of a table's rows changes nothing. Shuffling a shuffled sky again is as random.
    sky = np.sort(_checked(positions, values))
    counts = positions.counts[positions.counts > 0]
    starts = np.cumsum(counts) - counts
    random = np.random.default_rng(seed)
    for size in batches_of_skies(permutations, len(counts)):
        totals = np.empty((size, len(counts)))
        for row in totals:
            random.shuffle(sky)
            np.add.reduceat(sky, starts, out=row)
        yield totals


def value_dipole_test(
    positions: PixelPositions,
    sums: PixelValues,
    values: ArrayLike,
    permutations: int,
    seed: int,
    enough: int | None = None,
) -> DipoleScoreTest:
    """`nulls.dipole_score_test` for values of any kind: the centred dipole and its exact permutation null.

    Parameters
    ----------
    positions, sums
        the same galaxies in the same pixels.
    values
        (n,) the values of those galaxies, in any order.
    permutations, seed
        random permutations of the values over all galaxies, beside the observed one: p = (b + 1)/(B + 1). Each takes
        some 10 ms for a million galaxies.
    enough
        so many permutations that reach the observed Q settle its p (see `sequential_p`); None draws all.

    Raises
    ------
    ValueError
        for values that are not those of `sums`, values that are all the same, NaN, fewer than five galaxies, fewer than
        one permutation, or galaxies or pixels on too small a part of the sky.
    """
    values = _checked(positions, values)
    check_same_pixels(positions, sums)
    scale = np.sqrt(max(sums.sums.squares, float(values @ values)) * positions.n)
    if not np.isclose(values.sum(), sums.sums.total, rtol=0, atol=1e-9 * scale) or not np.isclose(
        values @ values, sums.sums.squares, rtol=1e-9
    ):
        raise ValueError("the values are not those that were summed over pixels")
    # Less their mean, as the observed ones.
    skies = permuted_value_totals(positions, values - sums.sums.total / positions.n, permutations, seed)
    return tested_against(positions, sums, skies, enough)


def _checked(positions: PixelPositions, values: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(values, float)
    if values.shape != (positions.n,):
        raise ValueError(f"{values.size} values do not belong to {positions.n} galaxies")
    if not np.isfinite(values).all():
        raise ValueError("a value is missing or infinite")
    return values
