"""An answer beside that of the other design: rotating footprints and opposite pairs ask the same in two ways."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from workflow_scripts.answers.answer import PRIMARY, SECONDARY, YES, Answer
from workflow_scripts.answers.wording import capital, points_in_words
from workflow_scripts.bias.declared_tests import CONTRAST, PAIR_PRIMARY, PATTERN, ROTATING_PRIMARY, RunLevelTest
from workflow_scripts.bias.quantities import REFERENCE_DIPOLE
from workflow_scripts.bias.replicates import of_training_sets
from workflow_scripts.bias.sentences import footprints_at, size_of
from workflow_scripts.statistics.log_p import p_in_words
from workflow_scripts.statistics.runs.pattern_response import EVEN


def of_other_design(answer: Answer) -> bool:
    """Whether an answer is of the design that was not chosen."""
    return answer.role == SECONDARY and answer.test.split()[0] in (*ROTATING_PRIMARY, *PAIR_PRIMARY)


def beside_other_design(
    answer: Answer, answers: Sequence[Answer], tests: Sequence[RunLevelTest], runs: pd.DataFrame
) -> Answer:
    """An answer other than yes with a sentence on the other design's yes to the same question, where it has one.

    `tests` are those of all `answers`, `runs` a `run_table`. A primary answer names every difference that the secondary
    design found.
    """
    if answer.answer == YES:
        return answer
    by_name = {test.name: test for test in tests}
    own = by_name.get(answer.test)
    if answer.role == PRIMARY and (found := [one for one in answers if one.answer == YES and of_other_design(one)]):
        named = ", ".join(f"{one.test.replace('_', ' ')} (adjusted p = {p_in_words(one.p_adjusted)})" for one in found)
        return replace(answer, beside=[f"The other design, which is secondary, finds a difference: {named}."])
    if own is None or not of_other_design(answer):
        return answer
    sentences = [
        _reconciled(own, by_name[one.test], one, runs)
        for one in answers
        if (one.role, one.answer) == (PRIMARY, YES) and _of_same(own, by_name.get(one.test))
    ]
    return replace(answer, beside=sentences[:1]) if sentences else answer


def _of_same(test: RunLevelTest, other: RunLevelTest | None) -> bool:
    """Whether two designs ask of the same quantity of the same network."""
    return other is not None and (test.quantity, test.network) == (other.quantity, other.network)


def _reconciled(test: RunLevelTest, other: RunLevelTest, answer: Answer, runs: pd.DataFrame) -> str:
    """Why the secondary design does not see what the primary one found, from the numbers of both."""
    if test.design == CONTRAST and other.design == PATTERN and "common_vector" in other.details:
        return _of_two_regions(test, other, runs)
    found = f"{capital(answer.test.replace('_', ' '))} has a yes: {size_of(other)}"
    if test.design != CONTRAST:
        return f"{found} between two regions; here footprints in all directions are compared."
    most = f", most {other.direction}" if other.direction else ""
    return (
        f"{found}{most}. It compares footprints in all directions, of which these two regions are one pair: they need"
        " not lie where footprints differ most."
    )


def _of_two_regions(test: RunLevelTest, pattern: RunLevelTest, runs: pd.DataFrame) -> str:
    """The false dipole of two regions beside the curve of all footprints."""
    along = np.asarray(pattern.details["common_vector"], float)
    dipoles = [of_training_sets(runs[runs["footprint"] == name])[REFERENCE_DIPOLE].mean() for name in test.footprints]
    sides = " and ".join(
        f"{points_in_words(float(dipole.to_numpy() @ along))} for {name}"
        for dipole, name in zip(dipoles, test.footprints, strict=True)
    )
    why = "it compares footprints in all directions, of which these two regions are one pair"
    if EVEN in pattern.details["deciding"]:
        why = "opposite footprints change the dipole alike, and a difference between two of them does not show that"
    least = pattern.details["least"]
    return (
        f"The sky pattern has a yes beside this: {why}. {capital(pattern.details['common_direction'])} the false dipole"
        f" is {sides} (percentage points), and {points_in_words(least['amplitude'])} for footprints"
        f" {footprints_at(least['mu'])}."
    )
