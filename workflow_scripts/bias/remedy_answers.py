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
from workflow_scripts.answers.wording import capital, limit_in_points, with_points
from workflow_scripts.statistics.runs.lengths import OtherLevels
from workflow_scripts.statistics.truth.planted_signal import LEAST_KEPT

# What each does, beside its name in a question.
_DOES = {
    "mixed_sky": "training galaxies in equal numbers from everywhere",
    "matched_imaging": "training sets matched in seeing and depth, too",
    "homogenised": "all images at the common worst seeing and noise",
    "degraded": "random blur and noise while training",
    "equivariant": "the mean over flips and quarter turns of each image",
    "aligned": "features of training images made like those of the whole sky",
    "strata": "a network for each of two strata of the imaging",
    "ensemble": "the mean score of networks of all footprints",
    "templates": "a regression on the imaging, taken off",
    "prediction_powered": "corrected by the reference labels of some galaxies",
}
# What the training galaxies themselves set a limit to.
_LIMITED = {
    "matched_imaging": "Where a footprint lacks galaxies of some seeing or depth, the nearest are taken: where imaging"
    " hardly overlaps, part of the difference remains in the training sets.",
}
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
    """An answer for the cheapest remedy, then one for each, secondary; the first alone without anything to remedy.

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
    rule, above = _rule(claims), f"above {with_points(of_interest)}"
    if good:
        name, price = good[0]["remedy"], _price(good[0]["core_s"])
        own = made[name]
        cheaper = [one["remedy"] for one in remedies[: remedies.index(good[0])]]
        open_ones = [other for other in cheaper if made[other].answer == CANNOT_TELL]
        undecided = [f"Cheaper and undecided: {_listed(open_ones)}."] if open_ones else []
        short = f"{name} is the cheapest remedy that leaves no effect {above}"
        statement = f"The cheapest remedy that leaves no effect {above} is {name}, for {price}"
        whole = replace(own, question=whole.question, test=whole.test, statement=statement, short=short)
        whole = replace(whole, because=[*undecided, rule])
    elif all(one.answer == NO for one in made.values()):
        none = f"Every remedy that was tried leaves an effect {above}, or takes a true dipole away"
        limit = min(one.limit95 for one in made.values() if one.limit95 is not None)
        whole = replace(whole, answer=NO, statement=none, short=none, limit95=limit, because=[rule])
    else:
        passed = [name for name, one in made.items() if one.answer == CANNOT_TELL]
        what = f"Whether a remedy leaves no effect {above} cannot be decided"
        others = "; the others leave one, or take a true dipole away" if len(passed) < len(made) else ""
        whole = replace(whole, statement=what, short=what, next=[_MORE])
        whole = replace(whole, because=[f"Undecided: {_listed(passed)}{others}.", rule])
    return [whole, *made.values()]


def _cheapest(of_interest: float) -> Answer:
    question = f"Which is the cheapest remedy, if any, that leaves no effect above {with_points(of_interest)}?"
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
    # The one that decides, or else the largest that is left, stands for all.
    bounded = [one for one in parts if one.limit is not None]
    deciding = [one for one in bounded if one.answer == answer] or bounded
    largest = max(deciding, key=lambda one: one.limit or 0.0, default=None)
    shown = largest.effect if largest else None
    limit = largest.limit if largest else None
    if answer == NO and limit is None:
        answer = CANNOT_TELL
    what = _effects_in_words([effect["test"] for effect in own])
    ps = [one.p for one in found]
    # It is that of a yes: beside another answer it would be read as the p of an effect.
    p = None if answer != YES or None in ps else min(1.0, claims * max(p for p in ps if p is not None))
    stays = [str(one.effect["test"]) for one in parts if one.effect and one.answer == NO]
    if answer == YES:
        says = f"{name} removes {what}"
    elif answer == CANNOT_TELL:
        says = f"whether {name} removes {what} cannot be decided"
    elif stays:
        says = f"{name} does not remove {_effects_in_words(stays)}"
    elif all(one.answer == YES for one in parts):
        says = f"{name} removes {what}, and with {'them' if len(own) > 1 else 'it'} a true dipole"
    else:
        says = f"{name} takes a true dipole away"
    statement = capital(says) if answer == CANNOT_TELL else says
    if shown is not None and limit is not None:
        statement = f"With {name}, {_left(shown, limit)}: {says}"
    reasons = [one for one in found if answer != NO or one.answer == NO]
    reasons.sort(key=lambda one: one is not largest)
    because = [_of_untreated(shown) if shown and one is largest else one.because for one in reasons]
    # A no for one effect hides what becomes of the others.
    others = [f"{_share(one['ratio'])} of {one['effect']}" for one in own if one is not shown and one["ratio"]]
    beside = [f"Of the other untreated effects it leaves {'; '.join(others)}."] if answer == NO and others else []
    beside += [_LIMITED[name]] if answer != YES and name in _LIMITED else []
    return Answer(
        question=f"Does {name} ({_DOES[name]}) remove {what}?" if name in _DOES else f"Does {name} remove {what}?",
        test=f"remedy_{name}",
        answer=answer,
        statement=f"{statement}, for {_price(score['core_s'])}" if answer == YES else statement,
        short=capital(says) if answer == CANNOT_TELL else says,
        effect=Effect() if shown is None else _size(shown),
        p_adjusted=p,
        limit95=limit,
        because=[*filter(None, because), *_members(score, of_interest), *([_rule(claims)] if answer == YES else [])],
        beside=beside,
        next=[_MORE] if answer == CANNOT_TELL and "reason" not in score else [],
        role=SECONDARY,
    )


def _members(score: Mapping[str, Any], of_interest: float) -> list[str]:
    """How many footprints an ensemble needs."""
    if "members" not in score:
        return []
    above = f"an effect of the footprint above {with_points(of_interest)}"
    if score["needed"] is None:
        return [f"No number of footprints excludes {above}."]
    return [f"Ensembles of {score['needed']} footprints exclude {above}, each size at 95 % by itself."]


def _of_effect(effect: Mapping[str, Any], of_interest: float, alpha: float, claims: int) -> _Found:
    """Whether what remains of an effect is below a size (yes), or is not (no)."""
    remaining, ratio = effect["remaining"], effect["ratio"]
    what = effect["effect"]
    if remaining["value"] is None or remaining["ci95"] is None or remaining["limit95"] is None or not effect["dof"]:
        return _Found(CANNOT_TELL, f"What remains of {what} has no limit.", effect=effect)
    size, (low, high) = abs(remaining["value"]), remaining["ci95"]
    levels = OtherLevels.of(size, (low, high), remaining["limit95"], effect["dof"])
    limit, p = levels.limit(1 - _LEVEL / claims), levels.p_as_large(of_interest)
    left = " ".join(filter(None, [f"{capital(_left(effect, limit))}.", _of_untreated(effect)]))
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
    where_planted = " in the true classes, which only a simulation knows" if signal.get("of_true_classes") else ""
    because = f"Of a dipole planted{where_planted}, {_share(kept)} of what the untreated networks keep is left{where}."
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


def _of_untreated(effect: Mapping[str, Any]) -> str:
    """What remains beside the untreated effect; empty where there is no ratio."""
    ratio = effect["ratio"]
    return f"That is {_share(ratio)} of the untreated effect." if ratio else ""


def _left(effect: Mapping[str, Any], limit: float) -> str:
    """What remains of an effect, in percentage points, and the limit on it; nothing has none."""
    if limit == 0:
        return f"nothing is left of {effect['effect']}, by construction"
    value, (low, high) = effect["remaining"]["value"], effect["remaining"]["ci95"]
    size = with_points(abs(value), (low, high) if value >= 0 else (-high, -low))
    return f"{size} are left of {effect['effect']}, at most {limit_in_points(limit)}"


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
