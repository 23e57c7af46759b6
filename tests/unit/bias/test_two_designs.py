"""An answer beside that of the other design, where the two seem to differ."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.answered_tests import a_test, answers_of
from workflow_scripts.bias.declared_tests import CONTRAST, PATTERN
from workflow_scripts.bias.experiment_answers import experiment_headline
from workflow_scripts.bias.quantities import REFERENCE_DIPOLE


def dipoles_of(along):
    """A run of each footprint whose dipole along z is as given, and the answers' other columns."""
    runs = pd.DataFrame({"footprint": list(along), "resample": 0, "network": "net", "n_reference": 1, "fraction": 0.4})
    return runs.assign(**dict.fromkeys(REFERENCE_DIPOLE[:2], 0.0), **{REFERENCE_DIPOLE[2]: list(along.values())})


@pytest.mark.parametrize(
    ("deciding", "why"),
    [
        ("even along the common dipole", "opposite footprints change the dipole alike"),
        ("odd along the common dipole", "all directions, of which these two regions are one pair"),
    ],
)
def test_two_regions_without_a_difference_are_set_beside_the_curve_that_has_one(deciding, why):
    details = {"least": {"amplitude": 0.076, "mu": 0.1}, "largest": {"amplitude": 0.106, "mu": 0.96}}
    details |= {"common_direction": "towards RA 0°, Dec +90°", "common_vector": [0.0, 0.0, 1.0], "deciding": deciding}
    details |= {"even_p": 0.001, "odd_p": 0.2}
    tests = [
        a_test("pattern_response", 0.001, PATTERN, quantity="dipole", details=details),
        a_test(
            *("dipole_contrast north - south", 0.4, CONTRAST, "secondary design"),
            quantity="dipole",
            footprints=("north", "south"),
        ),
    ]
    pattern, contrast = answers_of(tests, dipoles_of({"north": 0.094, "south": 0.086}))
    assert (pattern.answer, contrast.answer, pattern.beside) == ("yes", "no", ())
    (sentence,) = contrast.beside
    assert why in sentence
    assert (
        "Towards RA 0°, Dec +90° the false dipole is 9.4 for north and 8.6 for south (percentage points), and 7.6 for"
        " footprints across it (mu = +0.10)." in sentence
    )
    assert sentence in contrast.text
    # Answers that agree, and those of other quantities, have nothing beside them.
    (_, alike) = answers_of([tests[0], replace(tests[1], p_permutation=0.001)], dipoles_of({"north": 0, "south": 0}))
    assert (alike.answer, alike.beside) == ("yes", ())
    (_, other) = answers_of([a_test("fraction_response", 0.001), tests[1]], dipoles_of({"north": 0, "south": 0}))
    assert (other.answer, other.beside) == ("no", ())


def test_two_regions_need_not_lie_where_the_fraction_differs_most():
    tests = [
        a_test("fraction_response", 0.001, direction="towards RA 0°, Dec +90°"),
        a_test("fraction_contrast east - west", 0.4, CONTRAST, "secondary design", footprints=("east", "west")),
    ]
    _, contrast = answers_of(tests)
    assert contrast.beside == [
        "Fraction response has a yes: 2.0 percentage points (95 %: 0.0 to 5.0), most towards RA 0°, Dec +90°. It"
        " compares footprints in all directions, of which these two regions are one pair: they need not lie where"
        " footprints differ most."
    ]


def test_the_size_of_a_difference_of_dipoles_says_that_noise_is_left_out():
    given = {"footprints": ("east", "west"), "label": "east - west", "quantity": "dipole"}
    for estimate, said in ((np.array([0.0, 0.03, 0.04]), True), (np.array([0.0, 0.0, 0.02]), False)):
        test = a_test("dipole_contrast east - west", 0.3, CONTRAST, estimate=estimate, **given)
        (answer,) = answers_of([test])
        said_so = [
            line for line in answer.because if line.startswith("The mean dipoles are 5.0 percentage points apart")
        ]
        assert bool(said_so) == said
    (answer,) = answers_of([a_test("fraction_contrast east - west", 0.3, CONTRAST, **given | {"quantity": "fraction"})])
    assert not any("apart" in line for line in answer.because)


@pytest.mark.parametrize(
    ("p", "sentence"),
    [
        ((0.3, 0.4), "the annotated fraction by less than 4.5 and the dipole by less than 4.5 percentage points"),
        ((0.001, 0.002), "the annotated fraction by 2.0 and the dipole by 2.0 percentage points"),
        ((0.4, 0.001), "the dipole by 2.0 and the annotated fraction by less than 4.5 percentage points"),
    ],
)
def test_both_answers_on_two_sides_are_one_sentence(p, sentence):
    """Issue: the second was left out, of 31 words before they were shortened to 26."""
    given = {"footprints": ("east", "west"), "label": "east - west"}
    tests = [
        a_test("fraction_contrast east - west", p[0], CONTRAST, **given),
        a_test("dipole_contrast east - west", p[1], CONTRAST, **given | {"quantity": "dipole"}),
    ]
    expected = f"The training footprint changes {sentence} (east - west)."
    assert experiment_headline(answers_of(tests)) == expected
