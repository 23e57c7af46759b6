"""Positions in parts (`RAh RAm RAs DE- DEd DEm DEs`) are the same in every format, and tables between bars are read."""

import numpy as np
import pytest
from astropy.io.votable import from_table
from astropy.table import MaskedColumn, Table

from workflow_scripts.catalogs.galaxies import read_catalog
from workflow_scripts.errors import InputError

DEGREES = [[0.0, -0.5], [180 + 15 * (1 / 60 + 2.25 / 3600), 30 + 2 / 60 + 4.5 / 3600], [np.nan, 10.0]]


def parts() -> Table:
    """-0.5 degrees, whose sign an integer of degrees loses, and a right ascension that is not known."""
    table = Table({"name": ["a", "b", "c"]})
    table["RAh"] = MaskedColumn([0, 12, 0], mask=[False, False, True], dtype="int16")
    table["RAm"] = MaskedColumn([0, 1, 0], mask=[False, False, True], dtype="int16")
    table["RAs"] = MaskedColumn([0.0, 2.25, 0], mask=[False, False, True], dtype="float32")
    table["DE-"] = ["-", "+", "+"]
    table["DEd"], table["DEm"] = np.array([0, 30, 10], "int16"), np.array([30, 2, 0], "int16")
    table["DEs"] = [0.0, 4.5, 0.0]
    return table


@pytest.mark.parametrize("name", ["t.fits", "t.vot", "t.csv", "t.ecsv", "t.parquet"])
def test_parts_are_joined(tmp_path, name):
    table, formats = parts(), {"vot": "votable", "csv": "ascii.csv", "ecsv": "ascii.ecsv"}
    suffix = name.removeprefix("t.")
    table.write(tmp_path / name, format=formats.get(suffix, suffix))
    read = read_catalog(str(tmp_path / name), {"source_id": "name"})
    np.testing.assert_allclose(read[["ra", "dec"]], DEGREES, atol=1e-9)


def test_a_position_beside_its_parts_is_taken(tmp_path):
    table = parts()
    table["RAJ2000"], table["DEJ2000"] = [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]
    votable = from_table(table)
    for field in votable.get_first_table().fields[1:4]:
        field.ucd = "pos.eq.ra"
    votable.to_xml(str(tmp_path / "t.vot"))
    assert read_catalog(str(tmp_path / "t.vot"), {})["ra"].tolist() == [1.0, 2.0, 3.0]


def test_parts_without_a_sign_are_no_position(tmp_path):
    table = parts()
    table.remove_column("DE-")
    table.write(tmp_path / "t.csv", format="ascii.csv")
    with pytest.raises(InputError, match="no column looks like the ra"):
        read_catalog(str(tmp_path / "t.csv"), {})


ROWS = ["NGC 1", "NGC 2", "NGC 3", "NGC 4", "NGC 5"]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (["|name|ra|dec|"], "|{}|{}|{}|"),
        (["name|ra|dec|"], "{}|{}|{}|"),
        (["name|ra|dec"], "{}|{}|{}|"),
        (["# query", "", "name |ra    |dec   "], "{} |{}   |{}   "),
        (["| name | ra | dec |", "|---|---:|:---:|"], "| {} | {} | {} |"),
        ([" name | ra  | dec ", "------+-----+-----"], " {} | {} | {}"),
    ],
)
def test_tables_between_bars(tmp_path, header, row):
    rows = [row.format(name, 10.5 + number, -5.25 * number) for number, name in enumerate(ROWS)]
    (tmp_path / "t.txt").write_text("\n".join([*header, *rows]) + "\n")
    read = read_catalog(str(tmp_path / "t.txt"), {"source_id": "name"})
    assert read["source_id"].tolist() == ROWS
    assert read["ra"].tolist() == [10.5, 11.5, 12.5, 13.5, 14.5]
    assert read["dec"].tolist() == [0.0, -5.25, -10.5, -15.75, -21.0]


def test_two_letters_together_are_galactic_coordinates(tmp_path):
    (tmp_path / "t.csv").write_text("l,b\n0,0\n0,90\n")
    read = read_catalog(str(tmp_path / "t.csv"), {})
    np.testing.assert_allclose(read[["ra", "dec"]], [[266.405, -28.93617], [192.85948, 27.12825]], atol=1e-4)
    (tmp_path / "t.csv").write_text("l,beta\n0,0\n")
    with pytest.raises(InputError, match="no column looks like the ra"):
        read_catalog(str(tmp_path / "t.csv"), {})
