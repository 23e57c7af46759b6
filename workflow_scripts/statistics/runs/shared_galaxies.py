"""The mean of a number over networks that are all scored on the same galaxies.

Its error has two parts: the scatter between training sets, which more of them average away, and the noise of the
galaxies, which the networks share and no number of them averages away.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FEWEST_BLOCKS_OF_ERROR = 12
# Which runs the scatter between networks is known from.
OF_SETS, OF_SEEDS, NOT_KNOWN = "training sets", "seeds", "not known"


@dataclass(frozen=True)
class NetworksMean:
    """The mean `estimate` over groups, training sets and seeds, and whether it is above `nothing`.

    `se` has both parts, `se_galaxies` that of the galaxies alone; `ci95` is of the estimate; `limit95` is the largest
    excess over `nothing` that is compatible with the data (one-sided, 95 %), `p` one-sided: information can only raise
    the number. `scatter_of` says what the scatter between networks is known from.
    """

    estimate: float
    se: float
    se_galaxies: float
    ci95: tuple[float, float]
    limit95: float
    p: float
    dof: float
    nothing: float
    scatter_of: str
    n_networks: int
    n_blocks: int

    def limit_at(self, level: float) -> float:
        """The largest excess over `nothing` that is compatible with the data at a one-sided level such as 0.95."""
        return max(0.0, self.estimate - self.nothing + float(stats.t.ppf(level, self.dof)) * self.se)


def mean_of_networks(
    values: ArrayLike, influences: ArrayLike, groups: ArrayLike, sets: ArrayLike, nothing: float
) -> NetworksMean:
    """Mean over networks with the run and the block of sky as units.

    Every group (a pair of regions) has the same weight, within it every training set, and within that every seed. With
    w_r the weight of run r, the galaxies add g = B/(B - 1) sum_b (sum_r w_r I_rb)^2: what they do to all networks alike
    is summed before it is squared. The networks add s^2 times the sum of the squared weights of training sets, s^2 the
    variance of training sets about the mean of their group, or of seeds about that of their set where no group has two
    sets. s^2 holds the galaxies' noise of single networks as well, which is then in the error twice. Groups are not
    drawn at random: differences between them are no error. Degrees of freedom: Satterthwaite (1946, Biometrics Bull. 2,
    110) of both parts.

    Parameters
    ----------
    values
        (r,): the number of each run.
    influences
        (r, b): sums over the galaxies of each block of sky of their influence on the number.
    groups, sets
        (r,): labels of the group and of the training set of each run.
    nothing
        the value without any information.

    Raises
    ------
    ValueError
        for values that are not finite, fewer than `FEWEST_BLOCKS_OF_ERROR` blocks, or no noise at all.
    """
    values, influences = np.asarray(values, float), np.asarray(influences, float)
    if values.ndim != 1 or not len(values) or influences.shape[:1] != values.shape or influences.ndim != 2:
        raise ValueError("values must be one a network, influences one a network and block")
    if not (np.isfinite(values).all() and np.isfinite(influences).all()):
        raise ValueError("the number of a network, or an influence on it, is missing")
    blocks = influences.shape[1]
    if blocks < FEWEST_BLOCKS_OF_ERROR:
        raise ValueError(f"{blocks} blocks of sky are too few for an error: {FEWEST_BLOCKS_OF_ERROR} are needed")
    groups, sets = np.unique(groups, return_inverse=True)[1], np.unique(sets, return_inverse=True)[1]
    weights = _weights(groups, sets)
    of_galaxies = blocks / (blocks - 1) * float(((weights @ influences) ** 2).sum())
    of_networks, dof_networks, scatter_of = _scatter(values, groups, sets, weights)
    variance = of_galaxies + of_networks
    if not variance > 0:
        raise ValueError("neither the networks nor the galaxies scatter: there is nothing to compare with")
    dof = variance**2 / (of_galaxies**2 / (blocks - 1) + of_networks**2 / max(dof_networks, 1))
    estimate, se = float(weights @ values), float(np.sqrt(variance))
    half, one_sided = (float(stats.t.ppf(level, dof)) * se for level in (0.975, 0.95))
    return NetworksMean(
        estimate=estimate,
        se=se,
        se_galaxies=float(np.sqrt(of_galaxies)),
        ci95=(estimate - half, estimate + half),
        limit95=max(0.0, estimate - nothing + one_sided),
        p=float(stats.t.sf((estimate - nothing) / se, dof)),
        dof=float(dof),
        nothing=nothing,
        scatter_of=scatter_of,
        n_networks=len(values),
        n_blocks=blocks,
    )


def _weights(groups: NDArray, sets: NDArray) -> NDArray[np.float64]:
    """Weights (r,), which add up to one: equal for groups, for the sets of a group, and for the runs of a set."""
    # A set may serve two groups.
    pairs, of_run, runs = np.unique(np.column_stack([groups, sets]), axis=0, return_inverse=True, return_counts=True)
    of_run = of_run.ravel()
    sets_in_group = np.bincount(pairs[:, 0])
    return 1 / (len(sets_in_group) * sets_in_group[groups] * runs[of_run])


def _scatter(values: NDArray, groups: NDArray, sets: NDArray, weights: NDArray) -> tuple[float, int, str]:
    """Variance that the scatter between networks gives the mean, its degrees of freedom, and what it is known from."""
    pairs, of_run = np.unique(np.column_stack([groups, sets]), axis=0, return_inverse=True)
    of_run = of_run.ravel()
    runs = np.bincount(of_run)
    means, of_set = np.bincount(of_run, values) / runs, np.bincount(of_run, weights)
    group = pairs[:, 0]
    dof = len(pairs) - len(np.unique(group))
    if dof > 0:
        centre = np.bincount(group, means) / np.bincount(group)
        return float(((means - centre[group]) ** 2).sum() / dof * (of_set**2).sum()), dof, OF_SETS
    dof = len(values) - len(pairs)
    if dof > 0:
        return float(((values - means[of_run]) ** 2).sum() / dof * (weights**2).sum()), dof, OF_SEEDS
    return 0.0, 0, NOT_KNOWN
