"""The AUC of two regions within classes, and its mean over networks that share the galaxies."""

import numpy as np
import pytest
from scipy import stats

from workflow_scripts.statistics.place_auc import place_auc
from workflow_scripts.statistics.runs.shared_galaxies import NOT_KNOWN, OF_SEEDS, OF_SETS, mean_of_networks


def test_it_is_the_share_of_pairs_in_the_right_order():
    scores, first, classes = [1, 2, 2, 3, 0, 2], [True, False, True, False, False, True], [0] * 6
    above = [(a > b) + 0.5 * (a == b) for a in (1, 2, 2) for b in (2, 3, 0)]
    assert place_auc(scores, first, classes).value == pytest.approx(np.mean(above))


def test_a_score_that_follows_the_class_tells_nothing():
    random = np.random.default_rng(0)
    classes = np.r_[np.zeros(300), np.ones(100), np.zeros(100), np.ones(300)].astype(int)
    first = np.arange(800) < 400
    scores = 3 * classes + random.normal(size=800)
    assert place_auc(scores, first, np.zeros(800)).value < 0.35
    found = place_auc(scores, first, classes)
    assert abs(found.value - 0.5) < 3 * np.sqrt((found.influence**2).sum())


def test_a_planted_shift_has_the_auc_of_two_normal_distributions():
    random, n = np.random.default_rng(1), 4000
    first = np.arange(n) < n // 2
    found = place_auc(random.normal(size=n) + 0.5 * first, first, random.integers(0, 2, n))
    assert found.value == pytest.approx(stats.norm.cdf(0.5 / np.sqrt(2)), abs=4 * np.sqrt((found.influence**2).sum()))


def test_the_influences_give_the_scatter_over_samples():
    random = np.random.default_rng(2)
    first, classes = np.arange(200) < 80, np.arange(200) % 2
    samples = [place_auc(random.normal(size=200) + first, first, classes) for _ in range(300)]
    expected = np.std([one.value for one in samples])
    assert np.sqrt(np.mean([(one.influence**2).sum() for one in samples])) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    ("scores", "first", "sentence"),
    [([1, 2, 3, np.nan], [1, 0, 1, 0], "missing"), ([1, 2, 3, 4], [1, 0, 1, 1], "no class"), ([1], [1, 0], "one a")],
)
def test_what_cannot_be_scored_is_refused(scores, first, sentence):
    with pytest.raises(ValueError, match=sentence):
        place_auc(scores, first, np.zeros(len(first)))


def shared_noise(random, networks, blocks, shared, own, between):
    """Values and influences by block of networks that all have the noise of the same blocks."""
    noise = shared * random.normal(size=blocks) + own * random.normal(size=(networks, blocks))
    noise /= np.sqrt(blocks)
    values = 0.5 + noise.sum(axis=1) / np.sqrt(blocks) + between * random.normal(size=networks)
    return values, (noise - noise.mean(axis=1, keepdims=True)) / np.sqrt(blocks)


@pytest.mark.parametrize(("shared", "own", "between"), [(1, 0, 0.01), (1, 0.5, 0.1), (0.3, 1, 0)])
def test_noise_that_networks_share_is_in_the_error(shared, own, between):
    random = np.random.default_rng(3)
    found = []
    for _ in range(400):
        values, influences = shared_noise(random, 6, 40, shared, own, between)
        found.append(mean_of_networks(values, influences, [0] * 6, np.arange(6), 0.5))
    below = np.mean([one.p < 0.05 for one in found])
    assert below < 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 400)
    # What a test that takes networks for independent would say.
    if shared == 1 and own == 0:
        alone = [stats.ttest_1samp(shared_noise(random, 6, 40, 1, 0, 0.01)[0], 0.5).pvalue for _ in range(200)]
        assert np.mean(np.array(alone) < 0.05) > 0.5


def test_groups_have_equal_weights_and_their_differences_are_no_error():
    influences = np.zeros((6, 20))
    influences[:, 0], influences[:, 1] = 0.01, -0.01
    found = mean_of_networks([0.9, 0.92, 0.9, 0.92, 0.5, 0.52], influences, [0, 0, 0, 0, 1, 1], [1, 2, 3, 4, 5, 6], 0.5)
    assert found.estimate == pytest.approx((0.91 + 0.51) / 2)
    assert found.se < 0.02
    assert found.scatter_of == OF_SETS


def test_seeds_stand_in_where_no_group_has_two_training_sets():
    influences = np.tile([0.01, -0.01], (4, 10))
    of_seeds = mean_of_networks([0.5, 0.54, 0.6, 0.64], influences, [0, 0, 1, 1], [0, 0, 1, 1], 0.5)
    assert of_seeds.scatter_of == OF_SEEDS
    assert of_seeds.se > of_seeds.se_galaxies
    alone = mean_of_networks([0.5, 0.6], influences[:2], [0, 1], [0, 1], 0.5)
    assert alone.scatter_of == NOT_KNOWN
    assert alone.se == alone.se_galaxies


def test_the_limit_is_one_sided_and_grows_with_its_level():
    influences = np.tile([0.01, -0.01], (2, 20))
    found = mean_of_networks([0.505, 0.515], influences, [0, 0], [0, 1], 0.5)
    assert found.limit95 == pytest.approx(found.limit_at(0.95))
    assert 0.01 < found.limit95 < found.limit_at(0.99)


def test_few_blocks_are_refused():
    with pytest.raises(ValueError, match="5 blocks"):
        mean_of_networks([0.5, 0.6], np.ones((2, 5)), [0, 0], [0, 1], 0.5)
