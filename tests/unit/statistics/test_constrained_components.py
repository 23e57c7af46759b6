"""Which components of a dipole a sky constrains, and that tests of these alone keep their size."""

import numpy as np
import pytest
from scipy import stats

from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.sky.constrained_components import (
    FIELD,
    SKY,
    STRIP,
    constrained_components,
    constrained_dipole,
    constrained_of_fraction,
    constrained_vector,
    largest_dipole,
)
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.nulls import dipole_score_test
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues, PositionSums, ValueSums


def spread(n: int, ra: tuple[float, float], dec: tuple[float, float], seed: int = 1):
    """Unit vectors evenly over a range of right ascension and declination."""
    random = np.random.default_rng(seed)
    low, high = np.sin(np.radians(dec))
    return unit_vectors(random.uniform(*ra, n) % 360, np.degrees(np.arcsin(random.uniform(low, high, n))))


@pytest.mark.parametrize(
    ("n", "ra", "dec", "fraction", "kind", "words"),
    [
        (3000, (0, 360), (-90, 90), 0.4, SKY, ()),
        (3000, (0, 360), (-10, 90), 0.1, SKY, ()),
        (20_000, (120, 250), (0, 60), 0.4, SKY, ()),
        (40_000, (0, 360), (-1.25, 1.25), 0.4, STRIP, ("declination",)),
        (10**6, (-60, 60), (-1.25, 1.25), 0.4, STRIP, ("declination",)),
        (20_000, (0, 360), (65, 90), 0.4, STRIP, ("declination",)),
        (20_000, (155, 205), (-25, 25), 0.4, STRIP, ("the direction of the footprint's centre",)),
        (20_000, (150, 160), (-5, 5), 0.4, FIELD, ()),
        (10**6, (150, 151), (30, 31), 0.4, FIELD, ()),
    ],
)
def test_the_kinds_of_skies(n, ra, dec, fraction, kind, words):
    found = constrained_components(
        PositionSums.of(spread(n, ra, dec)), fraction * (1 - fraction), min(fraction, 1 - fraction)
    )
    assert (found.kind, found.unconstrained, found.invalid) == (kind, words, "")
    assert found.constrained.sum() == {SKY: 3, STRIP: 3 - len(words), FIELD: 0}[kind]
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(3), atol=1e-12)
    assert np.all(np.diff(found.se) >= 0)


def test_rare_classes_constrain_less_and_too_few_galaxies_nothing():
    cap = PositionSums.of(spread(3000, (120, 250), (0, 60)))
    assert constrained_components(cap, 0.24, 0.4).kind == SKY
    assert constrained_components(cap, 0.0396, 0.04).kind == STRIP
    few = constrained_components(PositionSums.of(spread(300, (0, 360), (-90, 90))), 0.0196, 0.02)
    assert few.kind == SKY
    assert "too few" in few.invalid
    for broken in ((0.0, 0.4), (0.24, 0.0)):
        with pytest.raises(ValueError, match="the same"):
            constrained_components(cap, *broken)
    with pytest.raises(ValueError, match="too few"):
        constrained_components(PositionSums.of(np.eye(3)), 0.2, 0.4)


def test_standard_errors_are_those_of_the_dipole():
    vectors = spread(5000, (0, 200), (-30, 50))
    positions = PositionSums.of(vectors)
    found = constrained_components(positions, 0.24, 0.4)
    expected = 0.24 * np.linalg.inv(positions.centred)
    np.testing.assert_allclose(found.axes @ expected @ found.axes.T, np.diag(found.se**2), atol=1e-12)
    np.testing.assert_allclose(found.lifted(np.diag(found.se[found.constrained] ** 2)), expected, atol=1e-12)
    axis = np.array([0.6, 0.0, 0.8])
    full_sky = np.sqrt(3 * 0.24 / 5000)
    assert found.inflation_along(axis) == pytest.approx(np.sqrt(axis @ expected @ axis) / full_sky)


def test_a_strip_answers_for_what_it_constrains_and_keeps_its_size():
    """0.05 sin RA on 2.5 degrees of declination: two components near the truth, where three give 0.2 towards a pole."""
    vectors = spread(40_000, (0, 360), (-1.25, 1.25))
    sums, random = PositionSums.of(vectors), np.random.default_rng(3)
    sky = constrained_components(sums, 0.24, 0.4)
    pixels = np.arange(len(vectors)) % 5000
    positions = PixelPositions.of(vectors, pixels, 5000).along(sky.kept)
    labels = (random.random(len(vectors)) < 0.4 + 0.05 * vectors[:, 1]).astype(float)
    values = PixelValues.of(labels, vectors, pixels, 5000)
    found = dipole(positions.sums, values.along(sky.kept).sums)
    beta = found.beta @ sky.kept
    assert np.linalg.norm(beta) == pytest.approx(0.05, abs=0.012)
    assert beta[1] == pytest.approx(0.05, abs=0.012)
    assert found.p == pytest.approx(stats.chi2.sf(found.q, 2))
    p = []
    for seed in range(150):
        labels = (random.random(len(vectors)) < 0.4).astype(float)
        p.append(dipole(positions.sums, PixelValues.of(labels, vectors, pixels, 5000).along(sky.kept).sums).p)
        if not seed:
            tested = dipole_score_test(positions, PixelValues.of(labels, vectors, pixels, 5000).along(sky.kept), 99, 1)
            assert tested.p == p[0]
            assert tested.null.mean() == pytest.approx(2, abs=0.8)
    assert stats.kstest(p, "uniform").pvalue > 1e-3


def test_a_fixed_axis_is_measured_only_where_its_components_are():
    north, centre = np.array([0.0, 0.0, 1.0]), unit_vectors(180.0, 0.0)
    strip = constrained_components(PositionSums.of(spread(40_000, (0, 360), (-1.25, 1.25))), 0.24, 0.4)
    assert (strip.holds(north), strip.holds(centre), strip.holds(unit_vectors(0.0, 60.0))) == (False, True, False)
    # A patch 50 degrees wide leaves its centre open, and measures north; turned to Dec 45, it measures neither.
    patch = spread(20_000, (155, 205), (-25, 25))
    upright = constrained_components(PositionSums.of(patch), 0.24, 0.4)
    assert (upright.holds(north), upright.holds(centre)) == (True, False)
    turn = np.array([[1, 0, -1], [0, np.sqrt(2), 0], [1, 0, 1]]) / np.sqrt(2)
    turned = constrained_components(PositionSums.of(patch @ turn.T), 0.24, 0.4)
    assert turned.kind == STRIP
    assert not turned.holds(north)
    whole = constrained_components(PositionSums.of(spread(3000, (0, 360), (-90, 90))), 0.24, 0.4)
    assert all(whole.holds(axis) for axis in (north, centre))
    # Errors along axes are those of the inverse of the positions' matrix.
    covariance = whole.axes.T @ np.diag(whole.se**2) @ whole.axes
    assert whole.se_along(centre) == pytest.approx(np.sqrt(centre @ covariance @ centre))


def test_a_dipole_of_what_a_strip_constrains_lies_along_it_and_needs_no_width():
    random = np.random.default_rng(0)
    for half_width in (1.25, 0.0):
        vectors = spread(4000, (-50, 60), (-half_width, half_width))
        sums, labels = PositionSums.of(vectors), (random.random(4000) < 0.4).astype(float)
        sky = constrained_of_fraction(sums, 0.4)
        found = constrained_dipole(sums, ValueSums.of(labels, vectors), sky)
        assert abs(found.beta[2]) < 1e-3
        assert np.linalg.matrix_rank(found.covariance, tol=1e-9) == 2
        assert found.p == pytest.approx(stats.chi2.sf(found.q, 2))
        if half_width:
            whole = dipole(sums, ValueSums.of(labels, vectors))
            part = constrained_vector(whole, sky)
            np.testing.assert_allclose(part.beta, found.beta, atol=1e-10)
            np.testing.assert_allclose(part.covariance, found.covariance, atol=1e-12)
            assert part.p == pytest.approx(found.p)


def test_nothing_of_a_field_is_a_dipole():
    vectors = spread(4000, (150, 155), (-2.5, 2.5))
    sums = PositionSums.of(vectors)
    with pytest.raises(ValueError, match="in a field too small for a dipole"):
        constrained_dipole(sums, ValueSums.of(np.arange(4000) % 2, vectors), constrained_of_fraction(sums, 0.5))


@pytest.mark.parametrize(("ra", "dec"), [((0, 360), (-90, 90)), ((0, 360), (0, 90)), ((120, 250), (0, 60))])
@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5, 0.8])
def test_the_largest_dipole_is_that_of_a_whole_sky_of_fractions(ra, dec, fraction):
    vectors = spread(20_000, ra, dec)
    positions, mean = PositionSums.of(vectors), vectors.mean(axis=0)
    # The mean of the whole sky must leave room for the amplitude on either side, along any axis.
    along = spread(20_000, (0, 360), (-90, 90), seed=2) @ mean
    room = np.minimum(fraction / (1 + along), (1 - fraction) / (1 - along))
    largest = largest_dipole(min(fraction, 1 - fraction), positions, 0.1)
    assert largest == pytest.approx(room.max(), rel=0.02)


@pytest.mark.parametrize(("ra", "dec"), [((0, 360), (-90, 90)), ((0, 360), (-20, 90)), ((120, 250), (0, 60))])
def test_no_difference_has_a_larger_dipole_than_its_share_allows(ra, dec):
    vectors = spread(20_000, ra, dec)
    positions, spreads = PositionSums.of(vectors), np.linalg.eigvalsh(np.cov(vectors.T))
    random = np.random.default_rng(3)
    for _ in range(200):
        beta, level = random.normal(size=3), random.uniform(-0.5, 0.5)
        beta *= random.uniform(0, 1 - abs(level)) / np.linalg.norm(beta)
        values = level + vectors @ beta
        # As few galaxies differ as there can.
        share = np.abs(values).mean()
        assert np.linalg.norm(beta) <= largest_dipole(share, positions, float(spreads[0]), values.mean()) * (1 + 1e-9)
    whole = largest_dipole(0.04, PositionSums.of(spread(20_000, (0, 360), (-90, 90))), 1 / 3, 0.0)
    # 2 times the share where all differ along it: the bound is looser by half.
    assert 0.08 < whole < 0.13
