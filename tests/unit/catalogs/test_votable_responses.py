"""VOTables of TAP services: a table or one of two errors, and never part of a table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing import fuzzed
from tests.unit.catalogs.catalog_host import votable_of
from workflow_scripts.catalogs.services.tap import parse_votable
from workflow_scripts.catalogs.services.web import RefusalError, TransientError

WHOLE = votable_of(["objID", "RAJ2000", "name"], [("587722953303916935", 10.5, "a & b"), ("58772", -1e-7, "")], "OK")


def test_ids_and_numbers_keep_every_digit():
    rows = parse_votable(WHOLE).rows.to_pylist()
    assert [row["objID"] for row in rows] == ["587722953303916935", "58772"]
    assert [row["RAJ2000"] for row in rows] == [10.5, -1e-7]


def test_overflow_is_reported():
    assert parse_votable(votable_of(["a"], [(1,)], "OVERFLOW")).overflow
    assert not parse_votable(WHOLE).overflow


@given(st.integers(0, len(WHOLE.rstrip()) - 1))
@fuzzed
def test_a_table_cut_anywhere_is_refused(length):
    with pytest.raises((TransientError, RefusalError)):
        parse_votable(WHOLE[:length])


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda middle: middle + b"</VOTABLE>")))
@fuzzed
def test_any_bytes_are_refused(body):
    with pytest.raises((TransientError, RefusalError)):
        parse_votable(body)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
@fuzzed
def test_a_changed_byte_gives_a_table_or_one_of_two_errors(place, value):
    changed = WHOLE[:place] + bytes([value]) + WHOLE[place + 1 :]
    try:
        response = parse_votable(changed)
    except (TransientError, RefusalError):
        return
    assert response.rows.num_columns >= 1
