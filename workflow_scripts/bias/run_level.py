"""The tests that decide: quantities between training sets and footprints, with the training run as the unit.

A test is declared first (which quantity, design, footprints and network), then filled with the numbers of a statistic;
where the runs do not allow that, the reason is kept.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.bias.quantities import (
    FRACTION,
    MAIN,
    TEMPLATE_ALONE,
    TEMPLATE_BESIDE,
    TESTED,
    Quantity,
    template_quantities,
)
from workflow_scripts.bias.replicates import (
    FEWEST_FOOTPRINTS,
    of_footprints,
    of_training_sets,
    rotating_runs,
)
from workflow_scripts.bias.run_statistics import (
    contrast_numbers,
    response_numbers,
    scalar_response_numbers,
    slope_numbers,
    variance_components_numbers,
)
from workflow_scripts.bias.training_comparison import TrainingSets, overlap_between_footprints, overlap_within_arms
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.result import TestResult

ROTATING_PRIMARY = ("fraction_response", "dipole_response")
PAIR_PRIMARY = ("fraction_contrast", "dipole_contrast")
CONTRAST, RESPONSE, SCALAR_RESPONSE = "contrast", "response", "scalar response"
SLOPE, VARIANCE = "slope", "variance components"
_SCALAR = "scalar_dipole_response"


@dataclass(frozen=True)
class RunLevelTest(TestResult):
    """A test between runs, and what it is about.

    `quantity` is the name of a `Quantity`, `design` one of `CONTRAST`, `RESPONSE`, `SCALAR_RESPONSE`, `SLOPE` and
    `VARIANCE`; `footprints` are those that are compared (two sides of a contrast, the second of which may be an arm),
    `network` is that of the runs, `covariate` the template of a slope. `label` distinguishes tests of the same quantity
    and design, in words: it follows them in `name`.
    """

    quantity: str = ""
    design: str = ""
    footprints: tuple[str, ...] = ()
    network: str = ""
    covariate: str | None = None
    label: str = ""


def _named(design: RunLevelTest, stem: str, family: str, quantity: str, estimand: str) -> RunLevelTest:
    """A test of a design, without numbers yet."""
    name = f"{stem} {design.label}".rstrip()
    return replace(design, name=name, family=family, quantity=quantity, estimand=estimand)


@dataclass
class RunLevelTests:
    """Tests, and why others could not be made: sentences `missing`, and names by their reason, `failed`.

    `primary` are the names, without footprints and networks, of the tests that decide the verdict; `untested` those
    primary tests that could not be made. `permutations` are their number and seed.
    """

    primary: tuple[str, ...]
    permutations: tuple[int, int] = (0, 0)
    tests: list[RunLevelTest] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    untested: list[RunLevelTest] = field(default_factory=list)
    failed: dict[str, list[str]] = field(default_factory=dict)

    @property
    def not_answered(self) -> list[str]:
        """A sentence for each reason why something could not be tested."""
        return [*self.missing, *(f"{', '.join(names)}: {reason}." for reason, names in self.failed.items())]

    def family(self, stem: str, quantity: Quantity | None = None) -> str:
        """The family of a test: its quantity's, or `primary` where it decides."""
        if quantity and quantity.family != MAIN:
            return quantity.family
        return "primary" if stem in self.primary else "run level"

    def attempt(self, test: RunLevelTest, numbers: Callable[..., Mapping[str, Any]], *given: Any) -> None:
        """Add the test with the `numbers` of a statistic (and further notes), or why the runs do not allow it."""
        try:
            found = numbers(*given, self.permutations)
        except ValueError as error:
            self.failed.setdefault(str(error), []).append(test.name)
            if test.family == "primary":
                self.untested.append(test)
        else:
            self.tests.append(replace(test, **{**found, "notes": [*test.notes, *found["notes"]]}))


def run_level_tests(
    runs: pd.DataFrame,
    experiment: Mapping[str, Any],
    training_sets: TrainingSets | None = None,
    training_templates: pd.DataFrame | None = None,
) -> RunLevelTests:
    """All run-level tests of an experiment.

    The primary tests are those that the experiment names; else the responses to the axes of rotating footprints; else,
    without enough of such footprints, the contrasts of the opposite pairs. `runs` is a `run_table`; `training_sets`,
    the galaxies of each training set, show how much they overlap, and `training_templates`
    (`mean_training_templates`), their mean imaging, whether that is what networks follow.
    """
    settings, sets = experiment["tests"], training_sets or {}
    enough = rotating_runs(runs).groupby("family")["footprint"].nunique().max() >= FEWEST_FOOTPRINTS
    primary = tuple(settings["primary"]) or (ROTATING_PRIMARY if enough else PAIR_PRIMARY)
    found = RunLevelTests(primary, (settings["permutations"], settings["seed"]))
    several = runs["network"].nunique() > 1
    for network, group in runs.groupby("network", sort=False):
        label = f"[{network}]" if several else ""
        blank = RunLevelTest("", "", "", "run", "", 0, network=str(network), label=label)
        _responses(found, group, blank, sets, training_templates)
        _contrasts(found, group, blank, sets, experiment["opposite"])
        _noise(found, group, blank)
    return found


def _responses(
    found: RunLevelTests,
    runs: pd.DataFrame,
    blank: RunLevelTest,
    training_sets: TrainingSets,
    training_templates: pd.DataFrame | None,
) -> None:
    """Add the responses of all quantities to the footprint's axis, and slopes, for each family of hemispheres."""
    rotating = rotating_runs(runs)
    if rotating["footprint"].nunique() < FEWEST_FOOTPRINTS:
        found.missing.append(
            "The rotating design was not run, so the response to the footprint's direction is unknown."
        )
        about = {quantity.response_name: (RESPONSE, quantity.name) for quantity in TESTED}
        about[_SCALAR] = SCALAR_RESPONSE, "dipole"
        for stem in (stem for stem in found.primary if stem in about):
            kind, name = about[stem]
            found.untested.append(RunLevelTest(stem, "", "", "run", "primary", 0, design=kind, quantity=name))
        return
    blank = replace(blank, null="footprints are exchangeable: axes permuted over footprints", design=RESPONSE)
    for family, members in rotating.groupby("family", sort=False):
        means = of_footprints(members)
        axes = unit_vectors(means["axis_ra"], means["axis_dec"])
        notes = [f"{len(means)} footprints, {len(members)} runs; runs of a footprint are averaged first"]
        if members.groupby("footprint").size().nunique() > 1:
            notes.append(
                "footprints have unequal numbers of runs: they are not strictly exchangeable, p is approximate"
            )
        keys = list(dict.fromkeys(zip(members["footprint"], members["resample"], strict=True)))
        notes += overlap_between_footprints(keys, training_sets)
        label = f"{blank.label} [{family}]".strip() if rotating["family"].nunique() > 1 else blank.label
        design = replace(blank, footprints=tuple(map(str, means.index)), label=label, n=len(means), notes=notes)
        for quantity in (*TESTED, *template_quantities(means)):
            if set(quantity.columns) <= set(means):
                stem = quantity.response_name
                test = _named(design, stem, found.family(stem, quantity), quantity.name, quantity.response_estimand)
                found.attempt(test, response_numbers, quantity, axes, means)
        along = replace(design, design=SCALAR_RESPONSE)
        test = _named(along, _SCALAR, found.family(_SCALAR), "dipole", "kappa of d_f = d_0 + kappa a_f")
        found.attempt(test, scalar_response_numbers, axes, means)
        if training_templates is not None and len(training_templates):
            _slopes(found, replace(design, design=SLOPE), members, means, training_templates)


def _slopes(
    found: RunLevelTests, design: RunLevelTest, rotating: pd.DataFrame, means: pd.DataFrame, training: pd.DataFrame
) -> None:
    """Add slopes on the training galaxies' mean of each template: of the template's coefficient, and of the fraction.

    Does what a run makes of the imaging follow the imaging of its own training galaxies? The change of the fraction is
    what a property would have to explain.
    """
    keys = rotating[["footprint", "resample"]].apply(tuple, axis=1)
    # A footprint's mean over its runs, as the coefficients are.
    own = training.reindex(pd.MultiIndex.from_tuples(keys)).set_axis(rotating["footprint"]).groupby(level=0).mean()
    for template in map(str, training):
        covariate = own[template].reindex(means.index)
        if not np.isfinite(covariate).any():
            continue
        coefficients = {TEMPLATE_ALONE + template, TEMPLATE_BESIDE + template}
        quantities = [quantity for quantity in template_quantities(means) if quantity.name in coefficients]
        for quantity in (FRACTION, *quantities):
            estimand = (
                f"slope of the {quantity.words} on the mean {template} of the training galaxies, in standard deviations"
                " of the annotated ones"
            )
            test = _named(design, f"{quantity.name}_slope_on_{template}", "imaging", quantity.name, estimand)
            found.attempt(replace(test, covariate=template), slope_numbers, quantity, covariate, means, template)


def _contrasts(
    found: RunLevelTests,
    runs: pd.DataFrame,
    blank: RunLevelTest,
    training_sets: TrainingSets,
    opposite: Sequence[Sequence[str]],
) -> None:
    """Add the contrasts of opposite footprints, and, as secondary ones, of each of them with the controls."""
    sides = {(a, b): (runs[runs["footprint"] == a], runs[runs["footprint"] == b], False) for a, b in opposite}
    names = {name for pair in opposite for name in pair}
    controls = [arm for arm, group in runs.groupby("arm", sort=False) if group["axis_ra"].isna().all()]
    for footprint in sorted(names):
        for arm in controls:
            if not (runs.loc[runs["arm"] == arm, "footprint"].isin(names)).any():
                sides[footprint, str(arm)] = runs[runs["footprint"] == footprint], runs[runs["arm"] == arm], True
    blank = replace(blank, null="training sets are exchangeable between the two arms", design=CONTRAST)
    for pair, (first, second, against_controls) in sides.items():
        a, b = of_training_sets(first), of_training_sets(second)
        notes = [f"{len(a)} and {len(b)} training sets; seeds of a training set are averaged first"]
        notes += overlap_within_arms([list(a.index), list(b.index)], training_sets)
        label = f"{' - '.join(pair)} {blank.label}".rstrip()
        design = replace(blank, footprints=pair, label=label, n=len(a) + len(b), notes=notes)
        # Tests against the controls cannot decide the verdict, and there are none of quantities that only explain.
        for quantity in TESTED if against_controls else (*TESTED, *template_quantities(a)):
            if not set(quantity.columns) <= set(a) or (against_controls and quantity.family != MAIN):
                continue
            stem = f"{quantity.name}_contrast"
            family = "run level" if against_controls else found.family(stem, quantity)
            words = "(x y z)" if quantity.vector else "over training sets"
            test = _named(design, stem, family, quantity.name, f"difference of the mean {quantity.words} {words}")
            found.attempt(test, contrast_numbers, quantity, a, b)


def _noise(found: RunLevelTests, runs: pd.DataFrame, blank: RunLevelTest) -> None:
    """Add the variance components of arms in which every training set was trained with the same seeds."""
    blank = replace(blank, null="no variance between training sets", design=VARIANCE)
    for arm, group in runs.groupby("arm", sort=False):
        rotating = group["axis_ra"].notna().all() and group["footprint"].nunique() >= FEWEST_FOOTPRINTS
        for column in ("fraction", "mean_score"):
            values = group.pivot_table(index=["footprint", "resample"], columns="seed", values=column)
            if values.shape[1] < 2 or values.isna().any().any():
                continue
            axes = group.groupby(["footprint", "resample"])[["axis_ra", "axis_dec"]].first().loc[values.index]
            explained = unit_vectors(axes["axis_ra"], axes["axis_dec"]) if rotating else None
            footprints, label = tuple(map(str, values.index.unique("footprint"))), f"{arm} {blank.label}".rstrip()
            notes = [f"{values.shape[0]} training sets, {values.shape[1]} seeds each"]
            design = replace(blank, footprints=footprints, label=label, n=values.size, notes=notes)
            estimand = "sd between training sets, sd between seeds on one training set"
            test = _named(design, f"{column}_variance", "variance components", column, estimand)
            found.attempt(test, variance_components_numbers, values.to_numpy(), explained)
    if not any(test.design == VARIANCE for test in found.tests):
        found.missing.append(
            "No arm repeats a training set with several seeds, so training noise cannot be taken apart."
        )
