"""The dipole of galaxies that come from several groups (labellers, cameras, merged catalogs): within and between them.

Where groups cover other parts of the sky and have other fractions, merging them makes a dipole, whatever the sky does.
With centred sums of each group, the dipole of all galaxies is exactly the sum of that and of what is left within
groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION, DipoleEstimate, chi_square_test
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums

Group = tuple[PositionSums, ValueSums]


@dataclass(frozen=True)
class StratifiedDipole:
    """`within`: the dipole that groups have in common, each about its own mean and its own centre; Q has 3 dof.

    `groups` is the number of groups that it rests on, those of both classes, and `positions` their galaxies, each about
    the centre of its group: groups on small parts of the sky constrain little, wherever these are.
    """

    within: DipoleEstimate
    groups: int
    positions: PositionSums


@dataclass(frozen=True)
class MergingDipole(DipoleEstimate):
    """The dipole of the group's mean, given to each of its galaxies: what merging alone makes.

    Its Q is chi-square with `dof` degrees of freedom, one less than there are groups and as many as components at most.
    """

    dof: int


def within_groups(groups: Sequence[Group]) -> StratifiedDipole:
    """The dipole within groups: beta = W^-1 sum_g U_g with W = sum_g M_g.

    U_g = sum (x - xbar_g)(n - nbar_g) and M_g = sum (n - nbar_g)(n - nbar_g)^T over the galaxies of group g. Where no
    group's values depend on position, U_g has the covariance N_g/(N_g - 1) s_g^2 M_g with s_g^2 the group's variance
    (permutations within groups: Mantel 1963, JASA 58, 690), and Q = U^T V^-1 U, with V their sum, is chi-square with
    three degrees of freedom. Groups of fewer than two galaxies or of equal values say nothing and are left out.

    Raises
    ------
    ValueError
        where no group is left, or the groups leave a direction undetermined.
    """
    score, second, variance, used, n = np.zeros(3), np.zeros((3, 3)), np.zeros((3, 3)), 0, 0
    for positions, values in groups:
        if positions.n < 2 or (spread := _variance(positions, values)) <= 1e-15:
            continue
        score += values.vector - values.total / positions.n * positions.first
        second += positions.centred
        variance += positions.n / (positions.n - 1) * spread * positions.centred
        used, n = used + 1, n + positions.n
    if not used:
        raise ValueError(
            "all galaxies of each group have the same value: nothing within groups could depend on position"
        )
    if np.trace(second) < 1e-9 * n or not np.linalg.cond(second) < LARGEST_CONDITION:
        raise ValueError("each group's galaxies lie on a part of the sky too small for a dipole")
    inverse = np.linalg.inv(second)
    beta, covariance = inverse @ score, inverse @ variance @ inverse
    found = DipoleEstimate(beta, covariance, *chi_square_test(beta, covariance))
    return StratifiedDipole(found, used, PositionSums(n, np.zeros(3), second))


def merging_dipole(groups: Sequence[Group]) -> MergingDipole:
    """The dipole between groups: beta = M^-1 sum_g N_g xbar_g (nbar_g - nbar), M of all galaxies.

    Its covariance is that of the groups' means, s_g^2/N_g each; where all groups have one mean, Q is chi-square.

    Raises
    ------
    ValueError
        for fewer than two groups, groups with the same mean position, or too small a part of the sky.
    """
    if len(groups) < 2:
        raise ValueError("there is one group: merging it makes nothing")
    n = sum(positions.n for positions, _ in groups)
    centre = np.sum([positions.first for positions, _ in groups], axis=0) / n
    matrix = np.sum([positions.second for positions, _ in groups], axis=0) - n * np.outer(centre, centre)
    if np.trace(matrix) < 1e-9 * n or not np.linalg.cond(matrix) < LARGEST_CONDITION:
        raise ValueError("the galaxies lie on a part of the sky too small for a dipole")
    offsets = np.array([positions.first - positions.n * centre for positions, _ in groups])
    means = np.array([values.total / positions.n for positions, values in groups])
    # With the common mean, since this is for its null.
    mean = sum(values.total for _, values in groups) / n
    pooled = sum(values.squares for _, values in groups) / n - mean**2
    scatter = pooled * (offsets.T / [positions.n for positions, _ in groups]) @ offsets
    sizes, axes = np.linalg.eigh(scatter)
    kept = sizes > 1e-9 * np.trace(matrix)
    if not kept.any() or pooled <= 1e-15:
        raise ValueError("the groups have the same place or the same values: merging them makes no dipole")
    inverse = np.linalg.inv(matrix)
    score = offsets.T @ means
    q = float(((axes.T @ score)[kept] ** 2 / sizes[kept]).sum())
    dof = int(kept.sum())
    return MergingDipole(inverse @ score, inverse @ scatter @ inverse, q, float(stats.chi2.sf(q, dof)), dof)


def _variance(positions: PositionSums, values: ValueSums) -> float:
    return values.squares / positions.n - (values.total / positions.n) ** 2
