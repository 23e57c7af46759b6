"""Text tables that blanks align: cells may be empty or hold blanks, and never shift."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.catalogs.galaxies import read_catalog
from workflow_scripts.catalogs.table_formats.aligned_text import aligned_cells
from workflow_scripts.errors import InputError


def written(names, rows, left, gap):
    """A table with columns of a fixed width."""
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    lines = [
        (" " * gap).join(
            cell.ljust(width) if left else cell.rjust(width) for cell, width in zip(row, widths, strict=True)
        )
        for row in (names, *rows)
    ]
    return lines[0], [line for line in lines[1:] if line.strip()]


_CELLS = st.one_of(st.just(""), st.from_regex(r"[a-z0-9.]{1,5}( [a-z0-9]{1,3})?", fullmatch=True))


@given(
    st.lists(st.tuples(_CELLS, _CELLS, _CELLS), min_size=1, max_size=6),
    st.booleans(),
    st.integers(1, 3),
    st.sampled_from([("name", "right_asc", "t"), ("n", "r", "t")]),
)
def test_cells_are_right_or_refused(rows, left, gap, names):
    # A column that is empty in all rows cannot be decided from one that is not there.
    rows = [("first", "1.5", "x"), *rows]
    header, lines = written(names, rows, left, gap)
    try:
        found = aligned_cells(lines, header, names)
    except ValueError:
        return
    assert found == [list(row) for row in rows if any(row)]


def read(tmp_path, text):
    (tmp_path / "t.txt").write_text(text)
    table = read_catalog(str(tmp_path / "t.txt"), {"source_id": "name", "label": "t"})
    return table[["source_id", "ra", "dec", "label"]].to_numpy().tolist()


def test_names_with_blanks_and_empty_cells(tmp_path):
    text = "name           ra      dec    t\nNGC 12     10.500   -5.250  3.0\nIC 4      200.125   15.000     \n"
    assert read(tmp_path, text) == [["NGC 12", 10.5, -5.25, "3"], ["IC 4", 200.125, 15.0, None]]


def test_free_text_with_words_for_all_columns(tmp_path):
    assert read(tmp_path, "name ra dec t\nA 10.5 -5.25 3\nNGC4 200.125 15.0 -5\n")[1] == ["NGC4", 200.125, 15.0, "-5"]


def test_cells_that_could_be_cut_in_two_ways_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"t\.txt: .*row 1 can be cut into cells in two ways"):
        read(tmp_path, "name     ra    dec  t\nNGC 12 10.5 -5.25   \n")
    with pytest.raises(ValueError, match="its rows have more columns than its header"):
        aligned_cells(["x y   ", "p    q"], "a    b", ["a", "b"])
    with pytest.raises(InputError, match=r"row 1 has 3 words for 4 columns, expected a separator"):
        read(tmp_path, "name ra dec t\nA 10.5 -5.25\nNGC4 200.125 15.0 3\n")


def test_cells_wider_than_their_rule_are_refused(tmp_path):
    rule = "name  ra   dec  t\n---- ---- ----- --\n"
    assert read(tmp_path, f"{rule}A    10.5 -5.25  3\nB    11.5  5.25   \n")[1] == ["B", 11.5, 5.25, None]
    with pytest.raises(InputError, match="row 2 has a cell that is wider than its column"):
        read(tmp_path, f"{rule}A    10.5 -5.25  3\nNGC4521 1 5.25  3\n")
