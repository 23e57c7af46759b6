"""Tests of mock scores galaxy by galaxy: prediction-powered and calibration dipole, and permutations of scores."""

from collections.abc import Iterator

import numpy as np
from scipy.special import expit

from workflow_scripts.calibration_mocks.findings import Finding, of_dipole
from workflow_scripts.calibration_mocks.ladder import MockSkies
from workflow_scripts.calibration_mocks.masks import MockPositions
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues, PositionSums, ValueSums
from workflow_scripts.statistics.sky.value_permutations import value_dipole_test
from workflow_scripts.statistics.truth.prediction_powered import prediction_powered_dipole
from workflow_scripts.statistics.truth.score_calibration import ResidualSums, calibration_dipole

LABELLED_SHARE = 0.2
# With 99 random permutations levels of 5 % and 1 % are attained exactly.
PERMUTATIONS = 99
_EVERY = 5
# Dipole of the scores towards the north pole that the galaxies do not have.
SCORE_BIAS = 0.05


def truth_findings(positions: MockPositions, skies: MockSkies, seed: int) -> Iterator[list[Finding]]:
    """All tests on one mock after the other."""
    random = np.random.default_rng(seed)
    pixel = np.repeat(np.arange(len(positions.counts)), positions.counts)
    vectors, n = positions.vectors[pixel], positions.n
    sums = PositionSums.of(vectors)
    bias = SCORE_BIAS * vectors[:, 2]
    # Fewer doubtful galaxies near the poles: the scatter of label less score depends on position, its mean does not.
    # Permutations take as long as there are galaxies: every fifth, in the order of the pixels, is on the same mask.
    thinned = slice(None, None, _EVERY)
    at, pixels = vectors[thinned], pixel[thinned]
    occupied = PixelPositions.of(at, pixels, len(positions.counts))
    spread = np.where(np.abs(vectors[:, 2]) > 0.5, 4.0, 0.3)
    for mock, axis in enumerate(skies.axes):
        truth = (random.random(n) < skies.fractions[mock][pixel]).astype(float)
        easy = random.random(n) < 0.7
        scores = np.where(easy, 0.15 + 0.7 * truth, 0.35 + 0.3 * random.random(n)) + bias
        powered = prediction_powered_dipole(scores, truth, random.random(n) < LABELLED_SHARE, vectors)
        naive = dipole(sums, ValueSums.of(scores, vectors))
        of_truth = (skies.dipole, axis, positions.centre)
        # Scores that are true probabilities, and labels that depart from them by the dipole.
        probable = 0.1 + 0.8 * expit(skies.logits[mock][pixel] + spread * random.standard_normal(n))
        shift = skies.variant.dipole * vectors @ axis
        drawn = (random.random(n) < probable + shift).astype(float)
        residual = calibration_dipole(ResidualSums.of(probable, drawn, vectors)).residuals
        plain, departure = residual.dipole, (skies.variant.dipole, axis, positions.centre)
        found = [
            of_dipole("prediction-powered dipole", powered.p, powered.beta, powered.covariance, *of_truth),
            of_dipole("dipole of scores, no labels", naive.p, naive.beta, naive.covariance, *of_truth),
            of_dipole("calibration dipole, robust", residual.p, plain.beta, residual.covariance, *departure),
            of_dipole("calibration dipole, equal scatter", plain.p, plain.beta, plain.covariance, *departure),
        ]
        if skies.variant.has_slow_tests:
            unbiased = (scores - bias)[thinned]
            values = PixelValues.of(unbiased, at, pixels, len(positions.counts))
            permuted = value_dipole_test(occupied, values, unbiased, PERMUTATIONS, mock)
            found.append(Finding("dipole of unbiased scores, chi2", permuted.p))
            found.append(Finding("dipole of unbiased scores, permutation", permuted.p_permutation))
        yield found
