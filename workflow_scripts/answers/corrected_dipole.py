"""The dipole without the measured bias, as an answer of experiments and audits alike."""

from collections.abc import Mapping
from typing import Any

from workflow_scripts.answers.answer import CANNOT_TELL, NO, SECONDARY, YES, Answer, Effect
from workflow_scripts.answers.decision import Evidence, decided
from workflow_scripts.answers.wording import capital, limit_in_points, place_in_words, with_points

CORRECTED_DIPOLE = "corrected_dipole"
# What each method takes out of the annotations.
TAKEN_OUT = {"imaging": "what imaging explains", "prediction_powered": "the errors that reference labels show"}
_FOUND = {
    "imaging": "Taken out, for one standard deviation:",
    "prediction_powered": "Added by reference labels, on average and for one standard deviation of imaging:",
}
_MORE = "More training sets, or more galaxies."
_LABELS = "Reference labels of a random part of the galaxies (labelled_at_random), which correct whatever the cause."
# So many terms are named.
_MOST_TERMS = 4
# Errors so many times as large are as good as the same.
_LITTLE_LARGER = 1.05


def corrected_dipole_answer(
    correction: Mapping[str, Any], alpha: float, of_interest: float | None, sets: int = 1
) -> Answer:
    """The answer that a correction gives, secondary.

    Parameters
    ----------
    correction
        the content of `correction.json`.
    alpha
        the level.
    of_interest
        the size that a no has to exclude; None: half of what the fraction leaves room for.
    sets
        how many classes are each compared with the rest: p is multiplied by their number.
    """
    dipole, unknown = correction["dipole"], correction["dipole_undetermined_along"]
    fraction = correction["debiased_fraction"]
    first = f"Without {TAKEN_OUT[correction['method']]}, the dipole of the annotations"
    because = [*_taken_out(correction), *map(undetermined_along, unknown)]
    whole = Answer(
        question="Is there a dipole without the measured bias?",
        test=CORRECTED_DIPOLE,
        answer=CANNOT_TELL,
        statement=f"{first} cannot be stated",
        short="The dipole without the measured bias cannot be stated",
        because=[f"{capital(correction['no_dipole_because'].rstrip('.'))}.", *because],
        role=SECONDARY,
    )
    if dipole is None:
        return whole
    p = min(1.0, sets * dipole["p"])
    # A direction in which nothing is known has no limit.
    limit = None if unknown else dipole["limit95"]
    asks = (
        "the question is about one of"
        if of_interest is not None
        else "a no excludes half of what the labels leave room for,"
    )
    asked = 0.5 * min(fraction, 1 - fraction) if of_interest is None else of_interest
    evidence = Evidence(p, 0.0, limit, correction["largest_possible"], of_interest=asked, asks=asks, points=True)
    answer, reasons = decided(evidence, alpha)
    if unknown and answer == CANNOT_TELL:
        # The sentence on that direction says why.
        reasons = []
    size, ci95 = dipole["size"], (dipole["size_ci95"][0], dipole["size_ci95"][1])
    is_measured = f"{first} is {with_points(size, ci95)}"
    where = _towards(dipole)
    if answer == YES:
        statement, short = (
            f"{is_measured}, {where}",
            f"Without the measured bias a dipole of {with_points(size)} is left",
        )
    elif answer == NO and limit is not None:
        statement = f"{is_measured}: none is seen, and one above {limit_in_points(limit)} is excluded at 95 %"
        short = f"Without the measured bias the dipole is below {limit_in_points(limit)}"
    else:
        statement = f"{is_measured}: whether one is left cannot be decided"
        short = "Whether a dipole is left without the measured bias cannot be decided"
    return Answer(
        question=whole.question,
        test=whole.test,
        answer=answer,
        statement=statement,
        short=short,
        effect=Effect(size, ci95, "dipole amplitude (change of the fraction)", where),
        p_adjusted=p,
        limit95=limit,
        because=[*reasons, *because],
        next=[_LABELS if unknown else _MORE] if answer == CANNOT_TELL else [],
        role=SECONDARY,
    )


def _taken_out(correction: Mapping[str, Any]) -> list[str]:
    """The dipole before, what was taken out of it by term, what that costs, and what is left of a true one."""
    before, rates = correction["dipole_before_correction"], correction["rates"]
    sentences = []
    if after := correction["dipole"]:
        sentences.append(
            f"As measured, with the noise in both, the dipole is {with_points(before['amplitude'])} {_towards(before)}"
            f" as annotated and {with_points(after['amplitude'])} {_towards(after)} corrected."
        )
    largest = sorted(correction["coefficients"], key=lambda one: -abs(one["coefficient"]))[:_MOST_TERMS]
    listed = "; ".join(
        f"{one['term']} {with_points(one['coefficient'], (one['low_95'], one['high_95']))}" for one in largest
    )
    sentences.append(f"{_FOUND[correction['method']]} {listed}.")
    inflation = (correction["over_correction"] or {}).get("error_inflation")
    if inflation is not None:
        larger = f"up to {inflation:.2g} times as large" if inflation >= _LITTLE_LARGER else "hardly larger"
        cost = f"the error of the dipole {larger}"
        if any(one["low_95"] > 0 or one["high_95"] < 0 for one in correction["coefficients"]):
            sentences.append(f"It makes {cost}.")
        else:
            sentences.append(
                f"No term of the imaging differs from zero at 95 %: no bias was found, and it makes {cost}."
            )
    if rates is not None:
        sentences.append(f"Of a true dipole, networks show {rates['youden']:.2f} (true- less false-positive rate).")
    return sentences


def undetermined_along(axis: Mapping[str, Any]) -> str:
    """What is not known of a corrected dipole along a direction, `ra` and `dec` in degrees (ICRS)."""
    return (
        f"A dipole along {place_in_words(axis['ra'], axis['dec'])} cannot be distinguished from imaging: the corrected"
        " fraction has none there, whatever the true one is."
    )


def _towards(axis: Mapping[str, Any]) -> str:
    return f"towards {place_in_words(axis['ra'], axis['dec'])}"
