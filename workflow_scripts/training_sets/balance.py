"""How well training sets are matched: each covariate by itself, and all of them together."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

_NOT_COVARIATES = ("source_id", "ra", "dec", "label", "split")

# What `covariate_difference` gives.
_STATISTICS = ["n_a", "mean_a", "sd_a", "n_b", "mean_b", "sd_b", "smd", "variance_ratio", "ks", "ks_p"]


def balance_table(training_set: pd.DataFrame, pool: pd.DataFrame) -> pd.DataFrame:
    """Compare a training set with the training pool that it is matched to, covariate by covariate and class by class.

    Covariates that were not matched, such as the seeing, are listed too: they are what may differ between footprints.

    Parameters
    ----------
    training_set
        `source_id` and the covariates that it was matched in, as `matching.draw_training_set` gives them.
    pool
        the galaxies it was drawn from: `source_id, label` and covariates; every numeric column is compared.

    Returns
    -------
    pandas.DataFrame
        one row per class and covariate: `label, covariate, matched, n, mean, sd, reference_n, reference_mean,
        reference_sd, smd, variance_ratio, ks, ks_p`, as in `covariate_difference`. `n` counts the galaxies whose
        covariate is known; statistics of fewer than two are left empty. `ks_p` errs on the high side, because the
        training set is a part of the pool. A catalog without covariates gives one row a class, with `covariate` empty.
    """
    table = compare_training_sets(pool[pool["source_id"].isin(training_set["source_id"])], pool)
    table.insert(2, "matched", table["covariate"].isin(training_set.columns))
    sides = {"a": "", "b": "reference_"}
    names = {f"{name}_{side}": f"{of}{name}" for name in ("n", "mean", "sd") for side, of in sides.items()}
    return table.rename(columns=names)


def compare_training_sets(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Compare two training sets, covariate by covariate and class by class.

    Returns
    -------
    pandas.DataFrame
        `label, covariate` and what `covariate_difference` gives, or NaN; `smd` is positive where the first has the
        larger mean.
    """
    covariates = [
        name
        for name in first.columns
        if name in second and name not in _NOT_COVARIATES and pd.api.types.is_numeric_dtype(first[name])
    ]
    rows: list[Mapping[str, object]] = []
    for label in sorted(set(first["label"]) | set(second["label"])):
        a, b = (part[part["label"] == label] for part in (first, second))
        for name in covariates:
            values = (part[name].to_numpy(float, na_value=np.nan) for part in (a, b))
            rows.append({"label": label, "covariate": name, **covariate_difference(*values)})
        if not covariates:
            rows.append({"label": label, "covariate": "", "n_a": len(a), "n_b": len(b)})
    return pd.DataFrame(rows, columns=["label", "covariate", *_STATISTICS])


def covariate_difference(first: ArrayLike, second: ArrayLike) -> dict[str, float]:
    """Compare a covariate (n_a,) of one set with that of another (n_b,); missing and infinite values do not count.

    Number `n`, `mean` and standard deviation `sd` of both sets, and how they differ: `smd` is the standardised mean
    difference, first minus second, over the root mean square of the two deviations (Austin 2009, Stat. Med. 28, 3083):
    below 0.05 is as good as matched, infinite where two constants differ. `variance_ratio` is that of first over
    second, `ks` the Kolmogorov-Smirnov distance with its asymptotic p. Only the numbers are there where a set has fewer
    than two known values.
    """
    a, b = (values[np.isfinite(values)] for values in (np.asarray(first, float), np.asarray(second, float)))
    found: dict[str, float] = {"n_a": len(a), "n_b": len(b)}
    if min(len(a), len(b)) < 2:
        return found
    difference, sd_a, sd_b = float(a.mean() - b.mean()), float(a.std(ddof=1)), float(b.std(ddof=1))
    pooled = np.sqrt((sd_a**2 + sd_b**2) / 2)
    smd = difference / pooled if pooled > 0 else np.copysign(np.inf, difference) if difference else 0.0
    ratio = a.var(ddof=1) / b.var(ddof=1) if b.var() > 0 else np.nan
    test = stats.ks_2samp(a, b, method="asymp")
    found |= {"mean_a": float(a.mean()), "sd_a": sd_a, "mean_b": float(b.mean()), "sd_b": sd_b, "smd": float(smd)}
    return found | {"variance_ratio": float(ratio), "ks": float(test.statistic), "ks_p": float(test.pvalue)}


class AdversarialAuc(NamedTuple):
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
    """How well all covariates together distinguish the two sets.

    Fisher's linear discriminant (1936, Ann. Eugen. 7, 179) of the covariates, their squares and products is fitted
    without one fold of the galaxies and ranks those of that fold; the value is the mean of the folds' AUCs. It sees
    differences of means, spreads and correlations. Folds are not independent of each other, because each helps to fit
    the others' discriminants, so the null comes from permuting set membership within folds and fitting again.

    Parameters
    ----------
    first, second
        (n_a, k) and (n_b, k) finite covariates, a row a galaxy. Galaxies in both sets make the value too small.
    permutations, seed, folds
        number of permutations (1 or more); of these and the random division into two or more folds; of the folds.

    Raises
    ------
    ValueError
        for fewer than 4 galaxies of a set in a fold, or covariates that are all constant.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if min(len(a), len(b)) < 4 * folds:
        raise ValueError(f"{len(a)} and {len(b)} galaxies are too few for {folds} folds")
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
        raise ValueError("no covariate differs between galaxies: nothing distinguishes the sets")
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
