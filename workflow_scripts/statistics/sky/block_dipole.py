"""The sky dipole with blocks of sky as the unit: for labels that neighbours share.

The size of the blocks is chosen from the positions alone (`sky_blocks`), before any label is looked at: the largest
that leave enough of them. It holds for clustering that is short against a block, and, by a correction for what blocks
have in common across their borders, for Gaussian clustering exp(-r^2 / 2 L^2) of up to `LONGEST_CLUSTERING_DEG`.
Clustering over longer distances looks like a dipole to any test of one sky.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats
from scipy.spatial import cKDTree

from workflow_scripts.statistics.log_p import log10_p_f
from workflow_scripts.statistics.p_values import upper_p
from workflow_scripts.statistics.runs.power import noncentral_f_power, required_noncentrality
from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION, dipole
from workflow_scripts.statistics.sky.nulls import (
    batches,
    centred_pixels,
    check_same_pixels,
    direction_of,
    need_positive,
)
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues

SMALLEST_NUMBER_OF_BLOCKS = 12
LONGEST_CLUSTERING_DEG = 3.0
# Blocks that only see dipoles so many times larger than galaxies do are no evidence against what galaxies see.
LARGEST_DETECTABLE_RATIO = 2.0


@dataclass(frozen=True)
class BlockDipoleTest:
    """Centred dipole with blocks of sky as the unit: for labels that neighbours share.

    `beta` (k,) and its `covariance` (k, k), from leaving out a block at a time; `f` with `dof` and `p` for the test,
    and `p_wild` from random signs of the blocks. `effective_blocks` = (sum N_g)^2 / sum N_g^2 is well below `n_blocks`
    where a few blocks hold most galaxies: `p` is then too cautious, and `p_wild` the better one. `excess` is the
    variance between blocks over that of independent galaxies, and `shared` the factor by which clustering across the
    borders of blocks enlarges the variance (1 for none), which `f` is divided by; both are as without a dipole, which
    would add to the first. `shared_beside` is the factor beside the dipole that was found, for its interval.
    """

    beta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    axis: NDArray[np.float64]
    f: float
    dof: tuple[int, int]
    p: float
    log10_p: float
    p_wild: float
    n_blocks: int
    effective_blocks: float
    excess: float
    shared: float
    shared_beside: float

    def detectable_ratio(self, power: float, alpha: float) -> float:
        """Smallest dipole that this test finds with a power, over that which a test of independent galaxies finds.

        Of labels that are not clustered: by the degrees of freedom of effective blocks, and by `shared`.
        """
        k = self.dof[0]
        return float(np.sqrt(self.shared * _times_noncentrality(max(self.effective_blocks - k, 1.0), power, alpha, k)))


# The same for all columns of a catalog, and one root costs 3,000 sums.
@lru_cache(maxsize=1000)
def _times_noncentrality(rest: float, power: float, alpha: float, k: int) -> float:
    """Noncentrality that F with (k, rest) degrees of freedom needs, over that of chi-square with k."""
    known = required_noncentrality(power, alpha, k)

    def missing(times: float) -> float:
        return noncentral_f_power(times * known, (k, rest), alpha) - power  # type: ignore[arg-type]

    high = 2.0
    while missing(high) < 0 and high < 1e5:
        high *= 2
    return float(optimize.brentq(missing, 0.5, high, xtol=1e-6)) if high < 1e5 else high


def block_dipole_test(
    positions: PixelPositions,
    values: PixelValues,
    blocks: ArrayLike,
    draws: int,
    seed: int,
    across_borders: float = 1.0,
) -> BlockDipoleTest:
    """Test of the centred dipole that allows any correlation of the values within a block of sky.

    With u_g = sum over block g of (x_i - xbar)(n_i - nbar) and S the covariance of the u_g over G blocks,
    T^2 = G ubar^T S^-1 ubar and F = T^2 (G - k)/(k (G - 1)) with (k, G - k) degrees of freedom (Hotelling 1931,
    Ann. Math. Stat. 2, 360), k = 3 unless the sums are `along` fewer axes. S must have the mean of the u_g taken out:
    with G/(G - 1) sum u_g u_g^T in its place the same F is bounded, and hardly ever rejects with few
    blocks. `p_wild` gives the residuals of each block a random sign and estimates their mean again (wild cluster
    bootstrap with the null imposed: Cameron, Gelbach & Miller 2008, Rev. Econ. Stat. 90, 414).

    Parameters
    ----------
    positions, values
        the same galaxies in the same pixels, much finer than the blocks; values may be any numbers.
    blocks
        (p,) block of each pixel, for example from `coarser_pixels`; blocks without galaxies do not count. A block must
        be larger than the distance over which values are correlated; compare several sizes.
    draws, seed
        random signs beside the observed ones.
    across_borders
        `clustering_across_borders` of these blocks. Of the variance between blocks, what exceeds that of independent
        galaxies is multiplied by it, and F divided by the sum.

    Raises
    ------
    ValueError
        for fewer than 12 blocks with galaxies, values that are all the same, or too small a part of the sky.
    """
    blocks, occupied = np.asarray(blocks), positions.counts > 0
    check_same_pixels(positions, values)
    if blocks.shape != positions.counts.shape:
        raise ValueError(f"{blocks.size} blocks were given for {positions.counts.size} pixels")
    number, block = np.unique(blocks[occupied], return_inverse=True)
    k = positions.vectors.shape[1]
    n_blocks, dof = len(number), (k, len(number) - k)
    if n_blocks < SMALLEST_NUMBER_OF_BLOCKS:
        raise ValueError(f"{n_blocks} blocks with galaxies are too few: {SMALLEST_NUMBER_OF_BLOCKS} are needed")
    need_positive(draws)
    mean = dipole(positions.sums, values.sums).mean
    variance = values.sums.squares / positions.n - mean**2
    directions, matrix = centred_pixels(positions)
    counts, totals = positions.counts[occupied], values.totals[occupied]
    residuals, leverage = totals - mean * counts, _block_sums(block, counts[:, None] * directions)
    scores = _block_sums(block, residuals[:, None] * directions)
    share = float(_shares(scores.sum(axis=0)[None], (scores.T @ scores)[None])[0]) / n_blocks
    # share = T^2 / (T^2 + G - 1); rounding must not make it 1.
    share = min(share, 1 - 1e-12)
    excess = float(np.trace(np.linalg.solve(matrix, scores.T @ scores)) / (k * variance))
    shared = _across(across_borders, excess)
    odds = share / (1 - share) / shared
    share, f = odds / (1 + odds), odds * dof[1] / k
    null = _wild_shares(scores, leverage, np.bincount(block, residuals) / positions.n, draws, seed) / n_blocks
    beta = np.linalg.solve(matrix, scores.sum(axis=0))
    galaxies = np.bincount(block, weights=counts)
    beside = _block_sums(block, (residuals - counts * (directions @ beta))[:, None] * directions)
    # Equal blocks lose one of G to the fit.
    left = float(np.trace(np.linalg.solve(matrix, beside.T @ beside)) / (k * variance)) * n_blocks / (n_blocks - 1)
    return BlockDipoleTest(
        beta=beta,
        covariance=_jackknife_covariance(block, directions, counts, totals),
        axis=direction_of(beta),
        f=f,
        dof=dof,
        p=float(stats.f.sf(f, *dof)),
        log10_p=log10_p_f(f, dof),
        p_wild=upper_p(null, share, exact=False),
        n_blocks=n_blocks,
        effective_blocks=float(galaxies.sum() ** 2 / (galaxies**2).sum()),
        excess=excess,
        shared=shared,
        shared_beside=_across(across_borders, left),
    )


def _across(across_borders: float, excess: float) -> float:
    """The part of the variance that exceeds that of independent galaxies, enlarged; over the variance."""
    return 1 + (across_borders - 1) * max(0.0, 1 - 1 / excess)


def clustering_across_borders(
    positions: PixelPositions, blocks: ArrayLike, points: NDArray[np.float64], scale_deg: float = LONGEST_CLUSTERING_DEG
) -> float:
    """Variance of a dipole that clustering makes, over the part of it that blocks see as their own; 1 or more.

    With s_p = N_p (n_p - nbar) of the pixels and K = exp(-r^2 / 2 L^2), a field of covariance A K gives
    U = sum s_p c_p the covariance A G with G = sum over all pairs of pixels of K s_p s_q^T, and the sum over blocks of
    u_g u_g^T only the pairs within a block. The ratio of their traces, both over M.

    Parameters
    ----------
    positions
        as for `block_dipole_test`, along any axes.
    blocks
        (p,) block of each pixel.
    points
        (p, 3) unit vectors of the pixels, for their distances.
    scale_deg
        L, in degrees. Pixels must not be much wider.
    """
    occupied = positions.counts > 0
    block, at = np.asarray(blocks)[occupied], points[occupied]
    directions, matrix = centred_pixels(positions)
    # In the metric of M, so that traces are sums of products.
    weights = positions.counts[occupied, None] * directions @ np.linalg.inv(np.linalg.cholesky(matrix)).T
    length = np.radians(scale_deg)
    first, second = cKDTree(at).query_pairs(4 * length, output_type="ndarray").T
    squared = ((at[first] - at[second]) ** 2).sum(axis=1)
    products = np.exp(-squared / (2 * length**2)) * (weights[first] * weights[second]).sum(axis=1)
    own = (weights**2).sum()
    within = own + 2 * products[block[first] == block[second]].sum()
    return max(1.0, float((own + 2 * products.sum()) / within))


def _block_sums(block: NDArray, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([np.bincount(block, weights=column) for column in rows.T])


def _wild_shares(
    scores: NDArray[np.float64], leverage: NDArray[np.float64], residuals: NDArray[np.float64], draws: int, seed: int
) -> NDArray[np.float64]:
    """Shares (draws,) of random signs of the blocks: u*_g = eps_g u_g - m* h_g with m* the new mean of residuals.

    `scores` u_g (G, k), `leverage` h_g = sum (n_i - nbar) of the block (G, k), `residuals` of the block over N (G,).
    The h_g add up to nothing, so that a new mean changes the scatter of the u*_g and not their sum.
    """
    random = np.random.default_rng(seed)
    k = scores.shape[1]
    mixed = (scores[:, :, None] * leverage[:, None, :]).reshape(len(scores), k * k)
    null = []
    for size in batches(draws, 16 * len(scores)):
        signs = 2.0 * random.integers(0, 2, size=(size, len(scores))) - 1
        means = (signs @ residuals)[:, None, None]
        cross = (signs @ mixed).reshape(-1, k, k)
        scatter = scores.T @ scores - means * (cross + cross.transpose(0, 2, 1)) + means**2 * (leverage.T @ leverage)
        null.append(_shares(signs @ scores, scatter))
    return np.concatenate(null)


def _shares(sums: NDArray[np.float64], scatter: NDArray[np.float64]) -> NDArray[np.float64]:
    """U^T scatter^-1 U for each of the sums (b, k) and scatters (b, k, k)."""
    if not np.all(np.linalg.cond(scatter) < 1e12):
        raise ValueError("the values differ in too few blocks for a covariance between blocks")
    return np.einsum("bi,bi->b", sums, np.linalg.solve(scatter, sums[:, :, None])[:, :, 0])


def _jackknife_covariance(
    block: NDArray, directions: NDArray[np.float64], counts: NDArray, totals: NDArray
) -> NDArray[np.float64]:
    """Covariance of the dipole (k, k) from the fits that leave out one block each.

    (G - 1)/G sum (beta_(g) - beta)(beta_(g) - beta)^T (Efron & Stein 1981, Ann. Stat. 9, 586). The sandwich of
    residuals is smaller, because a block pulls the fit to itself, and its intervals cover too little.
    """
    design = np.column_stack([np.ones(len(directions)), directions])
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    normal = _block_sums(block, products * counts[:, None]).reshape(-1, design.shape[1], design.shape[1])
    right = _block_sums(block, design * totals[:, None])
    without = normal.sum(axis=0) - normal
    if not np.all(np.linalg.cond(without) < 100 * LARGEST_CONDITION):
        raise ValueError("a direction of the dipole is determined by one block alone")
    left_out = np.linalg.solve(without, (right.sum(axis=0) - right)[:, :, None])[:, :, 0]
    shift = (left_out - np.linalg.solve(normal.sum(axis=0), right.sum(axis=0)))[:, 1:]
    return shift.T @ shift * (len(normal) - 1) / len(normal)
