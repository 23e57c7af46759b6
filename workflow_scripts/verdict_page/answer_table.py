"""The table of answers on a page, the same for experiments and audits."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.statistics.log_p import p_in_words
from workflow_scripts.verdict_page.html_tables import table

_HEADING = ("question", "answer", "effect", "95 %", "limit (95 %)", "adjusted p", "because", "what would tell more")


def answer_table(answers: Sequence[Mapping[str, Any]]) -> str:
    """A row for each answer of a summary; primary questions are shaded."""
    return table(_HEADING, (_row(answer) for answer in answers))


def _row(answer: Mapping[str, Any]) -> str:
    effect = answer["effect"]
    value = "-" if effect["value"] is None else " ".join([f"{effect['value']:.4g}", effect["unit"]]).strip()
    if effect["direction"]:
        value += f", {effect['direction']}"
    interval = "-" if effect["ci95"] is None else f"{effect['ci95'][0]:.4g} to {effect['ci95'][1]:.4g}"
    limit = "-" if answer["limit95"] is None else f"{answer['limit95']:.4g}"
    cells = [answer["question"], "", value, interval, limit, p_in_words(answer["p_adjusted"]) or "-"]
    cells += [" ".join(answer["because"]), " ".join(answer["next"])]
    shown = [f"<td>{html.escape(cell)}</td>" for cell in cells]
    shown[1] = f"<td><b>{html.escape(answer['answer'])}</b></td>"
    return f'<tr class="{html.escape(answer["role"])}">{"".join(shown)}</tr>'
