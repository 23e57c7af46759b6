"""How scores should be rescaled in each region of the sky, with regions of few galaxies drawn towards the whole."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from workflow_scripts.statistics.checked_inputs import checked_regions, checked_scores_and_truth
from workflow_scripts.statistics.logistic import fit_logistic

_NEWTON_STEPS = 100
_ROUNDS = 1000


@dataclass(frozen=True)
class Recalibration:
    """logit P(t = 1) = a_p + b_p logit s in each region p; a = 0 and b = 1 where scores are calibrated.

    `overall` = (a, b) of all galaxies, with `overall_covariance` (2, 2). `regions` (p, 2) are the partially pooled
    (a_p, b_p), `region_se` (p, 2) their errors given `between`, the covariance (2, 2) of the true (a_p, b_p) about
    `overall`; how uncertain `between` is they leave out, so they are too small where regions hold few galaxies.
    `galaxies` (p,); a region without any has the overall values. `clipped` galaxies had a score so near 0 or 1 that it
    was moved. `chi2`, `dof`, `p` test that all regions are alike (likelihood ratio of intercepts and slopes by region
    against `overall`); they are NaN and 0 where a region cannot be fitted alone.
    """

    overall: NDArray[np.float64]
    overall_covariance: NDArray[np.float64]
    regions: NDArray[np.float64]
    region_se: NDArray[np.float64]
    between: NDArray[np.float64]
    galaxies: NDArray[np.int64]
    clipped: int
    chi2: float
    dof: int
    p: float
    converged: bool


def recalibrate_regions(
    scores: ArrayLike, truth: ArrayLike, regions: ArrayLike, n_regions: int, clip: float = 1e-4
) -> Recalibration:
    """Recalibration intercept and slope by region (Cox 1958, Biometrika 45, 562), partially pooled.

    Pooling: (a_p, b_p) of a region are taken to be normal about the overall fit, with a covariance that is estimated
    from all regions. Given it, a region's values maximise its likelihood times that normal density, so many galaxies
    speak for themselves and few say little: this also gives finite values where a region has one class only. The
    covariance is found by repeating (expectation-maximisation with a normal approximation of each region's posterior):
    between = mean over regions of (deviation)(deviation)^T + posterior covariance. The overall fit stays fixed.

    Parameters
    ----------
    scores, truth, regions
        (n,) scores in 0 ... 1, reference labels 0/1, and region numbers in 0 ... n_regions - 1.
    n_regions
        number of regions; those without galaxies are allowed.
    clip
        scores below it or above 1 - clip are moved there, because their logit is infinite.

    Raises
    ------
    ValueError
        for other values, fewer than three regions with galaxies (their scatter could not be estimated), a clip that is
        not between 0 and 1/2, and as `fit_logistic` for the overall fit.
    """
    s, t = checked_scores_and_truth(scores, truth)
    region = checked_regions(regions, len(s), n_regions)
    if not 0 < clip < 0.5:
        raise ValueError(f"the clip of scores must be between 0 and 1/2, not {clip}")
    galaxies = np.bincount(region, minlength=n_regions)
    if (galaxies > 0).sum() < 3:
        raise ValueError("partial pooling needs three or more regions with galaxies")
    x = special.logit(np.clip(s, clip, 1 - clip))
    overall = fit_logistic(np.column_stack([np.ones_like(x), x]), t, np.ones_like(x))
    occupied = np.flatnonzero(galaxies)
    centre = overall.coefficients
    data = _RegionData(x, t, np.searchsorted(occupied, region), len(occupied))
    centre = overall.coefficients
    between, converged = np.diag([0.25, 0.25]), False
    values = np.tile(centre, (len(occupied), 1))
    for _ in range(_ROUNDS):
        values, information, pull = _modes(data, values, centre, between)
        new = _between(information, pull, between)
        converged = bool(np.abs(new - between).max() < 1e-3 * (np.abs(between).max() + 0.01))
        between = new
        if converged:
            break
    values, information, _ = _modes(data, values, centre, between)
    posterior = _posterior_covariance(information, between)
    every = np.tile(centre, (n_regions, 1))
    every[occupied] = values
    se = np.tile(np.sqrt(np.diag(between + overall.covariance)), (n_regions, 1))
    # A region follows the overall fit, and its error, as far as its own galaxies do not determine it.
    follows = np.eye(2) - posterior @ information
    se[occupied] = np.sqrt(np.einsum("pkk->pk", posterior + follows @ overall.covariance @ follows.transpose(0, 2, 1)))
    chi2, dof = _all_alike(data, overall.log_likelihood)
    return Recalibration(
        overall=centre,
        overall_covariance=overall.covariance,
        regions=every,
        region_se=se,
        between=between,
        galaxies=galaxies,
        clipped=int(((s < clip) | (s > 1 - clip)).sum()),
        chi2=chi2,
        dof=dof,
        p=float(stats.chi2.sf(chi2, dof)) if dof else float("nan"),
        converged=converged,
    )


@dataclass(frozen=True)
class _RegionData:
    x: NDArray[np.float64]
    truth: NDArray[np.float64]
    region: NDArray[np.int64]
    n_regions: int

    def sums(self, weights: NDArray) -> NDArray[np.float64]:
        """Sum of a weight a galaxy over each region."""
        return np.asarray(np.bincount(self.region, weights=weights, minlength=self.n_regions), float)


def _posterior_covariance(information: NDArray, between: NDArray) -> NDArray[np.float64]:
    """(I + between^-1)^-1 of each region, written so that `between` may be singular."""
    return np.linalg.solve(np.eye(2) + between @ information, np.broadcast_to(between, information.shape))


def _modes(data: _RegionData, start: NDArray, centre: NDArray, between: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Modes (p, 2) of likelihood times normal prior, by Newton in all regions at once.

    Also the information I (p, 2, 2) of the likelihoods there, and the pull I (mode - centre) + gradient (p, 2): the
    deviation from the centre is (I + between^-1)^-1 pull.
    """
    values = start.copy()
    for _ in range(_NEWTON_STEPS):
        probability = special.expit(values[data.region, 0] + values[data.region, 1] * data.x)
        residual, weight = data.truth - probability, probability * (1 - probability)
        gradient = np.column_stack([data.sums(residual), data.sums(residual * data.x)])
        w0, w1, w2 = data.sums(weight), data.sums(weight * data.x), data.sums(weight * data.x**2)
        information = np.array([[w0, w1], [w1, w2]]).transpose(2, 0, 1)
        pull = np.einsum("pij,pj->pi", information, values - centre) + gradient
        deviation = np.einsum("pij,pj->pi", _posterior_covariance(information, between), pull)
        step = centre + deviation - values
        if np.abs(step).max() < 1e-8:
            break
        # Each region has one maximum; a limited step keeps Newton from jumping far beyond it.
        values = values + step / np.maximum(1.0, np.abs(step).max(axis=1, keepdims=True))
    return values, information, pull


def _between(information: NDArray, pull: NDArray, start: NDArray) -> NDArray[np.float64]:
    """Expectation-maximisation of the covariance between regions, with likelihoods taken as quadratic."""
    between = start
    for _ in range(_ROUNDS):
        posterior = _posterior_covariance(information, between)
        deviation = np.einsum("pij,pj->pi", posterior, pull)
        new = (deviation.T @ deviation + posterior.sum(axis=0)) / len(pull)
        new = (new + new.T) / 2
        # Without scatter between regions it shrinks for ever, ever more slowly: small steps end it.
        if np.abs(new - between).max() < 1e-7:
            return new
        between = new
    return between


def _all_alike(data: _RegionData, pooled: float) -> tuple[float, int]:
    """Likelihood ratio of fits by region against one fit, and its degrees of freedom; NaN and 0 where one fails."""
    order = np.argsort(data.region, kind="stable")
    edges = np.searchsorted(data.region[order], np.arange(data.n_regions + 1))
    alone = 0.0
    for first, last in pairwise(edges):
        x, truth = data.x[order[first:last]], data.truth[order[first:last]]
        ones = np.ones(len(x))
        try:
            alone += fit_logistic(np.column_stack([ones, x]), truth, ones).log_likelihood
        except ValueError:
            return float("nan"), 0
    return max(0.0, 2 * (alone - pooled)), 2 * (data.n_regions - 1)
