"""Training runs as the unit of replication: contrasts between arms, and where the scatter between runs comes from."""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


@dataclass(frozen=True)
class ArmContrast:
    """Mean of arm A minus mean of arm B for one number a run."""

    difference: float
    se: float
    ci95: tuple[float, float]
    t: float
    dof: float
    p: float
    p_permutation: float


@dataclass(frozen=True)
class VectorContrast:
    """Mean of arm A minus mean of arm B for a vector a run (Hotelling)."""

    difference: NDArray[np.float64]
    covariance: NDArray[np.float64]
    f: float
    dof: tuple[int, int]
    p: float
    p_permutation: float


@dataclass(frozen=True)
class VarianceComponents:
    """Standard deviations between training samples and between seeds, and the F test of the former."""

    sample_sd: float
    seed_sd: float
    f: float
    dof: tuple[int, int]
    p: float

    @property
    def icc(self) -> float:
        """Share of the variance that lies between training samples; NaN without any variance."""
        total = self.sample_sd**2 + self.seed_sd**2
        return self.sample_sd**2 / total if total > 0 else float("nan")


def arm_contrast(a: ArrayLike, b: ArrayLike, permutations: int, seed: int) -> ArmContrast:
    """Welch's t and the permutation of run labels; `a` (n_a,) and `b` (n_b,), one number a training set.

    Seeds on one training set are not independent: average them first. Welch's t is what is permuted, because it keeps
    the size when arms of unequal number also have unequal scatter, where permuted differences of means do not (Chung &
    Romano 2013, Ann. Stat. 41, 484).

    Raises `ValueError` with fewer than two runs in an arm, or without any scatter between runs.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    _need_runs(a, b)
    variance_a, variance_b = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    if not variance_a + variance_b > 0:
        raise ValueError("the runs of both arms are identical: there is no scatter to compare with")
    difference, se = a.mean() - b.mean(), np.sqrt(variance_a + variance_b)
    dof = (variance_a + variance_b) ** 2 / (variance_a**2 / (len(a) - 1) + variance_b**2 / (len(b) - 1))
    half = stats.t.ppf(0.975, dof) * se
    values = np.concatenate([a, b])
    groups = _groups(len(values), len(a), permutations, seed)
    t = difference / se
    null = _welch_of_groups(values, groups)
    p_permutation = _upper_p(null, abs(t), exact=len(groups) == comb(len(values), len(a)))
    return ArmContrast(
        float(difference),
        float(se),
        (float(difference - half), float(difference + half)),
        float(t),
        float(dof),
        float(2 * stats.t.sf(abs(t), dof)),
        p_permutation,
    )


def vector_contrast(a: ArrayLike, b: ArrayLike, permutations: int, seed: int) -> VectorContrast:
    """Hotelling's two-sample T^2 and the permutation of run labels; `a` (n_a, d), `b` (n_b, d), a row a training set.

    F = T^2 (n_a + n_b - d - 1) / (d (n_a + n_b - 2)) with (d, n_a + n_b - d - 1) degrees of freedom (Hotelling 1931,
    Ann. Math. Stat. 2, 360). The total scatter of both arms stays the same when labels are permuted, and
    T^2 = (n - 2) u / (1 - u) with u = (n_a n_b / n) D^T (total scatter)^-1 D grows with u; so u is permuted.

    Raises `ValueError` where there are too few runs for the covariance of d components, or a component is constant.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    _need_runs(a, b)
    d, n = a.shape[1], len(a) + len(b)
    dof = (d, n - d - 1)
    if dof[1] < 1:
        raise ValueError(f"{n} runs are too few for a vector of {d} components")
    values = np.concatenate([a, b])
    centred = values - values.mean(axis=0)
    total = centred.T @ centred
    spread = np.sqrt(np.diag(total))
    if not np.all(spread > 0) or np.linalg.matrix_rank(total / np.outer(spread, spread)) < d:
        raise ValueError("a component is the same in all runs, or two are multiples of each other")
    whitened = centred @ np.linalg.inv(np.linalg.cholesky(total)).T
    groups = _groups(n, len(a), permutations, seed)
    # Of centred rows the second mean follows from the first: D = mean_a n / n_b.
    weight = len(a) * n / len(b)
    u = weight * float((whitened[: len(a)].mean(axis=0) ** 2).sum())
    if u >= 1 - 1e-12:
        raise ValueError("the runs do not scatter within their arms: there is nothing to compare with")
    null = weight * (whitened[groups].mean(axis=1) ** 2).sum(axis=1)
    scale = 1 / len(a) + 1 / len(b)
    observed = (n - 2) * u / (1 - u)
    f = observed * dof[1] / (d * (n - 2))
    return VectorContrast(
        a.mean(axis=0) - b.mean(axis=0),
        _pooled_covariance(a, b) * scale,
        float(f),
        dof,
        float(stats.f.sf(f, *dof)),
        _upper_p(null, u, exact=len(groups) == comb(n, len(a))),
    )


def variance_components(values: ArrayLike) -> VarianceComponents:
    """One-way random-effects analysis of variance; `values` (samples, seeds), one number a run.

    E MS_between = sigma_seed^2 + seeds sigma_sample^2; a negative estimate of sigma_sample^2 is given as 0. Raises
    `ValueError` with fewer than two samples or two seeds each, or without any variance.
    """
    values = np.asarray(values, float)
    if values.ndim != 2 or min(values.shape) < 2:
        raise ValueError("variance components need two training samples with two seeds each")
    samples, seeds = values.shape
    dof = (samples - 1, samples * (seeds - 1))
    within = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum() / dof[1]
    between = seeds * values.mean(axis=1).var(ddof=1)
    if not between + within > 0:
        raise ValueError("all runs are the same: there is no variance to take apart")
    f = between / within if within > 0 else np.inf
    return VarianceComponents(
        float(np.sqrt(max(0.0, (between - within) / seeds))),
        float(np.sqrt(within)),
        float(f),
        dof,
        float(stats.f.sf(f, *dof)),
    )


def _pooled_covariance(a: NDArray, b: NDArray) -> NDArray[np.float64]:
    scatter = sum((arm - arm.mean(axis=0)).T @ (arm - arm.mean(axis=0)) for arm in (a, b))
    return scatter / (len(a) + len(b) - 2)


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
    if len(a) < 2 or len(b) < 2:
        raise ValueError(f"arms of {len(a)} and {len(b)} training sets cannot be compared: each needs two or more")


def _groups(n: int, size: int, permutations: int, seed: int) -> NDArray[np.int64]:
    """Which runs form arm A: all ways where there are at most `permutations`, otherwise random ones."""
    if comb(n, size) <= permutations:
        return np.array(list(combinations(range(n), size)))
    random = np.random.default_rng(seed)
    return random.permuted(np.tile(np.arange(n), (permutations, 1)), axis=1)[:, :size]


def _upper_p(null: NDArray, observed: float, exact: bool) -> float:
    """Share of permutations at least as extreme; random ones count the observed arrangement as one more."""
    as_extreme = int((null >= observed * (1 - 1e-9)).sum())
    return as_extreme / len(null) if exact else (as_extreme + 1) / (len(null) + 1)
