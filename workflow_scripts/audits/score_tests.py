"""Scores, with a reference or without: does their mean depend on the position on the sky?"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.audits.audit_findings import AuditSettings, Findings, GalaxySample, MadeDipole, amplitude_interval
from workflow_scripts.audits.binning import Scores
from workflow_scripts.audits.single_catalog import BLOCK_NSIDES, block_name
from workflow_scripts.audits.sky_dipoles import block_finding, field_finding, full_dipole
from workflow_scripts.statistics.sky.constrained_components import FIELD, constrained_components
from workflow_scripts.statistics.sky.sequential_permutations import ENOUGH, chi_square_level
from workflow_scripts.statistics.sky.value_permutations import value_dipole_test

_NULL = "the mean score does not depend on position"
_ESTIMAND = "amplitude of the dipole of the mean score"


def score_tests(scores: Scores, column: str, primary: bool, settings: AuditSettings, findings: Findings) -> None:
    """Make the test of the scores' dipole; where it is the primary one, also with blocks of sky as the unit."""
    extra = {"annotation": column} | ({"weights": "used"} if scores.weighted else {})
    sample = GalaxySample(len(scores.values), extra=extra)
    family = "primary" if primary else "secondary"
    weighted = scores.weighted
    positions = scores.positions if weighted is None else weighted.sums.positions
    sums = scores.sums if weighted is None else weighted.sums.values
    moments = sums.sums
    mean = moments.total / positions.n
    # Weights make scores as good as fewer.
    scale = 1.0 if weighted is None else weighted.sums.moments.n / weighted.sums.moments.effective_n
    try:
        sky = constrained_components(
            positions.sums, (moments.squares / positions.n - mean**2) * scale, min(mean, 1 - mean)
        )
    except ValueError as reason:
        findings.leave_out("score_dipole", str(reason))
        return
    findings.attempt(
        "score_dipole",
        lambda: full_dipole(
            sample, "score_dipole", _NULL, _ESTIMAND, partial(_made, scores, settings), sky, settings, family
        ),
    )
    if sky.kind == FIELD and weighted is None:
        findings.attempt(
            "score_field_gradient",
            lambda: field_finding(
                sample, "score_field_gradient", "the mean score", positions, sums, sky, settings, family
            ),
        )
    if not primary or sky.kind == FIELD:
        return
    for nside in (None, *BLOCK_NSIDES):
        name = f"score_{block_name(nside)}"
        findings.attempt(name, partial(block_finding, sample, name, nside, positions, sums, sky, settings))


def _made(scores: Scores, settings: AuditSettings, axes: NDArray[np.float64] | None) -> MadeDipole:
    """Scores are permuted over galaxies, since they are not 0 or 1."""
    if scores.weighted is not None:
        return scores.weighted.centred_dipole(scores.positions, settings, axes)
    positions, sums = scores.positions, scores.sums
    if axes is not None:
        positions, sums = positions.along(axes), sums.along(axes)
    lowest = chi_square_level(positions, scores.values, np.ones(len(scores.values)))
    # A galaxy that is moved costs a fifth of a pixel's sum.
    cells = max(int((positions.counts > 0).sum()), len(scores.values) // 5)
    most = settings.most_permutations(lowest, cells)
    found = value_dipole_test(positions, sums, scores.values, most, settings.seed, ENOUGH)
    return MadeDipole(found, amplitude_interval(found.beta, found.covariance, settings), most, lowest)
