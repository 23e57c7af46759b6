"""Mock catalogs for audits: what is put into them is in their sums."""

import numpy as np
import pytest

from tests.benchmarks.mock_catalogs import REGIONS, MockCatalog, Trend
from workflow_scripts.audits.catalog_sums import FIT_PIXELS
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.dipole import dipole

NORTH = unit_vectors(0, 90)


def fraction_of(sums):
    return sums.annotations[0].labels.sums.total / sums.n


@pytest.fixture(scope="module")
def whole_sky():
    return MockCatalog.drawn(REGIONS["full_sky"], 5_000, np.random.default_rng(0))


@pytest.mark.parametrize("name", REGIONS)
def test_galaxies_are_in_their_region(name):
    region = REGIONS[name]
    ra, dec = region.positions(2000, np.random.default_rng(1))
    assert ((ra - region.west) % 360 <= region.east - region.west).all()
    assert region.south <= dec.min() < dec.max() <= region.north
    assert ((ra >= 0) & (ra < 360)).all()


@pytest.mark.parametrize("clustered_deg", [0, 3])
@pytest.mark.parametrize("fraction", [0.02, 0.4])
def test_dipole_and_fraction_are_as_requested_with_clustering_and_without(whole_sky, fraction, clustered_deg):
    trend = Trend(0.8 * min(fraction, 1 - fraction), NORTH)
    skies = [whole_sky.sums(fraction, trend, clustered_deg, np.random.default_rng([seed, 5])) for seed in range(16)]
    assert np.mean([fraction_of(sums) for sums in skies]) == pytest.approx(fraction, rel=0.09)
    found = np.mean([dipole(sums.positions.sums, sums.annotations[0].labels.sums).beta for sums in skies], axis=0)
    # The error of a component is sqrt(3 f (1 - f)/(16 n)), and twice that with this clustering.
    error = np.sqrt(3 * fraction * (1 - fraction) / (16 * 5_000)) * (2 if clustered_deg else 1)
    np.testing.assert_allclose(found, trend.size * NORTH, atol=4 * error)


def test_a_change_across_a_field_is_that_from_side_to_side():
    field = MockCatalog.drawn(REGIONS["field_10_deg"], 100_000, np.random.default_rng(2))
    sums = field.sums(0.4, Trend(0.2, NORTH, across=True), 0, np.random.default_rng(3))
    north = np.bincount(field.places.fine_pixels, field.dec > np.median(field.dec), minlength=FIT_PIXELS) > 0
    labels, counts = sums.annotations[0].fine_positives, sums.fine_positions.counts
    # The middles of the halves are half of the field apart; cells of 0.2 degrees on the line between them are a few.
    south_to_north = labels[north].sum() / counts[north].sum() - labels[~north].sum() / counts[~north].sum()
    assert south_to_north == pytest.approx(0.1, abs=0.012)


def test_neighbours_are_alike_over_the_length_of_clustering(whole_sky):
    random = np.random.default_rng(4)
    fields = np.array([whole_sky._field(3.0, random) for _ in range(50)])
    assert fields.std() == pytest.approx(0.5, rel=0.05)
    distance = np.degrees(np.arccos(np.clip(whole_sky.places.vectors[:200] @ whole_sky.places.vectors.T, -1, 1)))
    for low, high in ((2.5, 3.5), (7.5, 8.5)):
        first, second = np.nonzero((distance > low) & (distance < high))
        expected = np.exp(-(distance[first, second] ** 2) / 18).mean()
        assert (fields[:, first] * fields[:, second]).mean() / 0.25 == pytest.approx(expected, abs=0.06)


def test_the_largest_trend_is_possible_and_a_larger_one_is_refused(whole_sky):
    trend = Trend(0.0, NORTH)
    size = whole_sky.largest_size(0.1, trend)
    whole_sky.sums(0.1, Trend(size, NORTH), 0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="leaves 0 to 1"):
        whole_sky.sums(0.1, Trend(1.02 * size, NORTH), 0, np.random.default_rng(0))
