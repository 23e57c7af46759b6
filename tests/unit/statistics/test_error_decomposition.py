"""Why fractions differ between two parts of the sky, balanced accuracy, and dipoles of errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.statistics.skies import band
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums
from workflow_scripts.statistics.truth.error_decomposition import ErrorCounts, balanced_accuracy, decompose_difference
from workflow_scripts.statistics.truth.error_dipoles import ErrorSums, error_dipoles

cells = st.integers(0, 1000)
regions = st.builds(ErrorCounts, cells, cells, cells, cells).filter(lambda c: c.positives > 0 and c.negatives > 0)


@settings(deadline=None)
@given(regions, regions)
def test_the_terms_add_up_without_remainder(first, second):
    """Dossier 3.2 is written for differentials; with the means of both regions in front it is an identity."""
    found = decompose_difference(first, second)
    m = [(c.true_positives + c.false_positives) / c.n for c in (first, second)]
    assert found.difference == pytest.approx(m[0] - m[1], abs=1e-12)
    assert found.truth + found.bias == pytest.approx(m[0] - m[1], abs=1e-12)
    # By the law of total variance the error of the sum is the binomial one.
    expected = sum(f * (1 - f) / c.n for f, c in zip(m, (first, second), strict=True))
    assert found.covariance.sum() == pytest.approx(expected, abs=1e-12)
    other = decompose_difference(second, first)
    assert (other.truth, other.sensitivity, other.false_alarms) == pytest.approx(
        (-found.truth, -found.sensitivity, -found.false_alarms)
    )
    np.testing.assert_allclose(other.covariance, found.covariance, atol=1e-15)


def test_rates_of_one_region_in_front_would_leave_a_remainder():
    """What dossier 3.2 leaves out when the rates in front are those of one region: ds (dT - dF)."""
    first, second = ErrorCounts(80, 20, 30, 170), ErrorCounts(60, 60, 10, 70)
    (s1, t1, f1), (s2, t2, f2) = first.rates(), second.rates()
    of_second = (t2 - f2) * (s1 - s2) + s2 * (t1 - t2) + (1 - s2) * (f1 - f2)
    remainder = decompose_difference(first, second).difference - of_second
    assert remainder == pytest.approx((s1 - s2) * ((t1 - t2) - (f1 - f2)), abs=1e-14)
    assert abs(remainder) > 0.01


def drawn(random, n, s, t, f):
    """Counts of n galaxies with true fraction s and error rates t and f; arrays of mocks."""
    positives = random.binomial(n, s)
    hits, alarms = random.binomial(positives, t), random.binomial(n - positives, f)
    return [
        ErrorCounts(*(int(cell) for cell in row))
        for row in zip(hits, positives - hits, alarms, n - positives - alarms, strict=True)
    ]


def test_errors_of_the_terms_are_those_of_many_mocks():
    """Delta method against the scatter of 4,000 mocks, and the means against what was put in."""
    random = np.random.default_rng(0)
    n = np.full(4000, 800)
    mocks = [
        decompose_difference(first, second)
        for first, second in zip(drawn(random, n, 0.5, 0.9, 0.2), drawn(random, n, 0.4, 0.8, 0.1), strict=True)
    ]
    terms = np.array([[mock.truth, mock.sensitivity, mock.false_alarms] for mock in mocks])
    covariance = np.mean([mock.covariance for mock in mocks], axis=0)
    np.testing.assert_allclose(np.cov(terms.T), covariance, atol=0.06 * covariance.max())
    expected = [(0.85 - 0.15) * 0.1, 0.45 * 0.1, 0.55 * 0.1]
    np.testing.assert_allclose(terms.mean(axis=0), expected, atol=4 * np.sqrt(np.diag(covariance) / 4000).max())
    inside = [abs(mock.bias - 0.1) < 1.96 * mock.bias_se for mock in mocks]
    assert band(4000)[0] <= 1 - np.mean(inside) <= band(4000)[1]


def test_equal_errors_are_found_equal_whatever_the_truth():
    """Chi-square with two degrees of freedom for dT = dF = 0 while the true fractions are far apart."""
    random = np.random.default_rng(1)
    n = np.full(2000, 600)
    pairs = zip(drawn(random, n, 0.7, 0.9, 0.1), drawn(random, n, 0.3, 0.9, 0.1), strict=True)
    found = [decompose_difference(*pair) for pair in pairs]
    assert band(2000)[0] <= np.mean([mock.p_bias < 0.05 for mock in found]) <= band(2000)[1]
    assert all(abs(mock.truth) > 10 * abs(np.mean([m.bias for m in found])) for mock in found)


def test_a_network_without_errors_has_no_bias():
    found = decompose_difference(ErrorCounts(30, 0, 0, 70), ErrorCounts(60, 0, 0, 40))
    assert (found.truth, found.bias) == (pytest.approx(-0.3), 0.0)
    assert (found.chi2_bias, found.p_bias) == (0.0, 1.0)


def test_balanced_accuracy_is_the_mean_of_two_rates():
    assert balanced_accuracy(ErrorCounts(80, 20, 30, 170)) == pytest.approx((0.8 + 0.85) / 2)
    # Ten times the negatives change nothing.
    assert balanced_accuracy(ErrorCounts(80, 20, 300, 1700)) == pytest.approx((0.8 + 0.85) / 2)


@pytest.fixture
def errors():
    """Constant miss rate, false alarms that grow towards +y, and a true fraction that grows towards +x."""
    random = np.random.default_rng(3)
    vectors = random.normal(size=(30_000, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    truth = random.random(30_000) < 0.5 + 0.3 * vectors[:, 0]
    labels = random.random(30_000) < np.where(truth, 0.8, 0.2 + 0.15 * vectors[:, 1])
    return labels.astype(int), truth.astype(int), vectors


def test_dipoles_of_errors_are_dipoles_of_their_galaxies(errors):
    y, t, vectors = errors
    found, _ = error_dipoles(ErrorSums.of(y, t, vectors))
    for name, chosen, values in (
        ("signed_error", t >= 0, y - t),
        ("false_positive_rate", t == 0, y),
        ("false_negative_rate", t == 1, 1 - y),
    ):
        expected = dipole(PositionSums.of(vectors[chosen]), ValueSums.of(values[chosen], vectors[chosen]))
        np.testing.assert_allclose(found[name].beta, expected.beta, atol=1e-10)
        assert found[name].q == pytest.approx(expected.q)
    parts = ErrorSums.of(y[:999], t[:999], vectors[:999]) + ErrorSums.of(y[999:], t[999:], vectors[999:])
    np.testing.assert_allclose(error_dipoles(parts)[0]["signed_error"].beta, found["signed_error"].beta, atol=1e-10)


def test_signed_error_has_a_dipole_where_only_the_truth_has_one(errors):
    """Dossier 3.e lists the dipole of the signed error as one of errors. Towards +x all error rates are constant, and
    still it is -(1 - T + F) ds = -.4 x .3; the rates' own dipoles are not fooled."""
    found, _ = error_dipoles(ErrorSums.of(*errors))
    signed, alarms = found["signed_error"], found["false_positive_rate"]
    assert signed.beta[0] == pytest.approx(-0.12, abs=4 * signed.se[0])
    assert abs(alarms.beta[0]) < 4 * alarms.se[0]
    assert alarms.beta[1] == pytest.approx(0.15, abs=4 * alarms.se[1])
    assert found["false_negative_rate"].p > 0.01
    assert alarms.p < 1e-6


def test_exchanging_the_classes_exchanges_the_rates(errors):
    y, t, vectors = errors
    (plain, _), (turned, _) = (error_dipoles(ErrorSums.of(*labels, vectors)) for labels in ((y, t), (1 - y, 1 - t)))
    np.testing.assert_allclose(turned["false_positive_rate"].beta, plain["false_negative_rate"].beta, atol=1e-9)
    np.testing.assert_allclose(turned["signed_error"].beta, -plain["signed_error"].beta, atol=1e-9)


def test_dipoles_that_cannot_be_had_have_a_reason(errors):
    _, t, vectors = errors
    found, reasons = error_dipoles(ErrorSums.of(t, t, vectors))
    assert not found
    assert reasons[0].startswith("signed error: all values are the same")
    found, reasons = error_dipoles(ErrorSums.of(t, np.ones_like(t), vectors))
    assert set(found) == {"signed_error", "false_negative_rate"}
    assert reasons == ["false-positive rate: 0 galaxies are too few for a dipole"]
    with pytest.raises(ValueError, match="no labelled galaxies"):
        error_dipoles(ErrorSums.of([], [], np.empty((0, 3))))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: decompose_difference(ErrorCounts(1, 1, 0, 0), ErrorCounts(1, 1, 1, 1)), "no galaxies of one"),
        (lambda: balanced_accuracy(ErrorCounts(1, 1, 0, 0)), "no galaxies of one"),
        (lambda: ErrorSums.of([0, 1, np.nan], [0, 1, 1], np.eye(3)), "0 or 1"),
        (lambda: ErrorSums.of([0, 1], [0, 2], np.eye(3)[:2]), "0 or 1"),
        (lambda: ErrorSums.of([0, 1], [0], np.eye(3)[:2]), "same galaxies"),
        (lambda: ErrorSums.of([0, 1], [0, 1], np.zeros((3, 3))), "unit vectors"),
    ],
)
def test_counts_without_rates_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
