"""The dipole of labels as a sum: the galaxies' own, missed positives, and false alarms."""

import numpy as np
import pytest
from scipy import stats

from tests.unit.statistics.skies import random_sky
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums
from workflow_scripts.statistics.truth.error_dipoles import ErrorSums, decompose_dipole, error_dipoles


def sky(random, n, truth=0.0, hits=0.0, alarms=0.0):
    """Labels, truth and positions with dipoles along x, y and z: of the truth, of hits and of false alarms."""
    vectors = random_sky(random, n, -0.17)
    t = random.random(n) < 0.4 + truth * vectors[:, 0]
    rate = np.where(t, 0.8 + hits * vectors[:, 1], 0.2 + alarms * vectors[:, 2])
    return (random.random(n) < rate).astype(float), t.astype(float), vectors


def test_the_terms_add_up_without_remainder():
    y, t, vectors = sky(np.random.default_rng(0), 4000, 0.2, 0.1, 0.1)
    found = decompose_dipole(ErrorSums.of(y, t, vectors))
    whole = dipole(PositionSums.of(vectors), ValueSums.of(y, vectors))
    total = found.truth.beta + found.sensitivity.beta + found.false_alarms.beta
    np.testing.assert_allclose(total, whole.beta, atol=1e-12)
    # Term by term, from the galaxies themselves.
    hit, alarm = y[t == 1].mean(), y[t == 0].mean()
    for term, values in (
        (found.truth, (hit - alarm) * t),
        (found.sensitivity, t * (y - hit)),
        (found.false_alarms, (1 - t) * (y - alarm)),
    ):
        expected = dipole(PositionSums.of(vectors), ValueSums.of(values, vectors)).beta
        np.testing.assert_allclose(term.beta, expected, atol=1e-12)


def test_p_is_that_of_the_rates_within_their_classes():
    sums = ErrorSums.of(*sky(np.random.default_rng(1), 3000, 0.2, 0.1, 0.1))
    found, (rates, _) = decompose_dipole(sums), error_dipoles(sums)
    assert found.sensitivity.q == pytest.approx(rates["false_negative_rate"].q)
    assert found.false_alarms.q == pytest.approx(rates["false_positive_rate"].q)


def test_each_injected_dipole_ends_up_in_its_term():
    found = decompose_dipole(ErrorSums.of(*sky(np.random.default_rng(2), 400_000, 0.1, 0.05, 0.1)))
    # (T - F) ds = 0.6 x 0.1; s dT = 0.4 x 0.05; (1 - s) dF = 0.6 x 0.1.
    assert found.truth.beta[0] == pytest.approx(0.06, abs=0.006)
    assert found.sensitivity.beta[1] == pytest.approx(0.02, abs=0.004)
    assert found.false_alarms.beta[2] == pytest.approx(0.06, abs=0.006)


def test_errors_that_do_not_depend_on_position_are_calibrated_whatever_the_truth_does():
    """Size of the tests, and scatter of the terms, where only the truth has a dipole."""
    random, mocks = np.random.default_rng(3), 1000
    found = [decompose_dipole(ErrorSums.of(*sky(random, 800, truth=0.3))) for _ in range(mocks)]
    band = stats.binom.ppf([0.0005, 0.9995], mocks, 0.05) / mocks
    for name in ("sensitivity", "false_alarms"):
        terms = [getattr(one, name) for one in found]
        assert band[0] <= np.mean([term.p < 0.05 for term in terms]) <= band[1], name
        scatter = np.cov(np.array([term.beta for term in terms]).T)
        expected = np.mean([term.covariance for term in terms], axis=0)
        np.testing.assert_allclose(np.diag(scatter), np.diag(expected), rtol=0.2)
    assert np.mean([one.truth.p < 0.05 for one in found]) > 0.9
    # The terms do not follow each other.
    together = np.corrcoef([[one.sensitivity.beta[2] for one in found], [one.false_alarms.beta[2] for one in found]])
    assert abs(together[0, 1]) < 4 / np.sqrt(mocks)


def test_a_network_without_errors_leaves_nothing_to_test_and_one_class_is_refused():
    _, t, vectors = sky(np.random.default_rng(4), 500, 0.2)
    found = decompose_dipole(ErrorSums.of(t, t, vectors))
    assert np.isnan(found.sensitivity.p)
    np.testing.assert_allclose(found.sensitivity.beta, 0, atol=1e-12)
    with pytest.raises(ValueError, match="no galaxies of one of the true classes"):
        decompose_dipole(ErrorSums.of(t, np.ones_like(t), vectors))
    near = vectors[0] + 1e-5 * vectors
    with pytest.raises(ValueError, match="too small for a dipole"):
        decompose_dipole(ErrorSums.of(t, t, near / np.linalg.norm(near, axis=1, keepdims=True)))
