"""Scores without a reference: does their mean depend on the position on the sky? Probabilities, fractions of votes."""

from functools import partial

from workflow_scripts.audits.audit_findings import AuditSettings, Findings, GalaxySample
from workflow_scripts.audits.binning import Scores
from workflow_scripts.audits.single_catalog import BLOCK_NSIDES, block_finding, full_dipole
from workflow_scripts.statistics.sky.dipole_amplitude import AmplitudeInterval, calibrated_interval
from workflow_scripts.statistics.sky.nulls import DipoleScoreTest
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


def _made(scores: Scores, settings: AuditSettings) -> tuple[DipoleScoreTest, AmplitudeInterval]:
    """Scores are permuted over galaxies, since they are not 0 or 1."""
    if scores.weighted is not None:
        return scores.weighted.centred_dipole(scores.positions, settings)
    found = value_dipole_test(scores.positions, scores.sums, scores.values, settings.permutations, settings.seed)
    return found, calibrated_interval(found.beta, found.covariance, seed=settings.seed)
