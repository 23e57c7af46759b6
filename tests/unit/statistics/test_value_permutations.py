"""Permutations of scores: every arrangement of a small sky, the moments of Q, sizes, and what is refused."""

import tracemalloc
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.transform import Rotation

from tests.unit.statistics.skies import binned, healpix_pixels, random_sky
from workflow_scripts.statistics.sky import nulls
from workflow_scripts.statistics.sky.nulls import dipole_score_test
from workflow_scripts.statistics.sky.value_permutations import permuted_value_totals, value_dipole_test


def literal_q(vectors, values):
    """Q with a galaxy at a time: U^T M^-1 U / s^2."""
    centred = [n - vectors.mean(axis=0) for n in vectors]
    score = sum((x - values.mean()) * n for x, n in zip(values, centred, strict=True))
    matrix = sum(np.outer(n, n) for n in centred)
    return score @ np.linalg.solve(matrix, score) / values.var()


def test_p_is_that_of_all_arrangements_of_seven_scores():
    random = np.random.default_rng(1)
    vectors, values = random_sky(random, 7), random.random(7)
    everything = np.array([literal_q(vectors, values[list(order)]) for order in permutations(range(7))])
    for order in ([0, 1, 2, 3, 4, 5, 6], [3, 1, 6, 0, 2, 5, 4], [6, 5, 4, 3, 2, 1, 0]):
        arranged = values[order]
        found = value_dipole_test(*binned(vectors, arranged), arranged, 6000, 2)
        expected = np.mean(everything >= literal_q(vectors, arranged) * (1 - 1e-9))
        assert found.q_pixels == pytest.approx(literal_q(vectors, arranged))
        assert found.q == pytest.approx(found.q_pixels)
        assert found.p_permutation == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 6000) + 2e-4)
        # E Q = 3 N/(N - 1), whatever the sky and the values.
        assert everything.mean() == pytest.approx(3 * 7 / 6)
        assert found.null.mean() == pytest.approx(3.5, abs=4 * everything.std() / np.sqrt(6000))


def test_labels_have_the_p_of_the_hypergeometric_null():
    """Two ways to draw the same null: its quantiles and p agree within the error of 4,000 skies each."""
    random = np.random.default_rng(3)
    vectors = random_sky(random, 2000, -0.2)
    labels = (random.random(2000) < 0.4 + 0.06 * vectors[:, 0]).astype(float)
    sums = binned(vectors, labels, healpix_pixels(vectors, 4), 192)
    of_values, of_labels = value_dipole_test(*sums, labels, 4000, 1), dipole_score_test(*sums, 4000, 2)
    assert (of_values.q, of_values.beta.tolist()) == (of_labels.q, of_labels.beta.tolist())
    assert of_values.q_pixels == pytest.approx(of_labels.q_pixels)
    assert of_values.p_permutation == pytest.approx(of_labels.p_permutation, abs=0.03)
    assert stats.ks_2samp(of_values.null, of_labels.null).pvalue > 1e-3


def test_size_is_kept_by_scores_of_any_distribution_on_a_partial_sky():
    """600 mocks north of Dec -10 whose scores pile up at 0 and 1; 99.9 % band."""
    random = np.random.default_rng(4)
    p = []
    for seed in range(600):
        vectors, values = random_sky(random, 150, -0.17), random.beta(0.2, 0.4, 150)
        p.append(
            value_dipole_test(*binned(vectors, values, healpix_pixels(vectors, 4), 192), values, 99, seed).p_permutation
        )
    for level in (0.01, 0.05):
        low, high = stats.binom.ppf([0.0005, 0.9995], 600, level)
        assert low <= np.sum(np.array(p) <= level + 1e-12) <= high
    assert stats.kstest(p, "uniform").pvalue > 1e-3


def test_a_dipole_of_scores_is_found_along_its_axis():
    random = np.random.default_rng(5)
    vectors = random_sky(random, 20_000, -0.2)
    values = random.beta(2, 2, 20_000) + 0.05 * vectors @ [0.6, 0.8, 0]
    found = value_dipole_test(*binned(vectors, values, healpix_pixels(vectors, 8), 768), values, 199, 1)
    assert found.p_permutation == pytest.approx(1 / 200)
    np.testing.assert_allclose(found.beta, [0.03, 0.04, 0], atol=4 * np.sqrt(found.covariance.diagonal().max()))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_neither_row_order_nor_rotation_nor_unit_matters(seed):
    random = np.random.default_rng(seed)
    vectors, values = random_sky(random, 60, -0.5), random.normal(size=60)
    pixels = healpix_pixels(vectors, 1)
    plain = value_dipole_test(*binned(vectors, values, pixels, 12), values, 50, seed)
    rows = random.permutation(60)
    mixed = value_dipole_test(*binned(vectors[rows], values[rows], pixels[rows], 12), values[rows], 50, seed)
    np.testing.assert_allclose(mixed.null, plain.null, rtol=1e-9)
    assert mixed.p_permutation == plain.p_permutation
    turn = Rotation.random(rng=random)
    turned = value_dipole_test(*binned(turn.apply(vectors), values, pixels, 12), values, 50, seed)
    np.testing.assert_allclose(turned.beta, turn.apply(plain.beta), atol=1e-9)
    np.testing.assert_allclose(turned.null, plain.null, rtol=1e-6)
    scaled = value_dipole_test(*binned(vectors, 7 * values - 3, pixels, 12), 7 * values - 3, 50, seed)
    np.testing.assert_allclose(scaled.beta, 7 * plain.beta, rtol=1e-8)
    np.testing.assert_allclose(scaled.null, plain.null, rtol=1e-6)
    assert scaled.p_permutation == plain.p_permutation


def test_skies_are_the_same_however_many_are_drawn_at_once_and_hold_all_values(monkeypatch):
    random = np.random.default_rng(6)
    vectors, values = random_sky(random, 300), random.random(300)
    positions, _ = binned(vectors, values, healpix_pixels(vectors, 2), 48)
    whole = np.concatenate(list(permuted_value_totals(positions, values, 30, 1)))
    monkeypatch.setattr(nulls, "_CELLS_AT_ONCE", 48 * 7)
    parts = list(permuted_value_totals(positions, values, 30, 1))
    assert [len(part) for part in parts] == [7, 7, 7, 7, 2]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_allclose(whole.sum(axis=1), values.sum())
    assert not np.array_equal(whole, np.concatenate(list(permuted_value_totals(positions, values, 30, 2))))
    # Mean and variance of a pixel's sum without replacement.
    many = np.concatenate(list(permuted_value_totals(positions, values, 4000, 3)))
    counts = positions.counts[positions.counts > 0]
    np.testing.assert_allclose(many.mean(axis=0), counts * values.mean(), atol=5 * many.std(axis=0).max() / 63)
    variance = counts * values.var(ddof=1) * (1 - counts / 300)
    np.testing.assert_allclose(many.var(axis=0), variance, rtol=0.15)


def test_a_million_scores_take_little_memory_beside_their_own():
    random = np.random.default_rng(7)
    vectors, values = random_sky(random, 1_000_000), random.random(1_000_000)
    sums = binned(vectors, values, healpix_pixels(vectors, 16), 3072)
    tracemalloc.start()
    found = value_dipole_test(*sums, values, 20, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
    assert found.null.shape == (20,)


VECTORS = random_sky(np.random.default_rng(8), 40)
VALUES = np.random.default_rng(9).random(40)


@pytest.mark.parametrize(
    ("vectors", "summed", "values", "draws", "sentence"),
    [
        (VECTORS, VALUES, VALUES[:39], 10, "39 values do not belong to 40 galaxies"),
        (VECTORS, VALUES, np.where(VALUES > 0.5, np.nan, VALUES), 10, "missing or infinite"),
        (VECTORS, VALUES, 1 - VALUES, 10, "not those that were summed"),
        (VECTORS, np.full(40, 0.3), np.full(40, 0.3), 10, "all values are the same"),
        (VECTORS[:3], VALUES[:3], VALUES[:3], 10, "too few"),
        (VECTORS, VALUES, VALUES, 0, "at least one"),
        (np.tile(VECTORS[:1], (40, 1)), VALUES, VALUES, 10, "too small"),
    ],
)
def test_what_cannot_be_tested_is_refused(vectors, summed, values, draws, sentence):
    with pytest.raises(ValueError, match=sentence):
        value_dipole_test(*binned(vectors, summed), values, draws, 1)
