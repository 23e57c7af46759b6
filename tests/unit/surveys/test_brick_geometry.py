"""Bricks of the Legacy Surveys by position."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.services.protocols.bricks import centre_of
from workflow_scripts.surveys.bricks.geometry import NUMBER_OF_BRICKS, SIDE_DEG, Brick, bricks_of, columns_of_row

ROWS = np.arange(721)
LAST_BELOW_360 = np.nextafter(360.0, 0.0)


def brick_at(ra: float, dec: float) -> Brick:
    return bricks_of(np.array([ra]), np.array([dec]))[0]


def number_of(ra: float, dec: float) -> int:
    """BRICKID: bricks are counted from the south pole, eastwards in each row."""
    columns = columns_of_row(ROWS)
    row = int((dec + 90 + SIDE_DEG / 2) // SIDE_DEG)
    column = round(brick_at(ra, dec).ra * columns[row] / 360 - 0.5)
    return int(columns[:row].sum()) + column + 1


def test_as_many_bricks_cover_the_sphere_as_are_published():
    assert columns_of_row(ROWS).sum() == NUMBER_OF_BRICKS == 662_174


@pytest.mark.parametrize(
    ("ra", "dec", "number"),
    [
        (0, -90, 1),
        (-1.5, -1.5, 323_162),
        (-1.5 + 1 / 3, -1.5 + 1 / 3, 324_603),
        (-0.5, -0.5, 328_926),
        (0, 0, 330_368),
        (0.5, 0.5, 333_250),
        (1.5, 1.5, 339_014),
        (123, 90, 662_174),
    ],
)
def test_bricks_have_their_published_numbers(ra, dec, number):
    assert number_of(ra, dec) == number


@pytest.mark.parametrize(
    ("ra", "dec", "name"),
    [
        (0, 0, "0001p000"),
        (12, 90, "1800p900"),
        (300, -90, "1800m900"),
        (36.25, -4.5, "0362m045"),
        (36.0, -4.75, "0359m047"),
    ],
)
def test_bricks_have_their_published_names(ra, dec, name):
    assert brick_at(ra, dec).name == name


@pytest.mark.parametrize("name", ["2447p120", "2428p117", "0421p022", "0359m045"])
def test_published_names_are_those_of_bricks(name):
    ra, dec = centre_of(name)
    assert brick_at(ra, dec) == Brick(name, pytest.approx(ra), dec)


def test_right_ascension_goes_round():
    assert brick_at(-0.1, 0.1) == brick_at(359.9, 0.1) == brick_at(719.9, 0.1)
    assert brick_at(-1e-15, 0.1) == brick_at(LAST_BELOW_360, 0.1) == brick_at(359.9, 0.1)
    assert brick_at(360.0, 0.1) == brick_at(0.0, 0.1)


def test_neighbours_touch():
    west, east = brick_at(0.2499999, 0), brick_at(0.25, 0)
    assert (west.name, east.name) == ("0001p000", "0003p000")
    south, north = brick_at(0.1, 0.1249999), brick_at(0.1, 0.125)
    assert (south.name, north.name) == ("0001p000", "0001p002")


@given(st.floats(-720, 720), st.floats(-90, 90))
def test_a_position_lies_in_its_brick(ra, dec):
    brick = brick_at(ra, dec)
    row = round((brick.dec + 90) / SIDE_DEG)
    columns = int(columns_of_row(np.array([row]))[0])
    assert abs(dec - brick.dec) <= SIDE_DEG / 2 + 1e-12
    assert abs((ra - brick.ra + 180) % 360 - 180) <= 180 / columns + 1e-9
    # No side is longer than a quarter of a degree, and every brick has a name of its own in its row.
    nearest_to_equator = max(abs(brick.dec) - SIDE_DEG / 2, 0)
    if columns > 1:
        assert columns % 2 == 0
        assert 360 / columns * np.cos(np.radians(nearest_to_equator)) <= SIDE_DEG + 1e-12


@pytest.mark.parametrize("dec", [-89.75, -60.0, -0.25, 0.0, 32.25, 84.0])
def test_names_of_a_row_differ(dec):
    columns = int(columns_of_row(np.array([round((dec + 90) / SIDE_DEG)]))[0])
    ra = (np.arange(columns) + 0.5) * 360 / columns
    assert len({brick.name for brick in bricks_of(ra, np.full(columns, dec))}) == columns
