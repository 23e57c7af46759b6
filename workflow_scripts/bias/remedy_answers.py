"""What removes the effects of an experiment, as answers: one for each remedy, and one for the cheapest.

A remedy is a yes where every effect that the untreated experiment has a yes for is excluded above the size that the
experiment asks about, and a planted dipole survives. Every claim has to hold for all remedies at once (Bonferroni), so
that the cheapest of those that pass is not chosen by luck.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scipy import stats

from workflow_scripts.answers.answer import CANNOT_TELL, NO, SECONDARY, YES, Answer, Effect
from workflow_scripts.answers.wording import limit_in_words, size_in_words
from workflow_scripts.statistics.runs.lengths import OtherLevels
from workflow_scripts.statistics.truth.planted_signal import LEAST_KEPT

# A remedy that leaves more than this of an effect has not made it smaller.
_NO_SMALLER = 0.75
_LEVEL = 0.05
_MORE = "More training sets or footprints."


@dataclass(frozen=True)
class _Found:
    """What is known of one effect, or of the signal: its `answer` to whether a remedy did its part, and why.

    `p` is that of the contrary, unadjusted; `limit` at the level of all remedies.
    """

    answer: str
    because: str
    p: float | None = None
    limit: float | None = None
    effect: Mapping[str, Any] | None = None


def remedy_answers(
    comparison: Mapping[str, Any], answered: Mapping[str, str], alpha: float, sets: int = 1
) -> list[Answer]:
    """An answer for each remedy and one for the cheapest, secondary; the latter alone where there is nothing to remedy.

    Parameters
    ----------
    comparison
        as `remedy_comparison.compared_remedies` gives it.
    answered
        the answer to each test of the untreated experiment: its effects are those with a yes.
    alpha
        the level at which what remains differs from zero.
    sets
        how many classes are each compared with the rest: every p is multiplied by their number.
    """
    of_interest, remedies = float(comparison["effect"]), comparison["remedies"]
    known = {effect["test"] for one in remedies for effect in one["effects"]}
    tested = {test: answer for test, answer in answered.items() if test in known}
    removable = {test for test, answer in tested.items() if answer == YES}
    whole = _cheapest(of_interest)
    if not removable:
        if tested and all(answer == NO for answer in tested.values()):
            why = "The untreated experiment excludes every effect of that size."
        else:
            why = "The untreated experiment has no effect that is distinguishable from zero."
        none = "There is nothing to remedy"
        return [replace(whole, statement=none, short=none, because=[why])]
    scored = [one for one in remedies if one["effects"]]
    claims = max(1, len(scored)) * sets
    made = {one["remedy"]: _of_remedy(one, removable, of_interest, alpha, claims) for one in remedies}
    # In the order of the comparison: the cheapest first.
    good = [one for one in remedies if made[one["remedy"]].answer == YES]
    rule = _rule(claims)
    if good:
        name, price = good[0]["remedy"], _price(good[0]["core_s"])
        own = made[name]
        cheaper = [one["remedy"] for one in remedies[: remedies.index(good[0])]]
        open_ones = [other for other in cheaper if made[other].answer == CANNOT_TELL]
        undecided = [f"Of {_listed(open_ones)}, which is cheaper, that cannot be told."] if open_ones else []
        statement = f"The cheapest remedy that leaves nothing above {size_in_words(of_interest)} is {name}, at {price}"
        short = f"{name} is the cheapest remedy that leaves nothing above {size_in_words(of_interest)}"
        whole = replace(own, question=whole.question, test=whole.test, statement=statement, short=short)
        whole = replace(whole, because=[*undecided, rule])
    elif all(one.answer == NO for one in made.values()):
        none = f"No remedy that was tried leaves nothing above {size_in_words(of_interest)}"
        limit = min(one.limit95 for one in made.values() if one.limit95 is not None)
        whole = replace(whole, answer=NO, statement=none, short=none, limit95=limit, because=[rule])
    else:
        passed = [name for name, one in made.items() if one.answer == CANNOT_TELL]
        what = f"Whether a remedy leaves nothing above {size_in_words(of_interest)} cannot be decided"
        why = f"Undecided: {_listed(passed)}; the others do not."
        whole = replace(whole, statement=what, short=what, because=[why, rule], next=[_MORE])
    return [*made.values(), whole]


def _cheapest(of_interest: float) -> Answer:
    question = f"What is the cheapest remedy that leaves nothing above {size_in_words(of_interest)}?"
    return Answer(question, "cheapest_remedy", CANNOT_TELL, "", "", role=SECONDARY)


def _of_remedy(score: Mapping[str, Any], removable: set[str], of_interest: float, alpha: float, claims: int) -> Answer:
    name = score["remedy"]
    own = [effect for effect in score["effects"] if effect["test"] in removable]
    parts = [_of_effect(effect, of_interest, alpha, claims) for effect in own]
    survives = _of_signal(score.get("signal"), claims)
    found = [*parts, survives]
    answer = CANNOT_TELL
    if "reason" in score or len(parts) < len(removable):
        missing = score.get("reason", "an effect of the experiment was not measured with it")
        found = [_Found(CANNOT_TELL, f"It could not be scored: {missing.rstrip('.')}.")]
    elif any(one.answer == NO for one in found):
        answer = NO
    elif all(one.answer == YES for one in found):
        answer = YES
    # The largest that is left stands for all.
    bounded = [one for one in parts if one.limit is not None]
    largest = max(bounded, key=lambda one: one.limit or 0.0, default=None)
    shown = largest.effect if largest else None
    limit = largest.limit if largest else None
    if answer == NO and limit is None:
        answer = CANNOT_TELL
    what = _effects_in_words([effect["test"] for effect in own])
    ps = [one.p for one in found]
    p = None if None in ps or not ps else min(1.0, claims * max(p for p in ps if p is not None))
    at = f", at {_price(score['core_s'])}" if answer == YES else ""
    verb = {YES: f"The remedy {name} removes", NO: f"The remedy {name} does not remove"}.get(answer)
    statement = f"{verb} {what}" if verb else f"Whether the remedy {name} removes {what} cannot be decided"
    short = statement
    if answer == YES and limit is not None:
        statement += f": what is left is {_at_most(limit)}{at}"
    because = [one.because for one in found if answer != NO or one.answer == NO]
    if answer == NO and survives.answer == NO and all(one.answer == YES for one in parts):
        statement = f"The remedy {name} removes {what}, and with {'them' if len(own) > 1 else 'it'} a true dipole"
        short = statement
    return Answer(
        question=f"Does {name} remove {what}?",
        test=f"remedy_{name}",
        answer=answer,
        statement=statement,
        short=short,
        effect=Effect() if shown is None else _size(shown),
        p_adjusted=p,
        limit95=limit,
        because=[*because, *_members(score, of_interest), *([_rule(claims)] if answer == YES else [])],
        next=[_MORE] if answer == CANNOT_TELL and "reason" not in score else [],
        role=SECONDARY,
    )


def _members(score: Mapping[str, Any], of_interest: float) -> list[str]:
    """How many footprints an ensemble needs."""
    if "members" not in score:
        return []
    above = f"no effect of the footprint above {size_in_words(of_interest)}"
    if score["needed"] is None:
        return [f"No number of footprints leaves {above}."]
    return [f"Ensembles of {score['needed']} footprints leave {above}, each size at 95 % by itself."]


def _of_effect(effect: Mapping[str, Any], of_interest: float, alpha: float, claims: int) -> _Found:
    """Whether what remains of an effect is below a size (yes), or is not (no)."""
    remaining, ratio = effect["remaining"], effect["ratio"]
    what = effect["effect"]
    if remaining["value"] is None or remaining["ci95"] is None or remaining["limit95"] is None or not effect["dof"]:
        return _Found(CANNOT_TELL, f"What remains of {what} has no limit.", effect=effect)
    size, (low, high) = abs(remaining["value"]), remaining["ci95"]
    levels = OtherLevels.of(size, (low, high), remaining["limit95"], effect["dof"])
    limit, p = levels.limit(1 - _LEVEL / claims), levels.p_as_large(of_interest)
    share = f", {_share(ratio)} of the untreated" if ratio else ""
    left = f"What remains of {what} is {size_in_words(size)} ({_at_most(limit)}){share}."
    if limit == 0:
        left = f"Nothing remains of {what}, by construction."
    least = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    same = ratio is not None and ratio["ci95"][0] > _NO_SMALLER and _below(remaining["p"], alpha / claims)
    if limit < of_interest and not same:
        return _Found(YES, left, p, limit, effect)
    if least > of_interest or same:
        return _Found(NO, left, p, limit, effect)
    return _Found(CANNOT_TELL, left, p, limit, effect)


def _of_signal(signal: Mapping[str, Any] | None, claims: int) -> _Found:
    """Whether a planted dipole survives."""
    kept = (signal or {}).get("kept")
    if not signal or not kept or kept["ci95"] is None:
        reason = (signal or {}).get("reason", "no galaxy has a reference label")
        return _Found(CANNOT_TELL, f"Whether a true dipole survives is not known: {reason.rstrip('.')}.")
    value, (low, high) = kept["value"], kept["ci95"]
    widest = float(stats.t.ppf(0.975, kept["dof"]))
    below, above = (max(0.0, part) / widest for part in (value - low, high - value))
    critical = float(stats.t.ppf(1 - _LEVEL / claims, kept["dof"]))
    lost = float(stats.t.sf((value - LEAST_KEPT) / below, kept["dof"])) if below > 0 else float(value <= LEAST_KEPT)
    worst = signal.get("worst")
    where = f"; along the worst direction, {worst['direction']}, {worst['value']:.2f}" if worst else ""
    because = f"Of a planted dipole, {_share(kept)} of what the untreated networks keep is left{where}."
    if value - critical * below > LEAST_KEPT:
        return _Found(YES, because, lost)
    if value + critical * above < LEAST_KEPT:
        return _Found(NO, because, lost)
    return _Found(CANNOT_TELL, because, lost)


def _below(p: float | None, level: float) -> bool:
    return p is not None and p < level


def _effects_in_words(tests: Sequence[str]) -> str:
    kinds = {test.split()[0] == "common_dipole" for test in tests}
    words = {False: "the effect of the training footprint", True: "the common dipole"}
    return " and ".join(words[kind] for kind in sorted(kinds)) or "the effects"


def _size(effect: Mapping[str, Any]) -> Effect:
    low, high = effect["remaining"]["ci95"]
    return Effect(effect["remaining"]["value"], (low, high), f"{effect['unit']}, what remains of {effect['effect']}")


def _share(share: Mapping[str, Any]) -> str:
    low, high = share["ci95"]
    return f"{share['value']:.2f} (95 %: {low:.2f} to {high:.2f})"


def _at_most(limit: float) -> str:
    return f"at most {limit_in_words(limit)}" if limit > 0 else "nothing"


def _rule(claims: int) -> str:
    if claims == 1:
        return "Limits hold at 95 %."
    together = f"Limits hold at 95 % for all {claims} claims together (Bonferroni)"
    return f"{together}, so that the cheapest is not chosen by luck."


def _price(core_s: float | None) -> str:
    if core_s is None:
        return "an unknown price"
    hours = core_s / 3600
    return f"{hours:.1f} core hours" if hours >= 1 else f"{core_s / 60:.1f} core minutes"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
