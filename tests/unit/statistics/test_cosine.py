"""Cosines in right ascension and along a fixed axis: literal score tests, turns of the sky, and sizes on mocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.transform import Rotation

from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.cosine import (
    cosine_score_test,
    fixed_axis_test,
    right_ascension_vectors,
)
from workflow_scripts.statistics.sky.dipole import chi_square_test, dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums

# 99.9 % binomial band of a size of 5 % over 2,000 mocks
BAND = stats.binom.ppf([0.0005, 0.9995], 2000, 0.05) / 2000


def unbinned(ra, values):
    circle = right_ascension_vectors(ra)
    return cosine_score_test(PositionSums.of(circle), ValueSums.of(values, circle))


@pytest.fixture
def galaxies():
    """Right ascensions and declinations that are not evenly spread, and labels that follow a cosine."""
    random = np.random.default_rng(8)
    ra = np.concatenate([random.uniform(0, 360, 1500), random.uniform(100, 250, 1500)])
    dec = np.degrees(np.arcsin(random.uniform(-0.3, 1, ra.size)))
    labels = (random.random(ra.size) < 0.4 + 0.08 * np.cos(np.radians(ra - 140))).astype(float)
    return ra, dec, labels


def test_is_the_score_test_of_the_logistic_regression(galaxies):
    """3.b, 'logistic y ~ 1 + cos a + sin a, score test': the full score and Fisher information at the null."""
    ra, _, labels = galaxies
    found = unbinned(ra, labels)
    design = np.column_stack([np.ones(ra.size), np.cos(np.radians(ra)), np.sin(np.radians(ra))])
    fraction = labels.mean()
    score = design.T @ (labels - fraction)
    information = fraction * (1 - fraction) * design.T @ design
    assert found.chi2 == pytest.approx(score @ np.linalg.solve(information, score), rel=1e-9)
    assert found.p == pytest.approx(stats.chi2(2).sf(found.chi2))
    coefficients = np.linalg.lstsq(design, labels, rcond=None)[0]
    phase = np.radians(found.phase_deg)
    np.testing.assert_allclose(found.amplitude * np.array([np.cos(phase), np.sin(phase)]), coefficients[1:], rtol=1e-9)
    # Q is also N times the share of the variance that the cosine explains.
    explained = 1 - np.var(labels - design @ coefficients) / np.var(labels)
    assert found.chi2 == pytest.approx(ra.size * explained, rel=1e-9)


@given(st.floats(0, 360), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_a_new_origin_of_right_ascension_moves_the_phase_only(offset, seed):
    random = np.random.default_rng(seed)
    ra, values = random.uniform(20, 200, 60), random.random(60)
    plain, moved = unbinned(ra, values), unbinned((ra + offset) % 360, values)
    assert moved.chi2 == pytest.approx(plain.chi2, rel=1e-6)
    assert moved.amplitude == pytest.approx(plain.amplitude, rel=1e-6)
    assert np.cos(np.radians(moved.phase_deg - plain.phase_deg - offset)) == pytest.approx(1, abs=1e-9)
    flipped = unbinned(ra, 1 - values)
    assert flipped.chi2 == pytest.approx(plain.chi2)
    assert abs(flipped.phase_deg - plain.phase_deg) == pytest.approx(180)


def test_size_and_bias_of_the_amplitude_without_any_cosine():
    """3.b, chi2 with 2 dof and E[A] > 0: 2,000 mocks of 400 galaxies over 120 degrees, where A is badly known."""
    random = np.random.default_rng(4)
    p, amplitudes, debiased, square = [], [], [], []
    for _ in range(2000):
        ra, labels = random.uniform(0, 120, 400), (random.random(400) < 0.3).astype(float)
        found = unbinned(ra, labels)
        covariance = labels.var() * np.linalg.inv(PositionSums.of(right_ascension_vectors(ra)).centred)
        p.append(found.p)
        amplitudes.append(found.amplitude)
        debiased.append(found.debiased_amplitude)
        square.append(found.amplitude**2 / np.trace(covariance))
        assert found.debiased_amplitude**2 == pytest.approx(max(0, 1 - 1 / square[-1]) * found.amplitude**2, abs=1e-12)
    assert BAND[0] < np.mean(np.array(p) < 0.05) < BAND[1]
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    assert np.median(amplitudes) > 0.05
    assert np.median(debiased) == 0
    assert np.mean(square) == pytest.approx(1, abs=0.1)


def test_the_gradient_in_declination_is_that_beside_the_cosine(galaxies):
    ra, dec, labels = galaxies
    vectors = unit_vectors(ra, dec)
    whole = dipole(PositionSums.of(vectors), ValueSums.of(labels, vectors))
    found = fixed_axis_test(whole, [0.0, 0.0, 1.0])
    assert (found.estimate, found.se) == pytest.approx((whole.beta[2], whole.se[2]))
    turned = unit_vectors((ra + 77) % 360, dec)
    other = fixed_axis_test(dipole(PositionSums.of(turned), ValueSums.of(labels, turned)), [0.0, 0.0, 1.0])
    assert (other.estimate, other.p) == pytest.approx((found.estimate, found.p))


def test_a_gradient_in_declination_fools_the_cosine_alone_and_not_beside_it():
    """3.b, 'an RA-only fit aliases Dec gradients': right ascension and declination go together on this survey."""
    random = np.random.default_rng(5)
    alone, beside = [], []
    for _ in range(300):
        ra = random.uniform(0, 180, 3000)
        dec = 60 * ra / 180 + random.uniform(-20, 20, ra.size)
        labels = (random.random(ra.size) < 0.4 + 0.2 * np.sin(np.radians(dec))).astype(float)
        vectors = unit_vectors(ra, dec)
        alone.append(unbinned(ra, labels).p)
        whole = dipole(PositionSums.of(vectors), ValueSums.of(labels, vectors))
        beside.append(chi_square_test(whole.beta[:2], whole.covariance[:2, :2])[1])
    assert np.mean(np.array(alone) < 0.05) > 0.9
    low, high = stats.binom.ppf([0.0005, 0.9995], 300, 0.05)
    assert low <= np.sum(np.array(beside) < 0.05) <= high


def test_fixed_axis_has_its_size_its_coverage_and_no_look_elsewhere():
    """3.b, a . beta with 1 dof: 2,000 mocks on Dec > -10 with a dipole of 0.1 across the axis."""
    random = np.random.default_rng(6)
    axis = unit_vectors([40.0], [30.0])[0]
    across = np.cross(axis, [0.0, 0.0, 1.0])
    rejected = covered = 0
    for _ in range(2000):
        vectors = random.normal(size=(900, 3))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors[vectors[:, 2] > np.sin(np.radians(-10))]
        labels = (random.random(len(vectors)) < 0.5 + 0.1 * vectors @ across).astype(float)
        found = fixed_axis_test(dipole(PositionSums.of(vectors), ValueSums.of(labels, vectors)), axis)
        rejected += found.p < 0.05
        covered += abs(found.estimate) < stats.norm.ppf(0.975) * found.se
    assert BAND[0] < rejected / 2000 < BAND[1]
    assert covered == 2000 - rejected


def test_fixed_axis_turns_with_the_sky_and_three_axes_make_up_the_dipole(galaxies):
    ra, dec, labels = galaxies
    vectors, axis = unit_vectors(ra, dec), unit_vectors([200.0], [10.0])[0]
    fitted = dipole(PositionSums.of(vectors), ValueSums.of(labels, vectors))
    found = fixed_axis_test(fitted, axis)
    assert found.estimate == pytest.approx(axis @ fitted.beta)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(found.z)))
    turn = Rotation.random(rng=np.random.default_rng(3))
    turned = turn.apply(vectors)
    again = fixed_axis_test(dipole(PositionSums.of(turned), ValueSums.of(labels, turned)), turn.apply(axis))
    assert (again.estimate, again.z) == pytest.approx((found.estimate, found.z))
    opposite = fixed_axis_test(fitted, -axis)
    assert (opposite.estimate, opposite.p) == pytest.approx((-found.estimate, found.p))
    principal = np.linalg.eigh(fitted.covariance)[1].T
    assert sum(fixed_axis_test(fitted, a).z ** 2 for a in principal) == pytest.approx(fitted.q)


def test_sums_over_parts_of_the_catalog_are_those_of_the_whole(galaxies):
    ra, _, labels = galaxies
    circle = right_ascension_vectors(ra)
    positions = PositionSums.of(circle[:800]) + PositionSums.of(circle[800:])
    values = ValueSums.of(labels[:800], circle[:800]) + ValueSums.of(labels[800:], circle[800:])
    assert cosine_score_test(positions, values).chi2 == pytest.approx(unbinned(ra, labels).chi2)


@pytest.mark.parametrize(
    ("ra", "values", "sentence"),
    [
        (np.arange(0, 360, 20.0), np.ones(18), "all values are the same"),
        ([10.0], [1.0], "too few"),
        (np.full(10, 33.0), np.arange(10.0), "too small for a cosine"),
        (np.linspace(30, 30.05, 10), np.arange(10.0), "too small for a cosine"),
        ([0.0, 180.0] * 5, np.arange(10.0), "too small for a cosine"),
        ([np.nan, 10, 20, 30, 40, 50], np.arange(6.0), "right ascension is missing"),
        (np.arange(0, 360, 20.0), np.where(np.arange(18) == 3, np.nan, 1), "value is missing"),
    ],
)
def test_cosines_that_cannot_be_fitted_are_refused(ra, values, sentence):
    with pytest.raises(ValueError, match=sentence):
        unbinned(ra, values)


def test_sums_over_unit_vectors_and_axes_of_other_lengths_are_refused(galaxies):
    ra, dec, labels = galaxies
    vectors = unit_vectors(ra, dec)
    sums = PositionSums.of(vectors), ValueSums.of(labels, vectors)
    with pytest.raises(ValueError, match="cos and sin of right ascension"):
        cosine_score_test(*sums)
    for axis in ([0, 0, 2], [np.nan, 0, 1], [1.0, 0.0]):
        with pytest.raises(ValueError, match="one unit vector"):
            fixed_axis_test(dipole(*sums), axis)


def test_a_strip_of_the_equator_knows_that_it_does_not_know_its_gradient():
    """A 2.5-degree strip over 110 degrees, like SDSS Stripe 82: a result with errors to match, not a refusal."""
    random = np.random.default_rng(7)
    ra, dec = random.uniform(-50, 60, 20_000), random.uniform(-1.25, 1.25, 20_000)
    vectors = unit_vectors(ra, dec)
    labels = (random.random(ra.size) < 0.4).astype(float)
    found = dipole(PositionSums.of(vectors), ValueSums.of(labels, vectors))
    assert found.se[2] > 5 * found.se[:2].max()
    assert found.se[2] == pytest.approx(np.sqrt(0.24 / 20_000) / np.radians(2.5 / np.sqrt(12)), rel=0.05)
