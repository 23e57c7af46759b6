"""Sentences about one run-level test: what changes, by how much, and what is excluded; the estimate first."""

from workflow_scripts.answers.answer import CANNOT_TELL, NO, YES
from workflow_scripts.answers.wording import (
    capital,
    in_unit,
    limit_in_unit,
    points_in_words,
    with_points,
)
from workflow_scripts.bias.declared_tests import CONTRAST, PATTERN, RunLevelTest
from workflow_scripts.statistics.log_p import p_in_words
from workflow_scripts.statistics.runs.pattern_response import ALONG, EVEN, IMAGING, ODD
from workflow_scripts.statistics.sky.constrained_components import ConstrainedComponents

WHETHER, UNDECIDED = "Whether the training footprint changes ", " cannot be decided"
_WORDS = {
    "fraction": "the annotated fraction",
    "mean_score": "the mean score",
    "dipole": "the dipole of the annotations",
}
# The cosine of 60 degrees: a hemisphere whose axis is farther from a direction lies across it.
_ACROSS = 0.5
_PATTERN_WORDS = "the sky pattern of the annotations"
# The parts of the test of the sky pattern.
_PARTS = {
    ODD: "odd in the footprint's axis (opposite footprints move in opposite ways)",
    EVEN: "even in the footprint's axis (opposite footprints move alike)",
    IMAGING: "with the mean imaging of the training galaxies",
}


def statement_of(test: RunLevelTest, answer: str, sky: ConstrainedComponents | None, positive: str) -> str:
    """The estimate first, then what it means; `positive` is the class whose fraction is measured."""
    moved, where = _moved(test, answer, positive), where_it_applies(test)
    if answer == CANNOT_TELL:
        asked = f"hether the training footprint changes {quantity_in_words(test)} cannot be decided"
        return f"{moved}{where}: w{asked}" if moved else f"W{asked}{where}"
    if answer == YES:
        return f"{moved or f'The training footprint changes {quantity_in_words(test)}'}{where}"
    left_open = left_open_by(sky)
    return (
        f"{moved}{where}: no {'difference' if test.design == CONTRAST else 'response'} is seen, and one above"
        f" {limit_of(test)} is excluded at 95 %{f'; {left_open}' if left_open else ''}"
    )


def short_statement(test: RunLevelTest, answer: str, sky: ConstrainedComponents | None) -> str:
    """Some twelve words, for the headline."""
    what = quantity_in_words(test).removesuffix(" of the annotations") + where_it_applies(test)
    sides = f" ({' - '.join(test.footprints)})" if test.design == CONTRAST and test.footprints else ""
    if answer == CANNOT_TELL:
        return f"{WHETHER}{what}{UNDECIDED}"
    changes = f"The training footprint changes {what}"
    if answer == NO:
        left_open = left_open_by(sky)
        return f"{changes} by less than {limit_of(test)}{sides}{f' ({left_open})' if left_open else ''}"
    return changes if test.size is None else f"{changes} by {size_of(test, interval=False)}{sides}"


def parts_of_pattern(test: RunLevelTest) -> str:
    """How the sky pattern responds: p of the parts, since none was chosen beforehand."""
    curve = test.details
    if curve["deciding"].endswith(ALONG):
        odd = f"the odd part (one end above the other) p = {p_in_words(curve['odd_p'])}"
        if curve["even_p"] is None:
            return f"Of the curve, {odd}."
        even = f"the part even in mu (both ends above or below the middle) has p = {p_in_words(curve['even_p'])}"
        return f"Of the curve, {even} and {odd}, each by itself."
    by_part = ", ".join(f"{name} {p_in_words(part['p'])}" for name, part in curve["parts"].items())
    return f"The largest part of the response is {_PARTS[curve['deciding']]}; p of each part by itself: {by_part}."


def _moved(test: RunLevelTest, answer: str, positive: str) -> str:
    """By how much the catalog moves: from one region to the other, or over all directions."""
    if test.size is None:
        return ""
    if test.design == PATTERN and "linear_direction" not in test.details:
        where = test.details["common_direction"]
        false = f"The false dipole (annotations minus reference) {where}"
        return f"{false} changes by {size_of(test)} with the training footprint{_curve(test)}"
    if test.quantity == "fraction" and answer == YES:
        sides = _sides(test)
        signed = test.size if test.design == CONTRAST else abs(test.size)
        more, ends = ("more" if signed >= 0 else "fewer"), test.size_ci95
        if ends is not None and signed < 0:
            ends = (-ends[1], -ends[0])
        amount = with_points(abs(signed), ends).replace(" points", f" points {more} galaxies {positive}", 1)
        return f"Networks trained {sides[0]} call {amount} than those trained {sides[1]}"
    what = f"the fraction called {positive}" if test.quantity == "fraction" else quantity_in_words(test)
    if test.design == CONTRAST:
        return f"{capital(what)} differs by {size_of(test)} between {' and '.join(test.footprints)}"
    where = f", most {test.direction}" if test.direction else ""
    return f"{capital(what)} moves by {size_of(test)} between networks of opposite hemispheres{where}"


def _sides(test: RunLevelTest) -> tuple[str, str]:
    """Where the networks were trained that a fraction is compared between."""
    if test.design == CONTRAST:
        first, second = test.footprints
        return f"on {first}", f"on {second}"
    return test.direction or "on one half of the sky", "on the opposite half of the sky"


def _curve(test: RunLevelTest) -> str:
    """Where the false dipole is smallest and largest."""
    (least, at_least), (largest, at_largest) = (
        (points_in_words(test.details[name]["amplitude"]), footprints_at(test.details[name]["mu"]))
        for name in ("least", "largest")
    )
    return (
        f", from {least} percentage points for footprints {at_least} to {largest} for those {at_largest}; mu is the"
        " cosine of the angle between the footprint's axis and that direction"
    )


def footprints_at(mu: float) -> str:
    """Where footprints lie of which mu is the cosine between their axis and a direction, in words."""
    where = "across it" if abs(mu) < _ACROSS else f"centred {'towards' if mu > 0 else 'opposite to'} it"
    return f"{where} (mu = {mu:+.2f})"


def left_open_by(sky: ConstrainedComponents | None) -> str:
    """What a limit on a dipole does not hold for."""
    if sky is None or not sky.unconstrained:
        return ""
    verb = "is" if len(sky.unconstrained) == 1 else "are"
    return f"{' and '.join(sky.unconstrained)} {verb} not constrained"


def unit_of(test: RunLevelTest) -> str:
    """Unit of the size of an effect."""
    kind = "fraction of galaxies" if test.quantity == "fraction" else "dipole amplitude (change of the fraction)"
    return "mean score" if test.quantity == "mean_score" else kind


def quantity_in_words(test: RunLevelTest) -> str:
    """What the test is about."""
    return _PATTERN_WORDS if test.design == PATTERN else _WORDS.get(test.quantity, test.quantity.replace("_", " "))


def where_it_applies(test: RunLevelTest) -> str:
    """The family or the network of a test, where there are several; the sides of a contrast are in its sentence."""
    label = test.label.removeprefix(" - ".join(test.footprints)).strip()
    return f" {label}" if label else ""


def size_of(test: RunLevelTest, interval: bool = True) -> str:
    """Its size with the unit and the 95 % interval: percentage points, but for a mean score."""
    ends, size = test.size_ci95 if interval else None, test.size or 0.0
    return in_unit(size, test.quantity != "mean_score", ends)


def limit_of(test: RunLevelTest) -> str:
    """Its limit in words, or nothing."""
    if test.limit95 is None:
        return ""
    return limit_in_unit(test.limit95, test.quantity != "mean_score")
