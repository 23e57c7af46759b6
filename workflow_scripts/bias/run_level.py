"""The answer: tests with the training run as the unit of replication."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.footprint_response import footprint_response, scalar_response
from workflow_scripts.statistics.multiplicity import holm
from workflow_scripts.statistics.result import TestResult
from workflow_scripts.statistics.runs import arm_contrast, variance_components, vector_contrast

DIPOLE = ["dipole_x", "dipole_y", "dipole_z"]
PRIMARY = ("fraction_response", "dipole_response")
_EXCHANGEABLE = "footprints are exchangeable: axes permuted over footprints"
_LABELS_EXCHANGEABLE = "training sets are exchangeable between the two arms"


def run_level_tests(runs: pd.DataFrame, experiment: Mapping[str, Any]) -> tuple[list[TestResult], list[str]]:
    """All run-level tests that the experiment's arms allow, and one sentence for each that they do not.

    `runs` is a `paper_style.run_table`.
    """
    tests: list[TestResult] = []
    missing: list[str] = []
    settings = experiment["tests"]
    for network, group in runs.groupby("network", sort=False):
        suffix = "" if runs["network"].nunique() == 1 else f" [{network}]"
        for attempt in (_responses, _opposite_contrasts, _components):
            attempt(group, experiment, settings, suffix, tests, missing)
    return tests, missing


def adjusted_primary(tests: list[TestResult], chosen: list[str]) -> dict[str, dict[str, float]]:
    """Permutation p of the primary tests that could be made, with Holm's adjustment."""
    names = chosen or list(PRIMARY)
    primary = [
        (test.name, test.p_permutation)
        for test in tests
        if test.name.split(" [")[0] in names and test.p_permutation is not None
    ]
    adjusted = holm([p for _, p in primary])
    return {name: {"p": p, "p_holm": float(value)} for (name, p), value in zip(primary, adjusted, strict=True)}


def _responses(runs, experiment, settings, suffix, tests, missing) -> None:  # type: ignore[no-untyped-def]
    rotating = runs[runs["axis_ra"].notna() & runs["family"].notna()]
    if rotating["footprint"].nunique() < 5:
        missing.append("The rotating design was not run, so the response to the footprint's direction is unknown.")
        return
    families = rotating["family"].nunique()
    for family, members in rotating.groupby("family", sort=False):
        _responses_of_family(members, settings, suffix + (f" [{family}]" if families > 1 else ""), tests, missing)


def _responses_of_family(rotating, settings, suffix, tests, missing) -> None:  # type: ignore[no-untyped-def]
    # The unit is the footprint: its runs share a training set, so they are averaged first.
    means = rotating.groupby("footprint", sort=True)[["axis_ra", "axis_dec", "fraction", "mean_score", *DIPOLE]].mean()
    axes = unit_vectors(means["axis_ra"], means["axis_dec"])
    permutations, seed = settings["permutations"], settings["seed"]
    n_runs = len(rotating)
    notes = [f"{len(means)} footprints, {n_runs} runs; runs of a footprint are averaged first"]
    if rotating.groupby("footprint").size().nunique() > 1:
        notes.append("footprints have unequal numbers of runs: they are not strictly exchangeable, p is approximate")
    questions = (
        ("fraction_response", ["fraction"], "k of fraction_f = m_0 + k . a_f, a unit vector of the footprint's axis"),
        ("score_response", ["mean_score"], "k of mean score_f = m_0 + k . a_f"),
        ("dipole_response", DIPOLE, "K (3x3, x y z) of d_f = d_0 + K a_f, d the dipole of prediction - reference"),
    )
    for name, columns, estimand in questions:
        family = "primary" if name in (settings["primary"] or PRIMARY) else "run level"
        try:
            _need_numbers(means[columns])
            found = footprint_response(axes, means[columns].to_numpy(), permutations, seed)
        except ValueError as error:
            missing.append(f"{name}{suffix}: {error}.")
            continue
        single = len(columns) == 1
        tests.append(
            TestResult(
                name=name + suffix,
                estimand=estimand,
                null=_EXCHANGEABLE,
                unit_of_replication="run",
                family=family,
                n=n_runs,
                estimate=found.matrix[0] if single else found.matrix,
                se=found.matrix_se[0] if single else found.matrix_se,
                ci95=found.matrix_ci95[0] if single else found.matrix_ci95,
                statistic=found.statistic,
                dof=found.dof,
                p=found.p,
                p_permutation=found.p_permutation,
                notes=[
                    *notes,
                    f"common to all footprints: {_numbers(found.common)}",
                    f"axes explain {found.statistic:.0%} of the variance between footprints",
                    f"direction of largest response (x y z): {_numbers(found.direction)}",
                ],
            )
        )
    try:
        _need_numbers(means[DIPOLE])
        kappa = scalar_response(axes, means[DIPOLE].to_numpy(), permutations, seed)
    except ValueError as error:
        missing.append(f"scalar_dipole_response{suffix}: {error}.")
        return
    tests.append(
        TestResult(
            name="scalar_dipole_response" + suffix,
            estimand="kappa of d_f = d_0 + kappa a_f",
            null=_EXCHANGEABLE,
            unit_of_replication="run",
            family="run level",
            n=n_runs,
            estimate=kappa.kappa,
            se=kappa.se,
            ci95=kappa.ci95,
            statistic=kappa.kappa / kappa.se if kappa.se > 0 else None,
            p_permutation=kappa.p_permutation,
            notes=notes,
        )
    )


def _opposite_contrasts(runs, experiment, settings, suffix, tests, missing) -> None:  # type: ignore[no-untyped-def]
    controls = [arm for arm, group in runs.groupby("arm", sort=False) if group["axis_ra"].isna().all()]
    opposite = {name for pair in experiment["opposite"] for name in pair}
    pairs = [(f"{a} - {b}", runs["footprint"] == a, runs["footprint"] == b) for a, b in experiment["opposite"]]
    for footprint in sorted(opposite):
        for arm in controls:
            if not (runs.loc[runs["arm"] == arm, "footprint"].isin(opposite)).any():
                pairs.append((f"{footprint} - {arm}", runs["footprint"] == footprint, runs["arm"] == arm))
    for label, first, second in pairs:
        _arm_contrasts(label, runs[first], runs[second], settings, suffix, tests, missing)


def _arm_contrasts(label, first, second, settings, suffix, tests, missing) -> None:  # type: ignore[no-untyped-def]
    permutations, seed = settings["permutations"], settings["seed"]
    a, b = of_training_sets(first), of_training_sets(second)
    result = partial(
        TestResult,
        null=_LABELS_EXCHANGEABLE,
        unit_of_replication="run",
        family="run level",
        n=len(first) + len(second),
    )
    sets = f"{len(a)} and {len(b)} training sets; seeds of a training set are averaged first"
    for column, quantity in (("fraction", "fraction"), ("mean_score", "mean score")):
        name = f"{column}_contrast {label}{suffix}"
        try:
            found = arm_contrast(a[column], b[column], permutations, seed)
        except ValueError as error:
            missing.append(f"{name}: {error}.")
            continue
        tests.append(
            result(
                name=name,
                estimand=f"difference of the mean {quantity} over training sets",
                estimate=found.difference,
                se=found.se,
                ci95=found.ci95,
                statistic=found.t,
                dof=found.dof,
                p=found.p,
                p_permutation=found.p_permutation,
                notes=[sets, "Welch's t; permutation of the labels of training sets"],
            )
        )
    name = f"dipole_contrast {label}{suffix}"
    try:
        _need_numbers(pd.concat([a[DIPOLE], b[DIPOLE]]))
        vector = vector_contrast(a[DIPOLE], b[DIPOLE], permutations, seed)
    except ValueError as error:
        missing.append(f"{name}: {error}.")
        return
    se = np.sqrt(np.diag(vector.covariance))
    half = stats.t.ppf(0.975, len(a) + len(b) - 2) * se
    tests.append(
        result(
            name=name,
            estimand="difference of the mean dipole of prediction - reference (x y z)",
            estimate=vector.difference,
            se=se,
            ci95=np.stack([vector.difference - half, vector.difference + half], axis=-1),
            statistic=vector.f,
            dof=vector.dof,
            p=vector.p,
            p_permutation=vector.p_permutation,
            notes=[sets, "Hotelling's T2 as F; intervals are those of single components"],
        )
    )


def of_training_sets(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a training set (footprint, resample): the mean over its seeds, which are not independent."""
    return runs.groupby(["footprint", "resample"], sort=True)[["fraction", "mean_score", *DIPOLE]].mean()


def _need_numbers(values: pd.DataFrame) -> None:
    if not np.isfinite(values.to_numpy(float)).all():
        raise ValueError("not defined for every run")


def _components(runs, experiment, settings, suffix, tests, missing) -> None:  # type: ignore[no-untyped-def]
    """Training noise, from arms in which every footprint (or resample) was trained with the same seeds."""
    for arm, group in runs.groupby("arm", sort=False):
        for column in ("fraction", "mean_score"):
            values = group.pivot_table(index=["footprint", "resample"], columns="seed", values=column)
            if min(values.shape) < 2 or values.isna().any().any():
                continue
            try:
                found = variance_components(values.to_numpy())
            except ValueError as error:
                missing.append(f"{column}_variance {arm}{suffix}: {error}.")
                continue
            tests.append(
                TestResult(
                    name=f"{column}_variance {arm}{suffix}",
                    estimand="sd between training sets, sd between seeds on one training set",
                    null="no variance between training sets",
                    unit_of_replication="run",
                    family="variance components",
                    n=values.size,
                    estimate=[found.sample_sd, found.seed_sd],
                    statistic=found.f,
                    dof=found.dof,
                    p=found.p,
                    notes=[f"share of the variance between training sets (ICC): {found.icc:.2f}"],
                )
            )
    if not any(test.family == "variance components" for test in tests):
        missing.append("No arm repeats a training set with several seeds, so training noise cannot be taken apart.")


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.4f}" for value in np.ravel(values))
