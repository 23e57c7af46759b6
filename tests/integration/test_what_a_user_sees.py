"""The table of docs/surveys.md: what a user sees when a service does not give what it should, word for word."""

import json
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.services.running import running_survey_server

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "surveys.md"
ACCESS = {"attempts": 2, "ambiguous_attempts": 1, "longest_wait_seconds": 0.1, "requests_per_second": None}


@pytest.fixture(scope="module")
def server():
    """A server that keeps to the protocols."""
    with running_survey_server(galaxies=3000) as running:
        yield running


def last_line(folder: Path, step: str, *arguments: str, disk_bytes: int | None = None) -> str:
    """Run a step; the last line that it prints, without a traceback."""

    def small_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (disk_bytes, disk_bytes))

    command = [sys.executable, "-m", f"workflow_scripts.{step}", *arguments]
    prepare = small_disk if disk_bytes else None
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, preexec_fn=prepare, check=False
    )
    assert "Traceback" not in done.stderr
    assert not list(folder.rglob("*.partial*"))
    return done.stderr.strip().splitlines()[-1]


def cutouts(folder: Path, survey: dict, dec: float = 40.0, **options) -> str:
    """Fetch the cutouts of 60 galaxies of tile 0 (around RA 45) or of the south."""
    ra = np.linspace(30, 60, 60)
    ids = [str(1237648720693755918 + number) for number in range(60)]
    pd.DataFrame({"source_id": ids, "ra": ra, "dec": dec}).to_parquet(folder / "catalog.parquet")
    tile = "0" if dec > 0 else "8"
    arguments = ["--survey", json.dumps(survey), "--catalog", str(folder / "catalog.parquet"), "--tile", tile]
    arguments += ["--access", json.dumps(ACCESS), "--limits-folder", str(folder / "limits")]
    return last_line(folder, "fetch_cutouts", *arguments, "--output", str(folder / "tile.parquet"), **options)


def query(folder: Path, url: str, sql: str = "SELECT objid, ra FROM zooSpec", **options) -> str:
    """Ask a SkyServer."""
    requested = {"source": "skyserver", "url": url, "query": None, "sql": sql, "key": "objid"}
    arguments = ["--query", json.dumps(requested), "--kept", str(folder / "kept"), "--page-rows", "1000"]
    outputs = ["--output", str(folder / "answer.parquet"), "--record", str(folder / "answer.json")]
    return last_line(folder, "query_catalog", *arguments, *outputs, **options)


def is_in_the_table(sentence: str) -> bool:
    """Whether a row quotes the sentence; `...` stands for what differs from case to case."""
    table = PAGE.read_text(encoding="utf-8").split("## When something goes wrong")[1]
    quoted = [quote for quote in re.findall(r"`([^`]*)`", table) if len(quote) > 25]
    patterns = [".*".join(re.escape(part) for part in quote.split("...")) for quote in quoted]
    return any(re.search(pattern, sentence) for pattern in patterns)


def legacy(server, **changes) -> dict:
    return {"kind": "legacy", "url": server.url("legacy"), "cutout": {"size_px": 64}, **changes}


def test_no_network(tmp_path, server):
    assert is_in_the_table(cutouts(tmp_path, legacy(server, url="http://127.0.0.1:9/viewer")))
    assert is_in_the_table(query(tmp_path, "http://127.0.0.1:9/dr17"))


def test_a_wrong_host(tmp_path, server):
    assert is_in_the_table(cutouts(tmp_path, legacy(server, url="http://nowhere.invalid/viewer")))


def test_a_wrong_path_on_the_right_host(tmp_path, server):
    assert is_in_the_table(query(tmp_path, f"{server.base_url}/dr99/SkyServerWS"))


def test_an_unknown_layer(tmp_path, server):
    assert is_in_the_table(cutouts(tmp_path, legacy(server, layer="ls-dr99")))


def test_a_catalog_that_is_not_covered_at_all(tmp_path, server):
    assert is_in_the_table(cutouts(tmp_path, legacy(server), dec=-80.0))
    ledger = pd.read_parquet(tmp_path / "tile.parquet")
    assert set(ledger["outcome"]) == {"no_coverage"}


def test_throttled_for_ever(tmp_path, server):
    server.behave({"limits": {"legacy": {"per_second": 0}}})
    try:
        assert is_in_the_table(cutouts(tmp_path, legacy(server)))
    finally:
        server.behave({})


def test_a_full_disk(tmp_path, server):
    assert is_in_the_table(cutouts(tmp_path, legacy(server), disk_bytes=20_000))
    assert is_in_the_table(query(tmp_path, server.url("skyserver"), disk_bytes=20_000))


def test_ids_of_19_digits(tmp_path, server):
    query(tmp_path, server.url("skyserver"))
    ids = pd.read_parquet(tmp_path / "answer.parquet")["objid"]
    assert ids.str.fullmatch(r"\d{19}").all()
    assert ids.is_unique
    cutouts(tmp_path, legacy(server))
    assert pd.read_parquet(tmp_path / "tile.parquet")["source_id"].str.fullmatch(r"12376487206937559\d\d").all()


def test_sql_that_is_wrong(tmp_path, server):
    assert is_in_the_table(query(tmp_path, server.url("skyserver"), "SELECT objid, raa FROM zooSpec"))
