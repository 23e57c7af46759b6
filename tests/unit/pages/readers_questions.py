"""The questions that a reader brings to a page, and the sections in which docs/example_answers.md has the answers."""

import html
import re
from collections.abc import Mapping
from pathlib import Path

_DOCUMENT = Path(__file__).parents[3] / "docs" / "example_answers.md"


def sections_by_question() -> dict[str, str]:
    """The title of a section of pages for each question, from the table of the document."""
    _, table = _DOCUMENT.read_text(encoding="utf-8").split("| a reader asks | section of the page |", 1)
    rows = re.findall(r"^\| ([^|]+\?) \| ([^|]+) \|", table, re.MULTILINE)
    return dict(rows)


def check_questions(page: str, answered: Mapping[str, str]) -> None:
    """Every question of the document has its answer, a pattern of `answered`, in its section of a page."""
    sections = sections_by_question()
    assert list(sections) == list(answered)
    text = html.unescape(page)
    for question, title in sections.items():
        (name,) = re.findall(f'<li><a href="#([a-z]+)">{re.escape(title)}</a></li>', text)
        (section,) = re.findall(rf'<section id="{name}">(.*?)</section>', text, re.DOTALL)
        assert re.search(answered[question], section, re.DOTALL), question
