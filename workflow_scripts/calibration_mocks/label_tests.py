"""Tests of one catalog's labels, each as the suite has it, on mock labels drawn pixel by pixel."""

from collections.abc import Iterator

import healpy
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workflow_scripts.calibration_mocks.claims import (
    BLOCKS,
    FAR_FROM_ZERO,
    INDEPENDENT,
    INDEPENDENT_OR_QUADRUPOLE,
    INDEPENDENT_QUADRUPOLE_OR_TEMPLATES,
    NEVER,
    ONE_CATALOG,
    QUADRUPOLE_TEST,
    Battery,
    Finding,
    of_dipole,
)
from workflow_scripts.calibration_mocks.mock_skies import N_PIXELS, MockPositions, MockSkies
from workflow_scripts.statistics.fractions import fraction_contrast
from workflow_scripts.statistics.sky.axis_scan import dipole_scan
from workflow_scripts.statistics.sky.block_dipole import block_dipole_test
from workflow_scripts.statistics.sky.cosine import cosine_score_test, right_ascension_vectors
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.dipole_amplitude import critical_delta, debiased_amplitude, profile_delta
from workflow_scripts.statistics.sky.linear_probability import linear_probability
from workflow_scripts.statistics.sky.nulls import dipole_score_test
from workflow_scripts.statistics.sky.regression import highest_degree, sky_glm
from workflow_scripts.statistics.sky.scans import scan_hemispheres, scan_octopole
from workflow_scripts.statistics.sky.sky_blocks import coarser_pixels
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues, PositionSums, ValueSums

# Nside 4, 14.7 degrees: blocks of sky, and the pixels in which labels are permuted.
N_BLOCKS = 192
# With 99 random permutations levels of 5 % and 1 % are attained exactly.
PERMUTATIONS = 99


class _Mask:
    """What is the same for all mocks on a mask, made once."""

    def __init__(self, mask: MockPositions, skies: MockSkies) -> None:
        self.mask, self.skies = mask, skies
        self.blocks = coarser_pixels(N_PIXELS, N_BLOCKS)
        whole = mask.positions
        self.coarse = PixelPositions(_coarser(whole.counts), _coarser(whole.vectors), whole.second)
        self.circle = right_ascension_vectors(np.degrees(np.arctan2(mask.vectors[:, 1], mask.vectors[:, 0])))
        weighted = self.circle * mask.counts[:, None]
        self.circle_sums = PositionSums(whole.n, weighted.sum(axis=0), weighted.T @ self.circle)
        # Opposite hemispheres are the same contrast.
        axes = np.column_stack(healpy.pix2vec(4, np.arange(N_BLOCKS), nest=True))
        self.axes = axes[(axes[:, 2] > 0) | ((axes[:, 2] == 0) & (axes[:, 1] > 0))]
        self.templates = np.zeros((N_PIXELS, 2))
        self.templates[mask.pixels] = skies.templates
        self.has_octopole = skies.variant.has_slow_tests and highest_degree(whole) >= 3


class _LabelMock:
    """Labels of one sky: positives of the pixels on the mask, of all pixels (`whole`), and their sums."""

    def __init__(self, sky: _Mask, number: int, random: np.random.Generator) -> None:
        self.sky, self.mask, self.skies, self.number = sky, sky.mask, sky.skies, number
        self.positives = random.binomial(self.mask.counts, self.skies.fractions[number]).astype(float)
        self.whole = np.zeros(N_PIXELS)
        self.whole[self.mask.pixels] = self.positives
        self.values = PixelValues(self.whole, self.whole, self.positives @ self.mask.vectors)
        self.coarse = PixelValues(_coarser(self.whole), _coarser(self.whole), self.values.vector)
        self.linear = dipole(self.mask.positions.sums, self.values.sums)
        # Of a dipole of the fraction, and of the logits.
        direction = (self.skies.axes[number], self.mask.centre)
        self.truth, self.truth_in_logits = (self.skies.dipole, *direction), (self.skies.beta, *direction)


def _label_mocks(mask: MockPositions, skies: MockSkies, seed: int) -> Iterator[_LabelMock]:
    random, sky = np.random.default_rng(seed), _Mask(mask, skies)
    return (_LabelMock(sky, number, random) for number in range(len(skies.fractions)))


def _coarser(fine: NDArray) -> NDArray:
    return fine.reshape(N_BLOCKS, -1, *fine.shape[1:]).sum(axis=1)


LABELS = Battery(_label_mocks)


@LABELS.tests({"dipole score, chi2": ONE_CATALOG, "dipole score, permutation": ONE_CATALOG})
def _dipole(mock: _LabelMock) -> list[Finding]:
    permuted = dipole_score_test(mock.sky.coarse, mock.coarse, PERMUTATIONS, mock.number)
    linear = mock.linear
    return [of_dipole(linear.p, linear.beta, linear.covariance, *mock.truth), Finding(permuted.p_permutation)]


@LABELS.tests({"block dipole, F": BLOCKS, "block dipole, wild bootstrap": BLOCKS})
def _blocks(mock: _LabelMock) -> list[Finding]:
    block = block_dipole_test(mock.mask.positions, mock.values, mock.sky.blocks, PERMUTATIONS, mock.number)
    # Hotelling's, as in the test: the covariance has no more degrees of freedom than blocks.
    rest = block.n_blocks - 3
    limit = float(3 * (block.n_blocks - 1) / rest * stats.f.ppf(0.95, 3, rest))
    return [of_dipole(block.p, block.beta, block.covariance, *mock.truth, limit=limit), Finding(block.p_wild)]


@LABELS.tests({"hemisphere scan, largest": INDEPENDENT})
def _hemispheres(mock: _LabelMock) -> list[Finding]:
    return [Finding(scan_hemispheres(mock.sky.axes, mock.sky.coarse, mock.coarse, PERMUTATIONS, mock.number).p)]


@LABELS.tests({"octopole scan, largest": INDEPENDENT})
def _octopoles(mock: _LabelMock) -> list[Finding]:
    if not mock.skies.variant.has_slow_tests:
        return []
    return [Finding(scan_octopole(mock.sky.axes, mock.sky.coarse, mock.coarse, PERMUTATIONS, mock.number).p)]


@LABELS.tests({"cosine in right ascension": INDEPENDENT})
def _cosine(mock: _LabelMock) -> list[Finding]:
    sums = mock.values.sums
    values = ValueSums(sums.total, sums.squares, mock.positives @ mock.sky.circle)
    return [Finding(cosine_score_test(mock.sky.circle_sums, values).p)]


@LABELS.tests({"linear probability, dipole LR": ONE_CATALOG})
def _linear_probability(mock: _LabelMock) -> list[Finding]:
    fit = linear_probability(mock.mask.positions, mock.whole)
    return [of_dipole(fit.dipole.p, fit.beta, fit.covariance[1:4, 1:4], *mock.truth)]


@LABELS.tests(
    {
        "sky GLM, dipole LR": ONE_CATALOG,
        "sky GLM, quadrupole LR": QUADRUPOLE_TEST,
        "sky GLM, dipole LR given quadrupole": INDEPENDENT_OR_QUADRUPOLE,
        "sky GLM with templates, dipole LR": ONE_CATALOG,
        "sky GLM with templates, quadrupole LR": QUADRUPOLE_TEST,
        "sky GLM with templates, dipole LR given quadrupole": INDEPENDENT_QUADRUPOLE_OR_TEMPLATES,
    }
)
def _glm(mock: _LabelMock) -> list[Finding]:
    found = []
    for templates in (None, mock.sky.templates):
        fit = sky_glm(mock.mask.positions, mock.whole, templates)
        # The default model has a quadrupole.
        assert fit.quadrupole is not None
        assert fit.dipole_given_quadrupole is not None
        given = of_dipole(fit.dipole_given_quadrupole.p, fit.beta, fit.beta_covariance, *mock.truth_in_logits)
        found += [Finding(fit.dipole.p), Finding(fit.quadrupole.p), given]
    return found


@LABELS.tests(
    {
        "sky GLM, octopole LR": INDEPENDENT_OR_QUADRUPOLE,
        "sky GLM, dipole LR given octopole": INDEPENDENT_OR_QUADRUPOLE,
    }
)
def _glm_octopole(mock: _LabelMock) -> list[Finding]:
    # On a small mask the octopole cannot be separated from lower multipoles, and its fit is refused.
    if not mock.sky.has_octopole:
        return []
    fit = sky_glm(mock.mask.positions, mock.whole, lmax=3)
    assert fit.octopole is not None
    assert fit.dipole_given_octopole is not None
    given = of_dipole(fit.dipole_given_octopole.p, fit.beta, fit.beta_covariance, *mock.truth_in_logits)
    return [Finding(fit.octopole.p), given]


@LABELS.tests({"amplitude, debiased": FAR_FROM_ZERO})
def _debiased(mock: _LabelMock) -> list[Finding]:
    debiased = debiased_amplitude(mock.linear.beta, mock.linear.covariance)
    return [Finding(length=debiased - mock.skies.dipole)]


@LABELS.tests({"amplitude, calibrated interval": INDEPENDENT})
def _calibrated_interval(mock: _LabelMock) -> list[Finding]:
    """The truth is in `calibrated_interval` just where its Delta is below the critical one: that saves its grid."""
    if not mock.skies.variant.is_simple:
        return []
    truth, linear = mock.skies.dipole, mock.linear
    delta = float(profile_delta(linear.beta, linear.covariance, [truth])[0])
    critical = critical_delta(truth, linear.covariance, simulations=1000, seed=mock.number)
    return [Finding(covered=float(delta <= critical))]


@LABELS.tests({"hemisphere contrast": INDEPENDENT})
def _halves(mock: _LabelMock) -> list[Finding]:
    inside, counts, positives = mock.mask.split, mock.mask.counts, mock.positives
    found = fraction_contrast(
        positives[inside].sum(), counts[inside].sum(), positives[~inside].sum(), counts[~inside].sum()
    )
    truth = 0.0
    # The difference that comes from what was put in; the clustered field was not.
    if not mock.skies.variant.clustered_deg:
        expected = mock.skies.fractions[mock.number] * counts
        first, second = (expected[part].sum() / counts[part].sum() for part in (inside, ~inside))
        truth = float(first - second)
    return [Finding(found.p, float(found.ci95[0] <= truth <= found.ci95[1]))]


@LABELS.tests({"paper-style sigma as a Gaussian": NEVER, "paper-style sigma, chi with 3 dof": NEVER})
def _paper_style(mock: _LabelMock) -> list[Finding]:
    sums, positions = mock.values.sums, mock.mask.positions.sums
    signs = ValueSums(2 * sums.total - positions.n, positions.n, 2 * mock.values.vector - positions.first)
    scan = dipole_scan(positions, signs)
    return [Finding(float(2 * stats.norm.sf(scan.max_sigma))), Finding(scan.global_p)]
