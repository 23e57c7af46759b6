"""Comparisons within strata: textbook tables, the literal permutation null, and calibration on mocks."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from workflow_scripts.statistics.fractions.fractions import fraction_contrast
from workflow_scripts.statistics.fractions.strata import mantel_haenszel, standardised_contrast, standardised_fraction

# 99.9 % binomial band of a size of 5 % over 2,000 mocks
BAND = stats.binom.ppf([0.0005, 0.9995], 2000, 0.05) / 2000

ADMITTED_MEN, MEN = [512, 353, 120, 138, 53, 22], [825, 560, 325, 417, 191, 373]
ADMITTED_WOMEN, WOMEN = [89, 17, 202, 131, 94, 24], [108, 25, 593, 375, 393, 341]


def test_berkeley_admissions_give_the_common_odds_ratio_that_r_gives():
    found = mantel_haenszel(ADMITTED_MEN, MEN, ADMITTED_WOMEN, WOMEN)
    assert found.odds_ratio == pytest.approx(0.9046968, abs=5e-8)
    assert found.odds_ratio_ci95 == pytest.approx((0.7719074, 1.0603298), abs=5e-7)
    assert (found.strata, found.left_out) == (6, 0)


def test_rabbits_and_penicillin_give_the_p_of_the_textbook():
    """Agresti's table as in the documentation of R's mantelhaen.test: p = 0.047, with the continuity correction."""
    found = mantel_haenszel([0, 3, 6, 5, 2], [6, 6, 6, 6, 2], [0, 0, 2, 6, 5], [5, 6, 6, 6, 5], continuity=True)
    assert found.p == pytest.approx(0.047, abs=5e-4)
    # Nobody of the first stratum was cured, and all of the last.
    assert (found.strata, found.left_out) == (3, 18)


def test_one_stratum_is_the_ordinary_two_by_two_table():
    """MH chi2 = (n - 1)/n Pearson's; one stratum's odds ratio and Woolf's variance; scipy for both."""
    k1, n1, k2, n2 = 30, 80, 45, 70
    found = mantel_haenszel([k1], [n1], [k2], [n2])
    table = np.array([[k1, n1 - k1], [k2, n2 - k2]])
    pearson = stats.chi2_contingency(table, correction=False).statistic
    assert found.chi2 == pytest.approx(pearson * 149 / 150)
    scipys = stats.contingency.odds_ratio(table, kind="sample")
    assert found.odds_ratio == pytest.approx(scipys.statistic)
    assert np.log(found.odds_ratio_ci95[1] / found.odds_ratio) == pytest.approx(1.959964 * (1 / table).sum() ** 0.5)
    assert tuple(scipys.confidence_interval(0.95)) == pytest.approx(found.odds_ratio_ci95)
    crude = fraction_contrast(k1, n1, k2, n2)
    assert (found.risk_difference, found.risk_difference_se) == pytest.approx((crude.difference, crude.se), rel=1e-12)
    standardised = standardised_contrast([k1], [n1], [k2], [n2])
    assert standardised.z**2 == pytest.approx(found.chi2)
    assert standardised.difference == pytest.approx(crude.difference)
    assert standardised.se == pytest.approx(crude.se, rel=0.01)


def test_test_statistics_have_the_moments_of_every_rearrangement_of_labels_within_strata():
    """MH mean and variance, and the null variance of the standardised difference, by listing all arrangements."""
    n1, n2, k = np.array([3, 2, 4]), np.array([2, 4, 3]), np.array([2, 3, 4])
    n = n1 + n2
    possible = [range(max(0, k[j] - n2[j]), min(n1[j], k[j]) + 1) for j in range(3)]
    arrangements = np.array(list(product(*possible)))
    chance = stats.hypergeom.pmf(arrangements, n, k, n1).prod(axis=1)
    assert chance.sum() == pytest.approx(1)
    excess = arrangements.sum(axis=1)
    contrast = (arrangements / n1 - (k - arrangements) / n2) @ (n / n.sum())
    mean, variance = chance @ excess, chance @ (excess - chance @ excess) ** 2
    chi2, z = [], []
    for row in arrangements:
        found = mantel_haenszel(row, n1, k - row, n2)
        chi2.append(found.chi2)
    np.testing.assert_allclose(chi2, (excess - mean) ** 2 / variance, atol=1e-12)
    for row, expected in zip(arrangements, contrast / np.sqrt(chance @ contrast**2), strict=True):
        if 0 < row.sum() < n1.sum() and np.any((row > 0) & (row < n1)) and np.any((k - row > 0) & (k - row < n2)):
            z.append(standardised_contrast(row, n1, k - row, n2).z - expected)
    assert len(z) > 5
    np.testing.assert_allclose(z, 0, atol=1e-12)


def test_a_different_mix_of_strata_alone_makes_no_contrast():
    random = np.random.default_rng(1)
    fractions, n1, n2 = np.array([0.2, 0.5, 0.8]), np.array([6000, 3000, 1000]), np.array([1000, 3000, 6000])
    k1, k2 = random.binomial(n1, fractions), random.binomial(n2, fractions)
    assert fraction_contrast(k1.sum(), n1.sum(), k2.sum(), n2.sum()).z < -30
    assert abs(standardised_contrast(k1, n1, k2, n2).z) < 3
    assert mantel_haenszel(k1, n1, k2, n2).p > 0.01
    reference = standardised_fraction(k1, n1, [1, 1, 2])
    assert reference.fraction == pytest.approx((0.2 + 0.5 + 2 * 0.8) / 4, abs=4 * reference.se)
    assert reference.fraction == pytest.approx((k1 / n1) @ [0.25, 0.25, 0.5])


def test_many_small_strata_keep_sizes_and_coverage():
    """3.a: f_std with variance f(1 - f)/(n - 1), MH test, Sato's and Robins' variances; 40 strata of 2 to 8 galaxies.

    With f(1 - f)/n in its place, as the dossier has it, the standardised interval covers 91 %.
    """
    random = np.random.default_rng(2)
    n1, n2 = random.integers(2, 9, 40), random.integers(2, 9, 40)
    base = random.uniform(0.2, 0.7, 40)
    counts = {"mh": 0, "z": 0, "difference": 0, "risk": 0, "odds": 0}
    for _ in range(2000):
        k1, k2 = random.binomial(n1, base), random.binomial(n2, base)
        counts["mh"] += mantel_haenszel(k1, n1, k2, n2).p < 0.05
        counts["z"] += standardised_contrast(k1, n1, k2, n2).p < 0.05
        # The effect common to all strata: 0.15 in the fraction, and then a factor 2 in the odds.
        shifted = mantel_haenszel(random.binomial(n1, base + 0.15), n1, k2, n2)
        counts["risk"] += shifted.risk_difference_ci95[0] < 0.15 < shifted.risk_difference_ci95[1]
        contrast = standardised_contrast(random.binomial(n1, base + 0.15), n1, k2, n2)
        counts["difference"] += contrast.ci95[0] < 0.15 < contrast.ci95[1]
        doubled = mantel_haenszel(random.binomial(n1, 2 * base / (1 + base)), n1, k2, n2)
        counts["odds"] += doubled.odds_ratio_ci95[0] < 2 < doubled.odds_ratio_ci95[1]
    share = {name: count / 2000 for name, count in counts.items()}
    assert BAND[0] < share["mh"] < BAND[1]
    assert BAND[0] < share["z"] < BAND[1]
    for name in ("difference", "risk", "odds"):
        assert BAND[0] < 1 - share[name] < BAND[1] + 0.005, (name, share)


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 4), min_size=2, max_size=6))
@settings(max_examples=60, deadline=None)
def test_swapping_groups_and_labels_turns_signs_around(strata):
    k1, rest1, k2, rest2 = np.array(strata).T
    n1, n2 = k1 + rest1, k2 + rest2
    assume(np.any((n1 > 0) & (n2 > 0) & (k1 + k2 > 0) & (rest1 + rest2 > 0)))
    plain = mantel_haenszel(k1, n1, k2, n2)
    swapped, flipped = mantel_haenszel(k2, n2, k1, n1), mantel_haenszel(rest1, n1, rest2, n2)
    for other in (swapped, flipped):
        assert other.chi2 == pytest.approx(plain.chi2, abs=1e-9)
        assert other.risk_difference == pytest.approx(-plain.risk_difference, abs=1e-12)
        assert other.risk_difference_se == pytest.approx(plain.risk_difference_se, nan_ok=True)
        assert other.odds_ratio == pytest.approx(1 / plain.odds_ratio, nan_ok=True)


def test_strata_of_one_group_are_left_out_and_counted():
    found = standardised_contrast([5, 3, 9], [10, 10, 20], [4, 0, 0], [10, 1, 0])
    assert (found.strata, found.left_out) == (1, 31)
    assert found.difference == pytest.approx(0.1)
    empty = mantel_haenszel([5, 0], [10, 0], [4, 3], [10, 8])
    assert (empty.strata, empty.left_out) == (1, 8)


def test_groups_of_one_label_each_have_a_difference_without_error():
    found = mantel_haenszel([5, 6], [5, 6], [0, 0], [7, 4])
    assert found.risk_difference == 1
    assert np.isnan([found.risk_difference_se, found.odds_ratio, *found.odds_ratio_ci95]).all()
    assert found.p < 0.01


@pytest.mark.parametrize(
    ("k", "n", "weights", "sentence"),
    [
        ([1, 2], [4, 4], [0, 0], "one at least positive"),
        ([1, 2], [4, 4], [1, np.nan], "one at least positive"),
        ([1, 2], [4, 4], [1, -1], "one at least positive"),
        ([1, 2], [4, 4], [1], "a weight for each stratum"),
        ([1, 1], [4, 1], [1, 1], "fewer than two galaxies"),
        ([4, 0], [4, 4], [1, 1], "both labels"),
        ([5, 0], [4, 4], [1, 1], "between 0 and"),
        ([np.nan, 0], [4, 4], [1, 1], "between 0 and"),
        ([], [], [], "one or more"),
    ],
)
def test_bad_strata_are_refused(k, n, weights, sentence):
    with pytest.raises(ValueError, match=sentence):
        standardised_fraction(k, n, weights)


def test_groups_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="both groups two galaxies"):
        standardised_contrast([1, 0], [4, 0], [0, 1], [0, 4])
    with pytest.raises(ValueError, match="both labels"):
        standardised_contrast([4, 4], [4, 4], [1, 2], [4, 4])
    with pytest.raises(ValueError, match="different strata"):
        standardised_contrast([1], [4], [1, 2], [4, 4])
    with pytest.raises(ValueError, match="a weight for each stratum"):
        standardised_contrast([1], [4], [1], [4], weights=[1, 1])
    with pytest.raises(ValueError, match="both groups and both labels"):
        mantel_haenszel([4, 0], [4, 0], [4, 1], [4, 4])
