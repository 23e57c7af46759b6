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


INFO = '<INFO name="QUERY_STATUS" value="{}">{}</INFO>'


def with_infos(before: str = "", inside: str = "", after: str = "", above: str = "", below: str = "") -> bytes:
    """A table of one row with statuses in the five places where services put them."""
    return (
        f'<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.4">{above}<RESOURCE type="results">{before}'
        '<TABLE><FIELD name="a" datatype="int"/><DATA><TABLEDATA><TR><TD>1</TD></TR></TABLEDATA></DATA>'
        f"{inside}</TABLE>{after}</RESOURCE>{below}</VOTABLE>"
    ).encode()


@pytest.mark.parametrize("place", ["inside", "after", "above", "below"])
def test_an_error_or_overflow_that_follows_an_ok_is_noticed(place):
    okay = INFO.format("OK", "")
    with pytest.raises(RefusalError, match=r"the service reports an error: out of time$"):
        parse_votable(with_infos(before=okay, **{place: INFO.format("ERROR", "out of \x7f\n time")}))
    assert parse_votable(with_infos(before=okay, **{place: INFO.format("overflow", "")})).overflow
    assert not parse_votable(with_infos(before=okay, **{place: okay})).overflow
    with pytest.raises(RefusalError, match="its status is ERROR, without a reason"):
        parse_votable(with_infos(before=INFO.format("ERROR", ""), **{place: okay}))


def test_what_the_service_said_is_short_and_printable():
    with pytest.raises(RefusalError) as refused:
        parse_votable(with_infos(after=INFO.format("ERROR", "bad \u202e\u200b" + "word " * 500)))
    assert len(str(refused.value)) < 250
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no whole VOTable came (no text; 0 bytes)"),
        (b"  \n\0", "no whole VOTable came (no text; 4 bytes)"),
        (
            b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>",
            "a page of HTML came where a VOTable was expected (Sign in; 63 bytes)",
        ),
        (b"ERROR: ORA-00942: table or view\x1b[31m does not exist", "(ERROR: ORA-00942: table or view [31m does not e"),
        (b"recno,ra\n1,2\n", "no whole VOTable came (recno,ra 1,2; 13 bytes)"),
        (b'{"error": "quota"}', 'no whole VOTable came ({"error": "quota"}; 18 bytes)'),
        (WHOLE[:-30], "no whole VOTable came ("),
        (b"\x1f\x8b\x08" * 900, "no whole VOTable came ("),
    ],
)
def test_what_is_no_votable_is_quoted(body, words):
    with pytest.raises(TransientError) as failed:
        parse_votable(body)
    assert words in str(failed.value)
    assert str(failed.value).isprintable()
    assert len(str(failed.value)) < 300


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
