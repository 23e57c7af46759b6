"""The headline of an audit: of several columns of labels it counts the answers, in place of showing the first only."""

from collections.abc import Sequence
from dataclasses import replace

from workflow_scripts.answers.answer import CANNOT_TELL, PRIMARY, YES, Answer, headline
from workflow_scripts.answers.wording import capital, limit_in_points, points_in_words

# How the names of tests begin that are made of each column, and of each pair of them.
_OF_COLUMNS, _OF_PAIRS = ("dipole_score", "field_gradient"), ("difference_",)
# So few columns are named, and so few pairs, whose names are longer.
_NAMED, _PAIRS_NAMED = 2, 1


def audit_headline(answers: Sequence[Answer], labels: Sequence[str], positive: str) -> str:
    """`answer.headline`, in which the question of each column of `labels`, or of each pair, is one sentence.

    `positive` is the class that is counted. Raises `ValueError` as `answer.headline`.
    """
    columns = [one for one in answers if one.role == PRIMARY and one.test.startswith(_OF_COLUMNS)]
    pairs = [one for one in answers if one.role == PRIMARY and one.test.startswith(_OF_PAIRS)]
    others = [one for one in answers if one not in columns and one not in pairs]
    if len(columns) < 2:
        return headline(answers)
    together = [_of_columns(columns, labels, f"the fraction of '{positive}'")]
    if pairs:
        # The unit once.
        together.append(_of_pairs(pairs, labels, with_unit=together[0].answer != YES))
    return headline([*together, *others])


def _of_columns(columns: Sequence[Answer], labels: Sequence[str], what: str) -> Answer:
    yes, n = [one for one in columns if one.answer == YES], len(columns)
    if yes:
        short = f"{what} depends on position in {len(yes)} of {n} columns{_named(yes, columns, labels[0], _NAMED)}"
        return replace(yes[0], short=capital(f"{short}, {_sizes(yes)}"))
    if open_ones := [one for one in columns if one.answer == CANNOT_TELL]:
        short = f"whether {what} depends on position cannot be decided in {len(open_ones)} of {n} columns"
        return replace(open_ones[0], short=capital(short))
    short = f"no dependence of {what} on position was found in {n} columns, {_limits(columns)}"
    return replace(columns[0], short=capital(short))


def _of_pairs(pairs: Sequence[Answer], labels: Sequence[str], with_unit: bool) -> Answer:
    yes, n = [one for one in pairs if one.answer == YES], len(pairs)
    of_all = "the two patterns differ" if n == 1 else f"patterns differ in {len(yes)} of {n} pairs"
    if yes:
        short = (
            f"{of_all}{_named(yes, pairs, ' and '.join(labels[:2]), _PAIRS_NAMED)}, {_sizes(yes, with_unit=with_unit)}"
        )
        return replace(yes[0], short=capital(short))
    if open_ones := [one for one in pairs if one.answer == CANNOT_TELL]:
        where = "" if n == 1 else f" of {len(open_ones)} of {n} pairs"
        return replace(open_ones[0], short=f"Whether the patterns{where} differ cannot be decided")
    where = "" if n == 1 else f" of {n} pairs"
    return replace(pairs[0], short=f"No difference of the patterns{where} was found, {_limits(pairs)}")


def _named(yes: Sequence[Answer], of_all: Sequence[Answer], first: str, most: int) -> str:
    """The names, where they are `most` or fewer, in brackets; names of tests end with them, but for the `first`."""
    if len(yes) > most or len(of_all) == 1:
        return ""
    return f" ({', '.join(one.test.partition(' ')[2] or first for one in yes)})"


def _sizes(yes: Sequence[Answer], with_unit: bool = True) -> str:
    sizes = [one.effect.value for one in yes if one.effect.value is not None]
    ends = dict.fromkeys(map(points_in_words, (min(sizes), max(sizes))))
    return f"by {' to '.join(ends)}{' percentage points' if with_unit else ''}"


def _limits(no: Sequence[Answer]) -> str:
    limits = [one.limit95 for one in no if one.limit95 is not None]
    return f"{'all ' if len(no) > 1 else ''}below {limit_in_points(max(limits))} (95 %)"
