"""The dipole as multipoles are added: what moves it, what hides it, and where nothing can be concluded."""

import healpy
import numpy as np
import pytest
from scipy.special import expit

from workflow_scripts.statistics.sky.dipole_stability import dipole_stability, multipole_aliasing
from workflow_scripts.statistics.sky.multipoles import octopole_basis, quadrupole_basis
from workflow_scripts.statistics.sky.regression import highest_degree, sky_glm
from workflow_scripts.statistics.sky.sky_sums import PixelPositions

CENTRES = np.array(healpy.pix2vec(16, np.arange(3072))).T
NORTH = CENTRES[:, 2] > np.sin(np.radians(-10))
AXIS = np.array([0.6, 0.0, 0.8])


def at_centres(where, galaxies=20_000):
    counts = np.random.default_rng(1).multinomial(galaxies, where / where.sum())
    return PixelPositions(counts, CENTRES * counts[:, None], (CENTRES * counts[:, None]).T @ CENTRES)


def test_every_step_is_the_fit_of_its_degree():
    random = np.random.default_rng(2)
    positions = at_centres(NORTH)
    positives = random.binomial(positions.counts, expit(0.4 * CENTRES @ AXIS))
    steps = dipole_stability(positions, positives)
    names = ("dipole", "dipole_given_quadrupole", "dipole_given_octopole")
    for lmax, (step, name) in enumerate(zip(steps, names, strict=True), 1):
        fit = sky_glm(positions, positives, lmax=lmax)
        assert (step.lmax, step.dipole, step.refused) == (lmax, getattr(fit, name), "")
        np.testing.assert_array_equal(step.fit.beta, fit.beta)
        ratios = np.linalg.eigvals(np.linalg.inv(steps[0].fit.beta_covariance) @ fit.beta_covariance).real
        assert step.se_inflation == pytest.approx(np.sqrt(ratios.max()))
    assert steps[0].se_inflation == pytest.approx(1)
    assert steps[2].aliasing is None


def test_on_the_full_sky_a_dipole_stays_and_on_a_mask_an_octopole_that_was_left_out_goes_away():
    random = np.random.default_rng(3)
    whole = at_centres(np.ones(3072), 200_000)
    steady = dipole_stability(whole, random.binomial(whole.counts, expit(0.2 * CENTRES @ AXIS)))
    for step in steady:
        np.testing.assert_allclose(step.fit.beta, 0.2 * AXIS, atol=0.03)
        assert step.dipole.p < 1e-6
        assert not step.flagged
        assert step.se_inflation < 1.1
    part = at_centres(NORTH, 200_000)
    zonal = expit(0.3 * octopole_basis(CENTRES)[:, 0])
    steps = dipole_stability(part, random.binomial(part.counts, zonal))
    assert steps[0].dipole.p < 1e-6
    assert steps[2].dipole.p > 0.001
    assert steps[2].se_inflation > 3


@pytest.mark.parametrize(("lmax", "left_out"), [(1, quadrupole_basis), (2, octopole_basis)])
def test_the_alias_matrix_is_what_least_squares_without_the_next_degree_finds(lmax, left_out):
    positions = at_centres(NORTH)
    used = positions.counts > 0
    at, weights = CENTRES[used], np.sqrt(positions.counts[used])
    fitted = np.column_stack([np.ones(len(at)), at, *([quadrupole_basis(at)] if lmax == 2 else [])])
    expected = np.linalg.lstsq(fitted * weights[:, None], left_out(at) * weights[:, None])[0][1:4]
    np.testing.assert_allclose(multipole_aliasing(positions, lmax).matrix, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("lowest", "flagged", "made"),
    [(-1.1, [False, False, False], [1, 1, 1]), (0.5, [False, True, False], [1, 1, 0]), (0.85, [False] * 3, [1, 0, 0])],
)
def test_a_small_cap_is_flagged_then_refused_and_never_a_silent_number(lowest, flagged, made):
    positions = at_centres(CENTRES[:, 2] > lowest)
    positives = np.random.default_rng(4).binomial(positions.counts, 0.4)
    steps = dipole_stability(positions, positives)
    assert [step.flagged for step in steps] == flagged
    assert [step.fit is not None for step in steps] == [bool(one) for one in made]
    assert highest_degree(positions) == sum(made)
    for step in steps:
        assert (step.fit is None) == (step.dipole is None) == ("undetermined" in step.refused)


def test_where_no_dipole_can_be_had_there_is_no_report():
    positions = at_centres(CENTRES[:, 2] > 0.5)
    with pytest.raises(ValueError, match="same label"):
        dipole_stability(positions, positions.counts)


def test_along_the_axes_that_a_strip_constrains_the_dipole_has_as_many_degrees_of_freedom():
    random = np.random.default_rng(6)
    strip = at_centres(np.abs(CENTRES[:, 2]) < 0.05).along(np.eye(3)[:2])
    steps = dipole_stability(strip, random.binomial(strip.counts, expit(0.3 * CENTRES @ AXIS)))
    assert [bool(step.refused) for step in steps] == [False, True, True]
    assert (steps[0].dipole.dof, steps[0].fit.beta.shape, steps[0].fit.beta_covariance.shape) == (2, (2,), (2, 2))
    np.testing.assert_allclose(steps[0].fit.beta, [0.18, 0], atol=4 * np.sqrt(steps[0].fit.beta_covariance[0, 0]))
    # The mean of chi-square is its degrees of freedom: three would not do.
    nulls = (sky_glm(strip, random.binomial(strip.counts, 0.4), lmax=1).dipole for _ in range(150))
    assert np.mean([null.statistic for null in nulls]) == pytest.approx(2, abs=0.5)
    with pytest.raises(ValueError, match="1 for fewer than three components"):
        sky_glm(strip, strip.counts // 2)
