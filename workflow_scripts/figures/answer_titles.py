"""Titles of figures from the answers of a summary: nothing is claimed without its test, which is adjusted."""

from collections.abc import Mapping
from typing import Any

from workflow_scripts.answers.answer import NO, YES
from workflow_scripts.answers.wording import limit_in_points, with_points
from workflow_scripts.statistics.log_p import p_in_words


def answer_to(summary: Mapping[str, Any], test: str) -> Mapping[str, Any] | None:
    """The first answer of a test, or of one whose name begins with it and goes on after a space."""
    return next((one for one in summary["answers"] if f"{one['test']} ".startswith(f"{test} ")), None)


def adjusted(summary: Mapping[str, Any]) -> dict[str, tuple[float, str]]:
    """The adjusted p, and by which method, of each test in the ledger of a summary."""
    return {line["name"]: (line["adjusted"], line["method"]) for line in summary["ledger"]}


def size_and_p(answer: Mapping[str, Any]) -> str:
    """Size, interval and adjusted p of an answer, in percentage points; the p alone where there is no size."""
    value, ends, p = answer["effect"]["value"], answer["effect"]["ci95"], answer["p_adjusted"]
    parts = []
    if value is not None:
        parts.append(with_points(abs(value), ends and sorted(ends if value >= 0 else [-end for end in ends])))
    if p is not None:
        parts.append(f"adjusted p = {p_in_words(p)}")
    return ", ".join(parts)


def change_title(what: str, answer: Mapping[str, Any] | None, between: str) -> str:
    """Whether `what` changes `between` two things, by its answer; `what` alone without one."""
    if answer is None:
        return what
    if answer["answer"] == YES:
        return f"{what} changes {between}: {size_and_p(answer)}"
    if answer["answer"] == NO and answer["limit95"] is not None:
        limit = limit_in_points(answer["limit95"])
        return f"{what}: no change {between} is seen, and one above {limit} is excluded at 95 %"
    known = size_and_p(answer)
    return f"{what}: no change {between} is established{f' ({known})' if known else ''}"
