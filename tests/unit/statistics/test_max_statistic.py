"""The step-down maximum: the published steps as oracle, and its false alarms on mocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workflow_scripts.statistics.max_statistic import step_down
from workflow_scripts.statistics.multiplicity import holm


def literal(observed, null):
    """Westfall & Young's steps, one statistic and one sky at a time."""
    order = sorted(range(len(observed)), key=lambda j: -observed[j])
    counts = dict.fromkeys(order, 1)
    for sky in null:
        largest = -np.inf
        for j in reversed(order):
            largest = max(largest, sky[j])
            counts[j] += largest >= observed[j]
    adjusted, highest = np.empty(len(observed)), 0.0
    for j in order:
        highest = max(highest, counts[j] / (len(null) + 1))
        adjusted[j] = highest
    return adjusted


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 40), st.booleans())
@settings(max_examples=80, deadline=None)
def test_agrees_with_the_published_steps(seed, m, skies, whole):
    random = np.random.default_rng(seed)
    observed, null = random.normal(size=m), random.normal(size=(skies, m))
    if whole:
        # many ties
        observed, null = np.round(observed), np.round(null)
    adjusted = step_down(observed, null)
    np.testing.assert_allclose(adjusted, literal(observed, null), rtol=1e-12)
    raw = ((null >= observed).sum(axis=0) + 1) / (skies + 1)
    assert np.all(adjusted >= raw - 1e-12)
    assert np.all(adjusted <= 1)
    # The order in which statistics are given does not matter, nor that of skies.
    shuffle = random.permutation(m)
    again = step_down(observed[shuffle], random.permutation(null)[:, shuffle])
    np.testing.assert_allclose(again, adjusted[shuffle], rtol=1e-12)


def test_the_largest_statistic_gets_the_p_of_the_maximum_and_a_lone_one_its_own():
    random = np.random.default_rng(1)
    observed, null = np.array([2.9, 1.0, 2.0]), np.abs(random.normal(size=(999, 3)))
    expected = ((null.max(axis=1) >= 2.9).sum() + 1) / 1000
    assert step_down(observed, null)[0] == pytest.approx(expected)
    assert step_down([2.0], null[:, 2:]) == pytest.approx([((null[:, 2] >= 2.0).sum() + 1) / 1000])


def test_statistics_that_are_copies_cost_nothing():
    random = np.random.default_rng(2)
    null = np.abs(random.normal(size=(999, 1)))
    copies = step_down(np.full(20, 2.5), np.repeat(null, 20, axis=1))
    alone = step_down([2.5], null)[0]
    np.testing.assert_allclose(copies, alone)
    assert alone < 0.05 < holm(np.full(20, alone)).min()


def test_false_alarms_of_the_family_are_kept_with_some_effects_real():
    """3.g: 8 correlated statistics, 3 of them with large effects; any of the 5 others below 5 % counts.

    1,000 mocks; and more of a weak effect is found than by Holm's from the same skies.
    """
    random = np.random.default_rng(3)
    root = np.linalg.cholesky(0.8 + 0.2 * np.eye(8))
    shift = np.array([6.0, 6, 2.6, 0, 0, 0, 0, 0])
    alarms = stepped = by_holm = 0
    for _ in range(1000):
        observed = np.abs(root @ random.normal(size=8) + shift)
        null = np.abs(random.normal(size=(199, 8)) @ root.T)
        adjusted = step_down(observed, null)
        alarms += int(np.any(adjusted[3:] <= 0.05))
        stepped += int(adjusted[2] <= 0.05)
        by_holm += int(holm(2 * stats.norm.sf(observed))[2] <= 0.05)
    assert stats.binom.ppf(0.0005, 1000, 0.05) < alarms < stats.binom.ppf(0.9995, 1000, 0.05)
    assert stepped > by_holm


@pytest.mark.parametrize(
    ("observed", "null", "sentence"),
    [
        ([1.0, 2.0], np.zeros((5, 3)), "do not belong"),
        ([1.0, 2.0], np.zeros(2), "do not belong"),
        ([1.0], np.zeros((0, 1)), "nothing to adjust"),
        ([], np.zeros((4, 0)), "nothing to adjust"),
        ([np.nan], np.zeros((4, 1)), "missing"),
        ([1.0], np.full((4, 1), np.nan), "missing"),
    ],
)
def test_what_cannot_be_adjusted_is_refused(observed, null, sentence):
    with pytest.raises(ValueError, match=sentence):
        step_down(observed, null)
