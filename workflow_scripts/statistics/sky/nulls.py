"""Nulls of the sky dipole: permuted labels, random signs, and blocks of sky.

Permutations are numbers of labels in each pixel. What is compared with them is the same function of the same pixel
counts (each galaxy stands at the mean direction of its pixel), so that the permutation p is exact whatever the pixel
size; the closed forms stand beside it with every galaxy at its own position.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.statistics.p_values import upper_p
from workflow_scripts.statistics.sky.axis_scan import dipole_scan
from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION, Dipole, dipole
from workflow_scripts.statistics.sky.sequential_permutations import sequential_p
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues

# Cells (skies x pixels) drawn at once: 32 MB of counts, whatever the number of permutations.
_CELLS_AT_ONCE = 4_000_000
# Skies after which a sequential test may stop.
_SKIES_AT_ONCE = 250
# Where so few galaxies a pixel are drawn, out of so few a pixel, they are drawn one by one: 4 to 8 times as fast.
_FEW_DRAWN, _FEW = 10, 40
# Sums of the same numbers in another order differ by so much of the statistic.
ROUNDING = 1e-9


@dataclass(frozen=True)
class DipoleScoreTest(Dipole):
    """Centred dipole x = mean + beta . n, every galaxy at its own position, and its permutation null.

    `amplitude` is |beta|, which is positive also without a dipole, `axis` the unit vector along beta, and `condition`
    the condition number of the matrix of positions: large where the mask hides a direction. `q_pixels` is the
    statistic that is compared with `null` (draws,), and `p_permutation` the share of skies that reach it.
    """

    amplitude: float
    axis: NDArray[np.float64]
    condition: float
    q_pixels: float
    p_permutation: float
    null: NDArray[np.float64]


@dataclass(frozen=True)
class RandomSignTest:
    """The paper-style scanned sigma and its null of random signs.

    `max_sigma`, `axis` and `p` (chi, 3 dof) have every galaxy at its own position. `max_sigma_pixels` is what is
    compared with `null` (draws,), the largest sigma of skies of random signs; `p_monte_carlo` is the share that
    reach it.
    """

    max_sigma: float
    axis: NDArray[np.float64]
    p: float
    max_sigma_pixels: float
    p_monte_carlo: float
    null: NDArray[np.float64]


def dipole_score_test(
    positions: PixelPositions, values: PixelValues, permutations: int, seed: int, enough: int | None = None
) -> DipoleScoreTest:
    """Test of the centred dipole with the exact permutation null.

    U = sum (x_i - xbar)(n_i - nbar), M = sum (n_i - nbar)(n_i - nbar)^T, and Q = U^T M^-1 U / s^2 with s^2 the variance
    of x. Under permutation Cov(U) = N/(N - 1) s^2 M exactly, so that the mean of Q is 3 N/(N - 1).

    Parameters
    ----------
    positions, values
        the same galaxies in the same pixels; values are labels 0/1, signs -1/+1 or differences -1/0/1.
    permutations, seed
        random permutations of the values over all galaxies, beside the observed one: p = (b + 1)/(B + 1).
    enough
        so many permutations that reach the observed Q settle its p (see `sequential_p`); None draws all.

    Raises
    ------
    ValueError
        for other values, values that are all the same, fewer than five galaxies, fewer than one permutation, or
        galaxies or pixels on too small a part of the sky.
    """
    labels = signed_counts(positions, values)
    return tested_against(positions, values, permuted_totals(positions, labels, permutations, seed), enough)


def tested_against(
    positions: PixelPositions, values: PixelValues, skies: Iterable[NDArray], enough: int | None
) -> DipoleScoreTest:
    """The centred dipole of values beside the same of permuted `skies`, sums (skies, occupied pixels) of the values.

    Sums may be of the values less any constant; `enough` as in `dipole_score_test`. Raises `ValueError` as that.
    """
    closed = dipole(positions.sums, values.sums)
    directions, matrix = centred_pixels(positions)
    inverse = np.linalg.inv(matrix) / (values.sums.squares / positions.n - closed.mean**2)
    # Values less their mean: where they are nearly alike, their sums would hide what differs.
    score = (values.totals - closed.mean * positions.counts)[positions.counts > 0] @ directions
    q_pixels = float(score @ inverse @ score)
    drawn = (quadratic_forms(totals @ directions, inverse) for totals in skies)
    p_permutation, null = sequential_p(drawn, q_pixels * (1 - ROUNDING), enough)
    return DipoleScoreTest(
        **vars(closed),
        amplitude=float(np.linalg.norm(closed.beta)),
        axis=direction_of(closed.beta),
        condition=float(np.linalg.cond(positions.sums.centred)),
        q_pixels=q_pixels,
        p_permutation=p_permutation,
        null=null,
    )


def random_sign_test(positions: PixelPositions, signs: PixelValues, draws: int, seed: int) -> RandomSignTest:
    """The paper-style statistic and its own null, in which every galaxy gets +1 or -1 with equal chances.

    The largest sigma of a sky is sqrt(S^T T^-1 S) with S = sum d_i n_i and T = sum n_i n_i^T (see `axis_scan`), so the
    Monte Carlo over signs needs only the binomial number of +1 in each pixel. It stands for comparison: unequal labels
    on a partial sky fool it.

    Raises `ValueError` for signs other than -1 and +1, fewer than four galaxies, or galaxies or pixels in one plane.
    """
    plus, minus = signed_counts(positions, signs)
    occupied = positions.counts > 0
    counts = positions.counts[occupied]
    if not np.array_equal(plus + minus, counts):
        raise ValueError("the paper-style statistic needs a sign, -1 or +1, for every galaxy")
    need_positive(draws)
    closed = dipole_scan(positions.sums, signs.sums)
    directions = positions.mean_vectors()[occupied]
    second = (directions * counts[:, None]).T @ directions
    if not np.linalg.cond(second) < LARGEST_CONDITION:
        raise ValueError("the pixels lie in one plane: no axis can be scanned")
    inverse = np.linalg.inv(second)
    score = (plus - minus) @ directions
    observed = float(np.sqrt(score @ inverse @ score))
    squares = [quadratic_forms(scores, inverse) for scores in _random_sign_scores(counts, directions, draws, seed)]
    null = np.sqrt(np.concatenate(squares))
    return RandomSignTest(
        closed.max_sigma, closed.axis, closed.global_p, observed, upper_p(null, observed, exact=False), null
    )


def _random_sign_scores(
    counts: NDArray[np.int64], directions: NDArray[np.float64], draws: int, seed: int
) -> Iterator[NDArray[np.float64]]:
    """S = sum d_i n_i (skies, 3) of random signs, every galaxy at the mean direction of its pixel."""
    random, n = np.random.default_rng(seed), int(counts.sum())
    one_by_one = n <= _FEW_DRAWN * len(counts)
    of_galaxies = np.repeat(directions, counts, axis=0) if one_by_one else directions
    for size in batches_of_skies(draws, n if one_by_one else len(counts)):
        if one_by_one:
            # A bit a galaxy: 10 times as fast as a binomial number a pixel.
            drawn = np.frombuffer(random.bytes(size * (-(-n // 8))), np.uint8).reshape(size, -1)
            yield 2.0 * np.unpackbits(drawn, axis=1)[:, :n] @ of_galaxies - of_galaxies.sum(axis=0)
        else:
            yield (2 * random.binomial(counts, 0.5, size=(size, len(counts))) - counts) @ directions


def signed_counts(positions: PixelPositions, values: PixelValues) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Galaxies with +1 and with -1 in each pixel that has galaxies, in the order of the pixels.

    They follow from sums of x and x^2 where x is -1, 0 or 1. Raises `ValueError` where it is not, and where positions
    and values are of different galaxies.
    """
    check_same_pixels(positions, values)
    occupied = positions.counts > 0
    totals, squares = values.totals[occupied], values.squares[occupied]
    plus, minus = np.rint((squares + totals) / 2), np.rint((squares - totals) / 2)
    exact = np.allclose(plus + minus, squares, rtol=0, atol=1e-6) and np.allclose(plus - minus, totals, 0, 1e-6)
    if not exact or np.any(plus < 0) or np.any(minus < 0) or np.any(plus + minus > positions.counts[occupied]):
        raise ValueError("permutations need labels 0 and 1, signs -1 and +1, or differences -1, 0 and 1")
    return plus.astype(np.int64), minus.astype(np.int64)


def permuted_totals(
    positions: PixelPositions, labels: tuple[NDArray[np.int64], NDArray[np.int64]], permutations: int, seed: int
) -> Iterator[NDArray[np.int64]]:
    """Sums of x in each pixel that has galaxies, for random permutations of x over all galaxies.

    Yields (skies, occupied pixels) arrays that hold `permutations` skies together. `labels` are `signed_counts`: where
    there is a -1, the galaxies with x != 0 are drawn first, and those with +1 among them. The same seed gives the same
    skies, so that several statistics can share them.
    """
    need_positive(permutations)
    counts = positions.counts[positions.counts > 0]
    n_plus, n_minus = int(labels[0].sum()), int(labels[1].sum())
    drawn = min(n_plus + n_minus, positions.n - n_plus - n_minus) if not n_minus else n_plus + n_minus
    one_by_one = drawn <= _FEW_DRAWN * len(counts) and positions.n <= _FEW * len(counts)
    yield from (_chosen if one_by_one else _counted)(counts, n_plus, n_minus, permutations, seed)


def _counted(
    counts: NDArray[np.int64], n_plus: int, n_minus: int, permutations: int, seed: int
) -> Iterator[NDArray[np.int64]]:
    """Permuted sums, each sky drawn as multivariate hypergeometric numbers."""
    # A generator for each of the two draws: results do not depend on how many skies are drawn at once.
    outer, inner = np.random.default_rng(seed).spawn(2)
    for size in batches_of_skies(permutations, len(counts)):
        drawn = outer.multivariate_hypergeometric(counts, n_plus + n_minus, size=size, method="marginals")
        if n_minus:
            plus = [inner.multivariate_hypergeometric(sky, n_plus, method="marginals") for sky in drawn]
            drawn = 2 * np.array(plus) - drawn
        yield drawn


def _chosen(
    counts: NDArray[np.int64], n_plus: int, n_minus: int, permutations: int, seed: int
) -> Iterator[NDArray[np.int64]]:
    """The same skies in distribution, their galaxies chosen one by one; of two classes, those of the rarer one."""
    n, n_pixels = int(counts.sum()), len(counts)
    pixels, random = np.repeat(np.arange(n_pixels), counts), np.random.default_rng(seed)
    others = not n_minus and 2 * n_plus > n
    number = n - n_plus if others else n_plus + n_minus
    for size in batches_of_skies(permutations, n_pixels):
        skies = np.empty((size, n_pixels), np.int64)
        for sky in skies:
            # In random order only where the first ones are to be +1.
            chosen = pixels[random.choice(n, number, replace=False, shuffle=n_minus > 0)]
            if n_minus:
                sky[:] = np.bincount(chosen[:n_plus], minlength=n_pixels)
                sky -= np.bincount(chosen[n_plus:], minlength=n_pixels)
            else:
                sky[:] = np.bincount(chosen, minlength=n_pixels)
        yield counts - skies if others else skies


def batches_of_skies(number: int, n_pixels: int) -> Iterator[int]:
    """Sizes of parts of `number` skies, few enough that a sequential test can stop early."""
    return batches(number, max(n_pixels, _CELLS_AT_ONCE // _SKIES_AT_ONCE))


def centred_pixels(positions: PixelPositions) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean directions of the occupied pixels about the mean of all galaxies (p, 3), and their matrix M (3, 3)."""
    occupied = positions.counts > 0
    sums = positions.sums
    directions = positions.mean_vectors()[occupied] - sums.first / sums.n
    matrix = (directions * positions.counts[occupied, None]).T @ directions
    if not np.linalg.cond(matrix) < LARGEST_CONDITION:
        raise ValueError("the galaxies lie in too few pixels for a dipole")
    return directions, matrix


def check_same_pixels(positions: PixelPositions, values: PixelValues) -> None:
    """Raise `ValueError` where positions and values are not of the same galaxies in the same pixels."""
    if positions.counts.shape != values.totals.shape:
        raise ValueError("positions and values have different pixels")
    if not (np.isfinite(values.totals).all() and np.isfinite(values.squares).all()):
        raise ValueError("a value is missing or infinite")
    if np.any(values.squares[positions.counts == 0] != 0):
        raise ValueError("there are values in pixels without galaxies")


def batches(number: int, width: int) -> Iterator[int]:
    """Sizes of parts of `number` rows of `width` cells, small enough for memory."""
    most = max(1, _CELLS_AT_ONCE // width)
    for start in range(0, number, most):
        yield min(most, number - start)


def quadratic_forms(rows: NDArray, matrix: NDArray) -> NDArray[np.float64]:
    """r^T matrix r of every row r (b, 3)."""
    return np.einsum("bi,bi->b", rows @ matrix, rows)


def need_positive(number: int) -> None:
    """Raise `ValueError` for fewer than one random sky."""
    if number < 1:
        raise ValueError("at least one random sky is needed")


def direction_of(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vector's direction; the north pole where it has none."""
    norm = np.linalg.norm(vector)
    return vector / norm if norm > 0 else np.array([0.0, 0.0, 1.0])
