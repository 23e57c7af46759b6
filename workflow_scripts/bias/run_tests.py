"""Statistics of runs as tests in the common form: numbers and vectors of footprints, whatever the design."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.bias.collected_tests import need_numbers
from workflow_scripts.bias.quantities import Quantity
from workflow_scripts.statistics.result import TestResult
from workflow_scripts.statistics.runs.contrasts import ArmContrast, VectorContrast, arm_contrast, vector_contrast
from workflow_scripts.statistics.runs.footprint_response import (
    FootprintResponse,
    FootprintSlope,
    footprint_response,
    footprint_slope,
)


@dataclass(frozen=True)
class RunTests:
    """What the tests of one design share: the null, the number of units, permutations and their seed, and notes."""

    null: str
    n: int
    permutations: int
    seed: int
    notes: Sequence[str] = field(default_factory=list)

    def result(self, name: str, family: str, estimand: str, found: Any, **values: Any) -> TestResult:
        """A test from `found`, a frozen result with `p_permutation` and `p_smallest`, and `p` where it has one."""
        return TestResult(
            name=name,
            estimand=estimand,
            null=self.null,
            unit_of_replication="run",
            family=family,
            n=self.n,
            **{
                "p": getattr(found, "p", None),
                "p_permutation": found.p_permutation,
                "p_smallest": found.p_smallest,
                **values,
            },
        )

    def contrast(self, name: str, family: str, quantity: Quantity, a: pd.DataFrame, b: pd.DataFrame) -> TestResult:
        """First arm minus second, a row a training set; `ValueError` where runs are too few, or have no number."""
        columns = list(quantity.columns)
        need_numbers(pd.concat([a[columns], b[columns]]))
        if len(columns) == 1:
            column = columns[0]
            found = arm_contrast(a[column], b[column], self.permutations, self.seed)
            words = f"difference of the mean {quantity.words} over training sets"
            note = "Welch's t; permutation of the labels of training sets"
            return self._of_number(name, family, words, found, found.difference, note)
        return self._of_vector(
            name, family, quantity, vector_contrast(a[columns], b[columns], self.permutations, self.seed)
        )

    def _of_number(
        self, name: str, family: str, words: str, found: ArmContrast | FootprintSlope, estimate: float, note: str
    ) -> TestResult:
        return self.result(
            name,
            family,
            words,
            found,
            estimate=estimate,
            se=found.se,
            ci95=found.ci95,
            statistic=found.t,
            dof=found.dof,
            size=estimate,
            size_ci95=found.ci95,
            notes=[*self.notes, note],
        )

    def _of_vector(self, name: str, family: str, quantity: Quantity, found: VectorContrast) -> TestResult:
        se = np.sqrt(np.diag(found.covariance))
        half = stats.t.ppf(0.975, found.dof[1] + len(se) - 1) * se
        length = found.difference @ found.difference - np.trace(found.covariance)
        return self.result(
            name,
            family,
            f"difference of the mean {quantity.words} (x y z)",
            found,
            estimate=found.difference,
            se=se,
            ci95=np.stack([found.difference - half, found.difference + half], axis=-1),
            statistic=found.f,
            dof=found.dof,
            size=float(np.sqrt(max(0.0, length))),
            notes=[*self.notes, "T2 of unequal covariances as F; intervals are those of single components"],
        )

    def response(self, name: str, family: str, quantity: Quantity, axes: np.ndarray, means: pd.DataFrame) -> TestResult:
        """Response to the axis, a row of `axes` and `means` a footprint; `ValueError` as for `contrast`."""
        columns = list(quantity.columns)
        need_numbers(means[columns])
        fit = footprint_response(axes, means[columns].to_numpy(), self.permutations, self.seed)
        common = means[list(quantity.centre)].mean() if quantity.centre else fit.common
        return self._of_response(name, family, quantity, fit, common)

    def slope(
        self, name: str, family: str, quantity: Quantity, covariate: pd.Series, means: pd.DataFrame, template: str
    ) -> TestResult:
        """Slope on the footprints' training galaxies' mean of a template; `ValueError` as for `contrast`."""
        (column,) = quantity.columns
        need_numbers(means[[column]].assign(covariate=covariate))
        found = footprint_slope(covariate, means[column], self.permutations, self.seed)
        words = f"slope of the {quantity.words} on the mean {template} of the training galaxies, in standard deviations"
        note = f"what else follows the {template} of the footprints is not told from it"
        return self._of_number(name, family, f"{words} of the annotated ones", found, found.slope, note)

    def _of_response(
        self, name: str, family: str, quantity: Quantity, fit: FootprintResponse, common: Any
    ) -> TestResult:
        single = len(quantity.columns) == 1
        return self.result(
            name,
            family,
            quantity.response_estimand,
            fit,
            estimate=fit.matrix[0] if single else fit.matrix,
            se=fit.matrix_se[0] if single else fit.matrix_se,
            ci95=fit.matrix_ci95[0] if single else fit.matrix_ci95,
            statistic=fit.statistic,
            dof=fit.dof,
            size=fit.size,
            size_ci95=fit.size_ci95,
            notes=[
                *self.notes,
                f"common to all footprints: {numbers(common)}",
                f"axes explain {fit.statistic:.0%} of the variance between footprints",
                f"direction of largest response (x y z): {numbers(fit.direction)}",
            ],
        )


def numbers(values: Any) -> str:
    """Numbers with four decimals, for a note."""
    return " ".join(f"{value:.4f}" for value in np.ravel(values))
