"""Fractions, and statistics with the training run as the unit."""

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation

from workflow_scripts.configuration.expansion import BASE_PIXELS
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.fractions import fraction_contrast, guessing_p, homogeneity, wilson_interval
from workflow_scripts.statistics.p_values import benjamini_hochberg, holm, ledger
from workflow_scripts.statistics.pairs.paired_fractions import difference_in_differences, mcnemar
from workflow_scripts.statistics.result import TestResult
from workflow_scripts.statistics.runs.contrasts import arm_contrast, vector_contrast
from workflow_scripts.statistics.runs.footprint_response import footprint_response, scalar_response
from workflow_scripts.statistics.runs.variance_components import variance_components

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


def test_guessing_is_binomial_in_each_class():
    classes = np.repeat([0, 1], 200)
    labels = np.where(np.arange(400) % 20 < 11, classes, 1 - classes)
    # As many galaxies in both classes: the number of right answers is binomial itself.
    expected = stats.binomtest(220, 400, alternative="greater").pvalue
    assert guessing_p(labels, classes) == pytest.approx(expected, rel=0.2)
    assert guessing_p(np.zeros(400), classes) == 0.5
    with pytest.raises(ValueError, match="two classes"):
        guessing_p(labels, np.ones(400))


@pytest.mark.parametrize("share", [(0.5, 0.5), (0.95, 0.05), (0.5, 0.3, 0.2)])
def test_labels_by_chance_seldom_agree(share):
    random = np.random.default_rng(3)
    classes = random.choice(len(share), 300, p=share)
    p = [guessing_p(random.choice(len(share), 300, p=share), classes) for _ in range(1000)]
    assert np.mean(np.array(p) <= 0.05) <= BAND[1]
    mostly_right = np.where(random.random(300) < 0.5, classes, 0)
    assert guessing_p(mostly_right, classes) < 1e-3


@pytest.mark.parametrize(("k", "n"), [((0, 0), (10, 10)), ((3, 0), (10, 0))])
def test_fractions_without_anything_to_compare_are_refused(k, n):
    with pytest.raises(ValueError, match=r"label|galaxies"):
        fraction_contrast(k[0], n[0], k[1], n[1])


def test_mcnemar_is_the_exact_binomial_test():
    found = mcnemar(12, 3, 1000)
    assert found.p == pytest.approx(stats.binomtest(12, 15).pvalue)
    assert found.difference == pytest.approx(0.009)
    assert mcnemar(0, 0, 10).p == 1.0


def test_arm_contrast_is_welch_and_the_smallest_exact_p_is_what_combinatorics_say():
    a, b = np.array([1.0, 1.1, 0.9, 1.05, 0.95]), np.array([2.0, 2.2, 1.9, 2.1, 2.05])
    found = arm_contrast(a, b, 10_000, 0)
    expected = stats.ttest_ind(a, b, equal_var=False)
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.p_permutation == found.p_smallest == pytest.approx(2 / 252)


def test_vector_contrast_of_one_component_is_welchs_t():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(6, 1)), 3 * random.normal(size=(7, 1))
    found, expected = vector_contrast(a, b, 200, 0), stats.ttest_ind(a[:, 0], b[:, 0], equal_var=False)
    assert (found.statistic, found.p) == pytest.approx((expected.statistic**2, expected.pvalue))
    assert found.dof[1] == pytest.approx(expected.df)


def test_vector_contrast_keeps_its_size_when_one_arm_scatters_more():
    random = np.random.default_rng(8)
    arms = [(random.normal(size=(6, 3)) * 3, random.normal(size=(6, 3))) for _ in range(1000)]
    p = np.array([vector_contrast(a, b, 99, 0).p for a, b in arms])
    # Pooled, T^2 rejects 12 % here.
    assert np.mean(p <= 0.05) <= BAND[1]


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
        (AXES, np.full(12, 0.1), "does not differ"),
        (AXES[[4, 5, 6, 7, 4, 5, 6, 7]], np.arange(8.0), "do not span"),
    ],
)
def test_responses_that_cannot_be_fitted_are_refused(axes, values, sentence):
    with pytest.raises(ValueError, match=sentence):
        footprint_response(axes, values, 100, 0)


def test_a_scalar_response_to_one_axis_is_refused():
    with pytest.raises(ValueError, match="all the same"):
        scalar_response(AXES[[0] * 6], np.random.default_rng(0).normal(size=(6, 3)), 100, 0)


@pytest.mark.parametrize(
    ("a", "b"), [([1.0], [1.0, 2.0]), ([1.0, 1.0], [2.0, 2.0]), ([0.1] * 3, [0.2] * 3), ([1.0, np.nan], [1.0, 2.0])]
)
def test_arms_that_cannot_be_compared_are_refused(a, b):
    with pytest.raises(ValueError, match=r"cannot be compared|no scatter|no number"):
        arm_contrast(a, b, 100, 0)


def test_adjusted_p_values_are_the_textbook_ones():
    p = [0.01, 0.04, 0.03, 0.005]
    np.testing.assert_allclose(holm(p), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))


def test_a_result_has_no_number_that_json_cannot_hold():
    result = TestResult("t", "e", "n", "run", "f", 3, estimate=np.array([1.0, np.nan]), se=np.float64(np.inf))
    assert result.as_dict()["estimate"] == [1.0, None]
    assert result.as_dict()["se"] is None


def test_vector_contrast_permutes_t_squared_of_unequal_covariances():
    random = np.random.default_rng(3)
    a, b = random.normal(size=(4, 2)) + 0.8, random.normal(size=(5, 2))

    def t_squared(first, second):
        shift = first.mean(axis=0) - second.mean(axis=0)
        return shift @ np.linalg.solve(np.cov(first.T) / len(first) + np.cov(second.T) / len(second), shift)

    both, null = np.vstack([a, b]), []
    for chosen in combinations(range(9), 4):
        inside = np.isin(np.arange(9), chosen)
        null.append(t_squared(both[inside], both[~inside]))
    found = vector_contrast(a, b, 200, 0)
    nu = found.dof[1] + 1
    assert found.statistic == pytest.approx(t_squared(a, b) * (nu - 1) / (nu * 2))
    assert found.p_permutation == pytest.approx(np.mean(np.array(null) >= t_squared(a, b) * (1 - 1e-9)))
    assert found.p_smallest == 1 / 126


def test_arm_contrast_keeps_its_size_when_the_smaller_arm_scatters_more():
    random = np.random.default_rng(8)
    p = [arm_contrast(random.normal(size=6) * 4, random.normal(size=18), 199, n).p_permutation for n in range(1000)]
    # Permuted differences of means reject 26 % here. Six runs leave the studentised test a little above 5 %.
    assert np.mean(np.array(p) <= 0.05) < 0.10


def test_arms_that_lie_far_apart_have_the_smallest_p_there_is():
    a = 1.0 + 1e-7 * np.arange(5)
    assert arm_contrast(a, a + 1e3, 10_000, 0).p_permutation == pytest.approx(2 / 252)


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        (np.ones((4, 2)), np.ones((4, 2)), "same in all runs"),
        (np.zeros((4, 1)), np.ones((4, 1)), "do not scatter"),
        (np.ones((2, 3)), np.ones((2, 3)), "too few"),
    ],
)
def test_vectors_that_cannot_be_compared_are_refused(a, b, sentence):
    with pytest.raises(ValueError, match=sentence):
        vector_contrast(a, b, 100, 0)


def test_a_seed_that_lifts_all_samples_is_no_scatter_between_samples():
    random = np.random.default_rng(5)
    p = []
    for _ in range(1000):
        values = random.normal(size=(6, 2)) + 2 * random.normal(size=(1, 2))
        p.append(variance_components(values).p)
    # With seeds taken as nested in samples, 1 % are below 5 % here.
    assert BAND[0] <= np.mean(np.array(p) <= 0.05) <= BAND[1]


def test_what_the_axes_explain_is_no_scatter_between_samples():
    random = np.random.default_rng(7)
    values = (AXES @ [0.3, 0.1, 0.0])[:, None] + 0.01 * random.normal(size=(12, 2))
    assert variance_components(values).p < 1e-6
    found = variance_components(values, AXES)
    assert found.sample_sd < 0.02
    assert found.dof == (8, 11)


def test_one_sample_knows_the_scatter_of_seeds_alone():
    found = variance_components(np.array([[1.0, 2.0, 4.0]]))
    assert found.seed_sd == pytest.approx(np.std([1, 2, 4], ddof=1))
    assert np.isnan(found.sample_sd)


def test_the_size_of_a_response_is_covered_and_not_biased_by_noise():
    random = np.random.default_rng(3)
    truth = np.array([0.6, 0.0, -0.8])
    found = [footprint_response(AXES, AXES @ truth + random.normal(size=12), 99, 0) for _ in range(500)]
    assert np.mean([f.size_ci95[0] < 2 < f.size_ci95[1] for f in found]) >= 0.95 - 0.033
    assert np.sqrt(np.mean([(f.matrix**2).sum() - (f.matrix_se**2).sum() for f in found])) == pytest.approx(1, abs=0.06)


def test_few_footprints_are_permuted_exactly():
    values = np.array([0.3, -1.2, 2.2, 0.7, -0.4, 1.9])
    found = footprint_response(AXES[:6], values, 720, 0)
    design = np.column_stack([np.ones(6), AXES[:6]])

    def explained(order):
        residual = np.linalg.lstsq(design, values[list(order)], rcond=None)[1]
        return 1 - residual[0] / ((values - values.mean()) ** 2).sum()

    null = np.array([explained(order) for order in permutations(range(6))])
    assert found.p_permutation == pytest.approx(np.mean(null >= found.statistic * (1 - 1e-9)))
    assert found.p_permutation == footprint_response(AXES[:6], values, 5000, 1).p_permutation


def test_intervals_of_a_response_cover_the_truth():
    random = np.random.default_rng(12)
    truth, covered, kappa_covered = np.array([0.5, 0.0, -1.0]), [], []
    for seed in range(500):
        found = footprint_response(AXES, AXES @ truth + random.normal(size=12), 99, seed)
        covered.append((found.matrix_ci95[0, :, 0] < truth) & (truth < found.matrix_ci95[0, :, 1]))
        low, high = scalar_response(AXES, 0.3 * AXES + random.normal(size=(12, 3)), 99, seed).ci95
        kappa_covered.append(low < 0.3 < high)
    # 99.9 % binomial band about 95 % of 500
    assert np.all(np.abs(np.mean(covered, axis=0) - 0.95) < 0.033)
    assert abs(np.mean(kappa_covered) - 0.95) < 0.033


def test_response_turns_with_the_sky():
    random = np.random.default_rng(6)
    dipoles = random.normal(size=(12, 3))
    turn = Rotation.random(rng=np.random.default_rng(1)).as_matrix()
    plain, turned = (
        footprint_response(AXES, dipoles, 500, 0),
        footprint_response(AXES @ turn.T, dipoles @ turn.T, 500, 0),
    )
    np.testing.assert_allclose(turned.matrix, turn @ plain.matrix @ turn.T, atol=1e-12)
    assert turned.p_permutation == plain.p_permutation


def test_difference_in_differences_is_that_of_four_fractions_and_is_calibrated():
    delta = np.array([1, 0, 0, -1, 1, 1, 0, 0, 1, -1.0])
    found = difference_in_differences(delta[:4], delta[4:])
    assert found.difference == pytest.approx(0.0 - 2 / 6)
    assert found.se == pytest.approx(delta.std() * np.sqrt(1 / 4 + 1 / 6))
    random = np.random.default_rng(1)
    draws = random.choice([-1.0, 0.0, 1.0], p=[0.02, 0.95, 0.03], size=(1000, 2000))
    p = np.array([difference_in_differences(row[:700], row[700:]).p for row in draws])
    assert BAND[0] <= np.mean(p <= 0.05) <= BAND[1]


@pytest.mark.parametrize(("first", "second", "sentence"), [([], [1], "no galaxies"), ([1, 1], [1], "same everywhere")])
def test_differences_without_anything_to_compare_are_refused(first, second, sentence):
    with pytest.raises(ValueError, match=sentence):
        difference_in_differences(first, second)


def test_share_of_variance_between_samples():
    random = np.random.default_rng(0)
    values = random.normal(size=(4000, 1)) * 0.03 + random.normal(size=(4000, 2)) * 0.01
    assert variance_components(values).icc == pytest.approx(0.9, abs=0.02)
    with pytest.raises(ValueError, match="no variance"):
        variance_components(np.full((3, 2), 0.1))


def test_the_ledger_adjusts_within_families_and_leaves_out_what_has_no_p():
    def made(name, family, p=None, p_permutation=None):
        return TestResult(name, "e", "n", "run", family, 3, p=p, p_permutation=p_permutation)

    tests = [made("a", "primary", 0.001, 0.01), made("b", "primary", 0.03), made("c", "x", 0.04), made("d", "x")]
    rows = ledger(tests, 0.025)
    assert [(row["name"], row["kind"], row["method"]) for row in rows] == [
        ("a", "permutation", "Holm"),
        ("b", "parametric", "Holm"),
        ("c", "parametric", "Benjamini-Hochberg"),
    ]
    assert [row["adjusted"] for row in rows] == pytest.approx([0.02, 0.03, 0.04])
    assert [row["below_alpha"] for row in rows] == [True, False, False]


@pytest.mark.parametrize("p", [[0.5, np.nan], [1.5], [-0.1]])
def test_what_is_no_p_is_not_adjusted(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(p)


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="between 0 and"):
        wilson_interval(5, 3)
    with pytest.raises(ValueError, match="cannot be among"):
        mcnemar(3, 3, 5)
