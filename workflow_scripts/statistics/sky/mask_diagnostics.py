"""What the covered part of the sky does to a dipole, before any label is looked at.

A dipole on part of the sky is nearly a monopole along one axis, and nearly a quadrupole along others. Where the mask
makes the error along a best axis much larger than the full sky would, suspicion falls on the mask.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.sky.constrained_components import ConstrainedComponents
from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION
from workflow_scripts.statistics.sky.sky_sums import PositionSums

# Standard error along an axis, over that of as many galaxies all over the sky.
SUSPICIOUS_INFLATION = 2.0


@dataclass(frozen=True)
class MaskDiagnostics:
    """How well a footprint determines a dipole; see `mask_diagnostics`."""

    weak_axis: NDArray[np.float64]
    variance_inflation: float
    footprint_axis: NDArray[np.float64]
    monopole_leakage: float
    condition: float
    n: int

    @property
    def se_inflation(self) -> float:
        """Standard error along the weak axis over that of as many galaxies spread over the full sky."""
        return float(np.sqrt(self.variance_inflation))


def mask_diagnostics(positions: PositionSums) -> MaskDiagnostics:
    """Weak axis, variance inflation, footprint axis and monopole leakage of the galaxies' positions.

    Returns
    -------
    MaskDiagnostics
        With C the covariance of the unit vectors: `weak_axis` is its eigenvector of the smallest eigenvalue (the sign
        is without meaning), `variance_inflation` = (1/3) / that eigenvalue, since the full sky has C = I/3. With
        nbar the mean unit vector and T = sum n n^T: `footprint_axis` is along T^-1 nbar, where uncentred labels with
        a mean m make a fake dipole of noncentrality n m^2 h, and `monopole_leakage` is h = nbar^T (T/n)^-1 nbar, from
        0 (full sky) to 1. `condition` is of the information of monopole and dipole, [[1, nbar], [nbar, T/n]].

        T^-1 nbar is parallel to C^-1 nbar. It is near the weak axis, but on it only where nbar is an eigenvector of T.

    Raises
    ------
    ValueError
        for fewer than five galaxies, or positions that leave a component undetermined.
    """
    if positions.n < 5:
        raise ValueError(f"{positions.n} galaxies are too few for a dipole")
    covariance, second = positions.centred / positions.n, positions.second / positions.n
    mean = positions.first / positions.n
    if not np.linalg.cond(covariance) < LARGEST_CONDITION or np.trace(covariance) < 1e-9:
        raise ValueError("the galaxies lie on a part of the sky too small for a dipole")
    values, directions = np.linalg.eigh(covariance)
    footprint = np.linalg.solve(second, mean)
    length = np.linalg.norm(footprint)
    information = np.block([[np.ones((1, 1)), mean[None]], [mean[:, None], second]])
    return MaskDiagnostics(
        weak_axis=directions[:, 0],
        variance_inflation=float(1 / 3 / values[0]),
        footprint_axis=footprint / length if length > 0 else np.full(3, np.nan),
        monopole_leakage=float(np.clip(mean @ footprint, 0, 1)),
        condition=float(np.linalg.cond(information)),
        n=positions.n,
    )


@dataclass(frozen=True)
class WeakAxisCheck:
    """A best axis on a mask: `se_inflation` along it, and its angle in degrees, 0 to 90, from the weak one.

    `suspicious` where the standard error along it is more than `SUSPICIOUS_INFLATION` times that of as many galaxies
    all over the sky; never on the full sky, where the weak axis has no meaning. `chance` is the share of random axes,
    equally likely over the sky, that lie as close to the weak one.
    """

    angle_deg: float
    suspicious: bool
    chance: float
    se_inflation: float


def weak_axis_check(axis: ArrayLike, sky: ConstrainedComponents) -> WeakAxisCheck:
    """What the mask does to the error along a best axis (3,); its length and sign do not matter.

    With C the covariance of the unit vectors the variance along a is proportional to a^T C^-1 a, which is 3 on the full
    sky; the weak axis is the least determined of `sky`. Raises `ValueError` for a vector of length zero or with NaN. On
    a mask, noise alone turns best axes towards the weak one, so `chance` is a lower limit to how often this happens
    without any dipole.
    """
    first = np.asarray(axis, float)
    length = np.linalg.norm(first)
    if not (np.isfinite(length) and length > 0):
        raise ValueError("an axis needs a direction: a vector of length above zero")
    first = first / length
    inflation = sky.inflation_along(first)
    cosine = float(min(1.0, abs(first @ sky.axes[-1])))
    angle = float(np.degrees(np.arccos(cosine)))
    return WeakAxisCheck(angle, inflation > SUSPICIOUS_INFLATION, 1 - cosine, inflation)


@dataclass(frozen=True)
class Aliasing:
    """Bias of fitted coefficients by terms left out, E[b1] - b1 = `matrix` @ b2; see `alias_matrix`.

    `variance_inflation` is what fitting the other terms too does to the variance of b1 along the worst direction;
    infinite where the galaxies cannot distinguish the blocks.
    """

    matrix: NDArray[np.float64]
    variance_inflation: float


def alias_matrix(fitted: ArrayLike, left_out: ArrayLike, weights: ArrayLike) -> Aliasing:
    """What terms left out of a weighted least-squares fit do to those that were fitted, with an intercept in the fit.

    Parameters
    ----------
    fitted, left_out
        (p, a) and (p, b): columns over pixels, such as unit vectors and `quadrupole_basis`.
    weights
        (p,) galaxies of each pixel, or galaxies times f (1 - f) for the binomial fit. Zero weights are left out.

    Returns
    -------
    Aliasing
        A = (X1^T W X1)^-1 X1^T W X2 with the weighted means removed from both blocks: the omitted-variable formula of
        least squares; for the binomial fit it holds to first order in the coefficients.

    Raises
    ------
    ValueError
        for negative or NaN weights, or fitted columns that the weighted pixels leave undetermined.
    """
    weights = np.asarray(weights, float)
    if not np.all(weights >= 0):
        raise ValueError("weights must be numbers of zero or more")
    used = weights > 0
    weights = weights[used]
    first, second = (np.asarray(block, float).reshape(len(used), -1)[used] for block in (fitted, left_out))
    columns = np.column_stack([first, second])
    if not len(columns):
        raise ValueError("no pixel has a weight")
    centred = columns - weights @ columns / weights.sum()
    information = centred.T @ (weights[:, None] * centred)
    a = first.shape[1]
    own, across, other = information[:a, :a], information[:a, a:], information[a:, a:]
    if not np.linalg.cond(own) < LARGEST_CONDITION or np.trace(own) < 1e-9 * weights.sum():
        raise ValueError("the pixels with a weight leave a fitted coefficient undetermined")
    matrix = np.linalg.solve(own, across)
    design = np.column_stack([np.ones(len(columns)), columns])
    if not np.linalg.cond(design.T @ (weights[:, None] * design)) < 1 / np.finfo(float).eps:
        return Aliasing(matrix, np.inf)
    projected = own - across @ np.linalg.solve(other, across.T)
    inflation = 1 / np.linalg.eigvals(np.linalg.solve(own, projected)).real.min()
    return Aliasing(matrix, float(inflation) if inflation > 0 else np.inf)
