"""What is wrong with a catalog is reported in one sentence; units are converted; columns are guessed."""

import numpy as np
import pytest
from astropy import units
from astropy.table import Table

from tests.unit.audits.audited import galaxies, message
from workflow_scripts.audits.suite import HYGIENE
from workflow_scripts.audits.table_pieces import AuditColumns, TableSource


@pytest.fixture
def catalog(tmp_path):
    def write(**columns):
        table = galaxies(60).assign(**columns)
        table.to_csv(tmp_path / "c.csv", index=False)
        return tmp_path / "c.csv", tmp_path / "out"

    return write


@pytest.mark.parametrize(
    ("columns", "options", "expected"),
    [
        ({}, ["--label", "lable"], "has no column 'lable' (--label); did you mean 'label'?"),
        ({}, ["--ra", "alpha"], "has no column 'alpha' (--ra)"),
        ({"DEJ2000": 1.0}, [], "2 columns could be the dec: 'dec', 'DEJ2000'; name one with --dec"),
        ({}, ["--positive", "ring"], "has no class 'ring' (--positive), expected one of elliptical"),
        ({"label": ["a", "b", "c"] * 20}, [], "has 3 classes (a 20, b 20, c 20), expected two, or the meaning of each"),
        ({"label": "a"}, [], "has one class only (a), expected two classes or more"),
        ({"label": None}, [], "has no label, expected two classes or more"),
        ({"ra": "north"}, [], "column 'ra' (--ra) holds text such as 'north', expected degrees as numbers"),
        ({"ra": np.nan}, [], "none of 60 rows has a usable position"),
        ({}, ["--covariates", "label"], "column 'label' (--covariates) holds text such as"),
        ({"score": 7.0}, ["--reference", "second", "--score", "score"], "(--score) has 7, expected 0 to 1"),
        ({"score": 7.0}, ["--score", "score"], "(--score) has 7, expected 0 to 1"),
        ({}, ["--label", "label", "label"], "column 'label' was given for two things"),
        ({}, ["--alpha", "2"], "--alpha is 2.0, expected between 0 and 1"),
        ({}, ["--effect", "0"], "--effect is 0.0, expected between 0 and 1"),
        ({}, ["--compare", "none.csv"], "none.csv: the catalog does not exist"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_one_sentence(catalog, columns, options, expected):
    path, output = catalog(**columns)
    if "--label" not in options:
        options = [*options, "--label", "label"]
    assert expected in message(path, output, *options)


@pytest.mark.parametrize("name", ["c.fits", "c.ecsv", "c.vot", "c.parquet", "c.csv"])
def test_unreadable_files(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x89\x00nothing")
    assert name in message(tmp_path / name, tmp_path / "out")


def test_missing_file_and_unknown_format(tmp_path):
    assert "does not exist" in message(tmp_path / "c.csv", tmp_path / "out")
    (tmp_path / "c.dat").write_text("x")
    assert "no column" in message(tmp_path / "c.dat", tmp_path / "out")


@pytest.mark.parametrize("name", ["c.ecsv", "c.vot", "c.fits", "c.parquet"])
def test_units_of_the_header(tmp_path, name):
    table = Table.from_pandas(galaxies(50)[["ra", "dec", "label"]])
    ra, dec = np.array(table["ra"]), np.array(table["dec"])
    table["ra"], table["dec"] = ra / 15 * units.hourangle, np.radians(dec) * units.rad
    kind = {"format": "votable"} if name.endswith("vot") else {}
    # FITS has no unit for an hour of angle.
    if name.endswith("fits"):
        table["ra"] = ra * 60 * units.arcmin
    table.write(tmp_path / name, **kind)
    (piece,) = source(tmp_path / name).pieces()
    np.testing.assert_allclose(piece["ra"], ra, rtol=1e-12)
    np.testing.assert_allclose(piece["dec"], dec, rtol=1e-12)
    table["ra"] = ra * units.kg
    table.write(tmp_path / name, overwrite=True, **kind)
    assert "column 'ra' (--ra) is in kg, expected degrees" in message(tmp_path / name, tmp_path / "out")


def test_units_in_the_names_of_a_csv(tmp_path):
    table = galaxies(50)
    table.assign(ra=np.radians(table["ra"])).rename(columns={"ra": "RA [rad]"}).to_csv(tmp_path / "c.csv", index=False)
    (piece,) = source(tmp_path / "c.csv").pieces()
    np.testing.assert_allclose(piece["ra"], table["ra"], rtol=1e-12)


def source(path):
    return TableSource.of(str(path), AuditColumns(("label",)), HYGIENE)
