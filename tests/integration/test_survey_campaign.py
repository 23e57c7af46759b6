"""Whole downloads from the local server, which misbehaves in every way it knows.

SKYBIAS_CAMPAIGN=20000 makes as many requests in all, and kills a download 50 times.
"""

import json
import os
import random
import re
import time
from io import BytesIO
from math import cos, isclose, radians
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from PIL import Image

from tests.integration.network_campaign import QUICK, catalog_of, command, entries, run, start
from tests.services.coverage import is_covered, moc
from tests.services.misbehaviour import HARMLESS, KINDS
from tests.services.running import RunningServer, running_survey_server
from workflow_scripts.images.decoding import decode, is_constant, size_of
from workflow_scripts.images.fits_files import is_packed, unpacked
from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.surveys.fetcher.journal import Journal
from workflow_scripts.surveys.survey import SETTLED

pytestmark = [pytest.mark.long, pytest.mark.longest]

REQUESTS = int(os.environ.get("SKYBIAS_CAMPAIGN", "280"))
KILLS = 50 if REQUESTS >= 20_000 else 3
COVERAGE = {"sdss": "sdss", "hips": "sdss", "hips_png": "panstarrs", "legacy": "legacy", "legacy_fits": "legacy"}
# The tile about RA 135, Dec 42: the galactic plane cuts off a part of SDSS and the Legacy Surveys.
TILE = 1
IMAGES = ("hips2fits", "hips2fits_mirror", "fitscut")
# An image of one value is how services report that they have none: only a coverage map can contradict it.
BLANK = {"constant", "fits_nan"}
# What a service has not, by its own words.
UNCOVERED = {"no_coverage", "grey", "black", "blank"}


@pytest.fixture(scope="module")
def server():
    with running_survey_server() as running:
        yield running


def misbehaving(server: RunningServer, *without: str, **more: object) -> None:
    """A tenth of the requests go wrong twice; another tenth has an unusual response."""
    server.forget()
    kinds = sorted({*KINDS} - HARMLESS - {*without})
    wrong = {"share": 0.1, "kinds": kinds, "attempts": 2, "seed": 5}
    unusual = {"share": 0.1, "kinds": sorted(HARMLESS - {"cut_without_length"}), "attempts": 2, "seed": 6}
    server.behave({"misbehaviour": [wrong, unusual], "hang_seconds": 10, "oversized_bytes": 3_000_000, **more})


@pytest.mark.parametrize("with_maps", [True, False])
def test_what_can_be_delivered_is_and_nothing_else(server, tmp_path, with_maps):
    galaxies = tile_of_catalog(tmp_path, REQUESTS // len(entries(server)) // 2)
    misbehaving(server, *(() if with_maps else BLANK))
    for name, entry in entries(server).items():
        service = COVERAGE.get(name, "panstarrs")
        options = {}
        if with_maps:
            options["coverage"] = tmp_path / f"{name}_moc.fits"
            moc(service).save(options["coverage"], format="fits")
        run(command(tmp_path, entry, TILE, name, max_failed_share=1, **options))
        rows = pd.read_parquet(tmp_path / name / f"tile{TILE}.parquet").set_index("source_id")
        covered = pd.Series(is_covered(service, galaxies["ra"], galaxies["dec"]), galaxies.index)
        # On the rim, cutouts are partly empty: delivered or not, after how much is missing.
        rows, covered = (table[~is_on_the_rim(service, galaxies)] for table in (rows, covered))
        expected = covered.map({True: "delivered", False: "no_coverage"})
        assert (rows["outcome"] == expected).all(), rows.loc[rows["outcome"] != expected, ["outcome", "reason"]]
        for row in rows[rows["outcome"] == "delivered"].itertuples():
            check_image(row, entry["cutout"]["size_px"])
    report = server.report(with_keys=True)
    assert sum(service["keys"] for service in report.values()) >= 0.7 * REQUESTS / 2
    wrong = {kind for service in report.values() for kind in service["outcomes"]} & {*KINDS}
    assert len(wrong) > (8 if REQUESTS < 20_000 else 40), f"the server misbehaved in few ways: {wrong}"
    for service in report.values():
        for key, outcomes in service["outcomes_of_keys"].items():
            settled = [place for place, outcome in enumerate(outcomes) if outcome in {*UNCOVERED, "ok"}]
            # Inside a map, a service that reports to have nothing has a few requests.
            if not with_maps or outcomes[-1] == "ok":
                assert settled in ([], [len(outcomes) - 1]), f"{key} was requested again after {outcomes}"


def is_on_the_rim(service: str, galaxies: pd.DataFrame) -> pd.Series:
    """Whether a cutout may be covered in part."""
    step = 0.02
    rim = pd.Series(False, galaxies.index)
    for north, east in ((step, 0), (-step, 0), (0, step), (0, -step)):
        ra = galaxies["ra"] + east / np.cos(np.radians(galaxies["dec"]))
        dec = (galaxies["dec"] + north).clip(-90, 90)
        rim |= is_covered(service, ra % 360, dec) != is_covered(service, galaxies["ra"], galaxies["dec"])
    return rim


def tile_of_catalog(folder, number: int) -> pd.DataFrame:
    """A catalog of galaxies in and about one tile; those in the tile, by id."""
    galaxies = catalog_of(folder / "catalog.parquet", 14 * number)
    inside = galaxies[tile_of(galaxies["ra"], galaxies["dec"], 0) == TILE].head(number)
    inside.reset_index(drop=True).to_parquet(folder / "catalog.parquet")
    return inside.set_index("source_id")


def check_image(row, size_px: int) -> None:
    """The image is whole and shows this galaxy: the server writes the position into it."""
    pixels = decode(row.image)
    assert size_of(pixels) == (size_px, size_px)
    assert not is_constant(pixels)
    if row.image_format == "fits":
        files = list(unpacked(row.image).values()) if is_packed(row.image) else [row.image]
        headers = [fits.getheader(BytesIO(file)) for file in files]
        ((ra, dec),) = {(header["CRVAL1"], header["CRVAL2"]) for header in headers}
    else:
        picture = Image.open(BytesIO(row.image))
        # A PNG has its comment behind the pixels.
        picture.load()
        comment = picture.info.get("comment", b"").decode() or picture.info.get("Comment", "")
        ra, dec = map(float, re.search(r"(-?[\d.]+) (-?[\d.]+) [\d.]+$", comment).groups())
    assert isclose(dec, row.dec, abs_tol=2e-7), row
    assert abs(ra - row.ra) % 360 * cos(radians(row.dec)) < 2e-7, row


def test_nothing_is_requested_outside_of_a_coverage_map(server, tmp_path):
    galaxies = tile_of_catalog(tmp_path, 40)
    moc("sdss").save(tmp_path / "moc.fits", format="fits")
    server.behave({})
    server.forget()
    run(command(tmp_path, entries(server)["sdss"], TILE, "sdss", coverage=tmp_path / "moc.fits", max_failed_share=1))
    covered = is_covered("sdss", galaxies["ra"], galaxies["dec"])
    assert 0 < covered.sum() < len(galaxies)
    assert server.report()["imgcutout"]["keys"] == covered.sum()
    rows = pd.read_parquet(tmp_path / "sdss" / f"tile{TILE}.parquet").set_index("source_id").loc[galaxies.index]
    assert set(rows.loc[~covered, "reason"]) == {"outside the coverage map"}
    assert set(rows.loc[~covered, "attempts"]) == {0}


def test_jobs_side_by_side_keep_the_rate_together(server, tmp_path):
    tile_of_catalog(tmp_path, 60)
    server.forget()
    server.behave({"latency_ms": 110, "limits": {"fitscut": {"at_a_time": 1, "refuse": "reset"}}})
    access = json.dumps({**QUICK, "concurrency": 1, "requests_per_second": 25, "attempts": 1})
    entry = entries(server)["panstarrs"]
    jobs = [start(command(tmp_path, entry, TILE, f"job{job}", access=access)) for job in range(3)]
    for job in jobs:
        messages = job.communicate(timeout=600)[1]
        assert job.returncode == 0, messages
    report = server.report()["fitscut"]
    assert report["requests"] >= 150
    assert report["most_at_a_time"] == 1
    # The server counts arrivals, which bunch a little.
    assert report["most_in_a_second"] <= 25 + 3
    assert set(report["outcomes"]) == {"ok"}


@pytest.mark.parametrize("name", ["hips_png", "panstarrs_bands"])
def test_a_download_that_is_killed_goes_on_where_it_was(server, tmp_path, name):
    """SIGKILL at random moments: the same images in the end, and nothing that was recorded is requested again."""
    entry = entries(server)[name]
    requests = len(entry.get("bands", "1"))
    tile_of_catalog(tmp_path, (60 * KILLS if KILLS < 10 else 3000) // requests)
    server.behave({})
    run(command(tmp_path, entry, TILE, "whole"))
    misbehaving(server, latency_ms=20)
    moments = random.Random(1)
    kills = 0
    requested_when_recorded: dict[str, int] = {}
    while kills < KILLS:
        before = requests_for_images(server)
        job = start(command(tmp_path, entry, TILE, "killed"))
        after = before + moments.randrange(0, 60)
        while job.poll() is None and requests_for_images(server) < after:
            time.sleep(0.02)
        time.sleep(moments.random() * 0.2)
        if job.poll() is not None:
            break
        job.kill()
        job.communicate()
        kills += 1
        counts = requests_by_key(server)
        for key in recorded_requests(tmp_path / "killed"):
            requested_when_recorded.setdefault(key, counts[key])
    assert kills == KILLS, f"finished after {kills} kills"
    assert len(requested_when_recorded) > 5 * KILLS
    run(command(tmp_path, entry, TILE, "killed"))
    counts = requests_by_key(server)
    assert {key: counts[key] for key in requested_when_recorded} == requested_when_recorded
    whole, resumed = (pd.read_parquet(tmp_path / name / f"tile{TILE}.parquet") for name in ("whole", "killed"))
    columns = ["source_id", "outcome", "image_format", "sha256", "pixel_scale_arcsec", "image"]
    pd.testing.assert_frame_equal(whole[columns], resumed[columns])
    assert not (tmp_path / "killed" / ".progress").exists()
    # Made again, as after a change of the program: nothing is requested, and the images are the same.
    (tmp_path / "killed" / f"tile{TILE}.parquet").unlink()
    run(command(tmp_path, entry, TILE, "killed"))
    assert requests_by_key(server) == counts
    again = pd.read_parquet(tmp_path / "killed" / f"tile{TILE}.parquet")
    pd.testing.assert_frame_equal(again, resumed)


def requests_for_images(server: RunningServer) -> int:
    report = server.report()
    return sum(report.get(name, {}).get("requests", 0) for name in IMAGES)


def requests_by_key(server: RunningServer) -> dict[str, int]:
    report = server.report(with_keys=True)
    return {
        key: len(outcomes)
        for name in IMAGES
        for key, outcomes in report.get(name, {}).get("outcomes_of_keys", {}).items()
    }


def recorded_requests(folder: Path) -> set[str]:
    """The requests, as the server calls them, whose results are in the journal that a killed job left."""
    keys = set()
    for path in folder.glob(".progress/*/*.journal"):
        with Journal(path) as journal:
            for key in journal:
                head = journal.head(key)
                # Notes of names, and positions without stacks, have no URL.
                if head.get("url") and head["outcome"] in SETTLED:
                    url = urlsplit(head["url"])
                    values = sorted(parse_qsl(url.query))
                    keys.add(f"GET {url.path}?" + "&".join(f"{name}={value}" for name, value in values))
    return keys
