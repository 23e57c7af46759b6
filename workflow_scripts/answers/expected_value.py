"""Sentences about a fraction or a mean score against the expected one, of experiments and audits alike."""

from workflow_scripts.answers.answer import NO, YES
from workflow_scripts.answers.wording import limit_in_unit


def against_expected(
    what: str, value: float, ci95: tuple[float, float], expected: float, limit: float, answer: str, points: bool = True
) -> tuple[str, str]:
    """The statement of an answer and its short form, which begins in lower case: `what` is `value`, or as expected.

    `ci95` is the interval of `value`, `limit` the largest departure that is compatible with the data, in percentage
    `points` but for a mean score.
    """
    is_measured = f"{what} is {value:.4f} (95 %: {ci95[0]:.4f} to {ci95[1]:.4f})"
    if answer == YES:
        return f"{is_measured}, and not the expected {expected:g}", f"{what} is {value:.4f}, not {expected:g}"
    within = limit_in_unit(limit, points)
    if answer == NO:
        return (
            f"{is_measured}; a departure from the expected {expected:g} above {within} is excluded at 95 %",
            f"{what} is {expected:g} to within {within}",
        )
    undecided = f"differs from the expected {expected:g} cannot be decided"
    return f"{is_measured}; whether it {undecided}", f"whether {what} {undecided}"
