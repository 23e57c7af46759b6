"""The trend over doses: size, power, and its numbers against independent ones."""

import numpy as np
import pytest
from scipy import stats

from workflow_scripts.statistics.runs.dose_trend import dose_trend

DOSES = [0.0, 0.3, 0.6, 0.9]


def runs(effect: float, sets: int, random: np.random.Generator) -> np.ndarray:
    """Training sets that differ by much, networks that scatter by 0.02."""
    return 0.4 + random.normal(0, 0.1, (sets, 1)) + effect * np.array(DOSES) + random.normal(0, 0.02, (sets, 4))


def test_slope_of_one_training_set_is_that_of_a_regression():
    values = runs(0.05, 1, np.random.default_rng(1))
    found, expected = dose_trend(DOSES, values, 1000, 0), stats.linregress(DOSES, values[0])
    assert found.slope == pytest.approx(expected.slope)
    half = stats.t.ppf(0.975, 2) * expected.stderr * 0.9
    assert found.change_ci95 == pytest.approx((0.9 * expected.slope - half, 0.9 * expected.slope + half))


def test_interval_over_training_sets_is_that_of_their_slopes():
    values = runs(0.05, 5, np.random.default_rng(2))
    slopes = [stats.linregress(DOSES, row).slope * 0.9 for row in values]
    found = dose_trend(DOSES, values, 1000, 0)
    expected = stats.ttest_1samp(slopes, 0).confidence_interval(0.95)
    assert found.change == pytest.approx(np.mean(slopes))
    assert found.change_ci95 == pytest.approx((expected.low, expected.high))


def test_exact_p_is_the_share_of_all_arrangements():
    # The steepest of all 4! arrangements, and its mirror image.
    found = dose_trend(DOSES, [[0.1, 0.2, 0.3, 0.5]], 1000, 0)
    assert found.p_permutation == pytest.approx(2 / 24) == found.p_smallest
    assert found.monotonic
    # Doses that are not symmetric have no mirror image.
    assert dose_trend([0, 1, 5, 6.5], [[0.1, 0.2, 0.3, 0.5]], 1000, 0).p_permutation == pytest.approx(1 / 24)
    both = dose_trend(DOSES, [[0.1, 0.2, 0.3, 0.5], [0.7, 0.8, 0.85, 0.9]], 1000, 0)
    assert both.p_permutation == pytest.approx(2 / 24**2) == both.p_smallest


def test_random_arrangements_agree_with_all_of_them():
    values = runs(0.02, 2, np.random.default_rng(4))
    exact, random = (dose_trend(DOSES, values, permutations, 0).p_permutation for permutations in (576, 575))
    assert abs(exact - random) < 5 * np.sqrt(exact * (1 - exact) / 575)


def test_size_and_power():
    random = np.random.default_rng(5)
    mocks = 400
    p = {
        effect: np.array([dose_trend(DOSES, runs(effect, 3, random), 199, 0).p_permutation for _ in range(mocks)])
        for effect in (0.0, 0.1)
    }
    for level in (0.01, 0.05, 0.2):
        assert (p[0.0] <= level).mean() <= level + 4 * np.sqrt(level * (1 - level) / mocks)
    assert (p[0.0] <= 0.2).mean() > 0.2 - 4 * 0.02
    assert (p[0.1] <= 0.01).mean() > 0.8


def test_a_trend_that_turns_is_not_monotonic():
    found = dose_trend([0.9, 0.0, 0.6, 0.3], [[0.25, 0.1, 0.3, 0.2]], 99, 0)
    assert found.means == pytest.approx([0.1, 0.2, 0.3, 0.25])
    assert not found.monotonic


@pytest.mark.parametrize(
    ("doses", "values", "message"),
    [
        ([0, 1], [[1, 2]], "2 different doses are too few"),
        ([0, 1, 1], [[1, 2, 3]], "2 different doses"),
        (DOSES, [[0.3] * 4, [0.5] * 4], "nothing differs between doses"),
    ],
)
def test_what_has_no_trend_is_refused(doses, values, message):
    with pytest.raises(ValueError, match=message):
        dose_trend(doses, values, 99, 0)
