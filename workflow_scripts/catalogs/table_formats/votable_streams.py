"""The binary rows of a VOTable once more: what astropy passes over in them.

It takes no notice of the flags of BINARY2 that texts are null (what is masked would come out as data), takes a stream
that ends within a row for one that ends before it, and passes over characters and padding that are no base64.
"""

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import IO
from xml.etree import ElementTree

import numpy as np
from astropy.io.votable.tree import Field
from numpy.typing import NDArray

_BLANKS = b" \t\r\n"


def null_flags(file: IO[bytes], number: int, fields: Sequence[Field]) -> NDArray[np.bool_]:
    """Which cells (rows, fields) of a table of binary rows are null by the flags of BINARY2; none by those of BINARY.

    `number` is that of the table in the file. Raises `ValueError` for a stream that ends within a row, and for one that
    is damaged: characters that are left out shift all rows below.
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
