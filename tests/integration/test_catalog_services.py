"""Tables of SkyServer, TAP and plain web servers, from a server that misbehaves on the first request for everything.

What can be had in the end is had, and is what an undisturbed service gives; what is refused is one sentence.
"""

import hashlib
import json
import urllib.request

import pyarrow.parquet as pq
import pytest

from tests.services.altered_responses import ALTERATIONS
from tests.services.running import running_survey_server
from workflow_scripts import download_catalog, query_catalog
from workflow_scripts.catalogs.services import web
from workflow_scripts.errors import InputError

pytestmark = pytest.mark.long

ON_THE_WIRE = ("reset", "hang", "stalled_504", "slow_headers", "truncated", "unfinished_chunks", "cut_without_length")
ALTERED = [name for name, altered in ALTERATIONS.items() if altered.suits == "any" or "table" in altered.suits]
REFUSED = ("redirect_file", "redirect_ftp", "redirect_private", "redirect_loop")
PASSING = [name for name in (*ON_THE_WIRE, *ALTERED) if name not in (*REFUSED, "redirect_https", "gzip_bomb")]
VIZIER = 'SELECT * FROM "J/MNRAS/410/166/galaxies"'


@pytest.fixture(scope="module")
def server():
    """A server of 1500 galaxies."""
    with running_survey_server(galaxies=1500) as running:
        yield running


@pytest.fixture
def impatient(monkeypatch):
    """Waits take no time, and what hangs is given up soon; a response takes up to a second on a busy machine."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(web, "READ_SECONDS", 3)


def disturbed(server, kind: str, attempts: int | None = 1) -> None:
    server.forget()
    rule = {"kinds": [kind], "services": ["sqlsearch", "tap", "files"], "attempts": attempts}
    # Longer than what is waited for, or nothing to wait for.
    hang = 1 if kind == "slow_headers" else 10
    server.behave({"misbehaviour": [rule], "hang_seconds": hang, "limits": {"sqlsearch": {"per_minute": 10**6}}})


def requested(server, service: str) -> dict:
    if service == "skyserver":
        return {
            "source": "skyserver",
            "url": server.url("skyserver"),
            "query": "galaxy_zoo_1",
            "sql": None,
            "key": None,
        }
    return {"source": "tap", "url": server.url("tap"), "sql": VIZIER, "key": "recno"}


def rows(folder, query: dict, *options: str):
    """All rows of a query, requested in this process."""
    arguments = ["--query", json.dumps(query), "--kept", str(folder / "kept"), "--page-rows", "1000", *options]
    arguments += ["--output", str(folder / "answer.parquet"), "--record", str(folder / "answer.json")]
    query_catalog.main(query_catalog.parser.parse_args(arguments))
    return pq.read_table(folder / "answer.parquet")


@pytest.fixture(scope="module")
def undisturbed(server, tmp_path_factory):
    """The rows of each service when all goes well."""
    server.behave({})
    return {name: rows(tmp_path_factory.mktemp(name), requested(server, name)) for name in ("skyserver", "tap")}


@pytest.mark.parametrize("kind", PASSING)
@pytest.mark.parametrize("service", ["skyserver", "tap"])
def test_an_error_that_passes_changes_nothing(tmp_path, server, undisturbed, impatient, service, kind):
    disturbed(server, kind)
    assert rows(tmp_path, requested(server, service)).equals(undisturbed[service])


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("service", ["skyserver", "tap"])
def test_what_leads_astray_is_refused(tmp_path, server, impatient, service, kind):
    disturbed(server, kind, attempts=None)
    with pytest.raises(InputError) as caught:
        rows(tmp_path, requested(server, service))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "answer.parquet").exists()


def test_a_gigabyte_packed_in_a_megabyte_is_refused(tmp_path, server, impatient):
    disturbed(server, "gzip_bomb", attempts=None)
    with pytest.raises(InputError, match="longer than 268435456 bytes"):
        rows(tmp_path, requested(server, "skyserver"))


def test_jobs_on_the_server_give_the_same_rows(tmp_path, server, undisturbed, impatient):
    server.behave({})
    assert rows(tmp_path, requested(server, "tap"), "--asynchronous").equals(undisturbed["tap"])


def test_ready_queries_keep_every_digit(undisturbed):
    for name in ("objid", "dr7objid", "specobjid"):
        cells = undisturbed["skyserver"][name].to_pylist()
        assert len(set(cells)) == len(cells)
        assert {len(cell) for cell in cells} <= {18, 19}
    ids = undisturbed["tap"]["objID"].to_pylist()
    assert all(isinstance(cell, str) and len(cell) == 18 for cell in ids)


@pytest.mark.parametrize("kind", [name for name in PASSING if name not in ("row_cut", "json_error", "throttled")])
def test_a_table_on_the_web_comes_whole(tmp_path, server, impatient, kind):
    server.behave({})
    url = f"{server.url('files')}/galaxy_zoo_1.csv"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url) as response:
        whole = response.read()
    disturbed(server, kind)
    arguments = ["--url", url, "--sha256", hashlib.sha256(whole).hexdigest(), "--kept", str(tmp_path / "kept")]
    arguments += ["--output", str(tmp_path / "download.csv"), "--record", str(tmp_path / "download.csv.json")]
    download_catalog.main(download_catalog.parser.parse_args(arguments))
    assert (tmp_path / "download.csv").read_bytes() == whole
