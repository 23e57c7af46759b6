"""The answer: tests with the training run as the unit of replication."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from workflow_scripts.bias.collected_tests import FEWEST_FOOTPRINTS, CollectedTests, rotating_runs
from workflow_scripts.bias.opposite_footprints import opposite_contrasts
from workflow_scripts.bias.rotating_footprints import axis_responses
from workflow_scripts.bias.training_noise import noise_components
from workflow_scripts.bias.training_overlap import TrainingSets
from workflow_scripts.statistics.p_values import holm
from workflow_scripts.statistics.result import TestResult

ROTATING_PRIMARY = ("fraction_response", "dipole_response")
PAIR_PRIMARY = ("fraction_contrast", "dipole_contrast")


def run_level_tests(
    runs: pd.DataFrame,
    experiment: Mapping[str, Any],
    training_sets: TrainingSets | None = None,
    training_templates: pd.DataFrame | None = None,
) -> CollectedTests:
    """All run-level tests of an experiment.

    The primary tests are those that the experiment names; else the responses to the axes of rotating footprints; else,
    without enough of such footprints, the contrasts of the opposite pairs. `runs` is a `paper_style.run_table`;
    `training_sets`, the galaxies of each training set, serve to say how much they overlap, and
    `training_templates`, their mean imaging, to say whether that is what networks follow.
    """
    settings, sets = experiment["tests"], training_sets or {}
    enough = rotating_runs(runs).groupby("family")["footprint"].nunique().max() >= FEWEST_FOOTPRINTS
    found = CollectedTests(tuple(settings["primary"]) or (ROTATING_PRIMARY if enough else PAIR_PRIMARY))
    for network, group in runs.groupby("network", sort=False):
        suffix = "" if runs["network"].nunique() == 1 else f" [{network}]"
        axis_responses(found, group, settings, suffix, sets, training_templates)
        opposite_contrasts(found, group, experiment, suffix, sets)
        noise_components(found, group, suffix)
    return found


def adjusted_primary(tests: list[TestResult]) -> dict[str, dict[str, float]]:
    """The deciding p of the primary tests that could be made, with Holm's adjustment."""
    primary = [(test.name, test.deciding_p) for test in tests if test.family == "primary"]
    known = [(name, p) for name, p in primary if p is not None]
    adjusted = holm([p for _, p in known])
    return {name: {"p": p, "p_holm": float(value)} for (name, p), value in zip(known, adjusted, strict=True)}
