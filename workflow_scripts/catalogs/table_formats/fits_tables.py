"""Tables of a FITS file: binary ones in pieces from disk, those of text at once."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.io import fits
from astropy.table import Table
from numpy.typing import NDArray

from workflow_scripts.catalogs.cells import decoded
from workflow_scripts.catalogs.table_formats.recognition import check_packing, is_packed, open_unpacked
from workflow_scripts.catalogs.table_formats.serialized_columns import assembled, astropy_header
from workflow_scripts.catalogs.table_formats.table_file import Column, Piece, TableFile, guarded
from workflow_scripts.errors import InputError

# Of axes and columns, by the standard.
_MOST = 999
_BLOCK = 2880
_TEXT_FORM = re.compile(r"\s*(\d*)A")
_FIRST, _LAST = "--BEGIN-ASTROPY-SERIALIZED-COLUMNS--", "--END-ASTROPY-SERIALIZED-COLUMNS--"
# Characters of a YAML line in a comment card; one more, a backslash, means that the next card continues it.
_YAML_WIDTH = 70


def fits_tables(path: str) -> list[TableFile]:
    """All tables of a file.

    Raises
    ------
    InputError
        where there is none, or a table's columns do not fill its rows.
    """
    check_packing(path)
    _check_counts(path)
    with fits.open(path) as file:
        kinds = [type(part).__name__ for part in file]
        tables = [
            _table(path, number, part)
            for number, part in enumerate(file)
            if isinstance(part, fits.BinTableHDU | fits.TableHDU)
        ]
    if not tables:
        raise InputError(f"{path}: expected a table, but it holds images only ({', '.join(kinds)})")
    return tables


def _check_counts(path: str) -> None:
    """Raise `InputError` where a header has more axes or columns than can be: astropy looks for the cards of each.

    Headers after one that cannot be read are left to astropy, which does not come to them.
    """
    with open_unpacked(path) as file:
        number = 0
        while True:
            try:
                header = fits.Header.fromfile(file)
                counts = {key: header.get(key, 0) for key in ("NAXIS", "TFIELDS")}
            except (OSError, EOFError, ValueError, fits.VerifyError):
                return
            for key, count in counts.items():
                _check_count(path, number, key, count)
            sizes = [header.get(f"NAXIS{axis}") for axis in range(1, counts["NAXIS"] + 1)]
            extra = [header.get("PCOUNT", 0), header.get("GCOUNT", 1), header.get("BITPIX")]
            if not all(isinstance(value, int) for value in (*sizes, *extra)):
                return
            values = math.prod(sizes) if sizes else 0
            length = abs(extra[2]) // 8 * extra[1] * (extra[0] + values)
            if length < 0:
                return
            file.seek(-(-length // _BLOCK) * _BLOCK, 1)
            number += 1


def _check_count(path: str, number: int, key: str, count: Any) -> None:
    if not isinstance(count, int) or not 0 <= count <= _MOST:
        raise InputError(f"{path}: part {number} has {key} {count}, expected a number up to {_MOST}")


def _table(path: str, number: int, part: Any) -> TableFile:
    names = _check_layout(path, number, part)
    header, of_text = part.header, isinstance(part, fits.TableHDU)
    columns = [
        # A damaged card may have a number for a unit.
        Column(name, "" if column.unit is None else str(column.unit), str(header.get(f"TUCD{place}", "")))
        for place, (name, column) in enumerate(zip(names, part.columns, strict=True), start=1)
    ]

    def pieces(names: Sequence[str], rows: int) -> Iterator[Piece]:
        if of_text:
            with fits.open(path) as file:
                _check_layout(path, number, file[number])
                text = Table.read(file[number])
            yield {name: _of_text_table(text[name]) for name in names}
            return
        total = header["NAXIS2"]
        # A packed file is held unpacked in any case, and is unpacked once.
        rows = max(total, 1) if is_packed(path) else rows
        for start in range(0, total, rows) or (0,):
            # Opened anew, else the part of the file that was read stays in memory as long as it is mapped.
            with fits.open(path) as file:
                opened = file[number]
                _check_layout(path, number, opened)
                data = opened.data[start : min(start + rows, total)]
                piece = {name: _cells(path, data, opened.columns[name]) for name in names}
                for column in opened.columns:
                    # Else astropy copies all rows of all columns into memory when the file is closed.
                    del column.array
                del data
            yield piece

    name = f"{number}" + (f" ({part.name})" if part.name else "")
    table = TableFile(tuple(columns), guarded(pieces, path, "fits"), name, rows=header["NAXIS2"])
    stored = _stored(header)
    return assembled(table, astropy_header(stored)) if stored else table


def _check_layout(path: str, number: int, part: Any) -> list[str]:
    """Names of the columns, after their cards were made such that astropy reads them, and the width of a row checked.

    Cards TDIM that contradict the width of their column are dropped; columns without a name, or with that of another,
    get other names: they cannot be named.

    Raises `InputError` where columns and NAXIS1 disagree: all rows but the first would be shifted.
    """
    header = part.header
    if header.get("ZTABLE"):
        raise InputError(f"{path}: table {number} is tile-compressed, expected it unpacked (`funpack`)")
    _check_count(path, number, "TFIELDS", header["TFIELDS"])
    names = [str(header.get(f"TTYPE{place}", "")).strip() for place in range(1, header["TFIELDS"] + 1)]
    for place, name in enumerate(names, start=1):
        if not name or name in names[: place - 1]:
            other = f"{name} ({place})"
            while other in names:
                other += "'"
            header[f"TTYPE{place}"] = other
        elif name != header[f"TTYPE{place}"]:
            header[f"TTYPE{place}"] = name
    if isinstance(part, fits.TableHDU):
        return names
    for place in range(1, len(names) + 1):
        form, shape = _TEXT_FORM.match(str(header.get(f"TFORM{place}"))), header.get(f"TDIM{place}")
        if form and shape is not None:
            sizes = [int(size) for size in re.findall(r"\d+", str(shape))]
            # A shape of one size is that of a single text.
            if len(sizes) < 2 or math.prod(sizes) != int(form[1] or 1):
                del header[f"TDIM{place}"]
    width = part.columns.dtype.itemsize
    if width != header["NAXIS1"]:
        raise InputError(
            f"{path}: the columns of table {number} take {width} bytes, but a row has {header['NAXIS1']} (NAXIS1);"
            " expected columns that fill the rows"
        )
    return names


def _stored(header: fits.Header) -> list[str]:
    comments = [str(line) for line in header.get("COMMENT", ())]
    if _FIRST not in comments or _LAST not in comments:
        return []
    lines: list[str] = []
    continues = False
    for line in comments[comments.index(_FIRST) + 1 : comments.index(_LAST)]:
        if continues:
            lines[-1] += line[:_YAML_WIDTH]
        else:
            lines.append(line[:_YAML_WIDTH])
        continues = len(line) > _YAML_WIDTH
    return lines


def _cells(path: str, data: fits.FITS_rec, column: fits.Column) -> pa.Array:
    """Cells of a binary table; null by TNULL, for NaN, empty texts and logical values that are neither."""
    raw = np.asarray(data.view(np.ndarray)[column.name])
    null: NDArray[np.bool_] | None = None
    if raw.dtype.kind == "S" and raw.ndim == 1:
        return pa.array([decoded(cell.partition(b"\0")[0]).rstrip() for cell in raw.tolist()], pa.string())
    cells = data.field(column.name)
    if isinstance(cells, np.ndarray) and cells.dtype != object and cells.shape[1:] == (1,) * (cells.ndim - 1):
        # An array of one number.
        cells, raw = cells.reshape(-1), raw.reshape(-1)
    if not isinstance(cells, np.ndarray) or cells.ndim != 1 or cells.dtype == object or raw.shape != cells.shape:
        raise InputError(f"{path}: column '{column.name}' has several values in a cell, expected one")
    if cells.dtype.kind == "b":
        null = (raw != ord("T")) & (raw != ord("F"))
    elif column.null is not None and raw.dtype.kind in "iu":
        null = raw == column.null
    elif cells.dtype.kind == "f":
        null = np.isnan(cells)
    elif cells.dtype.kind not in "iu":
        raise InputError(f"{path}: column '{column.name}' has complex values, expected numbers or text")
    return pa.array(np.ascontiguousarray(cells.astype(cells.dtype.newbyteorder("="))), mask=null)


def _of_text_table(column: Any) -> pa.Array:
    mask = np.asarray(column.mask) if hasattr(column, "mask") else None
    values = np.asarray(column)
    return pa.array(values.astype(object) if values.dtype.kind in "SU" else values, mask=mask)
