"""Networks on the same galaxies: two labels, several networks, more than two classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from workflow_scripts.statistics.pairs.class_agreement import agreement, agreement_table, marginal_homogeneity, symmetry
from workflow_scripts.statistics.pairs.paired_fractions import (
    cochran_q,
    difference_in_differences,
    mcnemar,
    paired_difference_interval,
)

# 99.9 % binomial band of a size of 5 % over 2,000 mocks
BAND = stats.binom.ppf([0.0005, 0.9995], 2000, 0.05) / 2000

counts = st.integers(0, 60)


@settings(deadline=None)
@given(counts, counts)
def test_mid_p_counts_what_was_seen_half(b, c):
    """Dossier 3.e. Literal definition: P(more extreme) + P(as extreme)/2 of |b - (b + c)/2|."""
    found = mcnemar(b, c, b + c + 10)
    if b + c == 0:
        assert (found.p, found.p_mid) == (1.0, 1.0)
        return
    outcomes = np.arange(b + c + 1)
    extreme, seen = abs(2 * outcomes - b - c), abs(b - c)
    weight = stats.binom.pmf(outcomes, b + c, 0.5)
    assert found.p == pytest.approx(stats.binomtest(b, b + c).pvalue)
    assert found.p_mid == pytest.approx(weight[extreme > seen].sum() + weight[extreme == seen].sum() / 2)
    assert mcnemar(c, b, b + c + 10).p_mid == pytest.approx(found.p_mid)


def test_mid_p_is_nearer_to_its_size_than_the_exact_p():
    """Exact sizes by enumeration of b ~ Binomial(m, 1/2): .027 and .035 for the exact p, .052 and .057 for mid-p."""
    for m in (60, 100):
        b = np.arange(m + 1)
        found = [mcnemar(int(k), int(m - k), 100) for k in b]
        weight = stats.binom.pmf(b, m, 0.5)
        exact, middle = (weight @ (np.array(p) <= 0.05) for p in zip(*[(f.p, f.p_mid) for f in found], strict=True))
        assert exact < 0.036
        assert 0.05 < middle < 0.058


def test_airway_example_of_fagerland():
    """Fagerland, Lydersen & Laake 2013, table 1 (1, 1; 7, 12): p = 0.070, mid-p = 0.039."""
    found = mcnemar(1, 7, 21)
    assert (round(found.p, 3), round(found.p_mid, 3)) == (0.070, 0.039)


def literal_score(b, c, n, difference):
    """Score statistic with P(only B) that maximises the trinomial likelihood, found by a numerical search."""

    def loss(q):
        cells = np.array([q + difference, q, 1 - 2 * q - difference])
        return -stats.multinomial.logpmf([b, c, n - b - c], n, cells / cells.sum())

    low, high = max(0.0, -difference), (1 - difference) / 2
    q = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    return (b - c - n * difference) / np.sqrt(n * (2 * q + difference * (1 - difference)))


@pytest.mark.parametrize(("b", "c", "n"), [(12, 2, 50), (40, 20, 160), (1, 7, 21), (3, 3, 9)])
def test_score_interval_ends_where_the_literal_score_test_rejects(b, c, n):
    low, high = paired_difference_interval(b, c, n)
    assert literal_score(b, c, n, low) == pytest.approx(1.959964, rel=1e-4)
    assert literal_score(b, c, n, high) == pytest.approx(-1.959964, rel=1e-4)


@settings(deadline=None)
@given(counts, counts, st.integers(0, 200))
def test_score_interval_holds_the_estimate_and_agrees_with_mcnemar(b, c, others):
    n = b + c + others
    if n == 0:
        return
    low, high = paired_difference_interval(b, c, n)
    found = mcnemar(b, c, n)
    assert -1 <= low <= found.difference + 1e-12
    assert found.difference - 1e-12 <= high <= 1
    assert paired_difference_interval(c, b, n) == pytest.approx((-high, -low), abs=1e-10)
    if abs(abs(found.z) - 1.959964) > 1e-3:
        assert (low > 0 or high < 0) == (abs(found.z) > 1.959964)


def test_score_interval_covers_better_than_walds():
    """Exact coverage for 60 galaxies with P(only A) .06, P(only B) .02: Wald's 93.1 %, score's 96.4 %."""
    n, true = 60, 0.04
    b, c = (grid.ravel() for grid in np.meshgrid(np.arange(25), np.arange(25)))
    weight = stats.multinomial.pmf(np.column_stack([b, c, n - b - c]), n, [0.06, 0.02, 0.92])
    assert weight.sum() == pytest.approx(1, abs=1e-6)
    score, wald = np.zeros(len(b)), np.zeros(len(b))
    for row, (only_a, only_b) in enumerate(zip(b.tolist(), c.tolist(), strict=True)):
        if weight[row] < 1e-7:
            continue
        low, high = paired_difference_interval(only_a, only_b, n)
        score[row] = low <= true <= high
        found = mcnemar(only_a, only_b, n)
        wald[row] = abs(found.difference - true) <= 1.96 * found.se
    assert 0.93 < weight @ score < 0.97
    assert weight @ wald < weight @ score


@pytest.mark.parametrize(("b", "c", "n"), [(-1, 2, 10), (8, 3, 10), (0, 0, 0)])
def test_counts_that_do_not_fit_are_refused(b, c, n):
    for function in (mcnemar, paired_difference_interval):
        with pytest.raises(ValueError, match=r"galaxies"):
            function(b, c, n)


def test_difference_in_differences_with_one_scatter_and_with_two():
    """Dossier 3.a has one scatter for both parts. Here A and B differ 15 times as often in the smaller part, without a
    preference in either: one scatter rejects far too often, separate ones 5 %."""
    random = np.random.default_rng(4)
    one, separate = [], []
    for _ in range(2000):
        many, few = (random.choice([-1, 0, 1], n, p=[r / 2, 1 - r, r / 2]) for n, r in ((1200, 0.03), (300, 0.45)))
        found = difference_in_differences(many, few)
        one.append(found.p < 0.05)
        separate.append(found.p_separate < 0.05)
    assert found.se_separate == pytest.approx(np.sqrt(many.var() / 1200 + few.var() / 300))
    assert np.mean(one) > 0.2
    assert BAND[0] <= np.mean(separate) <= BAND[1]
    # Where both parts differ alike the two agree, and without any scatter within them there is no separate error.
    alike = difference_in_differences([1, 0, -1, 0], [0, -1, 1, 0])
    assert alike.se_separate == pytest.approx(alike.se)
    assert np.isnan(difference_in_differences([1, 1], [0, 0]).p_separate)


def q_of(labels):
    """Cochran's Q of 0/1 labels (n, k)."""
    labels = np.asarray(labels, float)
    return cochran_q(labels.sum(axis=0), float((labels.sum(axis=1) ** 2).sum()))


def test_cochrans_q_is_mcnemar_for_two_and_friedman_for_more():
    random = np.random.default_rng(0)
    easy = random.random((300, 1))
    labels = (random.random((300, 4)) < 0.2 + 0.6 * easy + [0, 0, 0.05, 0.1]).astype(int)
    found = q_of(labels)
    expected = stats.friedmanchisquare(*labels.T)
    assert (found.q, found.dof, found.p) == (pytest.approx(expected.statistic), 3, pytest.approx(expected.pvalue))
    a, b = labels[:, 0], labels[:, 3]
    two = q_of(labels[:, [0, 3]])
    assert two.q == pytest.approx(mcnemar(int((a > b).sum()), int((b > a).sum()), 300).z ** 2)
    # Galaxies on which all agree do not count.
    agreed = np.vstack([labels, np.ones((50, 4)), np.zeros((70, 4))])
    assert q_of(agreed).q == pytest.approx(found.q)
    assert q_of(1 - labels).q == pytest.approx(found.q)


def test_cochrans_q_keeps_its_size():
    """Dossier 3.e: chi-square with k - 1 degrees of freedom for networks of equal fraction that agree more or less."""
    random = np.random.default_rng(1)
    p = []
    for _ in range(2000):
        chance = random.beta(0.3, 0.3, size=(150, 1))
        p.append(q_of(random.random((150, 4)) < chance).p)
    assert BAND[0] <= np.mean(np.array(p) < 0.05) <= BAND[1]


def test_networks_that_agree_everywhere_are_refused():
    with pytest.raises(ValueError, match="agree on every galaxy"):
        q_of(np.ones((5, 3)))


def test_kappa_of_the_definition_and_its_jackknife_error():
    random = np.random.default_rng(2)
    a = random.integers(0, 3, 400)
    # B favours class 2, so that rows and columns of the table differ.
    b = np.where(random.random(400) < 0.6, a, random.choice(3, 400, p=[0.05, 0.15, 0.8]))
    table = agreement_table(a, b, 3)
    assert table.sum() == 400
    assert table[0, 1] == ((a == 0) & (b == 1)).sum()
    found = agreement(table)
    assert found.agreement == pytest.approx(np.mean(a == b))
    chance = sum(np.mean(a == k) * np.mean(b == k) for k in range(3))
    assert found.kappa == pytest.approx((np.mean(a == b) - chance) / (1 - chance))
    kept = [agreement(agreement_table(np.delete(a, i), np.delete(b, i), 3)).kappa for i in range(400)]
    jackknife = np.sqrt(399 / 400 * ((np.array(kept) - np.mean(kept)) ** 2).sum())
    assert found.kappa_se == pytest.approx(jackknife, rel=0.02)
    assert found.kappa_ci95[0] < found.kappa < found.kappa_ci95[1]
    assert agreement(agreement_table(a, a, 3)).kappa == pytest.approx(1.0)


def test_kappa_error_under_independence_is_the_known_one():
    """Cohen 1960: where labels are independent, the variance of kappa has its own closed form."""
    p, n = np.array([0.2, 0.3, 0.5]), 1000
    found = agreement(n * np.outer(p, p))
    chance = p @ p
    expected = np.sqrt((chance + chance**2 - (p * p * (2 * p)).sum()) / n) / (1 - chance)
    assert found.kappa == pytest.approx(0, abs=1e-12)
    assert found.kappa_se == pytest.approx(expected)


def test_marginal_homogeneity_and_symmetry_are_mcnemar_for_two_classes():
    table = np.array([[30, 12], [3, 55]])
    z2 = mcnemar(12, 3, 100).z ** 2
    assert marginal_homogeneity(table).chi2 == pytest.approx(z2)
    assert symmetry(table).chi2 == pytest.approx(z2)
    assert marginal_homogeneity(table).dof == symmetry(table).dof == 1


def test_marginal_homogeneity_of_the_unaided_vision_data():
    """Stuart 1955, grade of distance vision of 7,477 women, left against right eye: chi2 = 11.96 with 3 dof."""
    table = [[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]]
    found = marginal_homogeneity(table)
    assert (round(found.chi2, 2), found.dof) == (11.96, 3)
    # Bowker's test of the same table, by its definition over pairs of classes
    pairs = [(266, 234), (124, 117), (66, 36), (432, 362), (78, 82), (205, 179)]
    assert symmetry(table).chi2 == pytest.approx(sum((a - b) ** 2 / (a + b) for a, b in pairs))
    assert symmetry(table).dof == 6


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=9, max_size=9), st.permutations(range(3)))
def test_order_of_classes_and_of_networks_does_not_matter(cells, order):
    table = np.array(cells).reshape(3, 3) + np.eye(3)
    turned = table[np.ix_(order, order)]
    for test in (marginal_homogeneity, symmetry):
        found = test(table)
        assert test(turned).chi2 == pytest.approx(found.chi2, abs=1e-9)
        assert test(table.T).chi2 == pytest.approx(found.chi2, abs=1e-9)
        assert test(turned).dof == found.dof


def test_classes_without_disagreement_between_them_cost_degrees_of_freedom():
    """Blocks {0, 1} and {2, 3}: two McNemar tests, added."""
    table = np.array([[9, 8, 0, 0], [2, 9, 0, 0], [0, 0, 5, 1], [0, 0, 6, 5]])
    found = marginal_homogeneity(table)
    assert found.dof == 2
    assert found.chi2 == pytest.approx(mcnemar(8, 2, 50).z ** 2 + mcnemar(1, 6, 50).z ** 2)
    agreed = marginal_homogeneity(np.diag([3, 4, 5]))
    assert (agreed.chi2, agreed.dof, agreed.p) == (0.0, 0, 1.0)
    assert symmetry(np.diag([3, 4, 5])).p == 1.0


def test_tests_of_three_classes_keep_their_size():
    """Stuart-Maxwell (2 dof) and Bowker (3 dof) for labels that are exchangeable between networks."""
    random = np.random.default_rng(3)
    truth = random.integers(0, 3, (2000, 400))
    labels = [np.where(random.random(truth.shape) < 0.7, truth, random.integers(0, 3, truth.shape)) for _ in range(2)]
    tables = [agreement_table(a, b, 3) for a, b in zip(*labels, strict=True)]
    for test in (marginal_homogeneity, symmetry):
        assert BAND[0] <= np.mean([test(table).p < 0.05 for table in tables]) <= BAND[1]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (np.zeros((3, 3)), "no galaxies"),
        (np.ones((2, 3)), "square"),
        ([[1.0, np.nan], [0, 1]], "finite"),
        ([[1, -1], [0, 1]], "not negative"),
    ],
)
def test_tables_that_are_none_are_refused(table, sentence):
    for function in (agreement, marginal_homogeneity, symmetry):
        with pytest.raises(ValueError, match=sentence):
            function(table)


def test_labels_that_are_no_codes_are_refused():
    with pytest.raises(ValueError, match="one class"):
        agreement([[5, 0], [0, 0]])
    with pytest.raises(ValueError, match="same galaxies"):
        agreement_table([0, 1], [0, 1, 1], 2)
    for codes in ([0, 2], [0, -1], [0, np.nan], [0, 0.5]):
        with pytest.raises(ValueError, match="between 0 and 1"):
            agreement_table([0, 1], codes, 2)
