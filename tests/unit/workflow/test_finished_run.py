"""The last lines of a run: headline, page and what is next."""

import json
import logging

import pytest
from snakemake.logging import LogEvent

from workflow_scripts.finished_run import FinishedRun, lines_of_result


def summary(folder, *answers):
    path = folder / "summary.json"
    rows = [{"role": role, "answer": answer, "next": further} for role, answer, further in answers]
    path.write_text(json.dumps({"headline": "A headline.", "answers": rows}))
    return str(path)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([("primary", "yes", [])], "why, and what to do"),
        ([("primary", "no", [])], "how far to trust it"),
        ([("primary", "yes", []), ("primary", "cannot tell", ["Six training sets."])], "Six training sets."),
        ([("primary", "no", []), ("secondary", "cannot tell", ["More."])], "how far to trust it"),
    ],
)
def test_what_is_next_follows_from_the_primary_answers(tmp_path, answers, words):
    headline, page, further = lines_of_result("mine", summary(tmp_path, *answers), "page.html")
    assert (headline, page) == ("mine: A headline.", "  page: page.html")
    assert further.startswith(f"  next: {words}")


def test_a_result_that_is_not_there_has_no_lines(tmp_path):
    assert lines_of_result("mine", str(tmp_path / "none.json"), "page.html") == []


@pytest.mark.parametrize(("rule", "said"), [("all", True), ("write_verdict", True), ("train", False)])
def test_only_a_run_that_made_a_page_ends_with_the_lines(tmp_path, rule, said):
    run = FinishedRun()
    record = logging.LogRecord("snakemake", logging.INFO, "", 0, "", None, None)
    record.__dict__.update(event=LogEvent.JOB_INFO, rule_name=rule)
    run.emit(record)
    run.done([("mine", summary(tmp_path, ("primary", "no", [])), "page.html")])
    assert bool(run.lines) == said
    run.lines.clear()
