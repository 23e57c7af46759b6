"""Dipoles of disagreement: sizes where only its rate depends on position, against sums of the squares themselves."""

import numpy as np
import pytest

from workflow_scripts.statistics.sky.dipole import ScatterSums, dipole, disagreement_dipole, robust_dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums


def disagreement(seed, n=4000, slope=0.9):
    """Differences whose rate rises with declination, half of each sign."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(n, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    differ = random.random(n) < 0.1 * (1 + slope * vectors[:, 2])
    return vectors, differ * random.choice([-1.0, 1.0], n)


def test_the_rate_is_the_dipole_of_the_squares():
    vectors, delta = disagreement(1)
    found = disagreement_dipole(ScatterSums.of(delta, vectors))
    expected = robust_dipole(ScatterSums.of(delta**2, vectors))
    np.testing.assert_allclose(found.beta, expected.beta)
    np.testing.assert_allclose(found.covariance, expected.covariance)
    assert found.mean == pytest.approx(np.mean(delta**2))
    assert found.beta[2] == pytest.approx(0.09, abs=4 * found.se[2])
    with pytest.raises(ValueError, match="not of differences"):
        disagreement_dipole(ScatterSums.of(30 * delta, vectors))


def test_only_the_robust_difference_allows_for_more_disagreement_near_the_poles():
    """Squared z-scores of the polar component, 1 on average where the covariance is right: 300 mocks."""
    robust, plain = [], []
    random = np.random.default_rng(2)
    vectors, _ = disagreement(2, 1500)
    for _ in range(300):
        differ = random.random(1500) < 0.02 + 0.3 * (np.abs(vectors[:, 2]) > 0.7)
        delta = differ * random.choice([-1.0, 1.0], 1500)
        right = robust_dipole(ScatterSums.of(delta, vectors))
        wrong = dipole(PositionSums.of(vectors), ValueSums.of(delta, vectors))
        robust.append((right.beta[2] / right.se[2]) ** 2)
        plain.append((wrong.beta[2] / wrong.se[2]) ** 2)
    assert np.mean(robust) == pytest.approx(1, abs=0.25)
    assert np.mean(plain) > 1.5
