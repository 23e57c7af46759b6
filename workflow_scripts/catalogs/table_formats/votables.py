"""Tables of a VOTable file, read at once by astropy; no address or file that it names is opened."""

from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
from astropy.io import votable

from workflow_scripts.catalogs.table_formats.recognition import open_unpacked
from workflow_scripts.catalogs.table_formats.table_file import Column, Piece, TableFile, guarded
from workflow_scripts.errors import InputError


def votables(path: str) -> list[TableFile]:
    """All tables of a file.

    Raises
    ------
    InputError
        where there is none, or data lie elsewhere (`<STREAM href=...>`).
    """
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
            elif tag == "STREAM" and part.get("href"):
                raise InputError(f"{path}: its data lie at {part.get('href')}, expected them in the file")
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
            parsed = votable.parse(file, table_number=number, unit_format="generic").get_first_table()
        places = {field.name or field.ID: field for field in reversed(parsed.fields)}
        yield {name: _cells(path, name, parsed.array[places[name].ID]) for name in names}

    rows = int(header["rows"]) if str(header["rows"]).isdigit() else None
    label = f"{number}" + (f" ({header['name']})" if header["name"] else "")
    return TableFile(tuple(columns), guarded(pieces, path, "votable"), label, rows=rows)


def _cells(path: str, name: str, cells: Any) -> pa.Array:
    mask, values = np.ma.getmaskarray(cells), np.ma.getdata(cells)
    if values.ndim != 1:
        raise InputError(f"{path}: column '{name}' has several values in a cell, expected one")
    if values.dtype.kind in "OSU":
        texts = [cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell for cell in values.tolist()]
        if not all(isinstance(cell, str) for cell in texts):
            raise InputError(f"{path}: column '{name}' has several values in a cell, expected one")
        return pa.array(texts, pa.string(), mask=mask)
    return pa.array(values.astype(values.dtype.newbyteorder("=")), mask=mask, from_pandas=True)
