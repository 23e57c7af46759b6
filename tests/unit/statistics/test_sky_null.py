"""Nulls of the sky dipole: every arrangement of small catalogs, the paper's literal Monte Carlo, clustered skies."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.transform import Rotation

from tests.unit.statistics.skies import binned, healpix_pixels, random_sky
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky import nulls
from workflow_scripts.statistics.sky.nulls import dipole_score_test, permuted_totals, random_sign_test, signed_counts
from workflow_scripts.statistics.sky.sky_sums import PixelValues


def literal_q(vectors, values):
    """Q = U^T V^-1 U, galaxy by galaxy."""
    centred, rest = vectors - vectors.mean(axis=0), values - values.mean()
    score = centred.T @ rest
    return score @ np.linalg.solve(np.var(values) * centred.T @ centred, score)


def test_p_is_that_of_every_arrangement_of_a_small_catalog():
    """3.c.2, exact null: 10 galaxies in 6 pixels, 4 spirals, all 210 arrangements listed."""
    random = np.random.default_rng(1)
    pixels = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5, 5])
    vectors = random_sky(random, 10)
    at_pixel = np.array([vectors[pixels == p].mean(axis=0) for p in pixels])
    for spirals in ([0, 1, 2, 6], [3, 4, 8, 9], [0, 1, 3, 7]):
        labels = np.zeros(10)
        labels[spirals] = 1
        every = [literal_q(at_pixel, np.isin(np.arange(10), c).astype(float)) for c in combinations(range(10), 4)]
        observed = literal_q(at_pixel, labels)
        expected = np.mean(np.array(every) >= observed * (1 - 1e-9))
        found = dipole_score_test(*binned(vectors, labels, pixels, 7), 4000, 1)
        assert found.q_pixels == pytest.approx(observed)
        assert found.q == pytest.approx(literal_q(vectors, labels))
        assert found.p_permutation == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 4000))
        # Exactly: the mean of Q over all arrangements is 3 N/(N - 1).
        assert np.mean(every) == pytest.approx(30 / 9)
        assert found.p_permutation == (np.sum(found.null >= observed * (1 - 1e-9)) + 1) / 4001


@pytest.mark.parametrize("one_by_one", [True, False])
@pytest.mark.parametrize("n_minus", [0, 2, 5])
def test_drawn_skies_have_the_chances_of_every_arrangement(n_minus, one_by_one, monkeypatch):
    """3.c.2: galaxies chosen one by one, and hypergeometric numbers, against the listed permutations."""
    monkeypatch.setattr(nulls, "_FEW", nulls._FEW if one_by_one else 0)
    values = np.array([1] * 3 + [-1] * n_minus + [0] * (5 - n_minus))
    pixels = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    vectors = random_sky(np.random.default_rng(2), 8)
    positions, sums = binned(vectors, values, pixels, 3)
    drawn = np.concatenate(list(permuted_totals(positions, signed_counts(positions, sums), 20_000, 3)))
    expected: dict[tuple, int] = {}
    for plus in combinations(range(8), 3):
        rest = [i for i in range(8) if i not in plus]
        for minus in combinations(rest, n_minus):
            one = np.zeros(8)
            one[list(plus)], one[list(minus)] = 1, -1
            key = tuple(np.bincount(pixels, one).astype(int))
            expected[key] = expected.get(key, 0) + 1
    kinds, counts = np.unique(drawn, axis=0, return_counts=True)
    seen = dict(zip(map(tuple, kinds), counts, strict=True))
    assert set(seen) <= set(expected)
    shares = np.array(list(expected.values())) / sum(expected.values())
    assert stats.chisquare([seen.get(key, 0) for key in expected], shares * 20_000).pvalue > 1e-3


def test_null_is_that_of_shuffled_galaxies_and_its_covariance_the_exact_one():
    """3.c.2: Cov(U*) = N/(N - 1) s^2 M; 4,000 skies by pixels against 4,000 shuffles galaxy by galaxy."""
    random = np.random.default_rng(3)
    vectors = random_sky(random, 500, -0.2)
    values = random.choice([-1.0, 0.0, 1.0], 500, p=[0.1, 0.7, 0.2])
    pixels = healpix_pixels(vectors, 8)
    positions, sums = binned(vectors, values, pixels, 768)
    found = dipole_score_test(positions, sums, 4000, 4)
    shuffled = [literal_q(vectors, random.permutation(values)) for _ in range(4000)]
    assert stats.ks_2samp(found.null, shuffled).pvalue > 1e-3
    assert found.null.mean() == pytest.approx(3 * 500 / 499, abs=4 * np.sqrt(6 / 4000))
    directions = positions.mean_vectors()[positions.counts > 0] - vectors.mean(axis=0)
    drawn = np.concatenate(list(permuted_totals(positions, signed_counts(positions, sums), 4000, 4)))
    expected = 500 / 499 * np.var(values) * (directions * positions.counts[positions.counts > 0, None]).T @ directions
    scale = np.sqrt(np.diag(expected))
    assert np.abs((np.cov((drawn @ directions).T) - expected) / np.outer(scale, scale)).max() < 0.09


def test_large_catalog_reaches_the_quantiles_of_chi_square():
    """3.c.3: null mean of Q 3 and its 95 and 99 % points 7.815 and 11.345, at 2e5 galaxies north of Dec -10."""
    random = np.random.default_rng(5)
    vectors = random_sky(random, 200_000, np.sin(np.radians(-10)))
    labels = (random.random(len(vectors)) < 0.3).astype(float)
    found = dipole_score_test(*binned(vectors, labels, healpix_pixels(vectors, 8), 768), 5000, 6)
    assert found.null.mean() == pytest.approx(3, abs=4 * np.sqrt(6 / 5000))
    beyond = [np.sum(found.null > limit) for limit in stats.chi2(3).isf([0.05, 0.01])]
    for number, level in zip(beyond, (0.05, 0.01), strict=True):
        assert stats.binom.ppf(0.0005, 5000, level) <= number <= stats.binom.ppf(0.9995, 5000, level)
    assert found.p_permutation == pytest.approx(found.p, abs=0.03)
    assert found.q_pixels == pytest.approx(found.q, rel=0.15)


def test_permutation_p_is_exact_in_a_small_catalog_where_chi_square_is_not():
    """1,000 mocks of 12 galaxies with 3 spirals: P(p <= 0.05) within the 99.9 % band, chi-square far below it."""
    random = np.random.default_rng(7)
    vectors = random_sky(random, 12, 0.0)
    labels = np.array([1.0] * 3 + [0.0] * 9)
    by_permutation, by_chi_square = [], []
    for seed in range(1000):
        found = dipole_score_test(*binned(vectors, random.permutation(labels)), 199, seed)
        by_permutation.append(found.p_permutation)
        by_chi_square.append(found.p)
    # 220 arrangements: steps of 1/220, and the p of a random one is at most 0.05 at no more than that rate.
    assert stats.binom.ppf(0.0005, 1000, 0.045) <= np.sum(np.array(by_permutation) <= 0.05)
    assert np.sum(np.array(by_permutation) <= 0.05) <= stats.binom.ppf(0.9995, 1000, 0.05)
    assert np.mean(np.array(by_chi_square) <= 0.01) < 0.002


def test_the_papers_literal_monte_carlo_is_the_random_sign_null():
    """2.1-2.2 literally: chi2 summed over galaxies along 600 axes, 600 skies of random signs, largest sigma each."""
    random = np.random.default_rng(8)
    vectors = random_sky(random, 300, -0.3)
    signs = np.where(random.random(300) < 0.5 + 0.25 * vectors[:, 1], 1.0, -1.0)
    axes = random_sky(random, 600)
    cosine = axes @ vectors.T

    def chi_square(d):
        return np.array([((d * np.abs(row) - row) ** 2 / np.abs(row)).sum(axis=-1) for row in cosine]).T

    skies = chi_square(random.choice([-1.0, 1.0], (600, 300)))
    mean, deviation = skies.mean(axis=0), skies.std(axis=0)
    literal_null = ((mean - skies) / deviation).max(axis=1)
    literal_map = (mean - chi_square(signs[None])[0]) / deviation
    found = random_sign_test(*binned(vectors, signs), 4000, 1)
    assert found.max_sigma == pytest.approx(literal_map.max(), rel=0.08)
    assert found.axis @ axes[np.argmax(literal_map)] > np.cos(np.radians(12))
    assert found.max_sigma_pixels == pytest.approx(found.max_sigma)
    assert stats.ks_2samp(found.null, literal_null).pvalue > 1e-3
    assert stats.kstest(found.null, stats.chi(3).cdf).pvalue > 1e-3
    literal_p = (np.sum(literal_null >= literal_map.max()) + 1) / 601
    assert found.p_monte_carlo == pytest.approx(literal_p, abs=0.02)
    assert found.p == pytest.approx(found.p_monte_carlo, abs=0.01)


def test_unequal_labels_fool_random_signs_as_predicted_and_permutations_not():
    """2.7: mean of the squared largest sigma = 3 + N dbar^2 h on Dec > -10; and 2.2 (ii), h = 0.60 there."""
    random = np.random.default_rng(9)
    squares, p, shares = [], [], []
    for seed in range(200):
        vectors = random_sky(random, 5000, np.sin(np.radians(-10)))
        signs = np.where(random.random(5000) < 0.55, 1.0, -1.0)
        mean = vectors.mean(axis=0)
        shares.append(mean @ np.linalg.solve(vectors.T @ vectors / 5000, mean))
        sums = binned(vectors, signs, healpix_pixels(vectors, 4), 192)
        squares.append(random_sign_test(*sums, 1, seed).max_sigma ** 2)
        p.append(dipole_score_test(*sums, 99, seed).p_permutation)
    assert np.mean(shares) == pytest.approx(0.60, abs=0.01)
    # The signs' variance is 1 - dbar^2, so that the 3 of the dossier is 3 (1 - dbar^2).
    predicted = 3 * (1 - 0.1**2) + 5000 * 0.1**2 * np.mean(shares)
    assert np.mean(squares) == pytest.approx(predicted, abs=4 * np.std(squares) / np.sqrt(200))
    low, high = stats.binom.ppf([0.0005, 0.9995], 200, 0.05)
    assert low <= np.sum(np.array(p) <= 0.05) <= high


def test_hsc_dr3_spins_give_the_permutation_p_found_before(shared_data):
    """2.3: Q = 10.094, p = 0.0178, and 0.0226 by 5,000 permutations, whose own error is 0.002."""
    table = pd.read_csv(shared_data / "hsc_dr3_spins" / "data_hsc.csv")
    table = table.apply(pd.to_numeric, errors="coerce").dropna(subset=["RA", "Dec", "direction_cw_ccw"])
    vectors = unit_vectors(table["RA"], table["Dec"])
    signs = table["direction_cw_ccw"].to_numpy(float)
    sums = binned(vectors, signs, healpix_pixels(vectors, 32), 12288)
    found, paper = dipole_score_test(*sums, 5000, 1), random_sign_test(*sums, 5000, 1)
    assert (found.q, found.p) == (pytest.approx(10.094, abs=5e-4), pytest.approx(0.0178, abs=5e-5))
    assert found.p_permutation == pytest.approx(0.0200, abs=0.006)
    assert (paper.max_sigma, paper.p) == (pytest.approx(3.110, abs=5e-4), pytest.approx(0.0216, abs=5e-5))
    assert paper.p_monte_carlo == pytest.approx(0.0216, abs=0.007)


@given(st.integers(0, 10_000), st.integers(8, 40), st.sampled_from(["labels", "signs", "differences"]))
@settings(max_examples=30, deadline=None)
def test_turning_the_sky_and_flipping_labels_change_what_they_must(seed, number, kind):
    random = np.random.default_rng(seed)
    vectors = random_sky(random, number)
    choices = {"labels": [0.0, 1.0], "signs": [-1.0, 1.0], "differences": [-1.0, 0.0, 1.0]}[kind]
    values = np.concatenate([choices, random.choice(choices, number - len(choices))])
    plain = dipole_score_test(*binned(vectors, values), 60, seed)
    turn = Rotation.random(rng=random)
    turned = dipole_score_test(*binned(turn.apply(vectors), values), 60, seed)
    np.testing.assert_allclose(turned.beta, turn.apply(plain.beta), atol=1e-8)
    np.testing.assert_allclose(turned.axis, turn.apply(plain.axis), atol=1e-6)
    np.testing.assert_allclose(turned.null, plain.null, rtol=1e-6, atol=1e-9)
    assert turned.p_permutation == plain.p_permutation
    assert plain.q_pixels == pytest.approx(plain.q, rel=1e-6)
    flipped = dipole_score_test(*binned(vectors, sum(choices) - values), 60, seed)
    np.testing.assert_allclose(flipped.beta, -plain.beta, atol=1e-8)
    assert flipped.q == pytest.approx(plain.q)
    assert np.all(plain.null >= 0)
    assert 1 / 61 <= plain.p_permutation <= 1


def test_pieces_of_the_catalog_and_batches_of_skies_make_no_difference(monkeypatch):
    random = np.random.default_rng(11)
    vectors, pixels = random_sky(random, 400), random.integers(0, 50, 400)
    values = random.choice([-1.0, 0.0, 1.0], 400)
    whole = dipole_score_test(*binned(vectors, values, pixels, 60), 300, 5)
    first, second = (binned(vectors[s], values[s], pixels[s], 60) for s in (slice(0, 150), slice(150, None)))
    joined = dipole_score_test(first[0] + second[0], first[1] + second[1], 300, 5)
    np.testing.assert_allclose(joined.null, whole.null, rtol=1e-9)
    monkeypatch.setattr(nulls, "_CELLS_AT_ONCE", 60 * 7)
    batched = dipole_score_test(*binned(vectors, values, pixels, 60), 300, 5)
    np.testing.assert_allclose(batched.null, whole.null, rtol=1e-12)
    assert dipole_score_test(*binned(vectors, values, pixels, 60), 300, 6).null[0] != whole.null[0]


VECTORS = random_sky(np.random.default_rng(12), 40)
LABELS = (np.arange(40) % 3 == 0).astype(float)


@pytest.mark.parametrize(
    ("vectors", "values", "pixels", "sentence"),
    [
        (VECTORS, np.linspace(0, 1, 40), None, "labels 0 and 1"),
        (VECTORS, 2 * LABELS, None, "labels 0 and 1"),
        (VECTORS, np.ones(40), None, "all values are the same"),
        (VECTORS[:1], LABELS[:1], None, "too few"),
        (np.tile(VECTORS[:1], (40, 1)), LABELS, None, "too small for a dipole"),
        (VECTORS, LABELS, np.arange(40) % 3, "too few pixels"),
    ],
)
def test_catalogs_without_a_permutation_null_are_refused(vectors, values, pixels, sentence):
    with pytest.raises(ValueError, match=sentence):
        dipole_score_test(*binned(vectors, values, pixels), 10, 1)


def test_sums_that_do_not_belong_together_are_refused():
    positions, values = binned(VECTORS, LABELS)
    with pytest.raises(ValueError, match="different pixels"):
        dipole_score_test(positions, binned(VECTORS[:30], LABELS[:30])[1], 10, 1)
    with pytest.raises(ValueError, match="pixels without galaxies"):
        dipole_score_test(binned(VECTORS[1:], LABELS[1:], np.arange(1, 40), 40)[0], values, 10, 1)
    with pytest.raises(ValueError, match="missing or infinite"):
        dipole_score_test(positions, PixelValues(values.totals * np.nan, values.squares, values.vector), 10, 1)
    with pytest.raises(ValueError, match="at least one random sky"):
        dipole_score_test(positions, values, 0, 1)
    with pytest.raises(ValueError, match="a sign, -1 or"):
        random_sign_test(positions, values, 10, 1)
    plane = unit_vectors(np.arange(0, 360, 10.0), np.zeros(36))
    with pytest.raises(ValueError, match="one plane"):
        random_sign_test(*binned(plane, 2 * LABELS[:36] - 1), 10, 1)


# Blocks of sky
