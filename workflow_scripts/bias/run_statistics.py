"""Statistics of runs as the numbers of a test, whatever the design: `estimate, se, ci95, statistic, dof, p ...`.

`permutations` are their number and seed. All raise `ValueError` where runs are too few, or one has no number.
"""

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.bias.quantities import DIPOLE, REFERENCE_DIPOLE, Quantity
from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.result import TestResult
from workflow_scripts.statistics.runs.common_dipole import common_dipole
from workflow_scripts.statistics.runs.common_fraction import common_fraction
from workflow_scripts.statistics.runs.contrasts import NumberTest, arm_contrast, vector_contrast
from workflow_scripts.statistics.runs.footprint_response import (
    FootprintResponse,
    footprint_response,
    footprint_slope,
    scalar_response,
)
from workflow_scripts.statistics.runs.pattern_response import FEWEST_FOR_LIMIT, ODD, pattern_response
from workflow_scripts.statistics.runs.variance_components import variance_components

# A single permutation, where no p is used.
_FIT_ALONE = 1, 0


def contrast_numbers(
    quantity: Quantity, a: pd.DataFrame, b: pd.DataFrame, positions: np.ndarray | None, permutations: tuple[int, int]
) -> dict[str, Any]:
    """First arm minus second, a row a training set; a vector's length is measured as `positions` (3, 3) allow."""
    columns = list(quantity.columns)
    _need_numbers(pd.concat([a[columns], b[columns]]))
    if len(columns) == 1:
        single = arm_contrast(a[columns[0]], b[columns[0]], *permutations)
        note = "Welch's t; permutation of the labels of training sets"
        return _of_number(single, note)
    found = vector_contrast(a[columns], b[columns], *permutations, positions=positions)
    se = np.sqrt(np.diag(found.covariance))
    half = stats.t.ppf(0.975, found.dof[1] + len(se) - 1) * se
    return _of_same_name(found) | {
        "se": se,
        "ci95": np.stack([found.estimate - half, found.estimate + half], axis=-1),
        "notes": ["T2 of unequal covariances as F; intervals are those of single components"],
    }


def response_numbers(
    quantity: Quantity,
    axes: np.ndarray,
    means: pd.DataFrame,
    positions: np.ndarray | None,
    permutations: tuple[int, int],
) -> dict[str, Any]:
    """Response to the axis, a row of `axes` and `means` a footprint; `positions` (3, 3) weight the components."""
    columns = list(quantity.columns)
    _need_numbers(means[columns])
    weighted = positions if quantity.vector else None
    fit = footprint_response(axes, means[columns].to_numpy(), *permutations, positions=weighted)
    common = means[list(quantity.level_columns)].mean() if quantity.difference else fit.common
    matrix = {"estimate": fit.matrix, "se": fit.matrix_se, "ci95": fit.matrix_ci95}
    return _of_same_name(fit) | {
        **{name: value if quantity.vector else value[0] for name, value in matrix.items()},
        "direction": direction_words(fit.direction),
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


def pattern_numbers(
    axes: np.ndarray,
    means: pd.DataFrame,
    positions: np.ndarray | None,
    imaging: np.ndarray | None,
    common_noise: np.ndarray | None,
    permutations: tuple[int, int],
) -> dict[str, Any]:
    """Any response of the sky pattern, and its size along the dipole that all footprints share.

    `positions` (3, 3) is the covariance of the positions, `imaging` (footprints, t) the mean imaging of the training
    galaxies, `common_noise` (3, 3) that of the dipole against the reference, by the number of galaxies, None where none
    has a reference label: there is no common dipole then. The limit is the larger of that of the curve and that of a
    linear response in any direction.
    """
    _need_numbers(means[DIPOLE])
    dipoles, reference = means[DIPOLE].to_numpy(), means[REFERENCE_DIPOLE].mean(skipna=False).to_numpy()
    known = common_noise is not None and np.linalg.norm(np.nan_to_num(reference)) > 0
    shared = {"common": reference, "common_noise": common_noise} if known else {}
    found = pattern_response(axes, dipoles, *permutations, positions=positions, imaging=imaging, **shared)
    details: dict[str, Any] = {
        "deciding": found.deciding,
        "parts": {name: {"statistic": form, "p": p} for name, (form, p) in found.parts.items()},
    }
    numbers = _of_same_name(found) | {"details": details, "notes": [f"what decides: {found.deciding}"]}
    # The size of what decides: a response across the common dipole leaves the amplitude along it as it is.
    linear = None
    if len(axes) >= FEWEST_FOR_LIMIT:
        linear = footprint_response(axes, dipoles, *_FIT_ALONE, positions=positions)
    across = _linear_size(linear, details) if linear and found.deciding == ODD else {}
    curve = found.curve
    if found.direction is None or curve is None:
        return numbers | across
    ends = {"least": curve.least, "largest": curve.largest}
    details |= {name: {"amplitude": amplitude, "mu": mu} for name, (amplitude, mu) in ends.items()}
    shown = ("mu", "amplitude", "low", "high", "footprint_mu", "footprint_amplitude")
    details |= {name: getattr(curve, name) for name in shown}
    details |= {"common_direction": direction_words(found.direction), "footprints": list(map(str, means.index))}
    limit = curve.limit95
    if limit is not None and linear is not None:
        details["limit95_of_curve"] = limit
        details["limit95_of_linear_response"] = linear.limit95
        limit = max(limit, linear.limit95)
    sizes = {"estimate": curve.change, "ci95": curve.change_ci95, "size": curve.change, "size_ci95": curve.change_ci95}
    extremes = " and ".join(f"{name} at mu = {mu:+.2f}" for name, (_, mu) in ends.items())
    towards = details["common_direction"].removeprefix("towards ")
    where = f"{extremes} (mu: cosine between the footprint's axis and {towards})"
    return numbers | sizes | {"limit95": limit, "direction": where} | across


def _linear_size(linear: FootprintResponse, details: dict[str, Any]) -> dict[str, Any]:
    """The size of a linear response as that of the test; `linear_direction` in `details` says so."""
    details["linear_direction"] = direction_words(linear.direction)
    return {"size": linear.size, "size_ci95": linear.size_ci95, "direction": details["linear_direction"]}


def common_numbers(
    values: np.ndarray, galaxy_covariance: np.ndarray, positions: np.ndarray, cause: str, _: tuple[int, int]
) -> dict[str, Any]:
    """The dipole that all networks share, `values` (units, 3), with the `galaxy_covariance` (3, 3) of one of them.

    `positions` (3, 3) is the covariance of the positions of the galaxies that have a reference label.
    """
    if not np.isfinite(values).all():
        raise ValueError("not defined for every run")
    found = common_dipole(values, galaxy_covariance, positions=positions)
    return _of_same_name(found) | {
        "direction": direction_words(found.direction) if found.estimate.any() else None,
        "details": {"cause": cause},
        "notes": [],
    }


def expected_numbers(values: np.ndarray, galaxy_variance: float, expected: float, _: tuple[int, int]) -> dict[str, Any]:
    """The fraction that all networks share, `values` (units,), against the expected one."""
    found = common_fraction(values, galaxy_variance, expected)
    return _of_same_name(found) | {"size": found.estimate, "size_ci95": found.ci95, "notes": []}


def slope_numbers(
    quantity: Quantity, covariate: pd.Series, means: pd.DataFrame, template: str, permutations: tuple[int, int]
) -> dict[str, Any]:
    """Slope on the mean template of the footprints' training galaxies."""
    (column,) = quantity.columns
    _need_numbers(means[[column]].assign(covariate=covariate))
    found = footprint_slope(covariate, means[column], *permutations)
    return _of_number(found, f"what else follows the {template} of the footprints cannot be separated from it")


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


def direction_words(vector: np.ndarray) -> str:
    """Where a vector points to, ICRS degrees."""
    ra, dec = right_ascension_declination(np.asarray(vector, float) / np.linalg.norm(vector))
    return f"towards RA {float(ra):.0f}°, Dec {float(dec):+.0f}°"


def _of_number(found: NumberTest, note: str) -> dict[str, Any]:
    return _of_same_name(found) | {"size": found.estimate, "size_ci95": found.ci95, "notes": [note]}


def _of_same_name(found: Any) -> dict[str, Any]:
    """The numbers of a statistic that a test has by the same name, such as `se`, `dof` and `p_permutation`."""
    names = {field.name for field in fields(TestResult)} | {"limit95"}
    return {name: value for name, value in vars(found).items() if name in names}


def _need_numbers(values: pd.DataFrame) -> None:
    if not np.isfinite(values.to_numpy(float)).all():
        raise ValueError("not defined for every run")


def _listed(values: Any) -> str:
    """Numbers with four decimals, for a note."""
    return " ".join(f"{value:.4f}" for value in np.ravel(values))
