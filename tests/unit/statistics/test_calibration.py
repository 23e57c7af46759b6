"""Calibration by position and by score, and recalibration by region."""

import numpy as np
import pytest
from scipy import special, stats
from scipy.spatial.transform import Rotation

from workflow_scripts.statistics.logistic import fit_logistic
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.sums import PositionSums, ValueSums
from workflow_scripts.statistics.truth.calibration import ResidualSums, calibration_dipole
from workflow_scripts.statistics.truth.calibration_error import ScoreCells, calibration_error
from workflow_scripts.statistics.truth.recalibration import recalibrate_regions


def band(mocks):
    """99.9 % binomial band of a size of 5 %."""
    return stats.binom.ppf([0.0005, 0.9995], mocks, 0.05) / mocks


def sky(n, random, lowest=-1.0):
    height, angle = random.uniform(lowest, 1, n), random.uniform(0, 2 * np.pi, n)
    radius = np.sqrt(1 - height**2)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), height])


@pytest.fixture
def scored():
    """Calibrated scores of a sky whose true fraction has a dipole along x."""
    random = np.random.default_rng(0)
    vectors = sky(5000, random, lowest=-0.3)
    scores = special.expit(random.normal(size=5000) * 1.5 + 0.8 * vectors[:, 0])
    return scores, (random.random(5000) < scores).astype(float), vectors


def test_calibration_dipole_is_the_dipole_of_truth_minus_score(scored):
    scores, truth, vectors = scored
    found = calibration_dipole(ResidualSums.of(scores, truth, vectors))
    r = truth - scores
    expected = dipole(PositionSums.of(vectors), ValueSums.of(r, vectors))
    np.testing.assert_allclose(found.residuals.dipole.beta, expected.beta, atol=1e-12)
    centred = vectors - vectors.mean(axis=0)
    inverse = np.linalg.inv(centred.T @ centred)
    meat = centred.T @ ((r - r.mean())[:, None] ** 2 * centred)
    np.testing.assert_allclose(found.residuals.covariance, inverse @ meat @ inverse, rtol=1e-9, atol=1e-15)
    assert found.residuals.q == pytest.approx(expected.beta @ np.linalg.solve(inverse @ meat @ inverse, expected.beta))
    assert found.mean_z == pytest.approx(r.sum() / np.sqrt((scores * (1 - scores)).sum()))
    parts = ResidualSums.of(scores[:99], truth[:99], vectors[:99]) + ResidualSums.of(
        scores[99:], truth[99:], vectors[99:]
    )
    assert calibration_dipole(parts).residuals.q == pytest.approx(found.residuals.q)


def test_calibrated_scores_have_no_dipole_where_the_truth_has_one(scored):
    scores, truth, vectors = scored
    found = calibration_dipole(ResidualSums.of(scores, truth, vectors))
    assert found.residuals.p > 0.01
    assert dipole(PositionSums.of(vectors), ValueSums.of(truth, vectors)).p < 1e-6
    spoiled = np.clip(scores + 0.1 * vectors[:, 1], 0, 1)
    assert calibration_dipole(ResidualSums.of(spoiled, truth, vectors)).residuals.p < 1e-6


def test_calibration_dipole_turns_with_the_sky_and_changes_sign_with_the_classes(scored):
    scores, truth, vectors = scored
    plain = calibration_dipole(ResidualSums.of(scores, truth, vectors))
    turn = Rotation.random(rng=np.random.default_rng(1))
    turned = calibration_dipole(ResidualSums.of(scores, truth, turn.apply(vectors)))
    np.testing.assert_allclose(turned.residuals.dipole.beta, turn.apply(plain.residuals.dipole.beta), atol=1e-12)
    assert turned.residuals.q == pytest.approx(plain.residuals.q)
    other = calibration_dipole(ResidualSums.of(1 - scores, 1 - truth, vectors))
    np.testing.assert_allclose(other.residuals.dipole.beta, -plain.residuals.dipole.beta, atol=1e-12)


def test_only_the_robust_error_keeps_its_size_when_doubt_depends_on_position():
    """Dossier 3.k tests the calibration dipole as in 3.c, with one variance for the whole sky. Here scores are
    calibrated, and doubtful in the smaller southern part of the footprint: that test rejects too often."""
    random = np.random.default_rng(2)
    mocks, one_variance, robust, mean = 1000, [], [], []
    for _ in range(mocks):
        vectors = np.vstack([sky(650, random, 0.4), -sky(150, random, 0.4)])
        doubt = np.where(vectors[:, 2] < 0, 0.5, 0.05)
        scores = np.where(random.random(800) < 0.5, doubt, 1 - doubt)
        truth = (random.random(800) < scores).astype(float)
        found = calibration_dipole(ResidualSums.of(scores, truth, vectors))
        one_variance.append(found.residuals.dipole.p < 0.05)
        robust.append(found.residuals.p < 0.05)
        mean.append(found.mean_p < 0.05)
    assert np.mean(one_variance) > band(mocks)[1]
    for rejected in (robust, mean):
        assert band(mocks)[0] <= np.mean(rejected) <= band(mocks)[1]


def test_calibration_error_is_the_definition_in_every_region():
    random = np.random.default_rng(3)
    scores, region = random.random(600), random.integers(0, 3, 600)
    scores[:3] = [0.0, 1.0, 0.5]
    truth = (random.random(600) < scores**1.5).astype(float)
    found = calibration_error(ScoreCells.of(scores, truth, 10, region, 4), 50, 0)
    for number in range(3):
        s, t = scores[region == number], truth[region == number]
        bins = np.minimum((s * 10).astype(int), 9)
        ece = squared = 0.0
        for b in range(10):
            r = (t - s)[bins == b]
            ece += abs(r.sum()) / len(s)
            squared += len(r) / len(s) * (r.mean() ** 2 - r.var(ddof=1) / len(r))
        assert found.ece[number] == pytest.approx(ece)
        assert found.squared[number] == pytest.approx(squared)
    assert np.isnan([found.ece[3], found.p[3], found.squared[3], found.ece_if_calibrated[3]]).all()
    np.testing.assert_array_equal(found.n, [*np.bincount(region), 0])
    whole = calibration_error(ScoreCells.of(scores, truth, 10, region, 4).all_regions(), 50, 0)
    assert whole.ece[0] == pytest.approx(calibration_error(ScoreCells.of(scores, truth), 50, 0).ece[0])
    parts = ScoreCells.of(scores[:50], truth[:50]) + ScoreCells.of(scores[50:], truth[50:])
    assert calibration_error(parts, 50, 0).squared[0] == pytest.approx(whole.squared[0])


def test_debiased_error_has_mean_zero_for_calibrated_scores_and_the_dossiers_has_not():
    """Dossier 3.k subtracts tbar (1 - tbar)/(n_b - 1), which holds for scores that are equal within a bin. In two wide
    bins of 30 galaxies it subtracts too much, by the variance of the scores in a bin over n_b - 1."""
    random = np.random.default_rng(4)
    mocks, n = 3000, 60
    scores = np.linspace(0.01, 0.99, n)
    ours, theirs, plain = np.zeros(mocks), np.zeros(mocks), np.zeros(mocks)
    for row in range(mocks):
        truth = (random.random(n) < scores).astype(float)
        found = calibration_error(ScoreCells.of(scores, truth, 2), 1, row)
        ours[row], plain[row] = found.squared[0], found.ece[0]
        halves = truth.reshape(2, -1).mean(axis=1)
        gap = halves - scores.reshape(2, -1).mean(axis=1)
        theirs[row] = np.mean(gap**2 - halves * (1 - halves) / (n / 2 - 1))
    error = ours.std() / np.sqrt(mocks)
    assert abs(ours.mean()) < 3.3 * error
    too_much = scores.reshape(2, -1).var(axis=1).mean() / (n / 2 - 1)
    assert theirs.mean() == pytest.approx(-too_much, abs=3.3 * error)
    assert too_much > 5 * error
    # The plain one is biased upward, to the mean over drawn labels.
    null = calibration_error(ScoreCells.of(scores, np.round(scores), 2), 3000, 0).ece_if_calibrated[0]
    assert plain.mean() == pytest.approx(null, rel=0.05)
    assert null > 0.05


def test_debiased_error_finds_the_error_that_was_put_in():
    random = np.random.default_rng(5)
    scores = random.random(200_000)
    truth = (random.random(200_000) < np.clip(scores + 0.05, 0, 1)).astype(float)
    found = calibration_error(ScoreCells.of(scores, truth), 99, 0)
    assert found.debiased[0] == pytest.approx(0.05, abs=0.005)
    assert found.p[0] == 0.01


def test_calibration_error_keeps_its_size():
    """Labels drawn from the scores give the null of ECE: size with 99 drawings, galaxies of 4 regions, 10 bins."""
    random = np.random.default_rng(6)
    p: list[float] = []
    for row in range(250):
        scores = random.beta(0.5, 0.5, 800)
        truth = (random.random(800) < scores).astype(float)
        p.extend(calibration_error(ScoreCells.of(scores, truth, 10, np.arange(800) % 4, 4), 99, row).p)
    assert band(1000)[0] <= np.mean(np.array(p) <= 0.05) <= band(1000)[1]


def test_galaxies_alone_in_their_bin_are_counted():
    found = calibration_error(ScoreCells.of([0.05, 0.95, 0.96], [0.0, 1.0, 1.0]), 10, 0)
    assert (found.n[0], found.n_alone[0]) == (3, 1)
    lonely = calibration_error(ScoreCells.of([0.05], [0.0]), 10, 0)
    assert np.isnan(lonely.squared[0])
    again = calibration_error(ScoreCells.of([0.05, 0.95, 0.96], [0.0, 1.0, 1.0]), 10, 0)
    assert again.p[0] == found.p[0]


def literal_fit(x, t, prior_mean=None, prior_precision=None):
    """Intercept and slope by plain Newton, with an optional normal prior."""
    value = np.zeros(2) if prior_mean is None else prior_mean.copy()
    design = np.column_stack([np.ones_like(x), x])
    for _ in range(60):
        chance = special.expit(design @ value)
        gradient, information = design.T @ (t - chance), design.T @ ((chance * (1 - chance))[:, None] * design)
        if prior_mean is not None:
            gradient, information = gradient - prior_precision @ (value - prior_mean), information + prior_precision
        value = value + np.linalg.solve(information, gradient)
    return value


@pytest.fixture
def regional():
    """24 regions whose intercepts scatter by .4 and slopes by .2; the last two hold 3 galaxies and none."""
    random = np.random.default_rng(7)
    region = random.integers(0, 22, 6000)
    region[:3] = 22
    truth_of = np.column_stack([0.3 + 0.4 * random.normal(size=24), 0.8 + 0.2 * random.normal(size=24)])
    x = random.normal(size=6000) * 1.5
    truth = (random.random(6000) < special.expit(truth_of[region, 0] + truth_of[region, 1] * x)).astype(float)
    return special.expit(x), truth, region, truth_of


def test_recalibration_is_the_posterior_mode_given_the_scatter_between_regions(regional):
    scores, truth, region, truth_of = regional
    found = recalibrate_regions(scores, truth, region, 24)
    x = special.logit(scores)
    np.testing.assert_allclose(found.overall, literal_fit(x, truth), atol=1e-8)
    precision = np.linalg.inv(found.between)
    for number in (0, 7, 22):
        rows = region == number
        mode = literal_fit(x[rows], truth[rows], found.overall, precision)
        np.testing.assert_allclose(found.regions[number], mode, atol=1e-6)
    # The scatter between regions is what the docstring says: mean of deviation squared plus posterior covariance.
    total = np.zeros((2, 2))
    for number in range(23):
        rows = region == number
        design = np.column_stack([np.ones(rows.sum()), x[rows]])
        chance = special.expit(design @ found.regions[number])
        information = design.T @ ((chance * (1 - chance))[:, None] * design)
        deviation = found.regions[number] - found.overall
        total += np.outer(deviation, deviation) + np.linalg.inv(information + precision)
    np.testing.assert_allclose(total / 23, found.between, atol=0.002)
    np.testing.assert_allclose(found.regions[23], found.overall)
    assert found.region_se[23, 0] > found.region_se[0, 0]
    assert found.converged
    # Pooled values are nearer to the truth than the overall ones, and than those of each region alone.
    many = slice(0, 22)
    alone = np.array([literal_fit(x[region == number], truth[region == number]) for number in range(22)])
    pooled = ((found.regions[many] - truth_of[many]) ** 2).mean()
    assert pooled < ((alone - truth_of[many]) ** 2).mean()
    assert pooled < 0.5 * ((found.overall - truth_of[many]) ** 2).mean()
    np.testing.assert_allclose(np.sqrt(np.diag(found.between)), [0.4, 0.2], rtol=0.5)


def test_recalibration_does_not_depend_on_order_and_turns_with_the_classes(regional):
    scores, truth, region, _ = regional
    plain = recalibrate_regions(scores, truth, region, 24)
    other = recalibrate_regions(scores[::-1], truth[::-1], region[::-1], 24)
    np.testing.assert_allclose(other.regions, plain.regions, atol=1e-6)
    flipped = recalibrate_regions(1 - scores, 1 - truth, region, 24)
    np.testing.assert_allclose(flipped.regions, plain.regions * [-1, 1], atol=1e-5)


def test_regions_that_are_alike_are_drawn_together_and_rarely_called_different():
    """Likelihood ratio of 8 regions against one fit: mean 14, as of chi-square with 14 degrees of freedom, to within
    99.9 % of 50 mocks; and the scatter between regions nearly vanishes. (300 mocks, once: size 4.3 %, mean 14.2.)"""
    random = np.random.default_rng(8)
    ratios, scatter = [], []
    for _ in range(50):
        x, region = random.normal(size=1600) * 1.5, np.arange(1600) % 8
        truth = (random.random(1600) < special.expit(x)).astype(float)
        found = recalibrate_regions(special.expit(x), truth, region, 8)
        assert (found.dof, found.p) == (14, pytest.approx(stats.chi2.sf(found.chi2, 14)))
        ratios.append(found.chi2)
        scatter.append(np.sqrt(found.between[0, 0]))
    assert np.mean(ratios) == pytest.approx(14, abs=3.3 * np.sqrt(28 / 50))
    assert np.median(scatter) < 0.1


def test_a_region_with_one_class_has_finite_values():
    random = np.random.default_rng(9)
    scores, region = random.random(400), np.arange(400) % 4
    truth = (random.random(400) < scores).astype(float)
    truth[region == 3] = 1.0
    found = recalibrate_regions(np.where(region == 2, 1.0, scores), truth, region, 4)
    assert np.isfinite(found.regions).all()
    assert found.clipped == 100
    assert np.isnan(found.p)
    assert found.dof == 0


def test_logistic_fit_is_a_maximum_and_grouping_does_not_matter():
    random = np.random.default_rng(10)
    design = np.column_stack([np.ones(40), random.normal(size=(40, 2)) * [1, 1000]])
    trials = random.integers(0, 6, 40)
    successes = random.binomial(trials, special.expit(design @ [0.2, 0.5, -0.0005]))
    fit = fit_logistic(design, successes, trials)
    chance = special.expit(design @ fit.coefficients)
    np.testing.assert_allclose(design.T @ (successes - trials * chance), 0, atol=1e-6)
    information = design.T @ ((trials * chance * (1 - chance))[:, None] * design)
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(information), rtol=1e-6)
    rows = np.repeat(np.arange(40), trials)
    single = np.concatenate([np.arange(n) < k for n, k in zip(trials, successes, strict=True)])
    again = fit_logistic(design[rows], single, np.ones(len(rows)))
    np.testing.assert_allclose(again.coefficients, fit.coefficients, rtol=1e-8)
    assert again.log_likelihood == pytest.approx(fit.log_likelihood)
    assert fit.n == trials.sum()


@pytest.mark.parametrize(
    ("design", "successes", "sentence"),
    [
        (np.ones((4, 1)), np.zeros(4), "both successes and failures"),
        (np.ones((4, 2)), [0, 1, 0, 1], "not independent"),
        (np.column_stack([np.ones(4), np.arange(4)]), [0, 0, 1, 1], "told apart completely"),
        (np.column_stack([np.ones(4), [0, 0, 0, 1]]), [0, 1, 0, 1], "told apart completely"),
        (np.full((4, 1), np.nan), [0, 1, 0, 1], "missing"),
        (np.ones((4, 1)), [0, 2, 0, 1], "between 0 and"),
    ],
)
def test_logistic_fits_without_a_maximum_are_refused(design, successes, sentence):
    with pytest.raises(ValueError, match=sentence):
        fit_logistic(design, successes, np.ones(4))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: ResidualSums.of([0.5, 1.2], [0, 1], np.eye(3)[:2]), "scores must be"),
        (lambda: ResidualSums.of([0.5, 0.2], [0, np.nan], np.eye(3)[:2]), "0 or 1"),
        (lambda: ResidualSums.of([0.5, 0.2], [0, 1], np.eye(3)), "unit vectors"),
        (lambda: ResidualSums.of([0.5, 0.2], [0, 1], 2 * np.eye(3)[:2]), "must be unit vectors"),
        (lambda: ResidualSums.of([0.5, 0.2], [0, 1], np.full((2, 3), np.nan)), "must be unit vectors"),
        (lambda: ScoreCells.of([0.5], [1], 0), "at least one score bin"),
        (lambda: ScoreCells.of([0.5], [1], 10, [3], 2), "between 0 and 1"),
        (lambda: ScoreCells.of([0.5], [1], 10) + ScoreCells.of([0.5], [1], 5), "cannot be added"),
        (lambda: calibration_error(ScoreCells.of([], []), 10, 0), "no labelled galaxies"),
        (lambda: calibration_error(ScoreCells.of([0.5], [1]), 0, 0), "at least one drawing"),
        (lambda: recalibrate_regions([0.5, 0.4], [0, 1], [0, 1], 2), "three or more regions"),
        (lambda: recalibrate_regions([0.5, 0.4], [0, 1], [0, 1], 2, clip=0.6), "clip"),
        (lambda: recalibrate_regions([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], [0, 1, 2, 3], 4), "told apart completely"),
    ],
)
def test_scores_that_say_nothing_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
