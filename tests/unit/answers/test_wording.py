import pytest

from workflow_scripts.answers.wording import limit_in_words, size_in_words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0.000"), (0.0412, "0.041"), (-0.0301, "-0.030"), (0.00029, "0.00029"), (0.0095, "0.0095")],
)
def test_small_sizes_keep_two_digits(value, words):
    assert size_in_words(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0.000"), (0.0412, "0.042"), (0.041, "0.041"), (0.00241, "0.0025"), (0.0024, "0.0024"), (0.00999, "0.010")],
)
def test_limits_are_rounded_up(value, words):
    assert limit_in_words(value) == words
