"""The table of `written_tables` in Parquet: types of columns, folders, patterns and a HATS catalog.

`WRITERS` has these and those of all other formats.
"""

from collections.abc import Callable
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.unit.catalogs.written_by_libraries import WRITERS
from tests.unit.catalogs.written_tables import N, Written, galaxies, writer

# Parquet by pyarrow and pandas.


def arrow_table(**changes: Any) -> pa.Table:
    """The table with nulls; `changes` are other columns, in place of its own or besides."""
    frame = galaxies()
    columns = {name: pa.array(frame[name], from_pandas=True) for name in frame} | changes
    return pa.table(columns)


def _decimals(name: str, digits: int) -> pa.Array:
    cells = [None if cell != cell else Decimal(repr(float(cell))) for cell in galaxies()[name]]
    with localcontext(prec=38):
        return pa.array(
            [cell and cell.quantize(Decimal(1).scaleb(-digits)) for cell in cells], pa.decimal128(38, digits)
        )


def _parquet_writer(name: str, table: Callable[[], pa.Table], exact: bool = True, **options: Any) -> None:
    def write(folder: Path) -> Written:
        pq.write_table(table(), folder / "t.parquet", **options)
        return Written(str(folder / "t.parquet"), exact=exact)

    WRITERS[name] = write


def _with_unit(unit: str, ra: float, dec: float) -> pa.Table:
    frame = galaxies()
    table = arrow_table(
        RA=pa.array(frame["RA"] * ra, from_pandas=True), Dec=pa.array(frame["Dec"] * dec, from_pandas=True)
    )
    schema = table.schema
    for name in ("RA", "Dec"):
        schema = schema.set(schema.get_field_index(name), schema.field(name).with_metadata({"unit": unit}))
    return table.cast(schema)


_parquet_writer("parquet", arrow_table)
_parquet_writer("parquet, rows in groups of 7", arrow_table, row_group_size=7)
_parquet_writer("parquet, brotli and version 1", arrow_table, compression="brotli", version="1.0")
_parquet_writer(
    "parquet, NaN in place of null",
    lambda: pa.table({name: pa.array(galaxies()[name].to_numpy(), from_pandas=name == "class") for name in galaxies()}),
)
_parquet_writer("parquet, dictionary", lambda: arrow_table(**{"class": arrow_table()["class"].dictionary_encode()}))
_parquet_writer(
    "parquet, large and view texts",
    lambda: arrow_table(
        **{
            "class": arrow_table()["class"].cast(pa.string_view()),
            "note": arrow_table()["note"].cast(pa.large_string()),
        }
    ),
)
_parquet_writer(
    "parquet, bytes",
    lambda: arrow_table(
        **{
            "class": arrow_table()["class"].cast(pa.binary()),
            "objID": arrow_table()["objID"].cast(pa.string()).cast(pa.binary()),
        }
    ),
)
_parquet_writer("parquet, decimal ids", lambda: arrow_table(objID=arrow_table()["objID"].cast(pa.decimal128(20, 0))))
_parquet_writer(
    "parquet, decimal positions", lambda: arrow_table(RA=_decimals("RA", 30), Dec=_decimals("Dec", 30)), exact=False
)
_parquet_writer("parquet, unsigned ids", lambda: arrow_table(objID=arrow_table()["objID"].cast(pa.uint64())))
_parquet_writer("parquet, radians", lambda: _with_unit("radians", np.pi / 180, np.pi / 180), exact=False)
_parquet_writer(
    "parquet, odd columns",
    lambda: arrow_table(
        flux=pa.array([[1.0, 2.0]] * N),
        when=pa.array([0] * N, pa.timestamp("us", "UTC")),
        nothing=pa.nulls(N),
        shape=pa.array([{"a": 1.0, "b": "c"}] * N),
        of=pa.array([0.5] * N, pa.float16()),
        long=pa.array([1] * N, pa.duration("s")),
    ),
)


@writer
def _parquet_by_pandas_with_nullable_columns(folder: Path) -> Written:
    frame = galaxies().convert_dtypes().astype({"class": "category", "objID": "UInt64"}).set_index("objID")
    frame.to_parquet(folder / "t.parquet")
    return Written(str(folder / "t.parquet"))


def _parts(folder: Path, names: list[str]) -> None:
    table, size = arrow_table(), N // len(names)
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.slice(number * size, size), folder / name)


@writer
def _parquet_folder(folder: Path) -> Written:
    _parts(folder, ["part-0.parquet", "part-1.parquet", "deeper/part-2.parquet"])
    for other in ("_SUCCESS", "read me.txt", ".part-0.parquet.crc", "_metadata"):
        (folder / other).write_bytes(b"nothing")
    return Written(str(folder))


@writer
def _parquet_folder_of_other_orders_and_types(folder: Path) -> Written:
    table, size = arrow_table(), N // 3
    first, second, third = (table.slice(size * number, size) for number in range(3))
    pq.write_table(first, folder / "a.parquet")
    names = table.column_names[::-1]
    changed = second.select(names).cast(
        pa.schema(
            [
                pa.field(name, pa.decimal128(19, 0) if name == "objID" else second.schema.field(name).type)
                for name in names
            ]
        )
    )
    pq.write_table(changed, folder / "b.parquet")
    place = third.schema.get_field_index("class")
    pq.write_table(third.set_column(place, "class", third["class"].dictionary_encode()), folder / "c.parquet")
    return Written(str(folder))


@writer
def _parquet_hive(folder: Path) -> Written:
    table = arrow_table()
    known = table["class"].is_valid()
    for name in ("spiral", "elliptical", "None"):
        (folder / f"class={name}").mkdir()
        chosen = table.filter(pa.compute.equal(table["class"], name)).drop_columns("class")
        pq.write_table(chosen, folder / f"class={name}" / "0.parquet")
    (folder / "class=__HIVE_DEFAULT_PARTITION__").mkdir()
    rest = table.filter(pa.compute.invert(known)).drop_columns("class")
    pq.write_table(rest, folder / "class=__HIVE_DEFAULT_PARTITION__" / "0.parquet")
    return Written(str(folder))


@writer
def _parquet_pattern(folder: Path) -> Written:
    _parts(folder, ["part-0.parquet", "part-1.parquet", "part-2.parquet"])
    (folder / "other.parquet").write_bytes(b"nothing")
    return Written(str(folder / "part-*.parquet"))


@writer
def _parquet_pattern_of_folders(folder: Path) -> Written:
    _parts(folder, ["tile1/t.parquet", "tile2/t.parquet"])
    return Written(str(folder / "tile*" / "t.parquet"))


@writer
def _parquet_of_an_asterisk(folder: Path) -> Written:
    pq.write_table(arrow_table(), folder / "all*[1].parquet")
    (folder / "all2.parquet").write_bytes(b"nothing")
    return Written(str(folder / "all*[1].parquet"))


@writer
def _parquet_by_symbolic_links(folder: Path) -> Written:
    _parts(folder, ["kept/0.parquet", "kept/1.parquet"])
    (folder / "catalog").mkdir()
    (folder / "catalog" / "0.parquet").symlink_to(folder / "kept" / "0.parquet")
    (folder / "other").mkdir()
    (folder / "kept" / "1.parquet").rename(folder / "other" / "1.parquet")
    (folder / "catalog" / "more").symlink_to(folder / "other")
    return Written(str(folder / "catalog"))


@writer
def _hats(folder: Path) -> Written:
    """Two pixels of a HATS catalog, with its index, its margin and its metadata."""
    table = arrow_table().append_column("_healpix_29", pa.array(np.arange(N)))
    main = folder / "sky" / "galaxies"
    for number, rows in enumerate((table.slice(0, 300), table.slice(300, 300))):
        place = main / "dataset" / "Norder=0" / "Dir=0"
        place.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, place / f"Npix={number}.parquet")
    pq.write_metadata(table.schema, main / "dataset" / "_common_metadata")
    margin = folder / "sky" / "galaxies_margin" / "dataset" / "Norder=0" / "Dir=0"
    margin.mkdir(parents=True)
    pq.write_table(table.slice(0, 5), margin / "Npix=0.parquet")
    (main / "hats.properties").write_text("dataproduct_type=object\nhats_col_ra=RA\nhats_col_dec=Dec\n")
    (folder / "sky" / "collection.properties").write_text(
        "hats_primary_table_url=galaxies\nall_margins=galaxies_margin\n"
    )
    return Written(str(folder / "sky"))
