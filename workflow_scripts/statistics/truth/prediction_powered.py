"""Fractions and dipoles of a catalog with honest errors: scores of all galaxies, corrected by the labels of some.

Prediction-powered inference (Angelopoulos et al. 2023, Science 382, 669): estimate with the scores of all N galaxies,
and add the same estimate of label minus score on the n labelled ones. The sum is unbiased whatever the scores' errors,
if the labelled galaxies are a random part of all.

Errors come from the influence of each galaxy: the estimate is, up to terms of second order, a sum of independent
contributions psi_i, and its covariance is sum psi_i psi_i^T. A labelled galaxy that is also among the N has both parts
in its psi, which gives the covariance between the two terms: for a mean, Var = V(s)/N + V(t - s)/n + 2 Cov(s, t - s)/N.
The last term is 0 only where the labelled galaxies are not among the N, or scores are calibrated (E[t - s | s] does not
depend on s). With n = N it makes the variance that of the labels alone, V(t)/N.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.checked_inputs import checked_scores, checked_vectors
from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION, DipoleEstimate, chi_square_test

# Far below the error of any catalog, and far above that of rounding.
NO_SCATTER = 1e-12


def prediction_powered_mean(scores: ArrayLike, truth: ArrayLike, labelled: ArrayLike) -> tuple[float, float]:
    """The fraction of positives in the population that the catalog is drawn from, and its standard error.

    Parameters
    ----------
    scores
        (n,) scores in 0 ... 1 of all galaxies.
    truth
        (n,) reference labels 0/1; anything, also NaN, where there is none.
    labelled
        (n,) booleans: which galaxies have a reference label.

    Raises
    ------
    ValueError
        for other values, fewer than two galaxies in either term, or an estimate without any scatter.
    """
    s, t, chosen = _checked(scores, truth, labelled, 2)
    coefficients, influence = _both_terms(np.ones((len(s), 1)), s, t, chosen)
    se = float(np.sqrt((influence**2).sum()))
    if not se > NO_SCATTER:
        raise ValueError("scores and labels have no scatter: there is no error to estimate")
    return float(coefficients[0]), se


def prediction_powered_dipole(
    scores: ArrayLike, truth: ArrayLike, labelled: ArrayLike, vectors: ArrayLike
) -> DipoleEstimate:
    """The dipole of the true labels: t = mean + beta . n.

    Both terms are centred least-squares dipoles, as in `dipole`. The errors allow for a scatter that depends on
    position (White 1980, Econometrica 48, 817). Where all scatters alike they are s_s^2 M_N^-1 + s_r^2 M_n^-1 +
    2 s_sr M_N^-1 with r = t - s, and M the centred second moments of all and of the labelled galaxies.

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
    s, t, chosen = _checked(scores, truth, labelled, 5)
    vectors = checked_vectors(vectors, len(s))
    coefficients, influence = _both_terms(np.hstack([np.ones((len(s), 1)), vectors]), s, t, chosen)
    influence = influence[:, 1:]
    covariance = influence.T @ influence
    if not (np.trace(covariance) > NO_SCATTER**2 and np.linalg.cond(covariance) < 1e12):
        raise ValueError("scores and labels have no scatter: there is no error to estimate")
    return DipoleEstimate(coefficients[1:], covariance, *chi_square_test(coefficients[1:], covariance))


def _checked(
    scores: ArrayLike, truth: ArrayLike, labelled: ArrayLike, least: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Scores, truth, and which are labelled: `least` of them or more."""
    s, t, chosen = checked_scores(scores), np.array(truth, float), np.asarray(labelled)
    if not s.shape == t.shape == chosen.shape or chosen.dtype != bool:
        raise ValueError("scores, reference labels and a boolean for each must be of the same galaxies")
    if not np.isin(t[chosen], (0.0, 1.0)).all():
        raise ValueError("reference labels of labelled galaxies must be 0 or 1")
    if chosen.sum() < least:
        raise ValueError(f"{chosen.sum()} galaxies with a label are too few: {least} are needed")
    t[~chosen] = 0.0
    return s, t, chosen


def _both_terms(
    design: NDArray, s: NDArray, t: NDArray, chosen: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of the coefficients (k,) of both terms, and the influence of each galaxy on it (n, k)."""
    of_scores, score_part = _regression(design, s)
    correction, residual_part = _regression(design[chosen], (t - s)[chosen])
    influence = np.ascontiguousarray(score_part)
    influence[chosen] += residual_part
    return of_scores + correction, influence


def _regression(design: NDArray, values: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least squares: coefficients (k,) and the influence of each row on them (m, k)."""
    normal = design.T @ design
    if design.shape[1] > 1:
        centred = design[:, 1:] - design[:, 1:].mean(axis=0)
        matrix = centred.T @ centred
        if not np.linalg.cond(matrix) < LARGEST_CONDITION or np.trace(matrix) < 1e-9 * len(design):
            raise ValueError("the galaxies, or the labelled ones, lie on a part of the sky too small for a dipole")
    coefficients = np.linalg.solve(normal, design.T @ values)
    residual = values - design @ coefficients
    return coefficients, np.linalg.solve(normal, (residual[:, None] * design).T).T
