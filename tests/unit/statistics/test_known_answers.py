"""Known answers and invariances of the sky statistics."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation

from workflow_scripts.sky.unit_vectors import right_ascension_declination, unit_vectors
from workflow_scripts.statistics.sky.axis_scan import (
    QuadrupoleScan,
    dipole_scan,
    dipole_sigma,
    sigma_without_dipole,
)
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums


@pytest.fixture
def sky():
    random = np.random.default_rng(1)
    vectors = random.normal(size=(3000, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors[vectors[:, 2] > -0.2], random


def sums(vectors, values):
    return PositionSums.of(vectors), ValueSums.of(values, vectors)


def test_the_published_chi_square_is_a_linear_function_of_the_labels(sky):
    vectors, random = sky
    signs = random.choice([-1, 1], len(vectors))
    for axis in random.normal(size=(5, 3)):
        cosine = vectors @ (axis / np.linalg.norm(axis))
        literal = ((signs * np.abs(cosine) - cosine) ** 2 / np.abs(cosine)).sum()
        assert literal == pytest.approx(2 * np.abs(cosine).sum() - 2 * (signs * cosine).sum(), rel=1e-10)


def test_closed_form_sigma_agrees_with_the_literal_monte_carlo(sky):
    vectors, random = sky
    signs = np.where(random.random(len(vectors)) < 0.5 + 0.1 * vectors[:, 0], 1, -1)
    axis = np.array([[1.0, 0.0, 0.0]])
    cosine = vectors @ axis[0]

    def chi_square(d):
        return ((d * np.abs(cosine) - cosine) ** 2 / np.abs(cosine)).sum(axis=-1)

    null = np.concatenate([chi_square(random.choice([-1, 1], (200, len(vectors)))) for _ in range(20)])
    literal = (null.mean() - chi_square(signs)) / null.std()
    # 4,000 simulations know their standard deviation to 1.1 %.
    assert dipole_sigma(axis, *sums(vectors, signs))[0] == pytest.approx(literal, rel=0.05)


def test_maximum_of_the_scan_is_the_maximum_over_every_integer_axis(sky):
    vectors, random = sky
    signs = random.choice([-1, 1], len(vectors))
    ra, dec = np.meshgrid(np.arange(360), np.arange(-90, 90))
    scan = dipole_scan(*sums(vectors, signs))
    grid = dipole_sigma(unit_vectors(ra.ravel(), dec.ravel()), *sums(vectors, signs))
    assert len(grid) == 64_800
    assert grid.max() == pytest.approx(scan.max_sigma, rel=2e-4)
    assert grid.max() <= scan.max_sigma
    assert dipole_sigma(scan.axis[None], *sums(vectors, signs))[0] == pytest.approx(scan.max_sigma, rel=1e-12)


def test_quadrupole_sigma_agrees_with_the_sum_over_galaxies(sky):
    vectors, random = sky
    signs = random.choice([-1, 1], len(vectors))
    axes = unit_vectors([10.0, 200.0, 300.0], [80.0, -20.0, 5.0])
    double = 2 * (axes @ vectors.T) ** 2 - 1
    expected = (double * signs).sum(axis=1) / np.sqrt((double**2).sum(axis=1))
    np.testing.assert_allclose(QuadrupoleScan.of(axes, vectors).sigma(vectors, signs), expected, rtol=1e-9)


def test_sigma_without_a_dipole_is_that_of_permuted_labels(sky):
    """Dossier (2.7), as an expectation over permutations: exact, whatever the mask and the mix of labels."""
    vectors, random = sky
    signs = np.where(random.random(len(vectors)) < 0.53, 1, -1)
    squares = [dipole_scan(*sums(vectors, random.permutation(signs))).max_sigma ** 2 for _ in range(4000)]
    expected = sigma_without_dipole(PositionSums.of(vectors), signs.mean()) ** 2
    assert np.mean(squares) == pytest.approx(expected, abs=4 * np.std(squares) / np.sqrt(4000))
    assert expected > 3.1
    # What is above the noise of three components is the mix's.
    assert sigma_without_dipole(PositionSums.of(vectors), 0.0) ** 2 < 3.01


def test_scanned_maximum_follows_chi_with_three_degrees_of_freedom():
    random = np.random.default_rng(3)
    vectors = random.normal(size=(2000, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    positions = PositionSums.of(vectors)
    p = [
        dipole_scan(positions, ValueSums.of(random.choice([-1, 1], len(vectors)), vectors)).global_p
        for _ in range(1000)
    ]
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    assert stats.chi(3).ppf([0.5, 0.95]) == pytest.approx([1.538, 2.795], abs=1e-3)


def test_unequal_labels_on_a_mask_fool_the_uncentred_statistic_and_not_the_centred_one():
    random = np.random.default_rng(5)
    uncentred, centred = [], []
    for _ in range(300):
        vectors = random.normal(size=(4000, 3))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors[vectors[:, 2] > np.sin(np.radians(-10))]
        positive = random.random(len(vectors)) < 0.56
        positions = PositionSums.of(vectors)
        uncentred.append(dipole_scan(positions, ValueSums.of(2.0 * positive - 1, vectors)).global_p)
        centred.append(dipole(positions, ValueSums.of(positive, vectors)).p)
    assert np.mean(np.array(uncentred) < 0.05) > 0.9
    # 99.9 % binomial band about 5 %
    assert 0.015 < np.mean(np.array(centred) < 0.05) < 0.1


def test_dipole_turns_with_the_sky_and_changes_sign_with_the_labels(sky):
    vectors, random = sky
    values = (random.random(len(vectors)) < 0.5 + 0.2 * vectors[:, 1]).astype(float)
    plain = dipole(*sums(vectors, values))
    turn = Rotation.random(rng=np.random.default_rng(0))
    turned = dipole(*sums(turn.apply(vectors), values))
    np.testing.assert_allclose(turned.beta, turn.apply(plain.beta), atol=1e-12)
    assert turned.q == pytest.approx(plain.q)
    flipped = dipole(*sums(vectors, 1 - values))
    np.testing.assert_allclose(flipped.beta, -plain.beta, atol=1e-12)
    doubled = dipole(*sums(np.tile(vectors, (2, 1)), np.tile(values, 2)))
    assert doubled.q == pytest.approx(2 * plain.q)


def test_sums_add_up_over_parts_of_the_catalog(sky):
    vectors, random = sky
    values = random.random(len(vectors))
    whole = dipole(*sums(vectors, values))
    half = len(vectors) // 2
    parts = [sums(vectors[:half], values[:half]), sums(vectors[half:], values[half:])]
    joined = dipole(parts[0][0] + parts[1][0], parts[0][1] + parts[1][1])
    np.testing.assert_allclose(joined.beta, whole.beta, rtol=1e-9)


@pytest.mark.parametrize(
    ("vectors", "values", "sentence"),
    [
        (unit_vectors(np.arange(20.0), np.zeros(20)), np.ones(20), "all values are the same"),
        (unit_vectors([0.0], [0.0]), np.ones(1), "too few"),
        (unit_vectors(np.full(10, 3.0), np.full(10, 3.0)), np.arange(10.0), "too small for a dipole"),
    ],
)
def test_degenerate_skies_are_refused(vectors, values, sentence):
    with pytest.raises(ValueError, match=sentence):
        dipole(*sums(vectors, values))


def test_hsc_dr3_spins_give_the_published_excess_and_its_honest_p(shared_data):
    table = pd.read_csv(shared_data / "hsc_dr3_spins" / "data_hsc.csv")
    table = table.apply(pd.to_numeric, errors="coerce").dropna(subset=["RA", "Dec", "direction_cw_ccw"])
    assert len(table) == 13_476
    vectors, signs = unit_vectors(table["RA"], table["Dec"]), table["direction_cw_ccw"].to_numpy()
    scan = dipole_scan(*sums(vectors, signs))
    ra, dec = right_ascension_declination(scan.axis)
    assert (scan.max_sigma, scan.global_p) == (pytest.approx(3.110, abs=5e-4), pytest.approx(0.0216, abs=5e-5))
    assert (round(float(ra)), round(float(dec))) == (283, -56)
    centred = dipole(*sums(vectors, (signs == 1).astype(float)))
    assert (centred.q, centred.p) == (pytest.approx(10.094, abs=5e-4), pytest.approx(0.0178, abs=5e-5))
