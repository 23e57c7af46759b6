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
from workflow_scripts.statistics.runs.contrasts import NumberContrast
from workflow_scripts.statistics.runs.lengths import largest_response
from workflow_scripts.statistics.runs.response_kernels import position_root


@dataclass(frozen=True)
class FootprintResponse:
    """Least-squares x_0 (d,), K (d, 3), their standard errors, 95 % intervals of K (d, 3, 2), and the test of K = 0.

    `statistic` is the share of the variance between footprints that the axes explain; `direction` is the unit
    vector along which moving the footprint changes the catalog most, `change` (d,) the one in which the catalog then
    changes. `size` is how far x moves along it from a footprint to the opposite one, twice the largest singular value
    of K, with the noise's share taken off; `size_ci95` holds whatever the direction (at least 95 %), and `limit95` is
    the one-sided 95 % upper limit. `p_smallest` is the least p that permutations can give.
    """

    common: NDArray[np.float64]
    common_se: NDArray[np.float64]
    matrix: NDArray[np.float64]
    matrix_se: NDArray[np.float64]
    matrix_ci95: NDArray[np.float64]
    direction: NDArray[np.float64]
    change: NDArray[np.float64]
    size: float
    size_ci95: tuple[float, float]
    limit95: float
    statistic: float
    f: float | None
    dof: tuple[int, int] | None
    p: float | None
    p_permutation: float
    p_smallest: float


def footprint_response(
    axes: ArrayLike,
    values: ArrayLike,
    permutations: int,
    seed: int,
    *,
    positions: ArrayLike | None = None,
    frame: ArrayLike | None = None,
) -> FootprintResponse:
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
    positions
        (d, d) centred covariance C = L L^T of the positions of the annotated galaxies, for values that are dipoles.
        The statistic is then that of L^T d, which the sky measures equally well in all directions; K, its size and its
        directions are those of the dipoles themselves.
    frame
        (d, 3) unit vectors along which values are the components of dipoles, where that is not x, y and z: those that
        a sky constrains. `common`, `matrix` and `change` are vectors (3,) in their span.

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
        for fewer footprints than d + 5, axes in one plane, a component without scatter, or positions that are no
        positive definite matrix (d, d).
    """
    axes, values = np.asarray(axes, float), np.asarray(values, float)
    values = values.reshape(len(axes), -1)
    n, d = values.shape
    if n < d + 5:
        raise ValueError(f"{n} footprints are too few to fit a response of {d} components")
    design = np.column_stack([np.ones(n), axes])
    if np.linalg.matrix_rank(design) < 4:
        raise ValueError("the footprints' axes do not span the sky")
    root = np.eye(d) if positions is None else position_root(positions)
    if len(root) != d:
        raise ValueError("positions weight the components of a dipole")
    centred = values - values.mean(axis=0)
    # Rounding alone makes constants scatter a little.
    if not np.all((centred**2).sum(axis=0) > 1e-24 * (values**2).sum(axis=0)):
        raise ValueError("a component does not differ between footprints")
    coefficients = np.linalg.lstsq(design, values, rcond=None)[0]
    residual = values - design @ coefficients
    residual_covariance = residual.T @ residual / (n - 4)
    inverse_design = np.linalg.inv(design.T @ design)
    matrix = coefficients[1:].T
    # Orthonormal columns that span the centred axes.
    hat = np.linalg.qr(axes - axes.mean(axis=0))[0]
    # The total does not change under permutation, so one product gives the statistic of all of them.
    measured = centred @ root
    total = (measured**2).sum()
    observed = float(((hat.T @ measured) ** 2).sum() / total)
    orders, exact = footprint_orders(n, permutations, seed)
    null = (np.einsum("fk,bfd->bkd", hat, measured[orders]) ** 2).sum(axis=(1, 2)) / total
    u, _, vt = np.linalg.svd(matrix)
    lift = np.eye(d) if frame is None else np.asarray(frame, float).T
    # Both signs are the same response: towards where one number rises, or where a dipole follows the axis.
    own_axis = lift.T @ vt[0] if len(lift) == 3 else np.ones(d)
    sign = np.sign((vt[0] @ matrix.T @ own_axis) or 1.0)
    largest = largest_response(matrix, residual_covariance, inverse_design[1:, 1:], n - 4).over(0.5)
    whole, error_variance = lift @ matrix, np.diag(lift @ residual_covariance @ lift.T)
    matrix_se = np.sqrt(np.outer(error_variance, np.diag(inverse_design)[1:]))
    half = stats.t.ppf(0.975, n - 4) * matrix_se
    f = dof = p = None
    if d == 1:
        dof = (3, n - 4)
        f = float(observed / 3 / ((1 - observed) / (n - 4))) if observed < 1 else float("inf")
        p = float(stats.f.sf(f, *dof))
    return FootprintResponse(
        common=lift @ coefficients[0],
        common_se=np.sqrt(error_variance * inverse_design[0, 0]),
        matrix=whole,
        matrix_se=matrix_se,
        matrix_ci95=np.stack([whole - half, whole + half], axis=-1),
        direction=vt[0] * sign,
        change=lift @ u[:, 0] * sign,
        size=largest.size,
        size_ci95=largest.ci95,
        limit95=largest.limit95,
        statistic=observed,
        f=f,
        dof=dof,
        p=p,
        p_permutation=upper_p(null, observed, exact),
        p_smallest=smallest_p(len(orders), exact),
    )


@dataclass(frozen=True)
class ScalarResponse:
    """kappa of d_f = d_0 + kappa a_f + e: one number for a response along the footprint's own axis.

    `size` is how far the dipole moves from a footprint to the opposite one, 2 kappa.
    """

    kappa: float
    se: float
    ci95: tuple[float, float]
    size: float
    size_ci95: tuple[float, float]
    limit95: float
    p_permutation: float
    p_smallest: float


def scalar_response(axes: ArrayLike, dipoles: ArrayLike, permutations: int, seed: int) -> ScalarResponse:
    """Least-squares kappa, its standard error, and a two-sided permutation of axes over footprints.

    kappa = sum a'_f . d_f / sum a'_f . a'_f with axes a' centred on their mean; `axes` and `dipoles` (footprints, d)
    have three components, or those along which a sky constrains a dipole. Raises `ValueError` for fewer than five
    footprints, or dipoles that do not differ between footprints.
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
    dof = dipoles.size - dipoles.shape[1] - 1
    variance = (residual**2).sum() / dof
    orders, exact = footprint_orders(len(axes), permutations, seed)
    null = np.abs(np.einsum("fk,bfk->b", centred_axes, centred[orders])) / scale
    se = float(np.sqrt(variance / scale))
    low, high = kappa + np.array([-1, 1]) * stats.t.ppf(0.975, dof) * se
    return ScalarResponse(
        kappa=float(kappa),
        se=se,
        ci95=(float(low), float(high)),
        size=2 * float(kappa),
        size_ci95=(2 * float(low), 2 * float(high)),
        limit95=2 * float(abs(kappa) + stats.t.ppf(0.95, dof) * se),
        p_permutation=upper_p(null, abs(kappa), exact),
        p_smallest=smallest_p(len(orders), exact),
    )


def footprint_slope(covariate: ArrayLike, values: ArrayLike, permutations: int, seed: int) -> NumberContrast:
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
    orders, exact = footprint_orders(n, permutations, seed)
    null = np.abs(dy[orders] @ dx) / scale
    return NumberContrast(
        estimate=slope,
        se=se,
        ci95=(slope - half, slope + half),
        limit95=abs(slope) + float(stats.t.ppf(0.95, n - 2)) * se,
        statistic=slope / se if se > 0 else float(np.copysign(np.inf, slope)),
        dof=n - 2,
        p=float(fit.pvalue),
        p_permutation=upper_p(null, abs(slope), exact),
        p_smallest=smallest_p(len(orders), exact),
    )


def footprint_orders(n: int, permutations: int, seed: int) -> tuple[NDArray[np.int64], bool]:
    """Arrangements of n footprints, and whether they are all there are: where that is no more than `permutations`."""
    if factorial(n) <= permutations:
        return np.array(list(arrangements(range(n)))), True
    return np.random.default_rng(seed).permuted(np.tile(np.arange(n), (permutations, 1)), axis=1), False
