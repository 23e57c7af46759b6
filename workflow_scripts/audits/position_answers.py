"""Does something depend on the position on the sky? The galaxies' test, its control by blocks of sky, and the limit.

"Yes" needs both tests where blocks of sky could have seen what galaxies see: neighbours may share what makes their
labels. On a small sky, where clustering looks like a dipole and no blocks can tell them apart, there is no "yes".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflow_scripts.answers.answer import CANNOT_TELL, NO, YES, Answer, Effect
from workflow_scripts.answers.decision import Evidence, decided
from workflow_scripts.audits.audit_findings import AuditFinding
from workflow_scripts.statistics.log_p import p_in_words
from workflow_scripts.statistics.sky.constrained_components import SKY
from workflow_scripts.statistics.sky.sequential_permutations import permutations_needed


@dataclass(frozen=True)
class Asked:
    """A primary question, before it is adjusted for the others.

    `what` depends, or not, on position ("the fraction of 'spiral'"); `tests` all have to see it, the first of them has
    the effect; `blocks` is the same with blocks of sky as the unit, None where it could not be made. `largest_possible`
    is the largest effect that there can be. `because` are sentences that hold whatever the answer.
    """

    question: str
    what: str
    tests: Sequence[AuditFinding]
    blocks: AuditFinding | None
    largest_possible: float
    power: Mapping[str, Any] | None = None
    because: Sequence[str] = ()

    @property
    def p_galaxies(self) -> float:
        """p of the galaxies' tests: the largest, since all have to see it."""
        return max(1.0 if finding.test.deciding_p is None else finding.test.deciding_p for finding in self.tests)

    @property
    def p(self) -> float:
        """p of the question: also the blocks' where they have power (a test of either null: Berger 1982)."""
        if self.blocks is None or not _powerful(self.blocks):
            return self.p_galaxies
        return max(self.p_galaxies, self.blocks.test.deciding_p or 0.0)

    @property
    def p_floor(self) -> float:
        """The smallest p that the tests could have given."""
        return max(finding.test.smallest_deciding_p for finding in self.tests)


def position_answer(asked: Asked, p: float, p_galaxies: float, p_floor: float, alpha: float) -> Answer:
    """The answer, from the adjusted p of the question, of its galaxies' tests alone, and its adjusted floor."""
    first = asked.tests[0]
    found = _seen_by_blocks(asked, p, p_galaxies, alpha) or ""
    limit = _limit(asked)
    evidence = Evidence(p, p_floor, limit, asked.largest_possible, found or first.extra.get("invalid", ""))
    answer, reasons = decided(evidence, alpha)
    pattern = "gradient" if first.test.name.startswith("field_gradient") else "dipole"
    unit = f"fraction{' a degree' if pattern == 'gradient' else ''}"
    size = _size(first)
    where = direction(first.extra)
    if answer == YES:
        statement = f"{capital(asked.what)} depends on the position on the sky: a {pattern} of {size} towards {where}"
        short = f"{asked.what} depends on position: {pattern} {first.test.estimate:.3g} towards {where}"
    elif answer == NO:
        statement = (
            f"No {pattern} of {asked.what} was found: its amplitude, {size}, is below {limit:.4f} at 95 %, one-sided"
        )
        short = f"no {pattern} of {asked.what} was found, below {limit:.3g} (95 %)"
    else:
        statement = f"Whether {asked.what} depends on position cannot be told: the {pattern} is {size}"
        short = f"whether {asked.what} depends on position cannot be told"
    because = [*reasons, *_control(asked, answer), *_statistics(asked, answer, alpha), *asked.because]
    return Answer(
        question=asked.question,
        test=first.test.name,
        answer=answer,
        statement=statement,
        short=capital(short),
        effect=Effect(first.test.estimate, _interval(first), unit, where if answer == YES else None),
        p_adjusted=p,
        limit95=limit,
        because=because,
        next=_next(asked, answer, p_floor, alpha),
    )


def direction(extra: Mapping[str, Any]) -> str:
    """`(RA 283°, Dec -56°)`."""
    return f"(RA {extra['axis_ra']:.0f}°, Dec {extra['axis_dec']:+.0f}°)"


def capital(text: str) -> str:
    """The text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def _powerful(blocks: AuditFinding) -> bool:
    return bool(blocks.extra.get("has_power", True))


def _seen_by_blocks(asked: Asked, p: float, p_galaxies: float, alpha: float) -> str | None:
    """Why what galaxies see is no "yes", where it is none."""
    if p_galaxies >= alpha:
        return None
    if asked.blocks is not None and _powerful(asked.blocks):
        if p < alpha:
            return None
        return (
            f"Galaxies as the unit give p = {p_in_words(p_galaxies)}, blocks of sky"
            f" {p_in_words(asked.blocks.test.deciding_p)}: neighbours may share what makes their labels."
        )
    if asked.tests[0].extra.get("sky_kind", SKY) == SKY:
        return None
    return (
        f"Galaxies as the unit give p = {p_in_words(p_galaxies)}, but on so small a sky labels that neighbours share"
        " look the same, and no blocks of sky could tell them apart."
    )


def _limit(asked: Asked) -> float | None:
    """The larger limit, of galaxies and of blocks that have power."""
    limits = [finding.extra.get("upper_limit_95") for finding in asked.tests]
    if asked.blocks is not None and _powerful(asked.blocks):
        limits.append(asked.blocks.extra.get("upper_limit_95"))
    known = [limit for limit in limits if limit is not None]
    return max(known) if known else None


def _size(finding: AuditFinding) -> str:
    low, high = finding.test.ci95
    return f"{finding.test.estimate:.4f} (95 %: {low:.4f} to {high:.4f})"


def _interval(finding: AuditFinding) -> tuple[float, float]:
    low, high = finding.test.ci95
    return float(low), float(high)


def _control(asked: Asked, answer: str) -> list[str]:
    """The blocks, beside an answer that they did not make themselves."""
    blocks = asked.blocks
    if blocks is None:
        return ["No blocks of sky could be compared: labels that neighbours share were not looked for."]
    if not _powerful(blocks):
        return [
            f"Blocks of sky (p = {p_in_words(blocks.test.deciding_p)}) are too few to see what galaxies see, and say"
            " nothing either way."
        ]
    if answer == CANNOT_TELL:
        return []
    return [f"With blocks of sky as the unit, p = {p_in_words(blocks.test.deciding_p)}."]


def _statistics(asked: Asked, answer: str, alpha: float) -> list[str]:
    test, extra = asked.tests[0].test, asked.tests[0].extra
    if test.p is None:
        return []
    both = f" and {p_in_words(test.p_permutation)} by permutations" if test.p_permutation is not None else ""
    dof = test.dof if isinstance(test.dof, int) else test.dof[0] if test.dof else 3
    sentences = [
        f"With {test.n:,} galaxies as the unit, Q = {test.statistic:.4g} ({dof} dof), p = {p_in_words(test.p)} by"
        f" chi-square{both}; the level is {alpha:g}."
    ]
    if answer != YES and test.ci95[0] > 0:
        sentences.append(f"The 95 % interval leaves out zero because p is below 0.05, which is not below {alpha:g}.")
    if extra.get("unconstrained"):
        sentences.append(str(extra["unconstrained"]))
    if answer != NO and extra.get("weak_axis_suspicious"):
        sentences.append(
            f"Along its axis this footprint makes errors {extra['weak_axis_se_inflation']:.1f} times those of the full"
            " sky, and noise points there more often: suspect the footprint first."
        )
    return sentences


def _next(asked: Asked, answer: str, p_floor: float, alpha: float) -> list[str]:
    sentences = []
    if answer == CANNOT_TELL and p_floor >= alpha:
        factor = p_floor / asked.p_floor
        sentences.append(
            f"With {permutations_needed(alpha / factor):,} permutations this test can decide: --permutations"
            f" {permutations_needed(alpha / factor)}."
        )
    power = asked.power
    if answer != YES and power is not None:
        best, worst = power["smallest_dipole_best_axis"], power["smallest_dipole_worst_axis"]
        sentences.append(
            f"Such a catalog shows dipoles of {best:.4f} to {worst:.4f}, depending on the axis, in {power['power']:.0%}"
            " of cases; half of that takes four times as many galaxies."
        )
    return sentences
