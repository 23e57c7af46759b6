"""Answers as cards of a page: a word and a mark, the sentence, what it compares with, and the numbers behind it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from workflow_scripts.answers.answer import CONTROL, NO, POSITIVE_CONTROL, PRIMARY, YES
from workflow_scripts.answers.wording import capital, limit_in_words, scatter_in_words
from workflow_scripts.pages.number_formats import interval, number, p_value

_MARKS = {YES: "●", NO: "○"}
_ROLES = {PRIMARY: "chosen beforehand"}


def answer_cards(
    answers: Iterable[Mapping[str, Any]],
    said: Iterable[str] = (),
    beside: Mapping[str, Sequence[str]] | None = None,
) -> list[dict[str, Any]]:
    """A card for each answer of a summary.

    Sentences that are `said` elsewhere on the page, or on a card before, are left out. `beside`: what the effect of a
    test compares with, sentences by the first word of its name.
    """
    known, cards, words = set(said), [], beside or {}
    for one in answers:
        compared = [sentence for sentence in words.get(one["test"].split()[0], ()) if sentence not in known]
        because = [sentence for sentence in one["because"] if sentence not in known]
        known.update([*because, *compared])
        cards.append(
            {
                "question": one["question"],
                "word": capital(one["answer"]),
                "mark": _MARKS.get(one["answer"], "?"),
                "look": _look(one),
                "statement": f"{capital(one['statement']).rstrip('.')}.",
                "beside": compared,
                "next": list(one["next"]),
                "numbers": _numbers(one),
                "because": because,
                "test": one["test"].replace("_", " "),
                "role": _ROLES.get(one["role"], one["role"]),
            }
        )
    return cards


def _look(one: Mapping[str, Any]) -> str:
    if (one["role"], one["answer"]) in ((CONTROL, YES), (POSITIVE_CONTROL, NO)):
        return "alarm"
    return str(one["answer"]).replace(" ", "_")


def _numbers(one: Mapping[str, Any]) -> str:
    """The line that is open: p, effect and limit as the summary has them."""
    effect, parts = one["effect"], []
    if one["p_adjusted"] is not None:
        parts.append(f"adjusted p = {p_value(one['p_adjusted'])}".replace("= below", "below"))
    if effect["value"] is not None:
        ends = "" if effect["ci95"] is None else f" ({interval(effect['ci95'])})"
        parts.append(f"{number(effect['value'])}{ends} {effect['unit']}")
    # Of an effect that is there the interval says how large; its limit stays in summary.json.
    if one["limit95"] is not None and one["answer"] != YES:
        parts.append(f"limit {limit_in_words(one['limit95'])}")
    return capital("; ".join(parts) or "What this rests on")


def beside_effects(summary: Mapping[str, Any], arms: pd.DataFrame) -> dict[str, list[str]]:
    """What the effect on the fraction compares with, by the first word of tests: seeds, control arm, reference."""
    sentences = []
    for entry in summary["variance_budget"]:
        of = f" of {entry['network']}" if len(summary["variance_budget"]) > 1 else ""
        if scatter := scatter_in_words(entry):
            sentences.append(f"For comparison, the standard deviation of the fraction{of} is {scatter}.")
    control = arms[(arms["arm"] == "random_sky") & (arms["quantity"] == "fraction")]
    for row in control.itertuples():
        sentences.append(
            f"Control arm random_sky, without a direction: {100 * row.mean:.1f} ± {100 * row.se:.1f} % positive."
        )
    return dict.fromkeys(("fraction_response", "fraction_contrast"), sentences)
