"""Positions, tiles and vectors."""

import healpy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.sky.tiles import number_of_tiles, tile_centres, tile_of
from workflow_scripts.sky.unit_vectors import right_ascension_declination, unit_vectors


@pytest.mark.parametrize("order", [0, 1, 3, 8])
def test_tiles_are_nested_healpix_pixels(order):
    random = np.random.default_rng(order)
    ra, dec = random.uniform(0, 360, 500), np.degrees(np.arcsin(random.uniform(-1, 1, 500)))
    assert np.array_equal(tile_of(ra, dec, order), healpy.ang2pix(2**order, ra, dec, nest=True, lonlat=True))
    assert number_of_tiles(order) == healpy.nside2npix(2**order)


def test_right_ascension_wraps_in_tiles():
    assert tile_of([-1.0, 359.0], [5, 5], 4)[0] == tile_of([-1.0, 359.0], [5, 5], 4)[1]
    assert tile_of(0, 30, 4) == tile_of(360, 30, 4)


def test_poles_have_tiles():
    assert set(tile_of([0, 100, 200, 300], [90] * 4, 0)) <= {0, 1, 2, 3}
    assert set(tile_of([0, 100, 200, 300], [-90] * 4, 0)) <= {8, 9, 10, 11}


def test_no_positions_have_no_tiles():
    assert tile_of([], [], 3).shape == (0,)


def test_centres_lie_in_their_tiles():
    ra, dec = tile_centres(3)
    assert np.array_equal(tile_of(ra, dec, 3), np.arange(number_of_tiles(3)))
    some = np.array([5, 700, 12])
    assert np.array_equal(np.stack(tile_centres(3, some)), np.stack([ra[some], dec[some]]))


def test_known_unit_vectors():
    expected = [[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1]]
    assert unit_vectors([0, 90, 180, 10, 200], [0, 0, 0, 90, -90]) == pytest.approx(np.array(expected), abs=1e-15)
    assert unit_vectors(30, 0).shape == (3,)


@given(ra=st.floats(0, 360, exclude_max=True), dec=st.floats(-89, 89), length=st.floats(0.01, 100))
def test_positions_survive_the_way_there_and_back(ra, dec, length):
    back_ra, back_dec = right_ascension_declination(length * unit_vectors(ra, dec))
    assert 0 <= back_ra < 360
    assert (float(back_ra) - ra + 180) % 360 - 180 == pytest.approx(0, abs=1e-9)
    assert float(back_dec) == pytest.approx(dec, abs=1e-9)


def test_direction_just_below_zero_is_not_360():
    ra, _ = right_ascension_declination([1.0, -1e-300, 0.0])
    assert ra == 0
