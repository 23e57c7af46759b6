"""Every format gives the same galaxies; ids keep their digits; what is wrong with a file is one sentence."""

import gzip
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import MaskedColumn, Table

from workflow_scripts.catalogs.galaxies import read_catalog as read_any
from workflow_scripts.catalogs.readers import TableOptions
from workflow_scripts.errors import InputError

# Neighbours that float64 does not distinguish, and an id that is not known.
IDS = ["587722953303916935", "587722953303916936", None]
COLUMNS = {"source_id": "objID", "ra": "RA", "dec": "Dec", "label": "class", "magnitude": "r_mag"}


def read_catalog(path: Path, columns: dict[str, str], options: TableOptions | None = None) -> pd.DataFrame:
    return read_any(str(path), columns, options)


def write(path: Path) -> Path:
    """The same three galaxies in the format that the file's name gives."""
    ids = MaskedColumn([int(name or 0) for name in IDS], mask=[name is None for name in IDS], dtype="int64")
    labels = MaskedColumn(["spiral", "elliptical", ""], mask=[False, False, True])
    magnitude = np.array([17.25, np.nan, 15.5])
    table = Table({"objID": ids, "RA": [0.5, 180.25, 359.5], "Dec": [-90.0, 1e-7, 45.0], "class": labels})
    table["r_mag"] = magnitude
    suffix = path.name.split(".", 1)[1]
    if suffix == "parquet":
        pq.write_table(
            pa.table(
                {
                    "objID": pa.array([None if name is None else int(name) for name in IDS], pa.int64()),
                    "RA": table["RA"].data,
                    "Dec": table["Dec"].data,
                    "class": pa.array(["spiral", "elliptical", None]).dictionary_encode(),
                    "r_mag": magnitude,
                }
            ),
            path,
        )
        return path
    formats = {"csv": "ascii.csv", "ecsv": "ascii.ecsv", "fits": "fits", "vot": "votable"}
    plain = path.with_name(path.name.removesuffix(".gz"))
    table.write(plain, format=formats[suffix.removesuffix(".gz")])
    if path != plain:
        path.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    return path


@pytest.mark.parametrize(
    "name",
    ["t.csv", "t.csv.gz", "t.ecsv", "t.ecsv.gz", "t.fits", "t.fits.gz", "t.vot", "t.vot.gz", "t.parquet"],
)
def test_every_format_gives_the_same_table(tmp_path, name):
    table = read_catalog(write(tmp_path / name), COLUMNS)
    assert list(table) == ["row", *COLUMNS]
    assert table["source_id"].tolist() == IDS
    assert table["label"].tolist() == ["spiral", "elliptical", None]
    assert table["ra"].tolist() == [0.5, 180.25, 359.5]
    assert table["dec"].tolist() == [-90.0, 1e-7, 45.0]
    np.testing.assert_array_equal(table["magnitude"], [17.25, np.nan, 15.5])
    assert [str(table[name].dtype) for name in ("ra", "dec", "magnitude")] == ["float64"] * 3
    assert table.attrs["unreadable_cells"] == {}


def test_format_can_be_given_where_the_name_tells_none(tmp_path):
    path = write(tmp_path / "t.csv").rename(tmp_path / "galaxies.of_mine")
    with pytest.raises(InputError, match=r"galaxies\.of_mine: the name gives no format.*`format`"):
        read_catalog(path, COLUMNS)
    assert len(read_catalog(path, COLUMNS, TableOptions("csv"))) == 3
    with pytest.raises(InputError, match=r"format 'xlsx' is not known, expected .*csv"):
        read_catalog(path, COLUMNS, TableOptions("xlsx"))


def test_column_of_a_pandas_index_is_found(tmp_path):
    frame = pd.DataFrame({"objID": [587722953303916935], "RA": [1.0], "Dec": [2.0]}).set_index("objID")
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_catalog(tmp_path / "t.parquet", {"source_id": "objID", "ra": "RA", "dec": "Dec"})
    assert table["source_id"].tolist() == ["587722953303916935"]


def csv(tmp_path: Path, text: str) -> Path:
    (tmp_path / "galaxies.csv").write_text(text)
    return tmp_path / "galaxies.csv"


def test_spreadsheet_debris_is_counted(tmp_path):
    path = csv(tmp_path, "RA,Dec,z\n1.5,2,0.1\n,,\nmean:,2,n/a\n , 3,nothing\n4,5,-\n")
    table = read_catalog(path, {"ra": "RA", "dec": "Dec", "redshift": "z"})
    np.testing.assert_array_equal(table["ra"], [1.5, np.nan, np.nan, np.nan, 4])
    np.testing.assert_array_equal(table["redshift"], [0.1, np.nan, np.nan, np.nan, np.nan])
    assert table.attrs["unreadable_cells"] == {"ra": 1, "redshift": 3}


def test_other_columns_are_what_most_of_their_cells_are(tmp_path):
    path = csv(
        tmp_path,
        "RA,Dec,note,width,long\n1,2,good,1.5,587722953303916935\n1,2,7,?,587722953303916936\n1,2,bad,,\n",
    )
    table = read_catalog(path, {"ra": "RA", "dec": "Dec", "note": "note", "width": "width", "other_id": "long"})
    assert table["note"].tolist() == ["good", "7", "bad"]
    np.testing.assert_array_equal(table["width"], [1.5, np.nan, np.nan])
    assert table["other_id"].tolist() == ["587722953303916935", "587722953303916936", None]
    assert table.attrs["unreadable_cells"] == {"width": 1}


@pytest.mark.parametrize("damaged", ["5.87722953303917E+17", "5.877e+17", "587722953303916928.0"])
def test_ids_that_a_spreadsheet_damaged_are_refused(tmp_path, damaged):
    path = csv(tmp_path, f"objID,RA,Dec\n12,1,2\n{damaged},1,2\n")
    expected = rf"galaxies\.csv: column 'objID' \(catalogs, columns.source_id\) .* such as {re.escape(damaged)}, "
    with pytest.raises(InputError, match=expected):
        read_catalog(path, {"source_id": "objID", "ra": "RA", "dec": "Dec"})


def test_text_ids_that_look_like_numbers_stay_as_they_are(tmp_path):
    path = csv(tmp_path, "objID,RA,Dec\n12e4567,1,2\n007,1,2\n1237.55,1,2\n 42.0,1,2\n0x1F,1,2\n")
    table = read_catalog(path, {"source_id": "objID", "ra": "RA", "dec": "Dec"})
    assert table["source_id"].tolist() == ["12e4567", "007", "1237.55", "42", "0x1F"]


@pytest.mark.parametrize("value", [5.877229533039169e17, 0.5])
def test_floating_point_ids_are_refused(tmp_path, value):
    Table({"objID": [value, 1.0], "RA": [1.0, 2.0], "Dec": [1.0, 2.0]}).write(tmp_path / "t.fits")
    with pytest.raises(InputError, match=r"t\.fits: column 'objID'.*floating-point.*expected integers or text"):
        read_catalog(tmp_path / "t.fits", {"source_id": "objID", "ra": "RA", "dec": "Dec"})


def test_small_whole_floats_are_ids(tmp_path):
    Table({"objID": [12.0, np.nan], "RA": [1.0, 2.0], "Dec": [1.0, 2.0]}).write(tmp_path / "t.fits")
    table = read_catalog(tmp_path / "t.fits", {"source_id": "objID", "ra": "RA", "dec": "Dec"})
    assert table["source_id"].tolist() == ["12", None]


def test_unsigned_ids_keep_every_digit(tmp_path):
    pq.write_table(pa.table({"i": pa.array([2**63 + 1], pa.uint64()), "r": [1.0], "d": [1.0]}), tmp_path / "t.parquet")
    table = read_catalog(tmp_path / "t.parquet", {"source_id": "i", "ra": "r", "dec": "d"})
    assert table["source_id"].tolist() == [str(2**63 + 1)]


def test_missing_column_names_file_column_key_and_what_is_close(tmp_path):
    path = write(tmp_path / "t.fits")
    with pytest.raises(InputError) as caught:
        read_catalog(path, {"ra": "R", "dec": "Dec"})
    assert str(caught.value) == f"{path}: has no column 'R' (catalogs, columns.ra); did you mean 'RA'?"
    with pytest.raises(InputError, match=r"'objids' .*columns.source_id.* did you mean 'objID'"):
        read_catalog(path, COLUMNS | {"source_id": "objids"})
    with pytest.raises(InputError, match=r"it has objID, RA, Dec, class, r_mag$"):
        read_catalog(path, COLUMNS | {"redshift": "photometric"})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b""),
        ("t.csv", b"RA,Dec\n1,2,3\n"),
        ("t.csv", b"RA,Dec\n1,2\n1,2,3,4\n"),
        ("t.csv", b"RA,Dec\n\xff\xfe\x00,2\n"),
        ("t.csv.gz", gzip.compress(b"RA,Dec\n" + b"1,2\n" * 5000, mtime=0)[:-20]),
        ("t.fits", b"SIMPLE  =                    T"),
        ("t.fits", b"not a table"),
        ("t.vot", b"<VOTABLE><RESOURCE><TABLE>"),
        ("t.ecsv", b"RA Dec\n1 2\n"),
        ("t.parquet", b"PAR1 and nothing else PAR1"),
        ("t.parquet", b""),
    ],
)
def test_broken_files_are_one_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_catalog(tmp_path / name, {"ra": "RA", "dec": "Dec"})
    assert str(caught.value).startswith(f"{tmp_path / name}: expected a table in ")
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:File may have been truncated")
def test_truncated_fits_table(tmp_path):
    Table({"RA": np.arange(5000.0), "Dec": np.zeros(5000)}).write(tmp_path / "t.fits")
    whole = (tmp_path / "t.fits").read_bytes()
    (tmp_path / "t.fits").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"t\.fits: expected a table in fits"):
        read_catalog(tmp_path / "t.fits", {"ra": "RA", "dec": "Dec"})


def test_trailing_commas_and_byte_order_mark_do_no_harm(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfRA, Dec\r\n1, 2,\r\n3, 4,\r\n")
    table = read_catalog(tmp_path / "t.csv", {"ra": "RA", "dec": "Dec"})
    assert table[["ra", "dec"]].to_numpy().tolist() == [[1, 2], [3, 4]]


def test_absent_file(tmp_path):
    with pytest.raises(InputError, match=r"absent\.csv: the catalog does not exist"):
        read_catalog(tmp_path / "absent.csv", {"ra": "RA", "dec": "Dec"})


def test_columns_of_a_votable_go_by_name_not_by_xml_id(tmp_path):
    Table({"RA": [1.0], "Dec": [2.0]}).write(tmp_path / "t.vot", format="votable")
    text = (tmp_path / "t.vot").read_text()
    assert text.count('ID="RA"') == 1
    (tmp_path / "t.vot").write_text(text.replace('ID="RA"', 'ID="col1"'))
    assert read_catalog(tmp_path / "t.vot", {"ra": "RA", "dec": "Dec"})["ra"].tolist() == [1.0]


def test_column_of_arrays_is_refused_only_where_it_is_requested(tmp_path):
    Table({"RA": [1.0], "Dec": [1.0], "flux": [[1.0, 2.0]]}).write(tmp_path / "t.fits")
    assert len(read_catalog(tmp_path / "t.fits", {"ra": "RA", "dec": "Dec"})) == 1
    with pytest.raises(InputError, match=r"'flux' .*several values in a cell"):
        read_catalog(tmp_path / "t.fits", {"ra": "RA", "dec": "Dec", "magnitude": "flux"})


def test_real_spin_catalog(shared_data):
    columns = {"ra": "RA", "dec": "Dec", "redshift": "z", "label": "direction_cw_ccw"}
    table = read_catalog(shared_data / "hsc_dr3_spins" / "data_hsc.csv", columns)
    assert len(table) == 13480
    assert int(table[["ra", "dec"]].notna().all(axis=1).sum()) == 13476
