"""Kernels between footprints, and the quadratic forms in which tests of the sky pattern add up.

A response of dipoles d_f to a property of their footprints has Q = sum_fg k_fg d_f . d_g, where the kernel k_fg is
large for footprints that are alike in this property. With k = sum_j phi_j(f) phi_j(g) that is the sum of squares |sum_f
phi_j(f) d_f|^2. Permuting dipoles over footprints permutes the products d_f . d_g and leaves the kernel.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Leading components of the imaging of training sets; more would drown those that count.
_MOST_IMAGING = 3
# Entries of permuted products that are held at once.
_AT_ONCE = 4_000_000


def odd_kernel(axes: ArrayLike) -> NDArray[np.float64]:
    """a . b of `axes` (F, 3), centred: footprints on opposite sides respond oppositely."""
    axes = np.asarray(axes, float)
    return _centred(axes @ axes.T)


def even_kernel(axes: ArrayLike) -> NDArray[np.float64]:
    """(a . b)^2 - 1/3 of `axes` (F, 3), centred: footprints on opposite sides respond alike."""
    axes = np.asarray(axes, float)
    return _centred((axes @ axes.T) ** 2 - 1 / 3)


def curve_kernel(mu: ArrayLike) -> NDArray[np.float64]:
    """The projector on mu and mu^2 less their means; `mu` (F,). With products of a number that is R^2 of the fit."""
    mu = np.asarray(mu, float)
    return _projector(np.column_stack([mu, mu**2]))


def imaging_kernel(imaging: ArrayLike) -> NDArray[np.float64]:
    """The projector on the leading three components of standardised `imaging` (F, t), for F >= 8; of one below.

    Zero where the imaging does not differ between footprints. Raises `ValueError` for imaging that is not finite.
    """
    imaging = np.asarray(imaging, float)
    imaging = imaging.reshape(len(imaging), -1)
    if not np.isfinite(imaging).all():
        raise ValueError("the imaging of a training set is not known")
    centred = imaging - imaging.mean(axis=0)
    spread = centred.std(axis=0)
    differs = spread > 1e-12 * np.abs(imaging).max(axis=0)
    if not differs.any():
        return np.zeros((len(imaging), len(imaging)))
    u, values, _ = np.linalg.svd(centred[:, differs] / spread[differs], full_matrices=False)
    leading = u[:, : _MOST_IMAGING if len(imaging) >= 8 else 1]
    leading = leading[:, values[: leading.shape[1]] > 1e-6 * values[0]]
    return leading @ leading.T


def position_root(positions: ArrayLike) -> NDArray[np.float64]:
    """L (d, d) of C = L L^T, so that rows d become d L; `positions` C (d, d). Raises `ValueError` if there is none."""
    positions = np.asarray(positions, float)
    if positions.shape != (len(positions),) * 2 or not np.allclose(positions, positions.T):
        raise ValueError("the covariance of the positions must be a symmetric matrix")
    try:
        return np.linalg.cholesky(positions)
    except np.linalg.LinAlgError as error:
        raise ValueError("the covariance of the positions is not positive definite") from error


def permuted_forms(kernels: ArrayLike, products: ArrayLike, orders: NDArray[np.int64]) -> NDArray[np.float64]:
    """Q (k, B) of `kernels` (k, F, F) with `products` (F, F), their rows and columns in the `orders` (B, F)."""
    kernels, products = np.asarray(kernels, float), np.asarray(products, float)
    n = len(products)
    flat = kernels.reshape(-1, n * n).T
    step = max(1, _AT_ONCE // n**2)
    pieces = (orders[start : start + step] for start in range(0, len(orders), step))
    return np.concatenate([products[o[:, :, None], o[:, None, :]].reshape(len(o), -1) @ flat for o in pieces]).T


def standardised_forms(forms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cube roots of forms (k, B), less their mean and over their sd over permutations.

    The cube root of a sum of squares is nearly normal (Wilson & Hilferty 1931, PNAS 17, 684), so that the largest of
    several is not decided by the one with the longest tail. Centred kernels that are not positive give signed roots.
    Raises `ValueError` for a form that is the same in all permutations.
    """
    roots = np.cbrt(forms)
    spread = roots.std(axis=1, keepdims=True)
    if not np.all(spread > 1e-9 * np.abs(roots).max(axis=1, keepdims=True)):
        raise ValueError("the footprints do not differ in what a response could follow")
    return (roots - roots.mean(axis=1, keepdims=True)) / spread


def _centred(kernel: NDArray) -> NDArray[np.float64]:
    rows = kernel - kernel.mean(axis=0)
    return rows - rows.mean(axis=1, keepdims=True)


def _projector(features: NDArray) -> NDArray[np.float64]:
    """On the columns that are left of (F, k) features without their mean."""
    u, values, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    u = u[:, values > 1e-9 * max(values[0], 1e-300)]
    return u @ u.T
