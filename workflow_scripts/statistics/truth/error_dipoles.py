"""Where on the sky a network errs: dipoles of the signed error and of the rates in each true class, and their parts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.checked_inputs import checked_label_pair, checked_vectors
from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION, Dipole, DipoleEstimate, dipole
from workflow_scripts.statistics.sky.sky_sums import Additive, PositionSums, ValueSums


@dataclass(frozen=True)
class ErrorSums(Additive):
    """Sums over labelled galaxies from which the dipoles of errors follow; they add up over disjoint sets."""

    positions: PositionSums
    true_positions: PositionSums
    signed: ValueSums
    missed: ValueSums
    false_alarms: ValueSums

    @classmethod
    def of(cls, labels: ArrayLike, truth: ArrayLike, vectors: ArrayLike) -> "ErrorSums":
        """Sums of 0/1 labels (n,) and reference labels (n,) at unit vectors (n, 3); `ValueError` for other values."""
        y, t = checked_label_pair(labels, truth)
        vectors = checked_vectors(vectors, len(y))
        return cls(
            PositionSums.of(vectors),
            PositionSums.of(vectors[t == 1]),
            ValueSums.of(y - t, vectors),
            ValueSums.of((t == 1) & (y == 0), vectors),
            ValueSums.of((t == 0) & (y == 1), vectors),
        )

    @property
    def true_negative_positions(self) -> PositionSums:
        """Where the truly negative galaxies are."""
        return PositionSums(
            self.positions.n - self.true_positions.n,
            self.positions.first - self.true_positions.first,
            self.positions.second - self.true_positions.second,
        )


def error_dipoles(sums: ErrorSums) -> tuple[dict[str, Dipole], list[str]]:
    """Dipoles of `signed_error` y - t (all galaxies), `false_positive_rate` (truly negative), `false_negative_rate`.

    Each is centred on its own galaxies and tested as in `dipole`; those that cannot be had are missing, and the list
    states why. The signed error has a dipole wherever the true fraction has one, even if the error rates are the same
    everywhere: its mean is (1 - s) F - s (1 - T). The two rates do not. Raises `ValueError` without galaxies.
    """
    if sums.positions.n < 1:
        raise ValueError("there are no labelled galaxies")
    notes: list[str] = []
    found: dict[str, Dipole] = {}
    for name, positions, values in (
        ("signed error", sums.positions, sums.signed),
        ("false-positive rate", sums.true_negative_positions, sums.false_alarms),
        ("false-negative rate", sums.true_positions, sums.missed),
    ):
        try:
            found[name.replace("-", "_").replace(" ", "_")] = dipole(positions, values)
        except ValueError as reason:
            notes.append(f"{name}: {reason}")
    return found, notes


@dataclass(frozen=True)
class DipoleDecomposition:
    """The dipole of labels as `truth` + `sensitivity` + `false_alarms`, without remainder; see `decompose_dipole`.

    `q` of a term is NaN where its rate is 0 or 1 everywhere, which leaves nothing to test. `true_positive_rate` and
    `false_positive_rate` are over the whole sky.
    """

    truth: DipoleEstimate
    sensitivity: DipoleEstimate
    false_alarms: DipoleEstimate
    true_positive_rate: float
    false_positive_rate: float


def decompose_dipole(sums: ErrorSums) -> DipoleDecomposition:
    """Is it the galaxies or the errors that give labels y a dipole?

    With T and F the rates over the whole sky, y = F + (T - F) t + t (y - T) + (1 - t) (y - F) for every galaxy, and a
    least-squares dipole is linear, so beta(y) = (T - F) beta(t) + M^-1 M_1 beta_1(T) + M^-1 M_0 beta_0(F): the finite
    form of dm = (T - F) ds + s dT + (1 - s) dF. M_1 and M_0 are the centred second moments of truly positive and truly
    negative galaxies, beta_1 and beta_0 the dipoles of the rates within them. The terms are uncorrelated, with
    covariances (T - F)^2 s (1 - s) M^-1, T (1 - T) M^-1 M_1 M^-1 and F (1 - F) M^-1 M_0 M^-1; p is that of the dipole
    within the class (`error_dipoles`).

    Raises
    ------
    ValueError
        where a class has no galaxies, or lies on too small a part of the sky for a dipole.
    """
    positives, negatives = sums.true_positions, sums.true_negative_positions
    if min(positives.n, negatives.n) < 1:
        raise ValueError("there are no galaxies of one of the true classes: its error rate is undefined")
    t, f = 1 - sums.missed.total / positives.n, sums.false_alarms.total / negatives.n
    s = positives.n / sums.positions.n
    for part in (sums.positions, positives, negatives):
        if not np.linalg.cond(part.centred) < LARGEST_CONDITION or np.trace(part.centred) < 1e-9 * part.n:
            raise ValueError("the galaxies of a true class lie on a part of the sky too small for a dipole")
    inverse = np.linalg.inv(sums.positions.centred)
    hit = -(sums.missed.vector - sums.missed.total / positives.n * positives.first)
    alarm = sums.false_alarms.vector - f * negatives.first
    return DipoleDecomposition(
        _term(
            (t - f) * (positives.first - s * sums.positions.first), (t - f) ** 2 * s * (1 - s), sums.positions, inverse
        ),
        _term(hit, t * (1 - t), positives, inverse),
        _term(alarm, f * (1 - f), negatives, inverse),
        t,
        f,
    )


def _term(score: NDArray, variance: float, positions: PositionSums, inverse: NDArray) -> DipoleEstimate:
    """A term from its sum (3,), the variance of a galaxy's part, and where the galaxies with a part are."""
    matrix = positions.centred
    q = float(score @ np.linalg.solve(matrix, score) / variance) if variance > 1e-15 else float("nan")
    return DipoleEstimate(inverse @ score, variance * inverse @ matrix @ inverse, q, float(stats.chi2.sf(q, 3)))
