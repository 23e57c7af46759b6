"""Coefficients of templates by group of galaxies."""

import numpy as np
import pytest
from scipy.special import expit

from tests.unit.statistics.skies import band, random_sky
from workflow_scripts.statistics.sky.group_coefficients import GroupCoefficients, coefficients_by_group


def catalog(random, slopes, n=1500):
    """Groups with a slope each on the first of two templates; the second has none."""
    vectors, templates = random_sky(random, n), random.normal(size=(n, 2)) * [0.2, 3.0] + [1.2, 20]
    groups = random.integers(0, len(slopes), n)
    logit = np.array(slopes)[groups] * (templates[:, 0] - 1.2) / 0.2
    return vectors, (random.random(n) < expit(logit)).astype(float), templates, groups


def test_slopes_of_groups_are_estimated_and_compared():
    found = coefficients_by_group(*catalog(np.random.default_rng(1), [0.0, 0.8, 0.8], 6000))
    np.testing.assert_allclose(found.gamma[:, 0], [0, 0.8, 0.8], atol=4 * found.se.max())
    assert found.p[0] < 1e-6 < 1e-3 < found.p[1]
    assert (found.dof, found.groups.tolist()) == (2, [0, 1, 2])


def test_size():
    random = np.random.default_rng(2)
    p = np.array([coefficients_by_group(*catalog(random, [0.5, 0.5, 0.5], 900)).p for _ in range(200)])
    low, high = band(400)
    assert low <= (p < 0.05).mean() <= high


def test_groups_that_are_too_small_are_left_out():
    vectors, labels, templates, groups = catalog(np.random.default_rng(3), [0.0, 0.0])
    groups[:50] = 7
    assert coefficients_by_group(vectors, labels, templates, groups).groups.tolist() == [0, 1]
    with pytest.raises(ValueError, match="1 groups have enough galaxies"):
        coefficients_by_group(vectors, labels, templates, groups * 0)
    with pytest.raises(ValueError, match="the same everywhere"):
        coefficients_by_group(vectors, labels, templates * [1, 0], groups)


def test_any_difference_is_below_the_limit():
    random, below = np.random.default_rng(5), 0
    for _ in range(60):
        found = coefficients_by_group(*catalog(random, [0.0, 0.5, 0.25], 900))
        values, limits = found.clearest_difference()
        assert 0 < values[0] <= np.ptp(found.gamma[:, 0])
        below += limits[0] >= 0.5
    assert below >= 54


def test_the_noise_of_a_small_group_is_no_difference():
    gamma, se = np.array([[0.0], [0.4], [1.0]]), np.array([[0.05], [0.05], [0.9]])
    found = GroupCoefficients(np.arange(3), gamma, se, np.ones(1), 2, np.ones(1))
    values, limits = found.clearest_difference()
    assert values[0] == pytest.approx(0.4)
    assert limits[0] > 1.0
