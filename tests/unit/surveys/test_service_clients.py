"""What is requested of each service, and what its responses mean."""

import json
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing import fuzzed
from tests.services.protocols import sdss as sdss_protocol
from tests.unit.image_checks.noise_images import cube, picture
from workflow_scripts.errors import InputError
from workflow_scripts.fetch_cutouts import with_defaults
from workflow_scripts.image_checks.acceptance import Judgement
from workflow_scripts.images.fits_files import packed
from workflow_scripts.surveys.fetcher.connections import Received
from workflow_scripts.surveys.fetcher.service import Galaxy
from workflow_scripts.surveys.registry import client_of
from workflow_scripts.surveys.services.hips2fits import error_message
from workflow_scripts.surveys.services.panstarrs import BrokenTableError, position_text, stack_names

GALAXY = Galaxy("1237645879551066262", 179.123456789, -0.5, 0.3)
HEADER = "projcell subcell ra dec filter mjd type filename shortname badflag\n"
ONE_BAND = np.random.default_rng(8).normal(size=(24, 24)).astype(np.float32)
HALF_EMPTY = np.random.default_rng(3).integers(0, 256, (24, 24, 3), dtype=np.uint8)
HALF_EMPTY[:16] = 40
OUTSIDE = ("permanent", "no_coverage")
BLACK, GREY = (np.full((24, 24, 3), value, np.uint8) for value in (0, 32))


def client(kind: str, **more):
    cutout = {"size_px": 64 if kind == "sdss" else 24}
    return client_of(with_defaults({"kind": kind, "cutout": cutout, **more}))


def requested(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def http_response(status: int = 200, body: bytes = b"", reason: str = "", content_type: str = "image/jpeg") -> Received:
    return Received("http://x/", status, reason, content_type, None, body, True)


def test_urls():
    assert requested(client("sdss").url(GALAXY, 0)) == {
        **{"ra": "179.1234568", "dec": "-0.5000000", "scale": "0.3"},
        **{"width": "64", "height": "64", "opt": ""},
    }
    legacy = client("legacy", format="fits")
    assert urlsplit(legacy.url(GALAXY, 0)).path == "/viewer/fits-cutout"
    assert requested(legacy.url(GALAXY, 0)).items() >= {"layer": "ls-dr9", "bands": "grz", "size": "24"}.items()
    assert "bands" not in requested(client("legacy").url(GALAXY, 0))
    hips = client("hips2fits", hips="CDS/P/SDSS9/color")
    query = requested(hips.url(GALAXY, 0))
    assert query.items() >= {"hips": "CDS/P/SDSS9/color", "format": "jpg", "projection": "TAN"}.items()
    assert float(query["fov"]) == pytest.approx(24 * 0.3 / 3600)
    assert not {"min_cut", "max_cut"} & set(query), "percentiles would stretch every image by itself"
    assert (
        urlsplit(hips.url(GALAXY, 1)).netloc
        != urlsplit(hips.url(GALAXY, 0)).netloc
        == urlsplit(hips.url(GALAXY, 2)).netloc
    )


@pytest.mark.parametrize("kind", ["sdss", "legacy", "hips2fits", "panstarrs"])
def test_zero_has_no_sign(kind):
    near_zero = Galaxy("g", -1e-10, -0.0, 0.25)
    service = client(kind, **({"hips": "CDS/P/x"} if kind == "hips2fits" else {}))
    if kind == "panstarrs":
        assert position_text(near_zero) == "0.0000000 0.0000000"
        assert list(stack_names(rows(row("-0.00000000001 -0.0", "i")))) == [position_text(near_zero)]
        service._names = {near_zero.key: dict.fromkeys("irg", "/name")}
    query = requested(service.url(near_zero, 0))
    assert (query["ra"], query["dec"]) == ("0.0000000", "0.0000000")
    assert near_zero.key == Galaxy("g", 0.0, 0.0, 0.25).key


def test_a_fits_that_fails_is_decided_by_the_jpeg_of_the_place():
    service, failure = client("legacy", format="fits"), http_response(500, b"<h1>Server Error (500)</h1>")
    paths = []

    def meaning(response: Received) -> tuple[str, str]:
        paths.append(urlsplit(service.url(GALAXY, len(paths))).path.rsplit("/", 1)[1])
        judgement = service.judge(response, GALAXY)
        return judgement.kind, judgement.outcome

    assert meaning(failure) == ("ambiguous", "failed")
    assert meaning(http_response(503)) == ("transient", "failed"), "still in doubt"
    assert meaning(http_response(200, picture("JPEG"))) == ("ambiguous", "failed"), "there is an image"
    assert meaning(failure) == meaning(failure) == ("ambiguous", "failed")
    assert paths == ["fits-cutout", "jpeg-cutout", "jpeg-cutout", "fits-cutout", "fits-cutout"]
    service = client("legacy", format="fits")
    assert meaning(failure) == ("ambiguous", "failed")
    assert "bands" not in requested(service.url(GALAXY, 1))
    assert meaning(http_response(200, picture("JPEG", GREY))) == OUTSIDE
    assert paths[5:] == ["fits-cutout", "jpeg-cutout"]


def test_a_galaxy_has_its_own_request_whatever_its_id():
    odd = Galaxy("../../etc/passwd\n?&ra=1", 1.0, 2.0, 0.3)
    assert "passwd" not in client("sdss").url(odd, 0)


@pytest.mark.parametrize(
    ("kind", "more", "received", "expected"),
    [
        (
            "sdss",
            {},
            http_response(404, picture("JPEG", np.zeros((64, 64, 3), np.uint8)), "NOT FOUND. Requested (ra, dec) is"),
            ("permanent", "no_coverage"),
        ),
        # As a proxy hands it on, or HTTP/2.
        ("sdss", {}, http_response(404, sdss_protocol.error_picture("", 404, "", 64, 64).body), OUTSIDE),
        ("sdss", {}, http_response(404, b"<html>", "Not Found"), ("permanent", "failed")),
        ("sdss", {}, http_response(404, b"<html>", "Not Found: footprint.html"), ("permanent", "failed")),
        ("sdss", {}, http_response(404, picture("JPEG"), "Not Found"), ("permanent", "failed")),
        ("sdss", {}, http_response(500, picture("JPEG"), "INTERNAL SERVER ERROR. x"), ("ambiguous", "failed")),
        ("sdss", {}, http_response(400, b'{"ErrorCode":400}'), ("permanent", "failed")),
        (
            "sdss",
            {},
            http_response(200, picture("JPEG", np.zeros((64, 64, 3), np.uint8))),
            ("permanent", "no_coverage"),
        ),
        ("sdss", {}, http_response(200, picture("JPEG")), ("ambiguous", "rejected")),
        ("legacy", {}, http_response(200, picture("JPEG", GREY)), ("permanent", "no_coverage")),
        ("legacy", {}, http_response(200, picture("JPEG", BLACK)), ("ambiguous", "failed")),
        *(
            ("legacy", {"layer": layer}, http_response(200, picture("JPEG", blank)), ("ambiguous", "no_coverage"))
            for layer in ("unwise-neo7", "hsc-dr2")
            for blank in (BLACK, np.full((24, 24, 3), (24, 16, 32), np.uint8))
        ),
        ("legacy", {"layer": "unwise-neo7"}, http_response(200, picture("JPEG")), ("accepted", "delivered")),
        (
            "legacy",
            {"layer": "unwise-neo7"},
            http_response(200, picture("JPEG", HALF_EMPTY)),
            ("ambiguous", "rejected"),
        ),
        ("legacy", {}, http_response(200, b"no such layer", "", "text/html"), ("misconfigured", "failed")),
        ("legacy", {}, http_response(200, b"No cutouts enabled", "", "text/html"), ("transient", "failed")),
        ("legacy", {}, http_response(200, b""), ("transient", "failed")),
        ("legacy", {"format": "fits"}, http_response(500, b"<html>"), ("ambiguous", "failed")),
        (
            "legacy",
            {"format": "fits"},
            http_response(200, cube(np.zeros((3, 24, 24), np.float32))),
            ("permanent", "no_coverage"),
        ),
        ("hips2fits", {"hips": "CDS/P/x"}, http_response(200, picture("JPEG", BLACK)), ("permanent", "no_coverage")),
        (
            "hips2fits",
            {"hips": "CDS/P/x"},
            http_response(400, b'{"title": "Bad", "description": "no HiPS"}'),
            ("permanent", "failed"),
        ),
        (
            "hips2fits",
            {"hips": "CDS/P/x", "format": "fits"},
            http_response(200, cube(np.full((24, 24), np.nan))),
            ("permanent", "no_coverage"),
        ),
        (
            "hips2fits",
            {"hips": "CDS/P/of-pictures", "format": "fits"},
            http_response(200, cube(np.arange(3 * 24 * 24).reshape(3, 24, 24).astype(np.uint8))),
            ("misconfigured", "failed"),
        ),
        ("panstarrs", {}, http_response(200, b"fitscut: error", "", "text/plain"), ("transient", "failed")),
        ("panstarrs", {"format": "fits"}, http_response(200, cube(ONE_BAND, EXPTIME=9.0)), ("accepted", "delivered")),
        ("panstarrs", {"format": "fits"}, http_response(200, cube(EXPTIME=9.0)), ("ambiguous", "rejected")),
        ("panstarrs", {"format": "fits"}, http_response(200, cube(ONE_BAND)), ("ambiguous", "rejected")),
        (
            "panstarrs",
            {"format": "fits"},
            http_response(200, packed({"i": cube(ONE_BAND, EXPTIME=9.0)})),
            ("ambiguous", "rejected"),
        ),
        *(("sdss", {}, http_response(status), ("transient", "failed")) for status in (408, 429, 502, 503, 504)),
        *(("sdss", {}, http_response(status), ("ambiguous", "failed")) for status in (204, 301, 401, 403, 500, 501)),
        *(("sdss", {}, http_response(status), ("permanent", "failed")) for status in (400, 404, 410, 414)),
        *(
            (kind, more, http_response(200, picture("JPEG")), ("accepted", "delivered"))
            for kind, more in (("legacy", {}), ("panstarrs", {}), ("hips2fits", {"hips": "CDS/P/x"}))
        ),
        ("legacy", {"format": "fits"}, http_response(200, cube()), ("accepted", "delivered")),
    ],
)
def test_what_a_response_means(kind, more, received, expected):
    judgement = client(kind, **more).judge(received, GALAXY)
    assert (judgement.kind, judgement.outcome) == expected, judgement


@pytest.mark.parametrize(
    ("kind", "more", "blank", "received_kind"),
    [
        ("sdss", {}, 0, "permanent"),
        ("legacy", {}, 32, "permanent"),
        ("legacy", {"format": "fits"}, 0.0, "ambiguous"),
        ("panstarrs", {}, 0, "permanent"),
        ("panstarrs", {"format": "fits", "bands": ["r"]}, np.nan, "ambiguous"),
        ("hips2fits", {"hips": "CDS/P/x"}, 0, "permanent"),
        ("hips2fits", {"hips": "CDS/P/x", "format": "png"}, 0, "permanent"),
        ("hips2fits", {"hips": "CDS/P/x", "format": "fits"}, np.nan, "ambiguous"),
    ],
)
@pytest.mark.parametrize("share", [0.4, 0.0])
def test_a_corner_without_images_is_no_coverage_for_each_service(kind, more, blank, received_kind, share):
    row, column = np.mgrid[:64, :64]
    corner = row + column < 128 * np.sqrt(share / 2)
    rng = np.random.default_rng(4)
    if more.get("format") == "fits":
        body = cube(np.where(corner, blank, rng.normal(size=(64, 64))).astype(np.float32), EXPTIME=900.0)
    else:
        pixels = np.where(corner[..., None], blank, rng.integers(2, 90, (64, 64, 3))).astype(np.uint8)
        body = picture(more.get("format", "jpeg").upper(), pixels)
    service = client_of(with_defaults({"kind": kind, "cutout": {"size_px": 64}, **more}))
    judgement = service.judge(http_response(200, body, "", "application/octet-stream"), GALAXY)
    expected = (received_kind, "no_coverage") if share else ("accepted", "delivered")
    assert (judgement.kind, judgement.outcome) == expected, judgement


def test_errors_are_reported_in_the_words_of_the_service():
    hips = client("hips2fits", hips="CDS/P/x")
    assert (
        hips.judge(http_response(400, b'{"title": "Bad", "description": "no HiPS"}'), GALAXY).reason
        == "400: Bad: no HiPS"
    )
    assert "'{\"ErrorCode\":400}'" in client("sdss").judge(http_response(400, b'{"ErrorCode":400}'), GALAXY).reason
    assert (
        "layer 'ls-dr99'"
        in client("legacy", layer="ls-dr99").judge(http_response(200, b"no such layer"), GALAXY).reason
    )


def test_a_layer_that_lacks_a_band_stops_the_run():
    data = cube()
    card = b"BANDS   = 'grz     '".ljust(80)
    end = data.index(b"END" + b" " * 77)
    received = http_response(200, data[:end] + card + data[end : end + 80] + data[end + 160 :], "", "image/fits")
    assert client("legacy", format="fits").judge(received, GALAXY).kind == "accepted"
    with pytest.raises(InputError, match="gives bands grz of layer ls-dr9, expected gri"):
        client("legacy", format="fits", bands="gri").judge(received, GALAXY)


def test_stretches_are_reported():
    assert client("sdss").stretch == client("legacy").stretch == "fixed"
    assert client("panstarrs").stretch == "per_image"
    assert client("panstarrs", format="fits", bands=["r"], cutout={"size_px": 24}).stretch == "stack_counts"
    assert client("hips2fits", hips="CDS/P/SDSS9/color").stretch == "fixed"
    assert client("hips2fits", hips="CDS/P/DSS2/red").stretch == "per_image"
    assert client("hips2fits", hips="CDS/P/DSS2/red", cuts=[0, 100]).stretch == "fixed"


def rows(*lines: str, header: str = HEADER) -> bytes:
    return (header + "".join(f"{line}\n" for line in lines)).encode()


def row(position: str, band: str, kind: str = "stack", name: str = "/rings/a.stk.unconv.fits") -> str:
    return f"1 2 {position} {band} 0.0 {kind} {name} short 0"


def test_names_of_stacks_in_any_order_and_of_older_tables():
    here, there = position_text(GALAXY), "10.0 20.5"
    table = rows(row(there, "r"), row(here, "i", name="/b"), row(here, "g", "warp"), row(here, "i", name="/later"))
    assert stack_names(table) == {
        "10.0000000 20.5000000": {"r": "/rings/a.stk.unconv.fits"},
        position_text(GALAXY): {"i": "/b"},
    }
    old = [line.rsplit(" ", 1)[0] for line in (HEADER.strip(), row(here, "r"))]
    assert stack_names(("\n".join(old) + "\n").encode())[here] == {"r": "/rings/a.stk.unconv.fits"}
    assert stack_names(HEADER.encode()) == {}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"", "empty response"),
        (rows(row("1 2", "r"))[:-1], "cut off"),
        (rows(row("1 2", "r"))[:-20] + b"\n", "line 2 .* broken"),
        (b"<html>down</html>\n", "no column 'ra'"),
        (rows(row("1 x", "r")), "line 2 .* broken: '1 2 1 x r"),
        (rows(row("1 2", "r", name="../../etc/passwd")), "no file name"),
        (rows(row("1 2", "r", name="/a/../b")), "no file name"),
        (rows(row("1 2", "r", name="http://evil/x&y=1")), "no file name"),
        ("ü\n".encode(), "no text"),
    ],
)
def test_broken_tables_of_names(table, message):
    with pytest.raises(BrokenTableError, match=message):
        stack_names(table)


@fuzzed
@given(st.data())
def test_a_table_that_was_cut_within_a_row_is_never_taken(data):
    whole = rows(*(row(f"{number}.5 -{number}.25", band) for number in range(1, 5) for band in "irg"))
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        found = stack_names(cut)
    except BrokenTableError:
        return
    assert cut.endswith(b"\n")
    assert sum(map(len, found.values())) == cut.count(b"\n") - 1


@fuzzed
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: (HEADER + text).encode()))
def test_no_table_breaks_the_parser(table):
    with suppress(BrokenTableError):
        stack_names(table)


CLIENTS = [client(kind) for kind in ("sdss", "legacy", "panstarrs")]
JSON = st.recursive(st.text() | st.integers() | st.none(), st.lists)


@fuzzed
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps({"title": value}).encode()))
def test_no_response_breaks_a_client(body):
    assert isinstance(error_message(body), str)
    for service in CLIENTS:
        for status in (200, 404, 500):
            judgement = service.judge(http_response(status, body), GALAXY)
            assert isinstance(judgement, Judgement)
            assert judgement.kind != "accepted"
            assert judgement.reason.isprintable()
