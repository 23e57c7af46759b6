"""Tables of a VOTable file, read at once by astropy; no address or file that it names is opened."""

from collections.abc import Iterator, Sequence
from typing import Any
from xml.parsers import expat

import numpy as np
import pyarrow as pa
from astropy.io import votable
from astropy.io.votable.tree import Field, TableElement

from workflow_scripts.catalogs.table_formats.recognition import open_unpacked
from workflow_scripts.catalogs.table_formats.table_file import Column, Piece, TableFile, guarded
from workflow_scripts.catalogs.table_formats.votable_safety import forbidden_content
from workflow_scripts.catalogs.table_formats.votable_streams import null_flags
from workflow_scripts.errors import InputError


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
                flags = null_flags(file, number, parsed.all_fields)
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
