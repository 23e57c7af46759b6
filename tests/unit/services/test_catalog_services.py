"""SqlSearch, TAP and files give the rows of the sky, as the real services do."""

import numpy as np
import pytest
import pyvo
import requests

from tests.services.catalog_database import GALAXY_ZOO_1
from tests.unit.services.client import get, post


def _csv(server, sql: str) -> list[list[str]]:
    response = get(server.url("skyserver") + "/SearchTools/SqlSearch", cmd=sql, format="csv")
    assert response.status_code == 200
    return [line.split(",") for line in response.text.splitlines()]


def test_sqlsearch_marks_its_table_and_keeps_every_digit(server, sky):
    mark, names, *rows = _csv(server, "SELECT objid, ra, dec FROM PhotoObj ORDER BY objid")
    assert mark == ["#Table1"]
    assert names == ["objid", "ra", "dec"]
    there = sky.has_photometry
    assert [int(row[0]) for row in rows] == sorted(sky.columns["objid"][there])
    assert len(rows[0][0]) == 19
    assert np.array_equal([float(row[1]) for row in rows], sky.ra[there])


def test_only_text_with_a_comma_is_in_quotes_and_nothing_is_escaped(server):
    sql = """SELECT 'a "b", c' AS x, 'd "e"' AS y, NULL AS z"""
    response = get(server.url("skyserver") + "/SearchTools/SqlSearch", cmd=sql, format="csv")
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert response.headers["Content-Type"] == "text/plain"
    assert response.text == '#Table1\nx,y,z\n"a "b", c",d "e",null\n'


def test_positions_of_the_zoo_are_single_precision(server, sky):
    rows = _csv(server, "SELECT ra FROM zooSpec ORDER BY objid")[2:]
    errors = np.abs([float(row[0]) for row in rows] - sky.ra)
    assert 1e-5 < errors.max() < 1e-3


def test_keyset_paging_gives_every_row_once(server, sky):
    inner = "SELECT z.objid, p.ra FROM zooSpec AS z LEFT JOIN PhotoObj AS p ON p.objid = z.objid"
    ids, last = [], 0
    while page := _csv(server, f"SELECT TOP 250 * FROM ({inner}) AS a WHERE objid > {last} ORDER BY objid")[2:]:
        ids += [int(row[0]) for row in page]
        last = ids[-1]
    assert ids == sky.columns["objid"].tolist()


def test_a_result_is_cut_at_the_limit_silently_and_a_larger_top_refused(server):
    server.behave({"limits": {"sqlsearch": {"rows": 100}}})
    assert len(_csv(server, "SELECT objid FROM zooSpec")) == 102
    assert _csv(server, "SELECT TOP 101 objid FROM zooSpec")[1] == ["error_message"]


def test_the_61st_query_in_a_minute_is_rejected_with_status_200(server):
    server.behave({"limits": {"sqlsearch": {"per_minute": 60}}})
    responses = [_csv(server, "SELECT TOP 1 objid FROM zooSpec") for _ in range(61)]
    assert responses[-1][1] == ["error_message"]
    assert responses[-1][2][0].startswith("ERROR: Maximum 60 queries allowed per minute. Rejected query:")
    server.behave({"limits": {"sqlsearch": {"per_minute": 1000}}})
    assert _csv(server, "SELECT TOP 1 objid FROM zooSpec")[1] == ["objid"]


@pytest.mark.parametrize(
    ("sql", "status"), [("", 400), ("SELECT absent FROM zooSpec", 500), ("SELECT objid FROM nowhere", 500)]
)
def test_sqlsearch_tells_errors_in_json(server, sql, status):
    server.behave({"limits": {"sqlsearch": {"per_minute": 1000}}})
    response = get(server.url("skyserver") + "/SearchTools/SqlSearch", cmd=sql, format="csv")
    assert response.status_code == status
    assert response.json()["ErrorMessage"]


@pytest.mark.parametrize("sql", ["DROP TABLE zooSpec", "SELECT " + "1+" * 4100 + "1"])
def test_sqlsearch_refuses_what_is_no_select_or_too_long(server, sql):
    server.behave({"limits": {"sqlsearch": {"per_minute": 1000}}})
    response = post(server.url("skyserver") + "/SearchTools/SqlSearch", data={"cmd": sql, "format": "csv"})
    assert response.text.splitlines()[1:2] == ["error_message"]


@pytest.fixture
def tap(server) -> pyvo.dal.TAPService:
    session = requests.Session()
    session.trust_env = False
    return pyvo.dal.TAPService(server.url("tap"), session=session)


def test_tap_gives_the_rows_of_galaxy_zoo(tap, sky):
    table = tap.run_sync(f'SELECT * FROM "{GALAXY_ZOO_1}"').to_table()
    assert np.array_equal(table["RAJ2000"], sky.ra)
    assert [int(text) for text in table["objID"]] == sky.columns["dr7objid"].tolist()
    assert np.array_equal(table["fS"], sky.kind == 0)


def test_tap_tells_overflow(server, tap):
    assert tap.run_sync(f'SELECT recno FROM "{GALAXY_ZOO_1}"', maxrec=50).query_status == "OVERFLOW"
    server.behave({"limits": {"tap": {"rows": 50}}})
    with pytest.warns(pyvo.dal.DALOverflowWarning):
        result = tap.run_sync(f'SELECT recno FROM "{GALAXY_ZOO_1}"')
    assert (result.query_status, len(result)) == ("OVERFLOW", 50)
    assert tap.run_sync(f'SELECT TOP 50 recno FROM "{GALAXY_ZOO_1}"').query_status == "OK"


def test_tap_runs_jobs(tap, sky):
    result = tap.run_async(f'SELECT COUNT(*) AS n FROM "{GALAXY_ZOO_1}"').to_table()
    assert result["n"][0] == sky.number


def test_tap_tells_errors(tap):
    with pytest.raises(pyvo.dal.DALQueryError, match="no such column"):
        tap.run_sync(f'SELECT absent FROM "{GALAXY_ZOO_1}"')
    with pytest.raises(pyvo.dal.DALQueryError):
        tap.run_async(f'SELECT absent FROM "{GALAXY_ZOO_1}"')


def test_tap_tells_when_to_come_back(server, tap):
    server.behave({"misbehaviour": [{"kinds": ["429_seconds"]}], "retry_after_seconds": 7})
    with pytest.raises(pyvo.dal.DALRateLimitError) as caught:
        tap.run_sync("SELECT 1")
    assert caught.value.retry_after_seconds == 7


def test_files_can_be_had_in_parts(server, sky):
    url = server.url("files") + "/galaxy_zoo_1.csv"
    whole = get(url).content
    assert whole.count(b"\n") == sky.number + 1
    session = requests.Session()
    session.trust_env = False
    part = session.get(url, headers={"Range": "bytes=100-199"}, timeout=20)
    assert (part.status_code, part.content) == (206, whole[100:200])
    assert get(url + "x").status_code == 404


def test_classes_of_the_catalog_are_those_of_the_pictures(sky):
    for kind, first, last in ((0, 0, 24), (1, 24, 48), (2, 48, 64)):
        drawn = [sky.galaxy_at(*position).template for position in zip(sky.ra, sky.dec, strict=True)]
        assert all(first <= template < last for template in np.array(drawn)[sky.kind == kind])
