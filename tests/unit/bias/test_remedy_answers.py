"""Answers about remedies: which removes the effects, and which is the cheapest that does."""

import re

import pytest

from workflow_scripts.bias.remedy_answers import remedy_answers
from workflow_scripts.bias.remedy_comparison import compared_remedies, remedy_table

RESPONSE, COMMON = "fraction_response", "common_dipole"
WORDS = {RESPONSE: "the effect of the training footprint on the fraction of spiral", COMMON: "the common dipole"}
YES_BOTH = {RESPONSE: "yes", COMMON: "yes"}


def size(value, half, p=0.5):
    low, high = value - half, value + half
    return {"value": value, "ci95": [max(0.0, low), high], "limit95": value + 0.85 * half, "p": p}


def effect(test, remaining, ratio, half_ratio=0.1, untreated=0.1):
    given = {"test": test, "effect": WORDS[test], "unit": "fraction", "dof": 20.0}
    given |= {"untreated": size(untreated, 0.01, 1e-6), "remaining": remaining}
    return given | {"ratio": {"value": ratio, "ci95": [ratio - half_ratio, ratio + half_ratio]}}


def score(name, effects, kept=1.0, half=0.05):
    worst = {"value": kept - 0.1, "direction": "towards RA 120°, Dec +30°"}
    signal = {"kept": {"value": kept, "ci95": [kept - half, kept + half], "dof": 20.0}, "worst": worst}
    found = {"experiment": "default", "remedy": name, "effects": effects, "signal": signal}
    return found | {"balanced_accuracy": None, "galaxies": None}


def gone(test=RESPONSE):
    return effect(test, size(0.01, 0.012), 0.1)


def stays(test=RESPONSE):
    return effect(test, size(0.095, 0.012, 1e-6), 0.95)


def answered(*scores, prices=None, answers=YES_BOTH):
    prices = prices or {one["remedy"]: 3600.0 * (number + 1) for number, one in enumerate(scores)}
    comparison = compared_remedies(scores, prices, 0.05)
    found = remedy_answers(comparison, answers, 0.01)
    return {one.test: one for one in found}


ONE = {RESPONSE: "yes"}


@pytest.mark.parametrize(
    ("given", "answer", "words"),
    [
        (
            score("mixed_sky", [gone()]),
            "yes",
            "With mixed_sky, 1.0 percentage points (95 %: 0.0 to 2.2) are left of the effect of the training footprint"
            " on the fraction of spiral, at most 2.1 percentage points: mixed_sky removes the effect of the training"
            " footprint, for 1.0 core hours",
        ),
        (score("mixed_sky", [stays()]), "no", "mixed_sky does not remove the effect"),
        # Large, and not known whether it is smaller than what is asked about.
        (score("mixed_sky", [effect(RESPONSE, size(0.05, 0.03, 0.01), 0.5)]), "cannot tell", "cannot be decided"),
        # Below the size that is asked about, and as large as before.
        (
            score("mixed_sky", [effect(RESPONSE, size(0.02, 0.004, 1e-6), 1.0, untreated=0.02)]),
            "no",
            "mixed_sky does not remove the effect",
        ),
        (
            score("mixed_sky", [gone()], kept=0.6),
            "no",
            "removes the effect of the training footprint, and with it a",
        ),
        (score("mixed_sky", [gone()], kept=0.82), "cannot tell", "cannot be decided"),
        (score("mixed_sky", [gone()]) | {"signal": None}, "cannot tell", "cannot be decided"),
    ],
)
def test_answer_of_one_remedy(given, answer, words):
    one = answered(given, answers=ONE)["remedy_mixed_sky"]
    does = "training galaxies in equal numbers from everywhere"
    assert one.question == f"Does mixed_sky ({does}) remove the effect of the training footprint?"
    assert (one.answer, one.role) == (answer, "secondary")
    assert words in one.statement
    # A p beside another answer would be read as that of an effect.
    assert one.p_adjusted < 0.05 if answer == "yes" else one.p_adjusted is None


def test_every_effect_of_the_experiment_has_to_go():
    found = answered(score("degraded", [gone(), stays(COMMON)]))
    one = found["remedy_degraded"]
    assert one.answer == "no"
    assert one.question.endswith("while training) remove the effect of the training footprint and the common dipole?")
    # The effect that decides is in the statement, and what stays in its end.
    assert one.statement.endswith(": degraded does not remove the common dipole")
    assert one.statement.startswith("With degraded, 9.5 percentage points (95 %: 8.3 to 10.7) are left of the common")
    assert one.because == ["That is 0.95 (95 %: 0.85 to 1.05) of the untreated effect."]
    # What went away is beside what stays.
    (beside,) = one.beside
    assert re.fullmatch(
        r"Of the other untreated effects it leaves [-\d.]+ \(95 %: .* to .*\) of the effect of .*\.", beside
    )
    # The common dipole is none of the experiment's effects here.
    assert answered(score("degraded", [gone(), stays(COMMON)]), answers=ONE)["remedy_degraded"].answer == "yes"


def test_the_cheapest_that_leaves_nothing_is_named_with_its_price():
    given = [score("templates", [stays()]), score("degraded", [gone()]), score("mixed_sky", [gone()])]
    one = answered(*given, answers=ONE)["cheapest_remedy"]
    assert one.question == "Which is the cheapest remedy, if any, that leaves no effect above 5.0 percentage points?"
    assert one.answer == "yes"
    cheapest = "The cheapest remedy that leaves no effect above 5.0 percentage points is"
    assert one.statement == f"{cheapest} degraded, for 2.0 core hours"
    assert any("for all 3 claims together" in sentence for sentence in one.because)
    prices = {"templates": 1.0, "degraded": 600.0, "mixed_sky": 60.0}
    one = answered(*given, prices=prices, answers=ONE)["cheapest_remedy"]
    assert one.statement == f"{cheapest} mixed_sky, for 1.0 core minutes"


def test_none_of_them_or_not_known():
    lost = score("templates", [gone()], kept=0.3)
    none = answered(lost, score("degraded", [stays()]), answers=ONE)["cheapest_remedy"]
    assert none.answer == "no"
    assert none.statement.startswith("Every remedy that was tried leaves an effect above 5.0 percentage points, or")
    wide = score("degraded", [effect(RESPONSE, size(0.05, 0.03), 0.5)])
    assert answered(lost, wide, answers=ONE)["cheapest_remedy"].answer == "cannot tell"


def test_limits_widen_with_the_number_of_remedies():
    border = effect(RESPONSE, size(0.02, 0.034), 0.2)
    assert answered(score("degraded", [border]), answers=ONE)["remedy_degraded"].answer == "yes"
    many = [score(f"other{number}", [stays()]) for number in range(9)]
    one = answered(score("degraded", [border]), *many, answers=ONE)["remedy_degraded"]
    assert one.answer == "cannot tell"
    assert one.limit95 > 0.05


def test_without_an_effect_there_is_nothing_to_remedy():
    for answers, words in (
        ({RESPONSE: "no", COMMON: "no"}, "excludes"),
        ({RESPONSE: "cannot tell"}, "distinguishable"),
    ):
        found = answered(score("degraded", [gone(), gone(COMMON)]), answers=answers)
        assert list(found) == ["cheapest_remedy"]
        assert found["cheapest_remedy"].statement == "There is nothing to remedy"
        assert words in found["cheapest_remedy"].because[0]


def test_a_remedy_without_a_score_says_why():
    reason = {
        "experiment": "default",
        "remedy": "prediction_powered",
        "effects": [],
        "reason": "no labels",
        "signal": None,
    }
    found = answered(score("degraded", [gone()]), reason, answers=ONE)
    one = found["remedy_prediction_powered"]
    assert (one.answer, one.because[0]) == ("cannot tell", "It could not be scored: no labels.")
    # It claims nothing, so that it costs the others nothing.
    assert any(sentence == "Limits hold at 95 %." for sentence in found["cheapest_remedy"].because)


def test_the_table_has_a_row_for_every_effect_cheapest_first():
    reason = {"experiment": "default", "remedy": "prediction_powered", "effects": [], "reason": "no labels"}
    given = [score("degraded", [gone(), stays(COMMON)]), score("templates", [stays()]), reason]
    table = remedy_table(compared_remedies(given, {"degraded": 60.0, "templates": 1.0}, 0.05))
    assert list(table["remedy"]) == ["templates", "degraded", "degraded", "prediction_powered"]
    assert table["remaining_limit95"].iloc[0] == pytest.approx(0.095 + 0.85 * 0.012)
    assert table["reason"].iloc[3] == "no labels"
    assert table["signal_kept_low"].iloc[0] == pytest.approx(0.95)


@pytest.mark.parametrize(("needed", "words"), [(4, "Ensembles of 4 footprints"), (None, "No number of footprints")])
def test_an_ensemble_says_how_many_footprints_it_needs(needed, words):
    one = answered(score("ensemble", [gone()]) | {"members": [], "needed": needed}, answers=ONE)["remedy_ensemble"]
    assert any(sentence.startswith(words) for sentence in one.because)


def test_nothing_by_construction_is_said_in_words():
    nothing = effect(RESPONSE, size(0.0, 0.0, 1.0), 0.0, half_ratio=0.0)
    one = answered(score("ensemble", [nothing]), answers=ONE)["remedy_ensemble"]
    assert one.answer == "yes"
    assert one.statement.startswith(f"With ensemble, nothing is left of {WORDS[RESPONSE]}, by construction: ensemble")


def test_an_effect_that_is_turned_round_has_the_interval_of_its_size():
    turned = {"value": -0.03, "ci95": [-0.04, -0.02], "limit95": 0.038, "p": 1e-6}
    one = answered(score("degraded", [effect(RESPONSE, turned, -0.3)]), answers=ONE)["remedy_degraded"]
    assert "3.0 percentage points (95 %: 2.0 to 4.0) are left" in one.statement
