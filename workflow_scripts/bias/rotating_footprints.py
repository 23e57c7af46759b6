"""How the catalog answers to the axis of rotating footprints."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.bias.collected_tests import (
    DIPOLE,
    FEWEST_FOOTPRINTS,
    REFERENCE_DIPOLE,
    CollectedTests,
    need_numbers,
    rotating_runs,
)
from workflow_scripts.bias.training_overlap import TrainingSets, overlap_between_footprints
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.result import TestResult
from workflow_scripts.statistics.runs.footprint_response import footprint_response, scalar_response

_EXCHANGEABLE = "footprints are exchangeable: axes permuted over footprints"


def axis_responses(
    found: CollectedTests, runs: pd.DataFrame, settings: Mapping[str, Any], suffix: str, training_sets: TrainingSets
) -> None:
    """Add the responses of fraction, score and dipole to the footprint's axis, for each family of hemispheres."""
    rotating = rotating_runs(runs)
    if rotating["footprint"].nunique() < FEWEST_FOOTPRINTS:
        found.missing.append(
            "The rotating design was not run, so the response to the footprint's direction is unknown."
        )
        found.untested += [name for name in found.primary if name.endswith("_response")]
        return
    families = rotating["family"].nunique()
    for family, members in rotating.groupby("family", sort=False):
        label = suffix + (f" [{family}]" if families > 1 else "")
        _responses_of_family(found, members, settings, label, training_sets)


def _responses_of_family(
    found: CollectedTests, rotating: pd.DataFrame, settings: Mapping[str, Any], suffix: str, training_sets: TrainingSets
) -> None:
    # The unit is the footprint: its runs share training galaxies, so they are averaged first.
    columns = ["axis_ra", "axis_dec", "fraction", "mean_score", *DIPOLE, *REFERENCE_DIPOLE]
    means = rotating.groupby("footprint", sort=True)[columns].mean()
    axes = unit_vectors(means["axis_ra"], means["axis_dec"])
    permutations, seed = settings["permutations"], settings["seed"]
    notes = [f"{len(means)} footprints, {len(rotating)} runs; runs of a footprint are averaged first"]
    if rotating.groupby("footprint").size().nunique() > 1:
        notes.append("footprints have unequal numbers of runs: they are not strictly exchangeable, p is approximate")
    keys = list(dict.fromkeys(zip(rotating["footprint"], rotating["resample"], strict=True)))
    notes += overlap_between_footprints(keys, training_sets)
    result = partial(TestResult, null=_EXCHANGEABLE, unit_of_replication="run", n=len(means))

    def response(name: str, columns: list[str], estimand: str) -> TestResult:
        need_numbers(means[columns])
        fit = footprint_response(axes, means[columns].to_numpy(), permutations, seed)
        single = len(columns) == 1
        return result(
            name=name,
            estimand=estimand,
            family=found.family(name),
            estimate=fit.matrix[0] if single else fit.matrix,
            se=fit.matrix_se[0] if single else fit.matrix_se,
            ci95=fit.matrix_ci95[0] if single else fit.matrix_ci95,
            statistic=fit.statistic,
            dof=fit.dof,
            p=fit.p,
            p_permutation=fit.p_permutation,
            p_smallest=fit.p_smallest,
            size=fit.size,
            size_ci95=fit.size_ci95,
            notes=[
                *notes,
                f"common to all footprints: {_numbers(fit.common if single else means[REFERENCE_DIPOLE].mean())}",
                f"axes explain {fit.statistic:.0%} of the variance between footprints",
                f"direction of largest response (x y z): {_numbers(fit.direction)}",
            ],
        )

    def scalar(name: str) -> TestResult:
        need_numbers(means[DIPOLE])
        kappa = scalar_response(axes, means[DIPOLE].to_numpy(), permutations, seed)
        return result(
            name=name,
            estimand="kappa of d_f = d_0 + kappa a_f",
            family=found.family(name),
            estimate=kappa.kappa,
            se=kappa.se,
            ci95=kappa.ci95,
            statistic=kappa.kappa / kappa.se if kappa.se > 0 else None,
            p_permutation=kappa.p_permutation,
            p_smallest=kappa.p_smallest,
            notes=notes,
        )

    questions = (
        ("fraction_response", ["fraction"], "k of fraction_f = m_0 + k . a_f, a unit vector of the footprint's axis"),
        ("score_response", ["mean_score"], "k of mean score_f = m_0 + k . a_f"),
        ("dipole_response", DIPOLE, "K (3x3, x y z) of d_f = d_0 + K a_f, d the dipole of prediction - reference"),
    )
    for name, columns, estimand in questions:
        found.attempt(name + suffix, partial(response, columns=columns, estimand=estimand))
    found.attempt("scalar_dipole_response" + suffix, scalar)


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.4f}" for value in np.ravel(values))
