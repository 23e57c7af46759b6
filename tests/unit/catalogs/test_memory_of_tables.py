"""Memory that tables of 12 columns take: those of 3 million rows are read in pieces, VOTables at once."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits

pytestmark = [pytest.mark.long, pytest.mark.longest]
# Rows of the block that files repeat; its bytes are those of whole base64.
BLOCK = 99_999
NAMES = ["id", "ra", "dec", "label", "z", *(f"f{number}" for number in range(7))]
KIND = np.dtype([(name, {"id": ">i8", "label": "S10"}.get(name, ">f8")) for name in NAMES])
# Reads as audits do, and shows rows, sum of right ascensions, and how far memory grew (megabytes) beyond what the
# program itself takes: the highest since it started, which is not that of the process that started it.
READING = """
import json, sys
from workflow_scripts.catalogs.readers import CatalogTable, Parts, TableOptions

def highest():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024

parts = Parts(("ra", "dec"), classes={"label": "label"}, texts={"id": "id"}, numbers={"z": "z"})
before, rows, total = highest(), 0, 0.0
for piece in CatalogTable.of(sys.argv[1], parts, TableOptions()).pieces(int(sys.argv[2])):
    rows, total = rows + len(piece["ra"]), total + float(piece["ra"].sum())
print(json.dumps([rows, total, highest() - before]))
"""


@pytest.fixture(scope="module")
def block():
    random = np.random.default_rng(12)
    rows = np.zeros(BLOCK, KIND)
    for name in NAMES:
        rows[name] = random.random(BLOCK).round(6)
    rows["id"], rows["label"] = 10**18 + np.arange(BLOCK), random.choice([b"spiral", b"elliptical"], BLOCK)
    rows["ra"], rows["dec"] = rows["ra"] * 360, rows["dec"] * 180 - 90
    return rows


def parts_of(name: str, rows: np.ndarray, blocks: int) -> tuple[bytes, bytes, bytes]:
    """What a file begins with, what it has for each block of rows, and what it ends with."""
    texts = rows.astype([(column, "U10" if column == "label" else KIND[column]) for column in NAMES])
    lines = [",".join(map(str, row)).encode() for row in texts.tolist()]
    header = ",".join(NAMES).encode() + b"\n"
    if name == "t.csv":
        return header, b"\n".join(lines) + b"\n", b""
    if name == "t.ecsv":
        kinds = {"id": "int64", "label": "string"}
        described = [f"# - {{name: {column}, datatype: {kinds.get(column, 'float64')}}}" for column in NAMES]
        yaml = "\n".join(["# %ECSV 1.0", "# ---", "# delimiter: ','", "# datatype:", *described, ""])
        return yaml.encode() + header, b"\n".join(lines) + b"\n", b""
    if name == "t.fits":
        cards = fits.BinTableHDU(rows[:1]).header
        cards["NAXIS2"] = blocks * BLOCK
        above = fits.PrimaryHDU().header.tostring() + cards.tostring()
        return above.encode(), rows.tobytes(), b"\0" * (-blocks * rows.nbytes % 2880)
    kinds = {"id": "long", "label": 'char" arraysize="10'}
    fields = "".join(f'<FIELD name="{column}" datatype="{kinds.get(column, "double")}"/>' for column in NAMES)
    above = f'<?xml version="1.0"?><VOTABLE version="1.4"><RESOURCE><TABLE>{fields}<DATA>'
    below = b"</DATA></TABLE></RESOURCE></VOTABLE>"
    if name == "tabledata.vot":
        cells = b"".join(b"<TR><TD>" + line.replace(b",", b"</TD><TD>") + b"</TD></TR>\n" for line in lines)
        return above.encode() + b"<TABLEDATA>", cells, b"</TABLEDATA>" + below
    flagged = np.zeros(BLOCK, [("flags", "S2"), ("row", KIND)])
    flagged["row"] = rows
    opened = above.encode() + b'<BINARY2><STREAM encoding="base64">'
    return opened, base64.b64encode(flagged.tobytes()) + b"\n", b"</STREAM></BINARY2>" + below


def written(path: Path, rows: np.ndarray, blocks: int) -> None:
    if path.suffix == ".parquet":
        columns = [rows[name].astype(rows[name].dtype.newbyteorder("=")) for name in NAMES]
        table = pa.table(
            [pa.array(column).cast(pa.string()) if column.dtype.kind == "S" else column for column in columns], NAMES
        )
        with pq.ParquetWriter(path, table.schema) as file:
            for _ in range(blocks):
                file.write_table(table)
        return
    first, each, last = parts_of(path.name, rows, blocks)
    with path.open("wb") as out:
        out.write(first)
        for _ in range(blocks):
            out.write(each)
        out.write(last)


def growth(path: Path, rows: np.ndarray, blocks: int) -> float:
    """Megabytes by which memory grew when all was read, which is checked to be all."""
    written(path, rows, blocks)
    reading = [sys.executable, "-c", READING, str(path), "200000"]
    found = json.loads(subprocess.run(reading, check=True, capture_output=True, text=True).stdout)
    assert found[0] == blocks * BLOCK
    assert found[1] == pytest.approx(blocks * rows["ra"].sum(), rel=1e-9)
    path.unlink()
    return found[2]


@pytest.mark.parametrize(("name", "megabytes"), [("t.fits", 150), ("t.csv", 450), ("t.ecsv", 450), ("t.parquet", 250)])
def test_memory_is_bounded(tmp_path, block, name, megabytes):
    found = growth(tmp_path / name, block, 30)
    assert found < megabytes


# Those that astropy reads at once: what is named of rows of text, and the whole stream of binary rows.
@pytest.mark.parametrize(("name", "bytes_a_row"), [("tabledata.vot", 500), ("binary2.vot", 1600)])
def test_memory_of_votables_grows_with_their_rows(tmp_path, block, name, bytes_a_row):
    found = growth(tmp_path / name, block, 3)
    assert found * 2**20 / (3 * BLOCK) < bytes_a_row
