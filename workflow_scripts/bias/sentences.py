"""Sentences about one run-level test: what changes, by how much, and what is excluded; the estimate first."""

from workflow_scripts.answers.answer import CANNOT_TELL, NO, YES
from workflow_scripts.answers.wording import capital, limit_in_words, size_in_words
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
_PATTERN_WORDS = "the sky pattern of the annotations"
# The parts of the test of the sky pattern.
_PARTS = {
    ODD: "odd in the footprint's axis (opposite footprints move in opposite ways)",
    EVEN: "even in the footprint's axis (opposite footprints move alike)",
    IMAGING: "with the mean imaging of the training galaxies",
}


def statement_of(test: RunLevelTest, answer: str, sky: ConstrainedComponents | None) -> str:
    """The estimate first, then what it means."""
    moved, where = _moved(test), where_it_applies(test)
    if answer == CANNOT_TELL:
        asked = f"hether the training footprint changes {quantity_in_words(test)} cannot be decided"
        return f"{moved}{where}: w{asked}" if moved else f"W{asked}{where}"
    if answer == YES:
        return f"{moved or capital(quantity_in_words(test))}{where}: the training footprint changes the catalog"
    left_open = left_open_by(sky)
    return (
        f"{moved}{where}: no {'difference' if test.design == CONTRAST else 'response'} is seen, and one above"
        f" {limit_of(test)} is excluded at 95 %{f'; {left_open}' if left_open else ''}"
    )


def short_statement(test: RunLevelTest, answer: str, sky: ConstrainedComponents | None) -> str:
    """Some twelve words, for the headline."""
    what = quantity_in_words(test).removesuffix(" of the annotations") + where_it_applies(test)
    sides = f", {' - '.join(test.footprints)}" if test.design == CONTRAST and test.footprints else ""
    if answer == CANNOT_TELL:
        return f"{WHETHER}{what}{UNDECIDED}"
    changes = f"The training footprint changes {what}"
    if answer == NO:
        between = f" ({sides.removeprefix(', ')})" if sides else ""
        left_open = left_open_by(sky)
        return f"{changes} by less than {limit_of(test)}{between}{f' ({left_open})' if left_open else ''}"
    return changes if test.size is None else f"{changes} (by {size_in_words(test.size)}{sides})"


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


def _moved(test: RunLevelTest) -> str:
    """By how much the catalog moves: from one region to the other, or over all directions."""
    if test.size is None:
        return ""
    amount = f"{size_in_words(test.size)}{interval_of(test)}"
    if test.design == CONTRAST:
        return f"{capital(quantity_in_words(test))} differs by {amount} between {' and '.join(test.footprints)}"
    if test.design == PATTERN and "linear_direction" not in test.details:
        return f"The dipole along its mean over all networks changes by {amount} over the footprints{_curve(test)}"
    where = f", most {test.direction}" if test.direction else ""
    return f"{capital(quantity_in_words(test))} moves by {amount} between opposite hemispheres{where}"


def _curve(test: RunLevelTest) -> str:
    """Where the false dipole is smallest and largest."""
    least, largest = (test.details[name] for name in ("least", "largest"))
    return (
        f", from {size_in_words(least['amplitude'])} at mu = {least['mu']:+.2f} to"
        f" {size_in_words(largest['amplitude'])} at mu = {largest['mu']:+.2f} (mu: cosine between the footprint's axis"
        f" and that direction, {test.details['common_direction'].removeprefix('towards ')})"
    )


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


def interval_of(test: RunLevelTest) -> str:
    """Its 95 % interval in brackets, or nothing."""
    return "" if test.size_ci95 is None else " (95 %: {} to {})".format(*map(size_in_words, test.size_ci95))


def limit_of(test: RunLevelTest) -> str:
    """Its limit in words, or nothing."""
    return "" if test.limit95 is None else limit_in_words(test.limit95)
