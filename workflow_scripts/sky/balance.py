"""How well training sets are matched."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

_NOT_COVARIATES = ("source_id", "ra", "dec", "label", "cell", "rank")


def balance_table(training_set: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Compare a training set with its reference, covariate by covariate and class by class.

    Returns
    -------
    pandas.DataFrame
        `label, covariate, n, mean, sd, reference_n, reference_mean, reference_sd, smd, ks, ks_p`. `smd` is the
        standardised mean difference (Austin 2009, Stat. Med. 28, 3083, eq. 1): below 0.05 is as good as matched.
        A class without covariates has one row with `covariate` empty.
    """
    covariates = [
        name
        for name in training_set.columns
        if name not in _NOT_COVARIATES and pd.api.types.is_numeric_dtype(training_set[name])
    ]
    rows = []
    for label, galaxies in training_set.groupby("label"):
        others = reference[reference["label"] == label]
        if not covariates:
            rows.append({"label": label, "covariate": "", "n": len(galaxies), "reference_n": len(others)})
        for name in covariates:
            rows.append({"label": label, "covariate": name, **_compared(galaxies[name], others[name])})
    columns = ["label", "covariate", "n", "mean", "sd", "reference_n", "reference_mean", "reference_sd"]
    return pd.DataFrame(rows, columns=[*columns, "smd", "ks", "ks_p"])


def standardised_mean_difference(mean_a: ArrayLike, sd_a: ArrayLike, mean_b: ArrayLike, sd_b: ArrayLike) -> np.ndarray:
    """(mean_a - mean_b) over the root mean square of the two standard deviations; 0 where both are constant and equal."""
    difference = np.asarray(mean_a, float) - np.asarray(mean_b, float)
    pooled = np.sqrt((np.asarray(sd_a, float) ** 2 + np.asarray(sd_b, float) ** 2) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / pooled)


def _compared(values: pd.Series, reference: pd.Series) -> dict[str, float]:
    values, reference = values.dropna().astype(float), reference.dropna().astype(float)
    row: dict[str, float] = {"n": len(values), "reference_n": len(reference)}
    if len(values) < 2 or len(reference) < 2:
        return row
    row |= {"mean": values.mean(), "sd": values.std(), "reference_mean": reference.mean()}
    row["reference_sd"] = reference.std()
    row["smd"] = float(standardised_mean_difference(row["mean"], row["sd"], row["reference_mean"], row["reference_sd"]))
    test = stats.ks_2samp(values, reference, method="asymp")
    return row | {"ks": float(test.statistic), "ks_p": float(test.pvalue)}
