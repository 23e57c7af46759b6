"""How well training sets are matched."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

_NOT_COVARIATES = ("source_id", "ra", "dec", "label", "split")


def balance_table(training_set: pd.DataFrame, reference: pd.DataFrame, matched: Collection[str] = ()) -> pd.DataFrame:
    """Compare a training set with the training pool that it is matched to, covariate by covariate and class by class.

    Covariates that were not matched, such as the seeing, are listed too: they are what may differ between footprints.

    Parameters
    ----------
    training_set, reference
        `label` and covariates; every numeric column that both have is compared.
    matched
        covariates that the training set was matched in.

    Returns
    -------
    pandas.DataFrame
        one row per class and covariate: `label, covariate, matched, n, mean, sd, reference_n, reference_mean,
        reference_sd, smd, ks, ks_p`. `n` counts the galaxies whose covariate is known; statistics of fewer than two are
        left empty. `smd` is the standardised mean difference (below 0.05 is as good as matched), `ks` the
        Kolmogorov-Smirnov distance; `ks_p` errs on the high side, because the training set is a part of the pool. A
        catalog without covariates gives one row a class, with `covariate` empty.
    """
    table = _table(training_set, reference)
    table.insert(2, "matched", table["covariate"].isin(list(matched)))
    names = {f"{statistic}_{side}": name for statistic in ("n", "mean", "sd") for side, name in _sides(statistic)}
    return table.rename(columns=names)


def compare_training_sets(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Compare two training sets, covariate by covariate and class by class.

    Returns
    -------
    pandas.DataFrame
        `label, covariate, n_a, mean_a, sd_a, n_b, mean_b, sd_b, smd, ks, ks_p`, as in `balance_table`; `smd` is
        positive where the first has the larger mean.
    """
    return _table(first, second)


def standardised_mean_difference(
    mean_a: ArrayLike, sd_a: ArrayLike, mean_b: ArrayLike, sd_b: ArrayLike
) -> NDArray[np.float64]:
    """(mean_a - mean_b) over the root mean square of the two standard deviations (Austin 2009, Stat. Med. 28, 3083).

    0 where the means are equal, whatever the deviations; infinite where two constants differ.
    """
    difference = np.asarray(mean_a, float) - np.asarray(mean_b, float)
    pooled = np.sqrt((np.asarray(sd_a, float) ** 2 + np.asarray(sd_b, float) ** 2) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / pooled)


def _sides(statistic: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("a", statistic), ("b", f"reference_{statistic}")


def _table(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    covariates = [
        name
        for name in first.columns
        if name in second and name not in _NOT_COVARIATES and pd.api.types.is_numeric_dtype(first[name])
    ]
    rows: list[Mapping[str, object]] = []
    for label in sorted(set(first["label"]) | set(second["label"])):
        a, b = first[first["label"] == label], second[second["label"] == label]
        rows += [{"label": label, "covariate": name, **_compared(a[name], b[name])} for name in covariates]
        if not covariates:
            rows.append({"label": label, "covariate": "", "n_a": len(a), "n_b": len(b)})
    columns = ["label", "covariate", "n_a", "mean_a", "sd_a", "n_b", "mean_b", "sd_b", "smd", "ks", "ks_p"]
    return pd.DataFrame(rows, columns=columns)


def _compared(first: pd.Series, second: pd.Series) -> dict[str, float]:
    a, b = (values.to_numpy(float, na_value=np.nan) for values in (first, second))
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    row: dict[str, float] = {"n_a": a.size, "n_b": b.size}
    if min(a.size, b.size) < 2:
        return row
    row |= {"mean_a": a.mean(), "sd_a": a.std(ddof=1), "mean_b": b.mean(), "sd_b": b.std(ddof=1)}
    row["smd"] = float(standardised_mean_difference(row["mean_a"], row["sd_a"], row["mean_b"], row["sd_b"]))
    test = stats.ks_2samp(a, b, method="asymp")
    return row | {"ks": float(test.statistic), "ks_p": float(test.pvalue)}
