"""SkyServer's CSV: every digit is kept, and nothing that is cut off or no table passes for one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing import fuzzed
from workflow_scripts.catalogs.services.skyserver import parse_csv
from workflow_scripts.catalogs.services.web import RefusalError, TransientError, message_of_error

ZOO = b"#Table1\nobjid,ra,remark\n1237648720693755918,160.6551934,null\n1237651504414588962,-0.000000123,\n"
# In the wild the rejected query follows with its line breaks.
THROTTLED = (
    b'#Table1\nerror_message\n"ERROR: Maximum 60 queries allowed per minute. Rejected query: SELECT \n'
    b'TOP 10 ra, dec\nFROM PhotoObj"\n'
)

names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,12}", fullmatch=True)
# Text as the service writes it: no quotes, no line breaks.
cells = st.one_of(
    st.integers(-(10**19), 10**19).map(str),
    st.floats(allow_nan=False).map(str),
    st.text(st.characters(exclude_characters='"\r\n', exclude_categories=["Cs"]), max_size=12),
)


@st.composite
def tables(draw):
    columns = draw(st.lists(names.filter(lambda name: name != "error_message"), min_size=1, max_size=5, unique=True))
    # A row without any character is an empty line.
    rows = draw(st.lists(st.lists(cells, min_size=len(columns), max_size=len(columns)), max_size=6))
    return columns, [row for row in rows if any(row) or len(row) > 1]


def written(columns: list[str], rows: list[list[str]]) -> bytes:
    lines = [",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in rows]
    return "".join(f"{line}\n" for line in ["#Table1", ",".join(columns), *lines]).encode()


def test_ids_of_19_digits_keep_every_digit():
    rows = parse_csv(ZOO).to_pylist()
    assert [row["objid"] for row in rows] == ["1237648720693755918", "1237651504414588962"]
    assert rows[1]["ra"] == "-0.000000123"
    assert [row["remark"] for row in rows] == [None, None]


@given(tables())
@fuzzed
def test_what_is_written_is_read(table):
    columns, rows = table
    parsed = parse_csv(written(columns, rows))
    expected = [[None if cell == "" or cell.lower() == "null" else cell for cell in row] for row in rows]
    assert parsed.column_names == columns
    assert [list(row.values()) for row in parsed.to_pylist()] == expected


@given(tables(), st.data())
@fuzzed
def test_a_response_cut_anywhere_but_between_rows_is_refused(table, data):
    body = written(*table)
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    if cut.endswith(b"\n") and cut.count(b"\n") >= 2:
        # Whole rows, of which paging notices that some are missing.
        assert parse_csv(cut).num_rows < len(table[1])
    else:
        with pytest.raises((TransientError, RefusalError)):
            parse_csv(cut)


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda tail: b"#Table1\na,b\n" + tail)))
@fuzzed
def test_any_bytes_give_a_table_or_one_of_two_errors(body):
    try:
        table = parse_csv(body)
    except (TransientError, RefusalError):
        return
    assert body.endswith(b"\n")
    assert table.num_rows <= body.count(b"\n") - 2


@given(st.binary(max_size=200))
@fuzzed
def test_any_body_of_an_error_gives_a_short_text(body):
    assert len(message_of_error(body)) <= 303


def test_cells_with_commas_and_quotes():
    body = b'#Table1\nid,name,other\n1,"a, b",c\n2,5" scope,"d,e"\n3,"say "x", y",z\n4,"plain",f\n'
    assert [list(row.values())[1:] for row in parse_csv(body).to_pylist()] == [
        ["a, b", "c"],
        ['5" scope', "d,e"],
        ['say "x", y', "z"],
        ['"plain"', "f"],
    ]


def test_the_limit_of_queries_a_minute_is_waited_out():
    with pytest.raises(TransientError, match="limit of queries a minute") as caught:
        parse_csv(THROTTLED)
    assert caught.value.wait_seconds == 60


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (b"", TransientError, "empty"),
        (b"#Table1\nobjid,ra\n1,2.5\n3,4", TransientError, "middle of row 2"),
        (b"#Table1\nobjid,ra\n1\n", TransientError, "row 1 has 1 cells, expected 2"),
        (b"#Table1\nobjid,ra", TransientError, "before its first row"),
        (b"#Table1\n", TransientError, "before its first row"),
        (b"<html><body>Down for maintenance</body></html>", TransientError, "HTML.*Down for maintenance"),
        (json.dumps({"ErrorMessage": "no such column"}).encode(), TransientError, "no such column"),
        (b"\xff\xd8\xff\xe0", TransientError, "not text"),
        (b"objid,ra\n1,2\n", RefusalError, "expected #Table1"),
        (b"#Table1\nobjid,objid\n1,2\n", RefusalError, "'objid'.*twice"),
        (b"#Table1\nobjid,\n1,2\n", RefusalError, "no usable name"),
        (b"#Table1\nerror_message\nERROR: Invalid column name 'raa'.\n", RefusalError, "Invalid column name 'raa'"),
        (b"#Table1\na\n1\n\n#Table2\nb\n2\n", RefusalError, "several tables"),
    ],
)
def test_what_is_no_response_is_explained(body, error, words):
    with pytest.raises(error, match=words):
        parse_csv(body)
