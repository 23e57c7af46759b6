"""Simulated populations of runs have the requested scatter and effects."""

from functools import partial

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
    """A mean over S seeds has variance s_sample^2 + (s_seed^2 + s_galaxy^2)/S (methods.md 3.f)."""
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
    arms = mocks.two_arm_mocks(4000, (4, 6), [0.5, -1.0], POPULATION, 3, mean=2.0, seeds=2, spread_b=3.0)
    assert (arms.a.shape, arms.b.shape) == ((4000, 4, 2), (4000, 6, 2))
    np.testing.assert_allclose(arms.a.mean(axis=(0, 1)), [2.5, 1.0], atol=0.02)
    np.testing.assert_allclose(arms.b.mean(axis=(0, 1)), [2.0, 2.0], atol=0.04)
    assert arms.a.std() != arms.b.std()
    assert arms.a[..., 0].std() == pytest.approx(POPULATION.mean_sd(2), rel=0.03)
    assert arms.b[..., 0].std() == pytest.approx(3 * POPULATION.mean_sd(2), rel=0.03)


def test_components_and_arms_are_independent():
    arms = mocks.two_arm_mocks(4000, (2, 2), [0.0, 0.0], POPULATION, 4)
    flat = np.column_stack([arms.a.reshape(4000, 4), arms.b.reshape(4000, 4)])
    off = np.corrcoef(flat.T) - np.eye(8)
    assert np.abs(off).max() < 0.06


def test_footprints_answer_to_their_axes():
    axes, matrix = mocks.base_axes(), np.arange(9.0).reshape(3, 3)
    values = mocks.rotating_mocks(3000, axes, matrix, POPULATION, 5, common=[1.0, 0.0, -1.0], seeds=3)
    np.testing.assert_allclose(values.mean(axis=0), [1.0, 0.0, -1.0] + axes @ matrix.T, atol=0.04)
    assert values.std(axis=0).mean() == pytest.approx(POPULATION.mean_sd(3), rel=0.03)
    assert mocks.rotating_mocks(2, axes, [0.1, 0.2, 0.3], POPULATION, 5).shape == (2, 12, 1)


def test_counts_are_binomial():
    counts = mocks.binomial_counts(np.full((200, 50), 0.2), 400, 6)
    assert counts.mean() / 400 == pytest.approx(0.2, abs=0.001)
    assert counts.var() == pytest.approx(400 * 0.2 * 0.8, rel=0.06)


@pytest.mark.parametrize(
    "draw",
    [
        lambda seed: mocks.two_arm_mocks(3, (2, 3), 0.1, POPULATION, seed).b,
        lambda seed: mocks.rotating_mocks(3, mocks.base_axes(), [1, 0, 0], POPULATION, seed),
        lambda seed: mocks.binomial_counts(np.full(20, 0.5), 1000, seed),
    ],
)
def test_a_seed_gives_the_same_mocks_again_and_another_seed_others(draw):
    np.testing.assert_array_equal(draw(1), draw(1))
    assert (draw(1) != draw(2)).any()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (partial(RunPopulation, -0.1, 0.1), "negative"),
        (partial(RunPopulation, 0.1, np.nan), "negative"),
        (partial(RunPopulation, 0.1, 0.1, 0.0, 2.0), "no standard deviation"),
        (partial(mocks.two_arm_mocks, 0, (2, 2), 0.0, POPULATION, 0), "at least one"),
        (partial(mocks.rotating_mocks, 1, np.empty((0, 3)), [1, 0, 0], POPULATION, 0), "at least one"),
        (partial(mocks.binomial_counts, [0.5, 1.2], 10, 0), "left the range"),
        (partial(mocks.binomial_counts, [np.nan], 10, 0), "left the range"),
    ],
)
def test_populations_that_cannot_be_drawn_are_refused(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrong()
