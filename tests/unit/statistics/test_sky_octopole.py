"""The octopole of the binomial model: its functions, its fit against the exact likelihood, and its null."""

import healpy
import numpy as np
import pytest
from scipy import optimize, stats
from scipy.spatial.transform import Rotation
from scipy.special import expit

from tests.unit.statistics.skies import CENTRES, at_centres
from workflow_scripts.statistics.sky.multipoles import octopole_basis, quadrupole_basis
from workflow_scripts.statistics.sky.regression import sky_glm, standardised_templates
from workflow_scripts.statistics.sky.sky_sums import PixelPositions

NORTH = CENTRES[:, 2] > np.sin(np.radians(-10))


def test_the_octopole_functions_obey_the_addition_theorem_and_are_orthogonal():
    vectors = np.array(healpy.pix2vec(32, np.arange(12 * 32**2))).T
    basis = octopole_basis(vectors)
    np.testing.assert_allclose(basis.T @ basis / len(basis), np.eye(7) / 7, atol=2e-3)
    others = np.column_stack([np.ones(len(vectors)), vectors, quadrupole_basis(vectors)])
    np.testing.assert_allclose(others.T @ basis / len(basis), 0, atol=1e-3)
    cosine = vectors[:300] @ vectors[-300:].T
    expected = (5 * cosine**3 - 3 * cosine) / 2
    np.testing.assert_allclose(basis[:300] @ basis[-300:].T, expected, atol=1e-12)
    np.testing.assert_allclose(octopole_basis(3 * vectors[:9]), basis[:9], atol=1e-15)
    np.testing.assert_array_equal(octopole_basis(np.zeros((1, 3))), np.zeros((1, 7)))


def test_the_octopole_is_fitted_by_the_exact_likelihood_and_turns_with_the_sky():
    random = np.random.default_rng(11)
    counts, template = random.poisson(30, 768) * NORTH, random.normal(size=768) + CENTRES[:, 0]
    logit = 0.3 + CENTRES @ [0.3, -0.2, 0.1] + octopole_basis(CENTRES) @ [0.4, 0, 0, -0.3, 0.2, 0, 0.1] + 0.2 * template
    positives = random.binomial(counts, expit(logit))
    plain = sky_glm(at_centres(counts), positives, template, lmax=3)
    used = counts > 0
    at, n, k = CENTRES[used], counts[used], positives[used]
    standard, ones = standardised_templates(template[used], n), np.ones(used.sum())
    higher = np.column_stack([quadrupole_basis(at), octopole_basis(at)])

    def independent(*columns):
        design = np.column_stack([ones, *columns, standard])

        def minus_log_likelihood(b):
            p = expit(design @ b)
            return -(k * np.log(p) + (n - k) * np.log(1 - p)).sum(), design.T @ (n * p - k)

        found = optimize.minimize(minus_log_likelihood, np.zeros(design.shape[1]), jac=True, method="BFGS", tol=1e-6)
        p = expit(design @ found.x)
        return found.x, np.linalg.inv(design.T @ ((n * p * (1 - p))[:, None] * design)), -found.fun

    coefficients, covariance, likelihood = independent(at, higher)
    found = np.r_[plain.intercept, plain.beta, plain.theta, plain.omega, plain.gamma]
    np.testing.assert_allclose(found, coefficients, atol=1e-4)
    np.testing.assert_allclose(plain.covariance, covariance, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(plain.omega_covariance, covariance[9:16, 9:16], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(plain.gamma_covariance, covariance[16:, 16:], rtol=1e-3)
    for nested, smaller, dof in (
        (plain.octopole, independent(at, quadrupole_basis(at))[2], 7),
        (plain.dipole_given_octopole, independent(higher)[2], 3),
    ):
        assert nested.statistic == pytest.approx(2 * (likelihood - smaller), abs=1e-6)
        assert (nested.dof, nested.p) == (dof, pytest.approx(stats.chi2.sf(nested.statistic, dof)))
    # What belongs to the lower degrees does not depend on lmax.
    lower = sky_glm(at_centres(counts), positives, template)
    assert (lower.dipole, lower.quadrupole) == (plain.dipole, plain.quadrupole)
    assert (lower.octopole, lower.dipole_given_octopole, len(lower.omega)) == (None, None, 0)
    turn = Rotation.random(rng=np.random.default_rng(4)).as_matrix()
    turned = sky_glm(PixelPositions(counts, CENTRES @ turn.T * counts[:, None], np.eye(3)), positives, template, lmax=3)
    np.testing.assert_allclose(turned.beta, turn @ plain.beta, atol=1e-7)
    assert turned.octopole.statistic == pytest.approx(plain.octopole.statistic)
    assert np.linalg.norm(turned.omega) == pytest.approx(np.linalg.norm(plain.omega))
    assert turned.condition == pytest.approx(plain.condition)


def test_the_octopole_test_is_chi_square_with_seven_degrees_of_freedom_and_finds_a_zonal_octopole():
    random = np.random.default_rng(12)
    counts = random.multinomial(20_000, np.full(768, 1 / 768))
    fits = [sky_glm(at_centres(counts), random.binomial(counts, 0.4), lmax=3) for _ in range(400)]
    statistic = np.array([fit.octopole.statistic for fit in fits])
    assert stats.kstest(statistic, stats.chi2(7).cdf).pvalue > 1e-3
    assert stats.kstest([fit.dipole_given_octopole.statistic for fit in fits], stats.chi2(3).cdf).pvalue > 1e-3
    assert statistic.mean() == pytest.approx(7, abs=4 * np.sqrt(14 / 400))
    axis = np.array([[0.6, 0.0, 0.8]])
    legendre = 5 / 2 * (CENTRES @ axis[0]) ** 3 - 3 / 2 * CENTRES @ axis[0]
    found = sky_glm(at_centres(50 * counts), random.binomial(50 * counts, expit(0.3 * legendre)), lmax=3)
    np.testing.assert_allclose(found.omega, 0.3 * octopole_basis(axis)[0], atol=0.03)
    assert found.octopole.p < 1e-6


@pytest.mark.parametrize("lmax", [0, 4, 2.5])
def test_other_degrees_are_refused(lmax):
    with pytest.raises(ValueError, match="expected 1, 2 or 3"):
        sky_glm(at_centres(np.full(768, 3)), np.arange(768) % 4, lmax=lmax)
