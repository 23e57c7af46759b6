"""Prevalence-matched thresholds, and the sweep over confidence cuts."""

import healpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums
from workflow_scripts.statistics.truth.thresholds import labels_above, prevalence_matched_threshold, sweep_cuts

scores_with_ties = st.lists(
    st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 0.5000001, 1.0])), min_size=1, max_size=40
)


@settings(deadline=None)
@given(scores_with_ties, st.floats(0, 1))
def test_matched_threshold_is_the_nearest_that_ties_allow(scores, fraction):
    """Oracle: every threshold that can make a difference, tried in turn."""
    scores = np.array(scores)
    if len(np.unique(scores)) == 1 and 0 < fraction < 1:
        with pytest.raises(ValueError, match="all validation scores are equal"):
            prevalence_matched_threshold(scores, fraction)
        return
    threshold, achieved = prevalence_matched_threshold(scores, fraction)
    possible = [np.mean(scores > t) for t in (-1.0, *scores)]
    nearest = min(abs(p - fraction) for p in possible)
    assert abs(achieved - fraction) <= nearest + 1e-9
    assert (scores > threshold).mean() == pytest.approx(achieved)
    if len(np.unique(scores)) == len(scores):
        assert abs(achieved - fraction) <= 0.5 / len(scores) + 1e-9


def test_matched_threshold_takes_the_smaller_of_two_equally_near_fractions():
    assert prevalence_matched_threshold([0.1, 0.2, 0.3, 0.4], 0.375) == (pytest.approx(0.35), 0.25)
    assert prevalence_matched_threshold([0.1, 0.7, 0.7, 0.7, 0.9], 0.5) == (pytest.approx(0.8), 0.2)
    assert prevalence_matched_threshold([0.0, 1.0], 1.0)[1] == 1.0
    assert prevalence_matched_threshold([0.0, 1.0], 0.0)[1] == 0.0


@pytest.mark.parametrize("score", [0.1, 0.3, 0.5, np.nextafter(0.5, 1), 0.7])
def test_threshold_between_neighbouring_floats_separates_them(score):
    """Halfway between them rounds to one of them, and may not round to the upper one."""
    scores = np.array([score, np.nextafter(score, 1)])
    threshold, _ = prevalence_matched_threshold(scores, 0.5)
    np.testing.assert_array_equal(scores > threshold, [False, True])


def test_scores_of_single_precision_are_compared_as_they_were_counted():
    """The threshold between two neighbours of single precision rounds to the upper one, of which none is above it."""
    low = np.float32(0.7)
    high = np.nextafter(low, np.float32(1))
    scores = np.array([low] * 809 + [high] * 191, np.float32)
    threshold, fraction = prevalence_matched_threshold(scores, 0.19)
    assert fraction == 0.191
    assert labels_above(scores, threshold).mean() == fraction


def test_matched_thresholds_take_the_difference_of_fractions_away_and_keep_the_pattern():
    """Dossier 3.k (2): a network whose scores are a monotone function of another's gets the same labels."""
    random = np.random.default_rng(0)
    scores = random.random(2000)
    (a, of_a), (b, of_b) = (prevalence_matched_threshold(scores[:500] ** power, 0.3) for power in (1, 3))
    np.testing.assert_array_equal(
        (scores[500:] > a) != (scores[500:] ** 3 > b),
        # Only scores between those on the two sides of the threshold can differ.
        (scores[500:] > min(a, b ** (1 / 3))) & (scores[500:] <= max(a, b ** (1 / 3))),
    )
    assert of_a == of_b == 0.3


@pytest.fixture
def galaxies():
    """Scores with more doubt towards +z and more positives towards +x, and one galaxy on every kind of border."""
    random = np.random.default_rng(3)
    vectors = random.normal(size=(4000, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sharpness = 3 * (1 - 0.5 * vectors[:, 2])
    scores = 1 / (1 + np.exp(-(random.normal(size=4000) + 0.4 * vectors[:, 0]) * sharpness))
    scores[:4] = [0.5, 0.25, 0.75, 1.0]
    return scores, vectors


CUTS = (0.0, 0.1, 0.25, 0.4, 0.49)


def test_sweep_is_the_dipole_of_each_cut(galaxies):
    scores, vectors = galaxies
    for found in sweep_cuts(scores, vectors, CUTS):
        labels, kept = (scores > 0.5).astype(float), np.abs(scores - 0.5) > found.cut
        expected = dipole(PositionSums.of(vectors[kept]), ValueSums.of(labels[kept], vectors[kept]))
        np.testing.assert_allclose(found.labels.beta, expected.beta, atol=1e-10)
        assert found.labels.q == pytest.approx(expected.q)
        left_out = dipole(PositionSums.of(vectors), ValueSums.of(~kept, vectors))
        np.testing.assert_allclose(found.unannotated.beta, left_out.beta, atol=1e-10)
        assert found.unannotated.p == pytest.approx(left_out.p, rel=1e-6)
        assert found.unannotated_fraction == pytest.approx(np.mean(~kept))
        assert found.fraction == pytest.approx(labels[kept].mean())


def test_sweep_does_not_depend_on_order(galaxies):
    scores, vectors = galaxies
    whole, backwards = sweep_cuts(scores, vectors, CUTS), sweep_cuts(scores[::-1], vectors[::-1], CUTS)
    for a, b in zip(whole, backwards, strict=True):
        np.testing.assert_allclose(a.labels.beta, b.labels.beta, atol=1e-10)
        assert a.unannotated_fraction == b.unannotated_fraction


def test_turning_scores_around_changes_the_sign_of_every_dipole(galaxies):
    scores, vectors = galaxies
    # Scores of k/64 are exact, so 1 - s is as far from 1/2 as s.
    scores = np.round(scores * 64) / 64
    cuts = tuple(np.array(CUTS) + 1e-4)
    plain = sweep_cuts(scores, vectors, cuts)
    for a, b in zip(plain, sweep_cuts(1 - scores, vectors, cuts), strict=True):
        np.testing.assert_allclose(a.labels.beta, -b.labels.beta, atol=1e-10)
        np.testing.assert_allclose(a.unannotated.beta, b.unannotated.beta, atol=1e-10)


def test_doubt_alone_makes_a_fake_dipole_when_it_takes_one_class_more():
    """The mechanism of Hayes, Davis & Silva 2017 (dossier 3.k): the truth has no dipole and all labels are right, but
    positives are doubtful more often towards +z. Cut labels get a dipole, and so does the unannotated map."""
    random = np.random.default_rng(5)
    vectors = np.column_stack(healpy.pix2vec(32, np.arange(12288)))
    truth = random.random(12288) < 0.5
    doubtful = random.random(12288) < np.where(truth, 0.3 + 0.2 * vectors[:, 2], 0.3)
    scores = np.where(truth, np.where(doubtful, 0.6, 0.95), np.where(doubtful, 0.4, 0.05))
    everything, confident = sweep_cuts(scores, vectors, (0.0, 0.3))
    assert everything.labels.p > 0.01
    assert everything.unannotated is None
    assert confident.labels.p < 1e-6
    assert confident.labels.beta[2] < 0
    assert confident.unannotated.p < 1e-6


def test_cuts_at_which_nothing_is_left_have_no_dipole(galaxies):
    _, vectors = galaxies
    scores = np.tile([0.3, 0.7], 2000)
    first, second = sweep_cuts(scores, vectors, (0.1, 0.3))
    assert first.unannotated is None
    assert (second.labels, second.unannotated_fraction) == (None, 1)
    assert np.isnan(second.fraction)


@pytest.mark.parametrize("scores", [[0.5, np.nan], [1.1], [-0.1], [[0.5]]])
def test_scores_that_are_none_are_refused(scores):
    with pytest.raises(ValueError, match="scores must be"):
        prevalence_matched_threshold(scores, 0.5)


@pytest.mark.parametrize("cuts", [(), (0.5,), (-0.1,), (0.2, 0.1), (0.1, 0.1), (np.nan,)])
def test_cuts_that_are_none_are_refused(cuts, galaxies):
    with pytest.raises(ValueError, match="cuts must"):
        sweep_cuts(galaxies[0], galaxies[1], cuts)


@pytest.mark.parametrize(
    ("scores", "fraction", "sentence"),
    [([], 0.5, "no validation scores"), ([0.1, 0.2], 1.5, "between 0 and 1"), ([0.1, 0.2], np.nan, "between 0 and 1")],
)
def test_fractions_that_cannot_be_matched_are_refused(scores, fraction, sentence):
    with pytest.raises(ValueError, match=sentence):
        prevalence_matched_threshold(scores, fraction)
    with pytest.raises(ValueError, match="no galaxies"):
        sweep_cuts([], np.empty((0, 3)), (0.1,))
