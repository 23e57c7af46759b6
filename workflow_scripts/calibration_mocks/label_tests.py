"""Tests of one catalog's labels, each as the suite has it, on mock labels drawn pixel by pixel."""

from collections.abc import Iterator

import healpy
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workflow_scripts.calibration_mocks.findings import Finding, of_dipole, of_interval
from workflow_scripts.calibration_mocks.ladder import MockSkies
from workflow_scripts.calibration_mocks.masks import N_PIXELS, MockPositions
from workflow_scripts.statistics.fractions import fraction_contrast
from workflow_scripts.statistics.sky.axis_scan import dipole_scan
from workflow_scripts.statistics.sky.block_dipole import block_dipole_test, coarser_pixels
from workflow_scripts.statistics.sky.cosine import cosine_score_test, right_ascension_vectors
from workflow_scripts.statistics.sky.dipole import Dipole, dipole
from workflow_scripts.statistics.sky.dipole_amplitude import (
    critical_delta,
    debiased_amplitude,
    profile_delta,
)
from workflow_scripts.statistics.sky.linear_probability import linear_probability
from workflow_scripts.statistics.sky.nulls import dipole_score_test
from workflow_scripts.statistics.sky.regression import highest_degree, sky_glm
from workflow_scripts.statistics.sky.scans import scan_hemispheres, scan_octopole
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues, PositionSums, ValueSums

# Nside 4, 14.7 degrees: blocks of sky, and the pixels in which labels are permuted.
N_BLOCKS = 192
# With 99 random permutations levels of 5 % and 1 % are attained exactly.
PERMUTATIONS = 99


def label_findings(positions: MockPositions, skies: MockSkies, seed: int) -> Iterator[list[Finding]]:
    """All tests on one mock after the other."""
    random = np.random.default_rng(seed)
    tests = _LabelTests(positions, skies)
    for mock, fractions in enumerate(skies.fractions):
        yield tests.on(mock, random.binomial(positions.counts, fractions).astype(float))


class _LabelTests:
    """What is the same for all mocks on a mask, made once."""

    def __init__(self, mask: MockPositions, skies: MockSkies) -> None:
        self.mask, self.skies = mask, skies
        self.blocks = coarser_pixels(N_PIXELS, N_BLOCKS)
        whole = mask.positions
        self.coarse = PixelPositions(_coarser(whole.counts), _coarser(whole.vectors), whole.second)
        ra = np.degrees(np.arctan2(mask.vectors[:, 1], mask.vectors[:, 0]))
        self.circle = right_ascension_vectors(ra)
        weighted = self.circle * mask.counts[:, None]
        self.circle_sums = PositionSums(mask.n, weighted.sum(axis=0), weighted.T @ self.circle)
        # Opposite hemispheres are the same contrast.
        axes = np.column_stack(healpy.pix2vec(4, np.arange(N_BLOCKS), nest=True))
        self.axes = axes[(axes[:, 2] > 0) | ((axes[:, 2] == 0) & (axes[:, 1] > 0))]
        self.templates = np.zeros((N_PIXELS, 2))
        self.templates[mask.pixels] = skies.templates
        # A simulated interval is slow: it is made where anything is claimed of it.
        variant = skies.variant
        self.simple = not (variant.quadrupole or variant.templates or variant.clustered_deg)
        # On a small mask the octopole cannot be told from lower multipoles, and its fit is refused.
        self.octopole = variant.has_slow_tests and highest_degree(whole) >= 3

    def on(self, mock: int, positives: NDArray[np.float64]) -> list[Finding]:
        mask, axis = self.mask, self.skies.axes[mock]
        whole = np.zeros(N_PIXELS)
        whole[mask.pixels] = positives
        values = PixelValues(whole, whole, positives @ mask.vectors)
        linear = dipole(mask.positions.sums, values.sums)
        linear_truth = (self.skies.dipole, axis, mask.centre)
        found = [of_dipole("dipole score, chi2", linear.p, linear.beta, linear.covariance, *linear_truth)]
        found += self._resampled(mock, values, linear_truth)
        cosine = cosine_score_test(
            self.circle_sums, ValueSums(values.sums.total, values.sums.squares, positives @ self.circle)
        )
        found.append(Finding("cosine in right ascension", cosine.p))
        found += self._regressions(axis, whole)
        if self.octopole:
            found += self._octopole(axis, whole)
        found += self._amplitudes(mock, linear)
        inside = mask.split
        halves = fraction_contrast(
            positives[inside].sum(), mask.counts[inside].sum(), positives[~inside].sum(), mask.counts[~inside].sum()
        )
        found.append(of_interval("hemisphere contrast", halves.p, *halves.ci95, self._true_contrast(mock)))
        signs = ValueSums(2 * values.sums.total - mask.n, mask.n, 2 * values.vector - mask.positions.sums.first)
        scan = dipole_scan(mask.positions.sums, signs)
        found.append(Finding("paper-style sigma as a Gaussian", float(2 * stats.norm.sf(scan.max_sigma))))
        found.append(Finding("paper-style sigma, chi with 3 dof", scan.global_p))
        return found

    def _resampled(self, mock: int, values: PixelValues, truth: tuple[float, NDArray, NDArray]) -> list[Finding]:
        coarse = PixelValues(_coarser(values.totals), _coarser(values.squares), values.vector)
        permuted = dipole_score_test(self.coarse, coarse, PERMUTATIONS, mock)
        block = block_dipole_test(self.mask.positions, values, self.blocks, PERMUTATIONS, mock)
        # Hotelling's, as in the test: the covariance has no more degrees of freedom than blocks.
        rest = block.n_blocks - 3
        limit = float(3 * (block.n_blocks - 1) / rest * stats.f.ppf(0.95, 3, rest))
        scan = scan_hemispheres(self.axes, self.coarse, coarse, PERMUTATIONS, mock)
        found = [
            Finding("dipole score, permutation", permuted.p_permutation),
            of_dipole("block dipole, F", block.p, block.beta, block.covariance, *truth, limit=limit),
            Finding("block dipole, wild bootstrap", block.p_wild),
            Finding("hemisphere scan, largest", scan.p),
        ]
        if self.skies.variant.has_slow_tests:
            octopole = scan_octopole(self.axes, self.coarse, coarse, PERMUTATIONS, mock)
            found.append(Finding("octopole scan, largest", octopole.p))
        return found

    def _regressions(self, axis: NDArray, positives: NDArray) -> list[Finding]:
        positions, truth = self.mask.positions, (self.skies.beta, axis, self.mask.centre)
        linear = linear_probability(positions, positives)
        found = [
            of_dipole(
                "linear probability, dipole LR",
                linear.dipole.p,
                linear.beta,
                linear.covariance[1:4, 1:4],
                self.skies.dipole,
                *truth[1:],
            )
        ]
        for name, templates in (("sky GLM", None), ("sky GLM with templates", self.templates)):
            fit = sky_glm(positions, positives, templates)
            # A quadrupole was asked for.
            assert fit.quadrupole is not None
            assert fit.dipole_given_quadrupole is not None
            found += [
                Finding(f"{name}, dipole LR", fit.dipole.p),
                Finding(f"{name}, quadrupole LR", fit.quadrupole.p),
                of_dipole(
                    f"{name}, dipole LR given quadrupole",
                    fit.dipole_given_quadrupole.p,
                    fit.beta,
                    fit.beta_covariance,
                    *truth,
                ),
            ]
        return found

    def _octopole(self, axis: NDArray, positives: NDArray) -> list[Finding]:
        fit = sky_glm(self.mask.positions, positives, lmax=3)
        # An octopole was asked for.
        assert fit.octopole is not None
        assert fit.dipole_given_octopole is not None
        truth = (self.skies.beta, axis, self.mask.centre)
        name, dipole_p = "sky GLM, dipole LR given octopole", fit.dipole_given_octopole.p
        return [
            Finding("sky GLM, octopole LR", fit.octopole.p),
            of_dipole(name, dipole_p, fit.beta, fit.beta_covariance, *truth),
        ]

    def _amplitudes(self, mock: int, linear: Dipole) -> list[Finding]:
        truth = self.skies.dipole
        debiased = debiased_amplitude(linear.beta, linear.covariance)
        found = [Finding("amplitude, debiased", length=debiased - truth)]
        if self.simple:
            # The truth is in `calibrated_interval` just where its Delta is below the critical one: that saves its grid.
            delta = float(profile_delta(linear.beta, linear.covariance, [truth])[0])
            critical = critical_delta(truth, linear.covariance, simulations=1000, seed=mock)
            found.append(Finding("amplitude, calibrated interval", covered=float(delta <= critical)))
        return found

    def _true_contrast(self, mock: int) -> float:
        """Difference of the two halves that comes from what was put in; the clustered field was not."""
        if self.skies.variant.clustered_deg:
            return 0.0
        expected, inside = self.skies.fractions[mock] * self.mask.counts, self.mask.split
        counts = self.mask.counts
        return float(expected[inside].sum() / counts[inside].sum() - expected[~inside].sum() / counts[~inside].sum())


def _coarser(fine: NDArray) -> NDArray:
    return fine.reshape(N_BLOCKS, -1, *fine.shape[1:]).sum(axis=1)
