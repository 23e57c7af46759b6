"""Tables of text that describe their own columns, read at once by astropy: CDS/MRT and IPAC."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from astropy.table import Column as AstropyColumn
from astropy.table import Table

from workflow_scripts.catalogs.table_formats.recognition import encoding_of, open_unpacked
from workflow_scripts.catalogs.table_formats.table_file import Column, Piece, TableFile, guarded


def cds_tables(path: str) -> list[TableFile]:
    """The one table of a CDS or machine-readable (MRT) file."""
    return [_described(path, "cds")]


def ipac_tables(path: str) -> list[TableFile]:
    """The one table of an IPAC file."""
    return [_described(path, "ipac")]


def _described(path: str, table_format: str) -> TableFile:
    with open_unpacked(path) as file:
        data = file.read()
    text = data.decode(encoding_of(data)).removeprefix("\ufeff")
    table = Table.read(text.splitlines(), format=f"ascii.{table_format}", guess=False)
    cells = {name: _cells(table[name]) for name in table.colnames}
    units = {name: str(table[name].unit or "") for name in table.colnames}

    def pieces(names: Sequence[str], rows: int) -> Iterator[Piece]:
        yield {name: cells[name] for name in names}

    columns = tuple(Column(name, units[name]) for name in cells)
    return TableFile(columns, guarded(pieces, path, table_format), rows=len(table))


def _cells(column: AstropyColumn) -> pa.Array:
    mask = np.asarray(column.mask) if hasattr(column, "mask") else None
    values = np.asarray(column)
    return pa.array(values.astype(object) if values.dtype.kind in "SU" else values, mask=mask)
