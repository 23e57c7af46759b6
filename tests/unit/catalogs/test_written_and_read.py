"""Random tables, written in every format by astropy, pandas and pyarrow, are read back equal, or refused."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.table import MaskedColumn, Table
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.fuzzing import fuzzed_files
from workflow_scripts.catalogs.galaxies import read_catalog
from workflow_scripts.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore")
LABELS = [
    "spiral",
    "None",
    "NA",
    "nan",
    "null",
    "é",
    "a b",
    "it's",
    'a "b" c',
    '"q"',
    "#1",
    "a,b",
    "a;b|c",
    "`x`",
    "-9",
    "1.5",
]
LABELS += ["--", "0", "T", "True", "x" * 300, "-", "'"]
NAMES = st.text(st.sampled_from("aBr_1é .#`'\"[]():,;|-/µ星"), min_size=1, max_size=8)
UNITS = [None, "deg", "rad", "hourangle", "arcsec"]


@st.composite
def tables(draw: Any) -> dict[str, Any]:
    """Names, cells and units of a table: `ids`, `ra`, `dec`, `labels`, `redshifts` with None where unknown."""
    n = draw(st.integers(1, 8))
    names = draw(st.lists(NAMES, min_size=5, max_size=5, unique=True))
    # What no format keeps: blanks around names.
    assume(all(name.strip() == name for name in names))
    kind = draw(st.sampled_from([0, 0, 0, 1]))
    longitudes = st.floats(7, 360, exclude_max=True, allow_subnormal=False)
    latitudes = st.floats(-90, 90, allow_subnormal=False).filter(lambda x: abs(x) > 2)

    def column(cells: Any, gaps: bool) -> list:
        return draw(st.lists(st.one_of(st.none(), cells) if gaps else cells, min_size=n, max_size=n))

    ids = (
        column(st.integers(-(2**63), 2**63 - 1), False)
        if kind == 0
        else column(st.sampled_from(["a1", "00", "é", "1e5"]), True)
    )
    return {
        "names": names,
        "ids": ids,
        "ra": column(longitudes, True),
        "dec": column(latitudes, True),
        "labels": column(st.sampled_from(LABELS), True),
        "redshifts": column(st.floats(-1, 10, allow_subnormal=False), True),
        "unit": draw(st.sampled_from(UNITS)),
        "odd": draw(st.sampled_from(["", "arrays", "complex", "times", "logical", "objects", "same"])),
    }


def cells_of(found: dict[str, Any]) -> dict[str, list]:
    """Cells by name, positions in the unit of the table."""
    ra, dec = (np.array([math.nan if cell is None else cell for cell in found[name]]) for name in ("ra", "dec"))
    size = units.deg.to(found["unit"] or "deg")
    ra, dec = ra * size, dec * (1 if found["unit"] == "hourangle" else size)
    known = [[None if cell != cell else float(cell) for cell in cells] for cells in (ra, dec)]
    columns = [found["ids"], *known, found["labels"], found["redshifts"]]
    return dict(zip(found["names"], columns, strict=True))


def as_astropy(found: dict[str, Any]) -> Table:
    """With masks, units and a column that no one reads."""
    table, n = Table(), len(found["ids"])
    for name, cells in cells_of(found).items():
        gap = [cell is None for cell in cells]
        filler = "" if any(isinstance(cell, str) for cell in cells) or name == found["names"][3] else 0
        filled = [filler if cell is None else cell for cell in cells]
        table[name] = MaskedColumn(filled, mask=gap) if any(gap) else filled
    if found["unit"]:
        table[found["names"][1]].unit = found["unit"]
        table[found["names"][2]].unit = "deg" if found["unit"] == "hourangle" else found["unit"]
    odd = {
        "arrays": np.ones((n, 3)),
        "complex": np.ones(n) * 1j,
        "logical": np.ones(n, bool),
        "objects": np.array([{"a": 1}] * n, object),
        "times": np.array(["2020-01-01T00:00:00"] * n, "datetime64[s]"),
    }
    if found["odd"] in odd:
        table["unused column"] = odd[found["odd"]]
    if found["odd"] == "same" and found["names"][4].swapcase() not in table.colnames:
        table[found["names"][4].swapcase()] = np.zeros(n)
    return table


ASTROPY = {
    "a.csv": {"format": "ascii.csv"},
    "a.ecsv": {"format": "ascii.ecsv"},
    "b.ecsv": {"format": "ascii.ecsv", "serialize_method": "data_mask", "delimiter": ","},
    "a.fits": {"format": "fits"},
    "a.vot": {"format": "votable"},
    "b.vot": {"format": "votable", "tabledata_format": "binary2"},
    "a.parquet": {"format": "parquet"},
    "a.tbl": {"format": "ascii.ipac"},
}
PANDAS = ["p.csv", "p.csv.gz", "p.tsv", "p.parquet", "arrow.parquet"]


def written(path: Path, found: dict[str, Any]) -> bool:
    """Write a table; False where the library cannot."""
    cells = cells_of(found)
    try:
        if path.name in ASTROPY:
            as_astropy(found).write(path, overwrite=True, **ASTROPY[path.name])
        elif path.name == "arrow.parquet":
            pq.write_table(pa.table({name: pa.array(column) for name, column in cells.items()}), path)
        else:
            frame = pd.DataFrame(
                {name: pd.Series(column, dtype=object) for name, column in cells.items()}
            ).infer_objects()
            if path.suffix == ".parquet":
                frame.to_parquet(path)
            else:
                frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    except Exception:  # each library has its own errors for what a format cannot hold
        return False
    return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("written")


@pytest.mark.parametrize("name", [*ASTROPY, *PANDAS])
@given(tables())
@fuzzed_files
def test_a_table_is_read_back_equal_or_refused(folder, name, found):
    has_units = name in ASTROPY and not name.endswith((".csv", ".mrt"))
    if not has_units:
        found = found | {"unit": None}
    path = folder / name
    path.unlink(missing_ok=True)
    if not written(path, found):
        return
    roles = dict(zip(("source_id", "ra", "dec", "label", "redshift"), found["names"], strict=True))
    try:
        read = read_catalog(str(path), roles)
    except InputError as error:
        refused = str(error)
        assert str(path) in refused
        return
    n = len(found["ids"])
    assert len(read) == n
    for part, truth in (("ra", found["ra"]), ("dec", found["dec"]), ("redshift", found["redshifts"])):
        expected = np.array([math.nan if cell is None else cell for cell in truth])
        np.testing.assert_allclose(read[part].to_numpy(float), expected, rtol=1e-13 if found["unit"] else 0)
    for part, truth in (("source_id", found["ids"]), ("label", found["labels"])):
        assert read[part].tolist() == [None if cell is None else str(cell) for cell in truth]
