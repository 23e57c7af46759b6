"""Coefficients of templates as numbers of runs, the share of a dipole they explain, and slopes over footprints."""

import numpy as np
import pytest
from scipy import stats

from workflow_scripts.statistics.runs.footprint_response import footprint_slope
from workflow_scripts.statistics.sky.mediation import TemplateRegression, mediation, run_mediation

AXIS = np.array([0.6, 0.0, 0.8])


def sky(n=4000, seed=0, dipole=1.0, blocks=60):
    """Positions, two templates, the first of which has a dipole along AXIS, and random blocks."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(n, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    templates = random.normal(size=(n, 2))
    templates[:, 0] += dipole * vectors @ AXIS
    return vectors, templates, random.integers(blocks, size=n)


def test_coefficients_are_those_of_least_squares_on_the_galaxies():
    vectors, templates, blocks = sky()
    outcome = np.random.default_rng(1).random(len(vectors)) + 0.1 * templates[:, 0]
    fit = TemplateRegression.of(vectors, templates, blocks)
    sums = fit.outcome_products(outcome)
    ones = np.ones(len(vectors))
    for beside, columns in ((False, [ones, templates]), (True, [ones, vectors, templates])):
        expected = np.linalg.lstsq(np.column_stack(columns), outcome, rcond=None)[0][-2:]
        np.testing.assert_allclose(fit.coefficients(sums, beside), expected, atol=1e-12)


def test_the_coefficient_of_a_difference_is_the_difference_of_coefficients():
    vectors, templates, blocks = sky()
    a, b = np.random.default_rng(2).random((2, len(vectors)))
    fit = TemplateRegression.of(vectors, templates, blocks)
    first, second, both = (fit.coefficients(fit.outcome_products(y), True) for y in (a, b, a - b))
    np.testing.assert_allclose(first - second, both, atol=1e-12)


def test_a_template_that_is_a_dipole_has_a_coefficient_alone_only():
    vectors, templates, blocks = sky()
    fit = TemplateRegression.of(vectors, (vectors @ AXIS)[:, None], blocks)
    sums = fit.outcome_products(0.3 * vectors @ AXIS)
    assert fit.coefficients(sums, False)[0] == pytest.approx(0.3)
    assert not fit.beside_dipole
    with pytest.raises(ValueError, match="undetermined"):
        fit.coefficients(sums, True)
    with pytest.raises(ValueError, match="undetermined"):
        run_mediation(fit, [sums, 2 * sums], [sums, sums])
    with pytest.raises(ValueError, match="undetermined"):
        TemplateRegression.of(vectors, templates[:, [0, 0]], blocks)


def test_the_share_is_that_of_the_mean_difference():
    vectors, templates, blocks = sky()
    outcomes = np.random.default_rng(3).random((6, len(vectors)))
    outcomes[:3] += 0.1 * templates[:, 0]
    fit = TemplateRegression.of(vectors, templates, blocks)
    sums = np.array([fit.outcome_products(outcome) for outcome in outcomes])
    found = run_mediation(fit, sums[:3], sums[3:], 50)
    of_mean = mediation(vectors, outcomes[:3].mean(axis=0) - outcomes[3:].mean(axis=0), templates, blocks, 50)
    assert (found.share, found.share_along) == pytest.approx((of_mean.share, of_mean.share_along))
    np.testing.assert_allclose(found.raw, of_mean.raw, atol=1e-12)
    assert found.share_along_ci95 == run_mediation(fit, sums[:3], sums[3:], 50).share_along_ci95


def coverage(n_runs, over_runs, populations=300):
    """How often an interval of `share_along` holds the truth, 0.5, when runs scatter in what follows the seeing."""
    vectors, templates, blocks = sky(n=1500)
    fit = TemplateRegression.of(vectors, templates, blocks)
    random = np.random.default_rng(4)
    # The template has the dipole 1 along AXIS, so 0.1 of it and 0.1 of dipole are half each.
    held = 0
    for number in range(populations):
        arms = []
        for mean in (0.1, 0.0):
            strength = mean + 0.03 * random.normal(size=(n_runs, 2))
            noise = 0.3 * random.normal(size=(n_runs, len(vectors)))
            outcomes = strength[:, :1] * templates[:, 0] + strength[:, 1:] * (vectors @ AXIS) + noise
            arms.append(outcomes)
        if over_runs:
            sums = [np.array([fit.outcome_products(outcome) for outcome in arm]) for arm in arms]
            low, high = run_mediation(fit, *sums, 399, number).share_along_ci95
        else:
            low, high = mediation(
                vectors, arms[0].mean(axis=0) - arms[1].mean(axis=0), templates, blocks, 399, number
            ).share_along_ci95
        held += low <= 0.5 <= high
    return held / populations


def test_the_interval_holds_for_other_training_sets():
    assert 0.91 < coverage(8, over_runs=True) <= 0.99


def test_an_interval_over_sky_alone_does_not():
    assert coverage(8, over_runs=False, populations=100) < 0.85


def test_too_few_training_sets_or_blocks_have_no_interval():
    vectors, templates, blocks = sky(n=300)
    fit = TemplateRegression.of(vectors, templates, blocks)
    sums = fit.outcome_products(vectors @ AXIS)
    with pytest.raises(ValueError, match="arms of 1 and 2 training sets"):
        run_mediation(fit, [sums], [sums, sums])
    with pytest.raises(ValueError, match="same labels"):
        run_mediation(fit, [sums, sums], [sums, sums])
    coarse = TemplateRegression.of(vectors, templates, blocks % 5)
    with pytest.raises(ValueError, match="5 blocks are too few"):
        run_mediation(coarse, [sums[:5]] * 2, [sums[:5]] * 2)
    with pytest.raises(ValueError, match="missing"):
        fit.outcome_products(np.full(300, np.nan))


def test_a_slope_is_that_of_scipy_and_turns_with_its_sign():
    random = np.random.default_rng(5)
    x, noise = random.normal(size=(2, 12))
    y = 0.5 * x + noise
    found, expected = footprint_slope(x, y, 2000, 0), stats.linregress(x, y)
    assert (found.estimate, found.se, found.p) == pytest.approx((expected.slope, expected.stderr, expected.pvalue))
    assert footprint_slope(x, -y, 2000, 0).p_permutation == found.p_permutation
    assert found.p_permutation == pytest.approx(found.p, abs=0.05)


def test_the_permutation_of_a_slope_keeps_its_level():
    random = np.random.default_rng(6)
    x = random.normal(size=12)
    p = [footprint_slope(x, random.standard_exponential(12), 199, seed).p_permutation for seed in range(1000)]
    assert 0.03 < np.mean(np.array(p) <= 0.05) < 0.07


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (np.arange(4.0), np.arange(4.0), "too few"),
        (np.ones(6), np.arange(6.0), "training galaxies does not differ"),
        (np.arange(6.0), np.ones(6), "does not differ between footprints"),
    ],
)
def test_footprints_without_a_slope_are_refused(x, y, words):
    with pytest.raises(ValueError, match=words):
        footprint_slope(x, y, 99, 0)


def test_of_the_components_that_a_sky_constrains():
    vectors, templates, blocks = sky()
    y = np.random.default_rng(8).random(len(vectors)) + 0.1 * templates[:, 0]
    found = mediation(vectors[:, :2], y, templates, blocks, 50)
    constant = np.ones(len(y))
    raw = np.linalg.lstsq(np.column_stack([constant, vectors[:, :2]]), y, rcond=None)[0][1:]
    design = np.column_stack([constant, vectors[:, :2], templates])
    adjusted = np.linalg.lstsq(design, y, rcond=None)[0][1:3]
    np.testing.assert_allclose(found.raw, raw, atol=1e-9)
    assert found.share == pytest.approx(1 - np.linalg.norm(adjusted) / np.linalg.norm(raw))
