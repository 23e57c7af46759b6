"""Damaged tables of every format are refused in one sentence, or give rows; never a traceback or a hang.

What no reader can see: a changed digit or bit of data that no checksum covers, a text file cut in its last row, and
cards or a footer that were changed into other valid ones of the same width. All else is refused or does not matter.
"""

import base64
import faulthandler
import gzip
import io
import re
import resource
import signal
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing import fuzzed_files
from workflow_scripts.catalogs.galaxies import read_catalog
from workflow_scripts.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore")
N = 30
COLUMNS = {"source_id": "objID", "ra": "RA", "dec": "Dec", "label": "class", "redshift": "z"}
SECONDS = 20
# Parquet declares the size of a page in 31 bits, and pyarrow makes room for one of it, packed and unpacked.
MEGABYTES = {"t.parquet": 5000, "checked.parquet": 5000}


@lru_cache
def table() -> Table:
    """30 galaxies with ids of 19 digits, gaps in labels and redshifts, and a column that no one reads."""
    random = np.random.default_rng(3)
    found = Table()
    found["objID"] = 1237648720693755918 + 7 * np.arange(N)
    found["RA"], found["Dec"] = random.uniform(30, 360, N).round(6), random.uniform(-90, 90, N).round(6)
    found["RA"].unit = found["Dec"].unit = "deg"
    found["class"] = MaskedColumn(random.choice(["spiral", "elliptical"], N), mask=random.random(N) < 0.2)
    found["z"] = MaskedColumn(random.uniform(0, 0.3, N).round(5), mask=random.random(N) < 0.2)
    found["note"] = random.choice(["bright, blue", 'the "eye"', "faint"], N)
    return found


def rows_of(path: Path) -> list[tuple]:
    """The rows that the reader gives, with None for what is not known."""
    read = read_catalog(str(path), COLUMNS)
    return [
        tuple(None if cell is None or cell != cell else cell for cell in row[1:])
        for row in read.itertuples(index=False)
    ]


@lru_cache
def written(name: str) -> bytes:
    """The table as bytes of a file with such a name."""
    found, out = table(), io.BytesIO()
    match name:
        case "t.fits":
            fits.table_to_hdu(found).writeto(out)
        case "t.parquet" | "checked.parquet":
            names = [column for column in found.colnames if column != "note"]
            arrays = {
                name: pa.array(np.ma.getdata(found[name]).tolist(), mask=np.ma.getmaskarray(found[name]))
                for name in names
            }
            pq.write_table(pa.table(arrays), out, row_group_size=10, write_page_checksum=name.startswith("checked"))
        case "t.vot" | "binary.vot":
            form = "binary2" if name.startswith("binary") else "tabledata"
            found.write(out, format="votable", tabledata_format=form)
        case _:
            kind = {"t.csv": "ascii.csv", "t.ecsv": "ascii.ecsv", "t.mrt": "ascii.mrt", "t.tbl": "ascii.ipac"}[name]
            text = io.StringIO()
            found.write(text, format=kind)
            return text.getvalue().encode()
    return out.getvalue()


NAMES = ["t.fits", "t.parquet", "checked.parquet", "t.vot", "binary.vot", "t.csv", "t.ecsv", "t.mrt", "t.tbl"]
# Values that cards and counts may be given.
NUMBERS = ["0", "1", "-1", "25", "10", "4", "2147483648", "1000000000000", "9223372036854775807", "1.5", "T"]
CARDS = [
    f"{key}{place}" for key in ("TFORM", "TDIM", "TNULL", "TSCAL", "TZERO", "TTYPE", "TUNIT") for place in range(1, 7)
]
CARDS += [
    "NAXIS",
    "NAXIS1",
    "NAXIS2",
    "TFIELDS",
    "PCOUNT",
    "GCOUNT",
    "THEAP",
    "BITPIX",
    "XTENSION",
    "EXTEND",
    "SIMPLE",
    "END",
]
TEXTS = [
    "'D'",
    "'E'",
    "'K'",
    "'1PD(3)'",
    "'999999999999D'",
    "'0A'",
    "'20A'",
    "'X'",
    "'(2,3)'",
    "'(1)'",
    "'rad'",
    "'RA'",
    "''",
    "'\xc4'",
]


@st.composite
def damages(draw: Any, whole: bytes) -> bytes:
    """A file that was changed in one to three ways."""
    data = whole
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["byte", "bit", "cut", "insert", "drop", "twice", "number", "card", "zeros"])):
            case "byte":
                data = data[:place] + bytes([draw(st.integers(0, 255))]) + data[place + 1 :]
            case "bit":
                data = (
                    data[:place]
                    + bytes([data[place] ^ 1 << draw(st.integers(0, 7))] if data else b"")
                    + data[place + 1 :]
                )
            case "cut":
                data = data[:place]
            case "insert":
                data = data[:place] + draw(st.binary(min_size=1, max_size=20)) + data[place:]
            case "drop":
                data = data[:place] + data[place + draw(st.integers(1, 200)) :]
            case "twice":
                data = data[:place] + data[place : place + draw(st.integers(1, 300))] + data[place:]
            case "number":
                places = [at for at in range(len(data)) if data[at : at + 1].isdigit()]
                if places:
                    at = draw(st.sampled_from(places))
                    data = data[:at] + draw(st.sampled_from(NUMBERS)).encode() + data[at + 1 :]
            case "card":
                card = f"{draw(st.sampled_from(CARDS)):<8}= {draw(st.sampled_from(NUMBERS + TEXTS)):>20}".ljust(80)
                key, at = card[:9].encode("latin-1"), place - place % 80
                at = data.find(key) if draw(st.booleans()) and key in data else at
                data = data[:at] + card.encode("latin-1") + data[at + 80 :]
            case "zeros":
                data = data[:place] + bytes(min(80, len(data) - place)) + data[place + 80 :]
    return data


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@pytest.fixture(autouse=True)
def _bounded(request) -> Iterator[None]:
    """No input takes long, or much memory."""
    name = getattr(request.node, "callspec", None) and request.node.callspec.params.get("name")
    limit = MEGABYTES.get(name or "checked.parquet", 700)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    faulthandler.register(signal.SIGPROF, file=sys.__stderr__, chain=True)
    yield
    faulthandler.unregister(signal.SIGPROF)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1000 * limit


def outcome(path: Path, data: bytes) -> list[tuple] | None:
    """Rows, or None where the file was refused in one sentence that names it."""
    path.write_bytes(data)
    # Of this process, whatever else runs; what it was doing is shown, and the file is left.
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return rows_of(path)
    except InputError as error:
        refused = str(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    assert str(path) in refused
    assert "\n" not in refused
    return None


@lru_cache
def truth(name: str, folder: Path) -> list[tuple]:
    (folder / name).write_bytes(written(name))
    rows = rows_of(folder / name)
    assert len(rows) == N
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_table_is_read(folder, name):
    cells = [table()[key].tolist() for key in ("RA", "Dec", "class", "z")]
    assert truth(name, folder) == list(zip(table()["objID"].astype(str).tolist(), *cells, strict=True))


@pytest.mark.parametrize("name", NAMES)
@given(st.data())
@fuzzed_files
def test_damage_is_refused_or_gives_rows(folder, name, data):
    whole = written(name)
    damaged = data.draw(damages(whole))
    rows = outcome(folder / name, damaged)
    if rows is not None and damaged == whole:
        assert rows == truth(name, folder)


@pytest.mark.parametrize("name", ["t.csv", "t.ecsv"])
@given(st.data())
@fuzzed_files
def test_a_changed_byte_changes_one_row_of_text(folder, name, data):
    whole = written(name)
    place, value = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 255))
    rows = outcome(folder / name, whole[:place] + bytes([value]) + whole[place + 1 :])
    if rows is not None:
        # Of a row that now is a comment, none.
        assert N - 1 <= len(rows) <= N
        assert len(set(rows) - set(truth(name, folder))) <= 1


@pytest.mark.parametrize("name", ["t.csv", "t.fits", "t.vot", "t.ecsv"])
@given(st.data())
@fuzzed_files
def test_a_damaged_gzip_is_refused_or_whole(folder, name, data):
    packed = gzip.compress(written(name), mtime=0)
    place = data.draw(st.integers(0, len(packed) - 1))
    kind = data.draw(st.sampled_from(["byte", "cut", "insert", "tail"]))
    value = bytes([data.draw(st.integers(0, 255))])
    damaged = {
        "byte": packed[:place] + value + packed[place + 1 :],
        "cut": packed[:place],
        "insert": packed[:place] + value + packed[place:],
        "tail": packed[: -1 - place % 8] + value + packed[len(packed) - place % 8 :],
    }[kind]
    rows = outcome(folder / f"{name}.gz", damaged)
    assert rows is None or rows == truth(name, folder)


@given(st.data())
@fuzzed_files
def test_a_changed_byte_below_a_checksum_is_noticed(folder, data):
    name = "checked.parquet"
    whole = written(name)
    length = int.from_bytes(whole[-8:-4], "little")
    place, value = data.draw(st.integers(4, len(whole) - length - 9)), data.draw(st.integers(0, 255))
    rows = outcome(folder / name, whole[:place] + bytes([value]) + whole[place + 1 :])
    assert rows is None or len(rows) == N


@pytest.mark.parametrize("name", ["t.fits", "t.parquet", "t.vot", "binary.vot"])
@given(st.data())
@fuzzed_files
def test_a_cut_table_is_refused_or_whole(folder, name, data):
    whole = written(name)
    rows = outcome(folder / name, whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert rows is None or rows == truth(name, folder)


@pytest.mark.parametrize("value", [0, True, 2.5])
def test_a_number_for_a_unit_is_refused(folder, value):
    with fits.open(io.BytesIO(written("t.fits"))) as file:
        file[1].header["TUNIT2"] = value
        out = io.BytesIO()
        file.writeto(out)
    assert outcome(folder / "unit.fits", out.getvalue()) is None


def _encoded(text: str, rows: slice) -> str:
    """Some rows of a stream of 99 as a stream of their own."""
    whole = base64.b64decode(text)
    size = len(whole) // 99
    return base64.b64encode(whole[rows.start * size : rows.stop * size]).decode()


@pytest.mark.parametrize("kind", ["binary", "binary2"])
@pytest.mark.parametrize(
    "damage",
    [
        # Two streams one behind the other, of 50 and 49 rows: all behind the first would be passed over.
        lambda text: _encoded(text, slice(0, 50)) + _encoded(text, slice(50, 99)),
        # All rows below would be shifted.
        lambda text: text[:401] + text[402:],
        lambda text: text[:401] + "!" + text[402:],
        lambda text: text[:400] + "====" + text[404:],
    ],
)
def test_a_votable_whose_base64_is_damaged_is_refused(tmp_path, kind, damage):
    path = tmp_path / "t.vot"
    Table({"ra": np.linspace(30, 300, 99), "dec": np.linspace(-50, 50, 99)}).write(
        path, format="votable", tabledata_format=kind
    )
    content = path.read_text().replace(' nrows="99"', "")
    path.write_text(content)
    assert len(read_catalog(str(path), {})) == 99
    (text,) = re.findall(r"<STREAM[^>]*>([^<]*)<", content)
    path.write_text(content.replace(text, damage("".join(text.split()))))
    with pytest.raises(InputError, match=r"t\.vot: expected a table in votable, but it cannot be read"):
        read_catalog(str(path), {})


@pytest.mark.parametrize(("part", "key"), [(0, "NAXIS"), (1, "TFIELDS")])
@pytest.mark.parametrize("count", ["2147483648", "9223372036854775807", "1000", "-1", "1.5"])
def test_counts_beyond_the_standard_are_refused_at_once(folder, part, key, count):
    whole = written("t.fits")
    place = whole.index(f"{key:<8}=".encode(), 2880 * part)
    assert outcome(folder / "t.fits", whole[: place + 10] + count.rjust(20).encode() + whole[place + 30 :]) is None
