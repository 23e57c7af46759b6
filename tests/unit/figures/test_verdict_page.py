"""The page of a verdict holds the numbers of the tables, paper-style beside calibrated, and escapes every name."""

import re

import numpy as np
import pytest

from tests.unit.bias.imaged_experiment import imaged_experiment
from tests.unit.bias.synthetic_experiment import experiment_runs, measured, write_experiment
from workflow_scripts.verdict_page.answer_table import answer_table
from workflow_scripts.verdict_page.html_tables import number, p_value, with_error
from workflow_scripts.verdict_page.verdict_html import verdict_html
from workflow_scripts.write_verdict import main, parser


def written(folder, given):
    """Summary, tables and page of an experiment, the page by the step."""
    summary, tables = measured(folder, given)
    main(parser.parse_args(["--bias-folder", str(folder / "bias"), "--output", str(folder / "page.html")]))
    return summary, tables, (folder / "page.html").read_text()


def cells_of_row(text, first):
    """The cells of the first row that begins with a word."""
    row = re.search(rf"<tr[^>]*><td>{re.escape(first)}</td>(.*?)</tr>", text, re.S)
    assert row, first
    return [re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row.group(1), re.S)]


def test_paper_style_and_calibrated_numbers_stand_in_one_row(tmp_path):
    summary, tables, text = written(tmp_path, imaged_experiment(tmp_path, per_seeing=0.06))
    east = tables["runs"][tables["runs"]["footprint"] == "east"]
    cells = cells_of_row(text, "east")
    assert cells[0] == "3"
    assert cells[1] == f"{east['paper_max_sigma'].median():.1f} ({east['paper_max_sigma'].max():.1f})"
    # All have a dipole; none has one beside the seeing that makes it.
    assert cells[4:6] == ["100%", "0%"]
    fractions = east["fraction"]
    assert cells[6] == with_error(fractions.mean(), fractions.std(ddof=1) / np.sqrt(3))
    contrast = next(test for test in summary["tests"] if test["name"] == "fraction_contrast east - west")
    pairs = tables["contrasts"][tables["contrasts"]["kind"] == "opposite"]
    cells = cells_of_row(text, "east - west")
    assert cells[0] == f"{pairs['z'].abs().median():.1f}"
    assert cells[2] == with_error(contrast["estimate"], contrast["se"])
    for title in ("Errors", "Calibration", "Thresholds", "Imaging", "Tests of single networks and pairs"):
        assert f"<h2>{title}</h2>" in text
    assert "<h2>Response model</h2>" not in text
    assert text.count("cleaned dipole contrast east - west") == 2


def test_the_page_has_the_response_model_and_the_variance_budget(tmp_path):
    summary, tables, text = written(tmp_path, write_experiment(tmp_path, 0.05, experiment_runs()))
    assert summary["warnings"] == []
    warned = verdict_html(summary | {"warnings": ["900 of 1,000 rows <lost>."]}, tables)
    assert warned.index("900 of 1,000 rows &lt;lost&gt;.") < warned.index("What decides has")
    assert text.index(summary["headline"]) < text.index("<h2>Answers</h2>") < text.index("<h2>Paper-style")
    for answer in summary["answers"]:
        cells = cells_of_row(text, answer["question"])
        assert cells[0] == answer["answer"]
        assert cells[4] == p_value(answer["p_adjusted"])
    (model,) = summary["response_model"]
    first = [with_error(model["K"][0][column], model["K_se"][0][column]) for column in range(3)]
    assert cells_of_row(text, "x")[2:] == first
    assert cells_of_row(text, "seeds on one training set") == [number(summary["variance_budget"][0]["seed_sd"])]
    assert "12 footprints</td><td class=number>1</td><td class=number>2" in text


@pytest.mark.parametrize("labelled", [True, False])
def test_two_runs_make_a_page_too(tmp_path, labelled):
    runs = experiment_runs(with_rotating=False, seeds=1)[:2]
    _, _, text = written(tmp_path, write_experiment(tmp_path, 0.05, runs, labelled=labelled))
    assert ("<h2>Calibration</h2>" in text) == labelled
    assert "<h2>Not answered</h2>" in text
    assert "nan" not in re.sub(r"<[^>]+>", " ", text).lower().split()


def test_names_of_columns_and_networks_are_escaped(tmp_path):
    summary, tables, _ = written(tmp_path, imaged_experiment(tmp_path))
    summary["imaging"]["templates"] = ["<img>"]
    for name in ("runs", "arms"):
        tables[name]["network"] = "<b>"
    summary["variance_budget"][0]["network"] = "<b>"
    text = verdict_html(summary, tables)
    assert "<img>" not in text
    assert "(<b>)" not in text


@pytest.mark.parametrize(
    ("value", "se", "text"),
    [
        (0.01234, 0.0045, "0.0123 ± 0.0045"),
        (-1.5, 0.25, "-1.50 ± 0.25"),
        (123.4, 12.0, "123 ± 12"),
        (0.5, float("nan"), "0.5"),
        (0.5, None, "0.5"),
        (float("nan"), 0.1, "-"),
        (None, None, "-"),
    ],
)
def test_a_number_and_its_error_have_the_same_decimals(value, se, text):
    assert with_error(value, se) == text


def test_an_answer_has_three_digits_and_no_empty_column():
    yes = {"question": "Does it?", "answer": "yes", "role": "primary", "because": ["So."], "next": []}
    yes |= {"effect": {"value": 0.0410102, "ci95": [0.0255341, 0.0530883], "unit": "fraction", "direction": "east"}}
    yes |= {"p_adjusted": 0.000306950642, "limit95": 0.0509}
    cells = "<td>0.041 fraction, east</td><td>0.0255 to 0.0531</td><td>-</td><td>0.00031</td><td>So.</td></tr>"
    assert cells in answer_table([yes])
    assert "what would tell more" not in answer_table([yes])
    no = yes | {"answer": "no", "limit95": 0.05012, "next": ["More."]}
    table = answer_table([yes, no])
    assert "what would tell more" in table
    assert "<td>0.051</td><td>0.00031</td><td>So.</td><td>More.</td>" in table
    assert answer_table([yes | {"p_adjusted": 0.0}]).count("below 1e-300") == 1
