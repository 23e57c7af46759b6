"""Tests of networks on mock galaxies: two on the same galaxies, and scores beside reference labels.

Two networks label one sky with errors of their own, equally often; the dipole is put into their difference.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from workflow_scripts.calibration_mocks.claims import (
    EVERYWHERE,
    NEVER,
    ONE_CATALOG,
    WITHOUT_TEMPLATES,
    Battery,
    Finding,
    of_dipole,
)
from workflow_scripts.calibration_mocks.mock_skies import MockPositions, MockSkies
from workflow_scripts.statistics.pairs.paired_fractions import mcnemar, paired_difference_interval
from workflow_scripts.statistics.sky.dipole import ScatterSums, dipole, robust_dipole
from workflow_scripts.statistics.sky.regression import standardised_templates
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues, PositionSums, ValueSums
from workflow_scripts.statistics.sky.value_permutations import value_dipole_test
from workflow_scripts.statistics.truth.prediction_powered import prediction_powered_dipole
from workflow_scripts.statistics.truth.score_calibration import ResidualSums, calibration_dipole

# Share of truly positive, and of truly negative, galaxies that only the first network calls positive.
DISCORDANT = {True: 0.05, False: 0.03}
# Factor of it for a standard deviation of seeing, where there is imaging.
SEEING_FACTOR = 1.6

LABELLED_SHARE = 0.2
# With 99 random permutations levels of 5 % and 1 % are attained exactly.
_SCORE_PERMUTATIONS = 99
_EVERY = 5
# Dipole of the scores towards the north pole that the galaxies do not have.
SCORE_BIAS = 0.05


class _Pair(NamedTuple):
    """Galaxies that only the first (`b`) or only the second network (`c`) calls positive, of n; sums of differences.

    `truth` is the dipole put into the differences, its axis and the middle of the mask, `mean` the mean difference.
    """

    b: int
    c: int
    n: int
    scatter: ScatterSums
    truth: tuple[float, NDArray, NDArray]
    mean: float


def _pairs(positions: MockPositions, skies: MockSkies, seed: int) -> Iterator[_Pair]:
    random = np.random.default_rng(seed)
    vectors, counts, sums = positions.vectors, positions.counts, positions.positions.sums
    products = vectors[:, :, None] * vectors[:, None, :]
    blur = np.ones(len(counts))
    if skies.variant.templates:
        seeing = standardised_templates(skies.templates, counts)[:, 0]
        blur = np.clip(SEEING_FACTOR**seeing, 0.3, 3.0)
    for axis, fractions in zip(skies.axes, skies.fractions, strict=True):
        shift = skies.variant.dipole * vectors @ axis
        only_a, only_b = _discordant(counts, fractions, blur, shift, random)
        totals, squares = (only_a - only_b).astype(float), (only_a + only_b).astype(float)
        values = ValueSums(float(totals.sum()), float(squares.sum()), totals @ vectors)
        weighted, second = (np.tensordot(weights, products, axes=1) for weights in (totals, squares))
        scatter = ScatterSums(sums, values, weighted, squares @ vectors, second)
        truth = (skies.variant.dipole, axis, positions.centre)
        mean = float(shift @ counts) / sums.n
        yield _Pair(int(only_a.sum()), int(only_b.sum()), sums.n, scatter, truth, mean)


def _discordant(
    counts: NDArray, fractions: NDArray, blur: NDArray, shift: NDArray, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Galaxies of each pixel (p,) that only the first, and only the second, network calls positive."""
    positive = random.binomial(counts, fractions)
    only_a, only_b = np.zeros(len(counts), np.int64), np.zeros(len(counts), np.int64)
    for truly_positive, number in ((True, positive), (False, counts - positive)):
        # A dipole of up to twice the share of disagreements would need a negative one: it is raised where it must be.
        rate = np.maximum(DISCORDANT[truly_positive] * blur, np.abs(shift) / 2)
        first = random.binomial(number, rate + shift / 2)
        only_a += first
        only_b += random.binomial(number - first, (rate - shift / 2) / (1 - rate - shift / 2))
    return only_a, only_b


PAIRS = Battery(_pairs)


@PAIRS.tests({"McNemar, exact": EVERYWHERE, "McNemar, mid-p": EVERYWHERE})
def _mcnemar(pair: _Pair) -> list[Finding]:
    test, (low, high) = mcnemar(pair.b, pair.c, pair.n), paired_difference_interval(pair.b, pair.c, pair.n)
    return [Finding(test.p, float(low <= pair.mean <= high)), Finding(test.p_mid)]


@PAIRS.tests({"difference-map dipole, chi2": WITHOUT_TEMPLATES, "difference-map dipole, robust": EVERYWHERE})
def _difference_map(pair: _Pair) -> list[Finding]:
    plain, robust = dipole(pair.scatter.positions, pair.scatter.values), robust_dipole(pair.scatter)
    return [
        of_dipole(plain.p, plain.beta, plain.covariance, *pair.truth),
        of_dipole(robust.p, robust.beta, robust.covariance, *pair.truth),
    ]


class _Galaxies:
    """What is the same for the scores of all mocks on a mask, made once.

    There are fewer doubtful galaxies near the poles: the scatter of label less score depends on position, its mean does
    not. Permutations take as long as there are galaxies: every fifth, in the order of the pixels, is on the same mask.
    """

    def __init__(self, positions: MockPositions, skies: MockSkies) -> None:
        self.positions, self.skies = positions, skies
        self.pixel = np.repeat(np.arange(len(positions.counts)), positions.counts)
        self.vectors = positions.vectors[self.pixel]
        self.sums = PositionSums.of(self.vectors)
        self.bias = SCORE_BIAS * self.vectors[:, 2]
        self.spread = np.where(np.abs(self.vectors[:, 2]) > 0.5, 4.0, 0.3)
        self.thinned = slice(None, None, _EVERY)
        self.few, self.few_pixels = self.vectors[self.thinned], self.pixel[self.thinned]
        self.occupied = PixelPositions.of(self.few, self.few_pixels, len(positions.counts))


class _Scores(NamedTuple):
    """Biased scores of galaxies of which some are labelled; true probabilities, and labels that depart from them.

    `direction` is the axis of the true dipole, and the middle of the mask.
    """

    galaxies: _Galaxies
    number: int
    truth: NDArray[np.float64]
    scores: NDArray[np.float64]
    labelled: NDArray[np.bool_]
    probable: NDArray[np.float64]
    drawn: NDArray[np.float64]
    direction: tuple[NDArray, NDArray]


def _scores(positions: MockPositions, skies: MockSkies, seed: int) -> Iterator[_Scores]:
    random, galaxies = np.random.default_rng(seed), _Galaxies(positions, skies)
    n, pixel = len(galaxies.pixel), galaxies.pixel
    for number, axis in enumerate(skies.axes):
        truth = (random.random(n) < skies.fractions[number][pixel]).astype(float)
        easy = random.random(n) < 0.7
        scores = np.where(easy, 0.15 + 0.7 * truth, 0.35 + 0.3 * random.random(n)) + galaxies.bias
        labelled = random.random(n) < LABELLED_SHARE
        # Scores that are true probabilities, and labels that depart from them by the dipole.
        probable = 0.1 + 0.8 * expit(skies.logits[number][pixel] + galaxies.spread * random.standard_normal(n))
        shift = skies.variant.dipole * galaxies.vectors @ axis
        drawn = (random.random(n) < probable + shift).astype(float)
        yield _Scores(galaxies, number, truth, scores, labelled, probable, drawn, (axis, positions.centre))


SCORES = Battery(_scores)


@SCORES.tests({"prediction-powered dipole": ONE_CATALOG, "dipole of scores, no labels": NEVER})
def _prediction_powered(mock: _Scores) -> list[Finding]:
    galaxies = mock.galaxies
    powered = prediction_powered_dipole(mock.scores, mock.truth, mock.labelled, galaxies.vectors)
    naive = dipole(galaxies.sums, ValueSums.of(mock.scores, galaxies.vectors))
    truth = (galaxies.skies.dipole, *mock.direction)
    return [
        of_dipole(powered.p, powered.beta, powered.covariance, *truth),
        of_dipole(naive.p, naive.beta, naive.covariance, *truth),
    ]


@SCORES.tests({"calibration dipole, robust": EVERYWHERE, "calibration dipole, equal scatter": NEVER})
def _calibration(mock: _Scores) -> list[Finding]:
    sums = ResidualSums.of(mock.probable, mock.drawn, mock.galaxies.vectors)
    robust, plain = calibration_dipole(sums).residuals, dipole(sums.residuals.positions, sums.residuals.values)
    departure = (mock.galaxies.skies.variant.dipole, *mock.direction)
    return [
        of_dipole(robust.p, robust.beta, robust.covariance, *departure),
        of_dipole(plain.p, plain.beta, plain.covariance, *departure),
    ]


@SCORES.tests({"dipole of unbiased scores, chi2": ONE_CATALOG, "dipole of unbiased scores, permutation": ONE_CATALOG})
def _unbiased_scores(mock: _Scores) -> list[Finding]:
    galaxies = mock.galaxies
    if not galaxies.skies.variant.has_slow_tests:
        return []
    unbiased = (mock.scores - galaxies.bias)[galaxies.thinned]
    values = PixelValues.of(unbiased, galaxies.few, galaxies.few_pixels, len(galaxies.positions.counts))
    permuted = value_dipole_test(galaxies.occupied, values, unbiased, _SCORE_PERMUTATIONS, mock.number)
    return [Finding(permuted.p), Finding(permuted.p_permutation)]
