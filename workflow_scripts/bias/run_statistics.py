"""Statistics of runs as the numbers of a test, whatever the design: `estimate, se, ci95, statistic, dof, p ...`.

`permutations` are their number and seed. All raise `ValueError` where runs are too few, or one has no number.
"""

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.bias.quantities import DIPOLE, Quantity
from workflow_scripts.statistics.result import TestResult
from workflow_scripts.statistics.runs.contrasts import arm_contrast, vector_contrast
from workflow_scripts.statistics.runs.footprint_response import footprint_response, footprint_slope, scalar_response
from workflow_scripts.statistics.runs.variance_components import variance_components


def contrast_numbers(
    quantity: Quantity, a: pd.DataFrame, b: pd.DataFrame, permutations: tuple[int, int]
) -> dict[str, Any]:
    """First arm minus second, a row a training set."""
    columns = list(quantity.columns)
    _need_numbers(pd.concat([a[columns], b[columns]]))
    if len(columns) == 1:
        single = arm_contrast(a[columns[0]], b[columns[0]], *permutations)
        note = "Welch's t; permutation of the labels of training sets"
        return _of_number(single, single.difference, note)
    found = vector_contrast(a[columns], b[columns], *permutations)
    se = np.sqrt(np.diag(found.covariance))
    half = stats.t.ppf(0.975, found.dof[1] + len(se) - 1) * se
    length = found.difference @ found.difference - np.trace(found.covariance)
    return _of_same_name(found) | {
        "estimate": found.difference,
        "se": se,
        "ci95": np.stack([found.difference - half, found.difference + half], axis=-1),
        "statistic": found.f,
        "size": float(np.sqrt(max(0.0, length))),
        "notes": ["T2 of unequal covariances as F; intervals are those of single components"],
    }


def response_numbers(
    quantity: Quantity, axes: np.ndarray, means: pd.DataFrame, permutations: tuple[int, int]
) -> dict[str, Any]:
    """Response to the axis, a row of `axes` and `means` a footprint."""
    columns = list(quantity.columns)
    _need_numbers(means[columns])
    fit = footprint_response(axes, means[columns].to_numpy(), *permutations)
    common = means[list(quantity.level_columns)].mean() if quantity.difference else fit.common
    matrix = {"estimate": fit.matrix, "se": fit.matrix_se, "ci95": fit.matrix_ci95}
    return _of_same_name(fit) | {
        **{name: value if quantity.vector else value[0] for name, value in matrix.items()},
        "notes": [
            f"common to all footprints: {_listed(common)}",
            f"axes explain {fit.statistic:.0%} of the variance between footprints",
            f"direction of largest response (x y z): {_listed(fit.direction)}",
        ],
    }


def scalar_response_numbers(axes: np.ndarray, means: pd.DataFrame, permutations: tuple[int, int]) -> dict[str, Any]:
    """The response along the footprint's own axis, one number for the dipole."""
    _need_numbers(means[DIPOLE])
    kappa = scalar_response(axes, means[DIPOLE].to_numpy(), *permutations)
    statistic = kappa.kappa / kappa.se if kappa.se > 0 else None
    return _of_same_name(kappa) | {"estimate": kappa.kappa, "statistic": statistic, "notes": []}


def slope_numbers(
    quantity: Quantity, covariate: pd.Series, means: pd.DataFrame, template: str, permutations: tuple[int, int]
) -> dict[str, Any]:
    """Slope on the mean template of the footprints' training galaxies."""
    (column,) = quantity.columns
    _need_numbers(means[[column]].assign(covariate=covariate))
    found = footprint_slope(covariate, means[column], *permutations)
    return _of_number(
        found, found.slope, f"what else follows the {template} of the footprints cannot be separated from it"
    )


def variance_components_numbers(values: np.ndarray, explained: np.ndarray | None, _: tuple[int, int]) -> dict[str, Any]:
    """Training noise, without permutations: networks trained on other galaxies, and on the same with another seed."""
    found = variance_components(values, explained)
    notes = []
    if np.isfinite(found.icc):
        notes.append(f"share of the variance between training sets (ICC): {found.icc:.2f}")
    if explained is not None:
        notes.append("what the axes of the footprints explain was taken off")
    estimate = [found.sample_sd, found.seed_sd]
    return _of_same_name(found) | {"estimate": estimate, "statistic": found.f, "notes": notes}


def _of_number(found: Any, estimate: float, note: str) -> dict[str, Any]:
    sizes = {"size": estimate, "size_ci95": found.ci95}
    return _of_same_name(found) | sizes | {"estimate": estimate, "statistic": found.t, "notes": [note]}


def _of_same_name(found: Any) -> dict[str, Any]:
    """The numbers of a statistic that a test has by the same name, such as `se`, `dof` and `p_permutation`."""
    names = {field.name for field in fields(TestResult)}
    return {name: value for name, value in vars(found).items() if name in names}


def _need_numbers(values: pd.DataFrame) -> None:
    if not np.isfinite(values.to_numpy(float)).all():
        raise ValueError("not defined for every run")


def _listed(values: Any) -> str:
    """Numbers with four decimals, for a note."""
    return " ".join(f"{value:.4f}" for value in np.ravel(values))
