"""Fractions, and statistics with the training run as the unit."""

import numpy as np
import pytest
from scipy import stats

from workflow_scripts.configuration.expansion import BASE_PIXELS
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.cosine import cosine_fit
from workflow_scripts.statistics.footprint_response import footprint_response, scalar_response
from workflow_scripts.statistics.fractions import fraction_contrast, homogeneity, wilson_interval
from workflow_scripts.statistics.multiplicity import benjamini_hochberg, holm
from workflow_scripts.statistics.paired import mcnemar
from workflow_scripts.statistics.result import TestResult
from workflow_scripts.statistics.runs import arm_contrast, variance_components, vector_contrast

AXES = unit_vectors(*np.array(BASE_PIXELS).T)
# 99.9 % binomial band of a size of 5 % over 1,000 mocks
BAND = stats.binom.ppf([0.0005, 0.9995], 1000, 0.05) / 1000


def test_wilson_interval_is_that_of_scipy_and_newcombe_that_of_his_paper():
    low, high = wilson_interval(15, 148)
    expected = stats.binomtest(15, 148).proportion_ci(method="wilson")
    assert (float(low), float(high)) == pytest.approx((expected.low, expected.high))
    contrast = fraction_contrast(56, 70, 48, 80)  # Newcombe 1998, table II, example (a)
    assert contrast.ci95 == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_homogeneity_is_the_chi_square_of_the_contingency_table():
    k, n = np.array([30, 45, 20]), np.array([100, 120, 90])
    expected = stats.chi2_contingency(np.array([k, n - k]), correction=False)
    chi2, dof, p = homogeneity([*k, 0], [*n, 0])
    assert (chi2, dof, p) == (pytest.approx(expected.statistic), 2, pytest.approx(expected.pvalue))


@pytest.mark.parametrize(("k", "n"), [((0, 0), (10, 10)), ((3, 0), (10, 0))])
def test_fractions_without_anything_to_compare_are_refused(k, n):
    with pytest.raises(ValueError, match=r"label|galaxies"):
        fraction_contrast(k[0], n[0], k[1], n[1])


def test_cosine_fit_finds_what_was_put_in_despite_wide_bins():
    random = np.random.default_rng(2)
    ra = random.uniform(0, 360, 400_000)
    positive = random.random(ra.size) < 0.4 + 0.05 * np.cos(np.radians(ra - 75))
    in_bin = (ra // 60).astype(int)
    fit = cosine_fit(np.arange(30, 360, 60), np.bincount(in_bin, positive), np.bincount(in_bin), 60.0)
    assert fit.amplitude == pytest.approx(0.05, abs=4 * fit.amplitude_se)
    assert fit.phase_deg == pytest.approx(75, abs=6)
    assert fit.mean == pytest.approx(0.4, abs=0.005)


def test_mcnemar_is_the_exact_binomial_test():
    found = mcnemar(12, 3, 1000)
    assert found.p == pytest.approx(stats.binomtest(12, 15).pvalue)
    assert found.difference == pytest.approx(0.009)
    assert mcnemar(0, 0, 10).p == 1.0


def test_arm_contrast_is_welch_and_the_smallest_exact_p_is_what_combinatorics_say():
    a, b = np.array([1.0, 1.1, 0.9, 1.05, 0.95]), np.array([2.0, 2.2, 1.9, 2.1, 2.05])
    found = arm_contrast(a, b, 10_000, 0)
    expected = stats.ttest_ind(a, b, equal_var=False)
    assert (found.t, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.p_permutation == pytest.approx(2 / 252)


def test_vector_contrast_of_one_component_is_students_t():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(6, 1)), random.normal(size=(7, 1))
    assert vector_contrast(a, b, 200, 0).f == pytest.approx(stats.ttest_ind(a[:, 0], b[:, 0]).statistic ** 2)


def test_variance_components_recover_what_was_put_in():
    random = np.random.default_rng(0)
    values = random.normal(size=(400, 1)) * 0.03 + random.normal(size=(400, 3)) * 0.01
    found = variance_components(values)
    assert found.sample_sd == pytest.approx(0.03, rel=0.15)
    assert found.seed_sd == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize("components", [1, 3])
def test_response_is_calibrated_when_footprints_do_not_matter(components):
    random = np.random.default_rng(components)
    p = [
        footprint_response(AXES, random.normal(size=(12, components)), 199, seed).p_permutation for seed in range(1000)
    ]
    assert BAND[0] <= np.mean(np.array(p) <= 0.05) <= BAND[1]


def test_scalar_response_is_calibrated_when_footprints_do_not_matter():
    random = np.random.default_rng(9)
    p = [scalar_response(AXES, random.normal(size=(12, 3)), 199, seed).p_permutation for seed in range(1000)]
    assert BAND[0] <= np.mean(np.array(p) <= 0.05) <= BAND[1]


def test_response_finds_what_was_put_in():
    random = np.random.default_rng(4)
    matrix = np.outer([0.02, -0.01, 0.0], unit_vectors(120, 30))
    found = footprint_response(AXES, 0.1 + AXES @ matrix.T + 0.001 * random.normal(size=(12, 3)), 2000, 0)
    np.testing.assert_allclose(found.matrix, matrix, atol=5 * found.matrix_se.max())
    assert found.p_permutation == pytest.approx(1 / 2001)
    assert abs(found.direction @ unit_vectors(120, 30)) > 0.99
    fraction = footprint_response(AXES, AXES @ [0.01, 0, 0] + 0.002 * random.normal(size=12), 2000, 0)
    regression = stats.f.sf(fraction.f, 3, 8)
    assert fraction.p == pytest.approx(regression)


@pytest.mark.parametrize(
    ("axes", "values", "sentence"),
    [
        (AXES[:5], np.arange(5.0), "too few"),
        (AXES, np.ones(12), "does not differ"),
        (AXES[[4, 5, 6, 7, 4, 5, 6, 7]], np.arange(8.0), "do not span"),
    ],
)
def test_responses_that_cannot_be_fitted_are_refused(axes, values, sentence):
    with pytest.raises(ValueError, match=sentence):
        footprint_response(axes, values, 100, 0)


@pytest.mark.parametrize(("a", "b"), [([1.0], [1.0, 2.0]), ([1.0, 1.0], [2.0, 2.0])])
def test_arms_that_cannot_be_compared_are_refused(a, b):
    with pytest.raises(ValueError, match=r"cannot be compared|no scatter"):
        arm_contrast(a, b, 100, 0)


def test_adjusted_p_values_are_the_textbook_ones():
    p = [0.01, 0.04, 0.03, 0.005]
    np.testing.assert_allclose(holm(p), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))


def test_a_result_has_no_number_that_json_cannot_hold():
    result = TestResult("t", "e", "n", "run", "f", 3, estimate=np.array([1.0, np.nan]), se=np.float64(np.inf))
    assert result.as_dict()["estimate"] == [1.0, None]
    assert result.as_dict()["se"] is None
