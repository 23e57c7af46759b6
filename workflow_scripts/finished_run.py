"""The last lines of a run that went well: headline, page, and what is next, of every experiment and audit."""

import atexit
import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from snakemake.logging import LogEvent

# A run that ends with one of these has made, or found whole, what people read.
_READ = {"all", "write_verdict", "audit"}


class FinishedRun(logging.Handler):
    """Listens for the jobs that make pages; `done` prints the last lines after those of Snakemake."""

    def __init__(self) -> None:
        super().__init__()
        self.rules: set[str] = set()
        self.lines: list[str] = []
        atexit.register(self._print)

    def emit(self, record: logging.LogRecord) -> None:
        """Note the rule of a job that starts."""
        if getattr(record, "event", None) == LogEvent.JOB_INFO:
            self.rules.add(record.__dict__.get("rule_name", ""))

    def done(self, results: Iterable[tuple[str, str, str]]) -> None:
        """The run went well: of (name, summary.json, page) the lines of those that are there are printed."""
        if self.rules & _READ:
            self.lines = [line for one in results for line in lines_of_result(*one)]

    def _print(self) -> None:
        if self.lines:
            print("", *self.lines, sep="\n", file=sys.stderr, flush=True)


def lines_of_result(name: str, summary: str, page: str) -> list[str]:
    """Headline, page and what is next, of one experiment or audit; nothing where it is not there."""
    path = Path(summary)
    if not path.exists():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    # A path for where the command was given, which Snakemake leaves for another folder.
    here = Path.cwd()
    there = page if Path(os.environ.get("PWD", here)).resolve() == here.resolve() else here / page
    return [f"{name}: {found['headline']}", f"  page: {there}", f"  next: {_next(found['answers'])}"]


def opening_of_report(results: Iterable[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """What the report begins with, in reStructuredText: of each result that is there `name`, `headline` and `answers`.

    `answers` are a question, the answer and its statement each.
    """
    opening = []
    for name, summary, _ in results:
        if (path := Path(summary)).exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            answers = [[_escaped(one[key]) for key in ("question", "answer", "statement")] for one in found["answers"]]
            opening.append({"name": _escaped(name), "headline": _escaped(found["headline"]), "answers": answers})
    return opening


def _escaped(text: str) -> str:
    """Text without the marks of reStructuredText."""
    return re.sub(r"([\\*`|_])", r"\\\1", text)


def _next(answers: Iterable[Mapping[str, Any]]) -> str:
    """What would decide a question that is open; else what a yes or a no asks for."""
    # With SciPy, at the end of a run and not at the start of each.
    from workflow_scripts.answers.answer import CANNOT_TELL, PRIMARY, YES

    primary = [one for one in answers if one["role"] == PRIMARY]
    for one in primary:
        if one["answer"] == CANNOT_TELL and one["next"]:
            return str(one["next"][0])
    if any(one["answer"] == YES for one in primary):
        return "why, and what to do about it: the page has what can be asked"
    return "how far to trust it: the page has what was dropped, assumed and excluded"
