"""The report of a finished run is one page, which opens with links to the verdicts."""

import html
import json

import pytest

pytestmark = pytest.mark.slow


def test_the_report_opens_with_the_verdicts(finished_run, tmp_path):
    finished_run.snakemake("--report", str(tmp_path / "report.html"))
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    summary = json.loads((finished_run.analysis / "results/bias/first/summary.json").read_text())
    headline = html.escape(summary["headline"], quote=False)
    assert headline in report
    assert report.index(headline) < report.index("first: the page")
    assert "app.showResultInfo('results/report/first/verdict.html')" in report.replace("&#x27;", "'").replace(
        "\\'", "'"
    )
