"""Tables of a VOTable file, read at once by astropy; no address or file that it names is opened."""

import base64
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import IO, Any
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np
import pyarrow as pa
from astropy.io import votable
from astropy.io.votable.tree import Field, TableElement
from numpy.typing import NDArray

from workflow_scripts.catalogs.table_formats.recognition import open_unpacked
from workflow_scripts.catalogs.table_formats.table_file import Column, Piece, TableFile, guarded
from workflow_scripts.catalogs.table_formats.votable_safety import forbidden_content
from workflow_scripts.errors import InputError

_BLANKS = b" \t\r\n"


def votables(path: str) -> list[TableFile]:
    """All tables of a file.

    Raises
    ------
    InputError
        where there is none, or data lie elsewhere (`<STREAM href=...>`).
    """
    with open_unpacked(path) as file:
        if (reason := forbidden_content(file)) is not None:
            raise InputError(f"{path}: {reason}")
    headers: list[dict[str, Any]] = []
    systems: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if tag == "COOSYS":
            systems[attributes.get("ID", "")] = attributes.get("system", "")
        elif tag == "TABLE":
            title = attributes.get("name") or attributes.get("ID") or ""
            headers.append({"name": title, "rows": attributes.get("nrows"), "fields": [], "binary": False})
        elif headers and tag == "FIELD":
            headers[-1]["fields"].append(attributes)
        elif headers and tag in ("BINARY", "BINARY2"):
            headers[-1]["binary"] = True

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    with open_unpacked(path) as file:
        parser.ParseFile(file)
    if not headers:
        raise InputError(f"{path}: expected a table, but the VOTable has none")
    fewest = min(len(header["fields"]) for header in headers)
    return [_table(path, number, header, systems, fewest) for number, header in enumerate(headers)]


def _table(path: str, number: int, header: dict[str, Any], systems: dict[str, str], fewest: int) -> TableFile:
    """One table of a file whose tables have at least `fewest` columns."""
    columns = [
        Column(
            field.get("name") or field.get("ID") or "",
            field.get("unit", ""),
            field.get("ucd", ""),
            systems.get(field.get("ref", ""), ""),
        )
        for field in header["fields"]
    ]

    def pieces(names: Sequence[str], rows: int) -> Iterator[Piece]:
        listed = [column.name for column in columns]
        # In their order in the file, as astropy takes them.
        chosen = sorted({listed.index(name) for name in names})
        with open_unpacked(path) as file:
            # As a function: what astropy gets as a file it may unpack once more. It wants these columns in every table.
            parsed = votable.parse(
                file.read,
                table_number=number,
                columns=chosen if chosen[-1] < fewest else None,
                unit_format="generic",
            ).get_first_table()
        places = {listed[place]: parsed.all_fields[place] for place in chosen}
        _check_rows(len(parsed.array), header["rows"])
        if header["binary"]:
            with open_unpacked(path) as file:
                flags = _null_flags(file, number, parsed.all_fields)
            _check_rows(len(parsed.array), len(flags))
            for place in chosen:
                mask = parsed.array.mask[parsed.all_fields[place].ID]
                mask |= flags[:, place] if mask.ndim == 1 else False
        read = {name: cells_of_field(parsed, places[name]) for name in names}
        several = next((name for name, cells in read.items() if cells is None), None)
        if several is not None:
            raise InputError(f"{path}: column '{several}' has several values in a cell, expected one")
        yield {name: cells for name, cells in read.items() if cells is not None}

    rows = int(header["rows"]) if str(header["rows"]).isdigit() else None
    label = f"{number}" + (f" ({header['name']})" if header["name"] else "")
    return TableFile(tuple(columns), guarded(pieces, path, "votable"), label, rows=rows)


def _null_flags(file: IO[bytes], number: int, fields: Sequence[Field]) -> NDArray[np.bool_]:
    """Which cells (rows, fields) of a table of binary rows are null by the flags of BINARY2; none by those of BINARY.

    astropy passes over this: the flags of BINARY2 that texts are null (what is masked would come out as data), the end
    of a stream within a row, characters and padding that are no base64. `number` is that of the table in the file.
    Raises `ValueError` for a stream that ends within a row, and for one that is damaged: characters that are left out
    shift all rows below.
    """
    tables, kind = -1, ""
    for event, part in ElementTree.iterparse(file, ("start", "end")):
        tag = part.tag.rpartition("}")[2]
        if event == "start":
            tables += tag == "TABLE"
            kind = tag if tag in ("BINARY", "BINARY2") else kind
            continue
        if tag == "STREAM" and tables == number:
            text = (part.text or "").encode().translate(None, _BLANKS)
            part.clear()
            return _walked(base64.b64decode(text, validate=True), fields, kind == "BINARY2")
        part.clear()
    raise ValueError("it has no stream of binary rows")


def _walked(data: bytes, fields: Sequence[Field], has_flags: bool) -> NDArray[np.bool_]:
    stream, flags, rows = BytesIO(data), bytearray(), 0
    width = (len(fields) + 7) // 8 if has_flags else 0

    def read(length: int) -> bytes:
        block = stream.read(length)
        if len(block) != length:
            raise ValueError(f"its binary data end within row {rows + 1}")
        return block

    while stream.tell() < len(data):
        flags += read(width)
        for field in fields:
            field.converter.binparse(read)
        rows += 1
        if rows == 1 and all((field.arraysize or "1").isdigit() for field in fields):
            # All rows are as long as the first.
            size = stream.tell()
            rows, over = divmod(len(data), size)
            if over:
                raise ValueError(f"its binary data end within row {rows + 1}")
            flags = bytearray(np.frombuffer(data, np.uint8).reshape(rows, size)[:, :width].tobytes())
            break
    bits = np.unpackbits(np.frombuffer(flags, np.uint8).reshape(rows, width), axis=1)[:, : len(fields)]
    return bits.astype(bool) if has_flags else np.zeros((rows, len(fields)), bool)


def _check_rows(found: int, promised: Any) -> None:
    if str(promised).isdigit() and found != int(promised):
        raise ValueError(f"it has {found} rows, expected {promised}")


def cells_of_field(table: TableElement, field: Field) -> pa.Array | None:
    """The cells of a parsed table's field, null where they are; None where a cell has several values."""
    cells = table.array[field.ID]
    mask, values = np.ma.getmaskarray(cells), np.ma.getdata(cells)
    if values.ndim != 1 or values.dtype.kind == "c":
        return None
    if values.dtype.kind in "OSU":
        texts = [cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell for cell in values.tolist()]
        return pa.array(texts, pa.string(), mask=mask) if all(isinstance(cell, str) for cell in texts) else None
    return pa.array(values.astype(values.dtype.newbyteorder("=")), mask=mask, from_pandas=True)
