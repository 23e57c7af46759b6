"""The dipole of a fraction on its own scale, p(n) = M + D d . n, by maximum likelihood: for comparison with others.

Patel & Desmond (2024, MNRAS 534, 1553) fit labels with p(n) = M + D (d . n) + Q [(q1 . n)(q2 . n) - q1 . q2 / 3]. The
bracket is a symmetric traceless form in n, and every such form can be written that way (`multipole_vectors`), so their
model is p = M + beta . n + theta . q(n) with the five functions of l = 2. In these coefficients the log-likelihood is
concave: it has one maximum, found by Newton's method without restarts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION
from workflow_scripts.statistics.sky.multipoles import quadrupole_basis, quadrupole_matrix
from workflow_scripts.statistics.sky.pixels import PixelPositions
from workflow_scripts.statistics.sky.regression import NestedTest

MOST_ITERATIONS = 60


@dataclass(frozen=True)
class LinearProbability:
    """p(n) = monopole + beta . n + theta . q(n); `covariance` is of these in this order; see `linear_probability`.

    `dipole` tests beta = 0 without a quadrupole, `quadrupole` theta = 0 given the dipole.
    """

    monopole: float
    beta: NDArray[np.float64]
    theta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_likelihood: float
    dipole: NestedTest
    quadrupole: NestedTest | None
    n: int

    @property
    def amplitude(self) -> float:
        """D = |beta|. Never zero, even on an isotropic sky: see `dipole_amplitude` for what it is worth."""
        return float(np.linalg.norm(self.beta))

    @property
    def axis(self) -> NDArray[np.float64]:
        """Unit vector d along which p rises; NaN for a dipole of exactly zero."""
        return self.beta / self.amplitude if self.amplitude > 0 else np.full(3, np.nan)

    @property
    def delta_bic(self) -> float:
        """BIC of the dipole less BIC of the monopole, 3 ln n - 2 ln(L1/L0): above zero it favours isotropy."""
        return float(3 * np.log(self.n) - self.dipole.statistic)

    @property
    def multipole_vectors(self) -> tuple[float, NDArray[np.float64]]:
        """Q >= 0 and the unit vectors q1, q2 as rows (2, 3); `ValueError` where no quadrupole was fitted."""
        if not len(self.theta):
            raise ValueError("no quadrupole was fitted")
        return multipole_vectors(self.theta)


def multipole_vectors(theta: ArrayLike) -> tuple[float, NDArray[np.float64]]:
    """Q >= 0 and unit vectors q1, q2 (2, 3) with theta . q(n) = Q [(q1 . n)(q2 . n) - q1 . q2 / 3].

    The bracket has eigenvalues 1/2 + c/6, -c/3 and c/6 - 1/2 with c = q1 . q2, and q1, q2 lie on both sides of the
    first eigenvector in the plane of the first and the last. So Q is the largest less the smallest eigenvalue of the
    quadrupole, and c = -3 (middle eigenvalue) / Q. Both vectors may be reversed together.
    """
    values, directions = np.linalg.eigh(quadrupole_matrix(theta))
    q = float(values[2] - values[0])
    cosine = float(np.clip(-3 * values[1] / q, -1, 1)) if q > 0 else 1.0
    along, aside = np.sqrt((1 + cosine) / 2) * directions[:, 2], np.sqrt((1 - cosine) / 2) * directions[:, 0]
    return q, np.array([along + aside, along - aside])


def linear_probability(positions: PixelPositions, positives: ArrayLike, quadrupole: bool = False) -> LinearProbability:
    """Fit the linear model to the positive galaxies `positives` (p,) of each pixel of `positions`.

    A pixel a galaxy gives the unbinned fit of the paper. Coefficients are fractions per unit vector; about
    f (1 - f) times those of `sky_glm`.

    Raises
    ------
    ValueError
        for labels of one kind, a part of the sky that leaves a coefficient undetermined, or labels whose best fit
        reaches a fraction of 0 or 1 at a galaxy: there the linear model breaks down and `sky_glm` does not.
    """
    occupied = positions.counts > 0
    successes = np.asarray(positives, float)
    if successes.shape != occupied.shape:
        raise ValueError(f"{successes.size} numbers of positives do not belong to {occupied.size} pixels")
    counts, successes = positions.counts[occupied].astype(float), successes[occupied]
    if not np.all((successes >= 0) & (successes <= counts)):
        raise ValueError("the positives of a pixel must be between 0 and its number of galaxies")
    if not 0 < successes.sum() < counts.sum():
        raise ValueError("all galaxies have the same label: there is nothing that could depend on position")
    vectors = positions.mean_vectors()[occupied]
    fraction = successes.sum() / counts.sum()
    values = [float(successes.sum() * np.log(fraction) + (counts - successes).sum() * np.log(1 - fraction))]
    design = np.column_stack([np.ones(len(counts)), vectors])
    coefficients, information, value = _maximum(design, counts, successes)
    values.append(value)
    if quadrupole:
        design = np.column_stack([design, quadrupole_basis(vectors)])
        coefficients, information, value = _maximum(design, counts, successes)
        values.append(value)
    return LinearProbability(
        monopole=float(coefficients[0]),
        beta=coefficients[1:4],
        theta=coefficients[4:],
        covariance=np.linalg.inv(information),
        log_likelihood=values[-1],
        dipole=_nested(values[0], values[1], 3),
        quadrupole=_nested(values[1], values[2], 5) if quadrupole else None,
        n=int(counts.sum()),
    )


def _maximum(design: NDArray, counts: NDArray, successes: NDArray) -> tuple[NDArray, NDArray, float]:
    """Coefficients, Fisher information and log-likelihood at the maximum, probabilities kept inside (0, 1)."""
    if not np.linalg.cond(design.T @ (counts[:, None] * design)) < LARGEST_CONDITION:
        raise ValueError("the galaxies lie on too small a part of the sky, or in too few pixels, for these multipoles")
    failures = counts - successes
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = successes.sum() / counts.sum()

    def log_likelihood(p: NDArray) -> float:
        if p.min() <= 0 or p.max() >= 1:
            return -np.inf
        return float(successes @ np.log(p) + failures @ np.log1p(-p))

    value = log_likelihood(design @ coefficients)
    for _ in range(MOST_ITERATIONS):
        p = design @ coefficients
        score = design.T @ (successes / p - failures / (1 - p))
        curvature = design.T @ ((successes / p**2 + failures / (1 - p) ** 2)[:, None] * design)
        step = np.linalg.solve(curvature, score)
        if score @ step < 1e-12:
            return coefficients, design.T @ ((counts / (p * (1 - p)))[:, None] * design), value
        for _ in range(50):
            new = log_likelihood(design @ (coefficients + step))
            if new >= value - 1e-12 * abs(value):
                break
            step = step / 2
        else:
            break
        coefficients, value = coefficients + step, new
    raise ValueError("the best linear fit reaches a fraction of 0 or 1 at a galaxy: these labels need the logistic fit")


def _nested(small: float, large: float, dof: int) -> NestedTest:
    ratio = max(0.0, 2 * (large - small))
    return NestedTest(ratio, dof, float(stats.chi2.sf(ratio, dof)))
