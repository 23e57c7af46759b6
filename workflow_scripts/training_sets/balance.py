"""How well training sets are matched."""

from collections.abc import Collection, Mapping
from dataclasses import fields

import numpy as np
import pandas as pd

from workflow_scripts.training_sets.covariate_differences import CovariateDifference, covariate_difference

_NOT_COVARIATES = ("source_id", "ra", "dec", "label", "split")
_STATISTICS = [field.name for field in fields(CovariateDifference)]


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
        reference_sd, smd, variance_ratio, ks, ks_p`, as in `CovariateDifference`. `n` counts the galaxies whose
        covariate is known; statistics of fewer than two are left empty. `ks_p` errs on the high side, because the
        training set is a part of the pool. A catalog without covariates gives one row a class, with `covariate` empty.
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
        `label, covariate` and the fields of `CovariateDifference`; `smd` is positive where the first has the larger
        mean.
    """
    return _table(first, second)


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
    return pd.DataFrame(rows, columns=["label", "covariate", *_STATISTICS])


def _compared(first: pd.Series, second: pd.Series) -> dict[str, float]:
    a, b = (values.to_numpy(float, na_value=np.nan) for values in (first, second))
    return vars(covariate_difference(a, b))
