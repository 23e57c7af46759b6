"""A planted dipole: what annotations keep of it, and what a remedy does to it."""

import numpy as np
import pytest

from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums
from workflow_scripts.statistics.sky.weighted_dipole import WeightedMoments, weighted_dipole
from workflow_scripts.statistics.truth.planted_signal import least_kept, planted_change


def sky(n=40_000, seed=0):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(n, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    truth = (random.random(n) < 0.4).astype(float)
    return vectors, truth, random


def test_labels_keep_their_true_minus_false_positive_rate():
    vectors, truth, random = sky()
    labels = np.where(truth == 1, random.random(len(truth)) < 0.9, random.random(len(truth)) < 0.2)
    change = planted_change(labels, truth, vectors)
    assert np.allclose(change, 0.7 * np.eye(3), atol=0.04)
    assert np.allclose(planted_change(truth, truth, vectors), np.eye(3), atol=0.03)


def test_it_is_what_the_dipole_of_the_weighted_sky_changes_by():
    vectors, truth, random = sky()
    labels = np.where(truth == 1, random.random(len(truth)) < 0.9, random.random(len(truth)) < 0.2).astype(float)
    own = dipole(PositionSums.of(vectors), ValueSums.of(labels, vectors)).beta
    f, amplitude = truth.mean(), 0.05
    for axis in range(3):
        x = vectors[:, axis] - vectors[:, axis].mean()
        weights = np.where(truth == 1, (f + amplitude * x) / f, (1 - f - amplitude * x) / (1 - f))
        moved = weighted_dipole(WeightedMoments.of(labels, weights, vectors)).beta
        assert np.allclose((moved - own) / amplitude, planted_change(labels, truth, vectors)[:, axis], atol=0.02)


def test_a_linear_remedy_that_takes_one_direction_away():
    vectors, truth, _ = sky()
    template = vectors[:, 2] - vectors[:, 2].mean()

    def cleaned(values):
        return values - values.mean() - template * (template @ values) / (template @ template)

    before, after = planted_change(truth, truth, vectors), planted_change(truth, truth, vectors, cleaned)
    value, direction = least_kept(before, after)
    assert value == pytest.approx(0.0, abs=0.02)
    assert abs(direction[2]) > 0.99
    assert np.trace(after) / np.trace(before) == pytest.approx(2 / 3, abs=0.02)


@pytest.mark.parametrize(
    ("truth", "vectors", "words"),
    [
        (np.ones(10), np.eye(3)[np.arange(10) % 3], "one of the true classes"),
        (np.full(10, 0.5), np.eye(3)[np.arange(10) % 3], "true classes 0 or 1"),
        (np.arange(10) % 2, np.tile([1.0, 0, 0], (10, 1)), "too small for a dipole"),
    ],
)
def test_what_cannot_be_planted(truth, vectors, words):
    with pytest.raises(ValueError, match=words):
        planted_change(np.arange(10) % 2, truth, vectors)


def test_nothing_kept_untreated():
    with pytest.raises(ValueError, match="keep nothing"):
        least_kept(np.zeros((3, 3)), np.eye(3))
