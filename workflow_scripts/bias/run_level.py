"""The answer: tests with the training run as the unit of replication."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.bias.training_overlap import TrainingSets, shared_share
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.footprint_response import footprint_response, scalar_response
from workflow_scripts.statistics.multiplicity import holm
from workflow_scripts.statistics.result import TestResult
from workflow_scripts.statistics.runs import arm_contrast, variance_components, vector_contrast

DIPOLE = ["dipole_x", "dipole_y", "dipole_z"]
ROTATING_PRIMARY = ("fraction_response", "dipole_response")
PAIR_PRIMARY = ("fraction_contrast", "dipole_contrast")
_EXCHANGEABLE = "footprints are exchangeable: axes permuted over footprints"
_LABELS_EXCHANGEABLE = "training sets are exchangeable between the two arms"


@dataclass
class RunLevelTests:
    """The tests that the experiment's arms allow, and one sentence for each that they do not."""

    tests: list[TestResult] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def attempt(self, name: str, make: Callable[[str], TestResult]) -> None:
        """Add the test that `make` gives for `name`, or why the runs do not allow it."""
        try:
            self.tests.append(make(name))
        except ValueError as error:
            self.missing.append(f"{name}: {error}.")


def run_level_tests(
    runs: pd.DataFrame, experiment: Mapping[str, Any], training_sets: TrainingSets | None = None
) -> RunLevelTests:
    """All run-level tests of an experiment.

    The primary tests are those that the experiment names; else the responses to the axes of rotating footprints; else,
    without such footprints, the contrasts of the opposite pairs. `runs` is a `paper_style.run_table`; `training_sets`,
    the galaxies of each training set, serve to say how much they overlap.
    """
    found = RunLevelTests()
    settings = experiment["tests"]
    primary = tuple(settings["primary"]) or (PAIR_PRIMARY if _rotating(runs).empty else ROTATING_PRIMARY)
    for network, group in runs.groupby("network", sort=False):
        suffix = "" if runs["network"].nunique() == 1 else f" [{network}]"
        _responses(found, group, settings, primary, suffix)
        _opposite_contrasts(found, group, experiment, primary, suffix, training_sets or {})
        _components(found, group, suffix)
    return found


def adjusted_primary(tests: list[TestResult]) -> dict[str, dict[str, float]]:
    """Permutation p of the primary tests that could be made, with Holm's adjustment."""
    primary = [(test.name, test.p_permutation) for test in tests if test.family == "primary"]
    known = [(name, p) for name, p in primary if p is not None]
    adjusted = holm([p for _, p in known])
    return {name: {"p": p, "p_holm": float(value)} for (name, p), value in zip(known, adjusted, strict=True)}


def _rotating(runs: pd.DataFrame) -> pd.DataFrame:
    return runs[runs["axis_ra"].notna() & runs["family"].notna()]


def _family(name: str, primary: tuple[str, ...]) -> str:
    return "primary" if name in primary else "run level"


def _responses(
    found: RunLevelTests, runs: pd.DataFrame, settings: Mapping[str, Any], primary: tuple[str, ...], suffix: str
) -> None:
    rotating = _rotating(runs)
    if rotating["footprint"].nunique() < 5:
        found.missing.append(
            "The rotating design was not run, so the response to the footprint's direction is unknown."
        )
        return
    families = rotating["family"].nunique()
    for family, members in rotating.groupby("family", sort=False):
        _responses_of_family(found, members, settings, primary, suffix + (f" [{family}]" if families > 1 else ""))


def _responses_of_family(
    found: RunLevelTests, rotating: pd.DataFrame, settings: Mapping[str, Any], primary: tuple[str, ...], suffix: str
) -> None:
    # The unit is the footprint: its runs share a training set, so they are averaged first.
    means = rotating.groupby("footprint", sort=True)[["axis_ra", "axis_dec", "fraction", "mean_score", *DIPOLE]].mean()
    axes = unit_vectors(means["axis_ra"], means["axis_dec"])
    permutations, seed, n_runs = settings["permutations"], settings["seed"], len(rotating)
    notes = [f"{len(means)} footprints, {n_runs} runs; runs of a footprint are averaged first"]
    if rotating.groupby("footprint").size().nunique() > 1:
        notes.append("footprints have unequal numbers of runs: they are not strictly exchangeable, p is approximate")
    result = partial(TestResult, null=_EXCHANGEABLE, unit_of_replication="run", n=n_runs)

    def response(name: str, columns: list[str], estimand: str, family: str) -> TestResult:
        _need_numbers(means[columns])
        fit = footprint_response(axes, means[columns].to_numpy(), permutations, seed)
        single = len(columns) == 1
        return result(
            name=name,
            estimand=estimand,
            family=family,
            estimate=fit.matrix[0] if single else fit.matrix,
            se=fit.matrix_se[0] if single else fit.matrix_se,
            ci95=fit.matrix_ci95[0] if single else fit.matrix_ci95,
            statistic=fit.statistic,
            dof=fit.dof,
            p=fit.p,
            p_permutation=fit.p_permutation,
            notes=[
                *notes,
                f"common to all footprints: {_numbers(fit.common)}",
                f"axes explain {fit.statistic:.0%} of the variance between footprints",
                f"direction of largest response (x y z): {_numbers(fit.direction)}",
            ],
        )

    def scalar(name: str) -> TestResult:
        _need_numbers(means[DIPOLE])
        kappa = scalar_response(axes, means[DIPOLE].to_numpy(), permutations, seed)
        return result(
            name=name,
            estimand="kappa of d_f = d_0 + kappa a_f",
            family=_family("scalar_dipole_response", primary),
            estimate=kappa.kappa,
            se=kappa.se,
            ci95=kappa.ci95,
            statistic=kappa.kappa / kappa.se if kappa.se > 0 else None,
            p_permutation=kappa.p_permutation,
            notes=notes,
        )

    questions = (
        ("fraction_response", ["fraction"], "k of fraction_f = m_0 + k . a_f, a unit vector of the footprint's axis"),
        ("score_response", ["mean_score"], "k of mean score_f = m_0 + k . a_f"),
        ("dipole_response", DIPOLE, "K (3x3, x y z) of d_f = d_0 + K a_f, d the dipole of prediction - reference"),
    )
    for name, columns, estimand in questions:
        make = partial(response, columns=columns, estimand=estimand, family=_family(name, primary))
        found.attempt(name + suffix, make)
    found.attempt("scalar_dipole_response" + suffix, scalar)


def _opposite_contrasts(
    found: RunLevelTests,
    runs: pd.DataFrame,
    experiment: Mapping[str, Any],
    primary: tuple[str, ...],
    suffix: str,
    training_sets: TrainingSets,
) -> None:
    controls = [arm for arm, group in runs.groupby("arm", sort=False) if group["axis_ra"].isna().all()]
    opposite = {name for pair in experiment["opposite"] for name in pair}
    for a, b in experiment["opposite"]:
        sides = runs[runs["footprint"] == a], runs[runs["footprint"] == b]
        _arm_contrasts(found, f"{a} - {b}", *sides, experiment["tests"], primary, suffix, training_sets)
    for footprint in sorted(opposite):
        for arm in controls:
            if not (runs.loc[runs["arm"] == arm, "footprint"].isin(opposite)).any():
                sides = runs[runs["footprint"] == footprint], runs[runs["arm"] == arm]
                _arm_contrasts(found, f"{footprint} - {arm}", *sides, experiment["tests"], (), suffix, training_sets)


def _arm_contrasts(
    found: RunLevelTests,
    label: str,
    first: pd.DataFrame,
    second: pd.DataFrame,
    settings: Mapping[str, Any],
    primary: tuple[str, ...],
    suffix: str,
    training_sets: TrainingSets,
) -> None:
    permutations, seed = settings["permutations"], settings["seed"]
    a, b = of_training_sets(first), of_training_sets(second)
    notes = [f"{len(a)} and {len(b)} training sets; seeds of a training set are averaged first"]
    notes += _overlap_note(a, b, training_sets)
    result = partial(TestResult, null=_LABELS_EXCHANGEABLE, unit_of_replication="run", n=len(first) + len(second))

    def of_number(name: str, column: str, quantity: str) -> TestResult:
        contrast = arm_contrast(a[column], b[column], permutations, seed)
        return result(
            name=name,
            estimand=f"difference of the mean {quantity} over training sets",
            family=_family(f"{column}_contrast", primary),
            estimate=contrast.difference,
            se=contrast.se,
            ci95=contrast.ci95,
            statistic=contrast.t,
            dof=contrast.dof,
            p=contrast.p,
            p_permutation=contrast.p_permutation,
            notes=[*notes, "Welch's t; permutation of the labels of training sets"],
        )

    def of_dipole(name: str) -> TestResult:
        _need_numbers(pd.concat([a[DIPOLE], b[DIPOLE]]))
        vector = vector_contrast(a[DIPOLE], b[DIPOLE], permutations, seed)
        se = np.sqrt(np.diag(vector.covariance))
        half = stats.t.ppf(0.975, len(a) + len(b) - 2) * se
        return result(
            name=name,
            estimand="difference of the mean dipole of prediction - reference (x y z)",
            family=_family("dipole_contrast", primary),
            estimate=vector.difference,
            se=se,
            ci95=np.stack([vector.difference - half, vector.difference + half], axis=-1),
            statistic=vector.f,
            dof=vector.dof,
            p=vector.p,
            p_permutation=vector.p_permutation,
            notes=[*notes, "Hotelling's T2 as F; intervals are those of single components"],
        )

    for column, quantity in (("fraction", "fraction"), ("mean_score", "mean score")):
        found.attempt(f"{column}_contrast {label}{suffix}", partial(of_number, column=column, quantity=quantity))
    found.attempt(f"dipole_contrast {label}{suffix}", of_dipole)


def _overlap_note(a: pd.DataFrame, b: pd.DataFrame, training_sets: TrainingSets) -> list[str]:
    """Replicates that share galaxies scatter less than new galaxies would make them."""
    shared = max(shared_share([training_sets[key] for key in arm.index if key in training_sets]) for arm in (a, b))
    if not shared > 0:
        return []
    return [f"training sets of an arm share {shared:.0%} of their galaxies: errors hold for these training pools only"]


def of_training_sets(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a training set (footprint, resample): the mean over its seeds, which are not independent."""
    return runs.groupby(["footprint", "resample"], sort=True)[["fraction", "mean_score", *DIPOLE]].mean()


def _need_numbers(values: pd.DataFrame) -> None:
    if not np.isfinite(values.to_numpy(float)).all():
        raise ValueError("not defined for every run")


def _components(found: RunLevelTests, runs: pd.DataFrame, suffix: str) -> None:
    """Training noise, from arms in which every footprint (or resample) was trained with the same seeds."""
    for arm, group in runs.groupby("arm", sort=False):
        for column in ("fraction", "mean_score"):
            values = group.pivot_table(index=["footprint", "resample"], columns="seed", values=column)
            if min(values.shape) >= 2 and not values.isna().any().any():
                found.attempt(f"{column}_variance {arm}{suffix}", partial(_component, values=values.to_numpy()))
    if not any(test.family == "variance components" for test in found.tests):
        found.missing.append(
            "No arm repeats a training set with several seeds, so training noise cannot be taken apart."
        )


def _component(name: str, values: np.ndarray) -> TestResult:
    components = variance_components(values)
    return TestResult(
        name=name,
        estimand="sd between training sets, sd between seeds on one training set",
        null="no variance between training sets",
        unit_of_replication="run",
        family="variance components",
        n=values.size,
        estimate=[components.sample_sd, components.seed_sd],
        statistic=components.f,
        dof=components.dof,
        p=components.p,
        notes=[f"share of the variance between training sets (ICC): {components.icc:.2f}"],
    )


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.4f}" for value in np.ravel(values))
