"""Weighted dipoles and fractions: against the unweighted ones, against sums galaxy by galaxy, and the size of tests."""

import numpy as np
import pytest
from scipy import stats

from tests.unit.statistics.skies import band, healpix_pixels, one_a_pixel, random_sky
from workflow_scripts.audits.catalog_sums import Places
from workflow_scripts.audits.weighted_sums import WeightedColumn, WeightedSums
from workflow_scripts.statistics.fractions import fraction_contrast, wilson_interval
from workflow_scripts.statistics.sky.block_dipole import block_dipole_test
from workflow_scripts.statistics.sky.cosine import fixed_axis_test
from workflow_scripts.statistics.sky.dipole import ScatterSums, robust_dipole
from workflow_scripts.statistics.sky.sky_blocks import coarser_pixels
from workflow_scripts.statistics.sky.sky_sums import PixelPositions
from workflow_scripts.statistics.sky.weighted_dipole import (
    WeightedMoments,
    weighted_contrast,
    weighted_dipole,
    weighted_dipole_test,
    weighted_fraction,
    weighted_part,
    weighted_regression,
)


def labelled(n=400, seed=1):
    random = np.random.default_rng(seed)
    vectors = random_sky(random, n, -0.3)
    values = (random.random(n) < 0.4 + 0.1 * vectors[:, 0]).astype(float)
    return vectors, values, random.lognormal(0, 1, n)


def test_equal_weights_are_no_weights():
    vectors, values, _ = labelled()
    plain = robust_dipole(ScatterSums.of(values, vectors))
    for weight in (1.0, 7.5):
        found = weighted_dipole(WeightedMoments.of(values, np.full(len(values), weight), vectors))
        np.testing.assert_allclose(found.beta, plain.beta, rtol=1e-9)
        np.testing.assert_allclose(found.covariance, plain.covariance, rtol=1e-9)
        assert (found.q, found.mean) == pytest.approx((plain.q, plain.mean))
    parts = [weighted_part(part, np.ones(len(part))).sum(axis=1) for part in (values[:150], values[150:])]
    assert weighted_fraction(parts[0]) == pytest.approx((values[:150].mean(), 150))
    contrast, known = (
        weighted_contrast(*parts),
        fraction_contrast(values[:150].sum(), 150, values[150:].sum(), 250),
    )
    assert (contrast.difference, contrast.se, *contrast.ci95) == pytest.approx(
        (known.difference, known.se, *known.ci95)
    )
    assert contrast.z == pytest.approx(known.z, rel=0.02)


def test_a_weight_of_two_moves_the_dipole_as_a_second_galaxy_does_and_its_error_more():
    vectors, values, _ = labelled()
    weights = np.where(np.arange(400) < 100, 2.0, 1.0)
    often = np.repeat(np.arange(400), weights.astype(int))
    weighted = weighted_dipole(WeightedMoments.of(values, weights, vectors))
    repeated = robust_dipole(ScatterSums.of(values[often], vectors[often]))
    np.testing.assert_allclose(weighted.beta, repeated.beta, rtol=1e-9)
    assert np.all(weighted.se > repeated.se)


def test_sums_of_pieces_and_literal_sums():
    vectors, values, weights = labelled()
    whole = WeightedMoments.of(values, weights, vectors)
    parts = [WeightedMoments.of(values[rows], weights[rows], vectors[rows]) for rows in (slice(90), slice(90, None))]
    found, again = weighted_dipole(whole), weighted_dipole(parts[0] + parts[1])
    np.testing.assert_allclose(found.beta, again.beta, rtol=1e-9)
    mean, centre = weights @ values / weights.sum(), weights @ vectors / weights.sum()
    assert found.mean == pytest.approx(mean)
    each = (weights * (values - mean))[:, None] * (vectors - centre)
    matrix = (weights[:, None] * (vectors - centre)).T @ (vectors - centre)
    np.testing.assert_allclose(found.beta, np.linalg.solve(matrix, each.sum(axis=0)), rtol=1e-9)
    inverse = np.linalg.inv(matrix)
    np.testing.assert_allclose(found.covariance, inverse @ (each.T @ each) @ inverse, rtol=1e-9)
    first = whole.components([0, 2])
    np.testing.assert_allclose(
        weighted_regression(first)[1], weighted_regression_of(values, weights, vectors[:, [0, 2]])
    )


def weighted_regression_of(values, weights, vectors):
    return weighted_regression(WeightedMoments.of(values, weights, vectors))[1]


def permutation_test(vectors, values, weights, seed=0, permutations=199):
    moments = WeightedMoments.of(values, weights, vectors)
    totals = np.stack([weights, weights * values, (weights * (values - moments.mean)) ** 2])
    return weighted_dipole_test(one_a_pixel(vectors), totals, moments, values, weights, permutations, seed)


def test_permutations_are_those_of_pairs_whatever_the_order_and_the_unit_of_weights():
    vectors, values, weights = labelled(200)
    found = permutation_test(vectors, values, weights)
    order = np.random.default_rng(5).permutation(200)
    other = permutation_test(vectors[order], values[order], 1000 * weights[order])
    assert found.q_pixels == pytest.approx(found.q)
    assert found.q == pytest.approx(other.q)
    # One galaxy a pixel: the skies of another order are other skies.
    assert found.p_permutation == pytest.approx(other.p_permutation, abs=0.1)
    assert permutation_test(vectors, values, weights).p_permutation == found.p_permutation
    np.testing.assert_allclose(np.quantile(found.null, 0.9), stats.chi2.ppf(0.9, 3), rtol=0.25)


@pytest.mark.parametrize(
    ("values", "weights", "reason"),
    [
        (None, np.full(400, -1.0), "weights must be"),
        (None, np.full(400, np.nan), "weights must be"),
        (None, np.zeros(400), "weights must be"),
        (None, np.where(np.arange(400) < 5, 1e6, 1.0), "as good as 5 equal ones, too few"),
        (np.ones(400), np.ones(400), "all values are the same"),
        (np.full(400, np.nan), np.ones(400), "values must be"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_has_no_dipole_is_refused(values, weights, reason):
    vectors, labels, _ = labelled()
    with pytest.raises(ValueError, match=reason):
        weighted_dipole(WeightedMoments.of(labels if values is None else values, weights, vectors))


def selected(random, kind: str, n: int) -> tuple:
    """`n` galaxies north of Dec -10 of a sky whose fraction is .3 everywhere, selected so that weights inform.

    `position`: by place, up to ten times as often in some; `label`: one class 4.5 times as often; `both`: each class
    in its own part of the sky. The weight is one over the probability of selection. `independent`: any weights.
    """
    vectors = random_sky(random, 12 * n, -0.17)
    labels = (random.random(12 * n) < 0.3).astype(float)
    ra = np.arctan2(vectors[:, 1], vectors[:, 0])
    east = (1 + np.cos(ra)) / 2
    chance = {
        "independent": np.ones(12 * n),
        "position": 0.1 + 0.9 * east * (vectors[:, 2] > 0.2),
        "label": np.where(labels > 0, 0.2, 0.9),
        "both": np.where(labels > 0, 0.1 + 0.8 * east, 0.9 - 0.7 * east),
    }[kind]
    rows = np.flatnonzero(random.random(12 * n) < chance)[:n]
    weights = random.lognormal(0, 1, n) if kind == "independent" else 1 / chance[rows]
    return vectors[rows], labels[rows], weights


@pytest.mark.long
@pytest.mark.parametrize("kind", ["independent", "position", "label", "both"])
def test_size_is_kept_with_weights_that_inform(kind):
    """500 mocks of 1,500 galaxies: every used test at 5 %, within the 99.9 % binomial band of up to 6.5 %.

    With few galaxies a test with estimated scatter rejects a little more often than its level; `docs/audit.md` says so.
    """
    random, mocks = np.random.default_rng(11), 500
    p, covered = [], 0
    blocks = coarser_pixels(12 * 32**2, 12 * 4**2)
    for seed in range(mocks):
        vectors, labels, weights = selected(random, kind, 1500)
        ra, dec = np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0])) % 360, np.degrees(np.arcsin(vectors[:, 2]))
        places = Places.of(ra, dec)
        sums = WeightedSums.of(labels, weights, places)
        positions = PixelPositions.of(places.vectors, places.pixels, 12 * 32**2)
        w, wx, ww, wwx, wwxx, _ = sums.pixels
        mean = sums.moments.mean
        totals = np.stack([w, wx, wwxx - 2 * mean * wwx + mean**2 * ww])
        found = weighted_dipole_test(positions, totals, sums.sphere, labels, weights, 99, seed)
        block = block_dipole_test(sums.positions, sums.values, blocks, 99, seed)
        halves = (sums.parts[:, :6].sum(axis=(1, 2)), sums.parts[:, 6:].sum(axis=(1, 2)))
        fraction, number = weighted_fraction(sums.parts.sum(axis=(1, 2)))
        low, high = wilson_interval(fraction * number, number)
        covered += int(low <= 0.3 <= high)
        p.append(
            {
                "deciding": max(found.p, found.p_permutation),
                "cosine": float(stats.chi2.sf(weighted_regression(sums.circle)[3], 2)),
                "declination": fixed_axis_test(sums.dipole(), [0.0, 0.0, 1.0]).p,
                "halves": weighted_contrast(*halves).p,
                "blocks": max(block.p, block.p_wild),
            }
        )
    highest = band(mocks, 0.065)[1]
    for name in p[0]:
        assert np.mean([one[name] <= 0.05 for one in p]) <= highest, name
    assert covered / mocks >= band(mocks, 0.945)[0]


def test_size_of_the_weighted_dipole_with_weights_that_follow_both_label_and_place():
    """Where the classes are selected in different parts of the sky, only weights keep the size."""
    random, mocks = np.random.default_rng(3), 200
    weighted, plain = [], []
    for _ in range(mocks):
        vectors, labels, weights = selected(random, "both", 1000)
        weighted.append(weighted_dipole(WeightedMoments.of(labels, weights, vectors)).p)
        plain.append(robust_dipole(ScatterSums.of(labels, vectors)).p)
    assert np.mean(np.array(weighted) <= 0.05) <= band(mocks, 0.06)[1]
    assert np.mean(np.array(plain) <= 0.05) == 1


def test_a_weighted_dipole_is_found_through_a_selection_that_hides_it():
    """The chance of selection of the positive class falls as its fraction rises, so that the counts show nothing."""
    random = np.random.default_rng(8)
    vectors = random_sky(random, 40_000)
    fraction = 0.4 + 0.15 * vectors[:, 0]
    labels = (random.random(40_000) < fraction).astype(float)
    chance = np.where(labels > 0, 0.4 * 0.25 / fraction, 0.6 * 0.25 / (1 - fraction))
    kept = random.random(40_000) < chance
    vectors, labels, weights = vectors[kept], labels[kept], 1 / chance[kept]
    assert robust_dipole(ScatterSums.of(labels, vectors)).p > 0.01
    found = weighted_dipole(WeightedMoments.of(labels, weights, vectors))
    assert found.beta == pytest.approx([0.15, 0, 0], abs=4 * found.se.max())
    assert found.p < 1e-9


def test_weighted_sums_add_up_and_their_columns_are_tested_alike():
    vectors, labels, weights = labelled(900)
    ra, dec = np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0])) % 360, np.degrees(np.arcsin(vectors[:, 2]))
    whole = WeightedSums.of(labels, weights, Places.of(ra, dec))
    halves = [
        WeightedSums.of(labels[rows], weights[rows], Places.of(ra[rows], dec[rows]))
        for rows in (slice(400), slice(400, None))
    ]
    both = halves[0] + halves[1]
    np.testing.assert_allclose(both.pixels, whole.pixels, atol=1e-9)
    np.testing.assert_allclose(both.parts, whole.parts, atol=1e-9)
    np.testing.assert_allclose(both.dipole().beta, whole.dipole().beta)
    assert both.positions.n == 900
    positions = PixelPositions.of(vectors, healpix_pixels(vectors, 32), 12 * 32**2)
    assert np.array_equal(positions.counts > 0, whole.pixels[0] > 0)
    column = WeightedColumn(whole, labels, weights)
    assert column.sums.values.sums.total == pytest.approx(900 * weights @ labels / weights.sum())
