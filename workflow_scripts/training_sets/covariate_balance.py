"""How far two training sets can be told apart by what is known of their galaxies, beyond means and distributions.

`sky.covariate_differences` compares each covariate by itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


@dataclass(frozen=True)
class AdversarialAuc:
    """P(a galaxy of the first set looks more like the first set than one of the second does); 1/2 where balanced.

    `null_sd` is the scatter of the value when set membership is permuted, and `p_permutation` the one-sided share of
    permutations with at least that value.
    """

    value: float
    null_sd: float
    p_permutation: float


def adversarial_auc(
    first: ArrayLike, second: ArrayLike, permutations: int, seed: int, folds: int = 5
) -> AdversarialAuc:
    """Can the two sets be told apart from all covariates together?

    Fisher's linear discriminant (1936, Ann. Eugen. 7, 179) of the covariates, their squares and products is fitted
    without one fold of the galaxies and ranks those of that fold; the value is the mean of the folds' AUCs. It sees
    differences of means, spreads and correlations. Folds are not independent of each other, because each helps to fit
    the others' discriminants, so the null comes from permuting set membership within folds and fitting again.

    Parameters
    ----------
    first, second
        (n_a, k) and (n_b, k) covariates, a row a galaxy. Galaxies that are in both sets make the value too small.
    permutations, seed, folds
        number of permutations (1 or more); of these and the random division into two or more folds; of the folds.

    Raises
    ------
    ValueError
        for a missing value, different numbers of covariates, fewer than two folds or one permutation, fewer than 4
        galaxies of a set in a fold, or covariates that are all constant.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not a.shape[1]:
        raise ValueError(f"both sets need the same covariates, a column each, not {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a covariate is missing or infinite")
    if folds < 2 or min(len(a), len(b)) < 4 * folds:
        raise ValueError(f"{len(a)} and {len(b)} galaxies are too few for {folds} folds")
    if permutations < 1:
        raise ValueError("at least one permutation is needed for a p-value")
    features = _features(np.vstack([a, b]))
    random = np.random.default_rng(seed)
    fold = np.concatenate([random.permutation(len(part)) % folds for part in (a, b)])
    # A column a permutation; the first is what was observed.
    member = np.zeros((len(features), permutations + 1))
    member[: len(a)] = 1.0
    for number in range(folds):
        rows = np.flatnonzero(fold == number)
        member[rows, 1:] = random.permuted(member[rows, 1:], axis=0)
    value = np.mean([_auc_of_fold(features, member, fold == number) for number in range(folds)], axis=0)
    as_large = int((value[1:] >= value[0] - 1e-12).sum())
    return AdversarialAuc(float(value[0]), float(value[1:].std()), (as_large + 1) / (permutations + 1))


def _features(covariates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Covariates, squares and products, each in standard deviations; constant ones are left out."""
    spread = covariates.std(axis=0)
    kept = spread > 1e-12 * np.maximum(1.0, np.abs(covariates.mean(axis=0)))
    if not kept.any():
        raise ValueError("no covariate differs between galaxies: there is nothing to tell sets apart by")
    x = (covariates[:, kept] - covariates[:, kept].mean(axis=0)) / spread[kept]
    first, second = np.triu_indices(x.shape[1])
    features = np.hstack([x, x[:, first] * x[:, second]])
    deviation = features.std(axis=0)
    return features[:, deviation > 1e-12] / deviation[deviation > 1e-12]


def _auc_of_fold(features: NDArray, member: NDArray, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """AUC in one fold of the discriminant fitted to the others, for every column of `member`."""
    train, labels = features[~inside], member[~inside]
    # Least squares of membership is Fisher's discriminant; the pseudo-inverse also serves dependent features.
    direction = np.linalg.pinv(train - train.mean(axis=0), rcond=1e-10) @ (labels - labels.mean(axis=0))
    ranks = stats.rankdata(features[inside] @ direction, axis=0)
    of_first = member[inside].sum(axis=0)
    below = (ranks * member[inside]).sum(axis=0) - of_first * (of_first + 1) / 2
    return below / (of_first * (inside.sum() - of_first))
