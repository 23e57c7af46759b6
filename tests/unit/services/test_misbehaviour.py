"""Every kind of misbehaviour is what its name promises, on the wire."""

import gzip
import http.client
import socket
import time
from email.utils import parsedate_to_datetime
from io import BytesIO
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest
import requests
from astropy.io import fits
from PIL import Image

from tests.services.exchange import ServiceRequest, ServiceResponse
from tests.services.misbehaviour import HARMLESS, KINDS, Behaviour, Rule
from tests.unit.services.client import get, pixels_of

SIZE = 96


def _only(server, kind: str, **rest) -> None:
    server.behave({"misbehaviour": [{"kinds": [kind]}], "hang_seconds": 1, "oversized_bytes": 3_000_000, **rest})


@pytest.fixture
def picture(server, place):
    """Requests a JPEG of 96 x 96 pixels."""
    return lambda **rest: get(server.url("legacy") + "/jpeg-cutout", **place, size=SIZE, **rest)


@pytest.fixture
def fits_file(server, place):
    """Requests a FITS file of one band."""
    return lambda: get(server.url("legacy") + "/fits-cutout", **place, size=SIZE, bands="r").content


@pytest.fixture
def wire(server, place):
    """All bytes of a response, and how the connection ended."""

    def respond() -> tuple[bytes, str]:
        address = urlsplit(server.url("legacy"))
        requested = urlencode({**place, "size": SIZE})
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(f"GET {address.path}/jpeg-cutout?{requested} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            received = b""
            try:
                while piece := connection.recv(1 << 16):
                    received += piece
            except ConnectionResetError:
                return received, "reset"
        return received, "closed"

    return respond


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["_seconds", "_date", ""])
def test_busy_services_say_when_to_come_back_or_do_not(server, picture, status, form):
    _only(server, f"{status}{form}", retry_after_seconds=40)
    response = picture()
    assert response.status_code == status
    given = response.headers.get("Retry-After")
    if form == "_seconds":
        assert given == "40"
    elif form == "_date":
        assert 30 < parsedate_to_datetime(given).timestamp() - time.time() <= 41
    else:
        assert given is None


@pytest.mark.parametrize("status", [500, 502, 504])
def test_errors_have_their_status(server, picture, status):
    _only(server, str(status))
    assert picture().status_code == status


def test_a_proxy_gives_up_after_a_stall(server, picture):
    _only(server, "stalled_504", hang_seconds=0.3)
    started = time.monotonic()
    assert picture().status_code == 504
    assert time.monotonic() - started >= 0.3


def test_a_reset_connection_gives_nothing(server, wire):
    _only(server, "reset")
    assert wire() == (b"", "reset")


@pytest.mark.parametrize(("kind", "least", "most"), [("hang", 0, 0), ("slow_headers", 1, 3), ("slow_drip", 60, 300)])
def test_slow_responses_never_get_far(server, wire, kind, least, most):
    _only(server, kind)
    received, end = wire()
    assert end == "reset"
    assert least <= len(received) <= most


def test_a_body_may_be_shorter_than_its_length(server, picture):
    whole = len(picture().content)
    _only(server, "truncated")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match=f"{whole // 2} bytes read"):
        picture()


def test_the_last_chunk_may_be_missing(server, picture, wire):
    _only(server, "unfinished_chunks")
    assert b"Transfer-Encoding: chunked" in wire()[0]
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        picture()


def test_without_length_and_chunks_nothing_tells_that_half_is_missing(server, picture):
    whole = picture().content
    _only(server, "cut_without_length")
    assert picture().content == whole[: len(whole) // 2]


def test_a_body_may_be_endless(server, picture):
    _only(server, "oversized")
    assert len(picture().content) > 2_900_000


@pytest.mark.parametrize(
    ("kind", "content_type", "start"),
    [
        ("empty", "image/jpeg", b""),
        ("html", "text/html", b"<!DOCTYPE html>"),
        ("html_as_image", "image/jpeg", b"<!DOCTYPE html>"),
        ("json_as_image", "image/jpeg", b'{"title"'),
        ("wrong_type", "text/html", b"\xff\xd8"),
        ("png_instead", "image/jpeg", b"\x89PNG"),
        ("png_as_png", "image/png", b"\x89PNG"),
        ("no_cutouts_enabled", "text/html", b"No cutouts enabled"),
    ],
)
def test_a_body_in_another_dress(server, picture, kind, content_type, start):
    _only(server, kind)
    response = picture()
    assert response.status_code == 200
    assert response.headers["Content-Type"] == content_type
    assert response.content.startswith(start)
    assert response.content or kind == "empty"


def test_whole_pictures_that_are_not_the_ones_requested(server, picture):
    _only(server, "wrong_size")
    assert pixels_of(picture()).shape == (SIZE + 24, SIZE + 24, 3)
    _only(server, "constant")
    assert np.ptp(pixels_of(picture())) == 0


@pytest.mark.parametrize("kind", ["cut_short", "cut_with_zeros", "corrupt", "cut_with_end"])
def test_damaged_pictures_have_a_good_length_in_the_header(server, picture, kind):
    whole = picture()
    _only(server, kind)
    broken = picture()
    assert int(broken.headers["Content-Length"]) == len(broken.content)
    assert broken.content[:3] == b"\xff\xd8\xff"
    assert broken.content.endswith(b"\xff\xd9") is (kind in ("cut_with_end", "corrupt"))
    try:
        pixels = pixels_of(broken)
    except OSError:
        return
    assert (pixels != pixels_of(whole)).any()


def test_a_decompression_bomb_promises_more_than_memory_holds(server, picture):
    _only(server, "decompression_bomb")
    with pytest.raises(Image.DecompressionBombError):
        Image.open(BytesIO(picture().content))


def test_a_gzip_bomb_is_a_megabyte_that_becomes_a_gigabyte(server, place):
    _only(server, "gzip_bomb")
    address = urlsplit(server.url("legacy"))
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
    connection.request("GET", f"{address.path}/jpeg-cutout?{urlencode(place)}")
    response = connection.getresponse()
    assert response.headers["Content-Encoding"] == "gzip"
    body = response.read()
    assert len(body) < 2_000_000
    with gzip.open(BytesIO(body)) as unpacked:
        assert unpacked.seek(1 << 26) == 1 << 26
    assert body.count(body[:12]) == 64


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        ("file", "file:"),
        ("ftp", "ftp:"),
        ("private", "http://169.254."),
        ("https", "https://127."),
        ("loop", "http://127."),
    ],
)
def test_redirects_lead_where_no_client_should_go(server, picture, kind, start):
    _only(server, f"redirect_{kind}")
    response = picture()
    assert response.status_code == 302
    assert response.headers["Location"].startswith(start)
    if kind == "loop":
        again = get(response.headers["Location"])
        assert get(again.headers["Location"]).headers["Location"] == again.headers["Location"]


def test_one_redirect_leads_to_the_picture(server, picture):
    good = picture().content
    _only(server, "redirect_once")
    assert get(picture().headers["Location"]).content == good


@pytest.mark.parametrize(
    ("kind", "card", "value"),
    [("naxis_huge", "NAXIS1", 999_999_999), ("naxis_negative", "NAXIS2", -5), ("bitpix", "BITPIX", 17)],
)
def test_fits_headers_that_lie(server, fits_file, kind, card, value):
    _only(server, f"fits_{kind}")
    assert fits.Header.fromstring(fits_file()[:2880].decode())[card] == value


def test_fits_files_without_a_measurement(server, fits_file):
    for kind, is_bad in (("fits_nan", np.isnan), ("constant", lambda data: data == 0)):
        _only(server, kind)
        with fits.open(BytesIO(fits_file())) as file:
            assert is_bad(file[0].data).all()


def test_tables_of_names_in_other_forms(server, place):
    respond = lambda: get(server.url("ps1filenames"), **place).text  # noqa: E731
    good = respond()
    _only(server, "rows_reordered")
    assert respond() != good
    assert sorted(respond().splitlines()) == sorted(good.splitlines())
    _only(server, "without_badflag")
    assert respond().splitlines()[0].endswith("shortname")
    _only(server, "row_cut")
    assert good.startswith(respond())
    assert not respond().endswith("\n")


def test_errors_of_single_services(server, place):
    sql = {"cmd": "SELECT TOP 1 objid FROM zooSpec", "format": "csv"}
    for kind, service, values, status, text in (
        ("throttled", "skyserver", sql, 200, "Maximum 60 queries"),
        ("json_error", "skyserver", sql, 500, "ErrorMessage"),
        ("short_text", "fitscut", place, 200, "fitscut: error"),
    ):
        _only(server, kind)
        response = get(server.url(service) + ("/SearchTools/SqlSearch" if service == "skyserver" else ""), **values)
        assert response.status_code == status
        assert text in response.text
    _only(server, "500_with_jpeg")
    response = get(server.url("imgcutout"), **place)
    assert (response.status_code, response.reason) == (500, "INTERNAL SERVER ERROR. Timeout")
    assert pixels_of(response).shape == (128, 128, 3)


def test_the_first_attempts_go_wrong_and_then_none(server, picture):
    server.behave({"misbehaviour": [{"kinds": ["503"], "attempts": 2}]})
    assert [picture().status_code for _ in range(4)] == [503, 503, 200, 200]


def test_a_share_goes_wrong_and_the_seed_decides_which(server, sky):
    def wrong(seed: int) -> set[int]:
        server.behave({"share": 0.3, "seed": seed, "kinds": ["503", "502"]})
        url = server.url("legacy") + "/jpeg-cutout"
        return {i for i in range(100) if get(url, ra=sky.ra[i], dec=sky.dec[i], size=8).status_code != 200}

    first = wrong(1)
    assert 15 <= len(first) <= 45
    assert wrong(1) == first
    assert wrong(2) != first


def test_a_rule_holds_for_services_paths_and_places(server, place, picture):
    elsewhere = {"ra": float(place["ra"]) + 5, "dec": place["dec"]}
    near = [float(place["ra"]), float(place["dec"]), 0.1]
    for rule, spared in (
        ({"services": ["legacy"]}, lambda: get(server.url("imgcutout"), **place)),
        ({"path": "jpeg"}, lambda: get(server.url("legacy") + "/fits-cutout", **place)),
        ({"near": near}, lambda: get(server.url("legacy") + "/jpeg-cutout", **elsewhere)),
    ):
        server.behave({"misbehaviour": [{"kinds": ["503"], **rule}]})
        assert (picture().status_code, spared().status_code) == (503, 200)


@pytest.mark.parametrize(
    "wrong", [{"kinds": ["rudeness"]}, {"misbehaviour": [{"kinds": ["503"], "chance": 1}]}, {"slow": 1}]
)
def test_an_unknown_word_is_no_behaviour(wrong):
    with pytest.raises(ValueError, match="unknown"):
        Behaviour.from_json(wrong)


def test_every_kind_that_spoils_a_response_is_reached_by_all(server, place, sky):
    """No kind that is listed is left out of a campaign with every service."""
    responses = [
        ("legacy", ServiceResponse(b"\xff\xd8..", "image/jpeg")),
        ("imgcutout", ServiceResponse(b"\xff\xd8..", "image/jpeg")),
        ("legacy", ServiceResponse(b"SIMPLE  = T", "image/fits")),
        ("fitscut", ServiceResponse(b"\x89PNG", "image/png")),
        ("ps1filenames", ServiceResponse(b"a b\n")),
        ("sqlsearch", ServiceResponse(b"#Table1\na\n")),
    ]
    rule = Rule(("all",))
    requested = ServiceRequest("GET", "/", {})
    reached = {
        rule.kind(service, f"{n}", 1, requested, response) for n in range(3000) for service, response in responses
    }
    assert reached == set(KINDS) - HARMLESS
