"""What a file is, by its first bytes and then by its name; text that may be compressed and in any encoding."""

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from workflow_scripts.catalogs.formats import FORMAT_NAMES, FORMAT_SUFFIXES, FORMATS, format_of_name
from workflow_scripts.errors import InputError

_IPAC_HEADER_LINES = 4
# How much of a file is looked at.
HEAD_BYTES = 1 << 18
_BLOCK_BYTES = 1 << 22
_COMPRESSED: tuple[tuple[bytes, Any], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)
_OTHERS = (
    (b"PK\x03\x04", "a zip archive or spreadsheet (of an archive, unpack it)"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite format 3", "a database"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet"),
    (b"%PDF", "a PDF"),
    (b"ARROW1", "an Arrow file"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
)
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def _unpacker(path: str) -> Callable[[str, str], IO[bytes]] | None:
    with open(path, "rb") as file:
        begin = file.read(6)
    return next((opener for magic, opener in _COMPRESSED if begin.startswith(magic)), None)


def is_packed(path: str) -> bool:
    """Whether gzip, bzip2 or xz packed a file."""
    return _unpacker(path) is not None


def open_unpacked(path: str) -> IO[bytes]:
    """A file, opened for reading; what gzip, bzip2 or xz packed is unpacked, whatever the file's name."""
    return (_unpacker(path) or open)(path, "rb")


def check_packing(path: str) -> None:
    """Unpack a packed file to its end, where its checksum is: a table may end before it. Raises as `gzip` does."""
    if is_packed(path):
        with open_unpacked(path) as file:
            while file.read(_BLOCK_BYTES):
                pass


def head_of(path: str) -> bytes:
    """The first bytes of a file, unpacked."""
    with open_unpacked(path) as file:
        return file.read(HEAD_BYTES)


def recognised_format(path: str, given: str | None) -> str:
    """The format of a table: as it is given, else by its content, else by its name.

    Raises
    ------
    InputError
        for a file that does not exist, a format that is not known, a file that is no table, and a name that gives no
        format of a file whose content shows none.
    """
    if given is not None and given not in FORMAT_NAMES:
        raise InputError(f"{path}: format '{given}' is not known, expected {', '.join(FORMAT_NAMES)}")
    place = Path(path)
    if not place.is_file():
        if place.is_dir() or "*" in path:
            return "parquet"
        raise InputError(f"{path}: the catalog does not exist")
    if given is not None:
        return given
    try:
        head = head_of(path)
    except (OSError, EOFError, lzma.LZMAError, zlib.error):
        head = b""
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for known in FORMATS:
        if begin.startswith(known.begin):
            return known.name
    for magic, what in _OTHERS:
        if begin[: len(magic)].lower() == magic.lower():
            raise InputError(f"{path}: expected a table, but it is {what}; save it as Parquet, FITS or CSV")
    if b"Byte-by-byte Description of file" in head:
        return "cds"
    if _is_ipac(begin):
        return "ipac"
    if found := format_of_name(place.name):
        return found
    raise InputError(
        f"{path}: neither its content nor its name is that of a table, expected {', '.join(FORMAT_SUFFIXES)}; save it"
        " as Parquet, FITS or CSV, or state the format if it is one of these (`format`)"
    )


def _is_ipac(begin: bytes) -> bool:
    """Whether text begins with keywords (`\\`), one to four lines between bars, and rows that begin with none."""
    lines = [line.rstrip() for line in begin.splitlines() if line.strip() and not line.startswith(b"\\")]
    header = next((number for number, line in enumerate(lines) if not line.startswith(b"|")), len(lines))
    return 1 <= header <= _IPAC_HEADER_LINES and all(
        line.count(b"|") > 2 and line.endswith(b"|") for line in lines[:header]
    )


def encoding_of(head: bytes) -> str:
    """The encoding of text that begins so: by its mark, by the zeros of UTF-16, UTF-8 where it is that, else Latin-1.

    Raises `ValueError` for bytes that are no text.
    """
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return name
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = head[first::2].count(0)
        if len(head) > 3 and zeros > 0.4 * len(head[first::2]) and head[1 - first :: 2].count(0) == 0:
            return name
    if b"\0" in head:
        raise ValueError("it holds zeros, as no text does")
    try:
        # The last character may be cut where the file goes on.
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"
