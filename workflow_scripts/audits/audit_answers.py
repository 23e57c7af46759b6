"""What an audit answers: every question with its effect, what decides it, and what would tell more.

Primary questions are here, those that follow from them in `further_answers`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.answers.answer import CANNOT_TELL, NO, Answer, Effect, answers_text
from workflow_scripts.answers.decision import decided
from workflow_scripts.answers.expected_value import against_expected
from workflow_scripts.answers.wording import capital, limit_in_points, with_points
from workflow_scripts.audits.audit_findings import AuditFinding, Findings
from workflow_scripts.audits.further_answers import (
    beside_errors,
    beside_templates,
    error_answers,
    merging_answers,
    template_answers,
    templates_by_group_answers,
)
from workflow_scripts.audits.position_answers import Asked, Rule, position_answer, question_of
from workflow_scripts.audits.table_pieces import AuditColumns
from workflow_scripts.statistics.log_p import p_in_words
from workflow_scripts.statistics.p_values import holm
from workflow_scripts.statistics.sky.constrained_components import SKY

# Differences of more pairs than this are named only where there is one.
_PAIRS_NAMED = 3
# The tests that ask whether labels, or the score that stands for them, depend on position: on a sky, and on a field.
_MAIN = ("dipole_score", "score_dipole", "field_gradient", "score_field_gradient")


def audit_answers(
    findings: Findings,
    ledger: Sequence[Mapping[str, Any]],
    details: Mapping[str, Any],
    columns: AuditColumns,
    positive: str,
    alpha: float,
    effect: float | None = None,
) -> list[Answer]:
    """The answers: primary questions first, adjusted for each other by Holm's method.

    At the level `alpha`; a no excludes `effect`, where that is stated (see `position_answers.Rule`). `ledger` has the
    adjusted p of every other test, `details` what `suite.sky_details` gives, `positive` the class that is counted.
    """
    rule, adjusted = Rule(alpha, effect), {row["name"]: row["adjusted"] for row in ledger}
    asked = [*_of_position(findings, details, columns, positive), *_of_pairs(findings)]
    expected = _named(findings, "fraction_against_expected")
    p_expected = [_p_expected(one, findings) for one in expected]
    p = [*(one.p for one in asked), *p_expected]
    p_galaxies = [*(one.p_galaxies for one in asked), *p_expected]
    adjusted_p, adjusted_galaxies = holm(p), holm(p_galaxies)
    answers = []
    for number, one in enumerate(asked):
        floor = holm([*p[:number], one.p_floor, *p[number + 1 :]])[number]
        answers.append(position_answer(one, adjusted_p[number], adjusted_galaxies[number], floor, rule))
    several = len(columns.labels) > 1
    for monopole, own in zip(expected, adjusted_p[len(asked) :], strict=True):
        answers.append(_expected(monopole, findings, float(own), positive, several, rule))
    if not asked:
        answers.insert(0, _not_asked(findings, columns, positive))
    first = answers[0]
    answers += merging_answers(findings, adjusted, first, columns, positive, rule)
    of_templates = template_answers(findings, adjusted, first, columns, rule)
    if of_templates:
        answers[0] = beside_templates(first, of_templates[0], findings, adjusted, alpha)
    answers += of_templates
    answers += templates_by_group_answers(findings, adjusted, columns, rule)
    errors = error_answers(findings, adjusted, columns, rule)
    answers[0] = beside_errors(answers[0], errors)
    return [*answers, *errors]


def as_answered(ledger: Sequence[Mapping[str, Any]], answers: Sequence[Answer], alpha: float) -> list[dict[str, Any]]:
    """The ledger with the adjusted p of each answer in the line of its test, where it is the larger one.

    `of_the_answer` says where: there, blocks or errors that allow for more scatter decide the question.
    """
    answered = {one.test: one.p_adjusted for one in answers if one.p_adjusted is not None}
    lines = []
    for line in ledger:
        p = max(line["adjusted"], answered.get(line["name"], 0.0))
        larger = bool(p > line["adjusted"])
        lines.append({**line, "adjusted": float(p), "below_alpha": bool(p < alpha), "of_the_answer": larger})
    return lines


def verdict(answers: Sequence[Answer]) -> str:
    """The answers as text; of many pairs without a difference, how many there are and the largest limit."""
    pairs = [one for one in answers if one.test.startswith("difference_")]
    same = [one for one in pairs if one.answer == NO] if len(pairs) > _PAIRS_NAMED else []
    text = answers_text([one for one in answers if one not in same])
    if same:
        largest = max(one.limit95 or 0.0 for one in same)
        text += (
            f" For {len(same)} of {len(pairs)} pairs of columns no dipole of the difference was found, each below"
            f" {limit_in_points(largest)} at 95 %, one-sided."
        )
    return text


def what_of(column: str, positive: str, several: bool) -> str:
    """What is counted, in words; with its column where there are more."""
    return f"the fraction of '{positive}' in column {column}" if several else f"the fraction of '{positive}'"


def _named(findings: Findings, name: str) -> list[AuditFinding]:
    return [finding for finding in findings.found if finding.test.name.split(" ")[0] == name]


def _of_position(findings: Findings, details: Mapping[str, Any], columns: AuditColumns, positive: str) -> list[Asked]:
    """Of the score where it stands for labels, too; else of each column of labels."""
    several, power, asked = len(columns.labels) > 1, details.get("power"), []
    weights = [_weights(details)] if details.get("weights") else []
    main = [finding for finding in findings.found if _is_main(finding)]
    for finding in main:
        score = finding.test.name.startswith("score_")
        column, suffix = finding.extra["annotation"], _suffix(finding)
        what = f"the mean score {column}" if score else what_of(column, positive, several)
        because = list(weights)
        if score and (labels := findings.get("dipole_score")) is not None:
            size = with_points(labels.test.estimate, labels.test.ci95)
            because.append(
                f"Labels are a secondary question: with scores of {columns.threshold:g} and more taken for positive,"
                f" the dipole of the fraction is {size}."
            )
        blocks = findings.get(f"{'score_' if score else ''}block_dipole{suffix}")
        asked.append(Asked(question_of(what), what, [finding], blocks, power, because, points=not score))
    return asked


def _is_main(finding: AuditFinding) -> bool:
    name = finding.test.name.split(" ")[0]
    return finding.test.family == "primary" and name in _MAIN


def _suffix(finding: AuditFinding) -> str:
    """What follows the test's name: the column, after a space, of all but the first."""
    _, space, column = finding.test.name.partition(" ")
    return space + column


def _of_pairs(findings: Findings) -> list[Asked]:
    """Of the difference of two columns: the robust test, too, where there is one, since labels may differ more often
    in some places than in others."""
    asked = []
    for finding in [*_named(findings, "difference_dipole"), *_named(findings, "difference_field_gradient")]:
        suffix = _suffix(finding)
        first, second = finding.extra["annotations"]
        what = f"the difference {first} minus {second}"
        tests, because = [finding], []
        if (robust := findings.get(f"difference_dipole_robust{suffix}")) is not None:
            tests.append(robust)
        if (overall := findings.get(f"mcnemar{suffix}")) is not None:
            size = with_points(overall.test.estimate, overall.test.ci95)
            because.append(f"Their overall fractions differ by {size}.")
        if (rate := findings.get(f"discordance_rate_dipole{suffix}")) is not None:
            p = p_in_words(rate.test.p, rate.test.log10_p)
            size = with_points(rate.test.estimate)
            because.append(f"How often they differ, either way, has a dipole of {size} (p = {p}).")
        question = f"Do {first} and {second} differ in their pattern on the sky?"
        blocks = findings.get(f"difference_block_dipole{suffix}")
        asked.append(Asked(question, what, tests, blocks, None, because))
    return asked


def _not_asked(findings: Findings, columns: AuditColumns, positive: str) -> Answer:
    """The first question where no test of it could be made."""
    score = columns.threshold is not None
    test = "score_dipole" if score else "dipole_score"
    what = f"the mean score {columns.score}" if score else f"the fraction of '{positive}'"
    return Answer(
        question=question_of(what),
        test=test,
        answer=CANNOT_TELL,
        statement=f"Whether {what} depends on the position on the sky cannot be decided",
        short=f"Whether {what} depends on position cannot be decided",
        because=[f"{capital(findings.why_not(test) or 'no test could be made').rstrip('.')}."],
    )


def _weights(details: Mapping[str, Any]) -> str:
    weights = details["weights"]
    return (
        f"Galaxies are weighted by {weights['column']}: all together are as good as {weights['effective_n']:,.0f} of"
        f" equal weight, and {len(weights['refused'])} kinds of tests that have no weighted form were not made."
    )


def _p_expected(finding: AuditFinding, findings: Findings) -> float:
    """The larger p of galaxies and of blocks."""
    blocks = findings.get(f"block_{finding.test.name}")
    return max(one.test.deciding_p or 0.0 for one in (finding, *([blocks] if blocks else [])))


def _expected(finding: AuditFinding, findings: Findings, p: float, positive: str, several: bool, rule: Rule) -> Answer:
    """Is the fraction, or the mean score, the expected one? A question of its own, whatever the mask."""
    test, extra = finding.test, finding.extra
    expected, column = extra["expected"], extra["annotation"]
    what = f"the mean score {column}" if extra["of_score"] else what_of(column, positive, several)
    blocks = findings.get(f"block_{test.name}")
    # The interval and the limit of one test.
    widest = max((one for one in (finding, blocks) if one is not None), key=lambda one: one.extra["limit95"])
    limit, alpha = float(widest.extra["limit95"]), rule.alpha
    own = test.deciding_p or 0.0
    invalid = ""
    if blocks is not None and own < alpha <= p and (blocks.test.deciding_p or 0.0) > own:
        invalid = (
            f"Galaxies as the unit give p = {own:.2g}, blocks of sky {blocks.test.p:.2g}: neighbours may share what"
            " makes their labels."
        )
    if blocks is None and p < alpha and any(one.extra.get("sky_kind", SKY) != SKY for one in findings.found):
        invalid = (
            f"Galaxies as the unit give p = {own:.2g}, but on so small a sky labels that neighbours share could do the"
            " same, and no blocks of sky could tell."
        )
    # The fraction can be further from the expected one than to the nearer end, but a no is about both sides.
    evidence = rule.evidence(p, limit, min(expected, 1 - expected), invalid=invalid, points=not extra["of_score"])
    answer, reasons = decided(evidence, alpha)
    low, high = widest.test.ci95
    statement, short = against_expected(
        what, float(test.estimate), (low, high), expected, limit, answer, not extra["of_score"]
    )
    because = [*reasons, "Tests of position are about departures from this fraction, whatever it is."]
    if blocks is not None and not invalid:
        p_blocks = p_in_words(blocks.test.p, blocks.test.log10_p)
        because.append(
            f"Galaxies as the unit give p = {p_in_words(test.p, test.log10_p)}, blocks of sky {p_blocks}: the larger"
            " one decides."
        )
    effect = Effect(
        test.estimate - expected,
        (low - expected, high - expected),
        "mean score" if extra["of_score"] else "fraction",
    )
    return Answer(
        f"Does {what} differ from the expected {expected:g}?",
        test.name,
        answer,
        capital(statement),
        capital(short),
        effect=effect,
        p_adjusted=p,
        limit95=evidence.exclusion,
        because=because,
    )
