"""Where on the sky a network errs: dipoles of the signed error and of the error rates within each true class."""

from dataclasses import dataclass

from numpy.typing import ArrayLike

from workflow_scripts.statistics.checked_inputs import checked_label_pair, checked_vectors
from workflow_scripts.statistics.sky.dipole import Dipole, dipole
from workflow_scripts.statistics.sky.sums import PositionSums, ValueSums


@dataclass(frozen=True)
class ErrorSums:
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

    def __add__(self, other: "ErrorSums") -> "ErrorSums":
        return ErrorSums(
            self.positions + other.positions,
            self.true_positions + other.true_positions,
            self.signed + other.signed,
            self.missed + other.missed,
            self.false_alarms + other.false_alarms,
        )


@dataclass(frozen=True)
class ErrorDipoles:
    """Dipoles of the signed error y - t over all galaxies, and of the error rates within each true class.

    The signed error has a dipole wherever the true fraction has one, even if the error rates are the same everywhere:
    its mean is (1 - s) F - s (1 - T). The two rates do not. None where a dipole cannot be had; `notes` say why.
    """

    signed_error: Dipole | None
    false_positive_rate: Dipole | None
    false_negative_rate: Dipole | None
    notes: tuple[str, ...]


def error_dipoles(sums: ErrorSums) -> ErrorDipoles:
    """Dipoles of signed error, false-positive rate (truly negative galaxies) and false-negative rate (truly positive).

    Each is centred on its own galaxies and tested as in `dipole`. Raises `ValueError` without galaxies.
    """
    if sums.positions.n < 1:
        raise ValueError("there are no labelled galaxies")
    negatives = PositionSums(
        sums.positions.n - sums.true_positions.n,
        sums.positions.first - sums.true_positions.first,
        sums.positions.second - sums.true_positions.second,
    )
    notes: list[str] = []
    found: list[Dipole | None] = []
    for name, positions, values in (
        ("signed error", sums.positions, sums.signed),
        ("false-positive rate", negatives, sums.false_alarms),
        ("false-negative rate", sums.true_positions, sums.missed),
    ):
        try:
            found.append(dipole(positions, values))
        except ValueError as reason:
            found.append(None)
            notes.append(f"{name}: {reason}")
    return ErrorDipoles(found[0], found[1], found[2], tuple(notes))
