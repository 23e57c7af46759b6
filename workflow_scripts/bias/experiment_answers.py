"""The answers of an experiment: does the training footprint change the catalog, how much, and what cannot be decided.

Each answer rests on one run-level test and is decided by the rule that audits use too; sentences are made of answers.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workflow_scripts.answers.answer import (
    CANNOT_TELL,
    CONTROL,
    HEADLINE_WORDS,
    NO,
    POSITIVE_CONTROL,
    PRIMARY,
    SECONDARY,
    YES,
    Answer,
    Effect,
    headline,
)
from workflow_scripts.answers.decision import Evidence, decided, interval_without_zero
from workflow_scripts.answers.wording import capital, noise_in_words, with_points
from workflow_scripts.bias.annotations import Sky
from workflow_scripts.bias.declared_tests import (
    COMMON_FAMILY,
    CONTRAST,
    EXPECTED_FAMILY,
    PATTERN,
    PRIMARY_FAMILY,
    RESPONSE,
    ROTATING_PRIMARY,
    SECONDARY_FAMILY,
    RunLevelTest,
    RunLevelTests,
)
from workflow_scripts.bias.expected_answer import expected_answer
from workflow_scripts.bias.further_runs import needed_runs
from workflow_scripts.bias.sentences import (
    UNDECIDED,
    WHETHER,
    left_open_by,
    limit_of,
    parts_of_pattern,
    quantity_in_words,
    short_statement,
    size_of,
    statement_of,
    unit_of,
    where_it_applies,
)
from workflow_scripts.bias.two_designs import beside_other_design, of_other_design
from workflow_scripts.class_against_rest import class_in_words, n_tested_classes
from workflow_scripts.statistics.p_values import adjusted_within_families
from workflow_scripts.statistics.sky.constrained_components import FIELD

# Of the absolute value of a normal deviate.
MEDIAN_BY_CHANCE = float(stats.norm.ppf(0.75))
_REGIONS_ONLY = "Two regions alone were compared: they may differ in more than where they lie."
_NO_REFERENCE = (
    "No galaxy has a reference label, so each network was compared with the mean of all of them, and what is common to"
    " all cannot be seen."
)
# How the names of tests begin whose answers are about what all networks have in common.
_OF_ALL_NETWORKS = ("common_dipole", "fraction_against_expected")
_POINTS = " percentage points"
_NOISE_OF_COMMON = (
    "The noise behind p is that of the training sets and of single galaxies: errors of labels that neighbours have in"
    " common would add to it."
)
_LARGER_SKY = "Annotated galaxies over a larger part of the sky."


@dataclass(frozen=True)
class Context:
    """What answers need beside their tests.

    `runs` is a `run_table`, `ledger` the adjusted p of the tests, `paper_style` a `paper_style_summary`, `alpha` the
    level, `effect` the size that the experiment asks about, `cautions` sentences on the networks, `sky` where the
    galaxies lie, `tested_classes` how many classes are each compared with the rest (1 of two classes), `positive` the
    class whose fraction is measured.
    """

    runs: pd.DataFrame
    ledger: Sequence[Mapping[str, Any]]
    paper_style: Mapping[str, Any]
    alpha: float
    effect: float
    cautions: Sequence[str] = ()
    sky: Sky | None = None
    tested_classes: int = 1
    positive: str = "positive"

    @property
    def largest(self) -> float:
        """The largest amplitude that a fraction leaves room for."""
        fraction = float(self.runs["fraction"].mean())
        return min(fraction, 1 - fraction)


def experiment_answers(found: RunLevelTests, context: Context) -> list[Answer]:
    """The answers: primary tests first, then those of the other design, then the dipole that all networks share."""
    answers = [
        _of_test(test, found, context, PRIMARY)
        for test in (*found.tests, *found.untested)
        if test.family == PRIMARY_FAMILY
    ]
    answers += [_of_test(test, found, context, SECONDARY) for test in found.tests if test.family == SECONDARY_FAMILY]
    answers += [_expected(test, context) for test in found.tests if test.family == EXPECTED_FAMILY]
    answers += [_common(test, context) for test in found.tests if test.family == COMMON_FAMILY]
    if not any(test.family == COMMON_FAMILY for test in found.tests):
        answers.append(_without_common(found, context))
    return [beside_other_design(answer, answers, found.tests, context.runs) for answer in answers]


def answers_about_class(answers: Sequence[Answer], experiment: Mapping[str, Any]) -> list[Answer]:
    """Answers that name the class that an experiment compares with the rest; as they are, of a catalog of two."""
    if (about := class_in_words(experiment)) is None:
        return list(answers)
    tested = n_tested_classes(experiment)
    adjusted = [f"p is also adjusted over {tested} classes, each against the rest."] if tested > 1 else []
    return [
        replace(
            one,
            question=f"{about}: {one.question}",
            statement=f"{about}: {one.statement}",
            short=f"{about}: {one.short}",
            because=[*one.because, *(adjusted if one.p_adjusted is not None else [])],
        )
        for one in answers
    ]


def experiment_headline(answers: Sequence[Answer], about: str | None = None) -> str:
    """One sentence of at most 30 words; a secondary difference is in it where the primary tests found none.

    What all networks have in common, a dipole or another fraction than is expected, is in it where it has a yes and
    the words are enough. `about`: what it begins with, where the experiment compares one class with the rest.
    """
    before, most_words = (f"{about}: ", HEADLINE_WORDS - len(about.split())) if about else ("", HEADLINE_WORDS)
    sentence = _headline(answers, most_words).removesuffix(".")
    for one in answers:
        if one.test.startswith(_OF_ALL_NETWORKS) and one.answer == YES:
            longer = f"{sentence}; {one.short[0].lower()}{one.short[1:].rstrip('.')}"
            # The unit a second time only where there is room.
            start, _, rest = longer.rpartition(_POINTS)
            once = [start + rest] if sentence.endswith(_POINTS) else []
            sentence = next((text for text in (longer, *once) if len(text.split()) <= most_words), sentence)
    return f"{before}{sentence}{'' if sentence.endswith('...') else '.'}"


def _headline(answers: Sequence[Answer], most_words: int) -> str:
    primary = [one.short for one in answers if one.role == PRIMARY]
    undecided = [short.removeprefix(WHETHER).removesuffix(UNDECIDED) for short in primary if short[:8] == "Whether "]
    sentence = headline(answers, most_words, _changes_together)
    together = f"{WHETHER}{' or '.join(dict.fromkeys(undecided))}{UNDECIDED}."
    alarmed = any(one.role in (CONTROL, POSITIVE_CONTROL) for one in answers if one.short.rstrip(".") in sentence)
    if len(undecided) == len(primary) and len(together.split()) <= most_words and not alarmed:
        sentence = together
    if any(one.answer == YES for one in answers if one.role == PRIMARY):
        return sentence
    for one in answers:
        if one.answer == YES and of_other_design(one):
            beside = [
                f"{_of_design(own, answers[0])}; but {_of_design(one.short, one)}." for own in (sentence, primary[0])
            ]
            short = next((text for text in beside if len(text.split()) <= most_words), sentence)
            return capital(short)
    return sentence


def _changes_together(sentence: str) -> str:
    """What the footprint changes as one sentence, with one unit, and the two sides that are compared once."""
    changes = "the training footprint changes"
    # After an alarm they are sentences by themselves.
    if not sentence.startswith(capital(changes)):
        return sentence
    if sentence.count(f"; {changes}") != 1:
        return sentence.replace(f"; {changes}", "; it changes")
    first, second = sentence.split(f"; {changes}")
    sides = re.search(r" \([^()]+ - [^()]+\)\.?$", second)
    if sides and first.endswith(own := sides[0].rstrip(".")):
        first = first.removesuffix(own)
        # One unit for both.
        if second.removesuffix(sides[0]).endswith(_POINTS):
            first = first.removesuffix(_POINTS)
    elif second.endswith(f"{_POINTS}."):
        first = first.removesuffix(_POINTS)
    return f"{first} and{second}"


def _of_design(sentence: str, answer: Answer) -> str:
    """A sentence of a headline with the design that it holds for, where two designs disagree."""
    sentence, changes = sentence.rstrip("."), "The training footprint changes"
    if answer.test.split()[0] in ROTATING_PRIMARY:
        return sentence.replace(changes, "rotating footprints change").replace("; it changes", "; they change")
    sides = answer.effect.direction
    if not sides or answer.answer != YES:
        return sentence
    differ = sentence.replace(changes, f"{sides.replace(' - ', ' and ')} differ in").replace("; it changes", "; in")
    return differ.replace(f" ({sides})", "")


def _of_test(test: RunLevelTest, found: RunLevelTests, context: Context, role: str) -> Answer:
    """The answer of a test of the footprint."""
    p, floor = _p_and_floor(test, found.tests, context)
    evidence = _evidence(test, p, floor, context)
    answer, because = decided(evidence, context.alpha)
    sky = context.sky.constrained if context.sky and test.quantity == "dipole" else None
    if sky and sky.sentence and answer != NO and sky.sentence not in because:
        because.append(sky.sentence)
    because += [caution for caution in test.cautions if caution not in because]
    because += _below_five_per_cent(answer, test, context.alpha)
    because += _without_noise(test)
    if test.design == CONTRAST and not test.invalid and not any(one.design == RESPONSE for one in found.tests):
        because.append(_REGIONS_ONLY)
    if test.design == PATTERN and answer == YES:
        because.append(parts_of_pattern(test))
    if role == PRIMARY:
        because += [*_of_single_networks(test, context.paper_style), *context.cautions]
    further = []
    if answer == CANNOT_TELL and sky and sky.kind == FIELD:
        further = [_LARGER_SKY]
    elif answer == CANNOT_TELL:
        further = needed_runs(test, found, context.runs, context.alpha, context.effect, context.tested_classes)
    what, shown = quantity_in_words(test), _within_what_can_be(test)
    return Answer(
        question=f"Does the training footprint change {what}{f', {test.label}' if test.label else ''}?",
        test=test.name,
        answer=answer,
        statement=statement_of(shown, answer, sky, context.positive),
        short=short_statement(shown, answer, sky),
        effect=_effect(shown),
        p_adjusted=p,
        limit95=shown.limit95,
        because=because,
        next=further,
        role=role,
    )


def _within_what_can_be(test: RunLevelTest) -> RunLevelTest:
    """The test with an interval that ends at 1, as fractions and dipoles do; a limit that is no smaller is none."""
    ends = test.size_ci95 and tuple(min(1.0, max(-1.0, end)) for end in test.size_ci95)
    limit = test.limit95 if test.limit95 is not None and test.limit95 < 1 else None
    return replace(test, size_ci95=ends, limit95=limit)


def _without_noise(test: RunLevelTest) -> list[str]:
    """What the size of a difference of dipoles is beside the distance of the two, of which noise makes a part."""
    if test.design != CONTRAST or test.size is None or np.ndim(test.estimate) != 1:
        return []
    apart = with_points(float(np.linalg.norm(test.estimate)))
    if apart == with_points(test.size):
        return []
    return [f"The mean dipoles are {apart} apart; noise lengthens such a difference, and the size is without that."]


def _below_five_per_cent(answer: str, test: RunLevelTest, alpha: float) -> list[str]:
    """Why an interval that leaves out zero is no yes."""
    if answer != NO or test.size_ci95 is None or test.size_ci95[0] <= 0 <= test.size_ci95[1]:
        return []
    return [interval_without_zero(alpha)]


def _evidence(test: RunLevelTest, p: float | None, floor: float, context: Context) -> Evidence:
    # Without a limit, what there can be excludes nothing either.
    largest = math.inf if test.limit95 is None else context.largest
    points = test.quantity != "mean_score"
    return Evidence(p, floor, test.limit95, largest, test.invalid, context.effect, points=points)


def _p_and_floor(test: RunLevelTest, tests: Sequence[RunLevelTest], context: Context) -> tuple[float | None, float]:
    """The adjusted p of a test, and the smallest that it could have had beside the others of its family."""
    rows = [row for row in context.ledger if row["unit_of_replication"] == "run" and row["family"] == test.family]
    own = next((row for row in rows if row["name"] == test.name), None)
    if own is None:
        return None, 0.0
    least = [{**row, "p": test.p_smallest or 0.0} if row is own else row for row in rows]
    adjusted = adjusted_within_families(least, context.alpha, context.tested_classes)
    floor = next(row for row in adjusted if row["name"] == test.name)
    return own["adjusted"], floor["adjusted"]


def _effect(test: RunLevelTest) -> Effect:
    if test.size is None:
        return Effect(unit=unit_of(test))
    interval = None if test.size_ci95 is None else (float(test.size_ci95[0]), float(test.size_ci95[1]))
    direction = " - ".join(test.footprints) if test.design == CONTRAST else test.direction
    return Effect(float(test.size), interval, unit_of(test), direction)


def _of_single_networks(test: RunLevelTest, paper: Mapping[str, Any]) -> list[str]:
    """The control beside the estimate: what the same networks show when galaxies are the unit."""
    if test.quantity == "fraction" and "seeds_pairs" in paper:
        z = paper["seeds_median_absolute_mcnemar_z"]
        return [
            f"Galaxy by galaxy, two networks that differ in the seed alone differ by {z:.1f} 'sigma' in the fraction"
            f" (median; {MEDIAN_BY_CHANCE:.1f} by chance)."
        ]
    if test.quantity == "dipole" and "median_max_sigma" in paper:
        return [
            "Galaxy by galaxy in the style of the original study, single networks show a cosine dipole of"
            f" {paper['median_max_sigma']:.1f} 'sigma' in the median, largest {paper['largest_max_sigma']:.1f};"
            f" {noise_in_words(paper['median_sigma_without_dipole'])}. That shows nothing of the footprint."
        ]
    return []


def _common(test: RunLevelTest, context: Context) -> Answer:
    """The dipole that all networks share, whatever footprint they were trained on."""
    p, floor = _p_and_floor(test, [test], context)
    answer, because = decided(_evidence(test, p, floor, context), context.alpha)
    shared = f"All networks together{where_it_applies(test)} share a dipole of {size_of(test)} against the reference"
    briefly = f"All networks share a dipole of {size_of(test, interval=False)} against the reference"
    if answer == YES:
        statement = f"{shared}, {test.direction}"
        because += [test.details["cause"], _NOISE_OF_COMMON]
    else:
        because += _below_five_per_cent(answer, test, context.alpha)
        left_open = left_open_by(context.sky.labelled if context.sky else None)
        excluded = f"one above {limit_of(test)} is excluded at 95 %{f'; {left_open}' if left_open else ''}"
        statement = f"{shared}, not distinguishable from noise; {excluded}"
    if context.sky and context.sky.labelled.sentence and answer != NO:
        because.append(context.sky.labelled.sentence)
    return Answer(
        question=f"Do all networks share a dipole against the reference{where_it_applies(test)}?",
        test=test.name,
        answer=answer,
        statement=statement if answer != CANNOT_TELL else f"{shared}: whether that is noise cannot be decided",
        short=briefly if answer == YES else "No common dipole is seen",
        effect=_effect(test),
        p_adjusted=p,
        limit95=test.limit95,
        because=because,
        next=[] if answer != CANNOT_TELL else ["More training sets, or reference labels of more galaxies."],
        role=SECONDARY,
    )


def _expected(test: RunLevelTest, context: Context) -> Answer:
    """Whether all networks together find the fraction that is expected."""
    p, floor = _p_and_floor(test, [test], context)
    answer, because = decided(_evidence(test, p, floor, context), context.alpha)
    because += _below_five_per_cent(answer, test, context.alpha)
    return expected_answer(test, _effect(test), p, answer, because, context.runs)


def _without_common(found: RunLevelTests, context: Context) -> Answer:
    """No answer on what all networks share: without reference labels, or enough training sets."""
    because, further = _NO_REFERENCE, "Reference labels in the catalog."
    if (context.runs["n_reference"] > 0).any():
        reasons = [reason for reason, names in found.failed.items() if any("common_dipole" in name for name in names)]
        if context.sky and context.sky.labelled.kind == FIELD:
            because, further = context.sky.labelled.sentence, _LARGER_SKY
        else:
            because = f"{capital(reasons[0])}." if reasons else "The labelled galaxies are too few for a dipole."
            further = "Five training sets or more, and more labelled galaxies."
    return Answer(
        question="Do all networks share a dipole against the reference?",
        test="common_dipole",
        answer=CANNOT_TELL,
        statement="Whether all networks share a dipole against the reference cannot be decided",
        short="A common dipole cannot be decided",
        because=[because],
        next=[further],
        role=SECONDARY,
    )
