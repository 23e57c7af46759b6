"""A few columns of any names and units, in each format as text by hand: libraries would correct names and units."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits
from numpy.typing import NDArray

Columns = Sequence[NDArray]
# (path, names, units, columns) of a table whose columns are float64, int64 or text.
Writer = Callable[[Path, Sequence[str], Sequence[str], Columns], None]


def _csv(path: Path, names: Sequence[str], _: Sequence[str], columns: Columns) -> None:
    path.write_text(_rows(names, columns))


def _rows(names: Sequence[str], columns: Columns) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerows([names, *zip(*(column.tolist() for column in columns), strict=True)])
    return out.getvalue()


def _ecsv(path: Path, names: Sequence[str], units: Sequence[str], columns: Columns) -> None:
    path.write_text("".join(f"# {line}\n" for line in _yaml(names, units, columns)) + _rows(names, columns))


def _yaml(names: Sequence[str], units: Sequence[str], columns: Columns) -> list[str]:
    kinds = {"f": "float64", "i": "int64", "U": "string"}
    lines = ["%ECSV 1.0", "---", "delimiter: ','", "datatype:"]
    for name, unit, column in zip(names, units, columns, strict=True):
        entry = {"name": name, "datatype": kinds[column.dtype.kind]} | ({"unit": unit} if unit else {})
        lines.append(f"- {json.dumps(entry)}")
    return lines


def _fits(path: Path, names: Sequence[str], units: Sequence[str], columns: Columns) -> None:
    kinds = {"f": "D", "i": "K", "U": "12A"}
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column(f"c{place}", kinds[column.dtype.kind], "-", array=column)
            for place, column in enumerate(columns, start=1)
        ]
    )
    table.writeto(path)
    content = path.read_bytes()
    for place, (name, unit) in enumerate(zip(names, units, strict=True), start=1):
        for key, value in (("TTYPE", name), ("TUNIT", unit)):
            at = content.index(f"{key}{place}".ljust(8).encode() + b"= ")
            quoted = value.replace("'", "''")
            card = f"{key}{place}".ljust(8).encode() + f"= '{quoted:8s}'".encode("ascii").ljust(72)
            content = content[:at] + card + content[at + 80 :]
    path.write_bytes(content)


def _votable(path: Path, names: Sequence[str], units: Sequence[str], columns: Columns) -> None:
    rows = zip(*(column.tolist() for column in columns), strict=True)
    cells = "".join("<TR>" + "".join(f"<TD>{escape(str(cell))}</TD>" for cell in row) + "</TR>" for row in rows)
    path.write_text(_document(names, units, columns, f"<DATA><TABLEDATA>{cells}</TABLEDATA></DATA>"))


def _document(names: Sequence[str], units: Sequence[str], columns: Columns, data: str = "") -> str:
    kinds = {"f": 'datatype="double"', "i": 'datatype="long"', "U": 'datatype="unicodeChar" arraysize="*"'}
    fields = "".join(
        f"<FIELD name={quoteattr(name)} {kinds[column.dtype.kind]}" + (f" unit={quoteattr(unit)}/>" if unit else "/>")
        for name, unit, column in zip(names, units, columns, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f"<RESOURCE><TABLE>{fields}{data}</TABLE></RESOURCE></VOTABLE>"
    )


def _arrow(names: Sequence[str], columns: Columns) -> pa.Table:
    return pa.Table.from_arrays([pa.array(column) for column in columns], names=list(names))


def _parquet(path: Path, names: Sequence[str], units: Sequence[str], columns: Columns) -> None:
    fields = [
        pa.field(name, pa.array(column).type, metadata={"unit": unit} if unit else None)
        for name, unit, column in zip(names, units, columns, strict=True)
    ]
    pq.write_table(pa.Table.from_arrays([pa.array(column) for column in columns], schema=pa.schema(fields)), path)


def _parquet_of_astropy(path: Path, names: Sequence[str], units: Sequence[str], columns: Columns) -> None:
    header = {"table_meta_yaml": "\n".join(_yaml(names, units, columns)[3:])}
    pq.write_table(_arrow(names, columns).replace_schema_metadata(header), path)


def _vo_parquet(path: Path, names: Sequence[str], units: Sequence[str], columns: Columns) -> None:
    header = {"IVOA.VOTable-Parquet.version": "1.0", "IVOA.VOTable-Parquet.content": _document(names, units, columns)}
    pq.write_table(_arrow(names, columns).replace_schema_metadata(header), path)


# By the name of the file that each writes.
WITH_UNITS: Mapping[str, Writer] = {
    "t.fits": _fits,
    "t.vot": _votable,
    "t.ecsv": _ecsv,
    "t.parquet": _parquet,
    "astropy.parquet": _parquet_of_astropy,
    "vo.parquet": _vo_parquet,
}
ALL: Mapping[str, Writer] = {"t.csv": _csv, **WITH_UNITS}


def write(
    folder: Path, name: str, names: Sequence[str], columns: Columns, units: Sequence[str] | Mapping[str, str] = ()
) -> str:
    """Write columns into a new file of one of the names of `ALL`, and give its path; `units` by column or in order."""
    path = folder / name
    path.unlink(missing_ok=True)
    listed = [units.get(column, "") for column in names] if isinstance(units, Mapping) else list(units)
    ALL[name](path, names, listed or [""] * len(names), columns)
    return str(path)
