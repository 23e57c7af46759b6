"""The linear-probability dipole of Patel & Desmond (2024): known numbers, mocks, and other ways to the maximum."""

import healpy
import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from scipy.spatial.transform import Rotation
from scipy.special import expit

from tests.unit.statistics.skies import CENTRES, at_centres, band, one_a_pixel, random_sky
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.linear_probability import linear_probability
from workflow_scripts.statistics.sky.regression import sky_glm


def test_hsc_dr3_spins_give_the_numbers_of_the_dossier(shared_data):
    """Dossier 2.3: M = 0.5032, D = 0.0555, 2 dlnL = 10.10, delta BIC = +18.4."""
    table = pd.read_csv(shared_data / "hsc_dr3_spins" / "data_hsc.csv")
    table = table.apply(pd.to_numeric, errors="coerce").dropna(subset=["RA", "Dec", "direction_cw_ccw"])
    labels = (table["direction_cw_ccw"] == 1).to_numpy(float)
    found = linear_probability(one_a_pixel(unit_vectors(table["RA"], table["Dec"])), labels)
    assert found.n == 13_476
    assert found.monopole == pytest.approx(0.5032, abs=5e-5)
    assert np.linalg.norm(found.beta) == pytest.approx(0.0555, abs=5e-5)
    assert found.dipole.statistic == pytest.approx(10.10, abs=5e-3)
    assert found.delta_bic == pytest.approx(18.4, abs=0.05)


def test_the_maximum_is_that_of_the_published_parametrisation_found_without_derivatives():
    """Equation 2.8 of the dossier without its quadrupole: M, D and direction, by a simplex from the truth."""
    random = np.random.default_rng(1)
    vectors = random_sky(random, 4000, -0.2)

    def probability(parameters):
        m, d, ra, dec = parameters
        return m + d * vectors @ unit_vectors(ra, dec)

    truth = np.array([0.55, 0.1, 100.0, -20.0])
    y = (random.random(4000) < probability(truth)).astype(float)

    def minus_log_likelihood(parameters):
        p = np.clip(probability(parameters), 1e-9, 1 - 1e-9)
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum()

    best = truth
    for _ in range(3):
        options = {"maxiter": 4000, "maxfev": 4000, "xatol": 1e-5, "fatol": 1e-7, "adaptive": True}
        best = optimize.minimize(minus_log_likelihood, best, method="Nelder-Mead", options=options).x
    found = linear_probability(one_a_pixel(vectors), y)
    assert found.log_likelihood == pytest.approx(-minus_log_likelihood(best), abs=1e-3)
    assert found.log_likelihood >= -minus_log_likelihood(best) - 1e-6
    np.testing.assert_allclose(found.monopole + vectors @ found.beta, probability(best), atol=3e-3)
    assert abs(found.beta @ unit_vectors(best[2], best[3])) > 0.999 * np.linalg.norm(found.beta)


def test_on_the_full_sky_with_equal_counts_it_is_healpys_dipole():
    """There unweighted least squares is right; the likelihood differs by the slightly unequal variances."""
    random = np.random.default_rng(2)
    counts = np.full(768, 200)
    positives = random.binomial(counts, 0.5 + CENTRES @ [0.02, -0.03, 0.01])
    found = linear_probability(at_centres(counts), positives)
    monopole, vector = healpy.fit_dipole(positives / counts)
    se = np.sqrt(np.diag(found.covariance))
    np.testing.assert_array_less(np.abs(found.beta - vector), 0.02 * se[1:])
    assert abs(found.monopole - monopole) < 0.02 * se[0]
    assert se[1] == pytest.approx(np.sqrt(3 * 0.25 / counts.sum()), rel=0.01)


def test_it_is_close_to_the_logistic_fit_where_the_dipole_is_small():
    random = np.random.default_rng(3)
    counts = random.poisson(100, 768) * (CENTRES[:, 2] > -0.2)
    positives = random.binomial(counts, expit(-0.8 + CENTRES @ [0.1, 0.0, 0.1]))
    linear, logistic = linear_probability(at_centres(counts), positives), sky_glm(at_centres(counts), positives)
    assert linear.dipole.statistic == pytest.approx(logistic.dipole.statistic, rel=0.05)
    f = positives.sum() / counts.sum()
    logistic = sky_glm(at_centres(counts), positives, lmax=1)
    np.testing.assert_allclose(linear.beta, f * (1 - f) * logistic.beta, atol=0.2 * np.sqrt(linear.covariance[1, 1]))


def test_the_injected_monopole_and_dipole_of_the_published_validation_are_recovered():
    """Patel & Desmond inject M = 0.6, D = 0.2: no bias, nominal coverage; 600 mocks."""
    random = np.random.default_rng(4)
    counts = random.multinomial(10_000, (CENTRES[:, 2] > -0.2) / (CENTRES[:, 2] > -0.2).sum())
    axis = unit_vectors(50.0, 30.0)
    truth = np.r_[0.6, 0.2 * axis]
    pull, distance, null = [], [], []
    for _ in range(600):
        found = linear_probability(at_centres(counts), random.binomial(counts, 0.6 + 0.2 * CENTRES @ axis))
        offset = np.r_[found.monopole, found.beta] - truth
        pull.append(offset / np.sqrt(np.diag(found.covariance)))
        distance.append(offset @ np.linalg.solve(found.covariance, offset))
        null.append(linear_probability(at_centres(counts), random.binomial(counts, 0.6)).dipole.p)
    assert np.all(np.abs(np.mean(pull, axis=0)) < 3.5 / np.sqrt(600))
    low, high = band(600)
    for p in (stats.chi2.sf(distance, 4), null):
        assert low <= np.mean(np.array(p) < 0.05) <= high


def test_it_turns_with_the_sky_and_flips_with_the_labels():
    random = np.random.default_rng(5)
    vectors = random_sky(random, 3000, -0.2)
    y = (random.random(3000) < 0.4 + 0.2 * vectors[:, 1]).astype(float)
    plain = linear_probability(one_a_pixel(vectors), y)
    turn = Rotation.random(rng=np.random.default_rng(6)).as_matrix()
    order = random.permutation(3000)
    turned = linear_probability(one_a_pixel(vectors[order] @ turn.T), y[order])
    np.testing.assert_allclose(turned.beta, turn @ plain.beta, atol=1e-8)
    assert turned.dipole.statistic == pytest.approx(plain.dipole.statistic)
    flipped = linear_probability(one_a_pixel(vectors), 1 - y)
    np.testing.assert_allclose(flipped.beta, -plain.beta, atol=1e-8)
    assert flipped.monopole == pytest.approx(1 - plain.monopole)


def test_labels_beyond_a_linear_model_and_skies_without_a_dipole_are_refused():
    steep = (CENTRES[:, 0] > 0).astype(float)
    with pytest.raises(ValueError, match="reaches a fraction of 0 or 1"):
        linear_probability(at_centres(np.ones(768)), steep)
    # No positive galaxy in half of the sky: the likelihood would gladly take negative fractions there.
    one_sided = np.where(CENTRES[:, 0] > 0, np.arange(768) % 3, 0)
    with pytest.raises(ValueError, match="reaches a fraction of 0 or 1"):
        linear_probability(at_centres(np.full(768, 2)), one_sided)
    with pytest.raises(ValueError, match="same label"):
        linear_probability(at_centres(np.ones(768)), np.ones(768))
    with pytest.raises(ValueError, match="between 0 and"):
        linear_probability(at_centres(np.ones(768)), np.full(768, np.nan))
    with pytest.raises(ValueError, match="do not belong"):
        linear_probability(at_centres(np.ones(768)), np.ones(5))
    one = np.eye(768, dtype=int)[3]
    with pytest.raises(ValueError, match="too small a part"):
        linear_probability(at_centres(9 * one), 4 * one)
