"""Columns are found by name in any case, and guessed from UCDs and common names."""

import numpy as np
import pytest

from tests.unit.catalogs.written_columns import ALL, write
from workflow_scripts.catalogs.columns import find_column, guess_column, is_galactic
from workflow_scripts.catalogs.galaxies import read_catalog
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


RA, DEC = np.array([31.5, 150.25, 300.125]), np.array([-20.5, 30.25, 45.125])
LABELS, OTHERS = np.array(["a", "b", "c"]), np.array(["x", "y", "z"])
ODD = [
    *("a,b", 'say "x"', "two words", "a.b", "a.mask", "RA.", "class;x", "'q'", "a|b", "[x]", "c(1)", "$x", "0", "None"),
    *('a"', "&lt;", "#class", "klasse é", "星", " class", "class "),
]


def read(path, **roles):
    """Positions and labels of a table."""
    return read_catalog(path, {"ra": "RA", "dec": "Dec", **roles})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    # FITS has no place for other characters than those of ASCII.
    ("name", "odd"),
    [(name, odd) for name in ALL for odd in ODD if odd.isascii() or name != "t.fits"],
)
def test_a_column_of_any_name_is_read(tmp_path, name, odd):
    for names, columns in (
        (["RA", "Dec", odd, "other"], [RA, DEC, LABELS, OTHERS]),
        ([odd, "RA", "Dec", "other"], [LABELS, RA, DEC, OTHERS]),
    ):
        path = write(tmp_path, name, names, columns)
        if odd == names[0] == "#class" and name in ("t.csv", "t.ecsv"):
            # The whole line is a comment then.
            with pytest.raises(InputError, match="#class"):
                read(path, label=odd)
            continue
        table = read(path, label=odd)
        assert table["label"].tolist() == LABELS.tolist()
        assert (table["ra"].tolist(), table["dec"].tolist()) == (RA.tolist(), DEC.tolist())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ALL)
def test_a_name_that_stands_twice_is_refused_where_it_is_used(tmp_path, name):
    path = write(tmp_path, name, ["n", "RA", "class", "Dec", "n", "n (5)"], [OTHERS, RA, LABELS, DEC, OTHERS, OTHERS])
    for role in ("class", "n (5)"):
        assert read(path, label=role)["label"].tolist() == (LABELS if role == "class" else OTHERS).tolist()
    with pytest.raises(InputError, match=r"2 columns could be 'n' \(catalogs, columns.label\): 'n', 'n'; expected one"):
        read(path, label="n")
    path = write(tmp_path, name, ["RA", "Dec", "RA"], [RA, DEC, RA + 5])
    with pytest.raises(InputError, match=r"2 columns could be 'RA' \(catalogs, columns.ra\): 'RA', 'RA'; expected one"):
        read(path)
    with pytest.raises(InputError, match=r"2 columns could be the ra: 'RA', 'RA'; name one with catalogs, columns.ra"):
        read_catalog(path, {"dec": "Dec"})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ALL)
def test_names_that_differ_in_their_case_only(tmp_path, name):
    names, columns = ["ra", "Dec", "CLASS", "RA", "class"], [RA + 5, DEC, OTHERS, RA, LABELS]
    path = write(tmp_path, name, names, columns)
    table = read(path, label="class")
    assert (table["ra"].tolist(), table["label"].tolist()) == (RA.tolist(), LABELS.tolist())
    assert read(path, ra="ra", label="CLASS")["label"].tolist() == OTHERS.tolist()
    for roles in ({"ra": "Ra"}, {"label": "Class"}):
        with pytest.raises(InputError, match=r"2 columns could be '(Ra|Class)' .*: '(ra|CLASS)', '(RA|class)'"):
            read(path, **roles)
    with pytest.raises(InputError, match=r"2 columns could be the ra: 'ra', 'RA'; name one with catalogs, columns.ra"):
        read_catalog(path, {"dec": "Dec"})
