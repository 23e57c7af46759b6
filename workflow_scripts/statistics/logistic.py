"""Logistic regression on grouped counts, by iteratively reweighted least squares."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

_ITERATIONS = 60
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class LogisticFit:
    """Maximum-likelihood coefficients (k,), the inverse of their information (k, k), and the log likelihood.

    The log likelihood leaves out the binomial coefficients, so that grouping rows of equal design does not change it.
    """

    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_likelihood: float
    n: int

    @property
    def se(self) -> NDArray[np.float64]:
        """Standard errors of the coefficients."""
        return np.sqrt(np.diag(self.covariance))


def fit_logistic(design: ArrayLike, successes: ArrayLike, trials: ArrayLike) -> LogisticFit:
    """Fit logit P = design @ coefficients to binomial counts (McCullagh & Nelder 1989, Generalized Linear Models, 4.4).

    Parameters
    ----------
    design
        (m, k), a row a pixel or a galaxy; a column of ones is up to the caller.
    successes, trials
        (m,) counts; rows without trials are left out.

    Raises
    ------
    ValueError
        without successes or without failures, for counts that do not fit, NaN, columns that are combinations of each
        other, or where some combination of columns tells successes from failures completely (no maximum exists).
    """
    design, successes, trials = np.asarray(design, float), np.asarray(successes, float), np.asarray(trials, float)
    if not (np.isfinite(design).all() and np.isfinite(successes).all() and np.isfinite(trials).all()):
        raise ValueError("a number to fit is missing or infinite")
    if np.any(successes < 0) or np.any(successes > trials):
        raise ValueError("successes must be between 0 and the number of trials")
    design, successes, trials = design[trials > 0], successes[trials > 0], trials[trials > 0]
    n = trials.sum()
    if not 0 < successes.sum() < n:
        raise ValueError("a logistic fit needs both successes and failures")
    scale = np.sqrt((trials[:, None] * design**2).sum(axis=0) / n)
    if np.any(scale == 0) or np.linalg.matrix_rank(design / scale) < design.shape[1]:
        raise ValueError("the columns of the fit are not independent of each other")
    x = design / scale
    coefficients = np.zeros(x.shape[1])
    likelihood = _log_likelihood(x @ coefficients, successes, trials)
    for _ in range(_ITERATIONS):
        probability = special.expit(x @ coefficients)
        information = x.T @ ((trials * probability * (1 - probability))[:, None] * x)
        if not np.linalg.cond(information) < 1e14:
            break
        step = np.linalg.solve(information, x.T @ (successes - trials * probability))
        trial = _log_likelihood(x @ (coefficients + step), successes, trials)
        while trial < likelihood - 1e-9 * abs(likelihood):
            step /= 2
            trial = _log_likelihood(x @ (coefficients + step), successes, trials)
        coefficients, likelihood = coefficients + step, trial
        # The step, not the likelihood: without a maximum the likelihood converges while the coefficients run away.
        if np.abs(step).max() < _TOLERANCE * (1 + np.abs(coefficients).max()):
            covariance = np.linalg.inv(information) / np.outer(scale, scale)
            return LogisticFit(coefficients / scale, covariance, likelihood, round(float(n)))
    raise ValueError("successes and failures are told apart completely: a logistic fit has no maximum")


def _log_likelihood(linear: NDArray, successes: NDArray, trials: NDArray) -> float:
    return float(successes @ linear - trials @ np.logaddexp(0.0, linear))
