"""What an audit answers beside its primary questions: merged groups, templates, errors against a reference."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workflow_scripts.answers.answer import CANNOT_TELL, CONTROL, NO, SECONDARY, YES, Answer, Effect
from workflow_scripts.answers.decision import Evidence, decided
from workflow_scripts.answers.wording import capital, limit_in_points, points_in_words, with_points
from workflow_scripts.audits.audit_findings import Findings
from workflow_scripts.audits.position_answers import (
    Asked,
    Rule,
    direction,
    needed_for_limit,
    position_answer,
    question_of,
    towards,
)
from workflow_scripts.audits.table_pieces import AuditColumns
from workflow_scripts.statistics.log_p import p_in_words

# Share of the dipole of all galaxies that groups may still have where it is called the merging of them.
_INSIDE = 0.5
# The coefficients of so few groups are listed.
_GROUPS_NAMED = 6
_OTHER_SKY = "More of the sky, or images of another survey, would show whether the pattern stays."
# What may depend on position of labels and scores against a reference, by the test.
_ERRORS = {
    "signed_error": "the difference of labels{whose} and reference",
    "false_positive_rate": "the false positive rate{whose} against the reference",
    "false_negative_rate": "the false negative rate{whose} against the reference",
    "calibration": "the difference of reference and score {score}",
}
# The errors that a first answer has beside it.
_SIGNED = {
    "dipole_score": ("signed_error_dipole", "Labels less the reference"),
    "score_dipole": ("calibration_dipole", "Reference labels less the scores"),
}
_UNITS = {"false_positive_rate": "rate", "false_negative_rate": "rate"}
_GALAXIES = "The unit of this answer is the galaxy: clustering of labels is not allowed for."


def merging_answers(
    findings: Findings,
    adjusted: Mapping[str, float],
    first: Answer,
    columns: AuditColumns,
    positive: str,
    rule: Rule,
) -> list[Answer]:
    """Is there a dipole within the groups, and is that of all the merging of them? `positive` is the class counted."""
    within, between = findings.get("dipole_within_groups"), findings.get("dipole_between_groups")
    if within is None:
        return []
    column, limit = columns.group or "", within.extra["upper_limit_95"]
    whose = f"the labels of {columns.labels[0]}" if len(columns.labels) > 1 else "the labels"
    of_column = f" in column {columns.labels[0]}" if len(columns.labels) > 1 else ""
    what = f"the fraction of '{positive}'{of_column} within the groups of {column}"
    asked = Asked(question_of(what), what, [within], None)
    p = adjusted[within.test.name]
    inside = replace(position_answer(asked, p, p, 0.0, rule), role=SECONDARY)
    because = [line for line in inside.because if not line.startswith("No blocks")]
    answers = [replace(inside, because=[*because, _GALAXIES])]
    total = findings.primary_dipole
    if first.answer != YES or total is None or between is None:
        return answers
    inner, outer = (with_points(one.test.estimate) for one in (within, between))
    merged = adjusted[between.test.name] < rule.alpha
    # Groups in which half of the dipole could be leave open what the merging makes.
    if inside.answer == NO and limit < _INSIDE * total.test.estimate and merged:
        answer, statement = YES, f"The dipole of {whose} is that of merging the groups of {column}"
        short = f"the dipole is the merging of the groups of {column}"
    elif inside.answer == YES:
        answer, statement = NO, f"The dipole of {whose} is not only the merging of the groups of {column}"
        short = f"the dipole is also within the groups of {column}"
    else:
        answer = CANNOT_TELL
        statement = f"Whether the dipole of {whose} is the merging of the groups of {column} cannot be decided"
        short = f"whether the dipole is the merging of the groups of {column} cannot be decided"
    limited = inside.answer != YES and limit < within.extra["largest_possible"]
    below = f", below {limit_in_points(limit)} at 95 %, one-sided" if limited else ""
    because = [
        f"The fraction of each group, given to all of its galaxies, makes a dipole of {outer} towards"
        f" {direction(between.extra)} by itself (p = {p_in_words(between.test.p, between.test.log10_p)}); within groups"
        f" the dipole is {inner}{below}, and that of all galaxies {with_points(total.test.estimate)}."
    ]
    wanted, further = _INSIDE * total.test.estimate, []
    if answer == CANNOT_TELL:
        missing = f"the limit within groups would have to be below half of that, {with_points(wanted)}"
        because.append(f"It is the merging where {missing if merged else 'the groups differ in their fraction'}.")
        further = [needed_for_limit(limit, wanted, True) if merged and limit > wanted else _OTHER_SKY]
    effect = Effect(between.test.estimate, None, "fraction", f"towards {direction(between.extra)}")
    question = f"Is the dipole of {whose} the merging of the groups of {column}?"
    p_merging = adjusted[between.test.name]
    if answer == NO:
        # What is within the groups says so.
        effect, p_merging = inside.effect, p
    answers.append(
        Answer(
            question,
            between.test.name,
            answer,
            statement,
            capital(short),
            effect=effect,
            p_adjusted=p_merging,
            because=because,
            next=further,
            role=CONTROL,
        )
    )
    return answers


def template_answers(
    findings: Findings, adjusted: Mapping[str, float], first: Answer, columns: AuditColumns, rule: Rule
) -> list[Answer]:
    """Is there a dipole beside the templates?"""
    found, total = findings.get("dipole_after_templates"), findings.get("dipole_score")
    if found is None or total is None:
        return []
    whose = f" of {columns.labels[0]}" if len(columns.labels) > 1 else ""
    listed, p = ", ".join(found.extra["templates"]), adjusted[found.test.name]
    blocks, widest, invalid, unit = findings.get(f"block_{found.test.name}"), found, "", _GALAXIES
    if blocks is not None and blocks.extra["has_power"]:
        p_galaxies, p = p, max(p, adjusted[blocks.test.name])
        by = [p_in_words(one.test.deciding_p, one.test.log10_p) for one in (found, blocks)]
        unit = f"Galaxies as the unit give p = {by[0]}, blocks of sky {by[1]}: the larger one decides."
        if p_galaxies < rule.alpha <= p:
            invalid = (
                f"Galaxies as the unit give p = {p_in_words(p_galaxies)}, blocks of sky {p_in_words(p)}: neighbours may"
                " share what makes their labels."
            )
        if blocks.extra["wider"] > 1:
            widest = blocks
    limit, (low, high) = widest.extra["upper_limit_95"], widest.test.ci95
    extra = total.extra
    evidence = rule.evidence(p, limit, extra["largest_possible"], invalid=invalid, room=extra["smaller_share"])
    answer, reasons = decided(evidence, rule.alpha)
    size = with_points(found.test.estimate, (low, high))
    where = towards(found.extra, widest.extra)
    with_them = f"with {listed} regressed out, the dipole{whose} is {size}"
    because = [*reasons, *([] if invalid else [unit]), f"Without them it is {with_points(total.test.estimate)}."]
    if found.extra["retained_worst_share"] < 0.9:
        because.append("These templates have a dipole themselves and could take away a true one.")
    if first.answer == YES and answer == NO:
        because.append("What goes away with the templates is the imaging, or goes along with it.")
    limited = f"{limit_in_points(limit)} at 95 %, one-sided"
    statement = {
        YES: f"A dipole{whose} remains beside the templates: {with_them} {where}",
        NO: f"No dipole{whose} was found beside the templates: {with_them}, below {limited}",
        CANNOT_TELL: f"Whether a dipole{whose} remains beside the templates cannot be decided: {with_them}",
    }[answer]
    effect = Effect(found.test.estimate, (low, high), "fraction", where)
    question = f"Does a dipole{whose} remain beside the templates ({listed})?"
    more = {"effect": effect, "p_adjusted": p, "limit95": evidence.exclusion, "because": because}
    return [_secondary(question, found.test.name, answer, statement, evidence, **more)]


def beside_templates(
    first: Answer, after: Answer, findings: Findings, adjusted: Mapping[str, float], alpha: float
) -> Answer:
    """A `first` answer of yes with what is left of its dipole beside the templates, where labels follow one of them.

    `after` is the answer of `template_answers`. The dipole of labels that follow the imaging is not that of the sky: a
    headline that has the one alone misleads.
    """
    names = [one.test.name for one in findings.found if one.test.name.startswith("template ")]
    follow = {name.removeprefix("template "): adjusted[name] for name in names if adjusted[name] < alpha}
    found = findings.get(after.test)
    # Regressions are of labels: beside the mean of scores they would be another quantity.
    if found is None or (first.answer, first.test) != (YES, "dipole_score") or not follow:
        return first
    out = f"with {next(iter(follow)) if len(follow) == 1 else 'templates'} regressed out"
    left = {
        YES: f"{points_in_words(found.test.estimate)} {towards(found.extra)} {out}",
        NO: f"none is seen {out}",
        CANNOT_TELL: f"whether one is left {out} cannot be decided",
    }[after.answer]
    sentence = (
        f"Labels follow {' and '.join(follow)} (adjusted p {'=' if len(follow) == 1 else 'at most'}"
        f' {p_in_words(max(follow.values()))}), so that this is not the dipole of the sky alone: "{after.question}" has'
        " it with them regressed out."
    )
    return replace(first, short=f"{first.short.rstrip('.')}, {left}", beside=[*first.beside, sentence])


def templates_by_group_answers(
    findings: Findings, adjusted: Mapping[str, float], columns: AuditColumns, rule: Rule
) -> list[Answer]:
    """Do the labels follow the templates differently in the groups? By the template with the smallest p."""
    made = [one for one in findings.found if one.test.name.startswith("template_by_group ")]
    if not made:
        return []
    found = min(made, key=lambda one: adjusted[one.test.name])
    name, p, extra = found.extra["template"], adjusted[found.test.name], found.extra
    difference, limit = extra["difference"], max(one.extra["limit95"] for one in made)
    evidence = rule.evidence(p, limit, extra["largest_possible"])
    answer, reasons = decided(evidence, rule.alpha)
    listed = ", ".join(one.extra["template"] for one in made)
    whose = f"the labels of {columns.labels[0]}" if len(columns.labels) > 1 else "the labels"
    size = (
        f"a standard deviation of {name} changes the fraction by {with_points(difference)} more in one group than in"
        " another"
    )
    groups = f"the groups of {columns.group}"
    statement = {
        YES: f"{capital(whose)} follow {name} differently in {groups}: {size}",
        NO: f"No difference between {groups} was found in how {whose} follow {listed}: {size}, below"
        f" {limit_in_points(limit)} at 95 %, one-sided",
        CANNOT_TELL: f"Whether {whose} follow {listed} differently in {groups} cannot be decided: {size}",
    }[answer]
    reasons = [*reasons, _GALAXIES]
    slopes = list(zip(extra["groups"], extra["slopes"], strict=True))
    if len(slopes) <= _GROUPS_NAMED:
        by_group = ", ".join(f"{100 * slope:+.2f} ({group})" for group, slope in slopes) + " percentage points"
        reasons = [*reasons, f"For a standard deviation of {name} the fraction changes by {by_group}."]
    if len(made) > 1:
        reasons = [*reasons, f"Of {len(made)} templates, {name} has the smallest p."]
    question = f"Do {whose} follow the templates ({listed}) differently in {groups}?"
    effect = Effect(difference, None, f"fraction for a standard deviation of {name}")
    more = {"effect": effect, "p_adjusted": p, "limit95": evidence.exclusion, "because": reasons}
    return [_secondary(question, found.test.name, answer, statement, evidence, **more)]


def error_answers(findings: Findings, adjusted: Mapping[str, float], columns: AuditColumns, rule: Rule) -> list[Answer]:
    """Do the errors against the reference depend on position?"""
    answers = []
    for kind, of_kind in _ERRORS.items():
        if (found := findings.get(f"{kind}_dipole")) is None:
            continue
        p, limit = adjusted[found.test.name], found.extra["upper_limit_95"]
        whose = f" of {columns.labels[0]}" if len(columns.labels) > 1 else ""
        what = of_kind.format(whose=whose, score=columns.score)
        evidence = rule.evidence(p, limit, found.extra["largest_possible"], room=found.extra["smaller_share"])
        answer, reasons = decided(evidence, rule.alpha)
        low, high = found.test.ci95
        size = with_points(found.test.estimate, (low, high))
        limited = f"{limit_in_points(limit)} at 95 %, one-sided"
        statement = {
            YES: f"{capital(what)} depends on position: a dipole of {size} {towards(found.extra, found.extra)}",
            NO: f"No dipole of {what} was found: its amplitude, {size}, is below {limited}",
            CANNOT_TELL: f"Whether {what} depends on position cannot be decided: the dipole is {size}",
        }[answer]
        answers.append(
            _secondary(
                question_of(what),
                found.test.name,
                answer,
                statement,
                evidence,
                effect=Effect(
                    found.test.estimate, (low, high), _UNITS.get(kind, "fraction"), towards(found.extra, found.extra)
                ),
                p_adjusted=p,
                limit95=evidence.exclusion,
                because=[*reasons, _GALAXIES],
            )
        )
    return answers


def beside_errors(first: Answer, errors: Sequence[Answer]) -> Answer:
    """A `first` answer of yes with what the errors against the reference, in `error_answers`, have to do with it."""
    test, what = _SIGNED.get(first.test, ("", ""))
    signed = next((one for one in errors if one.test == test), None)
    if signed is None or first.answer != YES:
        return first
    size, limit = with_points(signed.effect.value or 0.0), limit_in_points(signed.limit95 or 0.0)
    answer = signed.answer
    if answer == NO and (signed.limit95 or 0.0) >= (first.effect.value or 0.0):
        # What is excluded is more than there is to explain.
        answer = CANNOT_TELL
    sentence = {
        YES: f"{what} have a dipole, too, of {size} {signed.effect.direction}: that much is in the errors, not in the"
        " reference.",
        NO: f"{what} have none that was found, below {limit} (95 %): the dipole is that of the reference, too.",
        CANNOT_TELL: "How much of it is in the errors against the reference cannot be decided.",
    }[answer]
    return replace(first, beside=[*first.beside, sentence])


def _secondary(question: str, test: str, answer: str, statement: str, evidence: Evidence, **more: Any) -> Answer:
    """A secondary answer, whose headline is the beginning of its statement, with the limit of a no."""
    limit, wanted = evidence.limit95 or 0.0, evidence.of_interest
    short = statement.partition(":")[0] + (f", below {limit_in_points(limit)} (95 %)" if answer == NO else "")
    further = []
    if answer == CANNOT_TELL:
        further = [needed_for_limit(limit, wanted, True) if limit > wanted and not evidence.invalid else _OTHER_SKY]
    return Answer(question, test, answer, statement, short, next=further, role=SECONDARY, **more)
