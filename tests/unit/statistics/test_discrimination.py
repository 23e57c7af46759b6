"""How well a network tells the classes apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workflow_scripts.statistics.truth.discrimination import auc, auc_by_region, auc_difference, balanced_accuracy
from workflow_scripts.statistics.truth.error_decomposition import ErrorCounts


def band(mocks):
    """99.9 % binomial band of a size of 5 %."""
    return stats.binom.ppf([0.0005, 0.9995], mocks, 0.05) / mocks


def literal_delong(scores, truth):
    """AUC and variance from the placement values, pair by pair."""
    positive, negative = scores[truth == 1], scores[truth == 0]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    of_positives, of_negatives = wins.mean(axis=1), wins.mean(axis=0)
    return wins.mean(), of_positives, of_negatives


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=4, max_size=40).filter(
        lambda rows: 2 <= sum(t for _, t in rows) <= len(rows) - 2
    )
)
def test_auc_is_that_of_the_placement_values(rows):
    """DeLong's variance, literally, with ties; and the Mann-Whitney statistic of scipy."""
    scores, truth = np.array([s for s, _ in rows], float), np.array([t for _, t in rows], float)
    found = auc(scores, truth)
    value, of_positives, of_negatives = literal_delong(scores, truth)
    variance = of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives)
    assert found.value == pytest.approx(value)
    assert found.se == pytest.approx(np.sqrt(variance), abs=1e-12)
    u = stats.mannwhitneyu(scores[truth == 1], scores[truth == 0]).statistic
    assert found.value == pytest.approx(u / (len(of_positives) * len(of_negatives)))
    assert auc(-scores, truth).value == pytest.approx(1 - found.value)
    assert auc(scores, 1 - truth).se == pytest.approx(found.se, abs=1e-12)
    assert auc(np.exp(scores), truth).value == pytest.approx(found.value)


def test_paired_auc_is_delongs_and_covers():
    random = np.random.default_rng(11)
    truth = (np.arange(300) < 120).astype(float)
    mocks, inside = 1000, []
    for row in range(mocks):
        shared = random.normal(size=300) + truth
        a, b = shared + 0.5 * random.normal(size=300), shared + 0.5 * random.normal(size=300)
        found = auc_difference(a, b, truth)
        inside.append(found.p > 0.05)
        if row == 0:
            (value_a, a1, a0), (value_b, b1, b0) = literal_delong(a, truth), literal_delong(b, truth)
            covariance = np.cov(a1, b1) / 120 + np.cov(a0, b0) / 180
            assert found.difference == pytest.approx(value_a - value_b)
            assert found.se**2 == pytest.approx(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert band(mocks)[0] <= 1 - np.mean(inside) <= band(mocks)[1]


def test_auc_interval_covers():
    """Normal scores one standard deviation apart: true AUC Phi(1/sqrt 2)."""
    random = np.random.default_rng(12)
    truth, true = (np.arange(200) < 80).astype(float), stats.norm.cdf(np.sqrt(0.5))
    found = [auc(random.normal(size=200) + truth, truth).ci95 for _ in range(1000)]
    assert band(1000)[0] <= 1 - np.mean([low < true < high for low, high in found]) <= band(1000)[1]


def test_regions_have_their_own_auc():
    random = np.random.default_rng(13)
    scores, truth, region = random.random(200), random.integers(0, 2, 200), random.integers(0, 3, 200)
    truth[region == 2] = 1
    found = auc_by_region(scores, truth, region, 4)
    assert found[0] == auc(scores[region == 0], truth[region == 0])
    assert found[2] is None
    assert found[3] is None
    assert auc([1.0, 2, 3, 4], [0, 0, 1, 1]).separated


def test_balanced_accuracy_has_the_error_of_two_rates():
    found = balanced_accuracy(ErrorCounts(80, 20, 30, 170))
    assert found.value == pytest.approx((0.8 + 0.85) / 2)
    assert found.se == pytest.approx(np.sqrt(0.8 * 0.2 / 100 + 0.15 * 0.85 / 200) / 2)
    # Ten times the negatives change the error only.
    assert balanced_accuracy(ErrorCounts(80, 20, 300, 1700)).value == pytest.approx(found.value)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: auc([1.0, 2, 3], [0, 1, 1]), "two or more galaxies of each class"),
        (lambda: auc([1.0, np.nan, 3, 4], [0, 1, 1, 0]), "missing or infinite"),
        (lambda: auc([1.0, 2, 3, 4], [0, 1, 2, 0]), "0 or 1"),
        (lambda: auc([1.0, 2], [0, 1, 1]), "same galaxies"),
        (lambda: auc_difference([1.0, 2, 3, 4], [2.0, 4, 6, 8], [0, 1, 0, 1]), "alike"),
        (lambda: auc_by_region([1.0, 2], [0, 1], [0, 5], 2), "between 0 and 1"),
        (lambda: balanced_accuracy(ErrorCounts(1, 1, 0, 0)), "no galaxies of one"),
    ],
)
def test_scores_that_rank_nothing_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
