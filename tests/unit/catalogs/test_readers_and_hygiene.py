"""Tables of any format in, clean catalogs out."""

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from workflow_scripts.catalogs.hygiene import PROBLEMS, clean, repeated_galaxies
from workflow_scripts.catalogs.readers import read_table
from workflow_scripts.errors import InputError
from workflow_scripts.make_catalog import make_catalog

COLUMNS = {"source_id": "objid", "ra": "RA", "dec": "Dec", "label": "kind", "magnitude": "mag"}
# 19 digits: as a double, the last ones would be lost.
IDS = [1237648720142401537, 1237648720142401538, 1237648720142401539]
SETTINGS = {
    "radius_arcsec": 2.0,
    "sentinels": [-9999.0],
    "on_problem": dict.fromkeys(PROBLEMS, "drop"),
}
ENTRY = {
    "source": "file",
    "columns": COLUMNS,
    "classes": ["elliptical", "spiral"],
    "label_values": {"E": "elliptical", "S": "spiral"},
    "hygiene": SETTINGS,
    "split": {"annotation_fraction": 0.5, "salt": "x"},
    "sample": None,
}


@pytest.fixture
def table():
    kinds = ["E", "S", "?"]
    return Table(
        {"objid": IDS, "RA": [10.0, 20.0, 359.9], "Dec": [1.0, -2.0, 89.0], "kind": kinds, "mag": [17.0, 16.0, -9999.0]}
    )


@pytest.mark.parametrize(
    ("name", "file_format"),
    [
        ("galaxies.csv", "ascii.csv"),
        ("galaxies.csv.gz", "ascii.csv"),
        ("galaxies.ecsv", "ascii.ecsv"),
        ("galaxies.fits", "fits"),
        ("galaxies.fits.gz", "fits"),
        ("galaxies.vot", "votable"),
        ("galaxies.parquet", "parquet"),
    ],
)
def test_every_format_gives_the_same_galaxies_with_all_digits(table, tmp_path, name, file_format):
    path = tmp_path / name
    if file_format == "parquet":
        table.to_pandas().to_parquet(path)
    elif name == "galaxies.csv.gz":
        table.to_pandas().to_csv(path, index=False)
    else:
        table.write(path, format=file_format)
    galaxies = read_table(path, COLUMNS)
    assert galaxies["source_id"].tolist() == [str(number) for number in IDS]
    assert galaxies["label"].tolist() == ["E", "S", "?"]
    np.testing.assert_array_equal(galaxies["ra"], [10.0, 20.0, 359.9])
    catalog, report = make_catalog(ENTRY, str(path))
    assert catalog.set_index("source_id").loc[str(IDS[1]), "label"] == 1
    assert catalog["label"].isna().sum() == 1
    assert catalog["magnitude"].isna().sum() == 1
    assert report["labels"] == {"unknown_values": {"?": 1}, "without_label": 1}


def test_ids_beside_an_empty_cell_keep_their_digits(tmp_path):
    path = tmp_path / "galaxies.csv"
    path.write_text(f"objid,RA,Dec\n{IDS[0]},1,2\n,3,4\n")
    ids = read_table(path, {"source_id": "objid", "ra": "RA", "dec": "Dec"})["source_id"]
    assert ids.tolist() == [str(IDS[0]), None]


def test_ids_that_lost_digits_are_refused(table, tmp_path):
    table["objid"] = table["objid"].astype(float)
    table.write(tmp_path / "galaxies.fits")
    with pytest.raises(InputError, match=r"galaxies\.fits: column 'objid' holds floating-point"):
        read_table(tmp_path / "galaxies.fits", COLUMNS)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (
            "a.csv",
            "objid,RA,Declination,kind,mag\n1,2,3,E,4\n",
            r"a\.csv: has no column 'Dec' \(catalogs, columns\.dec\)",
        ),
        ("a.csv", "objid,Ra,Dec,kind,mag\n1,2,3,E,4\n", r"did you mean 'Ra'\?"),
        ("a.fits", "no table", r"a\.fits: expected a table in fits"),
        ("a.txt", "x", r"a\.txt: the name tells no format"),
        ("a.parquet", "x", r"a\.parquet: expected a table in parquet"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path, name, content, sentence):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=sentence):
        read_table(tmp_path / name, COLUMNS)


def dirty():
    return pd.DataFrame(
        {
            "source_id": ["a", "b", "c", "d", "e", "e", "f", None, "g", "h"],
            "ra": [10.0, np.nan, 361.0, -9999.0, 20.0, 21.0, 10.0, 40.0, 359.9999, 0.0],
            "dec": [5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0 + 1.0 / 3600, 5.0, 0.0, 0.0],
            "magnitude": [17.0] * 9 + [-9999.0],
        }
    )


def test_each_problem_is_counted_and_dropped():
    galaxies, report = clean(dirty(), SETTINGS, "x.csv")
    assert galaxies["source_id"].tolist() == ["a", "e", "g"]
    assert {name: problem["rows"] for name, problem in report["problems"].items()} == {
        "sentinel": 1,
        "non_finite_position": 1,
        "position_out_of_range": 1,
        "missing_id": 1,
        "repeated_id": 1,
        "repeated_galaxy": 2,  # f beside a, and h beside g across right ascension 0
    }
    assert (report["rows_in"], report["rows_out"]) == (10, 3)
    assert report["sentinels_in_covariates"] == {"magnitude": 1}


def test_which_entry_is_kept_does_not_depend_on_the_order_of_rows():
    first, _ = clean(dirty(), SETTINGS, "x.csv")
    second, _ = clean(dirty().iloc[::-1], SETTINGS, "x.csv")
    pd.testing.assert_frame_equal(first.reset_index(drop=True), second.reset_index(drop=True))


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_problem_can_be_fatal(problem):
    settings = {**SETTINGS, "on_problem": {**SETTINGS["on_problem"], problem: "fatal"}}
    with pytest.raises(InputError, match=rf"x\.csv: \d rows with {problem.replace('_', ' ')}"):
        clean(dirty(), settings, "x.csv")


def test_nothing_left_is_an_error():
    with pytest.raises(InputError, match="none of 1 rows is left"):
        clean(dirty().iloc[[1]], SETTINGS, "x.csv")


def test_a_chain_of_close_galaxies_keeps_every_second_one():
    dec = pd.Series(np.arange(5) * 1.5 / 3600)
    assert repeated_galaxies(pd.Series(np.zeros(5)), dec, 2.0).tolist() == [False, True, False, True, False]


def test_real_spin_catalog_with_spreadsheet_debris(shared_data):
    columns = {"ra": "RA", "dec": "Dec", "label": "direction_cw_ccw"}
    entry = {**ENTRY, "columns": columns, "label_values": {"1": "spiral", "-1": "elliptical", "1.0": "spiral"}}
    catalog, report = make_catalog(
        {**entry, "hygiene": {**SETTINGS, "radius_arcsec": 0}}, str(shared_data / "hsc_dr3_spins" / "data_hsc.csv")
    )
    assert len(catalog) == 13_476
    assert report["problems"]["non_finite_position"]["rows"] == report["rows_in"] - 13_476
