"""The dipole without the measured bias as an answer."""

import copy

import pytest

from workflow_scripts.answers.corrected_dipole import corrected_dipole_answer

FOUND = {
    "method": "imaging",
    "dipole": {"size": 0.04, "size_ci95": [0.02, 0.06], "limit95": 0.055, "p": 1e-4, "ra": 30.0, "dec": 2.0}
    | {"amplitude": 0.045},
    "over_correction": {"error_inflation": 1.25},
    "no_dipole_because": "",
    "dipole_undetermined_along": [],
    "dipole_before_correction": {"amplitude": 0.07, "ra": 60.0, "dec": 20.0},
    "debiased_fraction": 0.6,
    "largest_possible": 0.4,
    "rates": {"youden": 0.7},
    "coefficients": [{"term": "psf_fwhm_arcsec", "coefficient": 0.05, "low_95": 0.04, "high_95": 0.06}],
}


def answer(alpha=0.01, of_interest=0.05, sets=1, dipole=None, **changed):
    found = copy.deepcopy(FOUND)
    found["dipole"].update(dipole or {})
    return corrected_dipole_answer(found | changed, alpha, of_interest, sets)


def test_a_dipole_that_is_left_has_size_interval_p_and_what_was_taken_out():
    one = answer()
    assert (one.answer, one.role, one.p_adjusted) == ("yes", "secondary", 1e-4)
    assert (one.effect.value, one.effect.ci95) == (0.04, (0.02, 0.06))
    assert one.statement == (
        "Without what imaging explains, the dipole of the annotations is 4.0 percentage points (95 %: 2.0 to 6.0),"
        " towards RA 30°, Dec +2°"
    )
    text = one.text
    # One estimator before and after: the size above is without what noise adds.
    assert "is 7.0 percentage points towards RA 60°, Dec +20° as annotated and 4.5 percentage points towards" in text
    assert "It makes the error of the dipole up to 1.2 times as large." in text
    assert "for one standard deviation: psf_fwhm_arcsec 5.0 percentage points (95 %: 4.0 to 6.0)." in text
    assert "Of a true dipole, networks show 0.70" in text


def test_where_no_term_of_the_imaging_is_found_the_correction_says_so_and_what_it_costs():
    nothing = [{"term": "psf_fwhm_arcsec", "coefficient": 0.01, "low_95": -0.01, "high_95": 0.03}]
    text = answer(coefficients=nothing).text
    assert "no bias was found, and it makes the error of the dipole up to 1.2 times as large." in text
    assert "no bias was found" not in answer(coefficients=[*nothing, FOUND["coefficients"][0]]).text
    # Reference labels correct whatever the cause.
    assert "no bias was found" not in answer(coefficients=nothing, over_correction=None).text


NONE = {"size": 0.0, "size_ci95": [0.0, 0.03], "limit95": 0.025, "p": 0.4}


@pytest.mark.parametrize(
    ("of_interest", "limit", "expected", "words"),
    [
        (0.05, 0.025, "no", "none is seen, and one above 2.5 percentage points is excluded"),
        (0.02, 0.025, "cannot tell", "whether one is left cannot be decided"),
        # Half of what a fraction of 0.6 leaves room for.
        (None, 0.19, "no", "none is seen, and one above 19.0 percentage points"),
        (None, 0.21, "cannot tell", "whether one is left cannot be decided"),
        # More than any dipole can be.
        (0.5, 0.41, "cannot tell", "whether one is left cannot be decided"),
    ],
)
def test_no_excludes_the_size_that_is_asked_about(of_interest, limit, expected, words):
    one = answer(of_interest=of_interest, dipole=NONE | {"limit95": limit})
    assert one.answer == expected
    assert words in one.statement
    assert bool(one.next) == (expected == "cannot tell")


def test_p_is_adjusted_for_the_classes_that_are_compared():
    assert answer(sets=3, dipole={"p": 0.004}).answer == "cannot tell"
    assert answer(sets=3, dipole={"p": 0.004}).p_adjusted == pytest.approx(0.012)


def test_no_is_no_answer_where_a_direction_cannot_be_distinguished_from_imaging():
    unknown = {"dipole_undetermined_along": [{"ra": 120.0, "dec": 30.0}]}
    one = answer(dipole=NONE, **unknown)
    assert (one.answer, one.limit95) == ("cannot tell", None)
    assert "A dipole along RA 120°, Dec +30° cannot be distinguished from imaging" in one.text
    assert "labelled_at_random" in one.next[0]
    # One in another direction is one all the same.
    assert answer(**unknown).answer == "yes"


def test_without_a_dipole_the_reason_is_given():
    found = FOUND | {"dipole": None, "no_dipole_because": "3 training sets are too few"}
    one = corrected_dipole_answer(found, 0.01, 0.05)
    assert (one.answer, one.effect.value, one.p_adjusted) == ("cannot tell", None, None)
    assert one.because[0] == "3 training sets are too few."
