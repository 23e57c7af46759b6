"""The fraction against an expected one, galaxies or blocks of sky as the unit."""

import numpy as np
import pytest
from scipy import stats

from tests.unit.statistics.skies import CENTRES, band
from workflow_scripts.statistics.sky.expected_fraction import (
    block_fraction_test,
    expected_fraction_test,
    expected_mean_test,
)


def test_the_exact_binomial_test_and_wilsons_interval():
    found = expected_fraction_test(55, 100, 0.5)
    assert found.p == pytest.approx(stats.binomtest(55, 100, 0.5).pvalue)
    assert found.ci95 == pytest.approx((0.4524, 0.6439), abs=1e-4)
    assert found.statistic == pytest.approx(1.0)
    # The upper end of Wilson's 90 % interval, as statsmodels has it.
    assert found.limit95 == pytest.approx(0.1294, abs=2e-4)
    # Handedness of the HSC catalog: 6,727 and 6,749.
    assert expected_fraction_test(6727, 13476, 0.5).p == pytest.approx(0.856, abs=1e-3)


def test_p_too_small_for_a_number_has_a_logarithm():
    for n in (4000, 10**6):
        found = expected_fraction_test(0.9 * n, n, 0.5)
        assert found.p < 1e-290
        assert found.log10_p < -290
    assert expected_fraction_test(2200, 4000, 0.5).log10_p == pytest.approx(
        np.log10(expected_fraction_test(2200, 4000, 0.5).p)
    )


def test_blocks_allow_for_what_neighbours_share():
    random, galaxies, blocks = np.random.default_rng(1), [], []
    block = np.repeat(np.arange(48), 16)
    counts = np.full(len(CENTRES), 4)
    for _ in range(1000):
        fraction = np.clip(0.5 + 0.2 * random.normal(size=48), 0, 1)[block]
        positives = random.binomial(counts, fraction)
        galaxies.append(expected_fraction_test(positives.sum(), counts.sum(), 0.5).p)
        blocks.append(block_fraction_test(counts, positives, block, 0.5).p)
    low, high = band(1000)
    assert low <= np.mean(np.array(blocks) < 0.05) <= high
    assert np.mean(np.array(galaxies) < 0.05) > 0.2


def test_mean_scores_have_their_own_variance():
    scores = np.random.default_rng(2).beta(2, 2, 500)
    found = expected_mean_test(scores.sum(), scores @ scores, 500, 0.5)
    z = (scores.mean() - 0.5) / (scores.std(ddof=1) / np.sqrt(500))
    assert (found.statistic, found.p) == pytest.approx((z, 2 * stats.norm.sf(abs(z))))
    assert found.limit95 == pytest.approx(abs(scores.mean() - 0.5) + 1.6449 * found.se, rel=1e-4)


def test_what_cannot_be_tested():
    with pytest.raises(ValueError, match="must be between 0 and 1"):
        expected_fraction_test(1, 2, 1.0)
    with pytest.raises(ValueError, match="no galaxy"):
        expected_fraction_test(0, 0, 0.5)
    with pytest.raises(ValueError, match="effective blocks: two are needed"):
        block_fraction_test([5, 5], [1, 2], [0, 0], 0.5)
    with pytest.raises(ValueError, match="all scores are the same"):
        expected_mean_test(5.0, 2.5, 10, 0.5)
