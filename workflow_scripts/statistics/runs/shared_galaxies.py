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
    excess over `nothing` that is compatible with the data (one-sided, 95 %; an estimate below `nothing` is noise, and
    does not lower it), `p` one-sided: information can only raise the number.
    `scatter_of` says what the scatter between networks is known from.
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
        return max(0.0, self.estimate - self.nothing) + float(stats.t.ppf(level, self.dof)) * self.se


def mean_of_networks(
    values: ArrayLike, influences: ArrayLike, groups: ArrayLike, sets: ArrayLike, nothing: float
) -> NetworksMean:
    """Mean over networks with the run and the block of sky as units.

    Every group (a pair of regions) has the same weight, within it every training set, and within that every seed. With
    w_r the weight of run r, the galaxies add g = B/(B - 1) sum_b (sum_r w_r I_rb)^2: what they do to all networks alike
    is summed before it is squared. The networks add (s^2 - q)+ times the sum of the squared weights of training sets:
    s^2 is the variance of training sets about the mean of their group, or of seeds about that of their set where no
    group has two sets, and q what the galaxies give such differences, from the same influences. Groups are not drawn at
    random: differences between them are no error. Degrees of freedom: Satterthwaite (1946, Biometrics Bull. 2, 110) of
    g and s^2, of g alone where s^2 is not larger than q.

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
    scatter, dof_scatter, share, scatter_of = _scatter(values, influences, groups, sets, weights)
    of_networks = max(0.0, scatter - share)
    variance = of_galaxies + of_networks
    if not variance > 0:
        raise ValueError("neither the networks nor the galaxies scatter: there is nothing to compare with")
    spread = of_galaxies**2 / (blocks - 1) + (scatter**2 / dof_scatter if of_networks else 0.0)
    dof = variance**2 / spread
    estimate, se = float(weights @ values), float(np.sqrt(variance))
    half, one_sided = (float(stats.t.ppf(level, dof)) * se for level in (0.975, 0.95))
    return NetworksMean(
        estimate=estimate,
        se=se,
        se_galaxies=float(np.sqrt(of_galaxies)),
        ci95=(estimate - half, estimate + half),
        limit95=max(0.0, estimate - nothing) + one_sided,
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


def _scatter(
    values: NDArray, influences: NDArray, groups: NDArray, sets: NDArray, weights: NDArray
) -> tuple[float, int, float, str]:
    """Variance that the scatter between networks gives the mean, its degrees of freedom, the share of the galaxies in
    it, and what it is known from.
    """
    pairs, of_run = np.unique(np.column_stack([groups, sets]), axis=0, return_inverse=True)
    of_run = of_run.ravel()
    # The number in front, the influences of the blocks behind it.
    rows = np.column_stack([values, influences])
    means, of_set = _means(rows, of_run), np.bincount(of_run, weights)
    group = np.unique(pairs[:, 0], return_inverse=True)[1]
    if (dof := len(pairs) - int(group.max()) - 1) > 0:
        apart, squared, scatter_of = means - _means(means, group)[group], (of_set**2).sum(), OF_SETS
    elif (dof := len(values) - len(pairs)) > 0:
        apart, squared, scatter_of = rows - means[of_run], (weights**2).sum(), OF_SEEDS
    else:
        return 0.0, 1, 0.0, NOT_KNOWN
    blocks = influences.shape[1]
    of_values, of_influences = (apart[:, 0] ** 2).sum(), blocks / (blocks - 1) * (apart[:, 1:] ** 2).sum()
    return float(of_values / dof * squared), dof, float(of_influences / dof * squared), scatter_of


def _means(rows: NDArray, number: NDArray) -> NDArray[np.float64]:
    """Means (k, m) of the rows (n, m) with each number (n,) 0 ... k - 1."""
    sums = np.zeros((int(number.max()) + 1, rows.shape[1]))
    np.add.at(sums, number, rows)
    return np.asarray(sums / np.bincount(number)[:, None], np.float64)
