"""Where two networks differ: the difference map, how often, and in which direction."""

import healpy
import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from tests.unit.statistics.skies import band, one_a_pixel, random_sky
from workflow_scripts.statistics.sky.dipole import ScatterSums, dipole, robust_dipole
from workflow_scripts.statistics.sky.regression import sky_glm
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PositionSums, ValueSums


def logistic(positions, positives):
    """The model of both tests of an audit: where two networks differ, and which of them is positive there."""
    return sky_glm(positions, positives, lmax=1)


def slope_errors(fit):
    return np.sqrt(np.diag(fit.beta_covariance))


def sky(n, seed, lowest=-1.0):
    random = np.random.default_rng(seed)
    return random_sky(random, n, lowest), random


@pytest.fixture
def labels():
    """Two networks that differ in 20 % of the galaxies; which calls it positive depends on x, how often on z."""
    vectors, random = sky(6000, 1)
    differs = random.random(6000) < 0.2 * (1 + 0.6 * vectors[:, 2])
    a_is_positive = random.random(6000) < 0.55 + 0.3 * vectors[:, 0]
    only_a, only_b = differs & a_is_positive, differs & ~a_is_positive
    return vectors, only_a.astype(float), only_b.astype(float)


def test_difference_dipole_does_not_see_what_the_galaxies_are():
    """A strong gradient of the true fraction cancels: size within the 99.9 % band; the dipole of A alone always
    rejects. Checks the claim of dossier 2.5."""
    mocks = 1000
    vectors, random = sky(1500, 2, lowest=-0.2)
    positions = PositionSums.of(vectors)
    p, alone = [], []
    for _ in range(mocks):
        truth = random.random(1500) < 0.5 + 0.35 * vectors[:, 0]
        # The same errors for both classes, so that truth does not set how often a network is wrong.
        a, b = truth ^ (random.random(1500) < 0.1), truth ^ (random.random(1500) < 0.1)
        p.append(dipole(positions, ValueSums.of(a.astype(float) - b, vectors)).p)
        alone.append(dipole(positions, ValueSums.of(a, vectors)).p)
    assert band(mocks)[0] <= np.mean(np.array(p) < 0.05) <= band(mocks)[1]
    assert np.mean(np.array(alone) < 0.05) > 0.99


def test_a_gradient_of_the_truth_enters_as_far_as_networks_differ_by_class():
    """Dossier 2.5: gradients of the true fraction do not enter the difference map. They do, times
    (T_A - T_B) - (F_A - F_B), here .2: a true dipole of .2 makes one of .04 although all error rates are constant."""
    vectors, random = sky(40_000, 12)
    truth = random.random(40_000) < 0.5 + 0.2 * vectors[:, 0]
    a = random.random(40_000) < np.where(truth, 0.95, 0.1)
    b = random.random(40_000) < np.where(truth, 0.75, 0.1)
    found = dipole(PositionSums.of(vectors), ValueSums.of(a.astype(float) - b, vectors))
    assert found.beta[0] == pytest.approx(0.04, abs=4 * found.se[0])
    assert found.p < 1e-6


def test_where_networks_only_differ_more_often_the_robust_error_is_needed():
    """Dossier 2.10 takes one variance for the whole sky. Here A and B differ 15 times as often in the smaller southern
    part, without a preference anywhere: (2.10) rejects 19 %, the robust test 5 % (3,000 mocks, run once)."""
    mocks = 1000
    north, random = sky(1200, 13, lowest=0.4)
    vectors = np.vstack([north, -sky(300, 14, lowest=0.4)[0]])
    rate = np.where(vectors[:, 2] < 0, 0.45, 0.03)
    one_variance, robust = [], []
    for _ in range(mocks):
        delta = np.where(random.random(1500) < rate, random.choice([-1.0, 1.0], 1500), 0.0)
        sums = ScatterSums.of(delta, vectors)
        one_variance.append(dipole(sums.positions, sums.values).p < 0.05)
        robust.append(robust_dipole(sums).p < 0.05)
    assert np.mean(one_variance) > 0.1
    assert band(mocks)[0] <= np.mean(robust) <= band(mocks)[1]


def test_logistic_dipoles_maximise_the_literal_likelihood(labels):
    vectors, only_a, only_b = labels
    differs = only_a + only_b > 0
    found = logistic(one_a_pixel(vectors[differs]), only_a[differs])
    x, y = np.column_stack([np.ones(differs.sum()), vectors[differs]]), only_a[differs]

    def loss(coefficients):
        logit = x @ coefficients
        return np.logaddexp(0, logit).sum() - y @ logit

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-7})
    np.testing.assert_allclose([found.intercept, *found.beta], best.x, atol=1e-5)
    share = y.mean()
    plain = -len(y) * (share * np.log(share) + (1 - share) * np.log(1 - share))
    assert found.dipole.statistic == pytest.approx(2 * (plain - best.fun), rel=1e-6)
    assert found.dipole.p == pytest.approx(stats.chi2.sf(found.dipole.statistic, 3))
    assert found.n == differs.sum()


def test_each_model_sees_its_own_dipole(labels):
    vectors, only_a, only_b = labels
    differs = only_a + only_b > 0
    direction = logistic(one_a_pixel(vectors[differs]), only_a[differs])
    rate = logistic(one_a_pixel(vectors), differs)
    # Slope of the logit at the mean: .3 / (.55 x .45) and .6 x .2 / (.2 x .8)
    assert direction.beta[0] == pytest.approx(1.21, abs=4 * slope_errors(direction)[0])
    assert abs(direction.beta[2]) < 4 * slope_errors(direction)[2]
    assert rate.beta[2] == pytest.approx(0.75, abs=4 * slope_errors(rate)[2])
    assert abs(rate.beta[0]) < 4 * slope_errors(rate)[0]


def test_pixels_lose_nothing_that_matters(labels):
    vectors, only_a, only_b = labels
    n_pixels = healpy.nside2npix(16)
    pixels = healpy.vec2pix(16, *vectors.T, nest=True)
    differs = only_a + only_b > 0
    binned = PixelPositions.of(vectors, pixels, n_pixels)
    rate = logistic(binned, np.bincount(pixels, weights=differs, minlength=n_pixels))
    exact = logistic(one_a_pixel(vectors), differs)
    assert np.all(np.abs(rate.beta - exact.beta) < 0.1 * slope_errors(exact))
    assert rate.dipole.statistic == pytest.approx(exact.dipole.statistic, rel=0.05)
    half = PixelPositions.of(vectors[:3000], pixels[:3000], n_pixels)
    rest = PixelPositions.of(vectors[3000:], pixels[3000:], n_pixels)
    again = logistic(half + rest, np.bincount(pixels, weights=differs, minlength=n_pixels))
    np.testing.assert_allclose(again.beta, rate.beta, atol=1e-10)


def test_logistic_dipoles_turn_with_the_sky_and_change_sign_with_the_networks(labels):
    vectors, only_a, only_b = labels
    differs = only_a + only_b > 0
    plain = logistic(one_a_pixel(vectors[differs]), only_a[differs])
    turn = Rotation.random(rng=np.random.default_rng(0))
    turned = logistic(one_a_pixel(turn.apply(vectors[differs])), only_a[differs])
    np.testing.assert_allclose(turned.beta, turn.apply(plain.beta), atol=1e-8)
    assert turned.dipole.statistic == pytest.approx(plain.dipole.statistic)
    exchanged = logistic(one_a_pixel(vectors[differs]), only_b[differs])
    np.testing.assert_allclose(exchanged.beta, -plain.beta, atol=1e-8)


def test_logistic_dipoles_keep_their_size():
    """Dossier 3.e: likelihood ratio against chi-square with three degrees of freedom, on a cap, 400 disagreements."""
    mocks = 500
    vectors, random = sky(400, 7, lowest=0.3)
    galaxies = one_a_pixel(vectors)
    p = [logistic(galaxies, (random.random(400) < 0.4).astype(float)).dipole.p for _ in range(mocks)]
    assert band(mocks)[0] <= np.mean(np.array(p) < 0.05) <= band(mocks)[1]


def test_disagreements_without_a_fit_are_refused(labels):
    vectors, _, _ = labels
    with pytest.raises(ValueError, match="separates"):
        logistic(one_a_pixel(vectors[:4]), np.array([1.0, 0, 1, 0]))
    with pytest.raises(ValueError, match="in too few pixels"):
        logistic(one_a_pixel(vectors[:3]), np.array([1.0, 0, 1]))
    with pytest.raises(ValueError, match="same label"):
        logistic(one_a_pixel(vectors[:50]), np.ones(50))
    with pytest.raises(ValueError, match="separates"):
        logistic(one_a_pixel(vectors[:200]), (vectors[:200, 0] > 0).astype(float))
    point = np.tile(vectors[0], (50, 1))
    with pytest.raises(ValueError, match="too small a part of the sky"):
        logistic(one_a_pixel(point), np.arange(50) % 2)
