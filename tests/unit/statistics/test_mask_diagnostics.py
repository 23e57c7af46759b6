"""What masks do to a dipole: the numbers of the dossier, identities with other tests, and simulated bias."""

import healpy
import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from scipy.special import expit

from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.sky.axis_scan import dipole_scan
from workflow_scripts.statistics.sky.constrained_components import constrained_components
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.dipole_stability import multipole_aliasing
from workflow_scripts.statistics.sky.mask_diagnostics import (
    alias_matrix,
    mask_diagnostics,
    weak_axis_check,
)
from workflow_scripts.statistics.sky.multipoles import quadrupole_basis
from workflow_scripts.statistics.sky.regression import sky_glm
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PositionSums, ValueSums

CENTRES = np.array(healpy.pix2vec(64, np.arange(12 * 64**2))).T
RA, DEC = right_ascension_declination(CENTRES)
LATITUDE = SkyCoord(RA * units.deg, DEC * units.deg).galactic.b.deg
COARSE = np.array(healpy.pix2vec(8, np.arange(768))).T


def constrained(vectors):
    return constrained_components(PositionSums.of(vectors), 0.24, 0.4)


def pixels(counts, vectors=COARSE):
    counts = np.asarray(counts, np.int64)
    return PixelPositions(counts, vectors * counts[:, None], (vectors * counts[:, None]).T @ vectors)


@pytest.mark.parametrize(
    ("mask", "leakage", "axis", "inflation"),
    [
        (DEC > -10, 0.60, (0, 90), 1.70),
        ((DEC > -10) & (np.abs(LATITUDE) > 20), 0.56, (0, 90), 1.74),
        ((DEC > -10) & (RA < 180), 0.89, (90, 37), 2.43),
        ((DEC > -5) & (LATITUDE > 30), 0.97, (193, 37), 4.4),
    ],
)
def test_masks_have_the_numbers_of_the_dossier(mask, leakage, axis, inflation):
    """Dossier 2.2 (h and its axis) and 3.d (inflation). Checked on Nside-64 pixels: the inflation there is of the
    standard error at equal number of galaxies, not of the variance; its half-sky is RA < 180 and Dec > -10; and the
    cap is b > 30 and Dec > -5."""
    found = mask_diagnostics(PositionSums.of(CENTRES[mask]))
    assert found.monopole_leakage == pytest.approx(leakage, abs=0.006)
    assert found.se_inflation == pytest.approx(inflation, abs=0.012)
    assert found.variance_inflation == pytest.approx(found.se_inflation**2)
    ra, dec = right_ascension_declination(found.footprint_axis)
    assert float(dec) == pytest.approx(axis[1], abs=1.0)
    if axis[1] < 80:
        assert float(ra) == pytest.approx(axis[0], abs=1.0)
    # Near each other, but the same only for a mask that is symmetric about the axis.
    assert weak_axis_check(found.footprint_axis, constrained(CENTRES[mask])).angle_deg < 6
    along = weak_axis_check(found.weak_axis, constrained(CENTRES[mask]))
    assert along.se_inflation == pytest.approx(found.se_inflation)
    assert along.suspicious == (inflation > 2)


def test_a_pure_hemisphere_and_the_full_sky_have_the_numbers_of_their_integrals():
    half = mask_diagnostics(PositionSums.of(CENTRES[CENTRES[:, 1] > 0]))
    assert (half.monopole_leakage, half.variance_inflation) == (
        pytest.approx(0.75, abs=3e-3),
        pytest.approx(4, rel=5e-3),
    )
    full = mask_diagnostics(PositionSums.of(CENTRES))
    assert (full.monopole_leakage, full.variance_inflation) == (pytest.approx(0, abs=1e-9), pytest.approx(1, rel=1e-3))
    assert full.condition == pytest.approx(3, rel=1e-3)
    both = mask_diagnostics(PositionSums.of(np.vstack([np.eye(3), -np.eye(3)])))
    assert both.monopole_leakage == 0
    assert np.isnan(both.footprint_axis).all()


def test_leakage_and_footprint_axis_are_what_constant_labels_make_of_the_uncentred_scan():
    """Equation 2.7: with all labels +1 the scanned maximum squared is exactly n h, along T^-1 nbar."""
    positions = PositionSums.of(CENTRES[(DEC > -10) & (RA < 200)])
    found = mask_diagnostics(positions)
    scan = dipole_scan(positions, ValueSums(positions.n, positions.n, positions.first))
    assert scan.max_sigma**2 == pytest.approx(positions.n * found.monopole_leakage)
    np.testing.assert_allclose(scan.axis, found.footprint_axis, atol=1e-9)


def test_the_weak_axis_has_the_largest_variance_of_the_fitted_dipole():
    random = np.random.default_rng(1)
    vectors = CENTRES[(DEC > 20) & (RA < 250)]
    found = mask_diagnostics(PositionSums.of(vectors))
    values = random.random(len(vectors))
    fitted = dipole(PositionSums.of(vectors), ValueSums.of(values, vectors))
    expected = found.variance_inflation * 3 * values.var() / len(vectors)
    assert found.weak_axis @ fitted.covariance @ found.weak_axis == pytest.approx(expected)
    assert np.linalg.eigvalsh(fitted.covariance)[-1] == pytest.approx(expected)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_diagnostics_turn_with_the_sky_and_leakage_is_a_share(seed):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(40, 3)) * random.uniform(0.3, 1, 3) + random.normal(size=3)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    turn = Rotation.random(rng=random).as_matrix()
    plain, turned = mask_diagnostics(PositionSums.of(vectors)), mask_diagnostics(PositionSums.of(vectors @ turn.T))
    assert 0 <= plain.monopole_leakage <= 1
    # The eigenvalues of C add up to at most 1, so the smallest is at most 1/3.
    assert plain.variance_inflation >= 1
    assert turned.variance_inflation == pytest.approx(plain.variance_inflation)
    assert turned.monopole_leakage == pytest.approx(plain.monopole_leakage)
    np.testing.assert_allclose(turned.footprint_axis, turn @ plain.footprint_axis, atol=1e-6)
    check = weak_axis_check(turned.weak_axis, constrained(vectors @ turn.T))
    assert check.angle_deg == pytest.approx(0, abs=0.01)
    assert check.se_inflation == pytest.approx(plain.se_inflation)


def test_an_axis_is_suspicious_by_the_error_along_it_and_not_by_its_angle():
    """Never on the full sky, where the weak axis is chance; on a cap also far from the weak axis."""
    random = np.random.default_rng(2).normal(size=(2000, 3))
    everywhere = constrained(CENTRES)
    checks = [weak_axis_check(axis, everywhere) for axis in random]
    assert not any(check.suspicious for check in checks)
    assert [check.se_inflation for check in checks] == pytest.approx(np.ones(2000), abs=1e-3)
    cap = constrained(CENTRES[CENTRES[:, 2] > 0.5])
    angles = np.radians([0, 21.8, 45, 90, 158.2, 180])
    axes = np.column_stack([np.sin(angles), np.zeros(6), np.cos(angles)]) * 0.03
    checks = [weak_axis_check(axis, cap) for axis in axes]
    assert [check.angle_deg for check in checks] == pytest.approx([0, 21.8, 45, 90, 21.8, 0], abs=1e-4)
    assert [check.suspicious for check in checks] == [True, True, True, False, True, True]
    expected = np.hypot(checks[0].se_inflation * np.cos(angles[1]), checks[3].se_inflation * np.sin(angles[1]))
    assert checks[1].se_inflation == pytest.approx(expected, rel=1e-3)
    share = np.mean(np.abs(random[:, 2]) / np.linalg.norm(random, axis=1) > np.cos(angles[1]))
    assert checks[1].chance == pytest.approx(share, abs=0.02)


def test_the_alias_matrix_is_the_bias_of_least_squares_and_of_the_binomial_fit():
    """Dossier 3.d: E[b1] - b1 = A b2. Exact for least squares; for the logistic fit on 400 mocks within its noise."""
    random = np.random.default_rng(3)
    counts = random.poisson(40, 768) * ((COARSE[:, 2] > -0.2) & (COARSE[:, 0] < 0.7))
    theta = np.array([0.2, -0.1, 0.15, 0.1, 0.2])
    aliasing = multipole_aliasing(pixels(counts), 1)
    assert aliasing.matrix.shape == (3, 5)
    root = np.sqrt(counts)[:, None]
    design = np.column_stack([np.ones(768), COARSE]) * root
    fitted = np.linalg.lstsq(design, root[:, 0] * (quadrupole_basis(COARSE) @ theta))[0]
    np.testing.assert_allclose(aliasing.matrix @ theta, fitted[1:], atol=1e-10)
    fraction = expit(quadrupole_basis(COARSE) @ theta)
    fits = [sky_glm(pixels(counts), random.binomial(counts, fraction), lmax=1).beta for _ in range(400)]
    noise = np.std(fits, axis=0) / 20
    np.testing.assert_array_less(np.abs(np.mean(fits, axis=0) - fitted[1:]), 4 * noise + 0.003)
    assert np.abs(fitted[1:]).max() > 10 * noise.max()


def test_a_quadrupole_costs_a_dipole_nothing_on_the_full_sky_and_much_on_a_cap():
    full = multipole_aliasing(pixels(np.full(768, 10)), 1)
    np.testing.assert_allclose(full.matrix, 0, atol=1e-12)
    assert full.variance_inflation == pytest.approx(1)
    cap = COARSE[:, 2] > 0.3
    found = multipole_aliasing(pixels(10 * cap), 1)
    # The binomial fit of equal fractions has the same information, up to a factor.
    positives = np.random.default_rng(4).binomial(10 * cap, 0.5)
    with_quadrupole = sky_glm(pixels(10 * cap), positives)
    without = sky_glm(pixels(10 * cap), positives, lmax=1)
    ratio = np.linalg.inv(without.beta_covariance) @ with_quadrupole.beta_covariance
    assert found.variance_inflation == pytest.approx(np.linalg.eigvals(ratio).real.max(), rel=0.1)
    assert found.variance_inflation > 30


def test_terms_that_the_galaxies_cannot_tell_apart_have_infinite_inflation():
    equator = np.abs(COARSE[:, 2]) < 0.5
    found = alias_matrix(COARSE, np.column_stack([COARSE[:, 0] * 3, COARSE[:, 1] ** 2]), equator)
    assert found.variance_inflation == np.inf
    np.testing.assert_allclose(found.matrix[:, 0], [3, 0, 0], atol=1e-9)


SMALL = PositionSums.of(CENTRES[:4])
POINT = PositionSums.of(np.tile(CENTRES[:1], (9, 1)))


@pytest.mark.parametrize(("positions", "sentence"), [(SMALL, "too few"), (POINT, "too small for a dipole")])
def test_positions_without_a_dipole_are_refused(positions, sentence):
    with pytest.raises(ValueError, match=sentence):
        mask_diagnostics(positions)


def test_a_strip_shows_in_its_inflation():
    """In 2.5 degrees of declination z is known some 45 times worse than on the full sky: z^2 is (2.5 deg)^2/12."""
    fine = np.array(healpy.pix2vec(256, np.arange(12 * 256**2))).T
    strip = mask_diagnostics(PositionSums.of(fine[np.abs(fine[:, 2]) < np.sin(np.radians(1.25))]))
    assert strip.se_inflation == pytest.approx(np.sqrt(1 / 3 / (np.radians(2.5) ** 2 / 12)), rel=0.1)


@pytest.mark.parametrize(("weights", "sentence"), [
    (np.full(768, np.nan), "zero or more"), (-np.ones(768), "zero or more"),
    (np.zeros(768), "no pixel"), (np.eye(768)[0], "undetermined"),
])  # fmt: skip
def test_weights_that_determine_nothing_are_refused(weights, sentence):
    with pytest.raises(ValueError, match=sentence):
        alias_matrix(COARSE, quadrupole_basis(COARSE), weights)


def test_axes_without_a_direction_are_refused():
    for axis in ([0, 0, 0], [np.nan, 0, 1]):
        with pytest.raises(ValueError, match="needs a direction"):
            weak_axis_check(axis, constrained(CENTRES))
