"""The tests that decide: quantities between training sets and footprints, with the training run as the unit.

A test is declared first (which quantity, design, footprints and network), then filled with the numbers of a statistic;
where the runs do not allow that, the reason is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.bias.annotations import Sky
from workflow_scripts.bias.declared_tests import (
    COMMON,
    COMMON_FAMILY,
    CONTRAST,
    EXPECTED,
    EXPECTED_FAMILY,
    PAIR_PRIMARY,
    PATTERN,
    PRIMARY_FAMILY,
    RESPONSE,
    ROTATING_PRIMARY,
    SCALAR_RESPONSE,
    SLOPE,
    VARIANCE,
    RunLevelTest,
    RunLevelTests,
    declared,
)
from workflow_scripts.bias.quantities import (
    FRACTION,
    MAIN,
    REFERENCE_DIPOLE,
    TEMPLATE_ALONE,
    TEMPLATE_BESIDE,
    TESTED,
    template_quantities,
)
from workflow_scripts.bias.replicates import (
    FEWEST_FOOTPRINTS,
    arm_sizes,
    fitted_families,
    independent_units,
    of_footprints,
    of_training_sets,
    rotating_runs,
)
from workflow_scripts.bias.run_statistics import (
    common_numbers,
    contrast_numbers,
    expected_numbers,
    pattern_numbers,
    response_numbers,
    scalar_response_numbers,
    slope_numbers,
    variance_components_numbers,
)
from workflow_scripts.bias.training_comparison import Cautions, TrainingSets, cautions_of_arms, cautions_of_footprints
from workflow_scripts.sky.unit_vectors import unit_vectors

_SCALAR, _PATTERN = "scalar_dipole_response", "pattern_response"
_CAUSES = (
    "Imaging, the reference labels, or a gradient of the true morphology on the sky may cause it; what follows the axes"
    " of the footprints cancels in it."
)
_NO_CAUSE = "What follows the footprints does not cancel in it, so that its cause is not known."


def run_level_tests(
    runs: pd.DataFrame,
    experiment: Mapping[str, Any],
    training_sets: TrainingSets | None = None,
    training_templates: pd.DataFrame | None = None,
    sky: Sky | None = None,
) -> RunLevelTests:
    """All run-level tests of an experiment.

    The primary tests are those that the experiment names; else those of the design that can be fitted: the responses
    to the axes of rotating footprints, or the contrasts of the opposite pairs. The other design is secondary. `runs` is
    a `run_table`; `training_sets`, the galaxies of each training set, show how far they can be compared, and
    `training_templates` (`mean_training_templates`), their mean imaging, whether that is what networks follow. Without
    the `sky`, components of a dipole count alike, and what all networks share is not tested.
    """
    settings, sets = experiment["tests"], training_sets or {}
    primary = tuple(settings["primary"]) or chosen_primary(runs, experiment["opposite"])
    secondary = tuple(stem for stem in (*ROTATING_PRIMARY, *PAIR_PRIMARY) if stem not in primary)
    found = RunLevelTests(primary, secondary, (settings["permutations"], settings["seed"]))
    several = runs["network"].nunique() > 1
    for network, group in runs.groupby("network", sort=False):
        label = f"[{network}]" if several else ""
        blank = RunLevelTest("", "", "", "run", "", 0, network=str(network), label=label)
        _responses(found, group, blank, sets, training_templates, sky)
        _contrasts(found, group, blank, sets, experiment["opposite"], sky)
        if sky is not None:
            _shared_by_all(found, group, blank, sky)
        if settings.get("expected"):
            _expected_fraction(found, group, blank, settings["expected"])
        _noise(found, group, blank)
    _without_pairs(found)
    return found


def chosen_primary(runs: pd.DataFrame, opposite: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The tests of the design that can be fitted: rotating footprints, else pairs with two training sets a side.

    Without either, those of the pairs where there are some: they are the ones that the fewest runs could answer.
    """
    if fitted_families(runs):
        return ROTATING_PRIMARY
    enough = any(min(arm_sizes(runs, pair)) >= 2 for pair in opposite)
    return PAIR_PRIMARY if enough or opposite else ROTATING_PRIMARY


def _responses(
    found: RunLevelTests,
    runs: pd.DataFrame,
    blank: RunLevelTest,
    training_sets: TrainingSets,
    training_templates: pd.DataFrame | None,
    sky: Sky | None,
) -> None:
    """Add the responses of all quantities to the footprint's axis, and slopes, for each family of hemispheres."""
    rotating = rotating_runs(runs)
    if rotating["footprint"].nunique() < FEWEST_FOOTPRINTS:
        found.missing.append(
            "The rotating design was not run, so the response to the footprint's direction is unknown."
        )
        about = {quantity.response_name: (RESPONSE, quantity.name) for quantity in TESTED}
        about |= {_SCALAR: (SCALAR_RESPONSE, "dipole"), _PATTERN: (PATTERN, "dipole")}
        for stem in (stem for stem in found.primary if stem in about):
            kind, name = about[stem]
            reason = "There are no rotating footprints, or too few of them."
            test = replace(blank, name=stem, family=PRIMARY_FAMILY, design=kind, quantity=name, invalid=reason)
            found.untested.append(test)
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
        label = f"{blank.label} [{family}]".strip() if rotating["family"].nunique() > 1 else blank.label
        design = replace(blank, footprints=tuple(map(str, means.index)), label=label, n=len(means), notes=notes)
        design = _cautioned(design, cautions_of_footprints(keys, training_sets))
        for quantity in (*TESTED, *template_quantities(means)):
            if set(quantity.columns) <= set(means):
                stem = quantity.response_name
                test = declared(design, stem, found.family(stem, quantity), quantity.name, quantity.response_estimand)
                found.attempt(test, response_numbers, quantity, axes, means, sky)
        any_response = replace(design, design=PATTERN)
        test = declared(any_response, _PATTERN, found.family(_PATTERN), "dipole", "change of the amplitude over mu")
        imaging, noise = _imaging_of(members, means, training_templates), _noise_of_common(members, sky)
        found.attempt(test, pattern_numbers, axes, means, sky, imaging, noise)
        along = replace(design, design=SCALAR_RESPONSE)
        test = declared(along, _SCALAR, found.family(_SCALAR), "dipole", "kappa of d_f = d_0 + kappa a_f")
        found.attempt(test, scalar_response_numbers, axes, means, sky)
        if training_templates is not None and len(training_templates):
            _slopes(found, replace(design, design=SLOPE), members, means, training_templates)


def _noise_of_common(runs: pd.DataFrame, sky: Sky | None) -> np.ndarray | None:
    """Covariance (3, 3) of a run's dipole against the reference by the finite number of galaxies; None without one."""
    if sky is None or sky.labelled_covariance is None:
        return None
    errors = runs[[f"{name}_se" for name in REFERENCE_DIPOLE]].to_numpy()
    scale = float(np.median((errors**2).sum(axis=1)) / np.trace(sky.labelled_covariance))
    return scale * sky.labelled_covariance if np.isfinite(scale) else None


def _imaging_of(members: pd.DataFrame, means: pd.DataFrame, training: pd.DataFrame | None) -> np.ndarray | None:
    """Mean imaging (footprints, t) of the training galaxies, where it is known and differs between footprints."""
    if training is None or not len(training):
        return None
    own = _own_templates(members, means, training)
    used = own.loc[:, np.isfinite(own).all() & (own.std() > 1e-9)]
    return used.to_numpy() if used.shape[1] else None


def _own_templates(rotating: pd.DataFrame, means: pd.DataFrame, training: pd.DataFrame) -> pd.DataFrame:
    """Mean template of the training galaxies of each footprint: over its runs, as its other numbers are."""
    keys = rotating[["footprint", "resample"]].apply(tuple, axis=1)
    own = training.reindex(pd.MultiIndex.from_tuples(keys)).set_axis(rotating["footprint"]).groupby(level=0).mean()
    return own.reindex(means.index)


def _slopes(
    found: RunLevelTests, design: RunLevelTest, rotating: pd.DataFrame, means: pd.DataFrame, training: pd.DataFrame
) -> None:
    """Add slopes on the training galaxies' mean of each template: of the template's coefficient, and of the fraction.

    Does what a run makes of the imaging follow the imaging of its own training galaxies? The change of the fraction is
    what a property would have to explain.
    """
    own = _own_templates(rotating, means, training)
    for template in map(str, training):
        covariate = own[template]
        if not np.isfinite(covariate).any():
            continue
        coefficients = {TEMPLATE_ALONE + template, TEMPLATE_BESIDE + template}
        quantities = [quantity for quantity in template_quantities(means) if quantity.name in coefficients]
        for quantity in (FRACTION, *quantities):
            estimand = (
                f"slope of the {quantity.words} on the mean {template} of the training galaxies, in standard deviations"
                " of the annotated ones"
            )
            test = declared(design, f"{quantity.name}_slope_on_{template}", "imaging", quantity.name, estimand)
            found.attempt(replace(test, covariate=template), slope_numbers, quantity, covariate, means, template)


def _contrasts(
    found: RunLevelTests,
    runs: pd.DataFrame,
    blank: RunLevelTest,
    training_sets: TrainingSets,
    opposite: Sequence[Sequence[str]],
    sky: Sky | None,
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
        label = f"{' - '.join(pair)} {blank.label}".rstrip()
        design = replace(blank, footprints=pair, label=label, n=len(a) + len(b), notes=notes)
        keys = [list(a.index), list(b.index)]
        # Controls are of the whole sky, so that they overlap with every region.
        design = _cautioned(design, cautions_of_arms(pair, keys, training_sets, apart=not against_controls))
        # Tests against the controls cannot decide the verdict, and there are none of quantities that only explain.
        for quantity in TESTED if against_controls else (*TESTED, *template_quantities(a)):
            if not set(quantity.columns) <= set(a) or (against_controls and quantity.family != MAIN):
                continue
            stem = f"{quantity.name}_contrast"
            family = "run level" if against_controls else found.family(stem, quantity)
            words = "(x y z)" if quantity.vector else "over training sets"
            test = declared(design, stem, family, quantity.name, f"difference of the mean {quantity.words} {words}")
            found.attempt(test, contrast_numbers, quantity, a, b, sky)


def _without_pairs(found: RunLevelTests) -> None:
    """Add the primary contrasts of an experiment that has no pairs to contrast."""
    made = {test.name.split()[0] for test in (*found.tests, *found.untested)}
    about = {f"{quantity.name}_contrast": quantity.name for quantity in TESTED}
    for stem in (stem for stem in found.primary if stem in about and stem not in made):
        reason = "The experiment names no opposite footprints."
        test = RunLevelTest(stem, "", "", "run", PRIMARY_FAMILY, 0, quantity=about[stem], invalid=reason)
        found.untested.append(replace(test, remedy="Pairs of footprints in `opposite`."))


def _shared_by_all(found: RunLevelTests, runs: pd.DataFrame, blank: RunLevelTest, sky: Sky) -> None:
    """Add the test of the dipole that all networks share: of footprints whose axes cancel, else of all."""
    used, units, unit, cancel = independent_units(runs)
    values = units[REFERENCE_DIPOLE].to_numpy()
    galaxies = _noise_of_common(used, sky)
    if galaxies is None:
        return
    design = replace(blank, design=COMMON, n=len(values), null="the mean over all networks has no dipole")
    design = replace(design, notes=[f"{len(values)} {unit}"])
    test = declared(
        design, "common_dipole", COMMON_FAMILY, "dipole", "d_0, mean dipole of prediction - reference (x y z)"
    )
    found.attempt(test, common_numbers, values, galaxies, sky, _CAUSES if cancel else _NO_CAUSE)


def _expected_fraction(found: RunLevelTests, runs: pd.DataFrame, blank: RunLevelTest, expected: float) -> None:
    """Add the test of the fraction that all networks share against the expected one; units as for their dipole."""
    used, units, unit, _ = independent_units(runs)
    design = replace(blank, design=EXPECTED, n=len(units), notes=[f"{len(units)} {unit}"])
    design = replace(
        design, null=f"the mean fraction over all networks is {expected:g}", details={"expected": expected}
    )
    estimand = f"mean annotated fraction - {expected:g}"
    test = declared(design, "fraction_against_expected", EXPECTED_FAMILY, FRACTION.name, estimand)
    galaxies = float((used["fraction_se"] ** 2).median())
    found.attempt(test, expected_numbers, units[FRACTION.name].to_numpy(), galaxies, expected)


def _cautioned(design: RunLevelTest, cautions: Cautions) -> RunLevelTest:
    return replace(design, cautions=tuple(cautions.sentences), invalid=cautions.invalid, remedy=cautions.remedy)


def _noise(found: RunLevelTests, runs: pd.DataFrame, blank: RunLevelTest) -> None:
    """Add the variance components of arms in which every training set was trained with the same seeds."""
    blank = replace(blank, null="no variance between training sets", design=VARIANCE)
    for arm, group in runs.groupby("arm", sort=False):
        rotating = group["axis_ra"].notna().all() and group["footprint"].nunique() >= FEWEST_FOOTPRINTS
        for column in (name for name in ("fraction", "mean_score") if name in group):
            values = group.pivot_table(index=["footprint", "resample"], columns="seed", values=column)
            if values.shape[1] < 2 or values.isna().any().any():
                continue
            axes = group.groupby(["footprint", "resample"])[["axis_ra", "axis_dec"]].first().loc[values.index]
            explained = unit_vectors(axes["axis_ra"], axes["axis_dec"]) if rotating else None
            footprints, label = tuple(map(str, values.index.unique("footprint"))), f"{arm} {blank.label}".rstrip()
            notes = [f"{values.shape[0]} training sets, {values.shape[1]} seeds each"]
            design = replace(blank, footprints=footprints, label=label, n=values.size, notes=notes)
            estimand = "sd between training sets, sd between seeds on one training set"
            test = declared(design, f"{column}_variance", "variance components", column, estimand)
            found.attempt(test, variance_components_numbers, values.to_numpy(), explained)
    if not any(test.design == VARIANCE for test in found.tests):
        found.missing.append(
            "No arm repeats a training set with several seeds, so training noise cannot be taken apart."
        )
