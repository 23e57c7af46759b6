"""Sums over pixels are the sums over galaxies, whatever the pieces a catalog is read in."""

import healpy
import numpy as np
import pytest

from workflow_scripts.statistics.sky.sky_sums import (
    PixelPositions,
    PixelValues,
    PositionSums,
    ValueSums,
    pixels_for_random_skies,
)


@pytest.fixture
def galaxies():
    random = np.random.default_rng(4)
    vectors = random.normal(size=(500, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, random.integers(0, 12, 500), random.normal(size=500)


def test_pixels_add_up_to_the_sums_over_galaxies(galaxies):
    vectors, pixels, values = galaxies
    positions, binned = PixelPositions.of(vectors, pixels, 48), PixelValues.of(values, vectors, pixels, 48)
    expected, expected_values = PositionSums.of(vectors), ValueSums.of(values, vectors)
    assert positions.n == 500
    np.testing.assert_allclose(positions.sums.first, expected.first, atol=1e-12)
    np.testing.assert_allclose(positions.sums.second, expected.second)
    assert binned.sums.total == pytest.approx(expected_values.total)
    assert binned.sums.squares == pytest.approx(expected_values.squares)
    np.testing.assert_allclose(binned.sums.vector, expected_values.vector)
    np.testing.assert_allclose(positions.mean_vectors()[3], vectors[pixels == 3].mean(axis=0))
    assert not positions.mean_vectors()[40].any()


def test_pieces_add_up(galaxies):
    vectors, pixels, values = galaxies
    whole = PixelPositions.of(vectors, pixels, 12)
    parts = PixelPositions.of(vectors[:123], pixels[:123], 12) + PixelPositions.of(vectors[123:], pixels[123:], 12)
    np.testing.assert_array_equal(parts.counts, whole.counts)
    np.testing.assert_allclose(parts.vectors, whole.vectors, atol=1e-12)
    first = PixelValues.of(values[:7], vectors[:7], pixels[:7], 12)
    second = PixelValues.of(values[7:], vectors[7:], pixels[7:], 12)
    np.testing.assert_allclose((first + second).totals, PixelValues.of(values, vectors, pixels, 12).totals)


def test_what_is_no_pixel_and_what_is_no_value_is_refused(galaxies):
    vectors, pixels, values = galaxies
    with pytest.raises(ValueError, match="between 0 and 10"):
        PixelPositions.of(vectors, pixels, 11)
    with pytest.raises(ValueError, match="missing or infinite"):
        PixelValues.of(np.where(values > 2, np.nan, values), vectors, pixels, 12)


def test_crowded_pixels_are_merged_for_random_skies_and_few_galaxies_are_not():
    random = np.random.default_rng(6)
    vectors = random.normal(size=(200_000, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pixels, labels = healpy.vec2pix(16, *vectors.T, nest=True), random.random(200_000) < 0.3
    positions, values = PixelPositions.of(vectors, pixels, 3072), PixelValues.of(labels, vectors, pixels, 3072)
    larger, summed = pixels_for_random_skies(positions, values)
    expected = PixelPositions.of(vectors, pixels // 4, 768)
    np.testing.assert_array_equal(larger.counts, expected.counts)
    np.testing.assert_allclose(larger.vectors, expected.vectors)
    np.testing.assert_array_equal(summed.totals, PixelValues.of(labels, vectors, pixels // 4, 768).totals)
    assert (larger.n, summed.sums.total) == (positions.n, values.sums.total)
    # No larger than 768 on the full sky, where 260 galaxies are in each; and on a cap none are merged.
    few = PixelPositions.of(vectors[:9000], pixels[:9000], 3072)
    assert pixels_for_random_skies(few, values)[0] is few
    cap = vectors[:, 2] > 0.9
    small = PixelPositions.of(vectors[cap], pixels[cap], 3072)
    assert pixels_for_random_skies(small, values)[0] is small
