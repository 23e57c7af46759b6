"""The suite against an independent implementation of the same methods."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.contingency_tables import SquareTable, cochrans_q
from statsmodels.stats.contingency_tables import mcnemar as sm_mcnemar
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from tests.unit.statistics.skies import at_centres
from workflow_scripts.statistics.fractions import fraction_contrast, wilson_interval
from workflow_scripts.statistics.p_values import benjamini_hochberg, holm
from workflow_scripts.statistics.pairs.class_agreement import agreement, marginal_homogeneity, symmetry
from workflow_scripts.statistics.pairs.paired_fractions import cochran_q, mcnemar
from workflow_scripts.statistics.runs.contrasts import arm_contrast
from workflow_scripts.statistics.sky.multipoles import octopole_basis, quadrupole_basis
from workflow_scripts.statistics.sky.regression import sky_glm, standardised_templates


@pytest.mark.parametrize("lmax", [1, 2, 3])
def test_the_regression_on_the_sky(lmax):
    random = np.random.default_rng(lmax)
    counts = random.poisson(40, 12 * 4**2)
    positions = at_centres(counts)
    vectors = positions.mean_vectors()
    template = random.normal(size=(len(counts), 2)) + vectors[:, :2]
    odds = 0.3 + vectors @ [0.2, -0.1, 0.3] + 0.2 * template[:, 0] + 0.2 * random.normal(size=len(counts))
    positives = random.binomial(counts, 1 / (1 + np.exp(-odds)))
    fit = sky_glm(positions, positives, template, lmax=lmax)

    multipoles = np.column_stack([vectors, quadrupole_basis(vectors), octopole_basis(vectors)][:lmax])
    standard = standardised_templates(template, counts)
    outcome = np.column_stack([positives, counts - positives])

    def theirs(*columns):
        design = np.column_stack([np.ones(len(counts)), *columns])
        return sm.GLM(outcome, design, family=sm.families.Binomial()).fit(tol=1e-12)

    whole = theirs(multipoles, standard)
    ours = np.concatenate([[fit.intercept], fit.beta, fit.theta, fit.omega, fit.gamma])
    np.testing.assert_allclose(ours, whole.params, rtol=1e-6, atol=1e-9)
    dispersion = whole.pearson_chi2 / whole.df_resid
    assert fit.dispersion == pytest.approx(dispersion)
    np.testing.assert_allclose(fit.covariance, whole.cov_params(), rtol=1e-6, atol=1e-10)
    without = theirs(multipoles[:, 3:], standard)
    ratio = 2 * (whole.llf - without.llf)
    tested = (fit.dipole, fit.dipole_given_quadrupole, fit.dipole_given_octopole)[lmax - 1]
    assert (tested.statistic, tested.p) == pytest.approx((ratio, stats.chi2.sf(ratio, 3)), rel=1e-6)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (700, 1000)])
def test_wilson_intervals(k, n):
    assert np.ravel(wilson_interval(k, n)) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-12)


def test_two_fractions():
    found = fraction_contrast(230, 400, 300, 600)
    assert (found.z, found.p) == pytest.approx(proportions_ztest([230, 300], [400, 600]))
    assert found.ci95 == pytest.approx(confint_proportions_2indep(230, 400, 300, 600, method="newcomb"))


@pytest.mark.parametrize(("b", "c"), [(12, 31), (5, 5), (0, 7)])
def test_mcnemar(b, c):
    found = mcnemar(b, c, 100)
    assert found.p == pytest.approx(sm_mcnemar([[50, b], [c, 20]], exact=True).pvalue)
    assert found.z**2 == pytest.approx(sm_mcnemar([[50, b], [c, 20]], exact=False, correction=False).statistic)


def test_many_networks_on_the_same_galaxies():
    labels = np.random.default_rng(2).binomial(1, [0.4, 0.5, 0.55, 0.5], size=(300, 4))
    found, theirs = cochran_q(labels.sum(axis=0), (labels.sum(axis=1) ** 2).sum()), cochrans_q(labels)
    assert (found.q, found.dof, found.p) == pytest.approx((theirs.statistic, theirs.df, theirs.pvalue))


def test_tables_of_several_classes():
    table = np.random.default_rng(3).integers(1, 60, size=(4, 4))
    theirs, kappa = SquareTable(table, shift_zeros=False), cohens_kappa(table)
    homogeneity, bowker, found = marginal_homogeneity(table), symmetry(table), agreement(table)
    expected = theirs.homogeneity(method="stuart_maxwell")
    assert (homogeneity.chi2, homogeneity.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert (bowker.chi2, bowker.p) == pytest.approx((theirs.symmetry().statistic, theirs.symmetry().pvalue))
    assert (found.kappa, found.kappa_se) == pytest.approx((kappa.kappa, kappa.std_kappa))


def test_welch():
    random = np.random.default_rng(5)
    a, b = random.normal(0.3, 1, 6), random.normal(0, 2, 9)
    found = arm_contrast(a, b, 99, 0)
    theirs = CompareMeans(DescrStatsW(a), DescrStatsW(b))
    assert (found.statistic, found.p, found.dof) == pytest.approx(theirs.ttest_ind(usevar="unequal"))
    assert found.ci95 == pytest.approx(theirs.tconfint_diff(usevar="unequal"))


def test_adjusted_p():
    p = np.random.default_rng(6).uniform(size=30) ** 3
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])
    np.testing.assert_allclose(benjamini_hochberg(p), multipletests(p, method="fdr_bh")[1])
