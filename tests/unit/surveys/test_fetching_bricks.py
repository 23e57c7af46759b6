"""Whole downloads of bricks: each file once, whatever is killed, and every galaxy with its result."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from tests.unit.surveys.bricks_of_noise import BRICK, EAST, PIXEL_SCALE, file_of, position_in
from tests.unit.surveys.scripted_server import ScriptedServer, http_response
from workflow_scripts import fetch_cutouts
from workflow_scripts.step import run_step

BRICKS = {brick.name: brick for brick in (BRICK, EAST)}
FILES = {(name, band): file_of(brick, band) for name, brick in BRICKS.items() for band in "gr"}
NOT_FOUND = http_response(b"<h1>404 Not Found</h1>", "404 Not Found", "text/html")
ACCESS = {
    "concurrency": 2,
    "requests_per_second": None,
    "attempts": 4,
    "ambiguous_attempts": 2,
    "timeout_seconds": 5.0,
    "longest_wait_seconds": 0.1,
}


def requested_file(target: str) -> tuple[str, str]:
    """Brick and band of a path."""
    folder, name, file = target.split("/")[-3:]
    assert folder == name[:3]
    assert file.startswith(f"legacysurvey-{name}-image-")
    return name, file.removesuffix(".fits.fz")[-1]


def as_published(before: int, target: str) -> bytes:
    return http_response(FILES[requested_file(target)], content_type="application/octet-stream")


def catalog_in(folder, places) -> pd.DataFrame:
    """Galaxies at (brick, x, y)."""
    table = pd.DataFrame([position_in(*place) for place in places], columns=["ra", "dec"])
    table.insert(0, "source_id", [f"g{number}" for number in range(len(table))])
    table.to_parquet(folder / "catalog.parquet")
    return table


PLACES = [(BRICK, 30.2, 40.3), (EAST, 20.1, 60.4), (BRICK, 70.3, 20.2), (BRICK, 45.4, 45.4)]


def arguments(folder, server, **options) -> list[str]:
    survey = {"kind": "bricks", "url": f"{server.url}/coadd/", "bands": "gr"}
    survey["cutout"] = {"size_px": 16, "pixel_scale_arcsec": PIXEL_SCALE}
    listed = {
        "survey": json.dumps(survey),
        "catalog": folder / "catalog.parquet",
        "tile": 0,
        "access": json.dumps(ACCESS),
    }
    listed |= {"limits-folder": folder / "limits", "output": folder / "tile0.parquet", "max-failed-share": 1, **options}
    return [text for key, value in listed.items() for text in (f"--{key}", str(value))]


def fetch(folder, server, places=PLACES, status: int = 0, **options) -> pd.DataFrame | None:
    catalog_in(folder, places)
    with pytest.raises(SystemExit) as stopped:
        run_step(fetch_cutouts.main, fetch_cutouts.parser, arguments(folder, server, **options))
    assert stopped.value.code == status
    path = folder / "tile0.parquet"
    return pq.read_table(path).to_pandas() if path.exists() else None


def test_every_file_is_requested_once_and_every_galaxy_is_cut_out(tmp_path):
    with ScriptedServer(as_published) as server:
        rows = fetch(tmp_path, server)
        assert sorted(server.requested.values()) == [1] * 4
    assert rows["source_id"].tolist() == ["g0", "g1", "g2", "g3"]
    assert set(rows["outcome"]) == {"delivered"}
    assert set(rows["stretch"]) == {"none"}
    for row, (brick, x, y) in zip(rows.itertuples(), PLACES, strict=True):
        header, pixels = fits.getheader(io.BytesIO(row.image)), fits.getdata(io.BytesIO(row.image))
        assert hashlib.sha256(row.image).hexdigest() == row.sha256
        assert header["BRICK"] == brick.name
        digests = [hashlib.sha256(FILES[brick.name, band]).hexdigest() for band in "gr"]
        assert [header["SHA256G"], header["SHA256R"]] == digests
        assert all(digest in row.reason for digest in digests)
        assert row.origin.endswith(f"/{brick.name[:3]}/{brick.name}/legacysurvey-{brick.name}-image-{{g,r}}.fits.fz")
        left, bottom = int(np.ceil(x - 8)), int(np.ceil(y - 8))
        published = fits.getdata(io.BytesIO(FILES[brick.name, "r"]))
        assert (pixels[1] == published[bottom : bottom + 16, left : left + 16]).all()
        assert WCS(header, naxis=2).wcs_world2pix([[row.ra, row.dec]], 0)[0] == pytest.approx([x - left, y - bottom])
    assert not list(tmp_path.rglob("*.bricks"))


@pytest.mark.parametrize("band", ["g", "r"])
def test_a_brick_without_a_file_is_no_coverage_and_requested_once(tmp_path, band):
    def script(before: int, target: str) -> bytes:
        return NOT_FOUND if requested_file(target) == (EAST.name, band) else as_published(before, target)

    with ScriptedServer(script) as server:
        rows = fetch(tmp_path, server)
        assert set(server.requested.values()) == {1}
        again = fetch(tmp_path, server)
        assert set(server.requested.values()) == {1}
    assert rows["outcome"].tolist() == ["delivered", "no_coverage", "delivered", "delivered"]
    assert rows["reason"][1] == f"404: no image of the brick in band {band}"
    assert again["image"].tolist() == rows["image"].tolist()


@pytest.mark.parametrize(
    "first",
    [
        None,
        http_response(b"busy", "503 Service Unavailable"),
        http_response(b"<html>Maintenance</html>", content_type="text/html"),
        http_response(b""),
        http_response(FILES[BRICK.name, "g"][:9000]),
        http_response(FILES[BRICK.name, "g"][:9000], Content_Length=str(10**5), Connection="close"),
    ],
)
def test_a_file_that_did_not_come_whole_is_requested_again(tmp_path, first):
    def script(before: int, target: str) -> bytes | None:
        return as_published(before, target) if before else first

    with ScriptedServer(script) as server:
        rows = fetch(tmp_path, server)
        assert set(server.requested.values()) == {2}
    assert set(rows["outcome"]) == {"delivered"}
    assert set(rows["attempts"]) == {2}


def test_a_brick_whose_place_on_the_sky_lies_is_rejected_with_all_its_galaxies(tmp_path):
    wrong = file_of(EAST, "g", CRVAL2=float(EAST.dec) + 0.25)

    def script(before: int, target: str) -> bytes:
        return http_response(wrong) if requested_file(target) == (EAST.name, "g") else as_published(before, target)

    with ScriptedServer(script) as server:
        rows = fetch(tmp_path, server)
        assert sorted(server.requested.values()) == [1, 1, 1, ACCESS["ambiguous_attempts"]]
    assert rows["outcome"].tolist() == ["delivered", "rejected", "delivered", "delivered"]
    assert "its centre is 900 arcsec from that of brick" in rows["reason"][1]


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with ScriptedServer(lambda before, target: http_response(b"x", Content_Length=str(2**40))) as server:
        rows = fetch(tmp_path, server)
    assert set(rows["outcome"]) == {"failed"}
    assert rows["reason"].str.contains("expected at most").all()


def test_a_galaxy_at_the_edge_is_reported_and_the_others_are_cut_out(tmp_path):
    with ScriptedServer(as_published) as server:
        rows = fetch(tmp_path, server, [(BRICK, 2.6, 45.2), (BRICK, 45.2, 45.2)])
    assert rows["outcome"].tolist() == ["no_coverage", "delivered"]
    assert "beyond the edge of its brick" in rows["reason"][0]


def test_what_failed_is_requested_by_the_next_start_and_nothing_else(tmp_path):
    out_of_order = {"now": True}

    def script(before: int, target: str) -> bytes:
        busy = out_of_order["now"] and requested_file(target)[0] == EAST.name
        return http_response(b"busy", "503 Service Unavailable") if busy else as_published(before, target)

    with ScriptedServer(script) as server:
        assert fetch(tmp_path, server, status=2, **{"max-failed-share": 0}) is None
        out_of_order["now"] = False
        rows = fetch(tmp_path, server)
        by_brick = {name: [count for target, count in server.requested.items() if name in target] for name in BRICKS}
    assert by_brick == {BRICK.name: [1, 1], EAST.name: [ACCESS["attempts"] + 1] * 2}
    assert set(rows["outcome"]) == {"delivered"}


def test_new_galaxies_request_their_bricks_alone(tmp_path):
    with ScriptedServer(as_published) as server:
        fetch(tmp_path, server, PLACES[:1])
        rows = fetch(tmp_path, server, PLACES[:2])
        requested = sorted((requested_file(target), count) for target, count in server.requested.items())
    assert requested == sorted(((name, band), 1) for name in BRICKS for band in "gr")
    assert set(rows["outcome"]) == {"delivered"}


def test_a_killed_job_requests_no_file_twice_and_ends_with_the_same_images(tmp_path):
    def slow_east(before: int, target: str) -> bytes:
        if requested_file(target)[0] == EAST.name and not (tmp_path / "killed").exists():
            time.sleep(0.2)
            return http_response(b"busy", "503 Service Unavailable")
        return as_published(before, target)

    with ScriptedServer(slow_east) as server:
        catalog_in(tmp_path, PLACES)
        command = [sys.executable, "-m", "workflow_scripts.fetch_cutouts", *arguments(tmp_path, server)]
        command[command.index("--access") + 1] = json.dumps({**ACCESS, "attempts": 10, "longest_wait_seconds": 60})
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)
        try:
            # Both files of the other brick are in the journal when this one is requested again.
            started = time.monotonic()
            while not any(count >= 2 for count in server.requested.values()) and time.monotonic() - started < 60:
                time.sleep(0.01)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert sum(path.stat().st_size for path in tmp_path.rglob("*.bricks*")) > 2 * 10_000
        (tmp_path / "killed").touch()
        rows = fetch(tmp_path, server)
        kept = [count for target, count in server.requested.items() if BRICK.name in target]
        assert kept == [1, 1]
        (tmp_path / "whole").mkdir()
        whole = fetch(tmp_path / "whole", server)
    assert rows["image"].tolist() == whole["image"].tolist()
    assert set(rows["outcome"]) == {"delivered"}
