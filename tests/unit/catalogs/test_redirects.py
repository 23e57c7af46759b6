"""Redirects of catalog services: a query is sent again with its parameters, or refused, and never lost."""

import hashlib
import json
from io import BytesIO

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests import Request
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from tests.fuzzing import fuzzed
from tests.unit.catalogs.catalog_host import Reply
from tests.unit.catalogs.conftest import IDS
from tests.unit.catalogs.test_query_catalog import SQL, query_of, refused, run
from workflow_scripts import download_catalog
from workflow_scripts.catalogs.services.redirects import LostQueryError, redirected, target
from workflow_scripts.catalogs.services.web import GuardedSession, RefusalError
from workflow_scripts.step import run_step

ALL = (301, 302, 303, 307, 308)
FORM = {"QUERY": "SELECT 1", "LANG": "ADQL"}


def after(method: str, url: str, status: int, location: str, **fields) -> tuple[str, str, bool]:
    """Method, address and whether the body is kept of what follows from a redirect."""
    request = Request(method, url, **fields).prepare()
    following = redirected(request, status, target(request.url, location))
    assert request.method == method, "the request itself is left as it was"
    assert bool(following.body) == ("Content-Length" in following.headers)
    return following.method, following.url, following.body == request.body and bool(request.body)


def tap_query(host, **changes) -> dict:
    return query_of(host, source="tap", url=f"{host.url}/tap", key=None) | changes


@pytest.mark.parametrize("status", ALL)
@pytest.mark.parametrize(
    "location",
    [
        "{url}/tap/sync",
        "/tap/sync",
        "../tap/sync",
        "//{host}/tap/sync",
        "{url}/tap/sync/",
        "{url}/tap/sync?session=7",
        "{url}/tap/sync#top",
    ],
)
def test_a_query_is_sent_again_where_the_service_moved_to(tmp_path, host, status, location):
    host.replies = [Reply(status=status, Location=location.format(url=host.url, host=host.url[7:]))]
    query = tap_query(host, url=f"{host.url}/old")
    if "/sync/" in location or "?" in location:
        host.replies.append(Reply(host.votable({"QUERY": SQL})))
    assert run(tmp_path, query) == 0
    assert len(pd.read_parquet(tmp_path / "answer.parquet")) == len(IDS)
    assert [(method, fields.get("QUERY")) for method, _, fields in host.requests] == [("POST", SQL)] * 2


def test_a_result_elsewhere_is_had_without_the_query(tmp_path, host):
    result = host.votable({"QUERY": SQL})
    host.replies = [Reply(status=303, Location="/tap/sync/7/run"), Reply(result)]
    assert run(tmp_path, tap_query(host)) == 0
    assert [method for method, _, _ in host.requests] == ["POST", "GET"]
    host.replies = [Reply(status=302, Location="/tap/sync/8"), Reply(result)]
    assert run(tmp_path, tap_query(host, sql=f"{SQL} WHERE 1 = 1")) == 0
    assert [(method, path) for method, path, _ in host.requests][3:] == [("GET", "/tap/sync/8")]


@pytest.mark.parametrize("status", ALL)
def test_jobs_of_a_service_that_moved(tmp_path, host, waits, status):
    host.replies = [Reply(status=status, Location="/tap/async")]
    assert run(tmp_path, tap_query(host, url=f"{host.url}/old"), "--asynchronous") == 0
    assert len(pd.read_parquet(tmp_path / "answer.parquet")) == len(IDS)
    assert len(host.jobs) == 1


def test_a_chain_of_redirects(tmp_path, host):
    host.replies = [Reply(status=status, Location=f"/old{status}/sync") for status in (302, 308, 303, 307)]
    host.replies.append(Reply(status=301, Location="/tap/sync"))
    assert run(tmp_path, tap_query(host, url=f"{host.url}/old")) == 0
    assert len(host.requests) == 6


def test_redirects_without_end_are_one_sentence(tmp_path, host, capsys, waits):
    host.replies = [Reply(b"x" * 10_000, status=302, Location="/old/sync")] * 50
    assert "redirects do not end" in refused(tmp_path, capsys, tap_query(host, url=f"{host.url}/old"))
    assert len(host.requests) == 6
    assert waits == []


@pytest.mark.parametrize("options", [[], ["--asynchronous"]])
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=302, Location="/login?next=/tap"), "/login?next=/tap (status 302), where it would be lost"),
        (Reply(status=301, Location="/"), "where it would be lost; the service's new address is expected"),
        (Reply(status=307, Location="http://10.0.0.1/tap/sync"), "10.0.0.1, which is not a public address"),
        (Reply(status=308, Location="http://169.254.169.254/sync"), "not a public address"),
        (Reply(status=301, Location="file:///etc/passwd"), "neither http nor https"),
        (Reply(status=303, Location="http://[::1"), "is no URL"),
        (Reply(status=302, Location="http://8.8.8.8/new/tap/sync"), "catalog's url: http://8.8.8.8/new/tap"),
    ],
)
def test_a_query_that_would_be_lost_or_led_astray_is_refused(tmp_path, host, capsys, waits, reply, words, options):
    if options:
        reply = Reply(status=reply.status, Location=reply.headers["Location"].replace("/sync", "/async"))
    host.replies = [reply]
    sentence = refused(tmp_path, capsys, tap_query(host), *options)
    assert words in sentence
    assert "(catalogs, url)" in sentence or "no URL" in words
    assert len(host.requests) == 1


def test_an_error_after_a_redirect_names_where_it_came_from(tmp_path, host, capsys, waits):
    host.replies = [Reply(status=303, Location="/results/7"), Reply(b"gone", 410)]
    assert f"status 410 Gone (gone), after a redirect to {host.url}/results/7" in refused(
        tmp_path, capsys, tap_query(host)
    )
    host.replies = [Reply(status=303, Location="/results/7"), Reply(b"<html><body>Log in</body></html>")] * 50
    sentence = refused(tmp_path, capsys, tap_query(host))
    assert "a page of HTML came where a VOTable was expected (Log in; " in sentence
    assert f"after a redirect to {host.url}/results/7 (catalogs, url)" in sentence


@pytest.mark.parametrize("status", ALL)
@pytest.mark.parametrize("wide", [False, True])
def test_skyserver_moves_and_the_query_with_it(tmp_path, host, status, wide):
    columns = ", ".join(f"p_el AS p_{'x' * 40}_{number}" for number in range(60))
    sql = f"SELECT objid, {columns} FROM galaxies" if wide else SQL
    host.replies = [Reply(status=status, Location="/dr18/SearchTools/SqlSearch")]
    assert run(tmp_path, query_of(host, url=f"{host.url}/dr17", sql=sql)) == 0
    assert len(pd.read_parquet(tmp_path / "answer.parquet")) == len(IDS)
    assert host.requests[1][0::2] == host.requests[0][0::2], "the same method and fields"


def test_a_download_follows_redirects(tmp_path, host):
    host.files["/new/a.csv"] = b"objid,ra\n1,2\n"
    arguments = ["--url", f"{host.url}/a.csv?download=1", "--sha256", hashlib.sha256(b"objid,ra\n1,2\n").hexdigest()]
    arguments += ["--kept", str(tmp_path), "--output", str(tmp_path / "a.csv"), "--record", str(tmp_path / "a.json")]
    host.replies = [Reply(status=302, Location="/new/a.csv")]
    with pytest.raises(SystemExit) as stopped:
        run_step(download_catalog.main, download_catalog.parser, arguments)
    assert stopped.value.code == 0
    assert json.loads((tmp_path / "a.json").read_text())["bytes"] == 13


class Replies(HTTPAdapter):
    """Sends prepared redirects in place of a network, to any address."""

    def __init__(self, *locations: str):
        super().__init__()
        self.locations = list(locations)
        self.requested: list[str] = []

    def send(self, request, **_):
        self.requested.append(request.url)
        location = {"Location": self.locations[len(self.requested) - 1]}
        return self.build_response(request, HTTPResponse(BytesIO(), location, status=307, preload_content=False))


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("first", ["http", "https"])
def test_no_chain_of_redirects_leads_from_https_to_http(method, first):
    session = GuardedSession(f"{first}://8.8.8.8/tap", "skybias")
    replies = Replies("https://8.8.8.8/new/tap/sync", "http://8.8.8.8/tap/sync")
    for scheme in ("http://", "https://"):
        session.mount(scheme, replies)
    with pytest.raises(RefusalError, match="leads from https back to http"):
        session.request(method, f"{first}://8.8.8.8/tap/sync", data=FORM if method == "POST" else None)
    assert replies.requested == [f"{first}://8.8.8.8/tap/sync", "https://8.8.8.8/new/tap/sync"]


def test_https_is_never_left():
    session = GuardedSession("https://service.example/tap", "skybias")
    with pytest.raises(RefusalError, match="back to http"):
        session.get("http://service.example/tap/async/1")


@pytest.mark.parametrize(
    ("before", "status", "location", "expected"),
    [
        ("http://a.example/tap/sync", 301, "https://a.example/tap/sync", ("POST", "https://a.example/tap/sync", True)),
        ("http://a.example/sync", 302, "http://a.example:8080/sync", ("POST", "http://a.example:8080/sync", True)),
        ("http://a.example/sync", 307, "https://b.example/sync", ("POST", "https://b.example/sync", True)),
        ("http://a.example/sync", 303, "https://b.example/r/1", ("GET", "https://b.example/r/1", False)),
        ("http://a.example/sync", 302, "/sync?QUERY=a&LANG=b", ("GET", "http://a.example/sync?QUERY=a&LANG=b", False)),
        ("http://a.example/async", 303, "/async/1", ("GET", "http://a.example/async/1", False)),
        ("http://a.example/async", 302, "/async/1", ("GET", "http://a.example/async/1", False)),
        ("http://a.example/async/1/phase", 303, "/async/1", ("GET", "http://a.example/async/1", False)),
        ("http://a.example/async/1/phase", 302, "/async/1", ("GET", "http://a.example/async/1", False)),
        ("http://a.example/async/1/phase", 303, "/async/1/phase", ("GET", "http://a.example/async/1/phase", False)),
        (
            "http://a.example/async/1/phase",
            301,
            "https://a.example/async/1/phase",
            ("POST", "https://a.example/async/1/phase", True),
        ),
        ("http://a.example/sync", 302, "/login", None),
        ("http://a.example/sync", 302, "http://b.example/sync", None),
    ],
)
def test_what_follows_from_a_redirect_of_a_post(before, status, location, expected):
    if expected is None:
        with pytest.raises(LostQueryError, match=r"\(catalogs, url\)"):
            after("POST", before, status, location, data=FORM)
    else:
        assert after("POST", before, status, location, data=FORM) == expected


@fuzzed
@given(
    st.sampled_from(["GET", "POST"]),
    st.sampled_from(["http://a.example/tap/sync", "http://a.example/x/async/1/phase", "http://a.example/SqlSearch"]),
    st.sampled_from(ALL),
    st.text() | st.from_regex(r"(https?:)?/{0,2}[a-z.:@\[\]]{0,9}(/a?sync/?|/[0-9]|/SqlSearch)(\?[a-z=&]{0,6})?"),
)
def test_no_location_breaks_it_and_a_query_is_kept_or_done(method, url, status, location):
    try:
        _, where, kept = after(method, url, status, location, **{"data" if method == "POST" else "params": FORM})
    except LostQueryError:
        return
    if method == "POST" and not kept:
        has_query = "query=" in where.lower() or "cmd=" in where.lower()
        assert status == 303 or has_query or "sync/" in where.lower() or url.endswith("phase")
