"""Every format gives the same galaxies; ids keep their digits; what is wrong with a file is one sentence."""

import gzip
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
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
    with pytest.raises(
        InputError, match=r"galaxies\.of_mine: neither its content nor its name is that of a table.*`format`"
    ):
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


PADDED = ["spiral\0\0", "spiral  ", "", "\0", " ", "elliptical"]
PLAIN = ["spiral", "spiral", None, None, None, "elliptical"]


def texts(path: Path, cells: list[str], kind: pa.DataType | None = None) -> Path:
    """A table of ids and labels that are the same texts, of some type of Parquet, or in FITS."""
    ra, dec = np.linspace(30, 300, len(cells)), np.linspace(-50, 50, len(cells))
    if path.suffix == ".fits":
        formats = {"objID": "12A", "RA": "D", "Dec": "D", "class": "12A"}
        columns = {"objID": np.array(cells, "S12"), "RA": ra, "Dec": dec, "class": np.array(cells, "S12")}
        parts = [fits.Column(name, formats[name], array=column) for name, column in columns.items()]
        fits.BinTableHDU.from_columns(parts).writeto(path)
    elif path.suffix == ".parquet":
        column = pa.array([cell.encode() for cell in cells]).cast(kind or pa.string())
        pq.write_table(pa.table({"objID": column, "RA": ra, "Dec": dec, "class": column}), path)
    else:
        rows = "".join(f"{cell},{x},{y},{cell}\n" for cell, x, y in zip(cells, ra, dec, strict=True))
        path.write_text(f"objID,RA,Dec,class\n{rows}")
    return path


TEXT_ROLES = {"source_id": "objID", "ra": "RA", "dec": "Dec", "label": "class"}
KINDS = [pa.string(), pa.binary(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]


@pytest.mark.parametrize(("name", "kind"), [("t.fits", None), *(("t.parquet", kind) for kind in KINDS)], ids=str)
def test_zeros_and_blanks_at_the_end_of_texts_are_no_part_of_them(tmp_path, name, kind):
    table = read_catalog(texts(tmp_path / name, PADDED, kind), TEXT_ROLES)
    assert table["label"].tolist() == table["source_id"].tolist() == PLAIN


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("role", ["source_id", "label"])
def test_zeros_within_texts_are_refused(tmp_path, kind, role):
    path = texts(tmp_path / "t.parquet", ["spiral", "spi\0ral"], kind)
    roles = {"ra": "RA", "dec": "Dec", role: TEXT_ROLES[role]}
    with pytest.raises(InputError, match=rf"column '{roles[role]}' \(catalogs, columns.{role}\) holds zeros between"):
        read_catalog(path, roles)
    assert len(read_catalog(path, {"ra": "RA", "dec": "Dec"})) == 2


def test_a_csv_with_zeros_is_no_text(tmp_path):
    for cells in (["spi\0ral", "b"], ["spiral\0", "b"]):
        with pytest.raises(InputError, match="it holds zeros, as no text does"):
            read_catalog(texts(tmp_path / "t.csv", cells), TEXT_ROLES)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("t.fits", {}),
        ("t.parquet", {}),
        ("t.csv", {"format": "ascii.csv"}),
        ("t.ecsv", {"format": "ascii.ecsv"}),
        ("t.ecsv", {"format": "ascii.ecsv", "serialize_method": "data_mask"}),
        *(("t.vot", {"format": "votable", "tabledata_format": kind}) for kind in ("tabledata", "binary", "binary2")),
    ],
)
def test_empty_and_masked_texts_are_not_known_and_dashes_are_a_text(tmp_path, name, options):
    labels = MaskedColumn(["spiral", "", "--", "elliptical", "N/A"], mask=[False, False, False, True, False])
    table = Table({"objID": ["a", "b", "c", "d", "e"], "RA": [31.0] * 5, "Dec": [1.0] * 5, "class": labels})
    table.write(tmp_path / name, **options)
    assert read_catalog(tmp_path / name, TEXT_ROLES)["label"].tolist() == ["spiral", None, "--", None, "N/A"]


# Folders of Parquet files that differ.


def part(first: int, units: dict[str, str] | None = None, **changes: pa.Array) -> pa.Table:
    """Three galaxies with ids from `first` on; units are those of their fields."""
    columns = {
        "objID": pa.array([first, first + 1, first + 2]),
        "RA": pa.array([31.5, 150.25, 300.125]),
        "Dec": pa.array([-20.5, 30.25, 45.125]),
        "class": pa.array(["S", None, "1"]),
        "r_mag": pa.array([17.5, None, 15.25]),
    } | changes
    fields = [
        pa.field(name, cells.type, metadata={"unit": (units or {}).get(name, "")}) for name, cells in columns.items()
    ]
    return pa.table(list(columns.values()), schema=pa.schema(fields))


def folder_of(path: Path, *parts: pa.Table) -> Path:
    for number, table in enumerate(parts):
        pq.write_table(table, path / f"{number}.parquet")
    return path


EMPTY = part(0).slice(0, 0)
IDS_OF_PARTS = ["10", "11", "12", "20", "21", "22"]
IN_DEGREES, IN_RADIANS = {"RA": "deg", "Dec": "deg"}, {"RA": "rad", "Dec": "rad"}


@pytest.mark.parametrize(
    ("parts", "changed"),
    [
        ([part(10, objID=pa.array([10, 11, 12], pa.int32())), part(20)], {}),
        ([part(10), part(20, objID=pa.array(["20", "x21", "22"]))], {"source_id": [*IDS_OF_PARTS[:4], "x21", "22"]}),
        ([part(10, objID=pa.array(["010", "11", "12"])), part(20)], {"source_id": ["010", *IDS_OF_PARTS[1:]]}),
        ([part(10), part(20, objID=pa.array([20.0, 21.0, 22.0]))], {}),
        (
            [part(10, **{"class": pa.array([1, None, 0], pa.int8())}), part(20)],
            {"label": ["1", None, "0", "S", None, "1"]},
        ),
        ([part(10, **{"class": pa.nulls(3)}), part(20)], {"label": [None, None, None, "S", None, "1"]}),
        ([part(10, RA=pa.array(["31.5", "150.25", "300.125"])), part(20)], {}),
        ([part(10, RA=pa.array([31.5, 150.25, 300.125], pa.float32())), part(20)], {}),
        ([part(10), part(20, r_mag=pa.array(["17.5", "", "15.25"]))], {}),
        ([part(10), part(20).select(["r_mag", "class", "Dec", "RA", "objID"])], {}),
        ([part(10), EMPTY, part(20)], {}),
        ([EMPTY, part(10, IN_DEGREES), part(20, IN_DEGREES)], {}),
        ([pa.table({"objID": pa.nulls(0)}), part(10), part(20)], {}),
        ([part(10, IN_DEGREES), part(20, {"RA": "Degrees", "Dec": "deg."})], {}),
        ([part(10, {"r_mag": "mag"}), part(20, {"r_mag": "mag", "unused": "Jy"}, unused=pa.array([1, 2, 3]))], {}),
    ],
)
def test_files_of_a_folder_may_differ_in_types_and_order(tmp_path, parts, changed):
    table = read_catalog(folder_of(tmp_path, *parts), COLUMNS)
    expected = {"source_id": IDS_OF_PARTS, "label": ["S", None, "1"] * 2, "ra": [31.5, 150.25, 300.125] * 2} | changed
    assert {name: table[name].tolist() for name in expected} == expected
    np.testing.assert_array_equal(table["magnitude"], [17.5, np.nan, 15.25] * 2)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            [part(10, IN_DEGREES), part(20, IN_RADIANS)],
            "1.parquet: column 'RA' has the unit 'rad', in the first file 'deg'",
        ),
        ([part(10, IN_DEGREES), part(20)], "1.parquet: column 'RA' has the unit '', in the first file 'deg'"),
        ([part(10), part(20, {"r_mag": "Jy"})], "1.parquet: column 'r_mag' has the unit 'Jy', in the first file ''"),
        ([part(10), part(20).drop_columns("RA")], "1.parquet: has no column 'RA', expected the same columns in all"),
        (
            [part(10), part(20, objID=pa.array([5.9e17, 1.0, 2.0]))],
            "'objID' (catalogs, columns.source_id) holds floating",
        ),
        ([part(10), part(20, RA=pa.array(["02:06:00", "10:01:00", "20:00:30"]))], "holds sexagesimal text and numbers"),
    ],
)
def test_files_of_a_folder_that_contradict_each_other_are_refused(tmp_path, parts, sentence):
    with pytest.raises(InputError) as refused:
        read_catalog(folder_of(tmp_path, *parts), COLUMNS)
    assert str(refused.value).startswith(str(tmp_path))
    assert sentence in str(refused.value)


def test_a_file_of_no_bytes_is_named(tmp_path):
    (folder_of(tmp_path, part(10)) / "1.parquet").write_bytes(b"")
    with pytest.raises(InputError, match=r"1\.parquet: expected a table in parquet, .* size is 0 bytes"):
        read_catalog(tmp_path, COLUMNS)
