"""Columns are found by name in any case, and guessed from UCDs and common names."""

import pytest

from workflow_scripts.catalogs.columns import find_column, guess_column, is_galactic
from workflow_scripts.catalogs.table_formats.table_file import Column
from workflow_scripts.errors import InputError

HEADER = [
    Column("ra", "deg"),
    Column("a", "deg", "pos.eq.ra;meta.main"),
    Column("b", "deg", "pos.eq.ra"),
    Column("e_a", "mas", "stat.error;pos.eq.ra"),
    Column("d", "deg", "pos.eq.dec;meta.main"),
    Column("Class"),
]


def test_columns_are_guessed_by_ucd_before_name():
    guessed = [guess_column(HEADER, "c.vot", part, f"--{part}").name for part in ("ra", "dec", "label")]
    assert guessed == ["a", "d", "Class"]
    with pytest.raises(InputError, match="no column looks like the label, name it with --label"):
        guess_column(HEADER[:-1], "c.vot", "label", "--label")


def test_columns_are_found_in_any_case_where_one_has_the_name():
    assert find_column(HEADER, "c.vot", "RA", "--ra").name == "ra"
    with pytest.raises(InputError, match=r"2 columns could be 'ra' \(--ra\): 'RA', 'Ra'; expected one"):
        find_column([Column("RA"), Column("Ra"), *HEADER[1:]], "c.vot", "ra", "--ra")
    with pytest.raises(InputError, match=r"2 columns could be 'a' \(--label\): 'a', 'a'; expected one"):
        find_column([Column("a"), *HEADER], "c.vot", "a", "--label")


@pytest.mark.parametrize(
    ("longitude", "latitude", "expected"),
    [("GLON", "GLAT", True), ("l", "b", True), ("x", "y", False), ("ra", "dec", False), ("l", "dec", False)],
)
def test_galactic_coordinates_are_known_by_name(longitude, latitude, expected):
    assert is_galactic(Column(longitude), Column(latitude)) is expected


def test_galactic_coordinates_are_guessed_where_there_are_no_others():
    header = [Column("gal_lon", "deg", "pos.galactic.lon;meta.main"), Column("GLAT", "deg"), Column("z")]
    assert [guess_column(header, "c.vot", part, part).name for part in ("ra", "dec")] == ["gal_lon", "GLAT"]
