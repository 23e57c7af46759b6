"""Sums over pixels are the sums over galaxies, whatever the pieces a catalog is read in."""

import numpy as np
import pytest

from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues, PositionSums, ValueSums


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
