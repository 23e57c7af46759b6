"""The fraction that networks share against the expected one: by hand, at its stated size, and what it refuses."""

import numpy as np
import pytest
from scipy import stats

from workflow_scripts.statistics.runs.common_fraction import common_fraction


def test_without_noise_of_the_galaxies_it_is_students_t():
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
def test_what_it_refuses(values, variance, expected, sentence):
    with pytest.raises(ValueError, match=sentence):
        common_fraction(values, variance, expected)
