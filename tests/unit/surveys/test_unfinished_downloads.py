"""Downloads that an outage, a hole in the survey or a second folder of results must not keep from their end."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

from tests.integration.network_campaign import REPOSITORY, catalog_of, command, start
from tests.services.coverage import is_covered
from tests.services.running import running_survey_server
from tests.unit.image_checks.noise_images import picture
from tests.unit.surveys.scripted_server import ScriptedServer, http_response
from tests.unit.surveys.test_fetching_from_services import ACCESS, JPEG, NOISE, always, fetch
from workflow_scripts.errors import InputError
from workflow_scripts.http_services.addresses import AddressGuard
from workflow_scripts.surveys.fetcher import connections as connections_of
from workflow_scripts.surveys.fetcher import shared_limits
from workflow_scripts.surveys.fetcher.connections import AccessLimits, Connections, Received
from workflow_scripts.surveys.fetcher.shared_limits import SharedPlace, SharedQueue, runtime_folder

URL = "https://service.example/cutout"
OF_ANOTHER_SIZE = http_response(picture("JPEG", NOISE[:32]))


def right_ascension(target: str) -> float:
    return float(parse_qs(urlsplit(target).query)["ra"][0])


@pytest.mark.parametrize(
    "outage",
    [
        http_response(b"", "500 Internal Server Error"),
        http_response(b"log in", "401 Unauthorized"),
        http_response(b"blocked", "403 Forbidden"),
        http_response(b"no such page", "404 Not Found"),
        http_response(JPEG[:-2] + JPEG[:40], "200 OK"),
        OF_ANOTHER_SIZE,
    ],
    ids=["500", "401", "403", "404", "without an end", "of another size"],
)
def test_an_outage_closes_no_tile_for_good(tmp_path, outage):
    down = {"now": True}

    def script(before: int, target: str) -> bytes:
        return outage if down["now"] and right_ascension(target) > 45.25 else http_response(JPEG)

    with ScriptedServer(script) as server:
        assert fetch(tmp_path, server, galaxies=6, share=0.0).status == 2
        first = Counter(server.requested)
        assert fetch(tmp_path, server, galaxies=6, share=0.0).status == 2
        second = server.requested - first
        # Bounded: a start requests what is open as often as the first did, and nothing else.
        assert {right_ascension(target) for target in second} == {45.3, 45.4, 45.5}
        assert set(second.values()) <= {1, ACCESS["ambiguous_attempts"], ACCESS["attempts"]}
        down["now"] = False
        fetched = fetch(tmp_path, server, galaxies=6, share=0.0)
        assert fetched.status == 0
    assert set(fetched.rows["outcome"]) == {"delivered"}


def test_a_rejected_image_of_a_finished_tile_is_requested_when_the_tile_is_made_again(tmp_path):
    broken = {"now": True}

    def script(before: int, target: str) -> bytes:
        if broken["now"] and "ra=45.1" in target:
            return OF_ANOTHER_SIZE
        return http_response(JPEG)

    with ScriptedServer(script) as server:
        assert fetch(tmp_path, server).status == 0
        broken["now"] = False
        assert fetch(tmp_path, server).rows["outcome"].tolist() == ["delivered"] * 3
        assert sorted(server.requested.values()) == [1, 1, 3]


def hole(before: int, target: str) -> bytes:
    """A service that fails at the first 40 of 200 galaxies."""
    inside = right_ascension(target) < 48.95
    return http_response(b"", "500 Internal Server Error") if inside else http_response(JPEG)


QUICK = {"ambiguous_attempts": 1, "longest_wait_seconds": 0.01}


def test_what_the_user_tolerates_does_not_end_a_run(tmp_path):
    with ScriptedServer(hole) as server:
        fetched = fetch(tmp_path, server, galaxies=200, share=0.3, access=QUICK)
    assert fetched.status == 0
    assert fetched.rows["outcome"].value_counts().to_dict() == {"delivered": 160, "failed": 40}


def test_a_run_that_ends_early_is_further_at_each_start_and_names_the_keys(tmp_path, capsys):
    with ScriptedServer(hole) as server:
        assert fetch(tmp_path, server, galaxies=200, share=0.02, access=QUICK).status == 2
        error = capsys.readouterr().err
        assert "25 cutouts one after the other failed, most often: server_error: 500" in error
        assert "(surveys, coverage)" in error
        assert "(surveys, max_failed_share)" in error
        first = dict(server.requested)
        assert len(first) < 60
        for _ in range(3):
            fetch(tmp_path, server, galaxies=200, share=0.02, access=QUICK)
        assert len(server.requested) == 200, "all else has come, though what fails stays"
        delivered = [times for target, times in server.requested.items() if right_ascension(target) > 48.95]
        assert set(delivered) == {1}
        assert fetch(tmp_path, server, galaxies=200, share=0.2, access=QUICK).status == 0


def test_a_service_that_is_away_ends_the_run_whatever_is_tolerated(tmp_path):
    with ScriptedServer(always(http_response(b"", "503 Down"))) as server:
        assert fetch(tmp_path, server, galaxies=200, share=1.0, access={**QUICK, "attempts": 1}).status == 2
        assert len(server.requested) < 60


@pytest.fixture(scope="module")
def services():
    with running_survey_server(galaxies=200) as running:
        yield running


def test_fits_of_the_legacy_surveys_end_without_a_map(services, tmp_path):
    galaxies = catalog_of(tmp_path / "catalog.parquet", 500)
    # Everything off the footprint comes first, as it may in any catalog.
    covered = is_covered("legacy", galaxies["ra"], galaxies["dec"])
    chosen = pd.concat([galaxies[~covered].head(30), galaxies[covered].head(6)])
    chosen.to_parquet(tmp_path / "catalog.parquet")
    services.behave({})
    services.forget()
    entry = {"kind": "legacy", "url": services.url("legacy"), "format": "fits", "equal_tiles": 1}
    entry["cutout"] = {"size_px": 16, "pixel_scale_arcsec": 0.8}
    job = start(command(tmp_path, entry, 0, "legacy"))
    assert job.wait(60) == 0, job.stderr.read()
    rows = pd.read_parquet(tmp_path / "legacy" / "tile0.parquet").set_index("source_id")
    assert rows["outcome"].to_dict() == dict.fromkeys(chosen["source_id"][:30], "no_coverage") | dict.fromkeys(
        chosen["source_id"][30:], "delivered"
    )
    report = services.report()["legacy"]
    assert (report["requests"], report["outcomes"]) == (66, {"500": 30, "grey": 30, "ok": 6})


def test_two_folders_of_results_keep_the_limits_of_a_service_together(services, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "run").mkdir(mode=0o700)
    services.behave({"latency_ms": 400, "limits": {"imgcutout": {"at_a_time": 6, "refuse": "reset"}}})
    services.forget()
    catalog_of(tmp_path / "catalog.parquet", 24, cap_deg=20)
    entry = {"kind": "sdss", "url": services.url("imgcutout"), "equal_tiles": 1, "cutout": {"size_px": 64}}
    access = json.dumps({**ACCESS, "attempts": 1, "concurrency": 6})
    jobs = []
    for folder in ("one", "two"):
        line = command(tmp_path, entry, 0, folder, access=access, max_failed_share=1)
        place = line.index("--limits-folder")
        jobs.append(start(line[:place] + line[place + 2 :]))
    for job in jobs:
        assert job.wait(60) == 0, job.stderr.read()
    report = services.report()["imgcutout"]
    assert report["requests"] == 48
    assert report["most_at_a_time"] <= 6
    assert "limit_reset" not in report["outcomes"]
    assert list((tmp_path / "run" / "skybias").glob("host_*/clock"))


def test_a_place_is_left_to_others_and_free_when_its_process_is_killed(tmp_path, monkeypatch):
    first, second = (SharedPlace(tmp_path, URL, 0) for _ in range(2))
    assert first.take()
    assert first.take()
    assert not second.take()
    assert not first.turn_is_over()
    monkeypatch.setattr(shared_limits, "TURN_SECONDS", -1.0)
    assert first.turn_is_over()
    first.leave()
    assert not first.held
    assert second.take()
    assert not first.take()
    second.leave()
    program = (
        "import sys, time; from workflow_scripts.surveys.fetcher.shared_limits import SharedPlace\n"
        f"print(SharedPlace(sys.argv[1], {URL!r}, 1).take(), flush=True); time.sleep(60)"
    )
    line = [sys.executable, "-c", program, str(tmp_path)]
    process = subprocess.Popen(line, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "True\n"
    other = SharedPlace(tmp_path, URL, 1)
    assert not other.take()
    process.kill()
    process.communicate()
    assert other.take()


def test_jobs_know_whether_others_wait(tmp_path):
    first, second, third = (SharedQueue(tmp_path, URL) for _ in range(3))
    first.wait(True)
    assert not first.others_wait()
    assert second.others_wait()
    second.wait(True)
    assert first.others_wait()
    assert second.others_wait()
    first.wait(False)
    assert not second.others_wait()
    assert third.others_wait()
    second.wait(False)
    assert not third.others_wait()


def test_two_jobs_take_turns_and_close_connections_that_they_leave(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_limits, "TURN_SECONDS", 0.3)
    # Idle connections close while others are wanted.
    monkeypatch.setattr(connections_of, "_SECONDS_BETWEEN_LOOKS_AT_IDLE", 0.001)
    ended: list[str] = []

    async def job(url: str, name: str) -> None:
        limits = AccessLimits(2, None, 4, 2, 5.0, 1.0)
        async with Connections(url, limits, tmp_path, AddressGuard(url), "skybias/test") as connections:
            for number in range(150):
                response = await connections.request(f"{url}?{name}{number}", 10**6)
                assert isinstance(response, Received)
                ended.append(name)
                await asyncio.sleep(0.005)

    async def both(url: str) -> None:
        await asyncio.gather(*(job(url, name) for name in "aabbb"))

    with ScriptedServer(always(http_response(JPEG))) as server:
        asyncio.run(both(f"{server.url}/getjpeg"))
        assert server.most_open <= 2
    assert Counter(ended) == {"a": 300, "b": 450}
    assert min(np.flatnonzero(np.array(ended) == "b")) < 300, "the second job waited for the end of the first"


def test_the_folder_of_limits_is_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "run").mkdir(mode=0o700)
    assert runtime_folder() == tmp_path / "run" / "skybias"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    folder = runtime_folder()
    if folder.is_relative_to(tmp_path):
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        folder.rmdir()
        folder.parent.rmdir()
        folder.parent.symlink_to(tmp_path / "run")
        with pytest.raises(InputError, match="expected a folder of your own"):
            runtime_folder()
    assert folder.parent.lstat().st_uid == os.getuid()
