"""The dipole of a quantity on the sky: monopole and mask taken care of by centring."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workflow_scripts.statistics.sky.sums import PositionSums, ValueSums

# Beyond this, some direction of the dipole is all but degenerate with the monopole.
LARGEST_CONDITION = 1e6


@dataclass(frozen=True)
class Dipole:
    """x = mean + beta . n. `q` is chi-square with three degrees of freedom when x does not depend on position."""

    mean: float
    beta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    q: float
    p: float

    @property
    def se(self) -> NDArray[np.float64]:
        """Standard errors of the three components, galaxies taken as independent."""
        return np.sqrt(np.diag(self.covariance))


def dipole(positions: PositionSums, values: ValueSums) -> Dipole:
    """Least-squares dipole with centred values and positions.

    beta = M^-1 sum (n_i - nbar)(x_i - xbar) with M = sum (n_i - nbar)(n_i - nbar)^T; under the null its covariance is
    s^2 M^-1 with s^2 the variance of x, and Q = beta^T M beta / s^2. Centring removes the fake dipole that a constant
    x makes on a partial sky.

    Raises
    ------
    ValueError
        for fewer than five galaxies, a constant x, or positions that leave a component undetermined.
    """
    if positions.n < 5:
        raise ValueError(f"{positions.n} galaxies are too few for a dipole")
    matrix = positions.centred
    mean = values.total / positions.n
    variance = values.squares / positions.n - mean**2
    if variance <= 1e-15 * max(1.0, mean**2):
        raise ValueError("all values are the same: there is nothing that could depend on position")
    if not np.linalg.cond(matrix) < LARGEST_CONDITION or np.trace(matrix) < 1e-9 * positions.n:
        raise ValueError("the galaxies lie on a part of the sky too small for a dipole")
    inverse = np.linalg.inv(matrix)
    beta = inverse @ (values.vector - mean * positions.first)
    q = float(beta @ matrix @ beta / variance)
    return Dipole(float(mean), beta, np.asarray(variance * inverse, np.float64), q, float(stats.chi2.sf(q, 3)))
