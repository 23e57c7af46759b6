"""The rule by which a test becomes an answer: the same for experiments and audits."""

import math
from dataclasses import dataclass

from workflow_scripts.answers.answer import CANNOT_TELL, NO, YES
from workflow_scripts.answers.wording import limit_in_unit, with_points


@dataclass(frozen=True)
class Evidence:
    """What decides a question.

    `p_adjusted` after adjustment within the family, `p_floor` the smallest adjusted p that this test could have given
    (0 where there is no floor), `limit95` the largest effect compatible with the data, `largest_possible` the largest
    effect that there can be at all, in the same unit: a limit above it excludes nothing. `invalid` says why the test
    does not hold here, empty where it does. `of_interest` is a size that a no has to exclude, and `asks` says of it in
    a sentence what it is. `points`: effects are differences of fractions, which sentences have in percentage points.
    """

    p_adjusted: float | None
    p_floor: float = 0.0
    limit95: float | None = None
    largest_possible: float = math.inf
    invalid: str = ""
    of_interest: float = math.inf
    asks: str = "the question is about one of"
    points: bool = False

    def in_words(self, size: float) -> str:
        """A size of effect as sentences have it."""
        return with_points(size) if self.points else f"{size:.3g}"

    @property
    def exclusion(self) -> float | None:
        """The limit, None where nothing that there could be is above it, and where it leaves no room for noise."""
        return self.limit95 if self.limit95 and 0 < self.limit95 < self.largest_possible else None


def decided(evidence: Evidence, alpha: float) -> tuple[str, list[str]]:
    """Yes, no or cannot tell at the level `alpha`, and sentences on why it is not yes or no."""
    p = evidence.p_adjusted
    if evidence.invalid:
        return CANNOT_TELL, [evidence.invalid]
    if p is None or not math.isfinite(p):
        return CANNOT_TELL, ["The test could not be made."]
    if p < alpha:
        return YES, []
    if evidence.p_floor >= alpha:
        return CANNOT_TELL, [f"No adjusted p below {evidence.p_floor:.2g} can come out of this test, at any effect."]
    if evidence.exclusion is None and math.isfinite(evidence.largest_possible):
        return CANNOT_TELL, [
            f"Effects of all sizes that there can be, up to {evidence.in_words(evidence.largest_possible)}, are"
            " compatible with the data: nothing is excluded."
        ]
    if evidence.exclusion is None:
        return CANNOT_TELL, ["The test has no limit on the effect, so that nothing is excluded."]
    if evidence.exclusion >= evidence.of_interest:
        limit = limit_in_unit(evidence.exclusion, evidence.points)
        return CANNOT_TELL, [
            f"Effects up to {limit} are compatible with the data, and {evidence.asks}"
            f" {evidence.in_words(evidence.of_interest)}."
        ]
    return NO, []


def interval_without_zero(alpha: float) -> str:
    """Why a 95 % interval that leaves out zero is not a yes at the level `alpha`."""
    return f"The 95 % interval leaves out zero where p is below 0.05; a yes needs an adjusted p below {alpha:g}."
