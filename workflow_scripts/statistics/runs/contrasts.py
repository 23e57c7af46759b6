"""Training runs as the unit of replication: contrasts between two arms."""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.p_values import smallest_p, upper_p
from workflow_scripts.statistics.runs.lengths import VectorTest, unit_vector, vector_length


@dataclass(frozen=True)
class NumberTest:
    """A number `estimate` of several runs, and Student's t of its being zero.

    `limit95` is the largest number of either sign that is compatible with the runs at 95 % (one-sided t).
    """

    estimate: float
    se: float
    ci95: tuple[float, float]
    limit95: float
    statistic: float
    dof: float
    p: float


@dataclass(frozen=True)
class NumberContrast(NumberTest):
    """A number with its permutation over runs; `p_smallest` is the least that permutations can give."""

    p_permutation: float
    p_smallest: float


@dataclass(frozen=True)
class VectorContrast(VectorTest):
    """Mean of arm A minus mean of arm B for a vector a run, with the permutation of these."""

    p_permutation: float
    p_smallest: float


def arm_contrast(a: ArrayLike, b: ArrayLike, permutations: int, seed: int) -> NumberContrast:
    """Mean of arm A minus arm B, Welch's t, and permutations; `a` (n_a,) and `b` (n_b,), one number a training set.

    Seeds on one training set are not independent: average them first. Welch's t is what is permuted, because it keeps
    the size when arms of unequal number also have unequal scatter, where permuted differences of means do not (Chung &
    Romano 2013, Ann. Stat. 41, 484). That holds for many runs; below five in an arm, with four times the scatter of the
    other, both p reject 10 to 15 % at the level of 5 %.

    Raises `ValueError` with fewer than two runs in an arm, or without any scatter between runs.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    _need_runs(a, b)
    variance_a, variance_b = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    # Rounding alone makes constants scatter a little.
    if not variance_a + variance_b > 1e-26 * max(np.abs(a).max(), np.abs(b).max()) ** 2:
        raise ValueError("the runs of both arms are identical: there is no scatter to compare with")
    difference, se = a.mean() - b.mean(), np.sqrt(variance_a + variance_b)
    dof = (variance_a + variance_b) ** 2 / (variance_a**2 / (len(a) - 1) + variance_b**2 / (len(b) - 1))
    half = stats.t.ppf(0.975, dof) * se
    values = np.concatenate([a, b])
    groups = groups_of_runs(len(values), len(a), permutations, seed)
    t = difference / se
    exact = len(groups) == comb(len(values), len(a))
    return NumberContrast(
        float(difference),
        float(se),
        (float(difference - half), float(difference + half)),
        float(abs(difference) + stats.t.ppf(0.95, dof) * se),
        float(t),
        float(dof),
        float(2 * stats.t.sf(abs(t), dof)),
        upper_p(_welch_of_groups(values, groups), abs(t), exact),
        smallest_p(len(groups), exact, ties=2 if len(a) == len(b) else 1),
    )


def vector_contrast(a: ArrayLike, b: ArrayLike, permutations: int, seed: int) -> VectorContrast:
    """Two mean vectors with unequal covariances, and the permutation of run labels; `a` (n_a, d), `b` (n_b, d).

    T^2 = D^T (S_a/n_a + S_b/n_b)^-1 D, a row a training set, and T^2 (nu - d + 1) / (nu d) is about F with (d, nu - d +
    1) degrees of freedom and nu of Krishnamoorthy & Yu (2004, Stat. Probab. Lett. 66, 161), the modified Nel-Van der
    Merwe test; with one component that is Welch's. It keeps the size when the arms scatter differently. The permutation
    of T^2 is exact for exchangeable arms whatever their distribution, but rejects 13 % at the level of 5 % when one of
    two arms of six scatters three times as much; so the larger of the two p should decide.

    Raises `ValueError` where there are too few runs for the covariance of d components, or a component is constant.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    _need_runs(a, b)
    d, n = a.shape[1], len(a) + len(b)
    if n < d + 2:
        raise ValueError(f"{n} runs are too few for a vector of {d} components")
    values = np.concatenate([a, b])
    centred = values - values.mean(axis=0)
    total = centred.T @ centred
    spread = np.sqrt(np.diag(total))
    if not np.all(spread > 0) or np.linalg.matrix_rank(total / np.outer(spread, spread)) < d:
        raise ValueError("a component is the same in all runs, or two are multiples of each other")
    # Of order one in every direction, so that no component's unit matters below.
    whitened = centred @ np.linalg.inv(np.linalg.cholesky(total)).T
    shift = whitened[: len(a)].mean(axis=0) - whitened[len(a) :].mean(axis=0)
    if len(a) * len(b) / n * (shift @ shift) >= 1 - 1e-12:
        raise ValueError("the runs do not scatter within their arms: there is nothing to compare with")
    groups = groups_of_runs(n, len(a), permutations, seed)
    exact = len(groups) == comb(n, len(a))
    observed = float(_t_squared_of_groups(whitened, np.arange(len(a))[None])[0])
    parts = [np.cov(arm.T).reshape(d, d) / len(arm) for arm in (a, b)]
    covariance = parts[0] + parts[1]
    nu = _nel_van_der_merwe(parts, (len(a), len(b)))
    estimate = a.mean(axis=0) - b.mean(axis=0)
    length = vector_length(estimate, covariance, nu)
    f, dof = observed * (nu - d + 1) / (nu * d), (d, nu - d + 1)
    return VectorContrast(
        estimate,
        covariance,
        length.size,
        length.ci95,
        length.limit95,
        unit_vector(estimate),
        float(f),
        dof,
        float(stats.f.sf(f, *dof)) if dof[1] > 0 else float("nan"),
        upper_p(_t_squared_of_groups(whitened, groups), observed, exact),
        smallest_p(len(groups), exact, ties=2 if len(a) == len(b) else 1),
    )


def _nel_van_der_merwe(parts: list[NDArray], sizes: tuple[int, int]) -> float:
    """Degrees of freedom nu of T^2 from the covariances of the two means, `parts`."""
    shares = [part @ np.linalg.inv(parts[0] + parts[1]) for part in parts]
    d = len(shares[0])
    spread = sum(
        (np.trace(share @ share) + np.trace(share) ** 2) / (n - 1) for share, n in zip(shares, sizes, strict=True)
    )
    return float((d + d**2) / spread)


def _t_squared_of_groups(values: NDArray, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """T^2 with the covariance of each side, of every group of rows against the others; `values` of order one."""
    inside = np.zeros((len(groups), len(values)), bool)
    np.put_along_axis(inside, groups, True, axis=1)
    d = values.shape[1]
    products = (values[:, :, None] * values[:, None, :]).reshape(len(values), d * d)
    difference, covariance = np.zeros((len(groups), d)), np.zeros((len(groups), d, d))
    for side, sign in ((inside, 1), (~inside, -1)):
        size = side.sum(axis=1)[0]
        mean = side @ values / size
        scatter = (side @ products).reshape(-1, d, d) - size * mean[:, :, None] * mean[:, None, :]
        covariance += scatter / (size - 1) / size
        difference += sign * mean
    # Far below any scatter of whitened values; keeps a group whose runs lie in a plane from stopping all.
    covariance += 1e-13 * np.eye(d)
    return np.einsum("gi,gi->g", difference, np.linalg.solve(covariance, difference[..., None])[..., 0])


def _welch_of_groups(values: NDArray, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """|t| of Welch for every group of rows against the others; infinite where both sides are constant."""
    inside = np.zeros((len(groups), len(values)), bool)
    np.put_along_axis(inside, groups, True, axis=1)
    difference, variance = np.zeros(len(groups)), np.zeros(len(groups))
    for side, sign in ((inside, 1), (~inside, -1)):
        size = side.sum(axis=1)
        mean = (side * values).sum(axis=1) / size
        # Two passes: sums of squares would lose the scatter of arms that lie far apart.
        variance += (side * (values - mean[:, None]) ** 2).sum(axis=1) / (size - 1) / size
        difference += sign * mean
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(difference) / np.sqrt(variance)
    return np.where(variance > 0, t, np.where(difference == 0, 0.0, np.inf))


def _need_runs(a: NDArray, b: NDArray) -> None:
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a run has no number to compare")
    if len(a) < 2 or len(b) < 2:
        raise ValueError(f"arms of {len(a)} and {len(b)} training sets cannot be compared: each needs two or more")


def groups_of_runs(n: int, size: int, permutations: int, seed: int) -> NDArray[np.int64]:
    """Which runs form arm A: all ways where there are at most `permutations`, otherwise random ones."""
    if comb(n, size) <= permutations:
        return np.array(list(combinations(range(n), size)))
    random = np.random.default_rng(seed)
    return random.permuted(np.tile(np.arange(n), (permutations, 1)), axis=1)[:, :size]
