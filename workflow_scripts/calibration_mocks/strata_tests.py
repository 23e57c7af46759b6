"""Fractions of two halves of the sky with different mixes of magnitude: compared crudely, and standardised."""

from collections.abc import Iterator

import numpy as np
from scipy.special import expit, logit

from workflow_scripts.calibration_mocks.findings import Finding, of_interval
from workflow_scripts.calibration_mocks.ladder import MockSkies
from workflow_scripts.calibration_mocks.masks import MockPositions
from workflow_scripts.statistics.fractions.fractions import fraction_contrast
from workflow_scripts.statistics.fractions.strata import mantel_haenszel, standardised_contrast

# Shares of four bins of magnitude in the two halves, and what each adds to the logit of the fraction.
MIXES = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
LOGITS = np.array([-0.6, -0.2, 0.2, 0.6])


def strata_findings(positions: MockPositions, skies: MockSkies, seed: int) -> Iterator[list[Finding]]:
    """All tests on one mock after the other; the truth is the standardised contrast that was put in."""
    random = np.random.default_rng(seed)
    counts = random.multinomial(positions.counts, MIXES[positions.split.astype(int)])
    first, second = positions.split, ~positions.split
    n1, n2 = counts[first].sum(axis=0), counts[second].sum(axis=0)
    weights = (n1 + n2) / positions.n
    for fractions in skies.fractions:
        by_stratum = expit(logit(fractions)[:, None] + LOGITS)
        labels = random.binomial(counts, by_stratum)
        k1, k2 = labels[first].sum(axis=0), labels[second].sum(axis=0)
        truth = 0.0
        if not skies.variant.clustered_deg:
            expected = by_stratum * counts
            truth = float(weights @ (expected[first].sum(axis=0) / n1 - expected[second].sum(axis=0) / n2))
        crude = fraction_contrast(k1.sum(), n1.sum(), k2.sum(), n2.sum())
        standardised = standardised_contrast(k1, n1, k2, n2)
        yield [
            of_interval("different mixes, crude contrast", crude.p, *crude.ci95, truth),
            of_interval("different mixes, standardised", standardised.p, *standardised.ci95, truth),
            Finding("different mixes, Mantel-Haenszel", mantel_haenszel(k1, n1, k2, n2).p),
        ]
