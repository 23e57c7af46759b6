"""The binary rows of a VOTable once more: what astropy passes over in them.

It takes no notice of the flags of BINARY2 that texts are null (what is masked would come out as data), and takes a
stream that ends within a row for one that ends before it.
"""

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import IO
from xml.etree import ElementTree

import numpy as np
from astropy.io.votable.converters import bitarray_to_bool
from astropy.io.votable.tree import Field
from numpy.typing import NDArray


def null_flags(file: IO[bytes], number: int, fields: Sequence[Field]) -> NDArray[np.bool_] | None:
    """Which cells (rows, fields) of a table are null by the flags of BINARY2; none by those of BINARY.

    `number` is that of the table in the file. None where its rows are not binary. Raises `ValueError` for a stream that
    ends within a row.
    """
    tables, kind = -1, ""
    for event, part in ElementTree.iterparse(file, ("start", "end")):
        tag = part.tag.rpartition("}")[2]
        if event == "start":
            tables += tag == "TABLE"
            kind = tag if tag in ("BINARY", "BINARY2", "TABLEDATA") else kind
            continue
        if tag == "STREAM" and tables == number and kind != "TABLEDATA":
            return _walked(base64.b64decode(part.text or ""), fields, kind == "BINARY2")
        part.clear()
    return None


def _walked(data: bytes, fields: Sequence[Field], has_flags: bool) -> NDArray[np.bool_]:
    stream = BytesIO(data)
    rows: list[NDArray[np.bool_]] = []

    def read(length: int) -> bytes:
        block = stream.read(length)
        if len(block) != length:
            raise ValueError(f"its binary data end within row {len(rows) + 1}")
        return block

    while stream.tell() < len(data):
        flags = bitarray_to_bool(read((len(fields) + 7) // 8), len(fields)) if has_flags else [False] * len(fields)
        for field in fields:
            field.converter.binparse(read)
        rows.append(np.asarray(flags, bool))
    return np.array(rows, bool).reshape(len(rows), len(fields))
