"""Simulated populations of runs have the requested scatter and effects."""

import healpy
import numpy as np
import pytest

from workflow_scripts.calibration_mocks import run_mocks as mocks
from workflow_scripts.calibration_mocks.run_mocks import RunPopulation

POPULATION = RunPopulation(0.3, 0.5, 0.2)


def test_axes_are_those_of_healpix():
    np.testing.assert_allclose(mocks.base_axes(), np.column_stack(healpy.pix2vec(1, np.arange(12))), atol=1e-12)


@pytest.mark.parametrize("tail_dof", [None, 6.0])
def test_scatter_has_the_components_that_were_requested(tail_dof):
    """A mean over S seeds has variance s_sample^2 + (s_seed^2 + s_galaxy^2)/S."""
    values = RunPopulation(0.3, 0.5, 0.2, tail_dof).scatter((4000, 3), 5, np.random.default_rng(1))
    assert values.shape == (4000, 3, 5)
    assert values.var(axis=2, ddof=1).mean() == pytest.approx(0.5**2 + 0.2**2, rel=0.04)
    assert values.mean(axis=2).var(axis=1, ddof=1).mean() == pytest.approx(POPULATION.mean_sd(5) ** 2, rel=0.07)


def test_heavy_tails_are_heavy():
    normal, heavy = (
        RunPopulation(0.0, 1.0, 0.0, tail).scatter((3000,), 4, np.random.default_rng(2)) for tail in (None, 3.0)
    )
    assert (np.abs(heavy) > 4).mean() > 20 * (np.abs(normal) > 4).mean()


def test_arms_differ_by_the_effect_and_in_scatter():
    a, b = mocks.two_arm_mocks(4000, (4, 6), [0.5, -1.0], POPULATION, 3, mean=2.0, seeds=2, spread_b=3.0)
    assert (a.shape, b.shape) == ((4000, 4, 2), (4000, 6, 2))
    np.testing.assert_allclose(a.mean(axis=(0, 1)), [2.5, 1.0], atol=0.02)
    np.testing.assert_allclose(b.mean(axis=(0, 1)), [2.0, 2.0], atol=0.04)
    assert a.std() != b.std()
    assert a[..., 0].std() == pytest.approx(POPULATION.mean_sd(2), rel=0.03)
    assert b[..., 0].std() == pytest.approx(3 * POPULATION.mean_sd(2), rel=0.03)


def test_components_and_arms_are_independent():
    a, b = mocks.two_arm_mocks(4000, (2, 2), [0.0, 0.0], POPULATION, 4)
    flat = np.column_stack([a.reshape(4000, 4), b.reshape(4000, 4)])
    off = np.corrcoef(flat.T) - np.eye(8)
    assert np.abs(off).max() < 0.06


def test_footprints_respond_to_their_axes():
    axes, matrix = mocks.base_axes(), np.arange(9.0).reshape(3, 3)
    values = mocks.rotating_mocks(3000, axes, matrix, POPULATION, 5, common=[1.0, 0.0, -1.0], seeds=3)
    np.testing.assert_allclose(values.mean(axis=0), [1.0, 0.0, -1.0] + axes @ matrix.T, atol=0.04)
    assert values.std(axis=0).mean() == pytest.approx(POPULATION.mean_sd(3), rel=0.03)
    assert mocks.rotating_mocks(2, axes, [0.1, 0.2, 0.3], POPULATION, 5).shape == (2, 12, 1)


@pytest.mark.parametrize(
    "draw",
    [
        lambda seed: mocks.two_arm_mocks(3, (2, 3), 0.1, POPULATION, seed)[1],
        lambda seed: mocks.rotating_mocks(3, mocks.base_axes(), [1, 0, 0], POPULATION, seed),
    ],
)
def test_a_seed_gives_the_same_mocks_again_and_another_seed_others(draw):
    np.testing.assert_array_equal(draw(1), draw(1))
    assert (draw(1) != draw(2)).any()
