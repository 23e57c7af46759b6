"""Gradients across fields: found where they are, not made of clustering; few mocks."""

from functools import partial

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky import field_trend as module
from workflow_scripts.statistics.sky.dipole_amplitude import calibrated_interval
from workflow_scripts.statistics.sky.field_trend import SPENT, field_axes, field_trend
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues, PositionSums

CELLS = 64


@pytest.fixture(autouse=True)
def few_simulations(monkeypatch):
    monkeypatch.setattr(module, "_SIMULATIONS", 999)
    monkeypatch.setattr(module, "calibrated_interval", partial(calibrated_interval, simulations=100))


def field(n, width, seed, slope=0.0, clustered_deg=0.0, deviation=0.12, centre=(150.0, 2.0)):
    """Trend of a square field of `width` degrees; fractions rise to the east by `slope` a degree."""
    random = np.random.default_rng(seed)
    x, y = random.uniform(-0.5, 0.5, (2, n))
    fraction = 0.4 + slope * width * x
    if clustered_deg:
        cells = clustered_deg / width * CELLS / np.sqrt(2)
        margin = int(4 * cells)
        rough = gaussian_filter(random.standard_normal((CELLS + 2 * margin,) * 2), cells) * 2 * np.sqrt(np.pi) * cells
        cell = margin + ((np.array([y, x]) + 0.5) * CELLS).astype(int)
        fraction = np.clip(fraction + deviation * rough[tuple(cell)], 0.02, 0.98)
    labels = (random.random(n) < fraction).astype(float)
    dec = centre[1] + width * y
    ra = centre[0] + width * x / np.cos(np.radians(dec))
    vectors, pixels = unit_vectors(ra, dec), np.unique(tile_of(ra, dec, 8), return_inverse=True)[1]
    positions = PixelPositions.of(vectors, pixels, pixels.max() + 1)
    return field_trend(positions, PixelValues.of(labels, vectors, pixels, pixels.max() + 1), seed)


def test_a_gradient_is_measured_per_degree():
    found = field(20_000, 10.0, 1, slope=0.03)
    assert found.gradient == pytest.approx([0.03, 0], abs=4 * found.se)
    assert found.size == pytest.approx(0.03, abs=4 * found.se)
    assert found.position_angle_deg == pytest.approx(90, abs=12)
    assert found.se == pytest.approx(np.sqrt(0.24 / 20_000 * 12) / 10, rel=0.05)
    assert found.width_deg == pytest.approx(10, rel=0.02)
    assert found.p_galaxies < 1e-6
    assert found.p == pytest.approx(SPENT + 1 / 1000, abs=2e-3)
    assert found.interval.low * found.width_deg < 0.3 < found.limit95
    assert (found.n_parts, found.invalid) == (36, "")


def test_clustering_is_not_a_trend():
    """Issue: 20,000 galaxies, labels clustered over 1 degree; and 3,000 over 3 degrees."""
    for n, scale, often in ((20_000, 1.0, 0.6), (3000, 3.0, 0.6)):
        found = [field(n, 10.0, seed, clustered_deg=scale) for seed in range(8)]
        assert np.mean([one.p_galaxies < 0.01 for one in found]) >= often
        assert sum(one.p < 0.01 for one in found) <= stats.binom.ppf(0.999, 8, 0.01)
        assert min(one.detectable_ratio for one in found) > 1.5


def test_a_field_without_clustering_excludes_trends():
    found = [field(20_000, 10.0, seed) for seed in range(4)]
    assert all(one.p > 0.01 for one in found)
    assert max(one.limit95 for one in found) < 0.2


def test_a_field_of_one_degree_cannot_tell():
    """Clustering over 3 degrees is a gradient there."""
    found = field(20_000, 1.0, 2, slope=0.3)
    assert found.p_galaxies < 1e-6
    assert found.p is found.limit95 is None
    assert "1.00 degrees wide" in found.invalid
    few = field(60, 10.0, 2)
    assert few.p is few.limit95 is None
    assert "too few to tell a trend" in few.invalid


def test_east_and_north_also_at_a_pole():
    east, north = field_axes(PositionSums.of(unit_vectors(np.array([30.0]), np.array([0.0]))))
    np.testing.assert_allclose(east, [-0.5, np.sqrt(0.75), 0], atol=1e-12)
    np.testing.assert_allclose(north, [0, 0, 1], atol=1e-12)
    axes = field_axes(PositionSums.of(np.array([[0.0, 0, 1]])))
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-12)
    with pytest.raises(ValueError, match="not a field"):
        field_axes(PositionSums.of(np.array([[0.0, 0, 1], [0, 0, -1]])))
