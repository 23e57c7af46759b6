"""What would decide a question that an experiment cannot."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.bias.synthetic_experiment import runs_of_noise
from workflow_scripts.bias.declared_tests import (
    CONTRAST,
    PATTERN,
    RESPONSE,
    SECONDARY_FAMILY,
    RunLevelTest,
    RunLevelTests,
)
from workflow_scripts.bias.further_runs import needed_runs
from workflow_scripts.configuration.expansion import BASE_PIXELS
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.runs.decision_power import RotatingDesign


def a_test(design, footprints, quantity="fraction", **values):
    given = {"design": design, "footprints": tuple(footprints), "quantity": quantity, "network": "net"} | values
    return RunLevelTest("t", "e", "n", "run", "primary", 4, **given)


def needed(test, runs, permutations=10000, others=1):
    found = RunLevelTests(("x",), permutations=(permutations, 0), tests=[test] * (1 + others))
    return needed_runs(test, found, runs, 0.01, 0.05)


@pytest.mark.parametrize(("sd", "least", "most"), [(0.001, 6, 6), (0.05, 20, 60)])
def test_a_contrast_needs_what_permutations_and_the_scatter_need(sd, least, most):
    (sentence,) = needed(a_test(CONTRAST, ("a", "b")), runs_of_noise(("a", "b"), 3, sd))
    assert least <= int(sentence.split()[0]) <= most
    assert "fewer than 6 cannot give an adjusted p below 0.01" in sentence


def test_a_vector_needs_more_and_a_single_set_gives_no_scatter():
    (sentence,) = needed(a_test(CONTRAST, ("a", "b"), "dipole"), runs_of_noise(("a", "b"), 3, 0.05))
    assert int(sentence.split()[0]) > 20
    (sentence,) = needed(a_test(CONTRAST, ("a", "b")), runs_of_noise(("a", "b"), 1, 0.05))
    assert sentence == "At least 6 training sets of each of a and b: fewer cannot give an adjusted p below 0.01."


def test_too_few_permutations_are_named():
    (sentence,) = needed(a_test(CONTRAST, ("a", "b")), runs_of_noise(("a", "b"), 8, 0.05), permutations=99)
    assert sentence == "201 permutations or more (tests.permutations is 99)."


def test_rotating_footprints_need_more_of_them_or_more_training_sets():
    names = [f"f{n:02d}" for n in range(12)]
    assert (
        "Rotating hemispheres about 12 axes"
        in needed(a_test(RESPONSE, names[:5]), runs_of_noise(names[:5], 1, 0.01))[0]
    )
    (sentence,) = needed(a_test(RESPONSE, names), runs_of_noise(names, 1, 0.05))
    assert int(sentence.split()[0]) > 20
    assert "training sets of each of the 12 footprints" in sentence


@pytest.mark.parametrize(
    ("design", "quantity", "response"),
    [(RESPONSE, "fraction", ("number",)), (PATTERN, "dipole", ("dipole", "even"))],
)
def test_the_sets_of_footprints_that_are_named_are_enough_for_the_deciding_rule(design, quantity, response):
    """A formula for one parametric test promises 0.8 for designs that find 0.5."""
    names = [f"f{n:02d}" for n in range(12)]
    runs = runs_of_noise(names, 1, 0.014, seed=2)
    (sentence,) = needed(a_test(design, names, quantity, limit95=0.1), runs, permutations=2000)
    wanted = int(sentence.split()[0])
    scatter = float(sentence.split("scatter of ")[1].split()[0]) / 100 / np.sqrt(wanted)
    assert 1 < wanted < 20
    rule = RotatingDesign(unit_vectors(*np.array(BASE_PIXELS).T), 0.01, 2, 2000, *response)
    assert rule.power(0.05 / scatter, 80, 7) > 0.65
    assert rule.power(0.05 / scatter / 1.4, 80, 7) < 0.75


def test_a_pattern_without_a_limit_needs_labels_or_footprints():
    names = [f"f{n:02d}" for n in range(7)]
    given = names, "dipole"
    assert "Reference labels" in needed(a_test(PATTERN, *given, p_permutation=0.5), runs_of_noise(names, 1, 0.05))[0]
    test = a_test(
        PATTERN, *given, p_permutation=0.5, size=0.1, details={"common_direction": "towards RA 120°, Dec +30°"}
    )
    assert needed(test, runs_of_noise(names, 1, 0.05)) == ["8 rotating footprints or more: fewer give no limit."]


def test_a_remedy_comes_first():
    test = a_test(CONTRAST, ("a", "b"), remedy="Two regions that do not overlap.")
    assert needed(test, runs_of_noise(("a", "b"), 3, 0.05)) == ["Two regions that do not overlap."]


def test_networks_that_are_all_alike_plan_nothing():
    """Rounding alone makes means of equal numbers scatter."""
    for design, names in ((CONTRAST, ("a", "b")), (RESPONSE, [f"f{n:02d}" for n in range(12)])):
        runs = runs_of_noise(names, 3, 0.0).assign(fraction=0.1 + 0.2)
        assert needed(a_test(design, names), runs) == ["Networks that differ: all of these gave the same."]


def test_numbers_of_training_sets_that_nobody_can_train_are_not_named():
    for design, names in ((CONTRAST, ("a", "b")), (RESPONSE, [f"f{n:02d}" for n in range(12)])):
        (sentence,) = needed(a_test(design, names), runs_of_noise(names, 3, 0.3))
        assert "more than 100 training sets of a footprint" in sentence


def test_a_test_that_could_not_be_made_yet_counts_in_the_adjustment():
    """Two sets a side give no dipole, but more sets will, and Holm's adjustment is then over both."""
    contrast = replace(a_test(CONTRAST, ("a", "b")), family=SECONDARY_FAMILY)
    untested = [replace(contrast, name="dipole_contrast")]
    found = RunLevelTests(("x",), permutations=(10000, 0), tests=[contrast], untested=untested)
    assert needed_runs(contrast, found, runs_of_noise(("a", "b"), 2, 0.001), 0.01, 0.05)[0].startswith(
        "6 training sets"
    )
