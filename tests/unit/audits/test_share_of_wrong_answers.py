"""The benchmark of audits' answers: what it counts, that it can go on, and its table (the shares take many mocks)."""

from dataclasses import replace

import numpy as np
import pytest

from tests.benchmarks import audit_answers as benchmark
from tests.benchmarks.audit_answers import Cell, Row, read_rows, run_cells, table_text
from workflow_scripts.answers.answer import YES


def test_a_strong_dipole_is_found_and_what_is_made_is_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "_FOR_TYPICAL_LIMIT", 3)
    path = tmp_path / "answers.csv"
    cells = [Cell("full_sky", 3000, 0.4, 0.0, effect) for effect in (0, 4)]
    rows = list(run_cells(cells, 0, 2, path))
    assert [row.mocks for row in rows] == [2, 2]
    assert rows[1].yes == 2
    assert rows[1].size == pytest.approx(4 * rows[1].typical_limit)
    # Of 3,000 galaxies the error of a component is 0.0155; a limit is two or three of them.
    assert 0.02 < rows[0].typical_limit < 0.06
    assert list(run_cells(cells, 0, 2, path)) == []
    assert read_rows(path) == rows


@pytest.mark.parametrize("sky", ["stripe_82", "field_1_deg"])
def test_small_skies_have_an_answer(sky):
    cell = Cell(sky, 300, 0.4, 1.0, 0)
    catalog, random = benchmark.mock_catalog(cell, 0), np.random.default_rng(0)
    answer, _ = benchmark.answer_of(catalog.sums(0.4, benchmark.random_trend(catalog, 0.4, random), 1.0, random))
    assert answer.answer != YES


def test_the_table_adds_parts_up_and_marks_what_misses():
    parts = [Row("stripe_82", 300, 0.1, 3.0, 0, first, 100, yes, 90, 10 - yes, 0, 0.0, 0.2, 1.0)
             for first, yes in ((0, 1), (100, 9))]  # fmt: skip
    effect = [Row("stripe_82", 300, 0.1, 3.0, 1, 0, 100, 40, 50, 10, 4, 0.2, 0.2, 1.0)]
    line = table_text([*parts, *effect]).splitlines()[2]
    assert line == "| Stripe 82 | 300 | 0.1 | 3 | 200 | **0.050** | 0.050 | 0.2 | 100 | 0.400 | 0.040 |  |  |  |"
    other = replace(parts[0], fraction=0.4, yes=0, typical_limit=0.4)
    (line,) = table_text([*parts, other, *effect], ["sky", "galaxies"]).splitlines()[2:]
    assert line == "| Stripe 82 | 300 | 300 | **0.033** | 0.063 | 0.2 to 0.4 | 100 | 0.400 | 0.040 |  |  |  |"
