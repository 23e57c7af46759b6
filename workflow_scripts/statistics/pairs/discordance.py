"""Where on the sky two networks disagree, and in which direction. Galaxies are the unit: these two networks only.

A label's own dependence on what a galaxy is cancels in the difference of two labels of it, and with it nearly all of a
gradient of the true fraction s. Not all: where A's and B's rates of true and false positives are T and F, the mean
difference is s (T_A - T_B) + (1 - s) (F_A - F_B), so a gradient of s enters times (T_A - T_B) - (F_A - F_B). The two
logistic models take the disagreement apart: how often there is one, and which network calls a galaxy positive. Both
depend on s in the same way.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.sky.regression import sky_glm
from workflow_scripts.statistics.sky.sky_sums import PixelPositions


@dataclass(frozen=True)
class LogisticDipole:
    """logit P = intercept + beta . n, with the covariance (4, 4) of (intercept, beta).

    `level` is the log odds at the mean position of the galaxies in the fit; unlike `intercept`, the log odds at n = 0
    where no galaxy is, it is nearly independent of beta. `lr` compares with a fit without beta: chi-square with three
    degrees of freedom. `n` counts the galaxies in the fit.
    """

    intercept: float
    beta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    level: float
    level_se: float
    lr: float
    p: float
    n: int

    @property
    def se(self) -> NDArray[np.float64]:
        """Standard errors of the three components of beta."""
        return np.sqrt(np.diag(self.covariance)[1:])


def discordant_direction(discordant: PixelPositions, only_a: ArrayLike) -> LogisticDipole:
    """Among galaxies on which A and B differ: logit P(A calls it positive) = g0 + g . n.

    g is zero where the share of A among those who call it positive does not depend on position, whatever the number of
    disagreements there. McNemar's test is that of g0 = 0 in the fit without g, where g0 = ln(b/c); with g, compare
    `level`, not `intercept`.

    Parameters
    ----------
    discordant
        positions of the galaxies on which A and B differ, and of no others.
    only_a
        (p,) those of each pixel that A calls positive.

    Raises
    ------
    ValueError
        for fewer than five disagreements, and as `sky_glm`: all of them in one direction, a part of the sky too small,
        or a direction that position determines completely.
    """
    return _logistic_dipole(discordant, only_a, "disagreements")


def discordance_rate(positions: PixelPositions, discordant: ArrayLike) -> LogisticDipole:
    """How often A and B differ: logit P(A and B differ) = e0 + e . n.

    Parameters
    ----------
    positions
        positions of all galaxies.
    discordant
        (p,) those of each pixel on which A and B differ.

    Raises
    ------
    ValueError
        for fewer than five galaxies, and as `sky_glm`.
    """
    return _logistic_dipole(positions, discordant, "galaxies")


def _logistic_dipole(positions: PixelPositions, successes: ArrayLike, what: str) -> LogisticDipole:
    if positions.n < 5:
        raise ValueError(f"{positions.n} {what} are too few for a dipole")
    fit = sky_glm(positions, successes, lmax=1)
    at_mean = np.concatenate([[1.0], positions.sums.first / positions.n])
    return LogisticDipole(
        fit.intercept,
        fit.beta,
        fit.covariance,
        float(at_mean @ np.concatenate([[fit.intercept], fit.beta])),
        float(np.sqrt(at_mean @ fit.covariance @ at_mean)),
        fit.dipole.statistic,
        fit.dipole.p,
        fit.n,
    )
