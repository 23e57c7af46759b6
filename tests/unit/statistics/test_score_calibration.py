"""Calibration of scores by position and by score."""

import numpy as np
import pytest
from scipy import special
from scipy.spatial.transform import Rotation

from tests.unit.statistics.skies import band, random_sky
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums
from workflow_scripts.statistics.truth.score_calibration import (
    ResidualSums,
    ScoreCells,
    calibration_dipole,
    calibration_error,
)


@pytest.fixture
def scored():
    """Calibrated scores of a sky whose true fraction has a dipole along x."""
    random = np.random.default_rng(0)
    vectors = random_sky(random, 5000, -0.3)
    scores = special.expit(random.normal(size=5000) * 1.5 + 0.8 * vectors[:, 0])
    return scores, (random.random(5000) < scores).astype(float), vectors


def test_calibration_dipole_is_the_dipole_of_truth_minus_score(scored):
    scores, truth, vectors = scored
    found = calibration_dipole(ResidualSums.of(scores, truth, vectors))
    r = truth - scores
    expected = dipole(PositionSums.of(vectors), ValueSums.of(r, vectors))
    np.testing.assert_allclose(found.residuals.beta, expected.beta, atol=1e-12)
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
    np.testing.assert_allclose(turned.residuals.beta, turn.apply(plain.residuals.beta), atol=1e-12)
    assert turned.residuals.q == pytest.approx(plain.residuals.q)
    other = calibration_dipole(ResidualSums.of(1 - scores, 1 - truth, vectors))
    np.testing.assert_allclose(other.residuals.beta, -plain.residuals.beta, atol=1e-12)


def test_only_the_robust_error_keeps_its_size_when_doubt_depends_on_position():
    """Dossier 3.k tests the calibration dipole as in 3.c, with one variance for the whole sky. Here scores are
    calibrated, and doubtful in the smaller southern part of the footprint: that test rejects too often."""
    random = np.random.default_rng(2)
    mocks, one_variance, robust, mean = 1000, [], [], []
    for _ in range(mocks):
        vectors = np.vstack([random_sky(random, 650, 0.4), -random_sky(random, 150, 0.4)])
        doubt = np.where(vectors[:, 2] < 0, 0.5, 0.05)
        scores = np.where(random.random(800) < 0.5, doubt, 1 - doubt)
        truth = (random.random(800) < scores).astype(float)
        sums = ResidualSums.of(scores, truth, vectors)
        found = calibration_dipole(sums)
        one_variance.append(dipole(sums.residuals.positions, sums.residuals.values).p < 0.05)
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


def test_galaxies_alone_in_their_bin_have_no_debiased_error():
    found = calibration_error(ScoreCells.of([0.05, 0.95, 0.96], [0.0, 1.0, 1.0]), 10, 0)
    assert found.n[0] == 3
    lonely = calibration_error(ScoreCells.of([0.05], [0.0]), 10, 0)
    assert np.isnan(lonely.squared[0])
    again = calibration_error(ScoreCells.of([0.05, 0.95, 0.96], [0.0, 1.0, 1.0]), 10, 0)
    assert again.p[0] == found.p[0]


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
        (lambda: calibration_error(ScoreCells.of([], []), 10, 0), "no labelled galaxies"),
        (lambda: calibration_error(ScoreCells.of([0.5], [1]), 0, 0), "at least one drawing"),
    ],
)
def test_scores_without_a_calibration_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
