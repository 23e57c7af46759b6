"""The answer on the mean fraction of all networks against the expected one, such as one half for handedness."""

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.answers.answer import CANNOT_TELL, SECONDARY, Answer, Effect
from workflow_scripts.answers.expected_value import against_expected
from workflow_scripts.answers.wording import capital
from workflow_scripts.bias.declared_tests import RunLevelTest


def expected_answer(
    test: RunLevelTest, effect: Effect, p: float | None, answer: str, because: Sequence[str], runs: pd.DataFrame
) -> Answer:
    """The answer of a test against the expected fraction, decided as `answer` for the reasons `because`.

    `effect` is the departure, `p` the adjusted one; `runs`, a `run_table`, tell what networks do on mirror images.
    """
    expected, where = test.details["expected"], f" {test.label}" if test.label else ""
    low, high = (expected + end for end in effect.ci95 or (0.0, 0.0))
    what, value = f"the mean fraction over all networks{where}", expected + (effect.value or 0.0)
    statement, short = against_expected(what, value, (low, high), expected, test.limit95 or 0.0, answer)
    return Answer(
        question=f"Does the mean fraction of all networks{where} differ from the expected {expected:g}?",
        test=test.name,
        answer=answer,
        statement=capital(statement),
        short=capital(short),
        effect=effect,
        p_adjusted=p,
        limit95=test.limit95,
        because=[*because, *_preference(runs[runs["network"] == test.network])],
        next=[] if answer != CANNOT_TELL else ["More training sets, or more annotated galaxies."],
        role=SECONDARY,
    )


def _preference(runs: pd.DataFrame) -> list[str]:
    """What networks do on mirror images, where that is known: no sky is needed for it."""
    if "mirror_asymmetry" not in runs or runs["mirror_averaged"].all():
        return []
    alone = runs.loc[~runs["mirror_averaged"], "mirror_asymmetry"].mean() / 2
    return [f"By their preference for one side of mirror images alone, the mean score is off by {alone:+.4f}."]
