"""What carries an effect: the share of each property of the images, from annotations in which it is the same for all.

v(S) is the effect where the properties in S have a common value, v({}) the effect itself. A property may carry little
alone and much beside another, so its share is that of Shapley (1953, Contrib. Theory Games 2, 307): the mean of
v(S) - v(S and j) over the orders in which properties can be made common. Shares and what is left, v(all), add up to 1.

An effect is a vector k (of one component for a contrast), and what counts of v(S) is its part along k. The same runs
annotate all versions, so their errors are those of differences: one covariance of all versions holds them. Noise is
longer than nothing, and the part along a noisy direction has a bias, tr(P C) / |k| with C the covariance with k and P
across k, which is taken off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

MOST_PROPERTIES = 4
# What is left where all properties have a common value.
LEFT = "left"


@dataclass(frozen=True)
class VersionedEffect:
    """An effect in every version: `estimates` (2^p, d), their `covariance` (2^p d, 2^p d), and its `dof`.

    Version number v has property j in common where bit j of v is set; 0 is the survey as it is. `one_variance`: the
    covariance of the components of a version is known but for one factor, as in a regression.
    """

    estimates: NDArray[np.float64]
    covariance: NDArray[np.float64]
    dof: float
    one_variance: bool = False


@dataclass(frozen=True)
class Share:
    """Share of the effect, its 95 % interval (Fieller 1954; None where no effect at all is possible), and p of none.

    `limit95` is the one-sided 95 % limit of its absolute value, None with the interval.
    """

    share: float
    ci95: tuple[float, float] | None
    limit95: float | None
    p: float


@dataclass(frozen=True)
class CarriedShares:
    """Shares by property, with `LEFT` last; they add up to 1. `p` is that of no effect at all."""

    p: float
    shares: dict[str, Share]


def carried_shares(properties: Sequence[str], effect: VersionedEffect) -> CarriedShares:
    """The shares of `properties` (p names, in the order of the bits) in an effect.

    p of no effect is that of Hotelling's T^2 of v({}), or of F in a regression. Raises `ValueError` for more than four
    properties, estimates that are not 2^p, values that are not finite, or an effect without scatter.
    """
    estimates, covariance = np.asarray(effect.estimates, float), np.asarray(effect.covariance, float)
    p = len(properties)
    versions, d = estimates.shape
    if not 1 <= p <= MOST_PROPERTIES or versions != 2**p or covariance.shape != (versions * d,) * 2:
        raise ValueError(f"{p} properties have {2**p} versions, of one to {MOST_PROPERTIES} properties")
    if not (np.isfinite(estimates).all() and np.isfinite(covariance).all()):
        raise ValueError("an effect is not known in every version")
    blocks = covariance.reshape(versions, d, versions, d)
    whole, own = estimates[0], blocks[0, :, 0]
    variances = np.linalg.eigvalsh(own)
    if not variances[0] > 1e-12 * variances[-1] > 0 or effect.dof <= d - 1:
        raise ValueError("the runs do not scatter, or are too few: there is nothing to compare an effect with")
    dof = effect.dof if effect.one_variance else effect.dof - d + 1
    f = float(whole @ np.linalg.solve(own, whole)) * dof / (d * effect.dof)
    weights = dict(zip(properties, shapley_weights(p), strict=True)) | {LEFT: np.eye(versions)[-1]}
    return CarriedShares(
        p=float(stats.f.sf(f, d, dof)),
        shares={name: _share(row, estimates, blocks, effect.dof) for name, row in weights.items()},
    )


def shapley_weights(p: int) -> NDArray[np.float64]:
    """Weights (p, 2^p) of the versions in the contribution of each property, v(S) - v(S and j)."""
    weights = np.zeros((p, 2**p))
    for j in range(p):
        for version in range(2**p):
            if not version >> j & 1:
                size = version.bit_count()
                weight = factorial(size) * factorial(p - size - 1) / factorial(p)
                weights[j, version] += weight
                weights[j, version | 1 << j] -= weight
    return weights


def _share(weights: NDArray, estimates: NDArray, blocks: NDArray, dof: float) -> Share:
    """The share s of part = weights . v: where the part of `part - s k` along k, less its bias, is zero."""
    whole, part = estimates[0], weights @ estimates
    length = float(np.linalg.norm(whole))
    along = whole / length
    across = np.eye(len(whole)) - np.outer(along, along)
    own = blocks[0, :, 0]
    with_whole = np.einsum("v,vij->ij", weights, blocks[:, :, 0])
    of_part = np.einsum("v,w,viwj->ij", weights, weights, blocks)
    top = float(along @ part - np.trace(across @ with_whole) / length)
    bottom = float(along @ whole - np.trace(across @ own) / length)
    # A turn of the direction moves along it what the part has across it.
    turn = across @ part / length
    variance = np.array(
        [
            along @ of_part @ along + 2 * along @ with_whole @ turn + turn @ own @ turn,
            -2 * (along @ with_whole @ along + turn @ own @ along),
            along @ own @ along,
        ]
    )
    # Noise across the direction times noise of the direction.
    p_own, p_with = across @ own, across @ with_whole
    variance[0] += (np.trace(across @ of_part @ p_own) + np.trace(p_with @ p_with)) / length**2
    variance[1] -= (np.trace(across @ (with_whole + with_whole.T) @ p_own) + 2 * np.trace(p_with @ p_own)) / length**2
    variance[2] += 2 * np.trace(p_own @ p_own) / length**2
    interval, one_sided = (_fieller(top, bottom, variance, float(stats.t.ppf(level, dof))) for level in (0.975, 0.95))
    se = float(np.sqrt(max(variance[0], 0.0)))
    return Share(
        share=top / bottom if bottom > 0 else float("nan"),
        ci95=interval,
        limit95=None if one_sided is None or interval is None else max(map(abs, one_sided)),
        p=float(2 * stats.t.sf(abs(top) / se, dof)) if se > 0 else float(top == 0),
    )


def _fieller(top: float, bottom: float, variance: NDArray, critical: float) -> tuple[float, float] | None:
    """Ratios s with (top - s bottom)^2 <= critical^2 (V0 + V1 s + V2 s^2); None where they have no two ends."""
    a, b, c = (
        square - critical**2 * v
        for square, v in zip((bottom**2, -2 * top * bottom, top**2), variance[::-1], strict=True)
    )
    root = b * b - 4 * a * c
    if bottom <= 0 or a <= 0 or root < 0:
        return None
    low, high = sorted((-b + sign * np.sqrt(root)) / (2 * a) for sign in (-1, 1))
    return float(low), float(high)


def mean_of_units(values: ArrayLike, shared: ArrayLike | None = None) -> VersionedEffect:
    """The mean over units of `values` (units, 2^p, d); `shared` (2^p d, 2^p d) is noise that all units share.

    That is what the finite number of annotated galaxies adds. Its covariance is known, so that dof are (n - 1)
    (tr V / tr S)^2 with V all of the covariance and S that between units (Satterthwaite 1946), the fewest of all
    versions: networks may be others in each. Raises `ValueError` for fewer than three units.
    """
    values = np.asarray(values, float)
    n, versions, d = values.shape
    if n < 3:
        raise ValueError(f"{n} independent units are too few to know their scatter")
    scatter = np.cov(values.reshape(n, -1).T).reshape(versions * d, versions * d) / n
    covariance = scatter if shared is None else scatter + np.asarray(shared, float)
    own, of_units = (np.diag(matrix).reshape(versions, d).sum(axis=1) for matrix in (covariance, scatter))
    shares = np.divide(own, of_units, out=np.full(versions, 1e9), where=of_units > 1e-9 * own)
    return VersionedEffect(values.mean(axis=0), covariance, float((n - 1) * shares.min() ** 2))


def contrast_of_units(a: ArrayLike, b: ArrayLike) -> VersionedEffect:
    """The difference of the means of two arms, `a` and `b` (units, 2^p); Welch's dof, the fewest of all versions.

    Raises `ValueError` for arms of a single unit, or without scatter.
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    if min(len(first), len(second)) < 2:
        raise ValueError("an arm with a single training set has no scatter")
    parts = [np.cov(arm.T).reshape(arm.shape[1], arm.shape[1]) / len(arm) for arm in (first, second)]
    u, v = (np.diag(part) for part in parts)
    if not u[0] + v[0] > 0:
        raise ValueError("the training sets do not scatter: there is nothing to compare an effect with")
    scatters = u + v > 0
    dof = (u + v)[scatters] ** 2 / (u**2 / (len(first) - 1) + v**2 / (len(second) - 1))[scatters]
    return VersionedEffect((first.mean(axis=0) - second.mean(axis=0))[:, None], parts[0] + parts[1], float(dof.min()))


def response_of_units(design: ArrayLike, values: ArrayLike) -> VersionedEffect:
    """The least-squares response of `values` (units, 2^p) to the columns of `design` (units, d), beside a constant.

    Components are those in which the design varies by as much in every direction, so that the length of the response
    is the standard deviation between units that it explains. Raises `ValueError` where units are too few, or the design
    has fewer directions than columns.
    """
    design, values = np.asarray(design, float), np.asarray(values, float)
    n, d = design.shape
    centred = design - design.mean(axis=0)
    if np.linalg.matrix_rank(centred, tol=1e-6) < d or n < d + 3:
        raise ValueError(f"{n} footprints are too few, or lie too much alike, for a response of {d} components")
    # Orthogonal columns of variance 1, in which errors of components are alike and independent.
    columns = np.linalg.qr(centred)[0] * np.sqrt(n)
    estimates = columns.T @ values / n
    residual = values - values.mean(axis=0) - columns @ estimates
    dof = n - d - 1
    between = residual.T @ residual / dof / n
    return VersionedEffect(estimates.T, np.kron(between, np.eye(d)), float(dof), one_variance=True)
