"""Nulls of the sky dipole: permuted labels, random signs, and blocks of sky.

Permutations are drawn as numbers of labels in each pixel, never galaxy by galaxy. What is compared with them is the
same function of the same pixel counts (each galaxy stands at the mean direction of its pixel), so that the permutation
p is exact whatever the pixel size; the closed forms stand beside it with every galaxy at its own position.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.axis_scan import dipole_scan
from workflow_scripts.statistics.dipole import LARGEST_CONDITION, dipole
from workflow_scripts.statistics.sky_pixels import PixelPositions, PixelValues

SMALLEST_NUMBER_OF_BLOCKS = 12

# Cells (skies x pixels) drawn at once: 32 MB of counts, whatever the number of permutations.
_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class DipoleScoreTest:
    """Centred dipole x = mean + beta . n, with galaxies as the unit.

    `beta` (3,), `covariance` (3, 3), `q` and `p` (chi-square, 3 dof) have every galaxy at its own position.
    `amplitude` is |beta|, which is positive also without a dipole, `axis` the unit vector along beta, and `condition`
    the condition number of the matrix of positions: large where the mask hides a direction. `q_pixels` is the
    statistic that is compared with `null` (permutations,), and `p_permutation` the share of skies that reach it.
    """

    mean: float
    beta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    amplitude: float
    axis: NDArray[np.float64]
    condition: float
    q: float
    p: float
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


@dataclass(frozen=True)
class BlockDipoleTest:
    """Centred dipole with blocks of sky as the unit: for labels that neighbours share.

    `beta` (3,) and its `covariance` (3, 3), from leaving out a block at a time; `f` with `dof` and `p` for the test,
    and `p_wild` from random signs of the blocks. `effective_blocks` = (sum N_g)^2 / sum N_g^2 is well below `n_blocks`
    where a few blocks hold most galaxies: `p` is then too cautious, and `p_wild` the better one.
    """

    beta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    amplitude: float
    axis: NDArray[np.float64]
    f: float
    dof: tuple[int, int]
    p: float
    p_wild: float
    n_blocks: int
    effective_blocks: float


def dipole_score_test(positions: PixelPositions, values: PixelValues, permutations: int, seed: int) -> DipoleScoreTest:
    """Test of the centred dipole with the exact permutation null.

    U = sum (x_i - xbar)(n_i - nbar), M = sum (n_i - nbar)(n_i - nbar)^T, and Q = U^T M^-1 U / s^2 with s^2 the variance
    of x. Under permutation Cov(U) = N/(N - 1) s^2 M exactly, so that the mean of Q is 3 N/(N - 1).

    Parameters
    ----------
    positions, values
        the same galaxies in the same pixels; values are labels 0/1, signs -1/+1 or differences -1/0/1.
    permutations, seed
        random permutations of the values over all galaxies, beside the observed one: p = (b + 1)/(B + 1).

    Raises
    ------
    ValueError
        for other values, values that are all the same, fewer than five galaxies, fewer than one permutation, or
        galaxies or pixels on too small a part of the sky.
    """
    labels = signed_counts(positions, values)
    closed = dipole(positions.sums, values.sums)
    directions, matrix = _centred_pixels(positions)
    variance = values.sums.squares / positions.n - closed.mean**2
    inverse = np.linalg.inv(matrix) / variance
    score = values.totals[positions.counts > 0] @ directions
    q_pixels = float(score @ inverse @ score)
    skies = permuted_totals(positions, labels, permutations, seed)
    null = np.concatenate([_quadratic(totals @ directions, inverse) for totals in skies])
    return DipoleScoreTest(
        mean=closed.mean,
        beta=closed.beta,
        covariance=closed.covariance,
        amplitude=float(np.linalg.norm(closed.beta)),
        axis=_unit(closed.beta),
        condition=float(np.linalg.cond(positions.sums.centred)),
        q=closed.q,
        p=closed.p,
        q_pixels=q_pixels,
        p_permutation=share_at_least(null, q_pixels),
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
    _need_positive(draws)
    closed = dipole_scan(positions.sums, signs.sums)
    directions = positions.mean_vectors()[occupied]
    second = (directions * counts[:, None]).T @ directions
    if not np.linalg.cond(second) < LARGEST_CONDITION:
        raise ValueError("the pixels lie in one plane: no axis can be scanned")
    inverse = np.linalg.inv(second)
    score = (plus - minus) @ directions
    observed = float(np.sqrt(score @ inverse @ score))
    random = np.random.default_rng(seed)
    squares = [
        _quadratic((2 * random.binomial(counts, 0.5, size=(size, len(counts))) - counts) @ directions, inverse)
        for size in _batches(draws, len(counts))
    ]
    null = np.sqrt(np.concatenate(squares))
    return RandomSignTest(
        closed.max_sigma, closed.axis, closed.global_p, observed, share_at_least(null, observed), null
    )


def block_dipole_test(
    positions: PixelPositions, values: PixelValues, blocks: ArrayLike, draws: int, seed: int
) -> BlockDipoleTest:
    """Test of the centred dipole that allows any correlation of the values within a block of sky.

    With u_g = sum over block g of (x_i - xbar)(n_i - nbar) and S the covariance of the u_g over G blocks,
    T^2 = G ubar^T S^-1 ubar and F = T^2 (G - 3)/(3 (G - 1)) with (3, G - 3) degrees of freedom (Hotelling 1931,
    Ann. Math. Stat. 2, 360). S must have the mean of the u_g taken out: with G/(G - 1) sum u_g u_g^T in its place the
    same F is bounded, and hardly ever rejects with few blocks. `p_wild` gives the residuals of each block a random
    sign and estimates their mean again (wild cluster bootstrap with the null imposed: Cameron, Gelbach & Miller 2008,
    Rev. Econ. Stat. 90, 414).

    Parameters
    ----------
    positions, values
        the same galaxies in the same pixels, much finer than the blocks; values may be any numbers.
    blocks
        (p,) block of each pixel, for example from `coarser_pixels`; blocks without galaxies do not count. A block must
        be larger than the distance over which values are correlated; compare several sizes.
    draws, seed
        random signs beside the observed ones.

    Raises
    ------
    ValueError
        for fewer than 12 blocks with galaxies, values that are all the same, or too small a part of the sky.
    """
    blocks, occupied = np.asarray(blocks), positions.counts > 0
    _same_pixels(positions, values)
    if blocks.shape != positions.counts.shape:
        raise ValueError(f"{blocks.size} blocks were given for {positions.counts.size} pixels")
    number, block = np.unique(blocks[occupied], return_inverse=True)
    n_blocks, dof = len(number), (3, len(number) - 3)
    if n_blocks < SMALLEST_NUMBER_OF_BLOCKS:
        raise ValueError(f"{n_blocks} blocks with galaxies are too few: {SMALLEST_NUMBER_OF_BLOCKS} are needed")
    _need_positive(draws)
    mean = dipole(positions.sums, values.sums).mean
    directions, matrix = _centred_pixels(positions)
    counts, totals = positions.counts[occupied], values.totals[occupied]
    residuals, leverage = totals - mean * counts, _block_sums(block, counts[:, None] * directions)
    scores = _block_sums(block, residuals[:, None] * directions)
    share = float(_shares(scores.sum(axis=0)[None], (scores.T @ scores)[None])[0]) / n_blocks
    # share = T^2 / (T^2 + G - 1); rounding must not make it 1.
    share = min(share, 1 - 1e-12)
    f = share / (1 - share) * dof[1] / 3
    null = _wild_shares(scores, leverage, np.bincount(block, residuals) / positions.n, draws, seed) / n_blocks
    beta = np.linalg.solve(matrix, scores.sum(axis=0))
    galaxies = np.bincount(block, weights=counts)
    return BlockDipoleTest(
        beta=beta,
        covariance=_jackknife_covariance(block, directions, counts, totals),
        amplitude=float(np.linalg.norm(beta)),
        axis=_unit(beta),
        f=f,
        dof=dof,
        p=float(stats.f.sf(f, *dof)),
        p_wild=share_at_least(null, share),
        n_blocks=n_blocks,
        effective_blocks=float(galaxies.sum() ** 2 / (galaxies**2).sum()),
    )


def coarser_pixels(n_pixels: int, n_blocks: int) -> NDArray[np.int64]:
    """Block (n_pixels,) of each nested HEALPix pixel, the blocks being pixels of a coarser map of `n_blocks` pixels.

    Raises `ValueError` where a coarse pixel is not 1, 4, 16, ... fine ones.
    """
    ratio = n_pixels // n_blocks if n_blocks > 0 else 0
    if ratio < 1 or ratio * n_blocks != n_pixels or ratio & (ratio - 1) or ratio.bit_length() % 2 == 0:
        raise ValueError(f"{n_pixels} nested pixels do not make up {n_blocks} coarser ones")
    return np.arange(n_pixels) // ratio


def signed_counts(positions: PixelPositions, values: PixelValues) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Galaxies with +1 and with -1 in each pixel that has galaxies, in the order of the pixels.

    Sums of x and x^2 tell them where x is -1, 0 or 1. Raises `ValueError` where it is not, and where positions and
    values are of different galaxies.
    """
    _same_pixels(positions, values)
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
    there is a -1, the galaxies with x != 0 are drawn first, and those with +1 among them, both multivariate
    hypergeometric. The same seed gives the same skies, so that several statistics can share them.
    """
    _need_positive(permutations)
    counts = positions.counts[positions.counts > 0]
    n_plus, n_minus = int(labels[0].sum()), int(labels[1].sum())
    # A generator for each of the two draws: results do not depend on how many skies are drawn at once.
    outer, inner = np.random.default_rng(seed).spawn(2)
    for size in _batches(permutations, len(counts)):
        drawn = outer.multivariate_hypergeometric(counts, n_plus + n_minus, size=size, method="marginals")
        if n_minus:
            plus = [inner.multivariate_hypergeometric(sky, n_plus, method="marginals") for sky in drawn]
            drawn = 2 * np.array(plus) - drawn
        yield drawn


def share_at_least(null: NDArray, observed: float) -> float:
    """(b + 1)/(B + 1) with b of the B null values at least as large as the observed one.

    Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9, 39. Values that differ only by rounding count as equal.
    """
    return (int((null >= observed - 1e-9 * abs(observed)).sum()) + 1) / (len(null) + 1)


def _centred_pixels(positions: PixelPositions) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean directions of the occupied pixels about the mean of all galaxies (p, 3), and their matrix M (3, 3)."""
    occupied = positions.counts > 0
    sums = positions.sums
    directions = positions.mean_vectors()[occupied] - sums.first / sums.n
    matrix = (directions * positions.counts[occupied, None]).T @ directions
    if not np.linalg.cond(matrix) < LARGEST_CONDITION:
        raise ValueError("the galaxies lie in too few pixels for a dipole")
    return directions, matrix


def _same_pixels(positions: PixelPositions, values: PixelValues) -> None:
    if positions.counts.shape != values.totals.shape:
        raise ValueError("positions and values have different pixels")
    if not (np.isfinite(values.totals).all() and np.isfinite(values.squares).all()):
        raise ValueError("a value is missing or infinite")
    if np.any(values.squares[positions.counts == 0] != 0):
        raise ValueError("there are values in pixels without galaxies")


def _batches(number: int, width: int) -> Iterator[int]:
    """Sizes of parts of `number` rows of `width` cells, small enough for memory."""
    most = max(1, _CELLS_AT_ONCE // width)
    for start in range(0, number, most):
        yield min(most, number - start)


def _block_sums(block: NDArray, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([np.bincount(block, weights=column) for column in rows.T])


def _wild_shares(
    scores: NDArray[np.float64], leverage: NDArray[np.float64], residuals: NDArray[np.float64], draws: int, seed: int
) -> NDArray[np.float64]:
    """Shares (draws,) of random signs of the blocks: u*_g = eps_g u_g - m* h_g with m* the new mean of residuals.

    `scores` u_g (G, 3), `leverage` h_g = sum (n_i - nbar) of the block (G, 3), `residuals` of the block over N (G,).
    The h_g add up to nothing, so that a new mean changes the scatter of the u*_g and not their sum.
    """
    random = np.random.default_rng(seed)
    mixed = (scores[:, :, None] * leverage[:, None, :]).reshape(len(scores), 9)
    null = []
    for size in _batches(draws, 16 * len(scores)):
        signs = 2.0 * random.integers(0, 2, size=(size, len(scores))) - 1
        means = (signs @ residuals)[:, None, None]
        cross = (signs @ mixed).reshape(-1, 3, 3)
        scatter = scores.T @ scores - means * (cross + cross.transpose(0, 2, 1)) + means**2 * (leverage.T @ leverage)
        null.append(_shares(signs @ scores, scatter))
    return np.concatenate(null)


def _shares(sums: NDArray[np.float64], scatter: NDArray[np.float64]) -> NDArray[np.float64]:
    """U^T scatter^-1 U for each of the sums (b, 3) and scatters (b, 3, 3)."""
    if not np.all(np.linalg.cond(scatter) < 1e12):
        raise ValueError("the values differ in too few blocks for a covariance between blocks")
    return np.einsum("bi,bi->b", sums, np.linalg.solve(scatter, sums[:, :, None])[:, :, 0])


def _jackknife_covariance(
    block: NDArray, directions: NDArray[np.float64], counts: NDArray, totals: NDArray
) -> NDArray[np.float64]:
    """Covariance of the dipole (3, 3) from the fits that leave out one block each.

    (G - 1)/G sum (beta_(g) - beta)(beta_(g) - beta)^T (Efron & Stein 1981, Ann. Stat. 9, 586). The sandwich of
    residuals is smaller, because a block pulls the fit to itself, and its intervals cover too little.
    """
    design = np.column_stack([np.ones(len(directions)), directions])
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), 16)
    normal = _block_sums(block, products * counts[:, None]).reshape(-1, 4, 4)
    right = _block_sums(block, design * totals[:, None])
    without = normal.sum(axis=0) - normal
    if not np.all(np.linalg.cond(without) < 100 * LARGEST_CONDITION):
        raise ValueError("a direction of the dipole is determined by one block alone")
    left_out = np.linalg.solve(without, (right.sum(axis=0) - right)[:, :, None])[:, :, 0]
    shift = (left_out - np.linalg.solve(normal.sum(axis=0), right.sum(axis=0)))[:, 1:]
    return shift.T @ shift * (len(normal) - 1) / len(normal)


def _quadratic(rows: NDArray, matrix: NDArray) -> NDArray[np.float64]:
    """r^T matrix r of every row r (b, 3)."""
    return np.einsum("bi,bi->b", rows @ matrix, rows)


def _need_positive(number: int) -> None:
    if number < 1:
        raise ValueError("at least one random sky is needed")


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vector's direction; the north pole where it has none."""
    norm = np.linalg.norm(vector)
    return vector / norm if norm > 0 else np.array([0.0, 0.0, 1.0])
