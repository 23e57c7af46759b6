"""The binomial model of a fraction on the sky: against exact likelihoods, under rotations, and on mock skies."""

import time

import healpy
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from scipy.spatial.transform import Rotation
from scipy.special import expit

from tests.unit.statistics.skies import CENTRES, at_centres, band, one_a_pixel, quadrupole_matrix, random_sky
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.multipoles import quadrupole_basis
from workflow_scripts.statistics.sky.regression import sky_glm, standardised_templates
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues

NORTH = CENTRES[:, 2] > np.sin(np.radians(-10))
CAP = CENTRES[:, 2] > 0.5


@pytest.fixture
def sky():
    """Counts and positives on 768 pixels north of declination -10, with a dipole, a quadrupole and two templates."""
    random = np.random.default_rng(11)
    counts = random.poisson(30, 768) * NORTH
    templates = random.normal(size=(768, 2)) + CENTRES[:, :2]
    logit = (
        0.3 + CENTRES @ [0.3, -0.2, 0.1] + quadrupole_basis(CENTRES) @ [0.4, 0, 0, -0.3, 0.2] + 0.2 * templates[:, 0]
    )
    return counts, random.binomial(counts, expit(logit)).astype(float), templates


def test_the_fit_is_the_maximum_of_the_exact_likelihood_found_by_scipy():
    random = np.random.default_rng(2)
    vectors, template = random_sky(random, 600, -0.2), random.normal(size=600)
    y = (random.random(600) < expit(0.4 + vectors @ [0.8, 0, -0.5] + 0.5 * template)).astype(float)
    standard = (template - template.mean()) / template.std()
    design = np.column_stack([np.ones(600), vectors, quadrupole_basis(vectors), standard])

    def minus_log_likelihood(b, columns):
        p = expit(columns @ b)
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum()

    def best(columns):
        return optimize.minimize(minus_log_likelihood, np.zeros(columns.shape[1]), (columns,), "BFGS", tol=1e-8)

    found, expected = sky_glm(one_a_pixel(vectors), y, template), best(design)
    np.testing.assert_allclose(
        np.r_[found.intercept, found.beta, found.theta, found.gamma], expected.x, atol=2e-4 * np.abs(expected.x).max()
    )
    assert found.converged
    assert found.log_likelihood == pytest.approx(-expected.fun)
    alone, with_dipole = best(design[:, [0, 9]]), best(design[:, [0, 1, 2, 3, 9]])
    with_quadrupole = best(design[:, [0, *range(4, 10)]])
    assert found.dipole.statistic == pytest.approx(2 * (alone.fun - with_dipole.fun), abs=1e-6)
    assert found.quadrupole.statistic == pytest.approx(2 * (with_dipole.fun - expected.fun), abs=1e-6)
    assert found.dipole_given_quadrupole.statistic == pytest.approx(2 * (with_quadrupole.fun - expected.fun), abs=1e-6)
    assert (found.dipole.dof, found.quadrupole.dof) == (3, 5)
    p = expit(design @ expected.x)
    covariance = np.linalg.inv(design.T @ ((p * (1 - p))[:, None] * design))
    np.testing.assert_allclose(found.covariance, covariance, rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(found.beta_covariance, covariance[1:4, 1:4], rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(found.theta_covariance, covariance[4:9, 4:9], rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(found.gamma_covariance, covariance[9:, 9:], rtol=2e-3)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_at_the_maximum_the_fitted_positives_have_the_moments_of_the_real_ones(seed):
    random = np.random.default_rng(seed)
    counts, template = random.integers(0, 4, 768), random.normal(size=768)
    positives = random.binomial(counts, random.uniform(0.1, 0.9))
    found = sky_glm(at_centres(counts), positives, template)
    standard = np.zeros(768)
    standard[counts > 0] = standardised_templates(template[counts > 0], counts[counts > 0])[:, 0]
    columns = np.column_stack([np.ones(768), CENTRES, quadrupole_basis(CENTRES), standard])
    fitted = counts * expit(columns @ np.r_[found.intercept, found.beta, found.theta, found.gamma])
    np.testing.assert_allclose(columns.T @ (positives - fitted), 0, atol=1e-4)
    assert found.quadrupole.statistic >= 0


def test_galaxies_at_the_pixel_centres_give_the_unbinned_fit_and_shards_add_up():
    random = np.random.default_rng(3)
    pixels = random.integers(0, 768, 3000)
    y = (random.random(3000) < 0.4 + 0.2 * CENTRES[pixels, 0]).astype(float)
    unbinned = sky_glm(one_a_pixel(CENTRES[pixels]), y)
    parts = [
        (PixelPositions.of(CENTRES[rows], rows, 768), PixelValues.of(labels, CENTRES[rows], rows, 768))
        for rows, labels in ((pixels[:700], y[:700]), (pixels[700:], y[700:]))
    ]
    binned = sky_glm(parts[0][0] + parts[1][0], (parts[0][1] + parts[1][1]).totals)
    np.testing.assert_allclose(binned.beta, unbinned.beta, rtol=1e-6)
    np.testing.assert_allclose(binned.covariance, unbinned.covariance, rtol=1e-6, atol=1e-9)
    assert binned.quadrupole.statistic == pytest.approx(unbinned.quadrupole.statistic)
    assert binned.n == 3000


def test_the_fit_turns_with_the_sky_and_changes_sign_with_the_labels(sky):
    counts, positives, templates = sky
    plain = sky_glm(at_centres(counts), positives, templates)
    turn = Rotation.random(rng=np.random.default_rng(4)).as_matrix()
    turned = sky_glm(
        PixelPositions(counts, CENTRES @ turn.T * counts[:, None], np.eye(3)), positives, 5 - 3 * templates[:, ::-1]
    )
    np.testing.assert_allclose(turned.beta, turn @ plain.beta, atol=1e-8)
    np.testing.assert_allclose(turned.beta_covariance, turn @ plain.beta_covariance @ turn.T, atol=1e-9)
    rotated = turn @ quadrupole_matrix(plain.theta) @ turn.T
    np.testing.assert_allclose(quadrupole_matrix(turned.theta), rotated, atol=1e-8)
    np.testing.assert_allclose(turned.gamma, -plain.gamma[::-1], atol=1e-8)
    assert turned.dipole.statistic == pytest.approx(plain.dipole.statistic)
    assert turned.condition == pytest.approx(plain.condition)
    flipped = sky_glm(at_centres(counts), counts - positives, templates)
    for name in ("intercept", "beta", "theta", "gamma"):
        np.testing.assert_allclose(getattr(flipped, name), -getattr(plain, name), atol=1e-8)
    doubled = sky_glm(at_centres(2 * counts), 2 * positives, templates)
    assert doubled.quadrupole.statistic == pytest.approx(2 * plain.quadrupole.statistic)


def test_the_quadrupole_functions_are_orthogonal_have_variance_one_fifteenth_and_match_their_matrix():
    vectors = np.array(healpy.pix2vec(32, np.arange(12 * 32**2))).T
    basis = quadrupole_basis(vectors)
    np.testing.assert_allclose(basis.T @ basis / len(basis), np.eye(5) / 15, atol=1e-3)
    np.testing.assert_allclose(basis.mean(axis=0), 0, atol=1e-4)
    theta = np.array([0.3, -1.0, 0.2, 0.7, -0.4])
    form = np.einsum("ni,ij,nj->n", vectors, quadrupole_matrix(theta), vectors)
    np.testing.assert_allclose(basis @ theta, form, atol=1e-12)
    assert np.trace(quadrupole_matrix(theta)) == pytest.approx(0)


def test_hsc_dr3_spins_have_the_centred_q_of_the_dossier(shared_data):
    """Dossier 2.3: Q = 10.094; a likelihood ratio may differ by the second order in the dipole."""
    table = pd.read_csv(shared_data / "hsc_dr3_spins" / "data_hsc.csv")
    table = table.apply(pd.to_numeric, errors="coerce").dropna(subset=["RA", "Dec", "direction_cw_ccw"])
    positions = one_a_pixel(unit_vectors(table["RA"], table["Dec"]))
    labels = (table["direction_cw_ccw"] == 1).to_numpy(float)
    fitted = sky_glm(positions, labels)
    assert fitted.dipole.statistic == pytest.approx(10.10, abs=0.005)
    assert fitted.quadrupole.p > 0.3


@pytest.mark.parametrize("where", [np.ones(768, bool), CAP])
def test_sizes_and_coverage_on_the_full_sky_and_a_cap(where):
    """Dossier 3.d: size 0.043 and 0.057, coverage 0.95 (full sky) and 0.94 (cap), N = 20,000; here 1,000 mocks each."""
    random = np.random.default_rng(6)
    counts = random.multinomial(20_000, where / where.sum())
    truth, positions = np.array([0.1, 0.05, -0.05]), at_centres(counts)
    dipole_p, quadrupole_p, distance = [], [], []
    for _ in range(1000):
        null = random.binomial(counts, 0.6)
        found = sky_glm(positions, null)
        dipole_p.append(found.dipole.p)
        quadrupole_p.append(found.quadrupole.p)
        away = sky_glm(positions, random.binomial(counts, expit(0.3 + CENTRES @ truth)), lmax=1)
        distance.append((away.beta - truth) @ np.linalg.solve(away.beta_covariance, away.beta - truth))
    low, high = band(1000)
    for p in (dipole_p, quadrupole_p, stats.chi2.sf(distance, 3)):
        assert low <= np.mean(np.array(p) < 0.05) <= high


def test_a_quadrupole_fakes_a_dipole_on_a_mask_and_not_when_it_is_fitted_too():
    random = np.random.default_rng(7)
    counts = random.multinomial(20_000, NORTH / NORTH.sum())
    fraction = expit(quadrupole_basis(CENTRES) @ [0, 0, 0, 0, 0.4])
    fits = [sky_glm(at_centres(counts), random.binomial(counts, fraction)) for _ in range(300)]
    assert np.mean([fit.dipole.p < 0.05 for fit in fits]) > 0.5
    low, high = band(300)
    assert low <= np.mean([fit.dipole_given_quadrupole.p < 0.05 for fit in fits]) <= high


def test_a_million_galaxies_with_five_templates_take_well_under_five_seconds():
    random = np.random.default_rng(10)
    centres = np.array(healpy.pix2vec(32, np.arange(12 * 32**2))).T
    counts = random.multinomial(1_000_000, np.full(len(centres), 1 / len(centres)))
    positions = PixelPositions(counts, centres * counts[:, None], np.eye(3))
    positives = random.binomial(counts, expit(0.1 * centres[:, 0]))
    templates = random.normal(size=(len(centres), 5))
    start = time.process_time()
    found = sky_glm(positions, positives, templates)
    assert time.process_time() - start < 2
    assert found.beta[0] == pytest.approx(0.1, abs=4 * np.sqrt(found.beta_covariance[0, 0]))


def test_labels_that_a_surface_separates_are_refused_and_steep_ones_are_not():
    counts = np.full(768, 3)
    split = np.where(CENTRES @ [0.6, 0.8, 0.0] > 0.01, 3.0, 0.0)
    with pytest.raises(ValueError, match="no maximum"):
        sky_glm(at_centres(counts), split)
    # Separated by a template in part of the pixels only, others hold both labels.
    flag = np.arange(768) < 8
    mixed = np.where(flag, 3.0, np.arange(768) % 3)
    with pytest.raises(ValueError, match="no maximum"):
        sky_glm(at_centres(counts), mixed, flag.astype(float))
    overlapping = split.copy()
    overlapping[np.abs(CENTRES @ [0.6, 0.8, 0.0]) < 0.15] = 2.0
    found = sky_glm(at_centres(counts), overlapping, lmax=1)
    assert found.converged
    assert np.linalg.norm(found.beta) > 12


def test_a_cap_is_flagged_where_its_quadrupole_is_hardly_determined(sky):
    counts = np.full(768, 20)
    positives = np.random.default_rng(1).binomial(counts, 0.5)
    assert not sky_glm(at_centres(counts), positives).ill_conditioned
    assert sky_glm(at_centres(counts * CAP), positives * CAP).ill_conditioned


STRIP = np.abs(CENTRES[:, 2]) < 0.02
GOOD = np.arange(768) % 4


@pytest.mark.parametrize(
    ("counts", "positives", "templates", "sentence"),
    [
        (np.full(768, 3), np.full(768, 3), None, "same label"),
        (np.full(768, 3), np.zeros(768), None, "same label"),
        (np.zeros(768), np.zeros(768), None, "same label"),
        (np.eye(768)[0], np.eye(768)[0], None, "same label"),
        (np.full(768, 3), np.full(768, 4), None, "between 0 and"),
        (np.full(768, 3), np.full(768, np.nan), None, "between 0 and"),
        (np.full(768, 3), np.ones(767), None, "do not belong"),
        (np.full(768, 3) * STRIP, GOOD * STRIP, None, "undetermined"),
        (np.full(768, 3) * (np.arange(768) < 6), GOOD * (np.arange(768) < 6), None, "undetermined"),
        (np.full(768, 3), GOOD, np.ones(768), "same everywhere"),
        (np.full(768, 3), GOOD, np.where(GOOD, 1, np.nan), "no value"),
        (np.full(768, 3), GOOD, CENTRES[:, 0] * 7 + 1, "undetermined"),
        (np.full(768, 3), GOOD * 0.5, None, "not whole numbers"),
    ],
)
def test_what_cannot_be_fitted_is_refused(counts, positives, templates, sentence):
    with pytest.raises(ValueError, match=sentence):
        sky_glm(at_centres(counts), positives, templates)
