"""Statistics of runs as the numbers of a test, whatever the design: `estimate, se, ci95, statistic, dof, p ...`.

`permutations` are their number and seed. All raise `ValueError` where runs are too few, or one has no number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.answers.wording import place_in_words
from workflow_scripts.bias.annotations import Sky
from workflow_scripts.bias.quantities import DIPOLE, DIPOLE_QUANTITY, REFERENCE_DIPOLE, Quantity
from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.result import TestResult
from workflow_scripts.statistics.runs.common_means import common_dipole, common_fraction
from workflow_scripts.statistics.runs.contrasts import NumberContrast, arm_contrast, vector_contrast
from workflow_scripts.statistics.runs.footprint_response import (
    FootprintResponse,
    footprint_response,
    footprint_slope,
    scalar_response,
)
from workflow_scripts.statistics.runs.pattern_response import FEWEST_FOR_LIMIT, ODD, pattern_response
from workflow_scripts.statistics.runs.variance_components import variance_components
from workflow_scripts.statistics.sky.constrained_components import ConstrainedComponents, tested_axes

# A single permutation, where no p is used.
_FIT_ALONE = 1, 0


@dataclass(frozen=True)
class _Components:
    """Those components of a vector that the sky constrains: their `axes` (k, 3), and the `positions` (k, k) in them."""

    axes: np.ndarray
    positions: np.ndarray | None
    notes: Sequence[str] = ()

    @classmethod
    def of(cls, sky: Sky | None, quantity: Quantity) -> "_Components":
        """Of a quantity; all alike without a sky. Raises `ValueError` for a vector where none is constrained."""
        if sky is None or not quantity.vector:
            return cls(np.eye(len(quantity.columns)), None)
        return cls.along(sky.of(quantity), sky.positions)

    @classmethod
    def along(cls, sky: ConstrainedComponents, positions: np.ndarray) -> "_Components":
        """Those that are constrained, with the covariance (3, 3) of the positions. Raises `ValueError` on a field."""
        axes = tested_axes(sky)
        axes = np.eye(3) if axes is None else axes
        return cls(axes, axes @ positions @ axes.T, [sky.sentence] if sky.sentence else [])


def contrast_numbers(
    quantity: Quantity, a: pd.DataFrame, b: pd.DataFrame, sky: Sky | None, permutations: tuple[int, int]
) -> dict[str, Any]:
    """First arm minus second, a row a training set; a vector is measured as the `sky` allows."""
    columns = list(quantity.columns)
    seen = _Components.of(sky, quantity)
    _need_numbers(pd.concat([a[columns], b[columns]]))
    if len(columns) == 1:
        single = arm_contrast(a[columns[0]], b[columns[0]], *permutations)
        note = "Welch's t; permutation of the labels of training sets"
        return _of_number(single, note)
    first, second = (side[columns].to_numpy() @ seen.axes.T for side in (a, b))
    found = vector_contrast(first, second, *permutations)
    estimate, se = found.estimate @ seen.axes, np.sqrt(np.diag(seen.axes.T @ found.covariance @ seen.axes))
    half = stats.t.ppf(0.975, found.dof[1] + len(seen.axes) - 1) * se
    return _of_same_name(found) | {
        "estimate": estimate,
        "se": se,
        "ci95": np.stack([estimate - half, estimate + half], axis=-1),
        "notes": ["T2 of unequal covariances as F; intervals are those of single components", *seen.notes],
    }


def response_numbers(
    quantity: Quantity,
    axes: np.ndarray,
    means: pd.DataFrame,
    sky: Sky | None,
    permutations: tuple[int, int],
) -> dict[str, Any]:
    """Response to the axis, a row of `axes` and `means` a footprint; a vector is measured as the `sky` allows."""
    columns = list(quantity.columns)
    seen = _Components.of(sky, quantity)
    _need_numbers(means[columns])
    values = means[columns].to_numpy() @ seen.axes.T
    fit = footprint_response(axes, values, *permutations, positions=seen.positions, frame=seen.axes)
    common = means[list(quantity.level_columns)].mean() if quantity.difference else fit.common
    matrix = {"estimate": fit.matrix, "se": fit.matrix_se, "ci95": fit.matrix_ci95}
    return _of_same_name(fit) | {
        **{name: value if quantity.vector else value[0] for name, value in matrix.items()},
        "direction": direction_words(fit.direction),
        "notes": [
            f"common to all footprints: {_listed(common)}",
            f"axes explain {fit.statistic:.0%} of the variance between footprints",
            f"direction of largest response (x y z): {_listed(fit.direction)}",
            *seen.notes,
        ],
    }


def scalar_response_numbers(
    axes: np.ndarray, means: pd.DataFrame, sky: Sky | None, permutations: tuple[int, int]
) -> dict[str, Any]:
    """The response along the footprint's own axis, one number for the dipole."""
    seen = _Components.of(sky, DIPOLE_QUANTITY)
    _need_numbers(means[DIPOLE])
    kappa = scalar_response(axes @ seen.axes.T, means[DIPOLE].to_numpy() @ seen.axes.T, *permutations)
    statistic = kappa.kappa / kappa.se if kappa.se > 0 else None
    return _of_same_name(kappa) | {"estimate": kappa.kappa, "statistic": statistic, "notes": list(seen.notes)}


def pattern_numbers(
    axes: np.ndarray,
    means: pd.DataFrame,
    sky: Sky | None,
    imaging: np.ndarray | None,
    common_noise: np.ndarray | None,
    permutations: tuple[int, int],
) -> dict[str, Any]:
    """Any response of the sky pattern, and its size along the dipole that all footprints share.

    Dipoles are measured as the `sky` allows, `imaging` (footprints, t) is the mean imaging of the training galaxies,
    `common_noise` (3, 3) that of the dipole against the reference, by the number of galaxies, None where none has a
    reference label: there is no common dipole then. The limit is the larger of that of the curve and that of a linear
    response in any direction.
    """
    seen = _Components.of(sky, DIPOLE_QUANTITY)
    _need_numbers(means[DIPOLE])
    dipoles = means[DIPOLE].to_numpy() @ seen.axes.T
    reference = seen.axes @ means[REFERENCE_DIPOLE].mean(skipna=False).to_numpy()
    known = common_noise is not None and np.linalg.norm(np.nan_to_num(reference)) > 0
    found = pattern_response(
        axes,
        dipoles,
        *permutations,
        common=reference if known else None,
        common_noise=seen.axes @ common_noise @ seen.axes.T if known else None,
        positions=seen.positions,
        imaging=imaging,
        frame=seen.axes,
    )
    details: dict[str, Any] = {
        "deciding": found.deciding,
        "parts": {name: {"statistic": form, "p": p} for name, (form, p) in found.parts.items()},
    }
    numbers = _of_same_name(found) | {"details": details, "notes": [f"what decides: {found.deciding}", *seen.notes]}
    # The size of what decides: a response across the common dipole leaves the amplitude along it as it is.
    linear = None
    if len(axes) >= FEWEST_FOR_LIMIT:
        linear = footprint_response(axes, dipoles, *_FIT_ALONE, positions=seen.positions, frame=seen.axes)
    across = _linear_size(linear, details) if linear and found.deciding == ODD else {}
    curve = found.curve
    if found.direction is None or curve is None:
        return numbers | across
    ends = {"least": curve.least, "largest": curve.largest}
    details |= {name: {"amplitude": amplitude, "mu": mu} for name, (amplitude, mu) in ends.items()}
    shown = ("mu", "amplitude", "low", "high", "footprint_mu", "footprint_amplitude", "odd_p", "even_p")
    details |= {name: getattr(curve, name) for name in shown}
    details |= {"common_vector": found.direction, "common_direction": direction_words(found.direction)}
    details |= {"footprints": list(map(str, means.index))}
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
    values: np.ndarray, galaxy_covariance: np.ndarray, sky: Sky, cause: str, _: tuple[int, int]
) -> dict[str, Any]:
    """The dipole that all networks share, `values` (units, 3), with the `galaxy_covariance` (3, 3) of one of them."""
    seen = _Components.along(sky.labelled, sky.labelled_positions)
    axes = seen.axes
    if not np.isfinite(values).all():
        raise ValueError("not defined for every run")
    found = common_dipole(values @ axes.T, axes @ galaxy_covariance @ axes.T)
    return _of_same_name(found) | {
        "estimate": found.estimate @ axes,
        "direction": direction_words(found.direction @ axes) if found.size > 0 else None,
        "details": {"cause": cause},
        "notes": list(seen.notes),
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
    return f"towards {place_in_words(float(ra), float(dec))}"


def _of_number(found: NumberContrast, note: str) -> dict[str, Any]:
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
