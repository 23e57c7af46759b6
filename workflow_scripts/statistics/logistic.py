"""Logistic regression on grouped counts, by Fisher scoring: the one fit behind all models of log odds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.special import expit

_MOST_ITERATIONS = 60
# Linear predictors beyond this (odds of 160,000) are rare in data and certain where the likelihood has no maximum.
SUSPICIOUS_LOGIT = 12.0


class SeparatedError(ValueError):
    """Some combination of columns separates successes from failures completely: the likelihood has no maximum."""


@dataclass(frozen=True)
class LogisticFit:
    """Maximum-likelihood coefficients (k,), their information (k, k), and the log likelihood.

    The log likelihood leaves out the binomial coefficients, so that grouping rows of equal design does not change it.
    `converged` is False where the iterations ended before the maximum.
    """

    coefficients: NDArray[np.float64]
    information: NDArray[np.float64]
    log_likelihood: float
    converged: bool
    n: int

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Inverse of the information."""
        return np.asarray(np.linalg.inv(self.information), np.float64)

    @property
    def se(self) -> NDArray[np.float64]:
        """Standard errors of the coefficients."""
        return np.sqrt(np.diag(self.covariance))


def fisher_scoring(design: NDArray, successes: NDArray, trials: NDArray) -> LogisticFit:
    """The fit itself, for columns of order one that are independent, and counts that were checked; no row is empty.

    Steps are halved until the likelihood rises; it is concave, so this finds the one maximum. Raises `SeparatedError`
    where there is none.
    """
    coefficients, information, converged = np.zeros(design.shape[1]), np.eye(design.shape[1]), False
    value = _log_likelihood(design @ coefficients, successes, trials)
    for _ in range(_MOST_ITERATIONS):
        fitted = expit(design @ coefficients)
        information = design.T @ ((trials * fitted * (1 - fitted))[:, None] * design)
        # After the last step, which only takes off the error that the one before it left.
        if converged:
            break
        score = design.T @ (successes - trials * fitted)
        try:
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            break
        converged = bool(score @ step < 1e-12)
        while (new := _log_likelihood(design @ (coefficients + step), successes, trials)) < value - 1e-12 * abs(value):
            step = step / 2
        coefficients, value = coefficients + step, new
    suspicious = not converged or np.abs(design @ coefficients).max() > SUSPICIOUS_LOGIT
    if (
        suspicious
        and not _overlapping(design, coefficients, successes, trials)
        and _separated(design, successes, trials)
    ):
        raise SeparatedError("successes and failures are separated completely: a logistic fit has no maximum")
    return LogisticFit(coefficients, information, value, converged, round(float(trials.sum())))


def _log_likelihood(linear: NDArray, successes: NDArray, trials: NDArray) -> float:
    return float(successes @ linear - trials @ np.logaddexp(0.0, linear))


def _overlapping(design: NDArray, coefficients: NDArray, successes: NDArray, trials: NDArray) -> bool:
    """Whether the coefficients prove that no combination of columns separates successes from failures completely.

    Suppose a direction d of length 1 does. Every row's part of the score along d is then |x . d| times the expected
    number of wrong outcomes, which is at least its weight w = n f (1 - f): d . score >= sum |x . d| w >= d^T I d / R
    with I the information and R the largest |x|. So smallest eigenvalue of I > R |score| rules it out. At a maximum
    the score is only rounding, while labels that are separated have no information left: what remains undecided needs
    the linear program of `_separated`, which takes a hundred times as long.
    """
    fitted = expit(design @ coefficients)
    information = design.T @ ((trials * fitted * (1 - fitted))[:, None] * design)
    score = design.T @ (successes - trials * fitted)
    radius = np.sqrt((design**2).sum(axis=1))
    rounding = 1e-13 * float(trials @ radius)
    return bool(np.linalg.eigvalsh(information)[0] > radius.max() * (np.linalg.norm(score) + rounding))


def _separated(design: NDArray, successes: NDArray, trials: NDArray) -> bool:
    """Whether some combination of columns is >= 0 where all trials succeed, <= 0 where none does, 0 elsewhere.

    Then, and only then, the likelihood grows without end (Albert & Anderson 1984, Biometrika 71, 1).
    """
    mixed = (successes > 0) & (successes < trials)
    values, directions = np.linalg.eigh(design[mixed].T @ design[mixed])
    free = directions[:, values <= 1e-9 * max(1.0, float(mixed.sum()))]
    if not free.shape[1]:
        return False
    signed = np.where(successes[~mixed] > 0, 1.0, -1.0)[:, None] * (design[~mixed] @ free)
    found = linprog(-signed.mean(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1))
    return bool(found.status == 0 and -found.fun > 1e-9)
