"""Tables of a VOTable file, read at once by astropy; no address or file that it names is opened."""

from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

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
    with open_unpacked(path) as file:
        for event, part in ElementTree.iterparse(file, ("start", "end")):
            tag = part.tag.rpartition("}")[2]
            if event == "end":
                part.clear()
            elif tag == "COOSYS":
                systems[part.get("ID", "")] = part.get("system", "")
            elif tag == "TABLE":
                name = part.get("name") or part.get("ID") or ""
                headers.append({"name": name, "rows": part.get("nrows"), "fields": []})
            elif tag == "FIELD" and headers:
                headers[-1]["fields"].append(dict(part.attrib))
    if not headers:
        raise InputError(f"{path}: expected a table, but the VOTable has none")
    return [_table(path, number, header, systems) for number, header in enumerate(headers)]


def _table(path: str, number: int, header: dict[str, Any], systems: dict[str, str]) -> TableFile:
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
        with open_unpacked(path) as file:
            # As a function: what astropy gets as a file it may unpack once more.
            parsed = votable.parse(file.read, table_number=number, unit_format="generic").get_first_table()
        places = {field.name or field.ID: field for field in reversed(parsed.fields)}
        _check_rows(len(parsed.array), header["rows"])
        with open_unpacked(path) as file:
            flags = null_flags(file, number, parsed.all_fields)
        if flags is not None:
            _check_rows(len(parsed.array), len(flags))
            for field, null in zip(parsed.all_fields, flags.T, strict=True):
                parsed.array.mask[field.ID] |= null if parsed.array.mask[field.ID].ndim == 1 else False
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
