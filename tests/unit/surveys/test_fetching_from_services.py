"""Whole downloads against servers that break every rule."""

import gzip
import json
import os
import threading
import time
from email.utils import formatdate

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.unit.image_checks.noise_images import picture
from tests.unit.surveys.scripted_server import Script, ScriptedServer, http_response
from workflow_scripts import fetch_cutouts
from workflow_scripts.step import run_step
from workflow_scripts.surveys.services.sdss import Sdss

NOISE = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
JPEG = picture("JPEG", NOISE)
ACCESS = {
    "concurrency": 4,
    "requests_per_second": None,
    "attempts": 4,
    "ambiguous_attempts": 2,
    "timeout_seconds": 2.0,
    "longest_wait_seconds": 0.2,
}


class Fetched:
    """What came of one tile."""

    def __init__(self, folder, status: int):
        self.status = status
        path = folder / "tile.parquet"
        self.rows = pq.read_table(path).to_pandas() if path.exists() else None


def fetch(
    folder, server: ScriptedServer, galaxies: int = 3, share: float = 1.0, entry=(), access=(), ids=None
) -> Fetched:
    """Fetch galaxies at RA 45, Dec 41 and beyond with the client of SDSS, unless `entry` has another."""
    table = pd.DataFrame({"source_id": ids or [f"g{number}" for number in range(galaxies)]})
    table = table.assign(ra=45.0 + 0.1 * np.arange(len(table)), dec=41.0, scale=np.linspace(0.1, 0.3, len(table)))
    table.to_parquet(folder / "catalog.parquet")
    survey = {"kind": "sdss", "url": f"{server.url}/getjpeg", "cutout": {"size_px": 64}, **dict(entry)}
    arguments = ["--survey", json.dumps(survey), "--catalog", folder / "catalog.parquet", "--tile", 0]
    arguments += ["--access", json.dumps({**ACCESS, **dict(access)}), "--limits-folder", folder / "limits"]
    arguments += ["--max-failed-share", share, "--output", folder / "tile.parquet", "--contact", "me@example.org"]
    with pytest.raises(SystemExit) as stopped:
        run_step(fetch_cutouts.main, fetch_cutouts.parser, list(map(str, arguments)))
    return Fetched(folder, stopped.value.code)


def always(data: bytes | None) -> Script:
    return lambda before, target: data


def once_then_image(data: bytes | None) -> Script:
    return lambda before, target: http_response(JPEG) if before else data


def test_the_ledger_records_when_from_where_and_how(tmp_path):
    with ScriptedServer(always(http_response(JPEG))) as server:
        fetched = fetch(
            tmp_path, server, entry={"cutout": {"size_px": 64, "pixel_scale_arcsec": {"column": "scale", "times": 2}}}
        )
        assert fetched.status == 0
        assert all("User-Agent: skybias/" in head and "(+me@example.org)" in head for head in server.heads)
    rows = fetched.rows
    assert set(rows["outcome"]) == {"delivered"}
    assert rows["image"].tolist() == [JPEG] * 3
    assert rows["pixel_scale_arcsec"].tolist() == pytest.approx([0.2, 0.4, 0.6])
    assert [f"scale={scale:.7g}" in url for scale, url in zip((0.2, 0.4, 0.6), rows["origin"], strict=True)] == [
        True
    ] * 3
    assert set(rows["stretch"]) == {"fixed"}
    assert (abs(rows["fetched_at"].map(lambda moment: moment.timestamp()) - time.time()) < 600).all()


@pytest.mark.parametrize(
    "first",
    [
        None,
        http_response(b"busy", "503 Service Unavailable"),
        http_response(b"busy", "429 Too Many Requests", Retry_After="0.1"),
        http_response(b"busy", "503 Service Unavailable", Retry_After=formatdate(time.time() - 5, usegmt=True)),
        http_response(b"<html>", "502 Bad Gateway"),
        http_response(JPEG[:500]),
        http_response(JPEG, Content_Length=str(len(JPEG) + 9)) + b"",
        http_response(JPEG[: len(JPEG) // 2], Content_Length=str(len(JPEG)), Connection="close"),
        http_response(b"", Transfer_Encoding="chunked", Content_Length="", Connection="close")
        + b"fff\r\n"
        + JPEG[:100],
        http_response(b"<html>Maintenance</html>"),
        http_response(b""),
        b"HTTP/1.1 200 OK\r\nContent-Type image/jpeg\r\n\r\n",
        b"rubbish\r\n\r\n",
    ],
)
def test_what_passes_is_requested_again(tmp_path, first):
    with ScriptedServer(once_then_image(first)) as server:
        fetched = fetch(tmp_path, server)
    assert fetched.rows["image"].tolist() == [JPEG] * 3
    assert fetched.rows["attempts"].tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (http_response(b"", "302 Found", Location="file:///etc/passwd"), "neither http nor https"),
        (http_response(b"", "302 Found", Location="ftp://example.org/x.jpg"), "neither http nor https"),
        (http_response(b"", "302 Found", Location="http://10.0.0.1/x.jpg"), "not a public address"),
        (http_response(b"", "302 Found", Location="http://169.254.169.254/latest"), "not a public address"),
        (http_response(b"", "302 Found", Location="http://localhost:1/x"), "not a public address|no connection"),
        (http_response(b"", "301 Moved", Location="/again"), "more than 5 redirects"),
        (http_response(b"x" * 10, Content_Length="99999999999"), "expected at most"),
        (http_response(bytes(3 * 2**20), Content_Length="", Connection="close"), "more than .* bytes"),
        (http_response(gzip.compress(JPEG), Content_Encoding="gzip"), "packed with gzip"),
        (http_response(b"", "500 Internal Server Error"), "server_error: 500"),
        (http_response(picture("PNG", NOISE)), "a PNG file, expected JPEG"),
        (http_response(picture("JPEG", NOISE[:32])), "64 x 32 pixels"),
    ],
)
def test_what_may_be_hostile_is_tried_a_few_times_and_reported(tmp_path, first, reason):
    with ScriptedServer(always(first)) as server:
        fetched = fetch(tmp_path, server)
        assert server.open <= 4
    assert fetched.rows["reason"].str.contains(reason).all(), fetched.rows["reason"].tolist()
    assert set(fetched.rows["outcome"]) <= {"failed", "rejected"}
    assert fetched.rows["attempts"].max() <= 4
    assert fetched.rows["image"].isna().all()


def test_what_is_permanent_is_requested_once(tmp_path):
    outside = http_response(JPEG, "404 NOT FOUND. Requested (ra, dec) is outside the SDSS footprint.")
    with ScriptedServer(always(outside)) as server:
        assert set(fetch(tmp_path, server).rows["outcome"]) == {"no_coverage"}
        (tmp_path / "tile.parquet").unlink()
        assert set(fetch(tmp_path, server).rows["outcome"]) == {"no_coverage"}, "not even when the tile is made again"
        assert set(server.requested.values()) == {1}


def test_a_proxy_in_the_users_own_network_is_used(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "")
    with ScriptedServer(always(http_response(JPEG))) as server:
        # A name, whose address is private.
        monkeypatch.setenv("http_proxy", server.url.replace("127.0.0.1", "localhost"))
        fetched = fetch(tmp_path, server, entry={"url": "http://service.example/getjpeg"})
        assert all(target.startswith("http://service.example/getjpeg?") for target in server.requested)
    assert set(fetched.rows["outcome"]) == {"delivered"}


def test_no_redirect_leads_to_the_proxy(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "")
    with ScriptedServer(always(None)) as server:
        place = server.url.replace("127.0.0.1", "localhost")
        monkeypatch.setenv("http_proxy", place)
        server.script = always(http_response(b"", "302 Found", Location=f"{place}/admin"))
        fetched = fetch(tmp_path, server, entry={"url": "http://service.example/getjpeg"})
        assert not any("admin" in target for target in server.requested)
    assert fetched.rows["reason"].str.contains("is the proxy").all(), fetched.rows["reason"].tolist()


def test_a_tile_with_more_galaxies_requests_the_new_ones_only(tmp_path):
    with ScriptedServer(always(http_response(JPEG))) as server:
        fetch(tmp_path, server, galaxies=4)
        assert fetch(tmp_path, server, galaxies=6).rows["outcome"].tolist() == ["delivered"] * 6
        assert sorted(server.requested.values()) == [1] * 6
        assert (
            fetch(tmp_path, server, galaxies=6, entry={"cutout": {"size_px": 64, "pixel_scale_arcsec": 0.2}}).status
            == 0
        )
        assert len(server.requested) == 12, "another scale is another image"


def test_a_tile_of_an_older_version_without_a_column_is_reported_and_fetched_again(tmp_path, capsys):
    with ScriptedServer(always(http_response(JPEG))) as server:
        fetch(tmp_path, server)
        (kept,) = tmp_path.glob(".fetched/*/tile.parquet")
        pq.write_table(pq.read_table(kept).drop_columns("stretch"), kept)
        assert set(fetch(tmp_path, server).rows["outcome"]) == {"delivered"}
        assert "of an older version, without stretch: its images are fetched again" in capsys.readouterr().err
        assert set(server.requested.values()) == {2}


def test_what_failed_for_now_is_requested_at_the_next_start(tmp_path, capsys):
    broken = {"down": True}

    def script(before: int, target: str) -> bytes:
        return http_response(b"", "503 Down") if broken["down"] and "ra=45.1" in target else http_response(JPEG)

    with ScriptedServer(script) as server:
        assert fetch(tmp_path, server, galaxies=4, share=0.0).status == 2
        assert "25.0% rejected or failed" in capsys.readouterr().err
        assert not (tmp_path / "tile.parquet").exists()
        broken["down"] = False
        requested = dict(server.requested)
        assert fetch(tmp_path, server, galaxies=4, share=0.0).status == 0
        again = {target for target, times in server.requested.items() if times > requested[target]}
        assert ["ra=45.1" in target for target in again] == [True]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (http_response(b"slow down", "429 Too Many Requests"), "429.*busy, try later"),
        (
            http_response(b'{"format": "new"}', content_type="application/json"),
            "application/json where an image.*may be down or have changed",
        ),
        (http_response(picture("JPEG", NOISE[:60, :60])), "60 x 60 pixels.*size_px that the service gives"),
        (http_response(b"no such page", "404 Not Found"), "404 Not Found: 'no such page'"),
    ],
)
def test_a_service_that_gives_nothing_stops_the_run_early(tmp_path, capsys, data, message):
    with ScriptedServer(always(data)) as server:
        access = {"attempts": 2, "longest_wait_seconds": 0.01}
        fetched = fetch(tmp_path, server, galaxies=200, share=0.1, access=access)
        assert fetched.status == 2
        # 25 galaxies that failed twice; others are requested the first time while those wait for their second attempt.
        assert len(server.requested) < 100
    error = capsys.readouterr().err
    assert pd.Series([error.replace("\n", " ")]).str.contains(message).all(), error
    assert "Traceback" not in error


def test_ids_never_reach_the_file_system(tmp_path):
    ids = ["../../up", "/etc/passwd", "a/b.c", "1237645879551066262", "\u202e\n", "x" * 5000]
    with ScriptedServer(always(http_response(JPEG))) as server:
        fetched = fetch(tmp_path, server, ids=ids)
    assert fetched.rows["source_id"].tolist() == ids
    assert set(fetched.rows["outcome"]) == {"delivered"}
    names = {name for _, folders, files in os.walk(tmp_path) for name in (*folders, *files)}
    assert not [name for name in names if "passwd" in name or name.startswith(("up", "1237", "xx")) or name == "a"]


def test_connections_and_rate_stay_below_their_limits(tmp_path):
    with ScriptedServer(always(http_response(JPEG))) as server:
        started = time.monotonic()
        fetch(tmp_path, server, galaxies=30, access={"concurrency": 3, "requests_per_second": 30.0})
        assert server.most_open <= 3
    # 30 requests at 30 a second have 29 gaps between them.
    assert time.monotonic() - started >= 29 / 30


def test_images_are_decoded_in_one_thread_beside_the_network(tmp_path, monkeypatch):
    threads = set()
    judge = Sdss.judge

    def observed(self, received, galaxy):
        threads.add(threading.current_thread())
        return judge(self, received, galaxy)

    monkeypatch.setattr(Sdss, "judge", observed)
    with ScriptedServer(always(http_response(JPEG))) as server:
        assert set(fetch(tmp_path, server, galaxies=40, access={"concurrency": 16}).rows["outcome"]) == {"delivered"}
    assert len(threads) == 1
    assert threading.main_thread() not in threads
