"""Images whose bands are requested one by one: Pan-STARRS in FITS."""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from tests.unit.surveys.scripted_server import ScriptedServer, http_response
from tests.unit.surveys.test_fetching_from_services import ACCESS, Fetched, fetch
from workflow_scripts.fetch_cutouts import with_defaults
from workflow_scripts.images.decoding import decode
from workflow_scripts.images.fits_files import unpacked
from workflow_scripts.prepare_images import prepared
from workflow_scripts.surveys.fetcher.journal import Journal
from workflow_scripts.surveys.kept_tiles import SideFolder
from workflow_scripts.surveys.service_survey import joined

REPOSITORY = Path(__file__).parents[3]
SIZE = 24
# Of a pixel; those of the sky that the stretch shows are a sixteenth of it, for a pixel of 0.25 arcsec.
FLUX = {"i": 4.0 / 16, "r": 2.0 / 16, "g": 1.0 / 16}
HEADER = "projcell subcell ra dec filter mjd type filename shortname badflag\n"
RECIPE = {"size_px": SIZE, "channels": 3, "crop_fraction": 1.0, "resample": "lanczos"}


def stack(band: str, ra: str = "45.0000000", exposure: float = 500.0, **cards: float) -> bytes:
    """A cutout as fitscut gives it, around this flux in nanomaggies and a little noise."""
    noise = np.random.default_rng([int(float(ra) * 1e7), ord(band)]).normal(0, 0.01 / 16, (SIZE, SIZE))
    buffer = io.BytesIO()
    header = fits.Header([("EXPTIME", exposure), *cards.items()])
    fits.PrimaryHDU(((FLUX[band] + noise) * 10 * exposure).astype(np.float32), header).writeto(buffer)
    return buffer.getvalue()


def names_table(bands: str = "irg", galaxies: int = 10) -> bytes:
    rows = [(f"{45 + 0.1 * number:.7f} 41.0000000", band) for number in range(galaxies) for band in bands]
    lines = "".join(f"1 2 {position} {band} 0.0 stack /stacks/{band}.fits short 0\n" for position, band in rows)
    return http_response((HEADER + lines).encode(), content_type="text/plain")


def requested_file(target: str) -> tuple[str, str]:
    """Right ascension and band of a request to fitscut."""
    query = parse_qs(urlsplit(target).query)
    return query["ra"][0], query["red"][0].removeprefix("/stacks/").removesuffix(".fits")


def service(special=lambda before, ra, band: None, names: bytes | None = None):
    """A script: names of stacks, then the stacks themselves unless `special` has others."""

    def script(before: int, target: str) -> bytes:
        if "ps1filenames" in target:
            return names or names_table()
        ra, band = requested_file(target)
        return special(before, ra, band) or http_response(stack(band, ra), content_type="image/fits")

    return script


def entry(server: ScriptedServer, **more) -> dict:
    urls = {"url": f"{server.url}/fitscut.cgi", "names_url": f"{server.url}/ps1filenames.py"}
    return {
        "kind": "panstarrs",
        **urls,
        "format": "fits",
        "cutout": {"size_px": SIZE},
        "bands": ["i", "r", "g"],
        **more,
    }


def fetch_bands(folder: Path, server: ScriptedServer, galaxies: int, share: float = 1.0, **more) -> Fetched:
    """Patiently: attempts are counted, also on a busy machine."""
    return fetch(folder, server, galaxies, share, entry(server, **more), {"timeout_seconds": 60.0})


def requests(server: ScriptedServer) -> dict[tuple[str, str], int]:
    return {requested_file(target): times for target, times in server.requested.items() if "fitscut" in target}


def test_an_image_has_all_bands_as_they_were_received(tmp_path):
    with ScriptedServer(service()) as server:
        rows = fetch_bands(tmp_path, server, 3).rows
        assert server.requested["/ps1filenames.py"] == 1
        assert set(requests(server).values()) == {1}
    assert len(requests(server)) == 9
    for number, row in enumerate(rows.itertuples()):
        ra = f"{45 + 0.1 * number:.7f}"
        assert (row.outcome, row.image_format, row.attempts, row.stretch) == ("delivered", "fits", 3, "stack_counts")
        assert list(unpacked(row.image).items()) == [(band, stack(band, ra)) for band in "irg"]
        assert row.sha256 == hashlib.sha256(row.image).hexdigest()
        assert [requested_file(url) for url in row.origin.split(" ")] == [(ra, band) for band in "irg"]


def test_one_band_alone_is_kept_as_the_file_that_it_is(tmp_path):
    with ScriptedServer(service()) as server:
        rows = fetch_bands(tmp_path, server, 1, bands=["r"]).rows
    assert rows["image"].tolist() == [stack("r")]
    assert rows["stretch"].tolist() == ["stack_counts"]


@pytest.mark.parametrize(
    ("special", "outcome", "reason", "attempts"),
    [
        (http_response(b"no such stack", "404 Not Found"), "failed", "band r: 404 Not Found: 'no such stack'", 3),
        (http_response(b"", "503 Down"), "failed", "band r: 503 Down", 6),
        (http_response(b"fitscut: error\n"), "failed", "band r: not an image: .*", 6),
        (
            http_response(stack("r")[:2880] + bytes(2880)),
            "no_coverage",
            "band r: empty: the stack has no pixels here",
            4,
        ),
        (http_response(stack("r").replace(b"EXPTIME ", b"EXPOSURE")), "rejected", "band r: the card EXPTIME .*", 4),
        (http_response(stack("r", BSOFTEN=3.0)), "rejected", "band r: the card BOFFSET .*", 4),
    ],
)
def test_a_galaxy_is_no_better_than_its_worst_band(tmp_path, special, outcome, reason, attempts):
    script = service(lambda before, ra, band: special if (ra, band) == ("45.0000000", "r") else None)
    with ScriptedServer(script) as server:
        rows = fetch_bands(tmp_path, server, 2).rows
    assert rows["outcome"].tolist() == [outcome, "delivered"]
    assert re.fullmatch(reason, rows["reason"][0])
    assert rows["image"].isna().tolist() == [True, False]
    # One for each of the two bands that came, and those at the other.
    assert rows["attempts"].tolist() == [attempts, 3]


def test_a_position_that_lacks_a_band_is_not_requested(tmp_path):
    with ScriptedServer(service(names=names_table("ir"))) as server:
        rows = fetch_bands(tmp_path, server, 2).rows
        assert not requests(server)
    assert rows[["outcome", "reason", "attempts"]].drop_duplicates().to_numpy().tolist() == [
        ["no_coverage", "no stack in band g at this position", 0]
    ]


def test_the_next_start_requests_the_band_that_failed_and_no_other(tmp_path):
    down = {"45.1000000"}
    script = service(lambda before, ra, band: http_response(b"", "503 Down") if band == "g" and ra in down else None)
    with ScriptedServer(script) as server:
        assert fetch_bands(tmp_path, server, 3, share=0.0).status == 2
        before = requests(server)
        down.clear()
        assert set(fetch_bands(tmp_path, server, 3, share=0.0).rows["outcome"]) == {"delivered"}
        again = {
            requested: times - before[requested]
            for requested, times in requests(server).items()
            if times > before[requested]
        }
        assert again == {("45.1000000", "g"): 1}
        assert server.requested["/ps1filenames.py"] == 1


def test_a_tile_that_is_made_again_requests_nothing(tmp_path):
    with ScriptedServer(service()) as server:
        first = fetch_bands(tmp_path, server, 2).rows
        (tmp_path / "tile.parquet").unlink()
        pd.testing.assert_frame_equal(fetch_bands(tmp_path, server, 2).rows, first)
        assert sum(requests(server).values()) == 6
        # Another galaxy is requested in all its bands, and the others in none.
        assert fetch_bands(tmp_path, server, 3).rows["outcome"].tolist() == ["delivered"] * 3
        assert sum(requests(server).values()) == 9


def test_a_job_that_is_killed_between_two_bands_requests_no_band_twice(tmp_path):
    reached, killed = threading.Event(), threading.Event()

    def special(before: int, ra: str, band: str) -> None:
        if (ra, band) == ("45.1000000", "g"):
            reached.set()
            killed.wait(60)

    with ScriptedServer(service(special)) as server:
        fetch_bands(tmp_path, server, 3, bands=["y"])
        survey = json.dumps(entry(server))
        access = json.dumps({**ACCESS, "concurrency": 1, "timeout_seconds": 60.0})
        command = [sys.executable, "-m", "workflow_scripts.fetch_cutouts", "--survey", survey, "--access", access]
        command += ["--catalog", "catalog.parquet", "--tile", "0", "--output", "tile.parquet"]
        (tmp_path / "tile.parquet").unlink()
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        job = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
        try:
            assert reached.wait(60)
        finally:
            job.kill()
            job.wait()
            killed.set()
        (path,) = tmp_path.glob(".progress/*/*.journal")
        with Journal(path) as journal:
            recorded = {requested_file(journal.head(key)["url"]) for key in journal if not key.startswith("note ")}
        assert {("45.0000000", "g"), ("45.1000000", "i")} <= recorded
        assert ("45.1000000", "g") not in recorded
        rows = fetch_bands(tmp_path, server, 3).rows
        requested = requests(server)
    assert set(rows["outcome"]) == {"delivered"}
    assert {requested[request] for request in recorded} == {1}


def test_pixels_are_the_same_whatever_the_depth_and_the_scaling_of_a_stack(tmp_path):
    deep = {"45.1000000": 1700.0, "45.2000000": 90.0}

    def special(before: int, ra: str, band: str) -> bytes:
        exposure = deep.get(ra, 500.0)
        data = stack(band, "45.0000000", exposure)
        if ra == "45.2000000":
            values = 2.5 / np.log(10) * np.arcsinh(decode(data)[0] / (2 * 7.0))
            buffer = io.BytesIO()
            cards = [("EXPTIME", exposure), ("BSOFTEN", 7.0), ("BOFFSET", 0.0)]
            fits.PrimaryHDU(values.astype(np.float32), fits.Header(cards)).writeto(buffer)
            data = buffer.getvalue()
        return http_response(data, content_type="image/fits")

    with ScriptedServer(service(special)) as server:
        fetch_bands(tmp_path, server, 3)
    first, *others = prepared(tmp_path / "tile.parquet", RECIPE)
    for other in others:
        assert np.abs(first.astype(int) - other).max() <= 1
    # As the bands are listed: i is red, g is blue.
    assert (np.diff(first.mean(axis=(0, 1))) < -20).all()


def test_other_bands_and_another_order_are_another_survey():
    given = [["i"], ["i", "r", "g"], ["g", "r", "i"]]
    entries = [with_defaults({"kind": "panstarrs", "format": "fits", "bands": bands}) for bands in given]
    folders = {SideFolder("cutouts/tile0.parquet", entry).journal.parent for entry in entries}
    assert len(folders) == 3


def record(outcome: str, reason: str = "", at: float = 1.0) -> tuple[dict, bytes]:
    return {"outcome": outcome, "reason": reason, "url": "u", "attempts": 2, "at": at, "scale": 0.25}, b""


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([record("no_coverage", "a"), record("rejected", "b"), record("failed", "c")], ("failed", "band g: c")),
        ([record("no_coverage", "a"), record("rejected", "b")], ("rejected", "band r: b")),
        ([record("delivered"), record("no_coverage", "a")], ("no_coverage", "band r: a")),
        ([record("failed", "a"), record("failed", "b")], ("failed", "band i: a")),
        ([record("failed", "a"), record("failed", "a", at=9.0)], ("failed", "a")),
    ],
)
def test_the_worst_outcome_counts(records, expected):
    head, image = joined(dict(zip("irg", records, strict=False)))
    assert (head["outcome"], head["reason"]) == expected
    assert (image, head["sha256"], head["attempts"]) == (b"", "", 2 * len(records))
    assert head["at"] == max(one["at"] for one, _ in records)
