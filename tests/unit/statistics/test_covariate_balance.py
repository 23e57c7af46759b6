"""Whether two training sets can be told apart by their covariates."""

import numpy as np
import pytest
from scipy import stats

from workflow_scripts.training_sets.covariate_balance import adversarial_auc
from workflow_scripts.training_sets.covariate_differences import (
    covariate_difference,
    standardised_mean_difference,
    variance_ratio,
)


def test_variance_ratio_is_that_of_the_definition():
    a, b = np.array([1.0, 2, 4]), np.array([3.0, 5, 6, 6])
    assert variance_ratio(a, b) == pytest.approx(np.var(a, ddof=1) / np.var(b, ddof=1))
    assert variance_ratio(b, a) == pytest.approx(1 / variance_ratio(a, b))
    assert variance_ratio(10 * a + 3, 10 * b) == pytest.approx(variance_ratio(a, b))


def test_standardised_mean_difference_of_constants():
    assert standardised_mean_difference([1, 2], [0, 0], [1, 1], [0, 0]).tolist() == [0, np.inf]
    assert standardised_mean_difference(1.5, 0.5, 1.0, 0.5) == pytest.approx(1)


def test_a_covariate_is_compared_as_scipy_does_and_missing_values_do_not_count():
    random = np.random.default_rng(5)
    a, b = random.normal(size=80), random.normal(0.3, 2, 90)
    found = covariate_difference(np.append(a, [np.nan, np.inf]), b)
    expected = stats.ks_2samp(a, b, method="asymp")
    assert (found.n_a, found.n_b) == (80, 90)
    assert (found.ks, found.ks_p) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.variance_ratio == pytest.approx(variance_ratio(a, b))
    assert found.smd == pytest.approx((a.mean() - b.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2))
    alone = covariate_difference([1.0, np.nan], b)
    assert (alone.n_a, alone.n_b) == (1, 90)
    assert np.isnan([alone.smd, alone.ks, alone.variance_ratio]).all()
    assert np.isnan(covariate_difference(a, np.ones(5)).variance_ratio)


@pytest.mark.parametrize("what", ["mean", "spread", "correlation"])
def test_every_kind_of_difference_is_seen(what):
    random = np.random.default_rng(0)
    a, b = random.normal(size=(600, 3)), random.normal(size=(500, 3))
    if what == "mean":
        a[:, 1] += 0.5
    elif what == "spread":
        a[:, 1] *= 1.6
    else:
        a[:, 0] += 0.7 * a[:, 1]
    found = adversarial_auc(a, b, 99, 0)
    assert found.value > 0.56
    assert found.p_permutation == 0.01


def test_a_shift_is_told_apart_as_well_as_theory_says():
    """Two normal sets d apart: the best possible AUC is Phi(d / sqrt 2)."""
    random = np.random.default_rng(1)
    a, b = random.normal([1.0, 0.0], size=(4000, 2)), random.normal(size=(4000, 2))
    assert adversarial_auc(a, b, 1, 0).value == pytest.approx(stats.norm.cdf(1 / np.sqrt(2)), abs=0.02)


def test_balanced_sets_are_rarely_told_apart():
    """Dossier 3.l: near 1/2 where balanced; size of the permutation test within the 99.9 % binomial band."""
    random = np.random.default_rng(2)
    found = [
        adversarial_auc(random.normal(size=(50, 2)), random.normal(size=(70, 2)), 99, seed, 3) for seed in range(400)
    ]
    low, high = stats.binom.ppf([0.0005, 0.9995], 400, 0.05) / 400
    assert low <= np.mean([f.p_permutation <= 0.05 for f in found]) <= high
    assert np.mean([f.value for f in found]) == pytest.approx(0.5, abs=0.02)
    assert np.std([f.value for f in found]) == pytest.approx(np.mean([f.null_sd for f in found]), rel=0.15)


def test_scale_constants_and_repetition_do_not_matter():
    random = np.random.default_rng(3)
    a, b = random.normal(size=(100, 2)) + 0.3, random.normal(size=(100, 2))
    plain = adversarial_auc(a, b, 50, 0)
    scaled = adversarial_auc(a * [1e6, 1] + [5e6, 0], b * [1e6, 1] + [5e6, 0], 50, 0)
    assert scaled.value == pytest.approx(plain.value)
    constant = adversarial_auc(np.column_stack([a, np.ones(100)]), np.column_stack([b, np.ones(100)]), 50, 0)
    assert constant == plain
    repeated = adversarial_auc(np.column_stack([a, a[:, 0]]), np.column_stack([b, b[:, 0]]), 50, 0)
    assert repeated.value == pytest.approx(plain.value)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda x: adversarial_auc(x[:19], x, 9, 0), "too few for 5 folds"),
        (lambda x: adversarial_auc(x, x, 9, 0, folds=1), "folds"),
        (lambda x: adversarial_auc(x, x, 0, 0), "at least one permutation"),
        (lambda x: adversarial_auc(x, x[:, :1], 9, 0), "same covariates"),
        (lambda x: adversarial_auc(x * np.nan, x, 9, 0), "missing"),
        (lambda x: adversarial_auc(np.ones((40, 2)), np.ones((40, 2)), 9, 0), "no covariate differs"),
        (lambda x: variance_ratio([1.0], [1.0, 2]), "two or more"),
        (lambda x: variance_ratio([1.0, np.nan], [1.0, 2]), "two or more known"),
        (lambda x: variance_ratio([1.0, 2], [1.0, 1]), "no scatter"),
    ],
)
def test_sets_that_cannot_be_compared_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(np.random.default_rng(4).normal(size=(40, 2)))
