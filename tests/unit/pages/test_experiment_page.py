"""The page of an experiment holds the numbers of the tables, paper-style beside calibrated, and escapes every name."""

import base64
import gzip
import html
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.unit.bias.imaged_experiment import imaged_experiment
from tests.unit.bias.synthetic_experiment import experiment_runs, write_experiment
from tests.unit.pages.readers_questions import check_questions
from tests.unit.pages.written_page import written
from workflow_scripts.answers.wording import with_points
from workflow_scripts.figures.figure_list import FIGURES_OF_PAGE
from workflow_scripts.figures.style import LOOK, explain_empty, new_figure, save
from workflow_scripts.pages.experiment_page import experiment_page
from workflow_scripts.pages.imaging_rows import imaging_findings
from workflow_scripts.pages.number_formats import number, p_value, vector_with_error, with_error
from workflow_scripts.pages.run_comparisons import PARTS_OF_LABELS, error_rows
from workflow_scripts.write_verdict import main, parser


def cells_of_row(text, first):
    """The cells of the first row that begins with a word."""
    row = re.search(rf"<tr[^>]*><td>{re.escape(first)}</td>(.*?)</tr>", text, re.S)
    assert row, first
    return [
        " ".join(re.sub("<[^>]+>", " ", cell).split())
        for cell in re.findall(r"<td[^>]*>(.*?)</td>", row.group(1), re.S)
    ]


def card_of(text, question):
    """What stands on the card of a question."""
    start = text.index(f"<h3>{question}</h3>")
    return text[start : text.index("</article>", start)]


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
        assert f"<h3>{title}</h3>" in text
    assert "<h3>Response model</h3>" not in text
    # Once as a test of the runs, once of single pairs.
    assert text.count("<td>cleaned dipole contrast east - west</td>") == 1


def test_the_page_has_the_response_model_and_the_variance_budget(rotating):
    _, summary, tables, text = rotating
    assert summary["warnings"] == []
    warned = experiment_page(summary | {"warnings": ["900 of 1,000 rows <lost>."]}, tables)
    assert warned.index("900 of 1,000 rows &lt;lost&gt;.") < warned.index("What decides has")
    order = ["<h1>", 'id="answer"', 'id="sky"', 'id="why"', 'id="naive"', 'id="trust"', 'id="rest"', "<h3>Every test"]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert summary["headline"] in text[places[0] :]
    for answer in summary["answers"]:
        card = card_of(text, answer["question"])
        assert f"</span> {answer['answer'][0].upper()}{answer['answer'][1:]}</p>" in card
        assert f"Adjusted p = {p_value(answer['p_adjusted'])}" in card
        assert answer["statement"].rstrip(".") in card
    (model,) = summary["response_model"]
    cells = cells_of_row(text, f"{model['network']}, {model['family']}")
    assert cells[1] == vector_with_error(model["d_0"], model["d_0_se"])
    assert cells[3] == with_error(model["kappa"], model["kappa_se"])
    budget, asked = summary["variance_budget"][0], summary["answers"][0]["question"]
    assert f"{number(budget['seed_sd'])} between seeds on one training set" in text
    differ = with_points(2**0.5 * budget["seed_sd"])
    assert f"two networks that differ in the seed alone differ by {differ}" in card_of(text, asked)
    assert "<td>12 footprints</td><td>1</td><td>2</td>" in text
    # Vectors and matrices are amplitudes and directions; a size of zero has none.
    cells = {name: cells_of_row(text, name) for name in ("dipole response", "common dipole")}
    tests = {test["name"].replace("_", " "): test for test in summary["tests"]}
    for name, (_, _, size, se, _, where, *_) in cells.items():
        assert (size, se) == (number(tests[name]["size"]), "-")
        assert where == (tests[name]["direction"].removeprefix("towards ") if tests[name]["size"] else "-")


def test_what_needs_networks_is_not_proposed_for_annotations_that_exist(rotating):
    """Issue: the page proposed a probe and remedies, which such an experiment refuses."""
    _, summary, tables, _ = rotating
    record = summary["provenance"]
    for survey, proposed in (("simulated", True), (None, False)):
        of_survey = record | {"config": record["config"] | {"survey": survey}}
        text = experiment_page(summary | {"provenance": of_survey}, tables)
        assert ("probe: {}" in text, "remedies: [" in text) == (proposed, proposed)
        assert ("is measured on images and networks" in text) != proposed


@pytest.mark.parametrize("labelled", [True, False])
def test_two_runs_make_a_page_too(tmp_path, labelled):
    runs = experiment_runs(with_rotating=False, seeds=1)[:2]
    _, _, text = written(tmp_path, write_experiment(tmp_path, 0.05, runs, labelled=labelled))
    assert ("<h3>Calibration</h3>" in text) == labelled
    assert "<h3>Not answered</h3>" in text
    assert "nan" not in re.sub(r"<[^>]+>", " ", text).lower().split()


def test_names_of_columns_and_networks_are_escaped(tmp_path):
    summary, tables, _ = written(tmp_path, imaged_experiment(tmp_path))
    summary["imaging"]["templates"] = ["<img>"]
    for name in ("runs", "arms"):
        tables[name]["network"] = "<b>"
    summary["variance_budget"][0]["network"] = "<i>x"
    text = experiment_page(summary, tables)
    assert "<img>" not in text
    assert "(<b>)" not in text
    assert "<i>x" not in text


@pytest.mark.parametrize(
    ("value", "se", "text"),
    [
        (0.01234, 0.0045, "0.0123 ± 0.0045"),
        (-1.5, 0.25, "-1.50 ± 0.25"),
        (123.4, 12.0, "123 ± 12"),
        (0.5, float("nan"), "0.500"),
        (0.5, None, "0.500"),
        (float("nan"), 0.1, "-"),
        (None, None, "-"),
    ],
)
def test_a_number_and_its_error_have_the_same_decimals(value, se, text):
    assert with_error(value, se) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.041, "0.0410"),
        (123.4, "123"),
        (12345.6, "12,346"),
        (4.4e-16, "4.40e-16"),
        (0.0, "0"),
        (20000, "20,000"),
        (np.int64(7), "7"),
        ([3, 45], "3, 45"),
        (None, "-"),
        (float("nan"), "-"),
        ("words", "words"),
    ],
)
def test_numbers_have_three_significant_digits(value, text):
    assert number(value) == text


def test_a_vector_is_an_amplitude_with_its_own_error_and_a_direction():
    assert vector_with_error([0.0, 0.3, 0.4], [9.0, 0.03, 0.04]) == "0.500 ± 0.037, RA 90°, Dec +53°"
    assert vector_with_error([0.0, 0.0, 0.0], [1.0, 1.0, 1.0]) == "0"


def test_answers_say_nothing_twice_and_no_limit_beside_a_yes(rotating):
    _, summary, tables, _ = rotating
    effect = {"value": 0.0410102, "ci95": [0.0255341, 0.0530883], "unit": "fraction", "direction": "east"}
    yes = {"question": "Does it?", "answer": "yes", "role": "primary", "because": ["So.", "Warned."], "beside": []}
    yes |= {
        "next": [],
        "effect": effect,
        "p_adjusted": 0.000306950642,
        "limit95": 0.0509,
        "statement": "it does",
        "test": "a",
    }
    no = yes | {"question": "Or not?", "answer": "no", "limit95": 0.05012, "because": ["So.", "And."]}
    no |= {"next": ["More."], "test": "b"}
    none = yes | {"question": "How?", "answer": "cannot tell", "effect": effect | {"value": None, "ci95": None}}
    text = experiment_page(summary | {"answers": [yes, no, none], "warnings": ["Warned."]}, tables)
    first, second, third = (card_of(text, one["question"]) for one in (yes, no, none))
    assert "Adjusted p = 0.00031; 4.1 percentage points (95 %: 2.6 to 5.3)<" in first
    assert "<p>It does.</p>" in first
    assert "limit 5.1 percentage points<" in second
    assert "<p>So.</p>" in first
    assert "<p>So.</p>" not in second
    assert "<b>What would help:</b> More." in second
    assert "Adjusted p = 0.00031; limit 5.1 percentage points<" in third
    # How limits, intervals and detectable sizes go together is said once; so is a warning.
    assert text.count("Intervals are two-sided") == 1
    assert text.count("A detectable size is") == 1
    assert text.count("Warned.") == 1


def test_figures_stand_on_the_page_and_one_that_shows_nothing_gives_its_reason(rotating, tmp_path):
    for name in FIGURES_OF_PAGE:
        figure, axes = new_figure(2, 1)
        if name == "seeing_map":
            explain_empty(axes, "There is no seeing.")
        save(figure, tmp_path / "figures", name, {**LOOK, "dpi": 50, "simulated": True})
    folders = ["--bias-folder", str(rotating[0] / "bias"), "--figures-folder", str(tmp_path / "figures")]
    main(parser.parse_args([*folders, "--output", str(tmp_path / "page.html")]))
    text = (tmp_path / "page.html").read_text()
    assert text.count("<img alt=") == len(FIGURES_OF_PAGE) - 1
    assert "seeing map (There is no seeing)." in text
    assert text[: text.index("<h3>More figures</h3>")].count("<img alt=") == 1
    # After the last section's title all is folded.
    rest = text[text.index('<section id="rest">') :]
    assert rest.count("<h3>") == len(re.findall(r"<details[^>]*><summary><h3>", rest))
    assert not re.search(r"(src|href)=\"(https?:)?//", text)
    packed = re.search(r'href="data:application/gzip;base64,([^"]+)" download="summary.json.gz"', rest)
    assert gzip.decompress(base64.b64decode(packed[1])) == (rotating[0] / "bias" / "summary.json").read_bytes()


def test_answers_on_causes_and_remedies_stand_in_their_section(rotating):
    _, summary, tables, _ = rotating
    blank = {
        "answer": "no",
        "role": "secondary",
        "because": [],
        "beside": [],
        "next": [],
        "p_adjusted": None,
        "limit95": 0.05,
    }
    blank |= {"effect": {"value": None, "ci95": None, "unit": "", "direction": ""}, "statement": "It is"}
    names = ["share_of_seeing common_dipole", "place_of_pixels", "place_of_features [net]"]
    names += ["cheapest_remedy", "remedy_mixed_sky", "corrected_dipole"]
    asked = [{**blank, "test": name, "question": f"Is it {name}?"} for name in names]
    text = experiment_page({**summary, "answers": [*summary["answers"], *asked]}, tables)
    why = text.partition('<section id="why">')[2].partition("</section>")[0]
    assert all(one["question"] in why for one in asked)
    assert summary["answers"][0]["question"] not in why
    # All of it was asked.
    assert "can be asked" not in why


def test_what_the_survey_warns_of_stands_on_the_page(rotating):
    _, summary, tables, _ = rotating
    counts = {"requested": 9, "delivered": 7, "no_coverage": 1, "rejected": 1, "failed": 0, "warnings": ["Two <lost>."]}
    text = experiment_page(summary, tables, cutouts=counts)
    assert "9 requested: 7 delivered, 1 no coverage, 1 rejected, 0 failed" in text
    assert "<li>Two &lt;lost&gt;.</li>" in text


def test_what_imaging_carries_is_said_under_why_and_not_again_below(tmp_path):
    summary, _, text = written(tmp_path, imaged_experiment(tmp_path, per_seeing=0.06))
    found, not_found = imaging_findings(summary)
    why, rest = (text.partition(f'<section id="{name}">')[2] for name in ("why", "rest"))
    for sentence in found:
        assert sentence in html.unescape(why.partition("</section>")[0])
        assert sentence not in html.unescape(rest)
    assert all(sentence in html.unescape(rest) for sentence in not_found)
    assert found or not_found
    assert ('href="#imaging"' in why) == bool(found)
    assert '<details id="imaging">' in rest


def test_the_dipole_of_labels_is_the_sum_of_three_in_every_row(rotating):
    _, summary, tables, text = rotating
    runs, opposite = tables["runs"], summary["provenance"]["config"]["opposite"]
    rows = error_rows(runs, opposite)
    east = runs[runs["footprint"] == "east"].groupby("resample").mean(numeric_only=True)
    total = sum(east[[f"{part}_{axis}" for axis in "xyz"]].to_numpy() for part in PARTS_OF_LABELS)
    (row,) = [row for row in rows if row[0] == "east"]
    assert row[1] == vector_with_error(total.mean(axis=0), total.std(axis=0, ddof=1) / np.sqrt(len(east)))
    assert len(row) == 6
    assert row[1] in text


def test_how_to_cite_is_that_of_the_citation_file(rotating):
    citation = yaml.safe_load((Path(__file__).parents[3] / "CITATION.cff").read_text())
    _, summary, tables, text = rotating
    section = html.unescape(text.partition('<section id="cite">')[2].partition("</section>")[0])
    (paper,) = citation["references"]
    for entry in (citation, paper):
        assert f"title = {{{entry['title']}}}" in section
    assert citation["authors"][0]["name"] in section
    assert "author = {Dhar, Sanchari and Shamir, Lior}" in section
    assert "Dhar & Shamir (2022), Astronomy and Computing 38, 100545 (arXiv:2201.03131)" in section
    assert section.count("@") == 2
    git = {"commit": "0123456789abcdef", "date": "2026-05-04", "dirty": True}
    changed = {**summary, "simulated": False, "provenance": {**summary["provenance"], "git": git}}
    credited = experiment_page(changed, tables, credits=["Survey X: show X."]).partition('<section id="cite">')[2]
    assert "<p>Survey X: show X.</p>" in credited
    assert "(2026, commit 0123456789ab with changes that are not committed)" in credited
    assert "year = {2026}" in credited


def test_what_a_reader_asks_is_answered_where_the_documentation_says(rotating):
    _, summary, tables, _ = rotating
    cutouts = {"requested": 9, "delivered": 7, "no_coverage": 1, "rejected": 1, "failed": 0, "warnings": []}
    first = summary["answers"][0]
    check_questions(
        experiment_page(summary, tables, cutouts=cutouts),
        {
            "Is there an effect?": rf"</span> {first['answer'].capitalize()}</p>",
            "How large is it?": r"percentage points .*\(95 %: [\d.]+ to [\d.]+\)",
            "Could it be chance?": f"Adjusted p = {re.escape(p_value(first['p_adjusted']))}",
            "Why is it there?": "counterfactual:",
            "What should I do?": "remedies:",
            "May I trust it?": "What it means for the answers.*Assumed",
            "What was thrown away?": "9 requested: 7 delivered, 1 no coverage, 1 rejected",
            "How do I cite it?": "@software{skybias",
        },
    )
