"""Tests of two networks on the same galaxies: mock labels that both get from one sky, and their own mistakes.

Both miss positive galaxies, and take negative ones for positive, equally often; the dipole of the sky's variant is put
into the difference of the two networks instead of into the galaxies.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.calibration_mocks.findings import Finding, of_dipole, of_interval
from workflow_scripts.calibration_mocks.ladder import MockSkies
from workflow_scripts.calibration_mocks.masks import MockPositions
from workflow_scripts.statistics.pairs.paired_fractions import mcnemar, paired_difference_interval
from workflow_scripts.statistics.sky.dipole import ScatterSums, dipole, robust_dipole
from workflow_scripts.statistics.sky.regression import standardised_templates
from workflow_scripts.statistics.sky.sky_sums import ValueSums

# Share of truly positive, and of truly negative, galaxies that only the first network calls positive.
DISCORDANT = {True: 0.05, False: 0.03}
# Factor of it for a standard deviation of seeing, where there is imaging.
SEEING_FACTOR = 1.6


def paired_findings(positions: MockPositions, skies: MockSkies, seed: int) -> Iterator[list[Finding]]:
    """All tests on one mock after the other."""
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
        scatter = ScatterSums(
            sums,
            values,
            np.tensordot(totals, products, axes=1),
            squares @ vectors,
            np.tensordot(squares, products, axes=1),
        )
        b, c, n = int(only_a.sum()), int(only_b.sum()), positions.n
        test, robust = mcnemar(b, c, n), robust_dipole(scatter)
        plain = dipole(sums, values)
        truth = (skies.variant.dipole, axis, positions.centre)
        mean = float(shift @ counts) / n
        yield [
            of_interval("McNemar, exact", test.p, *paired_difference_interval(b, c, n), mean),
            Finding("McNemar, mid-p", test.p_mid),
            of_dipole("difference-map dipole, chi2", plain.p, plain.beta, plain.covariance, *truth),
            of_dipole("difference-map dipole, robust", robust.p, robust.dipole.beta, robust.covariance, *truth),
        ]


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
