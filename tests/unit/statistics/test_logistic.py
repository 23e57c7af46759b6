"""The logistic fit: its maximum, and where there is none, by the coefficients or by a linear program."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from workflow_scripts.statistics import logistic
from workflow_scripts.statistics.logistic import SeparatedError, fisher_scoring


def separable(design, labels):
    """Whether a half-plane holds all rows, those of failures turned round: two columns, by the angles of the rows."""
    signed = np.where(labels > 0, 1.0, -1.0)[:, None] * design
    angle = np.sort(np.arctan2(signed[:, 1], signed[:, 0]))
    widest = np.diff(np.r_[angle, angle[0] + 2 * np.pi]).max()
    return bool(widest >= np.pi - 1e-12)


@given(seed=st.integers(0, 100_000), n=st.integers(4, 12))
@settings(max_examples=200, deadline=None)
def test_a_fit_is_refused_exactly_where_labels_are_told_apart(seed, n):
    random = np.random.default_rng(seed)
    design = np.column_stack([np.ones(n), random.integers(-3, 4, n)]).astype(float)
    labels = (random.random(n) < special.expit(2 * design[:, 1])).astype(float)
    if len(set(labels)) < 2 or len(set(design[:, 1])) < 2:
        return
    try:
        fisher_scoring(design, labels, np.ones(n))
    except SeparatedError:
        assert separable(design, labels)
    else:
        assert not separable(design, labels)


@given(seed=st.integers(0, 100_000))
@settings(max_examples=100, deadline=None)
def test_what_the_coefficients_prove_is_true_wherever_they_are(seed):
    random = np.random.default_rng(seed)
    design = np.column_stack([np.ones(30), random.normal(size=30)])
    labels = (design[:, 1] > 0).astype(float)
    flipped = random.integers(0, 30, random.integers(0, 3))
    labels[flipped] = 1 - labels[flipped]
    for coefficients in random.normal(size=(20, 2)) * random.choice([0.1, 1, 10, 100], (20, 1)):
        if logistic._overlapping(design, coefficients, labels, np.ones(30)):
            assert not separable(design, labels)


def test_steep_labels_of_many_galaxies_need_no_linear_program(monkeypatch):
    random = np.random.default_rng(1)
    design = np.column_stack([np.ones(100_000), random.normal(size=(100_000, 2))])
    labels = (random.random(100_000) < special.expit(design @ [0.2, 6, 6])).astype(float)

    def never(*arguments, **options):
        raise AssertionError("a linear program of 100,000 rows")

    monkeypatch.setattr(logistic, "linprog", never)
    fit = fisher_scoring(design, labels, np.ones(100_000))
    assert np.abs(design @ fit.coefficients).max() > 2 * logistic.SUSPICIOUS_LOGIT
    np.testing.assert_allclose(fit.coefficients, [0.2, 6, 6], atol=5 * fit.se.max())


def test_grouped_rows_of_which_some_are_mixed_are_judged_alike():
    # Pixels that hold both kinds do not depend on a direction that is zero for them.
    design = np.column_stack([np.ones(6), [0.0, 0, 0, 0, 1, 1]])
    trials = np.full(6, 4.0)
    with pytest.raises(SeparatedError):
        fisher_scoring(design, np.array([1.0, 2, 3, 2, 4, 4]), trials)
    fit = fisher_scoring(design, np.array([1.0, 2, 3, 2, 4, 3]), trials)
    assert fit.converged
    assert optimize.approx_fprime(
        fit.coefficients, lambda b: logistic._log_likelihood(design @ b, np.array([1.0, 2, 3, 2, 4, 3]), trials)
    ) == pytest.approx([0, 0], abs=1e-5)


def test_a_fit_is_a_maximum_and_grouping_does_not_matter():
    random = np.random.default_rng(10)
    design = np.column_stack([np.ones(40), random.normal(size=(40, 2))])
    trials = random.integers(1, 6, 40).astype(float)
    successes = random.binomial(trials.astype(int), special.expit(design @ [0.2, 0.5, -0.5])).astype(float)
    fit = fisher_scoring(design, successes, trials)
    chance = special.expit(design @ fit.coefficients)
    np.testing.assert_allclose(design.T @ (successes - trials * chance), 0, atol=1e-6)
    information = design.T @ ((trials * chance * (1 - chance))[:, None] * design)
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(information), rtol=1e-6)
    rows = np.repeat(np.arange(40), trials.astype(int))
    single = np.concatenate([np.arange(n) < k for n, k in zip(trials, successes, strict=True)]).astype(float)
    again = fisher_scoring(design[rows], single, np.ones(len(rows)))
    np.testing.assert_allclose(again.coefficients, fit.coefficients, rtol=1e-8)
    assert again.log_likelihood == pytest.approx(fit.log_likelihood)
    assert fit.n == trials.sum()
