"""What the deciding rule finds, and the least p that it can give."""

import numpy as np
import pytest

from workflow_scripts.calibration_mocks.run_mocks import base_axes
from workflow_scripts.statistics.runs.contrasts import arm_contrast
from workflow_scripts.statistics.runs.decision_power import (
    SKY_PATTERN,
    ContrastDesign,
    RotatingDesign,
    power_of_contrasts,
    power_of_rotating,
    smallest_adjusted_p,
    smallest_adjusted_p_rotating,
    smallest_effect,
)
from workflow_scripts.statistics.runs.footprint_response import footprint_response
from workflow_scripts.statistics.runs.power import response_power, two_arm_power

AXES = base_axes()


def test_the_least_adjusted_p_is_what_combinatorics_say():
    assert smallest_adjusted_p(3, 3, 2, 4999) == pytest.approx(2 * 2 / 20)
    assert smallest_adjusted_p(4, 4, 2, 4999) == pytest.approx(2 * 2 / 70)
    assert smallest_adjusted_p(6, 6, 2, 4999) == pytest.approx(2 * 2 / 924)
    assert smallest_adjusted_p(4, 5, 1, 4999) == pytest.approx(1 / 126)
    assert smallest_adjusted_p(10, 10, 2, 4999) == pytest.approx(2 / 5000)
    assert smallest_adjusted_p(2, 2, 9, 99) == 1
    assert smallest_adjusted_p_rotating(12, 2, 4999) == pytest.approx(2 / 5000)
    assert smallest_adjusted_p_rotating(6, 1, 4999) == pytest.approx(1 / 720)
    a, b = np.arange(6.0), np.arange(6.0) + 100
    assert smallest_adjusted_p(6, 6, 1, 4999) == arm_contrast(a, b, 4999, 0).p_permutation


@pytest.mark.parametrize(("runs", "effect", "expected"), [(4, 3.37, 0.0), (6, 2.38, 0.57), (10, 1.69, 0.67)])
def test_power_of_the_rule_is_less_than_that_of_the_formula(runs, effect, expected):
    assert two_arm_power(effect, 1.0, runs, runs, 0.01) == pytest.approx(0.8, abs=0.01)
    assert power_of_contrasts(runs, runs, effect, 0.01, 2, 4999) == pytest.approx(expected, abs=0.08)


def test_power_of_rotating_footprints():
    effect = 5.58
    assert response_power(AXES, [effect / 2, 0, 0], 1.0, 0.01) == pytest.approx(0.8, abs=0.01)
    assert power_of_rotating(AXES, effect, 0.01, 2, 4999) == pytest.approx(0.53, abs=0.08)
    assert power_of_rotating(AXES, 0.0, 0.05, 1, 999) < 0.1
    assert power_of_rotating(AXES, 9.0, 0.05, 1, 199, quantity=SKY_PATTERN, shape="even", experiments=20) == 1.0
    assert power_of_rotating(AXES[:6], 99.0, 0.001, 2, 4999) == 0.0


def test_simulated_tests_are_those_of_the_experiment():
    """The same share of mocks, one by one."""
    random = np.random.default_rng(1)
    p = []
    for mock in range(150):
        found = arm_contrast(random.normal(size=6) + 1.8, random.normal(size=7), 199, mock)
        p.append(max(found.p, found.p_permutation))
    power = power_of_contrasts(6, 7, 1.8, 0.05, 1, 199, experiments=1000)
    assert np.mean(np.array(p) < 0.05) == pytest.approx(power, abs=0.13)
    p = []
    for mock in range(150):
        direction = random.normal(size=3)
        values = 1.2 * AXES @ direction / np.linalg.norm(direction) + random.normal(size=12)
        one = footprint_response(AXES, values, 199, mock)
        p.append(max(one.p, one.p_permutation))
    power = power_of_rotating(AXES, 2.4, 0.05, 1, 199, experiments=1000)
    assert np.mean(np.array(p) < 0.05) == pytest.approx(power, abs=0.13)


def test_the_smallest_effect_is_found_with_its_power():
    design = ContrastDesign(6, 6, 0.01, 2, 4999)
    effect = smallest_effect(design, 0.8, experiments=200)
    assert two_arm_power(effect, 1.0, 6, 6, 0.01) > 0.82
    assert effect < 4
    assert design.power(effect, 200, 0) >= 0.8
    assert smallest_effect(ContrastDesign(3, 3, 0.01, 2, 4999)) == float("inf")
    rotating = smallest_effect(RotatingDesign(AXES, 0.05, 2, 4999), experiments=200)
    assert response_power(AXES, [rotating / 2, 0, 0], 1.0, 0.05) > 0.82
    assert rotating < 6
    vectors = ContrastDesign(6, 6, 0.05, 1, 199, quantity=SKY_PATTERN)
    assert vectors.power(0.0, 40, 0) < 0.2 < 0.8 < vectors.power(6.0, 40, 0)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: smallest_adjusted_p(1, 5, 1, 99), "two training sets"),
        (lambda: smallest_adjusted_p_rotating(4, 1, 99), "five footprints"),
        (lambda: power_of_contrasts(5, 5, 1.0, 1.5, 1, 99), "between 0 and 1"),
        (lambda: power_of_contrasts(5, 5, 1.0, 0.05, 1, 99, quantity="colour"), "quantity"),
        (lambda: power_of_rotating(AXES, 1.0, 0.05, 1, 99, shape="round"), "shape"),
        (lambda: smallest_effect(ContrastDesign(6, 6, 0.05, 1, 99), 0.01), "power"),
    ],
)
def test_designs_that_are_none_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
