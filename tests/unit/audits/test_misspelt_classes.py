"""Values that are almost the positive class are not among the rest without being named."""

import pytest

from workflow_scripts.audits.vocabulary import Vocabulary, meaning_of
from workflow_scripts.errors import InputError


def meant(other: str, **more):
    return meaning_of({"spiral": 40, "ring": 9, other: 3}, Vocabulary(("spiral",), rest=True, **more), "t.csv")


@pytest.mark.parametrize("other", ["sprial", "spirl", "spirall", "Spirals"])
def test_a_misspelt_class_is_to_be_named(other):
    with pytest.raises(InputError, match=f"'{other}' is almost 'spiral'; expected it to be named"):
        meant(other)
    assert set(meant(other, negative=(other,)).negative) == {"ring", other}


@pytest.mark.parametrize("other", ["unspiral", "spiral2", "S", "elliptical", "spinal"])
def test_other_words_are_the_rest(other):
    assert set(meant(other).negative) == {"ring", other}


def test_short_names_differ_by_a_letter():
    found = meaning_of({"S0": 4, "S0a": 5}, Vocabulary(("S0",), rest=True), "t.csv")
    assert found.negative == ("S0a",)
