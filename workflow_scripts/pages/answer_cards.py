"""Answers as cards of a page: a word and a mark, the sentence, what it compares with, and the numbers behind it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.answers.answer import CANNOT_TELL, CONTROL, NO, POSITIVE_CONTROL, PRIMARY, YES
from workflow_scripts.answers.wording import capital, limit_in_unit, place_in_words, with_points
from workflow_scripts.bias.declared_tests import VARIANCE
from workflow_scripts.bias.quantities import REFERENCE_DIPOLE
from workflow_scripts.pages.citation import document
from workflow_scripts.pages.number_formats import interval, number, p_value
from workflow_scripts.pages.run_comparisons import LABELS_DIPOLE, with_labels_dipole
from workflow_scripts.sky.unit_vectors import right_ascension_declination

_MARKS = {YES: "●", NO: "○"}
_ROLES = {PRIMARY: "chosen beforehand"}
# The document on a question, by how its test begins.
_DOCUMENTS = {"share": "why", "place_of_": "why", "remedy_": "remedies", "cheapest_remedy": "remedies"}
# How the units of effects begin that are differences of fractions.
_OF_FRACTIONS = ("fraction", "rate", "dipole amplitude")
_CONTROL_ARM = "random_sky"
_SAID_ABOVE = "The reason is the one above."


def answer_cards(
    answers: Iterable[Mapping[str, Any]],
    said: Iterable[str] = (),
    beside: Mapping[str, Sequence[str]] | None = None,
    about: str = "answers",
) -> list[dict[str, Any]]:
    """A card for each answer of a summary.

    Sentences that are `said` elsewhere on the page, or on a card before, are left out. `beside`: what the effect of a
    test compares with, sentences by the first word of its name. `about` names the document on questions that have none
    of their own.
    """
    known, cards, words = set(said), [], beside or {}
    for one in answers:
        compared = [*one["beside"], *words.get(one["test"].split()[0], ())]
        compared = [sentence for sentence in compared if sentence not in known]
        because = [sentence for sentence in one["because"] if sentence not in known]
        if (one["answer"], one["test"].split()[0]) == (YES, "common_dipole"):
            # What else than networks may make it.
            compared, because = [*compared, *because[:1]], because[1:]
        # Why there is no yes or no belongs to the answer, and what else it rests on below.
        reason = next(iter(one["because"]), "") if one["answer"] == CANNOT_TELL else ""
        if reason in known:
            reason = _SAID_ABOVE
        known.update([*because, *compared])
        cards.append(
            {
                "question": one["question"],
                "word": capital(one["answer"]),
                "mark": _MARKS.get(one["answer"], "?"),
                "look": _look(one),
                "statement": f"{capital(one['statement']).rstrip('.')}.",
                "reason": reason,
                "beside": compared,
                "next": list(one["next"]),
                "numbers": _numbers(one),
                "because": [sentence for sentence in because if sentence != reason],
                "test": one["test"].replace("_", " "),
                "role": _ROLES.get(one["role"], one["role"]),
                "document": document(_document(one, about)),
            }
        )
    return cards


def _document(one: Mapping[str, Any], about: str) -> str:
    if one["role"] in (CONTROL, POSITIVE_CONTROL):
        return "controls"
    return next((name for start, name in _DOCUMENTS.items() if one["test"].startswith(start)), about)


def _look(one: Mapping[str, Any]) -> str:
    if (one["role"], one["answer"]) in ((CONTROL, YES), (POSITIVE_CONTROL, NO)):
        return "alarm"
    return str(one["answer"]).replace(" ", "_")


def _numbers(one: Mapping[str, Any]) -> str:
    """The line that is open: p, effect and limit; fractions in percentage points, as sentences have them."""
    effect, parts = one["effect"], []
    points = effect["unit"].startswith(_OF_FRACTIONS)
    if one["p_adjusted"] is not None:
        parts.append(f"adjusted p = {p_value(one['p_adjusted'])}".replace("= below", "below"))
    if effect["value"] is not None:
        ends = "" if effect["ci95"] is None else f" ({interval(effect['ci95'])})"
        if points:
            parts.append(with_points(effect["value"], effect["ci95"]))
        else:
            parts.append(f"{number(effect['value'])}{ends} {effect['unit']}")
    # Of an effect that is there the interval says how large; its limit stays in summary.json.
    if one["limit95"] is not None and one["answer"] != YES:
        parts.append(f"limit {limit_in_unit(one['limit95'], points)}")
    return capital("; ".join(parts) or "What this rests on")


def beside_effects(summary: Mapping[str, Any], runs: pd.DataFrame, arms: pd.DataFrame) -> dict[str, list[str]]:
    """What effects compare with, by the first word of tests: seeds and control arm, or dipoles of either catalog."""
    sentences = []
    for entry in summary["variance_budget"]:
        of = f" of {entry['network']}" if len(summary["variance_budget"]) > 1 else ""
        sentences += _by_chance(entry, of)
    control = arms[(arms["arm"] == _CONTROL_ARM) & (arms["quantity"] == "fraction")]
    positive = summary["provenance"]["config"]["classes"][1]
    for row in control.itertuples():
        of = f" ({row.network})" if len(control) > 1 else ""
        called = f"{100 * row.mean:.1f} ± {100 * row.se:.1f} % {positive}"
        sentences.append(
            f"Control arm {_CONTROL_ARM}{of}, random halves of the sky, which have no direction: {called}."
            f"{_scatter_of_control(summary, str(row.network), row.se * row.training_sets**0.5)}"
        )
    return dict.fromkeys(("fraction_response", "fraction_contrast"), sentences) | {"common_dipole": _own_dipoles(runs)}


def _own_dipoles(runs: pd.DataFrame) -> list[str]:
    """The dipoles of annotations and of reference labels, of which a common dipole is the difference."""
    if not set(LABELS_DIPOLE) <= set(runs := with_labels_dipole(runs)):
        return []
    annotated = runs[list(LABELS_DIPOLE)].mean().to_numpy()
    own = annotated, annotated - runs[REFERENCE_DIPOLE].mean().to_numpy()
    if not np.isfinite(own).all():
        return []
    places = [place_in_words(*map(float, right_ascension_declination(one))) for one in own]
    sizes = [with_points(float(np.linalg.norm(one))) for one in own]
    first, second = (f"{size} towards {place}" for size, place in zip(sizes, places, strict=True))
    return [f"Of the labelled galaxies the annotations have a dipole of {first}, the reference labels one of {second}."]


def _by_chance(entry: Mapping[str, Any], of: str) -> list[str]:
    """How much two networks differ without any footprint, which compares with the difference between footprints."""
    if (seed := entry.get("seed_sd")) is None:
        return []
    # A difference has the variances of both.
    words = (
        f"For comparison, two networks{of} that differ in the seed alone differ by {with_points(math.sqrt(2) * seed)}"
    )
    if (sample := entry.get("sample_sd")) is not None:
        words += f", and with another training set as well by {with_points(math.sqrt(2) * math.hypot(seed, sample))}"
    return [f"{words} (root mean square)."]


def _scatter_of_control(summary: Mapping[str, Any], network: str, sd: float) -> str:
    """Whether training sets without a direction differ, by the test of their variance beside that of seeds."""
    named = {line["name"]: line for line in summary["ledger"]}
    of = ("fraction", VARIANCE, network)
    for test in summary["tests"]:
        line = named.get(test["name"])
        if (test["quantity"], test["design"], test["network"]) == of and _CONTROL_ARM in test["label"] and line:
            found = (
                "more than seeds make them: training alone differs so much between training sets"
                if line["below_alpha"]
                else "no more than seeds make them, which is compatible with no effect of where they lie"
            )
            p = f"adjusted p = {p_value(line['adjusted'])}".replace("= below", "below")
            scatter = f"{with_points(sd)} (standard deviation)"
            return f" Its training sets, with their seeds, scatter by {scatter}, {found} ({p})."
    return ""
