"""Does something depend on the position on the sky? The galaxies' test, its control by blocks of sky, and the limit.

"Yes" needs both tests where blocks of sky could have seen what galaxies see: neighbours may share what makes their
labels. On a small sky, where clustering looks like a dipole and no blocks can tell them apart, there is no "yes".
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workflow_scripts.answers.answer import CANNOT_TELL, NO, YES, Answer, Effect
from workflow_scripts.answers.decision import Evidence, decided, interval_without_zero
from workflow_scripts.answers.wording import (
    capital,
    in_unit,
    limit_in_unit,
    place_in_words,
    points_in_words,
    size_in_words,
)
from workflow_scripts.audits.audit_findings import AuditFinding
from workflow_scripts.statistics.log_p import p_in_words
from workflow_scripts.statistics.sky.constrained_components import SKY
from workflow_scripts.statistics.sky.dipole_amplitude import cap_radius
from workflow_scripts.statistics.sky.sequential_permutations import permutations_needed

# Of min(f, 1 - f). A dipole of half of a fraction makes it three times as large on one side of the sky as on the other,
# and such a change across a field 1.7 times: what leaves that open is no "no".
NO_EXCLUDES = 0.5
# Errors of blocks so many times those of galaxies are as good as equal, and no more than their own scatter.
_LITTLE_WIDER, _CHANCE_WIDER = 1.05, 1.4


@dataclass(frozen=True)
class Rule:
    """How an audit decides: at the level `alpha`, and a no excludes `effect`; None: half of min(f, 1 - f)."""

    alpha: float
    effect: float | None = None

    def evidence(
        self,
        p: float,
        limit: float | None,
        largest: float,
        p_floor: float = 0.0,
        invalid: str = "",
        room: float | None = None,
        points: bool = True,
    ) -> Evidence:
        """What decides a question on an effect that can be as large as `largest`; `room` is min(f, 1 - f) if not it.

        `points`: sentences have effects in percentage points, as those of fractions; not those of a mean score.
        """
        if self.effect is not None:
            return Evidence(p, p_floor, limit, largest, invalid, self.effect, points=points)
        of_interest = NO_EXCLUDES * (largest if room is None else room)
        asks = "a no excludes half of what the labels leave room for,"
        return Evidence(p, p_floor, limit, largest, invalid, of_interest, asks, points)


@dataclass(frozen=True)
class Asked:
    """A primary question, before it is adjusted for the others.

    `what` depends, or not, on position ("the fraction of 'spiral'"); `tests` all have to see it, the first of them has
    the effect; `blocks` is the same with blocks of sky as the unit, None where it could not be made. `because`
    are sentences that hold whatever the answer. `points`: effects are differences of fractions, not of a mean score.
    """

    question: str
    what: str
    tests: Sequence[AuditFinding]
    blocks: AuditFinding | None
    power: Mapping[str, Any] | None = None
    because: Sequence[str] = ()
    points: bool = True

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
        blocks = [self.blocks] if self.blocks is not None and _powerful(self.blocks) else []
        return max(finding.test.smallest_deciding_p for finding in (*self.tests, *blocks))


def position_answer(asked: Asked, p: float, p_galaxies: float, p_floor: float, rule: Rule) -> Answer:
    """The answer, from the adjusted p of the question, of its galaxies' tests alone, and its adjusted floor."""
    first = asked.tests[0]
    pattern, largest = _pattern(first), first.extra["largest_possible"]
    size = _Size.of(first, _widest(asked), asked.points).within(largest)
    limit, where = _limit(_widest(asked)), towards(first.extra)
    # A headline has no room for the error of a direction.
    whereabouts = towards(first.extra, _widest(asked).extra)
    alpha = rule.alpha
    invalid = first.extra.get("invalid") or _seen_by_blocks(asked, p, p_galaxies, alpha)
    evidence = rule.evidence(p, limit, largest, p_floor, invalid, first.extra["smaller_share"], asked.points)
    limited = "" if limit is None else limit_in_unit(limit, asked.points)
    answer, reasons = decided(evidence, alpha)
    if answer == YES:
        statement = f"{capital(asked.what)} depends on the position on the sky: a {pattern} of {size} {whereabouts}"
        short = f"{capital(asked.what)} depends on position: {pattern} {in_unit(size.value, asked.points)} {where}"
    elif answer == NO and limit is not None:
        statement = f"No {pattern} of {asked.what} was found: {size}, below {limited} at 95 %, one-sided"
        short = f"No {pattern} of {asked.what} was found, below {limited} (95 %)"
    elif size.value <= largest:
        statement = f"Whether {asked.what} depends on position cannot be decided: the {pattern} is {size}"
        short = f"Whether {asked.what} depends on position cannot be decided"
    else:
        statement = (
            f"Whether {asked.what} depends on position cannot be decided: the {pattern} is measured worse than"
            f" {in_unit(largest, asked.points)}, the largest that there can be"
        )
        short = f"Whether {asked.what} depends on position cannot be decided"
    return Answer(
        question=asked.question,
        test=first.test.name,
        answer=answer,
        statement=statement,
        short=short,
        effect=size.effect(whereabouts if answer == YES else None)
        if answer == YES or size.value <= largest
        else Effect(),
        p_adjusted=None if first.test.p is None else p,
        limit95=evidence.exclusion,
        because=[*reasons, *_control(asked, answer, invalid), *_statistics(asked, answer, alpha), *asked.because],
        next=_next(asked, answer, evidence, alpha),
    )


@dataclass(frozen=True)
class _Size:
    """An effect with its interval: an amplitude, or on a field the change from side to side."""

    value: float
    ci95: tuple[float, float]
    points: bool
    across: str = ""

    @classmethod
    def of(cls, finding: AuditFinding, widest: AuditFinding, points: bool) -> "_Size":
        """That of a test, its interval of the `widest`, in the unit of `upper_limit_95` or `limit95`."""
        if _is_field(finding):
            low, high = finding.extra["change_ci95"]
            width = f"{finding.extra['width_deg']:.3g}"
            across = f" across {width} degree{'' if width == '1' else 's'}"
            return cls(finding.extra["change"], (float(low), float(high)), points, across)
        low, high = widest.test.ci95
        return cls(finding.test.estimate, (float(low), float(high)), points)

    def within(self, largest: float) -> "_Size":
        """The same, its interval ending at the largest effect that there can be; as it is where it is larger itself."""
        return self if self.value > largest else replace(self, ci95=(self.ci95[0], min(self.ci95[1], largest)))

    def effect(self, where: str | None) -> Effect:
        """For an answer, with its direction in words."""
        return Effect(self.value, self.ci95, f"{'fraction' if self.points else 'mean score'}{self.across}", where)

    def __str__(self) -> str:
        size, bracket, interval = in_unit(self.value, self.points, self.ci95).partition(" (")
        return f"{size}{self.across}{bracket}{interval}"


def _is_field(finding: AuditFinding) -> bool:
    return "width_deg" in finding.extra


def _pattern(finding: AuditFinding) -> str:
    return "change" if _is_field(finding) else "dipole"


def towards(extra: Mapping[str, Any], errors: Mapping[str, Any] | None = None) -> str:
    """`towards (RA 283°, Dec -56°)`; on a field, `towards the north-east`.

    With the radius of the cap of the same area where `errors`, keys of the test that has them, know the axis's region.
    """
    if "axis_ra" not in extra:
        return f"towards the {extra['direction']}"
    radius = cap_radius((errors or {}).get("axis_region_deg2"))
    if radius is None:
        return f"towards {direction(extra)}"
    return f"towards {direction(extra)[:-1]}; 95 %: ± {max(radius, 1):.0f}°)"


def question_of(what: str) -> str:
    """The question in words."""
    return f"Does {what} depend on the position on the sky?"


def direction(extra: Mapping[str, Any]) -> str:
    """`(RA 283°, Dec -56°)`."""
    return f"({place_in_words(extra['axis_ra'], extra['axis_dec'])})"


def _powerful(blocks: AuditFinding) -> bool:
    return bool(blocks.extra.get("has_power", True))


def _seen_by_blocks(asked: Asked, p: float, p_galaxies: float, alpha: float) -> str:
    """Why what galaxies see is no "yes", and no "no"; empty where it may be one."""
    extra = asked.tests[0].extra
    if _is_field(asked.tests[0]):
        # The field's own p allows for clustering.
        if p < alpha or extra["p_galaxies"] >= alpha:
            return ""
        return (
            f"Galaxies as the unit give p = {p_in_words(extra['p_galaxies'], extra['log10_p_galaxies'])}, but"
            f" clustering as strong as the scatter between parts of the field makes such a change with p ="
            f" {p_in_words(p)}: neighbours may share what makes their labels."
        )
    if p_galaxies >= alpha:
        return ""
    if asked.blocks is not None and _powerful(asked.blocks):
        if p < alpha:
            return ""
        return (
            f"Galaxies as the unit give an adjusted p of {p_in_words(p_galaxies)}, blocks of sky {p_in_words(p)}:"
            " neighbours may share what makes their labels."
        )
    if asked.tests[0].extra.get("sky_kind", SKY) == SKY:
        return ""
    return (
        f"Galaxies as the unit give an adjusted p of {p_in_words(p_galaxies)}, but on so small a sky labels that"
        " neighbours share look the same, and no blocks of sky could tell them apart."
    )


def _widest(asked: Asked) -> AuditFinding:
    """The test with the largest limit, blocks where they scatter more than galaxies do: interval and limit are its."""
    blocks = [asked.blocks] if asked.blocks is not None and _wider(asked) > 1 else []
    return max((*asked.tests, *blocks), key=lambda finding: math.inf if (at := _limit(finding)) is None else at)


def _limit(finding: AuditFinding) -> float | None:
    return finding.extra["limit95" if _is_field(finding) else "upper_limit_95"]


def _wider(asked: Asked) -> float:
    """Standard error by blocks of sky, where they have power, over that of independent galaxies, 1 at least."""
    return float(asked.blocks.extra["wider"]) if asked.blocks is not None and _powerful(asked.blocks) else 1.0


def _control(asked: Asked, answer: str, invalid: str) -> list[str]:
    """The blocks, beside an answer that they did not make themselves."""
    blocks, first = asked.blocks, asked.tests[0]
    if _is_field(first):
        if first.test.p is None or answer == CANNOT_TELL:
            return []
        return ["This allows for clustering of up to 3 degrees, as strong as the scatter between parts of the field."]
    if blocks is None:
        return ["No blocks of sky could be compared: labels that neighbours share were not looked for."]
    p = p_in_words(blocks.test.deciding_p)
    if not _powerful(blocks):
        return [f"Blocks of sky (p = {p}) are too few to see what galaxies see, and say nothing either way."]
    sentences = [] if invalid else [f"With blocks of sky as the unit, p = {p}."]
    if (wider := _wider(asked)) > _LITTLE_WIDER:
        both = "Interval and limit allow" if answer == NO else "The interval allows"
        sentences.append(f"{both} for errors {wider:.2f} times those of galaxies, as blocks scatter.")
    return sentences


def _statistics(asked: Asked, answer: str, alpha: float) -> list[str]:
    test, extra = asked.tests[0].test, asked.tests[0].extra
    sentences = []
    several = len(asked.tests) > 1 or (asked.blocks is not None and _powerful(asked.blocks))
    if test.p is not None:
        by = f"{p_in_words(test.p, test.log10_p)} by chi-square"
        if _is_field(asked.tests[0]):
            by = p_in_words(extra["p_galaxies"], extra["log10_p_galaxies"])
        elif test.p_permutation is not None:
            by += f" and {p_in_words(test.p_permutation)} by permutations"
            several = True
            if test.p_permutation == test.p_smallest and test.p_reliable is not None:
                by += (
                    ", the smallest that so many can give; chi-square decides, which is reliable down to"
                    f" {p_in_words(test.p_reliable)}"
                )
        sentences.append(
            f"With {test.n:,} galaxies as the unit, Q = {test.statistic:.4g} ({test.dof} dof), p = {by}; the level is"
            f" {alpha:g}."
        )
    elif "p_galaxies" in extra:
        by = p_in_words(extra["p_galaxies"], extra["log10_p_galaxies"])
        sentences.append(f"The 95 % interval is that of independent galaxies, which give p = {by}.")
    if len(asked.tests) > 1:
        robust = asked.tests[1].test
        sentences.append(
            f"With errors that allow for more differences in some places than in others, p ="
            f" {p_in_words(robust.p, robust.log10_p)}."
        )
    if several and test.p is not None and not _is_field(asked.tests[0]):
        sentences.append(_decides(asked))
    if answer == NO:
        sentences.append("The limit has all of its 5 % above it, the interval 2.5 % on either side.")
    widest = _widest(asked)
    by_galaxies = widest is not asked.blocks and not _is_field(widest)
    if answer != YES and test.p is not None and asked.p_galaxies < alpha and by_galaxies:
        sentences.append("The 95 % interval is that of independent galaxies.")
    elif answer != YES and test.p is not None and _Size.of(asked.tests[0], widest, asked.points).ci95[0] > 0:
        sentences.append(interval_without_zero(alpha))
    if extra.get("unconstrained"):
        sentences.append(f"These galaxies do not constrain a dipole along {' and '.join(extra['unconstrained'])}.")
    if answer != NO and extra.get("weak_axis_suspicious"):
        sentences.append(
            f"Along its axis this footprint makes errors {extra['se_inflation_along_axis']:.1f} times those of the full"
            " sky, and noise points there more often: suspect the footprint first."
        )
    return sentences


def _decides(asked: Asked) -> str:
    """Which p decides, by its name where it stands in a sentence already."""
    said = {p_in_words(asked.tests[0].test.p_permutation): "permutations"}
    if asked.blocks is not None and _powerful(asked.blocks):
        said |= {p_in_words(asked.blocks.test.deciding_p): "blocks of sky"}
    p = p_in_words(asked.p)
    if p in said:
        return f"The largest of these p, that of {said[p]}, decides."
    return f"The largest of these p decides: {p} before it is adjusted."


def needed_for_limit(limit: float, wanted: float, points: bool, needed: str | None = None) -> str:
    """What lowers a limit to the size that is wanted: so many galaxies, or what is `needed` in their place."""
    times = (limit / wanted) ** 2
    more = f"{times:.2g} times as many" if times >= 2 else f"{max(1, round(100 * (times - 1)))} % more"
    return f"A limit of {in_unit(wanted, points)} takes {needed or f'some {more} galaxies on such a sky'}."


def _next(asked: Asked, answer: str, evidence: Evidence, alpha: float) -> list[str]:
    sentences, p_floor, limit = [], evidence.p_floor, evidence.limit95
    if answer == CANNOT_TELL and p_floor >= alpha:
        factor = p_floor / asked.p_floor
        sentences.append(
            f"With {permutations_needed(alpha / factor):,} permutations this test can decide: --permutations"
            f" {permutations_needed(alpha / factor)}."
        )
    power, of_interest = asked.power, evidence.of_interest
    tested = not evidence.invalid and not _is_field(asked.tests[0])
    if answer == CANNOT_TELL and p_floor < alpha and tested and limit is not None and limit >= of_interest:
        needed = (
            "more of the sky, as blocks of it scatter more than galaxies do" if _wider(asked) > _CHANCE_WIDER else None
        )
        sentences.append(needed_for_limit(limit, of_interest, asked.points, needed))
    if answer == CANNOT_TELL and evidence.invalid and asked.blocks is not None and _powerful(asked.blocks):
        sentences.append("Another part of the sky, or images of another survey, would show whether the pattern stays.")
    if answer == CANNOT_TELL and _is_field(asked.tests[0]):
        sentences.append("Galaxies over a wider part of the sky, where a trend is distinguishable from clustering.")
    if answer != YES and power is not None and not _is_field(asked.tests[0]):
        best, worst = power["smallest_dipole_best_axis"], power["smallest_dipole_worst_axis"]
        least = points_in_words(best) if asked.points else size_in_words(best)
        most = in_unit(worst, asked.points)
        sizes = most if most.split()[0] == least else f"{least} to {most}, depending on the axis"
        sentences.append(
            ("The limit is what these labels exclude; to" if answer == NO else "To")
            + f" be found at the level {alpha:g} in {power['power']:.0%} of such catalogs, a dipole has to be"
            f" {sizes}. Half of that takes four times as many galaxies."
        )
    return sentences
