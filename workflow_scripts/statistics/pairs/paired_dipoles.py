"""Dipoles of the disagreement of two annotations of the same galaxies, where only its rate may depend on position.

A difference delta = y_A - y_B of -1, 0 or 1 scatters more where the two differ more often. Its permutations, and the
covariance s^2 M^-1, take the scatter for the same everywhere, and reject too often where it is not: the sandwich of
`dipole.robust_dipole` does not. The rate itself is the mean of delta^2, a label of 0 or 1 by galaxy.
"""

from dataclasses import replace

from workflow_scripts.statistics.sky.dipole import Dipole, ScatterSums, robust_dipole
from workflow_scripts.statistics.sky.sky_sums import ValueSums


def disagreement_dipole(scatter: ScatterSums) -> Dipole:
    """Dipole of the rate of disagreement, a fraction by unit vector, with the covariance of `robust_dipole`.

    Sums of delta^2 and of its square are those of the squares of delta, since delta is -1, 0 or 1. Raises `ValueError`
    as `robust_dipole`, and where sums are not of such differences.
    """
    values = scatter.values
    if abs(values.total) > values.squares or values.squares > scatter.positions.n:
        raise ValueError("the sums are not of differences of -1, 0 and 1")
    rate = ValueSums(values.squares, values.squares, scatter.squares_first)
    return robust_dipole(replace(scatter, values=rate, weighted=scatter.squares_second))
