import pytest

from workflow_scripts.answers.wording import limit_in_words, noise_in_words, size_in_words


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


def test_a_mix_of_labels_is_named_only_where_it_adds_to_the_noise_of_three_components():
    assert noise_in_words(1.705) == "without any dipole it is 1.7 on this sky (root mean square)"
    assert noise_in_words(1.42) == "without any dipole it is 1.4 on this sky (root mean square)"
    mixed = noise_in_words(4.21)
    assert "unequal mix of labels makes it 4.2 " in mixed
    assert "with equal classes at most 1.7" in mixed
