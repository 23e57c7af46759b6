"""The run-level tests on simulated runs: sizes, coverages and powers, and what counting galaxies does instead.

Bands are those of 99.9 % for the number of mocks.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from workflow_scripts.calibration_mocks import run_calibration as calibration
from workflow_scripts.calibration_mocks.claims import size_band
from workflow_scripts.calibration_mocks.run_calibration import rotating_calibration, two_arm_calibration
from workflow_scripts.calibration_mocks.run_mocks import RunPopulation

pytestmark = pytest.mark.long

RUN_LEVEL = ("Welch t", "Welch t, permuted", "Hotelling T2", "Hotelling T2, permuted")
GALAXIES = ("galaxies, one run an arm", "galaxies, all runs")


def by_test(rows):
    return {row.test: row for row in rows}


def within(share, mocks, expected, slack=0.0):
    low, high = size_band(mocks, expected)
    return low - slack <= share <= high + slack


@pytest.fixture(scope="module")
def null_cells():
    return {runs: by_test(two_arm_calibration((runs, runs), 0.0, 1000, runs)) for runs in (5, 10, 20)}


@pytest.mark.parametrize("runs", [5, 10, 20])
@pytest.mark.parametrize("test", RUN_LEVEL)
def test_run_level_tests_keep_their_size(null_cells, runs, test):
    """Methods.md 3.f: Welch, Hotelling F with (3, 2K - 4) dof, and permutation of run labels, by simulation."""
    row = null_cells[runs][test]
    # Of the 252 groupings of 5 + 5 runs a two-sided p takes every second multiple only, and Welch is conservative.
    slack = 0.012 if runs == 5 else 0.0
    assert within(row.rejected_05, 1000, 0.05, slack)
    assert within(row.rejected_01, 1000, 0.01, slack / 2)
    # Without an effect an interval misses the truth just where its test rejects.
    assert row.covered_95 is None or row.covered_95 == pytest.approx(1 - row.rejected_05)


@pytest.mark.parametrize("runs", [5, 10, 20])
@pytest.mark.parametrize("test", GALAXIES)
def test_counting_galaxies_rejects_as_often_as_the_scatter_of_runs_makes_it(null_cells, runs, test):
    """z has variance s_run^2 / s_galaxy^2 = 11 here, so 5 % become 55 %, however many runs are thrown together."""
    galaxy_variance = 0.25 / 5000
    ratio = np.sqrt((0.01**2 + 0.02**2 + galaxy_variance) / galaxy_variance)
    row = null_cells[runs][test]
    assert within(row.rejected_05, 1000, 2 * stats.norm.sf(1.96 / ratio))
    assert within(row.rejected_01, 1000, 2 * stats.norm.sf(2.576 / ratio))
    assert row.covered_95 < 0.55


@pytest.mark.parametrize(
    ("runs", "effect"),
    [((5, 5), 2.0), pytest.param((10, 10), 1.3, marks=pytest.mark.long), ((8, 16), 1.2)],
)
def test_two_arms_have_the_power_that_was_predicted(runs, effect):
    """Methods.md 3.h, run level, and for Hotelling a noncentral F, lambda = D^2 n_a n_b/(n_a + n_b), by simulation."""
    rows = by_test(two_arm_calibration(runs, effect, 600, 1))
    for test in RUN_LEVEL:
        # Welch and permutations lose up to about 0.03 with few runs.
        assert within(rows[test].rejected_05, 600, rows[test].predicted_05, 0.03)
    assert within(rows["Welch t"].covered_95, 600, 0.95, 0.01)
    assert within(rows["Hotelling T2"].covered_95, 600, 0.95)


@pytest.mark.long
def test_seeds_of_a_training_set_are_no_runs_of_their_own():
    """Averaging four seeds leaves the samples' scatter, and a quarter of that of 300 galaxies: power follows."""
    population = RunPopulation(sample_sd=0.01, seed_sd=0.01)
    rows = by_test(two_arm_calibration((8, 8), 0.0, 500, 2, population, seeds=4, galaxies=300))
    assert within(rows["Welch t"].rejected_05, 500, 0.05)
    effect = by_test(two_arm_calibration((8, 8), 1.5, 1000, 3, population, seeds=4, galaxies=300))
    for test in ("Welch t", "Hotelling T2"):
        assert within(effect[test].rejected_05, 1000, effect[test].predicted_05)


def test_welch_keeps_its_size_where_arms_scatter_unequally():
    rows = by_test(two_arm_calibration((10, 10), 0.0, 500, 4, spread_b=3.0))
    assert within(rows["Welch t"].rejected_05, 500, 0.05)
    assert rows["Welch t"].predicted_05 is None


@pytest.mark.parametrize("tail_dof", [None, 3.0])
def test_the_rotating_design_keeps_its_size(tail_dof):
    """Permutation of axes over footprints is exact; F and the intervals hold for normal runs."""
    population = replace(calibration.TYPICAL_RUNS, tail_dof=tail_dof)
    rows = by_test(rotating_calibration(0.0, 1000, 5, population))
    for test in ("fraction, permuted", "dipole, permuted", "kappa, permuted"):
        assert within(rows[test].rejected_05, 1000, 0.05)
        assert within(rows[test].rejected_01, 1000, 0.01)
    if tail_dof is None:
        assert within(rows["fraction, F"].rejected_05, 1000, 0.05)
        # Three components a mock, so the band of one is wide enough.
        assert within(rows["fraction, F"].covered_95, 1000, 0.95)
        assert within(rows["kappa, permuted"].covered_95, 1000, 0.95)


@pytest.mark.parametrize("effect", [0.6, 1.5])
def test_the_rotating_design_has_the_power_that_was_predicted(effect):
    rows = by_test(rotating_calibration(effect, 600, 6))
    assert within(rows["fraction, F"].rejected_05, 600, rows["fraction, F"].predicted_05)
    for test in ("fraction, permuted", "kappa, permuted"):
        # 199 permutations cost a little.
        assert within(rows[test].rejected_05, 600, rows[test].predicted_05, 0.02)


def test_a_response_across_the_axes_is_seen_by_the_dipole_test_but_not_by_kappa():
    """A K of rank one across its axis has no trace, and permuted kappas scatter with it, so that p is too large."""
    across = np.outer([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    rows = by_test(rotating_calibration(2.5, 300, 7, matrix=across))
    assert rows["dipole, permuted"].rejected_05 > 0.6
    assert rows["kappa, permuted"].rejected_05 <= size_band(300, 0.05)[1]
    assert (rows["kappa, permuted"].covered_95, rows["kappa, permuted"].predicted_05) == (None, None)


def test_everything_at_once_is_the_same_every_time():
    rows = calibration.calibrate(20, 1, runs=(4,), effects=(0.0, 2.0))
    assert rows == calibration.calibrate(20, 1, runs=(4,), effects=(0.0, 2.0))
    assert rows != calibration.calibrate(20, 2, runs=(4,), effects=(0.0, 2.0))
    cells = [(row.design, row.units, row.effect) for row in rows]
    assert list(dict.fromkeys(cells)) == [
        ("two arms", "4 + 4", 0.0),
        ("rotating", "12", 0.0),
        ("two arms", "4 + 4", 2.0),
        ("rotating", "12", 2.0),
    ]
    assert len(rows) == 2 * (6 + 6)
    assert {row.mocks for row in rows} == {20}


def test_what_cannot_be_simulated_is_refused():
    with pytest.raises(ValueError, match="cannot be compared"):
        two_arm_calibration((1, 5), 0.0, 10, 1)
    with pytest.raises(ValueError, match="p < 0, p > 1"):
        two_arm_calibration((5, 5), 0.0, 100, 1, RunPopulation(0.0, 0.5))
