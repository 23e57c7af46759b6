"""Scores without a reference: does their mean depend on the position on the sky? Probabilities, fractions of votes."""

from functools import partial

import numpy as np

from workflow_scripts.audits.audit_findings import AuditSettings, Findings, GalaxySample, MadeDipole, amplitude_interval
from workflow_scripts.audits.binning import Scores
from workflow_scripts.audits.single_catalog import BLOCK_NSIDES, block_finding, full_dipole
from workflow_scripts.statistics.sky.sequential_permutations import ENOUGH, chi_square_level
from workflow_scripts.statistics.sky.value_permutations import value_dipole_test

_NULL = "the mean score does not depend on position"
_ESTIMAND = "amplitude of the dipole of the mean score"


def score_tests(scores: Scores, column: str, primary: bool, settings: AuditSettings, findings: Findings) -> None:
    """Make the test of the scores' dipole; where it is the primary one, also with blocks of sky as the unit."""
    extra = {"annotation": column} | ({"weights": "used"} if scores.weighted else {})
    sample = GalaxySample(len(scores.values), extra=extra)
    family = "primary" if primary else "secondary"
    findings.attempt(
        "score_dipole",
        lambda: full_dipole(
            sample, "score_dipole", _NULL, _ESTIMAND, _made(scores, settings), scores.positions, settings, family
        ),
    )
    if not primary:
        return
    weighted = scores.weighted
    positions = scores.positions if weighted is None else weighted.sums.positions
    sums = scores.sums if weighted is None else weighted.sums.values
    for nside in BLOCK_NSIDES:
        name = f"score_block_dipole_nside{nside}"
        findings.attempt(name, partial(block_finding, sample, name, nside, positions, sums, settings))


def _made(scores: Scores, settings: AuditSettings) -> MadeDipole:
    """Scores are permuted over galaxies, since they are not 0 or 1."""
    if scores.weighted is not None:
        return scores.weighted.centred_dipole(scores.positions, settings)
    lowest = chi_square_level(scores.positions, scores.values, np.ones(len(scores.values)))
    # A galaxy that is moved costs a fifth of a pixel's sum.
    cells = max(int((scores.positions.counts > 0).sum()), len(scores.values) // 5)
    most = settings.most_permutations(lowest, cells)
    found = value_dipole_test(scores.positions, scores.sums, scores.values, most, settings.seed, ENOUGH)
    return MadeDipole(found, amplitude_interval(found.beta, found.covariance, settings), most, lowest)
