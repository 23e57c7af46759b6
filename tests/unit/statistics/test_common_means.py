"""The dipole and the fraction that networks have in common: by hand, at their stated size, and what they refuse."""

import numpy as np
import pytest
from scipy import stats

from tests.unit.statistics.skies import band
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.runs.common_means import common_dipole, common_fraction


@pytest.mark.parametrize("units", [5, 12])
def test_a_common_dipole_of_noise_is_found_as_often_as_the_level_says(units):
    random = np.random.default_rng(units)
    galaxies = np.diag([0.3, 0.2, 0.1])
    p, covered = [], []
    for _ in range(300):
        shared = random.normal(size=3) * np.sqrt(np.diag(galaxies))
        found = common_dipole(shared + random.normal(size=(units, 3)), galaxies)
        p.append(found.p)
        covered.append(found.size_ci95[0] == 0)
    assert np.mean(np.array(p) < 0.05) <= band(300)[1]
    assert np.mean(covered) >= band(300, 0.95)[0]


def test_a_common_dipole_without_noise_of_galaxies_is_hotellings():
    values = np.random.default_rng(0).normal(size=(9, 3)) + np.array([1, 0, 0])
    found = common_dipole(values, np.zeros((3, 3)))
    mean, scatter = values.mean(axis=0), np.cov(values.T) / 9
    assert found.statistic == pytest.approx(mean @ np.linalg.solve(scatter, mean) * 6 / 24)
    assert found.dof == (3, pytest.approx(6))
    assert found.size == pytest.approx(np.sqrt(mean @ mean - np.trace(scatter)))
    far = common_dipole(values + 30 * unit_vectors(120, 30), np.eye(3))
    assert far.size_ci95[0] < 30 < far.size_ci95[1]
    assert far.p < 1e-6


@pytest.mark.parametrize(
    ("values", "galaxies", "sentence"),
    [
        (np.ones((8, 3)), np.zeros((3, 3)), "do not scatter"),
        (np.eye(4)[:, :3], np.eye(3), "too few"),
        (np.eye(6)[:, :3], -np.eye(3), "below zero"),
        (np.full((6, 3), np.nan), np.eye(3), "no dipole"),
    ],
)
def test_common_dipoles_that_cannot_be_tested_are_refused(values, galaxies, sentence):
    with pytest.raises(ValueError, match=sentence):
        common_dipole(values, galaxies)


def test_a_common_fraction_without_noise_of_the_galaxies_is_students_t():
    values = np.array([0.52, 0.49, 0.51, 0.53, 0.50, 0.52])
    found, t = common_fraction(values, 0.0, 0.5), stats.ttest_1samp(values, 0.5)
    assert (found.statistic, found.dof) == pytest.approx((t.statistic, 5))
    assert found.p == pytest.approx(t.pvalue)
    assert found.ci95 == pytest.approx([end - 0.5 for end in t.confidence_interval()])
    assert found.estimate == pytest.approx(values.mean() - 0.5)


def test_the_noise_of_the_galaxies_is_averaged_away_by_no_number_of_networks():
    values = 0.51 + 1e-6 * np.random.default_rng(0).normal(size=500)
    found = common_fraction(values, 0.004**2, 0.5)
    assert found.se == pytest.approx(0.004, rel=1e-4)
    assert found.p == pytest.approx(2 * stats.norm.sf(2.5), rel=1e-2)
    assert found.limit95 == pytest.approx(0.01 + 1.645 * 0.004, abs=1e-4)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_fractions_that_are_as_expected_are_found_different_at_the_level(share):
    """12 units; `share` is that of the galaxies in the variance of the mean, which is 1."""
    random = np.random.default_rng(1)
    n, trials = 12, 4000
    galaxies = random.normal(0, np.sqrt(share), trials)[:, None]
    values = 0.5 + 1e-3 * (galaxies + random.normal(0, np.sqrt(n * (1 - share)), (trials, n)))
    p = np.array([common_fraction(one, 1e-6 * share, 0.5).p for one in values])
    for level in (0.05, 0.01):
        # 4.5 standard errors of the count beside 20 % for the approximate degrees of freedom.
        assert (p < level).mean() < 1.2 * level + 4.5 * np.sqrt(level / trials)
    assert (p < 0.05).mean() > 0.035


@pytest.mark.parametrize(
    ("values", "variance", "expected", "sentence"),
    [
        ([0.5] * 4, 1e-6, 0.5, "4 training sets are too few"),
        ([0.5, np.nan] * 3, 1e-6, 0.5, "a unit has no fraction"),
        ([0.5, 0.6] * 3, np.nan, 0.5, "galaxies' noise is not known"),
        ([0.5] * 6, 0.0, 0.5, "do not scatter"),
        ([0.5, 0.6] * 3, 0.0, 1.0, "must be between 0 and 1"),
    ],
)
def test_common_fractions_that_cannot_be_tested_are_refused(values, variance, expected, sentence):
    with pytest.raises(ValueError, match=sentence):
        common_fraction(values, variance, expected)
