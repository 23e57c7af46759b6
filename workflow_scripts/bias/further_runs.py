"""What would decide: the smallest design that could answer, from the scatter that the runs themselves show."""

from collections.abc import Sequence
from math import ceil, factorial

import numpy as np
import pandas as pd

from workflow_scripts.answers.wording import with_points
from workflow_scripts.bias.declared_tests import CONTRAST, PATTERN, RunLevelTest, RunLevelTests
from workflow_scripts.bias.pilot_scatter import scatter_of_footprints, scatter_of_training_sets
from workflow_scripts.bias.quantities import TESTED
from workflow_scripts.bias.replicates import FEWEST_FOR_RESPONSE, footprint_axes
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.runs.decision_power import (
    ONE_NUMBER,
    RESPONSE_SHAPES,
    SKY_PATTERN,
    RotatingDesign,
    power_of_contrasts,
    smallest_adjusted_p,
    smallest_effect,
)
from workflow_scripts.statistics.runs.pattern_response import FEWEST_FOR_LIMIT
from workflow_scripts.statistics.runs.power import plan_from_pilot, runs_needed

# How often a planned design should find the effect.
PLANNED_POWER = 0.8
_MOST_SETS = 100
# From here on the formula is as good as the simulation.
_SIMULATED_SETS = 16
# Experiments a simulation of rotating footprints: a sky pattern takes some milliseconds each.
_SIMULATED = {ONE_NUMBER: 400, SKY_PATTERN: 40}
_REFERENCE = "Reference labels in the catalog: without them the size of a response has no limit."
_ROTATING = "Rotating hemispheres about 12 axes (`rotating: hemispheres`), each with a training set of its own."


def needed_runs(
    test: RunLevelTest, found: RunLevelTests, runs: pd.DataFrame, alpha: float, effect: float, sets: int = 1
) -> list[str]:
    """Sentences on the smallest design that would answer the question of a test that cannot.

    `runs` is a `run_table`, `alpha` the level of the adjusted p, `effect` the size that should be found, `sets` the
    number of sets of tests that p is adjusted over.
    """
    if test.remedy:
        return [test.remedy]
    if _identical(test, runs):
        return ["Networks that differ: all of these gave the same."]
    tests = sets * max(1, sum(one.family == test.family for one in (*found.tests, *found.untested)))
    if test.design == PATTERN and test.p_permutation is not None and test.limit95 is None:
        more = f"{FEWEST_FOR_LIMIT} rotating footprints or more: fewer give no limit."
        return [more if "common_direction" in test.details else _REFERENCE]
    if test.design == CONTRAST:
        return _training_sets(test, runs[runs["network"] == test.network], alpha, effect, tests, found.permutations[0])
    if len(test.footprints) < FEWEST_FOR_RESPONSE:
        return [_ROTATING]
    return _sets_of_footprints(test, runs[runs["network"] == test.network], alpha, effect, tests, found.permutations[0])


def _training_sets(
    test: RunLevelTest, runs: pd.DataFrame, alpha: float, effect: float, tests: int, permutations: int
) -> list[str]:
    """Training sets of each side of a contrast."""
    first, second = test.footprints
    fewest = next((n for n in range(2, _MOST_SETS) if smallest_adjusted_p(n, n, tests, permutations) < alpha), None)
    if fewest is None:
        return [_more_permutations(tests, alpha, permutations)]
    columns = _columns(test)
    pilot = scatter_of_training_sets(runs, test.footprints, columns)
    scatter = pilot.sd
    each = f"training sets of each of {first} and {second}"
    floor = f"{fewest} {each}: fewer cannot give an adjusted p below {alpha:g}."
    if not pilot.known:
        return [f"At least {floor}"]
    quantity = ONE_NUMBER if len(columns) == 1 else SKY_PATTERN
    cautious = ""
    try:
        if quantity == ONE_NUMBER:
            plan = plan_from_pilot(effect, scatter, pilot.dof, PLANNED_POWER, alpha / tests)
            likely = plan.runs
        else:
            likely = runs_needed(effect, scatter, PLANNED_POWER, alpha / tests, len(columns))
        # The formula leaves out permutations: few sets need more than it says.
        wanted = max(fewest, likely)
        while (
            wanted < _SIMULATED_SETS
            and _power(wanted, effect / scatter, alpha, tests, permutations, quantity) < PLANNED_POWER
        ):
            wanted += 1
        if wanted > _MOST_SETS:
            return [_too_many(scatter, effect, test)]
        if quantity == ONE_NUMBER and plan.cautious_runs > wanted:
            more = plan.cautious_runs if plan.cautious_runs <= _MOST_SETS else f"more than {_MOST_SETS}"
            cautious = f" ({more} if that is underestimated)"
    except ValueError as reason:
        return [f"At least {floor}", f"{reason}."]
    return [
        f"{wanted} {each}{cautious} find a difference of {_in_words(effect, test)} in four of five cases, by the"
        f" scatter of {_in_words(scatter, test)} between training sets; fewer than {fewest} cannot give an adjusted p"
        f" below {alpha:g}."
    ]


def _power(n: int, effect_in_sd: float, alpha: float, tests: int, permutations: int, quantity: str) -> float:
    """Of n + n training sets, by the rule that decides."""
    return power_of_contrasts(n, n, effect_in_sd, alpha, tests, permutations, quantity=quantity)


def _sets_of_footprints(
    test: RunLevelTest, runs: pd.DataFrame, alpha: float, effect: float, tests: int, permutations: int
) -> list[str]:
    """Training sets of each rotating footprint, or more permutations."""
    members = runs[runs["footprint"].isin(test.footprints)]
    arrangements = factorial(min(20, len(test.footprints)))
    if tests / min(permutations + 1, arrangements) >= alpha:
        return [_more_permutations(tests, alpha, permutations)] if arrangements > tests / alpha else [_ROTATING]
    columns = _columns(test)
    pilot = scatter_of_footprints(members, test.footprints, columns)
    if not pilot.known:
        return [_ROTATING]
    axes = unit_vectors(*footprint_axes(members).to_numpy().T)
    designs = [
        RotatingDesign(axes, alpha, tests, permutations, *response)
        for response in ([(ONE_NUMBER,)] if len(columns) == 1 else [(SKY_PATTERN, shape) for shape in RESPONSE_SHAPES])
    ]
    smallest = max(smallest_effect(one, PLANNED_POWER, experiments=_SIMULATED[one.quantity]) for one in designs)
    sets, n = pilot.sets, len(axes)
    wanted = max(sets + 1, ceil(sets * min(_MOST_SETS, smallest * pilot.sd / effect) ** 2))
    if wanted > _MOST_SETS:
        return [_too_many(pilot.sd, effect, test)]
    what = "between opposite hemispheres" if len(columns) == 1 else "of the pattern, odd or even,"
    return [
        f"{wanted} training sets of each of the {n} footprints, which share no galaxy, find a change of"
        f" {_in_words(effect, test)} {what} in four of five cases, by the scatter of {_in_words(pilot.sd, test)}"
        f" between footprints that have {sets}."
    ]


def _identical(test: RunLevelTest, runs: pd.DataFrame) -> bool:
    """Whether all runs have the same numbers, but for rounding: they scatter by nothing that could be planned for."""
    own = runs[(runs["network"] == test.network) & runs["footprint"].isin(test.footprints)]
    values = own[[name for name in _columns(test) if name in own]].to_numpy(float)
    return len(values) > 1 and bool((np.ptp(values, axis=0) <= 1e-12 * np.abs(values).max()).all())


def _in_words(size: float, test: RunLevelTest) -> str:
    return f"{size:.2g}" if test.quantity == "mean_score" else with_points(size)


def _too_many(scatter: float, effect: float, test: RunLevelTest) -> str:
    """What is said where no practicable number of training sets would do."""
    return (
        f"Networks that scatter less: by the scatter of {_in_words(scatter, test)} more than {_MOST_SETS} training sets"
        f" of a footprint would be needed to find a change of {_in_words(effect, test)}; larger training sets scatter"
        " less."
    )


def _columns(test: RunLevelTest) -> Sequence[str]:
    return next(quantity.columns for quantity in TESTED if quantity.name == test.quantity)


def _more_permutations(tests: int, alpha: float, permutations: int) -> str:
    return f"{ceil(tests / alpha) + 1} permutations or more (tests.permutations is {permutations})."
