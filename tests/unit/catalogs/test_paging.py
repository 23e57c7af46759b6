"""All rows of a query, each page once, whatever the service cuts off and whenever the process is killed."""

import numpy as np
import pytest

from tests.unit.catalogs.query_engine import Engine
from workflow_scripts.catalogs.services.kept_responses import KeptResponses, query_digest
from workflow_scripts.catalogs.services.paging import TableResponse, all_rows
from workflow_scripts.errors import InputError

IDS = [1237648720693755918 + 7 * number for number in range(1050)]
SQL = "SELECT objid, ra, dec, p_el FROM galaxies"


@pytest.fixture
def kept(tmp_path):
    return KeptResponses(tmp_path / "responses" / query_digest("skyserver", "http://sky.example", SQL))


def ids_of(rows) -> list[int]:
    return [int(cell) for cell in rows["objid"].to_pylist()]


@pytest.mark.parametrize("page_rows", [100, 350, 1050, 5000])
def test_all_rows_come_once_and_in_order(kept, page_rows):
    engine = Engine(np.random.default_rng(1).permutation(IDS).tolist())
    rows, names = all_rows(engine, SQL, "objid", page_rows, kept)
    assert ids_of(rows) == IDS
    assert len(engine.queries) == len(names) == 1 + -(-1050 // page_rows)


def test_a_silent_row_limit_only_makes_more_pages(kept):
    engine = Engine(IDS, row_limit=200)
    rows, _ = all_rows(engine, SQL, "objid", 500, kept)
    assert ids_of(rows) == IDS
    assert len(engine.queries) == 1 + 6


def test_a_query_is_sent_once(kept):
    first, _ = all_rows(Engine(IDS), SQL, "objid", 300, kept)
    again = Engine([])
    second, _ = all_rows(again, SQL, "objid", 700, kept)
    assert again.queries == []
    assert second.equals(first)


def test_a_kill_loses_the_page_in_flight_only(kept):
    class Killed(Engine):
        def fetch(self, query: str, max_rows: int | None) -> TableResponse:
            if len(self.queries) == 3:
                raise KeyboardInterrupt
            return super().fetch(query, max_rows)

    with pytest.raises(KeyboardInterrupt):
        all_rows(Killed(IDS), SQL, "objid", 300, kept)
    engine = Engine(IDS)
    rows, _ = all_rows(engine, SQL, "objid", 300, kept)
    assert ids_of(rows) == IDS
    assert len(engine.queries) == 2


def test_a_kept_page_that_was_damaged_is_requested_again(kept):
    all_rows(Engine(IDS), SQL, "objid", 300, kept)
    page = kept.folder / "page_00001.body"
    page.write_bytes(page.read_bytes()[:-40])
    engine = Engine(IDS)
    rows, _ = all_rows(engine, SQL, "objid", 300, kept)
    assert ids_of(rows) == IDS
    assert len(engine.queries) == 1


def test_rows_that_share_the_key_are_an_error(kept):
    twice = sorted([*IDS, IDS[200]])
    with pytest.raises(InputError, match=f"'objid' .* is {IDS[200]} after {IDS[200]}, expected unique"):
        all_rows(Engine(twice), SQL, "objid", 300, kept)


def test_rows_that_share_the_key_across_pages_are_an_error(kept):
    twice = sorted([*IDS, IDS[299]])
    with pytest.raises(InputError, match="1050 rows came and 1051 were counted"):
        all_rows(Engine(twice), SQL, "objid", 300, kept)


def test_a_response_that_ends_too_early_between_two_rows_loses_nothing(kept):
    class Cut(Engine):
        def csv(self, query: str) -> bytes:
            body = super().csv(query)
            if len(self.queries) % 3:
                return body
            return b"\n".join(body.split(b"\n")[: 2 + len(self.queries)]) + b"\n"

    rows, _ = all_rows(Cut(IDS), SQL, "objid", 300, kept)
    assert ids_of(rows) == IDS


def test_a_service_that_gives_no_more_rows_is_not_queried_for_ever(kept):
    class Short(Engine):
        def csv(self, query: str) -> bytes:
            body = super().csv(query)
            return b"\n".join(body.split(b"\n")[:2]) + b"\n" if f"> {IDS[599]}" in query else body

    short = Short(IDS)
    with pytest.raises(InputError, match="600 rows came and 1050 were counted"):
        all_rows(short, SQL, "objid", 300, kept)
    assert len(short.queries) == 1 + 2 + 3


@pytest.mark.parametrize(
    ("sql", "key", "columns", "message"),
    [
        (SQL, "dr7objid", None, "no column 'dr7objid' .catalogs, key.; it has objid, ra, dec, p_el"),
        (SQL, "ra", None, "'ra' .catalogs, key. is 10.0, expected a whole number"),
        (SQL, "objid", ("objid", "ra", "dec", "p_cs"), "the response lacks p_cs, expected the columns objid, ra"),
        (SQL, "objid", ("objid", "ra", "dec"), "the response has objid, ra, dec, p_el, expected"),
        (f"{SQL} WHERE ra > 400", "objid", None, "gives no rows"),
    ],
)
def test_what_cannot_be_paged_is_explained(kept, sql, key, columns, message):
    engine = Engine(IDS)
    if key == "dr7objid":
        engine.csv = lambda query: Engine.csv(engine, query.replace(" ORDER BY dr7objid", ""))
    with pytest.raises(InputError, match=message):
        all_rows(engine, sql, key, 300, kept, columns)


def test_columns_that_change_on_the_way_are_an_error(kept):
    class Changed(Engine):
        def csv(self, query: str) -> bytes:
            body = super().csv(query)
            return body.replace(b"p_el", b"p_elliptical", 1) if len(self.queries) > 2 else body

    with pytest.raises(InputError, match="the response lacks p_el, expected the columns objid, ra, dec, p_el"):
        all_rows(Changed(IDS), SQL, "objid", 300, kept)
