"""Fractions and dipoles of a catalog with honest errors: scores of all galaxies, corrected by the labels of some.

Prediction-powered inference (Angelopoulos et al. 2023, Science 382, 669): estimate with the scores of all N galaxies,
and add the same estimate of label minus score on the n labelled ones. The sum is unbiased whatever the scores' errors,
if the labelled galaxies are a random part, or are weighted to be one.

Errors come from the influence of each galaxy: the estimate is, up to terms of second order, a sum of independent
contributions psi_i, and its covariance is sum psi_i psi_i^T. A labelled galaxy that is also among the N has both parts
in its psi, which gives the covariance between the two terms: for a mean, Var = V(s)/N + V(t - s)/n + 2 Cov(s, t - s)/N.
The last term is 0 only where the labelled galaxies are not among the N, or scores are calibrated (E[t - s | s] does not
depend on s). With n = N it makes the variance that of the labels alone, V(t)/N.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.checked_inputs import checked_scores, checked_vectors
from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION

# Far below the error of any catalog, and far above that of rounding.
NO_SCATTER = 1e-12


@dataclass(frozen=True)
class PredictionPoweredMean:
    """Mean of t: `scores_mean` + `correction`, with standard error, normal interval, and the numbers of galaxies."""

    estimate: float
    se: float
    ci95: tuple[float, float]
    scores_mean: float
    correction: float
    n: int
    n_labelled: int


@dataclass(frozen=True)
class PredictionPoweredDipole:
    """Dipole of t: `beta` = `scores_beta` + `correction` (3,), with its covariance (3, 3).

    `q` = beta^T covariance^-1 beta is chi-square with three degrees of freedom where t has no dipole.
    """

    beta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    q: float
    p: float
    scores_beta: NDArray[np.float64]
    correction: NDArray[np.float64]
    n: int
    n_labelled: int

    @property
    def se(self) -> NDArray[np.float64]:
        """Standard errors of the three components."""
        return np.sqrt(np.diag(self.covariance))


def prediction_powered_mean(
    scores: ArrayLike,
    truth: ArrayLike,
    labelled: ArrayLike,
    probabilities: ArrayLike | None = None,
    labelled_in_catalog: bool = True,
) -> PredictionPoweredMean:
    """The fraction of positives in the population that the catalog is drawn from.

    Parameters
    ----------
    scores
        (n,) scores in 0 ... 1 of all galaxies.
    truth
        (n,) reference labels 0/1; anything, also NaN, where there is none.
    labelled
        (n,) booleans: which galaxies have a reference label.
    probabilities
        (n,) probability that a galaxy was chosen to be labelled, where it was not the same for all; labelled galaxies
        are then weighted by its inverse, weights scaled to add up to 1. Only those of labelled galaxies are read.
    labelled_in_catalog
        whether labelled galaxies also count in the mean of the scores (one catalog, partly labelled), or only in the
        correction (two separate samples).

    Raises
    ------
    ValueError
        for other values, fewer than two galaxies in either term, or an estimate without any scatter.
    """
    s, t, chosen, weights, catalog = _checked(scores, truth, labelled, probabilities, labelled_in_catalog)
    _need(int(catalog.sum()), int(chosen.sum()), 2)
    ones = np.ones((len(s), 1))
    scores_mean, score_part = _regression(ones[catalog], s[catalog], np.ones(int(catalog.sum())))
    correction, residual_part = _regression(ones[chosen], (t - s)[chosen], weights)
    influence = _joined(score_part, catalog, residual_part, chosen)
    se = float(np.sqrt((influence**2).sum()))
    if not se > NO_SCATTER:
        raise ValueError("scores and labels have no scatter: there is no error to estimate")
    estimate = float(scores_mean[0] + correction[0])
    half = float(stats.norm.ppf(0.975)) * se
    interval = (estimate - half, estimate + half)
    counts = int(catalog.sum()), int(chosen.sum())
    return PredictionPoweredMean(estimate, se, interval, float(scores_mean[0]), float(correction[0]), *counts)


def prediction_powered_dipole(
    scores: ArrayLike,
    truth: ArrayLike,
    labelled: ArrayLike,
    vectors: ArrayLike,
    probabilities: ArrayLike | None = None,
    labelled_in_catalog: bool = True,
) -> PredictionPoweredDipole:
    """The dipole of the true labels: t = mean + beta . n.

    Both terms are centred least-squares dipoles, as in `dipole`. The errors allow for a scatter that depends on
    position (White 1980, Econometrica 48, 817). Where all scatters alike they are s_s^2 M_N^-1 + s_r^2 M_n^-1 +
    2 s_sr M_N^-1 with r = t - s, M the centred second moments of all and of the labelled galaxies, and the last term
    for labelled galaxies in the catalog only.

    Parameters
    ----------
    vectors
        (n, 3) unit vectors of all galaxies; the other arguments are those of `prediction_powered_mean`.

    Raises
    ------
    ValueError
        for other values, fewer than five galaxies in either term, galaxies (or labelled galaxies) on too small a part
        of the sky, or an estimate without any scatter.
    """
    s, t, chosen, weights, catalog = _checked(scores, truth, labelled, probabilities, labelled_in_catalog)
    vectors = checked_vectors(vectors, len(s))
    _need(int(catalog.sum()), int(chosen.sum()), 5)
    design = np.hstack([np.ones((len(s), 1)), vectors])
    of_scores, score_part = _regression(design[catalog], s[catalog], np.ones(int(catalog.sum())))
    correction, residual_part = _regression(design[chosen], (t - s)[chosen], weights)
    influence = _joined(score_part, catalog, residual_part, chosen)[:, 1:]
    covariance = influence.T @ influence
    if not (np.trace(covariance) > NO_SCATTER**2 and np.linalg.cond(covariance) < 1e12):
        raise ValueError("scores and labels have no scatter: there is no error to estimate")
    beta = of_scores[1:] + correction[1:]
    q = float(beta @ np.linalg.solve(covariance, beta))
    counts = int(catalog.sum()), int(chosen.sum())
    return PredictionPoweredDipole(
        beta, covariance, q, float(stats.chi2.sf(q, 3)), of_scores[1:], correction[1:], *counts
    )


def _checked(
    scores: ArrayLike, truth: ArrayLike, labelled: ArrayLike, probabilities: ArrayLike | None, in_catalog: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64], NDArray[np.bool_]]:
    """Scores, truth, which are labelled, weights of those, and which count in the term of the scores."""
    s, t, chosen = checked_scores(scores), np.array(truth, float), np.asarray(labelled)
    if not s.shape == t.shape == chosen.shape or chosen.dtype != bool:
        raise ValueError("scores, reference labels and a boolean for each must be of the same galaxies")
    if not np.isin(t[chosen], (0.0, 1.0)).all():
        raise ValueError("reference labels of labelled galaxies must be 0 or 1")
    t[~chosen] = 0.0
    weights = np.ones(int(chosen.sum()))
    if probabilities is not None:
        probability = np.asarray(probabilities, float)
        if probability.shape != s.shape or not np.all((probability[chosen] > 0) & (probability[chosen] <= 1)):
            raise ValueError("probabilities of being labelled must be above 0 and at most 1, one a galaxy")
        weights = 1 / probability[chosen]
    return s, t, chosen, weights, np.ones(len(s), bool) if in_catalog else ~chosen


def _need(n: int, n_labelled: int, least: int) -> None:
    if min(n, n_labelled) < least:
        raise ValueError(f"{n} galaxies with a score and {n_labelled} with a label are too few: each needs {least}")


def _regression(design: NDArray, values: NDArray, weights: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted least squares: coefficients (k,) and the influence of each row on them (m, k)."""
    normal = design.T @ (weights[:, None] * design)
    if design.shape[1] > 1:
        mean = weights @ design[:, 1:] / weights.sum()
        centred = design[:, 1:] - mean
        matrix = centred.T @ (weights[:, None] * centred)
        if not np.linalg.cond(matrix) < LARGEST_CONDITION or np.trace(matrix) < 1e-9 * weights.sum():
            raise ValueError("the galaxies, or the labelled ones, lie on a part of the sky too small for a dipole")
    coefficients = np.linalg.solve(normal, design.T @ (weights * values))
    residual = weights * (values - design @ coefficients)
    return coefficients, np.linalg.solve(normal, (residual[:, None] * design).T).T


def _joined(score_part: NDArray, catalog: NDArray, residual_part: NDArray, chosen: NDArray) -> NDArray[np.float64]:
    """Influence of each galaxy on the sum of both terms, (n, k)."""
    influence = np.zeros((len(catalog), score_part.shape[1]))
    influence[catalog] += score_part
    influence[chosen] += residual_part
    return influence
