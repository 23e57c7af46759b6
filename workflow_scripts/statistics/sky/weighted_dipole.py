"""Sky tests of numbers with weights: completeness, inverse probabilities of selection, numbers of votes.

A galaxy at v_i (k components) has a number x_i and a weight w_i. With the means mu = sum w x / sum w and
vbar = sum w v / sum w, the coefficients of x on v are beta = M^-1 U, U = sum w (x - mu)(v - vbar) and
M = sum w (v - vbar)(v - vbar)^T. A weight makes a galaxy count more, and not for more galaxies: it enters the scatter
V = sum w^2 (x - mu)^2 (v - vbar)(v - vbar)^T by its square, and the covariance of beta is M^-1 V M^-1 (Binder 1983,
Int. Stat. Rev. 51, 279), with the residuals of the fit without a dependence, as for a score test. Q = U^T V^-1 U is
chi-square with k degrees of freedom where the weighted mean of x does not depend on position; the weights may depend
on position, on x, and on both.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.fractions import FractionContrast, wilson_interval
from workflow_scripts.statistics.p_values import upper_p
from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION, Dipole
from workflow_scripts.statistics.sky.nulls import ROUNDING, DipoleScoreTest, batches, direction_of, need_positive
from workflow_scripts.statistics.sky.sky_sums import Additive, PixelPositions

# Weights that are as good as fewer equal ones leave reference distributions without a meaning.
FEWEST_EFFECTIVE = 20.0


def checked_weights(weights: ArrayLike, number: int) -> NDArray[np.float64]:
    """Weights (n,) as numbers; `ValueError` where one is missing, infinite or negative, or all are zero."""
    w = np.asarray(weights, float)
    if w.shape != (number,) or not np.isfinite(w).all() or np.any(w < 0) or (number and not w.any()):
        raise ValueError("weights must be one a galaxy, finite, zero or more, and not all zero")
    return w


@dataclass(frozen=True)
class WeightedMoments(Additive):
    """Sums over `n` galaxies with a = (1, v): `weights` = sum w a a^T, `values` = sum w x a, `squared`.

    `squared` (3, k + 1, k + 1) = sum w^2 x^j a a^T for j = 0, 1, 2.
    """

    n: int
    weights: NDArray[np.float64]
    values: NDArray[np.float64]
    squared: NDArray[np.float64]

    @classmethod
    def of(cls, values: ArrayLike, weights: ArrayLike, vectors: ArrayLike) -> "WeightedMoments":
        """Sums of values (n,) with weights (n,) at vectors (n, k); `ValueError` for what is not a number."""
        x, v = np.asarray(values, float), np.asarray(vectors, float)
        if x.shape != (len(v),) or not np.isfinite(x).all():
            raise ValueError("values must be one a galaxy, and none may be missing or infinite")
        w = checked_weights(weights, len(x))
        a = np.column_stack([np.ones(len(v)), v])
        squared = np.array([a.T @ ((w**2 * x**power)[:, None] * a) for power in range(3)])
        return cls(len(x), a.T @ (w[:, None] * a), (w * x) @ a, squared)

    def components(self, chosen: list[int]) -> "WeightedMoments":
        """The same of some of the k components of v, by their numbers from 0."""
        kept = np.array([0, *(number + 1 for number in chosen)])
        block = np.ix_(kept, kept)
        return WeightedMoments(
            self.n, self.weights[block], self.values[kept], np.array([one[block] for one in self.squared])
        )

    def along(self, axes: NDArray[np.float64]) -> "WeightedMoments":
        """The same of the components of v along axes (m, k)."""
        turn = np.zeros((len(axes) + 1, axes.shape[1] + 1))
        turn[0, 0], turn[1:, 1:] = 1, axes
        return WeightedMoments(self.n, turn @ self.weights @ turn.T, turn @ self.values, turn @ self.squared @ turn.T)

    @property
    def mean(self) -> float:
        """Weighted mean of x."""
        return float(self.values[0] / self.weights[0, 0])

    @property
    def effective_n(self) -> float:
        """(sum w)^2 / sum w^2: as many galaxies of equal weight are as good (Kish 1965, Survey Sampling)."""
        return float(self.weights[0, 0] ** 2 / self.squared[0, 0, 0])

    def scatter(self) -> NDArray[np.float64]:
        """Sum w^2 (x - mu)^2 a a^T (k + 1, k + 1)."""
        mean = self.mean
        return np.asarray(self.squared[2] - 2 * mean * self.squared[1] + mean**2 * self.squared[0], np.float64)


def weighted_regression(
    moments: WeightedMoments,
    what: str = "dipole",
    on: str = "position",
    place: str = "on a part of the sky",
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], float]:
    """Mean, coefficients (k,), their covariance (k, k) and Q; with equal weights as `dipole.robust_dipole`.

    `what`, `on` and `place` are for error messages. Raises `ValueError` for weights that are as good as fewer than
    `FEWEST_EFFECTIVE` equal ones, a constant x, or positions that leave a component undetermined.
    """
    if moments.effective_n < FEWEST_EFFECTIVE:
        raise ValueError(
            f"the weights of {moments.n} galaxies are as good as {moments.effective_n:.0f} equal ones, too few for a"
            f" {what}"
        )
    total, mean = moments.weights[0, 0], moments.mean
    centre = moments.weights[0, 1:] / total
    matrix = moments.weights[1:, 1:] - total * np.outer(centre, centre)
    scatter = moments.scatter()
    if scatter[0, 0] <= 1e-15 * max(1.0, mean**2) * moments.squared[0, 0, 0]:
        raise ValueError(f"all values are the same: there is nothing that could depend on {on}")
    if np.trace(matrix) < 1e-9 * total or not np.linalg.cond(matrix) < LARGEST_CONDITION:
        raise ValueError(f"the galaxies lie {place} too small for a {what}")
    about = np.column_stack([-centre, np.eye(len(centre))])
    spread = about @ scatter @ about.T
    if not np.linalg.cond(spread) < 1e12:
        raise ValueError(f"too few galaxies differ from the mean: the error of a {what} cannot be estimated")
    score, inverse = moments.values[1:] - mean * moments.weights[0, 1:], np.linalg.inv(matrix)
    q = float(score @ np.linalg.solve(spread, score))
    return mean, inverse @ score, inverse @ spread @ inverse, q


def weighted_dipole(moments: WeightedMoments) -> Dipole:
    """Weighted dipole of values at unit vectors; raises `ValueError` as `weighted_regression`."""
    mean, beta, covariance, q = weighted_regression(moments)
    return Dipole(beta, covariance, q, float(stats.chi2.sf(q, len(beta))), mean)


def weighted_dipole_test(
    positions: PixelPositions,
    totals: NDArray[np.float64],
    moments: WeightedMoments,
    values: ArrayLike,
    weights: ArrayLike,
    permutations: int,
    seed: int,
) -> DipoleScoreTest:
    """The weighted dipole, and Q of random permutations of the pairs (x, w) over all galaxies.

    Q has its own V in every sky (it is studentised): p is exact where the pairs do not depend on position, and right
    for many galaxies where the weights do but the weighted mean of x does not (Chung & Romano 2013, Ann. Stat. 41,
    484).

    Parameters
    ----------
    positions
        the same galaxies, without weights.
    totals
        (3, p) by pixel: sum w, sum w x, and sum w^2 (x - mu)^2.
    moments
        of the galaxies' own unit vectors, for what is not compared with permuted skies.
    values, weights
        (n,) in any order.

    Raises
    ------
    ValueError
        as `weighted_regression`, for arrays that are not of these galaxies, or fewer than one permutation.
    """
    need_positive(permutations)
    closed = weighted_dipole(moments)
    x = np.asarray(values, float)
    w = checked_weights(weights, positions.n)
    if x.shape != w.shape or not np.isclose(w.sum(), moments.weights[0, 0]):
        raise ValueError("values and weights are not those that were summed over pixels")
    occupied = positions.counts > 0
    centre = positions.sums.first / positions.n
    sky = _PairSkies(positions.mean_vectors()[occupied] - centre)
    observed = float(sky.q(np.stack([totals[0], totals[1] - closed.mean * totals[0], totals[2]])[None, :, occupied])[0])
    score = w * (x - closed.mean)
    # Sorted, so that the order of a table's rows changes nothing.
    # One complex number a galaxy, which is shuffled as one. Shuffling a shuffled sky again is as random.
    pairs = (w + 1j * score)[np.lexsort((x, w))]
    counts = positions.counts[occupied]
    starts = np.cumsum(counts) - counts
    random = np.random.default_rng(seed)
    null = []
    for size in batches(permutations, 3 * len(counts)):
        drawn = np.empty((size, 3, len(counts)))
        for row in drawn:
            random.shuffle(pairs)
            both = np.add.reduceat(pairs, starts)
            row[0], row[1] = both.real, both.imag
            np.add.reduceat(np.square(pairs.imag), starts, out=row[2])
        null.append(sky.q(drawn))
    skies = np.concatenate(null)
    return DipoleScoreTest(
        **vars(closed),
        amplitude=float(np.linalg.norm(closed.beta)),
        axis=direction_of(closed.beta),
        condition=float(np.linalg.cond(closed.covariance)),
        q_pixels=observed,
        p_permutation=upper_p(skies, observed * (1 - ROUNDING), exact=False),
        null=skies,
    )


class _PairSkies:
    """Q of skies whose galaxies stand at the mean directions (p, k) of their pixels."""

    def __init__(self, directions: NDArray[np.float64]):
        a = np.column_stack([np.ones(len(directions)), directions])
        self.directions = directions
        self.products = (a[:, :, None] * a[:, None, :]).reshape(len(a), -1)

    def q(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """(skies,) from sums (skies, 3, p) of w, w (x - mu) and w^2 (x - mu)^2; infinite where these leave V open."""
        weights, score, squares = sums[:, 0], sums[:, 1] @ self.directions, sums[:, 2] @ self.products
        k = self.directions.shape[1]
        centre = (weights @ self.directions) / weights.sum(axis=1)[:, None]
        about = np.concatenate([-centre[:, :, None], np.broadcast_to(np.eye(k), (len(sums), k, k))], axis=2)
        spread = about @ squares.reshape(-1, k + 1, k + 1) @ about.transpose(0, 2, 1)
        known = np.linalg.cond(spread) < 1e12
        spread[~known] = np.eye(k)
        q = np.einsum("bi,bi->b", score, np.linalg.solve(spread, score[:, :, None])[:, :, 0])
        return np.asarray(np.where(known, q, np.inf), np.float64)


# Fractions: sums (5, ...) of w, w x, w^2, w^2 x and w^2 x^2 over the galaxies of a part.


def weighted_part(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The five products (5, n) whose sums describe a part."""
    squares = weights**2
    return np.stack([weights, weights * values, squares, squares * values, squares * values**2])


def weighted_fraction(part: ArrayLike) -> tuple[float, float]:
    """Weighted fraction of labels 0 and 1 in a part (5,), and the number of equal galaxies that are as good.

    That number makes the binomial variance f (1 - f)/n equal to sum w^2 (x - f)^2 / (sum w)^2; it is Kish's,
    (sum w)^2 / sum w^2, where all labels are the same. NaN and 0 for a part without weight.
    """
    w, wx, ww, wwx, wwxx = np.asarray(part, float)
    if not w > 0:
        return np.nan, 0.0
    f = float(np.clip(wx / w, 0, 1))
    variance = (wwxx - 2 * f * wwx + f**2 * ww) / w**2
    kish = float(w**2 / ww)
    return f, f * (1 - f) / variance if variance > 1e-12 * f and 0 < f < 1 else kish


def weighted_contrast(first: ArrayLike, second: ArrayLike) -> FractionContrast:
    """Difference of the weighted fractions of two parts (5,): z by the residuals about their common mean.

    The interval is Newcombe's (1998) with the effective numbers of `weighted_fraction`. Raises `ValueError` where a
    part is empty, its weights are as good as fewer than `FEWEST_EFFECTIVE` equal ones, or all labels are the same.
    """
    w, wx, ww, wwx, wwxx = np.array([first, second], float).T
    if not w.all():
        raise ValueError("one of the two parts has no galaxies")
    if (w**2 / ww).min() < FEWEST_EFFECTIVE:
        raise ValueError(f"the weights of one part are as good as {(w**2 / ww).min():.0f} equal ones: too few")
    mean = wx.sum() / w.sum()
    squares = wwxx - 2 * mean * wwx + mean**2 * ww
    if not squares.sum() > 1e-15 * ww.sum():
        raise ValueError("all galaxies have the same label: there is nothing to compare")
    (f1, n1), (f2, n2) = weighted_fraction(first), weighted_fraction(second)
    (l1, l2), (u1, u2) = wilson_interval([f1 * n1, f2 * n2], [n1, n2])
    se = float(np.sqrt(f1 * (1 - f1) / n1 + f2 * (1 - f2) / n2))
    interval = (float(f1 - f2 - np.hypot(f1 - l1, u2 - f2)), float(f1 - f2 + np.hypot(u1 - f1, f2 - l2)))
    z = float((f1 - f2) / np.sqrt((squares / w**2).sum()))
    return FractionContrast(f1 - f2, se, interval, z, float(2 * stats.norm.sf(abs(z))))
