"""Dipoles as findings: a length, an axis, and a test with three degrees of freedom."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.audits.findings import Finding, axis_keys, galaxy_test
from workflow_scripts.audits.settings import Settings
from workflow_scripts.statistics.sky.dipole_amplitude import AmplitudeInterval, calibrated_interval, debiased_amplitude
from workflow_scripts.statistics.sky.nulls import DipoleScoreTest, dipole_score_test
from workflow_scripts.statistics.sky.pixels import PixelPositions, PixelValues


def dipole_finding(
    name: str,
    n: int,
    null: str,
    estimand: str,
    beta: NDArray[np.float64],
    statistic: float,
    p: float,
    extra: Mapping[str, Any] | None = None,
    **values: Any,
) -> Finding:
    """A secondary test of a dipole `beta` (3,): its length is the estimate, with three degrees of freedom."""
    test = galaxy_test(
        name,
        "secondary",
        n,
        null,
        estimand,
        estimate=float(np.linalg.norm(beta)),
        statistic=statistic,
        **{"dof": 3, "p": p, **values},
    )
    return Finding(test, axis_keys(beta) | dict(extra or {}))


def centred_dipole(
    positions: PixelPositions, values: PixelValues, settings: Settings
) -> tuple[DipoleScoreTest, AmplitudeInterval]:
    """The centred dipole of labels, or of differences of labels, and the interval of its amplitude."""
    found = dipole_score_test(positions, values, settings.permutations, settings.seed)
    return found, calibrated_interval(found.beta, found.covariance, seed=settings.seed)


def centred_dipole_finding(
    name: str,
    null: str,
    estimand: str,
    n: int,
    made: tuple[DipoleScoreTest, AmplitudeInterval],
    settings: Settings,
    extra: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> Finding:
    """A primary test from a `centred_dipole`."""
    found, interval = made
    test = galaxy_test(
        name,
        "primary",
        n,
        null,
        estimand,
        estimate=found.amplitude,
        se=float(np.sqrt(found.axis @ found.covariance @ found.axis)),
        ci95=[interval.low, interval.high],
        statistic=found.q,
        dof=3,
        p=found.p,
        p_permutation=found.p_permutation,
        p_smallest=1 / (settings.permutations + 1),
        size=debiased_amplitude(found.beta, found.covariance),
        size_ci95=[interval.low, interval.high],
        notes=list(notes),
    )
    own = {"beta": found.beta, "upper_limit_95": interval.upper_limit}
    return Finding(test, axis_keys(found.axis) | own | dict(extra))
