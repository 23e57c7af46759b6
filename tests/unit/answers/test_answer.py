import math

import pytest

from workflow_scripts.answers.answer import CONTROL, NO, YES, Answer, Effect, answers_text, headline
from workflow_scripts.answers.decision import Evidence, decided
from workflow_scripts.answers.wording import place_in_words


def an_answer(answer=YES, short="The footprint changes the fraction by 0.041", **values):
    given = {"question": "Does it?", "test": "t", "statement": f"{short} between hemispheres", "limit95": 0.06} | values
    return Answer(answer=answer, short=short, **given)


def test_keys_are_those_of_the_contract():
    found = an_answer(effect=Effect(0.041, (0.02, 0.06), "fraction", "towards RA 120"), p_adjusted=0.003).as_dict()
    wanted = ["question", "test", "answer", "effect", "p_adjusted", "limit95"]
    wanted += ["because", "beside", "next", "role", "statement"]
    assert list(found) == wanted
    assert found["effect"] == {"value": 0.041, "ci95": [0.02, 0.06], "unit": "fraction", "direction": "towards RA 120"}


def test_no_needs_a_limit():
    with pytest.raises(ValueError, match="excluded"):
        an_answer(NO, limit95=None)


def test_an_answer_is_one_of_three():
    with pytest.raises(ValueError, match="maybe"):
        an_answer("maybe")


def test_headline_has_thirty_words_at_most_and_the_alarm_first():
    many = [an_answer(short=f"Something number {n} changes the catalog a lot") for n in range(9)]
    alarm = an_answer(role=CONTROL, short="The placebo footprints find an effect")
    found = headline([*many, alarm])
    assert found.startswith("The placebo footprints find an effect; something number 0")
    assert len(found.split()) <= 30
    assert found.endswith(".")


def test_headline_of_a_long_answer_is_cut():
    assert len(headline([an_answer(short="word " * 50)]).split()) == 30
    assert len(headline([an_answer(short="word " * 50)], most_words=20).split()) == 20


def test_text_gives_the_estimate_before_the_p():
    assert answers_text([an_answer(p_adjusted=0.003, because=["But few."])]) == (
        "The footprint changes the fraction by 0.041 between hemispheres (adjusted p = 0.003). But few."
    )


def test_text_says_once_what_several_answers_rest_on():
    many = [an_answer(short=name, because=["Two regions were compared."]) for name in ("First", "Second")]
    assert answers_text(many) == "First between hemispheres. Two regions were compared. Second between hemispheres."


@pytest.mark.parametrize(
    ("evidence", "answer", "why"),
    [
        (Evidence(0.001, limit95=0.1), "yes", ""),
        (Evidence(0.2, limit95=0.1, largest_possible=0.4), "no", ""),
        (Evidence(0.2, limit95=0.5, largest_possible=0.4), "cannot tell", "nothing is excluded"),
        (Evidence(0.2, p_floor=0.03, limit95=0.1), "cannot tell", "below 0.03"),
        (Evidence(0.2, limit95=0.04, of_interest=0.05), "no", ""),
        (Evidence(0.2, limit95=0.06, of_interest=0.05), "cannot tell", "about one of 0.05"),
        (Evidence(0.001, limit95=0.06, of_interest=0.05), "yes", ""),
        (Evidence(0.2), "cannot tell", "no limit"),
        (Evidence(0.2, limit95=math.inf), "cannot tell", "no limit"),
        (Evidence(None), "cannot tell", "could not be made"),
        (Evidence(math.nan), "cannot tell", "could not be made"),
        (Evidence(1e-9, invalid="The field is too small."), "cannot tell", "too small"),
    ],
)
def test_decision(evidence, answer, why):
    found, because = decided(evidence, 0.01)
    assert found == answer
    assert why in " ".join(because)


def test_a_direction_has_no_360_and_no_negative_zero():
    assert place_in_words(359.7, -0.2) == "RA 0°, Dec +0°"
    assert place_in_words(283.4, -55.6) == "RA 283°, Dec -56°"
