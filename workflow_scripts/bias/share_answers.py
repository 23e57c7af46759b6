"""What carries an effect, as answers: one for each property, or one sentence where there is nothing to explain."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workflow_scripts.answers.answer import CANNOT_TELL, NO, SECONDARY, YES, Answer, Effect
from workflow_scripts.answers.decision import Evidence, decided
from workflow_scripts.answers.wording import capital, limit_in_words
from workflow_scripts.statistics.p_values import holm
from workflow_scripts.statistics.runs.shapley_shares import LEFT

# A cause of less than a quarter of an effect is none to mend first: a no excludes such a share.
_MINOR = 0.25
_SUFFIX = "_retrained"
_LABELS = "What is left holds the reference labels, and a gradient of the true morphology, if there is one."
_LEARNED = (
    "The training images stay as they are: what networks learned from the imaging of their own footprint is in what is"
    " left."
)
_RETRAINED = "Networks were trained again on images in which it is common: what they learn from it is in the share."


def share_answers(found: Mapping[str, Any], answers: Sequence[Answer], alpha: float, sets: int = 1) -> list[Answer]:
    """An answer for each property and effect, secondary; Holm's adjustment is over the properties of an effect.

    Parameters
    ----------
    found
        as `shares.measured_shares` gives it.
    answers
        of the experiment: an effect is shared out where the answer of its test is yes, and the runs alone show it.
    alpha
        the level.
    sets
        how many classes are each compared with the rest: every p is multiplied by their number.
    """
    if not found["properties"]:
        return [_nothing_varies(found["constant"])]
    by_test = {one.test: one for one in answers}
    made = []
    for effect in found["effects"]:
        own = by_test.get(effect["test"])
        if "reason" in effect:
            made.append(_undecided(effect, f"The shares could not be measured: {effect['reason']}."))
        elif own is None or (own.answer != YES and (own.p_adjusted is None or own.p_adjusted < alpha)):
            made.append(_undecided(effect, "Whether there is such an effect is not decided."))
        elif own.answer != YES:
            made.append(_nothing(effect, "The effect itself is not distinguishable from zero."))
        elif effect["p"] >= alpha or any(share["ci95"] is None for share in effect["shares"].values()):
            because = "In the direction in which it is shared out, the effect is not distinguishable from zero."
            made.append(_nothing(effect, because))
        else:
            made += _of_properties(effect, found, alpha, sets)
    return made


def _of_properties(effect: Mapping[str, Any], found: Mapping[str, Any], alpha: float, sets: int) -> list[Answer]:
    names, left = found["properties"], effect["shares"][LEFT]
    adjusted = np.minimum(1.0, sets * holm([effect["shares"][name]["p"] for name in names]))
    stays = [_RETRAINED] if effect["retrained"] else []
    if effect["test"].split()[0] == "common_dipole":
        stays.append(_LABELS)
    elif not effect["retrained"]:
        stays.append(_LEARNED)
    made = []
    for name, p in zip(names, adjusted, strict=True):
        share = effect["shares"][name]
        asks = "a no excludes a share of"
        answer, because = decided(Evidence(float(p), 0.0, share["limit95"], 1.0, of_interest=_MINOR, asks=asks), alpha)
        carries = f"{capital(name)} carries {_in_words(share)} of {effect['effect']}"
        common = f"with {name} common" if len(names) == 1 else f"with {' and '.join(names)} all common"
        statement = f"{carries}; what is left {common} is {_in_words(left)}"
        if answer == NO:
            statement = f"{carries}: more than {limit_in_words(share['limit95'])} is excluded at 95 %"
        elif answer == CANNOT_TELL:
            statement = f"{carries}: whether that is more than nothing cannot be decided"
        because += [*_constant(found["constant"]), *stays]
        made.append(
            Answer(
                question=f"Does {name} carry {effect['effect']}?",
                test=f"share_of_{name}{_SUFFIX if effect['retrained'] else ''} {effect['test']}",
                answer=answer,
                statement=statement,
                short=f"{capital(name)} carries {share['share']:.2f} of {effect['effect']}",
                effect=Effect(share["share"], tuple(share["ci95"]), f"share of {effect['effect']}"),
                p_adjusted=float(p),
                limit95=share["limit95"],
                because=because,
                next=["More training sets or footprints."] if answer == CANNOT_TELL else [],
                role=SECONDARY,
            )
        )
    return made


def _in_words(share: Mapping[str, Any]) -> str:
    low, high = share["ci95"]
    return f"{share['share']:.2f} (95 %: {low:.2f} to {high:.2f})"


def _constant(names: Sequence[str]) -> list[str]:
    return [f"{capital(', '.join(names))}: the same all over this sky, so that nothing is carried."] if names else []


def _undecided(effect: Mapping[str, Any], because: str) -> Answer:
    what = f"What carries {effect['effect']} cannot be decided"
    return Answer(
        question=f"What carries {effect['effect']}?",
        test=f"shares{_SUFFIX if effect['retrained'] else ''} {effect['test']}",
        answer=CANNOT_TELL,
        statement=what,
        short=what,
        because=[because],
        role=SECONDARY,
    )


def _nothing(effect: Mapping[str, Any], because: str) -> Answer:
    what = f"There is nothing to explain in {effect['effect']}"
    return replace(_undecided(effect, because), statement=what, short=what)


def _nothing_varies(names: Sequence[str]) -> Answer:
    """None of the properties differs over the sky, so no version differs from the survey as it is."""
    return Answer(
        question=f"Does {' or '.join(names)} carry an effect?",
        test="shares",
        answer=NO,
        statement=f"{capital(' and '.join(names))} carry nothing: each is the same all over this sky",
        short="No property that was asked about varies over this sky",
        effect=Effect(0.0, (0.0, 0.0), "share"),
        limit95=0.0,
        role=SECONDARY,
    )
