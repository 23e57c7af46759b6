"""A correction in the answers and on the page, of experiments and audits."""

import html
import json
import re

import pandas as pd

from tests.unit.audits.audited import galaxies, message, run_audit
from tests.unit.corrections.corrected_experiment import correct, summary_of
from workflow_scripts.correct_audit import main as correct_audit
from workflow_scripts.correct_audit import parser as correction_parser
from workflow_scripts.measure_bias import main as measure_bias
from workflow_scripts.measure_bias import parser as bias_parser
from workflow_scripts.write_verdict import main as write_verdict
from workflow_scripts.write_verdict import parser as page_parser

QUESTION = "Is there a dipole without the measured bias?"


def why_section(page):
    text = html.unescape(page.read_text())
    return text[text.index('<section id="why">') : text.index('<section id="naive">')]


def answer_of(summary):
    (one,) = (one for one in summary["answers"] if one["question"] == QUESTION)
    return one


def check_page(page, correction):
    """Card, two maps, files that are where the links say, and the command for mock catalogs."""
    section = why_section(page)
    assert f"<h3>{QUESTION}</h3>" in section
    assert section.count('<svg class="sky"') == 2
    linked = [(page.parent / address).resolve() for address in re.findall(r'<a href="([^"]+)">', section)]
    assert {path.name for path in linked} >= {
        "correction.json",
        "weights.parquet",
        "bias.json",
        "debiased_fraction.fits",
    }
    assert all(path.is_file() for path in linked)
    assert f"skybias apply_bias MOCK --truth COLUMN --correction {correction}" in section


def test_an_experiment_answers_and_its_page_shows_what_is_left(tmp_path):
    folder = correct(tmp_path, n=3000, per_seeing=0.05, sky_dipole=0.15)
    experiment = (tmp_path / "experiment.json").read_text()
    bias, runs = tmp_path / "bias", str(tmp_path / "runs" / "{run_id}" / "annotations.parquet")
    options = ["--experiment", experiment, "--annotations", runs, "--catalog", str(tmp_path / "catalog.parquet")]
    options += ["--output-folder", str(bias)]

    def measured(*more):
        measure_bias(bias_parser.parse_args([*options, *more]))
        return json.loads((bias / "summary.json").read_text())

    plain = measured()
    summary = measured("--correction", str(folder / "correction.json"))
    assert summary["answers"][:-1] == plain["answers"]
    assert summary["headline"] == plain["headline"]
    assert str(folder / "correction.json") in summary["inputs"]
    found, dipole = summary["answers"][-1], summary_of(folder)["dipole"]
    assert (found["question"], found["role"], found["answer"]) == (QUESTION, "secondary", "yes")
    assert found["effect"]["value"] == dipole["size"] < dipole["amplitude"]
    assert found["effect"]["ci95"] == dipole["size_ci95"]
    assert found["p_adjusted"] == dipole["p"] < 0.01
    assert dipole["size_ci95"][0] > 0
    assert found["statement"] in summary["verdict"]
    page = tmp_path / "page" / "verdict.html"
    write_verdict(
        page_parser.parse_args(["--bias-folder", str(bias), "--correction", str(folder), "--output", str(page)])
    )
    check_page(page, folder)


def test_an_audit_likewise(tmp_path):
    table = tmp_path / "c.csv"
    galaxies(2000, dipole=0.2).to_csv(table, index=False)
    options = ["--label", "label", "--positive", "spiral", "--covariates", "seeing"]
    folder = tmp_path / "correction"
    correct_audit(correction_parser.parse_args([str(table), "--output", str(folder), *options]))
    summary = run_audit(table, tmp_path / "out", *options, "--correction", str(folder))
    assert summary["headline"].startswith("The fraction of 'spiral' depends on position")
    assert "correction" not in summary["provenance"]["config"]
    assert (answer_of(summary)["answer"], answer_of(summary)["role"]) == ("yes", "secondary")
    # Two tests of nearly one question: which number to quote.
    (beside,) = answer_of(summary)["beside"]
    assert '"Does a dipole remain beside the templates (seeing)?"' in beside
    check_page(tmp_path / "out" / "audit.html", folder)
    # A correction of another table is none of this one.
    pd.read_csv(table).iloc[:-1].to_csv(tmp_path / "other.csv", index=False)
    other = [tmp_path / "other.csv", tmp_path / "other", *options, "--correction"]
    assert "is not a correction of" in message(*other, str(folder))
    assert "expected what correct_bias or correct_audit writes" in message(*other, str(tmp_path))
