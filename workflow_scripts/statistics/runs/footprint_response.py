"""The rotating-footprint design: how a catalog responds to the direction of the training footprint.

A number or vector x_f of the footprint with axis a_f is modelled as x_f = x_0 + K a_f + e_f. For the dipole of
prediction minus reference, x_0 is what the imaging does to every network, K (3, 3) is what the footprint causes; for
the annotated fraction, K is one row k. Footprints are exchangeable when the footprint has no effect and no two share
training galaxies, so permuting axes over footprints gives an exact test.
"""

from dataclasses import dataclass
from itertools import permutations as arrangements
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.p_values import smallest_p, upper_p


@dataclass(frozen=True)
class FootprintResponse:
    """Least-squares x_0 (d,), K (d, 3), their standard errors, 95 % intervals of K (d, 3, 2), and the test of K = 0.

    `statistic` is the share of the variance between footprints that the axes explain; `direction` is the unit
    vector along which moving the footprint changes the catalog most. `size` is how far x moves from a footprint to the
    opposite one, 2 |K|, with the noise's share of |K|^2 taken off; `size_ci95`, for d = 1, is Scheffe's interval, which
    holds whatever the direction (at least 95 %). `p_smallest` is the least p that permutations can give.
    """

    common: NDArray[np.float64]
    common_se: NDArray[np.float64]
    matrix: NDArray[np.float64]
    matrix_se: NDArray[np.float64]
    matrix_ci95: NDArray[np.float64]
    direction: NDArray[np.float64]
    size: float
    size_ci95: tuple[float, float] | None
    statistic: float
    f: float | None
    dof: tuple[int, int] | None
    p: float | None
    p_permutation: float
    p_smallest: float


def footprint_response(axes: ArrayLike, values: ArrayLike, permutations: int, seed: int) -> FootprintResponse:
    """Fit and test the response.

    Parameters
    ----------
    axes
        (footprints, 3) unit vectors.
    values
        (footprints, d): mean over the runs of each footprint.
    permutations, seed
        random permutations of axes over footprints, beside the observed arrangement; all arrangements, each once,
        where there are no more than `permutations`.

    Returns
    -------
    FootprintResponse
        The statistic is the share tr(H)/tr(T) of the variance between footprints that the axes explain (redundancy
        analysis; its permutation test: Legendre, Oksanen & ter Braak 2011, Methods Ecol. Evol. 2, 269). It does not
        change when the sky is turned, and keeps its power when only one direction of the dipole responds, where
        tr(H T^-1) would drown the one canonical correlation in the noise of the others. For d = 1 it is R^2, and the
        parametric p is that of the F test.

    Raises
    ------
    ValueError
        for fewer footprints than d + 5, axes in one plane, or a component without scatter.
    """
    axes, values = np.asarray(axes, float), np.asarray(values, float)
    values = values.reshape(len(axes), -1)
    n, d = values.shape
    if n < d + 5:
        raise ValueError(f"{n} footprints are too few to fit a response of {d} components")
    design = np.column_stack([np.ones(n), axes])
    if np.linalg.matrix_rank(design) < 4:
        raise ValueError("the footprints' axes do not span the sky")
    centred = values - values.mean(axis=0)
    total = centred.T @ centred
    # Rounding alone makes constants scatter a little.
    if not np.all(np.diag(total) > 1e-24 * (values**2).sum(axis=0)):
        raise ValueError("a component does not differ between footprints")
    coefficients = np.linalg.lstsq(design, values, rcond=None)[0]
    residual = values - design @ coefficients
    residual_scatter = residual.T @ residual
    inverse_design = np.linalg.inv(design.T @ design)
    matrix = coefficients[1:].T
    error_variance = np.diag(residual_scatter) / (n - 4)
    # Orthonormal columns that span the centred axes.
    hat = np.linalg.qr(axes - axes.mean(axis=0))[0]
    # The total does not change under permutation, so one product gives the statistic of all of them.
    observed = float(((hat.T @ centred) ** 2).sum() / np.trace(total))
    orders, exact = _orders(n, permutations, seed)
    null = (np.einsum("fk,bfd->bkd", hat, centred[orders]) ** 2).sum(axis=(1, 2)) / np.trace(total)
    matrix_se = np.sqrt(np.outer(error_variance, np.diag(inverse_design)[1:]))
    half = stats.t.ppf(0.975, n - 4) * matrix_se
    vt = np.linalg.svd(matrix)[2]
    direction = vt[0] * np.sign(vt[0] @ matrix.T @ np.ones(d) or 1.0)
    size = 2 * float(np.sqrt(max(0.0, (matrix**2).sum() - (matrix_se**2).sum())))
    f = dof = p = size_ci95 = None
    if d == 1:
        dof = (3, n - 4)
        # Of the response along the axis that the design knows least.
        largest_se = float(np.sqrt(error_variance[0] * np.linalg.eigvalsh(inverse_design[1:, 1:])[-1]))
        radius = np.sqrt(3 * stats.f.ppf(0.95, *dof)) * largest_se
        length = float(np.linalg.norm(matrix))
        size_ci95 = (2 * max(0.0, length - radius), 2 * (length + radius))
        f = float(observed / 3 / ((1 - observed) / (n - 4))) if observed < 1 else float("inf")
        p = float(stats.f.sf(f, *dof))
    return FootprintResponse(
        common=coefficients[0],
        common_se=np.sqrt(error_variance * inverse_design[0, 0]),
        matrix=matrix,
        matrix_se=matrix_se,
        matrix_ci95=np.stack([matrix - half, matrix + half], axis=-1),
        direction=direction,
        size=size,
        size_ci95=size_ci95,
        statistic=observed,
        f=f,
        dof=dof,
        p=p,
        p_permutation=upper_p(null, observed, exact),
        p_smallest=smallest_p(len(orders), exact),
    )


@dataclass(frozen=True)
class ScalarResponse:
    """kappa of d_f = d_0 + kappa a_f + e: one number for a response along the footprint's own axis."""

    kappa: float
    se: float
    ci95: tuple[float, float]
    p_permutation: float
    p_smallest: float


def scalar_response(axes: ArrayLike, dipoles: ArrayLike, permutations: int, seed: int) -> ScalarResponse:
    """Least-squares kappa, its standard error, and a two-sided permutation of axes over footprints.

    kappa = sum a'_f . d_f / sum a'_f . a'_f with axes a' centred on their mean; `axes` and `dipoles` (footprints, 3).
    Raises `ValueError` for fewer than five footprints, or dipoles that do not differ between footprints.
    """
    axes, dipoles = np.asarray(axes, float), np.asarray(dipoles, float)
    if len(axes) < 5:
        raise ValueError(f"{len(axes)} footprints are too few to fit kappa")
    centred_axes, centred = axes - axes.mean(axis=0), dipoles - dipoles.mean(axis=0)
    scale = (centred_axes**2).sum()
    if not scale > 1e-12:
        raise ValueError("the footprints' axes are all the same")
    if not (centred**2).sum() > 1e-24 * (dipoles**2).sum():
        raise ValueError("the dipole does not differ between footprints")
    kappa = (centred_axes * centred).sum() / scale
    residual = centred - kappa * centred_axes
    variance = (residual**2).sum() / (3 * len(axes) - 4)
    orders, exact = _orders(len(axes), permutations, seed)
    null = np.abs(np.einsum("fk,bfk->b", centred_axes, centred[orders])) / scale
    se = float(np.sqrt(variance / scale))
    half = float(stats.t.ppf(0.975, 3 * len(axes) - 4)) * se
    ci95 = float(kappa) - half, float(kappa) + half
    return ScalarResponse(float(kappa), se, ci95, upper_p(null, abs(kappa), exact), smallest_p(len(orders), exact))


@dataclass(frozen=True)
class FootprintSlope:
    """Least-squares slope of one number of a footprint on another, and the permutation of these over footprints."""

    slope: float
    se: float
    ci95: tuple[float, float]
    t: float
    dof: int
    p: float
    p_permutation: float
    p_smallest: float


def footprint_slope(covariate: ArrayLike, values: ArrayLike, permutations: int, seed: int) -> FootprintSlope:
    """Do numbers of the footprints follow a property of their training galaxies, such as the mean seeing?

    `covariate` and `values` (footprints,). Student's t with footprints - 2 degrees of freedom, and the two-sided
    permutation of the covariate over footprints, exact where footprints are exchangeable without an effect. Raises
    `ValueError` for fewer than five footprints, or where one of the two is the same for all.
    """
    x, y = np.asarray(covariate, float), np.asarray(values, float)
    n = len(x)
    if n < 5:
        raise ValueError(f"{n} footprints are too few to fit a slope")
    dx, dy = x - x.mean(), y - y.mean()
    scale = float(dx @ dx)
    if not scale > 1e-24 * float(x @ x):
        raise ValueError("the property of the training galaxies does not differ between footprints")
    # Rounding alone makes constants scatter a little.
    if not dy @ dy > 1e-24 * (y @ y):
        raise ValueError("a component does not differ between footprints")
    fit = stats.linregress(x, y)
    slope, se = float(fit.slope), float(fit.stderr)
    half = float(stats.t.ppf(0.975, n - 2)) * se
    orders, exact = _orders(n, permutations, seed)
    null = np.abs(dy[orders] @ dx) / scale
    return FootprintSlope(
        slope=slope,
        se=se,
        ci95=(slope - half, slope + half),
        t=slope / se if se > 0 else float(np.copysign(np.inf, slope)),
        dof=n - 2,
        p=float(fit.pvalue),
        p_permutation=upper_p(null, abs(slope), exact),
        p_smallest=smallest_p(len(orders), exact),
    )


def _orders(n: int, permutations: int, seed: int) -> tuple[NDArray[np.int64], bool]:
    """Arrangements of n footprints, and whether they are all there are: where that is no more than `permutations`."""
    if factorial(n) <= permutations:
        return np.array(list(arrangements(range(n)))), True
    return np.random.default_rng(seed).permuted(np.tile(np.arange(n), (permutations, 1)), axis=1), False
