"""The dipole of a fraction on its own scale, p(n) = M + D d . n, by maximum likelihood: for comparison with others.

The model of Patel & Desmond (2024, MNRAS 534, 1553) without their quadrupole. In the components beta = D d the
log-likelihood is concave: it has one maximum, found by Newton's method without restarts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION
from workflow_scripts.statistics.sky.regression import NestedTest, occupied_pixels
from workflow_scripts.statistics.sky.sky_sums import PixelPositions

_MOST_ITERATIONS = 60


@dataclass(frozen=True)
class LinearProbability:
    """p(n) = monopole + beta . n; `covariance` (4, 4) is of these in this order, and `dipole` tests beta = 0."""

    monopole: float
    beta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_likelihood: float
    dipole: NestedTest
    n: int

    @property
    def delta_bic(self) -> float:
        """BIC of the dipole less BIC of the monopole, 3 ln n - 2 ln(L1/L0): above zero it favours isotropy."""
        return float(3 * np.log(self.n) - self.dipole.statistic)


def linear_probability(positions: PixelPositions, positives: ArrayLike) -> LinearProbability:
    """Fit the linear model to the positive galaxies `positives` (p,) of each pixel of `positions`.

    A pixel a galaxy gives the unbinned fit of the paper. Coefficients are fractions per unit vector; about
    f (1 - f) times those of `sky_glm`.

    Raises
    ------
    ValueError
        for labels of one kind, a part of the sky that leaves a coefficient undetermined, or labels whose best fit
        reaches a fraction of 0 or 1 at a galaxy: there the linear model breaks down and `sky_glm` does not.
    """
    counts, successes, vectors = occupied_pixels(positions, positives)
    fraction = successes.sum() / counts.sum()
    without = float(successes.sum() * np.log(fraction) + (counts - successes).sum() * np.log(1 - fraction))
    design = np.column_stack([np.ones(len(counts)), vectors])
    coefficients, information, value = _maximum(design, counts, successes)
    return LinearProbability(
        monopole=float(coefficients[0]),
        beta=coefficients[1:],
        covariance=np.linalg.inv(information),
        log_likelihood=value,
        dipole=NestedTest.of(without, value, 3),
        n=int(counts.sum()),
    )


def _maximum(design: NDArray, counts: NDArray, successes: NDArray) -> tuple[NDArray, NDArray, float]:
    """Coefficients, Fisher information and log-likelihood at the maximum, probabilities kept inside (0, 1)."""
    if not np.linalg.cond(design.T @ (counts[:, None] * design)) < LARGEST_CONDITION:
        raise ValueError("the galaxies lie on too small a part of the sky, or in too few pixels, for a dipole")
    failures = counts - successes
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = successes.sum() / counts.sum()

    def log_likelihood(p: NDArray) -> float:
        if p.min() <= 0 or p.max() >= 1:
            return -np.inf
        return float(successes @ np.log(p) + failures @ np.log1p(-p))

    value = log_likelihood(design @ coefficients)
    for _ in range(_MOST_ITERATIONS):
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
