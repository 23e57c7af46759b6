"""The table of answers on a page, the same for experiments and audits."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.answers.answer import YES
from workflow_scripts.answers.wording import limit_in_words
from workflow_scripts.verdict_page.html_tables import number, p_value, table

_HEADING = ("question", "answer", "effect", "95 %", "limit (95 %)", "adjusted p", "because")
_NEXT = "what would tell more"


def answer_table(answers: Sequence[Mapping[str, Any]]) -> str:
    """A row for each answer of a summary, primary questions shaded; what would tell more only where that is known."""
    with_next = any(answer["next"] for answer in answers)
    heading = (*_HEADING, _NEXT) if with_next else _HEADING
    return table(heading, (_row(answer, with_next) for answer in answers))


def _row(answer: Mapping[str, Any], with_next: bool) -> str:
    effect = answer["effect"]
    value = " ".join([number(effect["value"]), effect["unit"] if effect["value"] is not None else ""]).strip()
    if effect["direction"]:
        value += f", {effect['direction']}"
    interval = "-" if effect["ci95"] is None else " to ".join(map(number, effect["ci95"]))
    # Of an effect that is there the interval says how large; its limit stays in summary.json.
    unlimited = answer["limit95"] is None or answer["answer"] == YES
    limit = "-" if unlimited else limit_in_words(answer["limit95"])
    cells = [answer["question"], "", value, interval, limit, p_value(answer["p_adjusted"]), " ".join(answer["because"])]
    cells += [" ".join(answer["next"])] if with_next else []
    shown = [f"<td>{html.escape(cell)}</td>" for cell in cells]
    shown[1] = f"<td><b>{html.escape(answer['answer'])}</b></td>"
    return f'<tr class="{html.escape(answer["role"])}">{"".join(shown)}</tr>'
