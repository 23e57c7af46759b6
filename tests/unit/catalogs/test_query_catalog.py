"""The step that queries SkyServer and TAP services, against a server on this machine."""

import json
import re

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.unit.catalogs.catalog_host import Reply, error_votable
from tests.unit.catalogs.conftest import IDS
from workflow_scripts import query_catalog
from workflow_scripts.catalogs.services import web
from workflow_scripts.catalogs.services.skyserver import SkyServer, plain_select
from workflow_scripts.catalogs.services.web import GuardedSession
from workflow_scripts.errors import InputError
from workflow_scripts.step import run_step

SQL = "SELECT objid, ra, dec, p_el FROM galaxies"
THROTTLED = Reply(
    b'#Table1\nerror_message\n"ERROR: Maximum 60 queries allowed per minute. Rejected query: SELECT \n"\n'
)


def query_of(host, **changes) -> dict:
    return {"source": "skyserver", "url": host.url, "query": None, "sql": SQL, "key": "objid"} | changes


def run(tmp_path, query, *options) -> int:
    arguments = ["--query", json.dumps(query), "--kept", str(tmp_path / "kept"), "--page-rows", "400", *options]
    arguments += ["--output", str(tmp_path / "answer.parquet"), "--record", str(tmp_path / "answer.json")]
    with pytest.raises(SystemExit) as stopped:
        run_step(query_catalog.main, query_catalog.parser, arguments)
    return stopped.value.code


def refused(tmp_path, capsys, query, *options) -> str:
    """The one sentence of a query that fails; nothing is left under its final name."""
    assert run(tmp_path, query, *options) == 2
    assert not (tmp_path / "answer.parquet").exists()
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    return sentence


def test_skyserver_gives_all_rows_and_the_record_has_what_was_requested(tmp_path, host):
    assert run(tmp_path, query_of(host), "--contact", "me@example.org") == 0
    rows = pq.read_table(tmp_path / "answer.parquet")
    assert [int(cell) for cell in rows["objid"].to_pylist()] == IDS
    record = json.loads((tmp_path / "answer.json").read_text())
    assert (record["url"], record["sql"], record["key"], record["rows"]) == (host.url, SQL, "objid", 1050)
    assert [answer["query"] for answer in record["answers"]] == host.engine.queries
    assert len(record["answers"]) == 4
    assert record["first_date"] <= record["last_date"]
    assert all(headers["User-Agent"].endswith("(+me@example.org)") for headers in host.headers)


def test_a_query_is_sent_once_and_gives_the_same_bytes(tmp_path, host):
    run(tmp_path, query_of(host))
    first, requested = (tmp_path / "answer.parquet").read_bytes(), len(host.requests)
    (tmp_path / "answer.parquet").unlink()
    run(tmp_path, query_of(host, sql=f"  {SQL.replace(' FROM', '   FROM')}  "))
    assert (tmp_path / "answer.parquet").read_bytes() == first
    assert len(host.requests) == requested
    run(tmp_path, query_of(host, sql=f"{SQL} WHERE p_el > 0.5"))
    assert len(host.requests) > requested


def test_an_error_that_passes_is_waited_out(tmp_path, host, waits):
    good = host.engine.csv(f"SELECT COUNT(*) AS n_rows FROM ({SQL}) AS answer")
    host.replies = [
        THROTTLED,
        Reply(b"busy", 503, Retry_After="7"),
        Reply(b"busy", 429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
        Reply(b"<html>proxy error</html>", 502),
        Reply(good, sent=len(good) - 3, chunked=True),
        Reply(good[:-3], chunked=True),
        Reply(b"<html>maintenance</html>"),
    ]
    assert run(tmp_path, query_of(host)) == 0
    assert len(pq.read_table(tmp_path / "answer.parquet")) == 1050
    assert waits[:3] == [60, 7, 0]
    assert len(host.requests) == 7 + 4


@pytest.mark.parametrize(
    ("reply", "words", "attempts"),
    [
        (THROTTLED, "limit of queries a minute is reached", 8),
        (Reply(b'{"ErrorMessage": "Invalid column name raa."}', 500), "status 500.*Invalid column name raa", 3),
        (Reply(b"<html><h1>We are moving</h1></html>"), "a page of HTML.*We are moving", 8),
        (Reply(b"#Table1\nobjid,ra\n1,2", chunked=True), "stops in the middle of row 1", 8),
    ],
)
def test_an_error_without_end_is_one_sentence(tmp_path, host, waits, capsys, reply, words, attempts):
    host.replies = [reply] * 50
    sentence = refused(tmp_path, capsys, query_of(host))
    assert re.search(words, sentence)
    assert f"given up after {attempts} attempts, run again later" in sentence
    assert len(host.requests) == attempts
    assert host.url in sentence


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(b'{"ErrorMessage": "cmd is missing"}', 400), "status 400 Bad Request (cmd is missing)"),
        (Reply(b"", 404), "status 404 Not Found"),
        (Reply(status=302, Location="file:///etc/passwd"), "leads to"),
        (Reply(status=302, Location="http://10.0.0.1/"), "10.0.0.1, which is not a public address"),
        (Reply(status=302, Location="http://127.1:9/"), "not a public address"),
        (Reply(b"#Table1\nerror_message\nERROR: Invalid object name 'galaxie'.\n"), "Invalid object name 'galaxie'"),
        (Reply(b"objid\n1\n"), "expected #Table1; has the service changed its CSV?"),
    ],
)
def test_what_will_not_pass_is_requested_once(tmp_path, host, waits, capsys, reply, words):
    host.replies = [reply]
    assert words in refused(tmp_path, capsys, query_of(host))
    assert len(host.requests) == 1
    assert waits == []


def test_no_network(tmp_path, host, waits, capsys):
    sentence = refused(tmp_path, capsys, query_of(host, url="http://nowhere.invalid/dr17"))
    assert "http://nowhere.invalid/dr17: no connection" in sentence
    assert "is there a network, and is the host right?" in sentence


def test_a_response_without_end_is_refused(tmp_path, host, capsys, monkeypatch):
    monkeypatch.setattr(web, "MAX_RESPONSE_BYTES", 1000)
    host.replies = [Reply(b"#Table1\nobjid\n" + b"1\n" * 5000, chunked=True)]
    assert "longer than 1000 bytes" in refused(tmp_path, capsys, query_of(host))


def test_queries_are_paced(host, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.sleep", lambda seconds: now.append(now[-1] + seconds))
    service = SkyServer(host.url, GuardedSession(host.url, "skybias"), 3, lambda: now[-1])
    for _ in range(7):
        service.fetch(SQL, 10)
    assert now == [0, 60, 120]


def test_long_queries_are_posted(tmp_path, host):
    columns = ", ".join(f"p_el AS p_{'x' * 40}_{number}" for number in range(60))
    assert run(tmp_path, query_of(host, sql=f"SELECT objid, {columns} FROM galaxies")) == 0
    assert {method for method, _, _ in host.requests} == {"POST"}


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("DELETE FROM galaxies", "does not begin with SELECT"),
        ("SELECT a FROM b; SELECT c FROM d", "semicolon"),
        ("SELECT a -- all\nFROM b", "comment"),
        ("SELECT TOP 10 a FROM b", "has TOP or INTO"),
        ("SELECT a INTO mydb.b FROM c", "has TOP or INTO"),
        ("SELECT a FROM b ORDER BY a", "ends with ORDER BY"),
        (f"SELECT {'a, ' * 4000} b FROM c", "at most 7800 are possible"),
    ],
)
def test_sql_that_cannot_be_paged(sql, words):
    with pytest.raises(InputError, match=words):
        plain_select(sql, "catalogs")


@pytest.mark.parametrize("options", [[], ["--asynchronous"]])
@pytest.mark.parametrize("key", ["objid", None])
def test_tap_gives_all_rows_with_types_and_units(tmp_path, host, waits, options, key):
    query = query_of(host, source="tap", url=f"{host.url}/tap", key=key)
    assert run(tmp_path, query, *options) == 0
    rows = pd.read_parquet(tmp_path / "answer.parquet")
    assert rows["objid"].tolist() == IDS
    schema = pq.read_schema(tmp_path / "answer.parquet")
    assert str(schema.field("objid").type) == "int64"
    assert schema.field("ra").metadata[b"unit"] == b"deg"
    requested = len(host.requests)
    assert run(tmp_path, query, *options) == 0
    assert len(host.requests) == requested
    assert all(job["phase"] == "DELETED" for job in host.jobs)


def test_overflow_is_an_error_unless_paged(tmp_path, host, capsys):
    host.engine.row_limit = 300
    query = query_of(host, source="tap", url=f"{host.url}/tap", key=None)
    sentence = refused(tmp_path, capsys, query)
    assert "cut the response at 300 rows (OVERFLOW), expected all" in sentence
    assert "(catalogs, key)" in sentence
    assert run(tmp_path, {**query, "key": "objid"}) == 0
    assert len(pd.read_parquet(tmp_path / "answer.parquet")) == 1050


def test_a_killed_wait_takes_up_the_same_job(tmp_path, host, monkeypatch):
    query = query_of(host, source="tap", url=f"{host.url}/tap", key=None)

    def killed(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", killed)
    arguments = ["--query", json.dumps(query), "--kept", str(tmp_path / "kept"), "--asynchronous"]
    arguments += ["--output", str(tmp_path / "answer.parquet"), "--record", str(tmp_path / "answer.json")]
    with pytest.raises(KeyboardInterrupt):
        query_catalog.main(query_catalog.parser.parse_args(arguments))
    monkeypatch.undo()
    assert run(tmp_path, query, "--asynchronous") == 0
    assert len(host.jobs) == 1
    assert len(pd.read_parquet(tmp_path / "answer.parquet")) == 1050


def test_a_job_that_was_not_started_before_the_kill_is_started(tmp_path, host, waits, monkeypatch):
    query = query_of(host, source="tap", url=f"{host.url}/tap", key=None)

    def killed(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pyvo.dal.AsyncTAPJob.run", killed)
    arguments = ["--query", json.dumps(query), "--kept", str(tmp_path / "kept"), "--asynchronous"]
    arguments += ["--output", str(tmp_path / "answer.parquet"), "--record", str(tmp_path / "answer.json")]
    with pytest.raises(KeyboardInterrupt):
        query_catalog.main(query_catalog.parser.parse_args(arguments))
    monkeypatch.undo()
    assert [job["phase"] for job in host.jobs] == ["PENDING"]
    assert run(tmp_path, query, "--asynchronous") == 0
    assert [job["phase"] for job in host.jobs] == ["DELETED"]


HREF = b'<VOTABLE><RESOURCE><TABLE><DATA><BINARY><STREAM href="file:///etc/passwd"/></BINARY></DATA></TABLE></RESOURCE>'
BOMB = b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">]><VOTABLE></VOTABLE>'


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(error_votable("no such column: raa")), "no such column: raa"),
        (Reply(error_votable("no such column: raa"), 400), "status 400 Bad Request (no such column: raa)"),
        (Reply(HREF + b"</VOTABLE>"), "its rows lie elsewhere (STREAM href='file:///etc/passwd')"),
        (Reply(BOMB), "declares entities"),
    ],
)
def test_tap_errors_are_one_sentence(tmp_path, host, capsys, reply, words):
    host.replies = [reply]
    assert words in refused(tmp_path, capsys, query_of(host, source="tap", url=f"{host.url}/tap", key=None))
    assert len(host.requests) == 1


def test_a_job_that_fails_is_explained(tmp_path, host, waits, capsys):
    query = query_of(host, source="tap", url=f"{host.url}/tap", sql="SELECT a FROM nothing", key=None)
    assert "no such table" in refused(tmp_path, capsys, query, "--asynchronous")
    assert len(host.jobs) == 1


JOB = '<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0">{}</uws:job>'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b"<html><body>Please log in</body></html>",
            "no description of a job came from {url}/tap/async (Please log in)",
        ),
        (b"", "the description of the job cannot be read"),
        (b"quota exceeded", "(quota exceeded)"),
        (JOB.format("<uws:phase>DONE</uws:phase>").encode(), "no description of a job came from"),
        (JOB.format("<uws:phase>ERROR</uws:phase>").encode(), "the service reports an error"),
        (JOB.format("<uws:phase>ERROR</uws:phase><uws:errorSummary/>").encode(), "the service reports an error"),
        (JOB.format("<uws:phase>COMPLETED</uws:phase>").encode(), "has ended without a result"),
        (JOB.format("<uws:phase>ARCHIVED</uws:phase>").encode(), "has thrown away the result"),
    ],
)
def test_a_job_without_a_description_is_one_sentence(tmp_path, host, waits, capsys, body, words):
    query = query_of(host, source="tap", url=f"{host.url}/tap", key=None)
    host.replies = [Reply(status=303, Location="/tap/async/0"), *[Reply(body)] * 100]
    assert words.format(url=host.url) in refused(tmp_path, capsys, query, "--asynchronous")
    # A page is not taken for a job later on.
    host.replies = []
    assert run(tmp_path, query, "--asynchronous") == 0


def test_a_description_of_a_job_without_end_is_refused(tmp_path, host, waits, capsys, monkeypatch):
    monkeypatch.setattr(web, "MAX_RESPONSE_BYTES", 1000)
    host.replies = [Reply(status=303, Location="/tap/async/0"), Reply(b"<job>" + b"<a/>" * 5000, chunked=True)]
    query = query_of(host, source="tap", url=f"{host.url}/tap", key=None)
    assert "longer than 1000 bytes" in refused(tmp_path, capsys, query, "--asynchronous")


def test_a_votable_that_is_cut_off_is_never_accepted(tmp_path, host, waits):
    whole = host.votable({"QUERY": SQL})
    host.replies = [Reply(whole[: len(whole) * part // 5]) for part in range(5)]
    assert run(tmp_path, query_of(host, source="tap", url=f"{host.url}/tap", key=None)) == 0
    assert len(host.requests) == 6
    assert len(pd.read_parquet(tmp_path / "answer.parquet")) == 1050


def test_a_status_means_for_catalogs_what_it_means_for_cutouts():
    assert isinstance(web.error_of_status(404, "no such query"), web.RefusalError)
    blocked, busy = web.error_of_status(403, "blocked"), web.error_of_status(429, "busy", "7")
    assert (blocked.attempts, blocked.wait_seconds) == (web.AMBIGUOUS_ATTEMPTS, None)
    assert (busy.attempts, busy.wait_seconds) == (web.ATTEMPTS, 7)
