"""Responses that are not what was requested, though they arrive whole: one function for each kind."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from io import BytesIO
from urllib.parse import urlencode

import numpy as np
from PIL import Image

from tests.services import image_files
from tests.services.exchange import HTML, JSON, PNG, TEXT, ServiceRequest, ServiceResponse
from tests.services.protocols.sdss import error_picture
from tests.services.protocols.sqlsearch import THROTTLED

_PAGE = b"<!DOCTYPE html>\n<html><head><title>Maintenance</title></head><body>Back soon.</body></html>\n"
# Parameters that mark a request as the target of a redirect.
REDIRECTED, LOOPING = "redirected", "looping"
_PRIVATE = "http://169.254.169.254/latest/meta-data/"
Alteration = Callable[[ServiceResponse, ServiceRequest, int], ServiceResponse]


@dataclass(frozen=True)
class Altered:
    """An alteration, and what it suits: any response, one service, or forms (jpeg, png, fits, table)."""

    suits: str
    alter: Alteration


def _status(status: int, retry_after: str = "") -> Alteration:
    def alter(response: ServiceResponse, received: ServiceRequest, seconds: int) -> ServiceResponse:
        headers = {}
        if retry_after == "seconds":
            headers["Retry-After"] = str(seconds)
        if retry_after == "date":
            headers["Retry-After"] = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        return ServiceResponse(_PAGE, HTML, status, headers=headers)

    return alter


def _redirect(target: Callable[[ServiceRequest], str]) -> Alteration:
    return lambda response, received, seconds: ServiceResponse(b"", HTML, 302, headers={"Location": target(received)})


def _body(change: Callable[[bytes], bytes], content_type: str | None = None) -> Alteration:
    def alter(response: ServiceResponse, received: ServiceRequest, seconds: int) -> ServiceResponse:
        return replace(response, body=change(response.body), content_type=content_type or response.content_type)

    return alter


def _instead(body: bytes, content_type: str | None = None, status: int = 200) -> Alteration:
    return lambda response, received, seconds: ServiceResponse(body, content_type or response.content_type, status)


def _encoded(picture: Image.Image, like: bytes) -> bytes:
    pixels = np.asarray(picture)
    return image_files.png(pixels) if like[:4] == b"\x89PNG" else image_files.jpeg(pixels)


def _wrong_size(body: bytes) -> bytes:
    picture = Image.open(BytesIO(body))
    return _encoded(picture.resize((picture.width + 24, picture.height + 24)), body)


def _constant(body: bytes) -> bytes:
    if body[:6] == b"SIMPLE":
        return body[: _fits_data(body)] + bytes(len(body) - _fits_data(body))
    picture = Image.open(BytesIO(body))
    return _encoded(Image.new(picture.mode, picture.size, 32 if picture.mode == "L" else (32, 32, 32)), body)


def _cut_with_zeros(body: bytes) -> bytes:
    return body[: len(body) // 2] + bytes(len(body) - len(body) // 2)


def _cut_short(body: bytes) -> bytes:
    return body[: len(body) * 3 // 5]


def _cut_with_end(body: bytes) -> bytes:
    """Half of the rows, and then the mark of the end: readers in C warn and fill up with grey."""
    return body[: len(body) // 2] + b"\xff\xd9"


def _corrupt(body: bytes) -> bytes:
    """The tables at the beginning of a JPEG (of a PNG: the compressed rows) overwritten."""
    first = body.find(b"\xff\xda") if body[:2] == b"\xff\xd8" else body.find(b"IDAT")
    start = max(body.find(b"\xff\xc4"), 2) if body[:2] == b"\xff\xd8" else first
    return body[: start + 4] + bytes(reversed(body[start + 4 : start + 160])) + body[start + 160 :]


def _as_png(body: bytes) -> bytes:
    return image_files.png(np.asarray(Image.open(BytesIO(body))))


def _bomb(body: bytes) -> bytes:
    """The header promises 65,000 x 65,000 pixels: 12 GB."""
    if body[:2] == b"\xff\xd8":
        frame = body.index(b"\xff\xc0")
        return body[: frame + 5] + struct.pack(">HH", 65000, 65000) + body[frame + 9 :]
    header = b"IHDR" + struct.pack(">II", 65000, 65000) + body[24:29]
    return body[:12] + header + struct.pack(">I", zlib.crc32(header)) + body[33:]


@cache
def _gigabyte() -> bytes:
    """A gigabyte of zeros, packed with gzip in a megabyte (members of 16 MB)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return (packer.compress(bytes(1 << 24)) + packer.flush()) * 64


def _gzip_bomb(response: ServiceResponse, received: ServiceRequest, seconds: int) -> ServiceResponse:
    return replace(response, body=_gigabyte(), headers={"Content-Encoding": "gzip"}, chunked=False)


def _fits_data(body: bytes) -> int:
    """Where the data begin."""
    for start in range(0, len(body), 80):
        if body[start : start + 8] == b"END     ":
            return (start // 2880 + 1) * 2880
    return len(body)


def _card(name: str, value: int) -> Callable[[bytes], bytes]:
    def change(body: bytes) -> bytes:
        start = body.index(f"{name:8}=".encode())
        return body[:start] + f"{name:8}= {value:20d}".ljust(80).encode() + body[start + 80 :]

    return change


def _no_measurements(body: bytes) -> bytes:
    start = _fits_data(body)
    return body[:start] + np.full((len(body) - start) // 4, np.nan, ">f4").tobytes()


def _row_cut(body: bytes) -> bytes:
    """The last row stops in the middle."""
    rows = body.rstrip(b"\n")
    last = rows.rfind(b"\n") + 1
    return rows[: last + max((len(rows) - last) // 2, 1)]


def _reordered(body: bytes) -> bytes:
    header, *rows = body.decode().splitlines(keepends=True)
    return "".join([header, *sorted(rows, key=lambda row: row[::-1])]).encode()


def _without_badflag(body: bytes) -> bytes:
    return "".join(f"{line.rpartition(' ')[0]}\n" for line in body.decode().splitlines()).encode()


def _throttled(response: ServiceResponse, received: ServiceRequest, seconds: int) -> ServiceResponse:
    return ServiceResponse(
        f"#Table1\nerror_message\n{THROTTLED}{received.values.get('cmd', '')}\n".encode(), TEXT, chunked=True
    )


def _self(received: ServiceRequest) -> str:
    return f"{received.base_url}{received.path}"


def _again(mark: str) -> Callable[[ServiceRequest], str]:
    """The same address with a mark, by which the server knows where the request comes from."""
    return lambda received: f"{_self(received)}?{urlencode({**received.values, mark: 1})}"


ALTERATIONS = {
    "429_seconds": Altered("any", _status(429, "seconds")),
    "429_date": Altered("any", _status(429, "date")),
    "429": Altered("any", _status(429)),
    "503_seconds": Altered("any", _status(503, "seconds")),
    "503_date": Altered("any", _status(503, "date")),
    "503": Altered("any", _status(503)),
    "500": Altered("any", _status(500)),
    "502": Altered("any", _status(502)),
    "504": Altered("any", _status(504)),
    "empty": Altered("any", _instead(b"")),
    "html": Altered("any", _instead(_PAGE, HTML)),
    "wrong_type": Altered("jpeg png fits", _body(lambda body: body, "text/html")),
    "redirect_file": Altered("any", _redirect(lambda received: "file:///etc/hostname")),
    "redirect_ftp": Altered("any", _redirect(lambda received: "ftp://example.org/image.jpg")),
    "redirect_private": Altered("any", _redirect(lambda received: _PRIVATE)),
    # From http to https is a way that may be gone; here it ends at a port that speaks no TLS.
    "redirect_https": Altered("any", _redirect(lambda received: _self(received).replace("http:", "https:"))),
    "redirect_loop": Altered("any", _redirect(_again(LOOPING))),
    "redirect_once": Altered("any", _redirect(_again(REDIRECTED))),
    "gzip_bomb": Altered("any", _gzip_bomb),
    "html_as_image": Altered("jpeg png fits", _instead(_PAGE)),
    "json_as_image": Altered("jpeg png fits", _instead(b'{"title": "Busy", "description": "later"}')),
    "wrong_size": Altered("jpeg png", _body(_wrong_size)),
    "constant": Altered("jpeg png fits", _body(_constant)),
    "cut_short": Altered("jpeg png fits", _body(_cut_short)),
    "cut_with_zeros": Altered("jpeg png", _body(_cut_with_zeros)),
    "cut_with_end": Altered("jpeg", _body(_cut_with_end)),
    "corrupt": Altered("jpeg png", _body(_corrupt)),
    "png_instead": Altered("jpeg", _body(_as_png)),
    "png_as_png": Altered("jpeg", _body(_as_png, PNG)),
    "decompression_bomb": Altered("jpeg png", _body(_bomb)),
    "fits_naxis_huge": Altered("fits", _body(_card("NAXIS1", 999_999_999))),
    "fits_naxis_negative": Altered("fits", _body(_card("NAXIS2", -5))),
    "fits_bitpix": Altered("fits", _body(_card("BITPIX", 17))),
    "fits_nan": Altered("fits", _body(_no_measurements)),
    "row_cut": Altered("table", _body(_row_cut)),
    "json_error": Altered("table", _instead(b'{"ErrorCode": 500, "ErrorMessage": "deadlock"}', JSON, 500)),
    "rows_reordered": Altered("ps1filenames", _body(_reordered)),
    "without_badflag": Altered("ps1filenames", _body(_without_badflag)),
    "throttled": Altered("sqlsearch", _throttled),
    "no_cutouts_enabled": Altered("legacy", _instead(b"No cutouts enabled", HTML)),
    "short_text": Altered("fitscut", _instead(b"fitscut: error reading file\n", TEXT)),
    "500_with_jpeg": Altered(
        "imgcutout", lambda response, received, seconds: error_picture("INTERNAL SERVER ERROR. Timeout", 500, "500")
    ),
}
