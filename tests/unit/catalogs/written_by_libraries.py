"""The table of `written_tables` as astropy writes it: ECSV, FITS, VOTable, Parquet, CDS, IPAC.

`WRITERS` has these and those of text.
"""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits, votable
from astropy.table import MaskedColumn, Table

from tests.unit.catalogs.written_tables import WRITERS, N, Written, converted, galaxies, writer

# astropy's tables.


def astropy_table(frame: pd.DataFrame | None = None, unit: str | None = "deg") -> Table:
    """The table with masks, a unit of positions, and in `note` the longest text."""
    frame = galaxies() if frame is None else frame
    table = Table()
    for name in frame:
        cells = frame[name]
        if cells.dtype.kind == "f":
            table[name] = MaskedColumn(cells.fillna(-1.0).to_numpy(), mask=cells.isna().to_numpy())
        elif cells.dtype.kind in "iu":
            table[name] = cells.to_numpy()
        else:
            texts = [cell if isinstance(cell, str) else "" for cell in cells]
            table[name] = MaskedColumn(texts, mask=[not isinstance(cell, str) for cell in cells])
    for name in ("RA", "Dec"):
        if name in table.colnames and unit:
            table[name].unit = unit
    return table


def _astropy_writer(
    name: str, file: str, table: Callable[[], Table], said: dict[str, Any] | None = None, **options: Any
) -> None:
    def write(folder: Path) -> Written:
        table().write(folder / file, **options)
        return Written(str(folder / file), **(said or {}))

    WRITERS[name] = write


def _with_coordinates() -> Table:
    table = astropy_table()
    known = ~table["RA"].mask
    table = table[known]
    table["coord"] = SkyCoord(table["RA"].data.data, table["Dec"].data.data, unit="deg")
    table.remove_columns(["RA", "Dec"])
    return table


def galactic() -> pd.DataFrame:
    """The table with galactic coordinates."""
    frame = galaxies().rename(columns={"RA": "GLON", "Dec": "GLAT"})
    known = frame["GLON"].notna()
    there = SkyCoord(frame["GLON"][known].to_numpy(), frame["GLAT"][known].to_numpy(), unit="deg").galactic
    frame.loc[known, "GLON"], frame.loc[known, "GLAT"] = there.l.deg, there.b.deg
    return frame


def _in_unit(name: str) -> Table:
    table = astropy_table(unit=None)
    size = (1 * units.deg).to_value(units.Unit(name))
    for column in ("RA", "Dec"):
        table[column] = table[column] * size
        table[column].unit = name
    return table


def _odd_columns() -> Table:
    table = astropy_table()
    table["flux"] = np.ones((N, 5))
    table["cut"] = np.arange(N) % 2 == 0
    table["phase"] = np.ones(N) + 1j
    return table


AT = {"columns": {"ra": "coord", "dec": "coord"}, "exact": False}
GALACTIC = {"columns": {"ra": "GLON", "dec": "GLAT"}, "exact": False}
_astropy_writer("ecsv", "t.ecsv", astropy_table, format="ascii.ecsv")
_astropy_writer("ecsv, commas", "t.ecsv", astropy_table, format="ascii.ecsv", delimiter=",")
_astropy_writer("ecsv named .csv", "t.csv", astropy_table, format="ascii.ecsv", delimiter=",")
_astropy_writer("ecsv, masks beside", "t.ecsv", astropy_table, format="ascii.ecsv", serialize_method="data_mask")
_astropy_writer("ecsv, odd columns", "t.ecsv", lambda: _odd_columns(), format="ascii.ecsv")
_astropy_writer("ecsv, coordinates", "t.ecsv", _with_coordinates, AT, format="ascii.ecsv")
_astropy_writer("ecsv, galactic", "t.ecsv", lambda: astropy_table(galactic()), GALACTIC, format="ascii.ecsv")
_astropy_writer("ecsv, arcsec", "t.ecsv", lambda: _in_unit("arcsec"), {"exact": False}, format="ascii.ecsv")
_astropy_writer("fits", "t.fits", astropy_table)
_astropy_writer("fits, gzip", "t.fits.gz", astropy_table)
_astropy_writer("fits, odd columns", "t.fits", _odd_columns)
_astropy_writer("fits, radians", "t.fits", lambda: _in_unit("rad"), {"exact": False})
_astropy_writer("fits, coordinates", "t.fits", _with_coordinates, AT)
_astropy_writer("fits, galactic", "t.fits", lambda: astropy_table(galactic()), GALACTIC)
_astropy_writer("votable", "t.vot", astropy_table, format="votable")
_astropy_writer("votable, binary", "t.vot", lambda: _unmasked_text(), format="votable", tabledata_format="binary")
_astropy_writer("votable, binary2", "t.vot", astropy_table, format="votable", tabledata_format="binary2")
_astropy_writer("votable, milliarcseconds", "t.vot", lambda: _in_unit("mas"), {"exact": False}, format="votable")
_astropy_writer("parquet, masks beside", "t.parquet", astropy_table)
_astropy_writer("parquet, odd columns", "t.parquet", lambda: astropy_table(), compression="gzip")
_astropy_writer("parquet, hours", "t.parquet", lambda: _hours(), {"exact": False})
_astropy_writer("parquet, coordinates", "t.parquet", _with_coordinates, AT)
_astropy_writer("ipac", "t.tbl", lambda: _short_notes(), format="ascii.ipac")
_astropy_writer("cds", "t.mrt", lambda: _short_notes(), format="ascii.mrt")


def _hours() -> Table:
    table = astropy_table(converted("RA", "Dec", 1 / 15, 1))
    table["RA"].unit = "hourangle"
    return table


def _unmasked_text() -> Table:
    """The first BINARY of VOTable has no place for masks of whole numbers."""
    return astropy_table()


def _short_notes() -> Table:
    table = astropy_table()
    table["note"] = [str(cell).replace("|", "/").replace('"', "'") or "-" for cell in table["note"]]
    if "class" in table.colnames:
        table["class"].fill_value = ""
    return table


@writer
def _vo_parquet(folder: Path) -> Written:
    table = astropy_table()
    table["z"] = table["z"].filled(np.nan)
    metadata = {
        name: {"unit": "deg" if name in ("RA", "Dec") else "", "ucd": "", "description": name}
        for name in table.colnames
    }
    for name in ("RA", "Dec"):
        table[name] = table[name].filled(np.nan)
        table[name].unit = "deg"
    table["class"] = table["class"].filled("")
    table.write(folder / "t.parquet", format="parquet.votable", metadata=metadata)
    return Written(str(folder / "t.parquet"))


# FITS by hand.


def _fits_columns(**changes: dict[str, Any]) -> list[fits.Column]:
    frame = galaxies()
    labels = np.array([label or "" for label in frame["class"]], "S12")
    columns = {
        "objID": {"format": "K", "array": frame["objID"].to_numpy()},
        "RA": {"format": "D", "array": frame["RA"].to_numpy(), "unit": "deg"},
        "Dec": {"format": "D", "array": frame["Dec"].to_numpy(), "unit": "deg"},
        "class": {"format": "12A", "array": labels},
        "z": {"format": "D", "array": frame["z"].to_numpy()},
    }
    for name, change in changes.items():
        columns[name] = {**columns.get(name, {}), **change}
    return [fits.Column(name=name, **parts) for name, parts in columns.items()]


def _fits_writer(name: str, parts: Callable[[], list[Any]], file: str = "t.fits", **said: Any) -> None:
    def write(folder: Path) -> Written:
        fits.HDUList([fits.PrimaryHDU(), *parts()]).writeto(folder / file)
        return Written(str(folder / file), **said)

    WRITERS[name] = write


def _table_hdu(name: str = "", **changes: dict[str, Any]) -> fits.BinTableHDU:
    return fits.BinTableHDU.from_columns(_fits_columns(**changes), name=name or None)


def _ldac() -> list[Any]:
    header = fits.BinTableHDU.from_columns(
        [fits.Column("Field Header Card", "80A", array=["SIMPLE  = T"])], name="LDAC_IMHEAD"
    )
    return [header, _table_hdu("LDAC_OBJECTS")]


def _with_tdim() -> list[Any]:
    part = _table_hdu(extra={"format": "8A", "array": np.full(N, "abc")})
    part.header["TDIM6"] = "(1)"
    return [part]


def _id_bytes() -> np.ndarray:
    return np.array([str(number) for number in galaxies()["objID"]], "S40")


_fits_writer("fits, ids as text", lambda: [_table_hdu(objID={"format": "40A", "array": _id_bytes()})])
_fits_writer(
    "fits, unsigned ids",
    lambda: [_table_hdu(objID={"format": "K", "bzero": 2**63, "array": galaxies()["objID"].to_numpy(np.uint64)})],
)
_fits_writer(
    "fits, null values",
    lambda: [_table_hdu(votes={"format": "J", "null": -1, "array": galaxies()["votes"].to_numpy()})],
)
_fits_writer("fits, a catalog of SExtractor", _ldac)
_fits_writer(
    "fits, an image and the second table by name",
    lambda: [fits.ImageHDU(np.zeros((3, 3))), _table_hdu("OTHER"), _table_hdu("GALAXIES")],
    options={"hdu": "galaxies"},
)
_fits_writer("fits, TDIM of one text", _with_tdim)
_fits_writer(
    "fits, texts of 1000 characters", lambda: [_table_hdu(extra={"format": "1000A", "array": np.full(N, "x" * 1000)})]
)
_fits_writer("fits, bzip2", lambda: [_table_hdu()], "t.fits.bz2")
_fits_writer("fits, checksums", lambda: [_table_hdu()])


@writer
def _fits_garbage_after_nul(folder: Path) -> Written:
    labels = np.array([(label or "").encode() + b"\0junk" for label in galaxies()["class"]], "S20")
    part = _table_hdu(**{"class": {"format": "20A", "array": labels}})
    part.writeto(folder / "t.fits")
    return Written(str(folder / "t.fits"))


@writer
def _fits_of_text(folder: Path) -> Written:
    frame = galaxies()
    labels = np.array([label or "" for label in frame["class"]])
    known = frame["RA"].notna().to_numpy()
    columns = [
        fits.Column("objID", "A20", array=frame["objID"].astype(str).to_numpy(), ascii=True),
        fits.Column("RA", "D26.17", array=frame["RA"].to_numpy(), ascii=True, unit="deg"),
        fits.Column("Dec", "D26.17", array=frame["Dec"].to_numpy(), ascii=True, unit="deg"),
        fits.Column("class", "A12", array=labels, ascii=True),
        fits.Column("z", "D26.17", array=frame["z"].to_numpy(), ascii=True),
    ]
    assert known.any()
    fits.TableHDU.from_columns(columns).writeto(folder / "t.fits")
    return Written(str(folder / "t.fits"))


# VOTables by hand.


@writer
def _votable_gzip(folder: Path) -> Written:
    astropy_table().write(folder / "t.vot", format="votable")
    (folder / "t.xml.gz").write_bytes(gzip.compress((folder / "t.vot").read_bytes(), mtime=0))
    return Written(str(folder / "t.xml.gz"))


@writer
def _votable_second_table_and_infos(folder: Path) -> Written:
    astropy_table().write(folder / "t.vot", format="votable")
    other = (
        '<INFO name="QUERY_STATUS" value="OK"/><TABLE name="columns"><FIELD name="name" datatype="char" arraysize="*"/>'
        "<DATA><TABLEDATA><TR><TD>RA</TD></TR></TABLEDATA></DATA></TABLE>"
    )
    whole = re.sub(r"(<RESOURCE[^>]*>)", rf"\1{other}", (folder / "t.vot").read_text(), count=1)
    (folder / "t.vot").write_text(whole)
    return Written(str(folder / "t.vot"))


@writer
def _votable_1_1(folder: Path) -> Written:
    """As older services write it: no namespace, empty cells of numbers."""
    rows = []
    for row in galaxies().itertuples(index=False):
        cells = ["" if cell is None or cell != cell else str(cell) for cell in row[:5]]
        rows.append("<TR>" + "".join(f"<TD>{cell}</TD>" for cell in cells) + "</TR>")
    fields = "".join(
        f'<FIELD name="{name}" datatype="{kind}"/>'
        for name, kind in (
            ("objID", "long"),
            ("RA", "double"),
            ("Dec", "double"),
            ('class" arraysize="*', "char"),
            ("z", "double"),
        )
    )
    (folder / "t.xml").write_text(
        f'<?xml version="1.0"?>\n<VOTABLE version="1.1"><RESOURCE><TABLE>{fields}<DATA><TABLEDATA>'
        f"{''.join(rows)}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    return Written(str(folder / "t.xml"))


@writer
def _votable_null_value_and_fixed_text(folder: Path) -> Written:
    table = astropy_table()
    table["class"] = table["class"].filled("")
    made = votable.from_table(table)
    for column in made.get_first_table().fields:
        if column.name == "votes":
            column.values.null = -1
        if column.name == "class":
            column.arraysize = "12"
    made.get_first_table().format = "binary"
    made.to_xml(str(folder / "t.vot"))
    return Written(str(folder / "t.vot"))
