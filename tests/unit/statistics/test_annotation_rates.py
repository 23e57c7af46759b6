"""Error rates by place, and labels drawn with them."""

import numpy as np
import pytest

from workflow_scripts.statistics.truth.annotation_rates import (
    AnnotationRates,
    MeanRates,
    inverse_fraction_weights,
    shifted_probabilities,
)

N = 40_000


def test_planted_rates_are_found_and_drawn_again():
    random = np.random.default_rng(1)
    design = np.column_stack([np.ones(N), random.uniform(-1, 1, N)])
    truth = (random.random(N) < 0.4).astype(float)
    planted = AnnotationRates(np.array([0.8, -0.1]), np.array([0.2, 0.15]))
    labels = (random.random(N) < planted.probabilities(truth, design)).astype(float)
    found = AnnotationRates.of(labels, truth, design)
    assert found.true_positive == pytest.approx(planted.true_positive, abs=0.015)
    assert found.false_positive == pytest.approx(planted.false_positive, abs=0.015)
    # A probability of 1/2 stands between both rates, and no rate leaves 0 to 1.
    assert planted.probabilities([0.5], [[1, 1]]) == pytest.approx([(0.7 + 0.35) / 2])
    assert AnnotationRates(np.array([1.5]), np.array([-1.0])).probabilities([1, 0], [[1], [1]]).tolist() == [1, 0]


def test_a_class_without_galaxies_has_no_rate():
    with pytest.raises(ValueError, match="0 galaxies that are truly positive"):
        AnnotationRates.of([0, 1, 0], [0, 0, 0], np.ones((3, 1)))


def test_a_shift_of_the_fraction_is_drawn_as_such():
    truth = np.r_[np.ones(300), np.zeros(700)]
    for shift in (0.1, -0.1):
        chance = shifted_probabilities(truth, np.full(1000, shift))
        assert chance.mean() == pytest.approx(0.3 + shift)
        # The fewest labels change.
        assert np.all(chance[:300] == 1) if shift > 0 else np.all(chance[300:] == 0)
    with pytest.raises(ValueError, match="all true labels are the same"):
        shifted_probabilities(np.ones(3), np.zeros(3))


def test_weights_put_the_correction_into_the_fraction():
    f, c = np.array([0.3, 0.6, 0.5]), np.array([0.1, -0.2, 0.0])
    positive, negative, cut = inverse_fraction_weights(f, c)
    assert positive * f == pytest.approx(f + c)
    assert positive * f + negative * (1 - f) == pytest.approx(np.ones(3))
    assert cut == 0
    positive, negative, cut = inverse_fraction_weights([0.02], [-0.5])
    assert positive == pytest.approx([0.5])
    assert cut == 1


def test_a_diluted_dipole_is_restored_with_its_error():
    random = np.random.default_rng(2)
    truth = np.where(random.random(N) < 0.5, random.random(N) < 0.5, np.nan)
    labels = (random.random(N) < np.where(truth == 1, 0.9, 0.3)).astype(float)
    rates = MeanRates.of(labels, truth)
    assert rates.youden == pytest.approx(0.6, abs=0.02)
    beta, covariance = rates.undiluted(np.array([0.03, 0.0]), np.diag([1e-6, 1e-6]))
    assert beta == pytest.approx([0.05, 0], abs=0.002)
    assert covariance[1, 1] == pytest.approx(1e-6 / rates.youden**2)
    assert covariance[0, 0] > covariance[1, 1]
    with pytest.raises(ValueError, match="hardly follow"):
        MeanRates.of(random.random(50) < 0.5, np.arange(50) % 2).undiluted(beta, covariance)
