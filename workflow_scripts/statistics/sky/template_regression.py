"""What imaging explains of an outcome on the sky: linear regression on templates, fitted and applied in other patches.

Templates are numbers a galaxy that describe the images (seeing, depth, extinction, ...). A regression that is fitted
and applied to the same galaxies removes noise, and with it some of any dipole; so each patch of sky gets its prediction
from the others (patches as groups, as in the imaging regressions of redshift surveys). A template that has a dipole
itself takes part of a true one away all the same; `over_correction` measures it. Here explained means explained, not
caused.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import connected_components

from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION, Dipole, DipoleEstimate, chi_square_test, dipole
from workflow_scripts.statistics.sky.regression import standardised_templates
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums

# Share of a true dipole that templates should leave along every axis.
LEAST_RETAINED = 0.9


def rotated_templates(templates: ArrayLike, threshold: float = 0.7) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Principal components in place of templates (n, k) that follow each other, |correlation| above `threshold`.

    Templates linked by a chain of such pairs form a group; others are only standardised. Components come in order of
    falling variance, largest loading positive, and directions without variance (templates that repeat each other) are
    left out, so a fit on the result explains what a fit on the templates would.

    Returns the templates of unit variance (n, m) = standardised templates (n, k) @ loadings, and the loadings (k, m).
    Raises `ValueError` for missing values or constant templates.
    """
    templates = np.asarray(templates, float)
    standard = standardised_templates(templates, np.ones(len(templates)))
    correlation = standard.T @ standard / len(standard)
    group = connected_components(np.abs(correlation) > threshold, directed=False)[1]
    columns = []
    for number in dict.fromkeys(group):
        members = np.flatnonzero(group == number)
        values, directions = np.linalg.eigh(correlation[np.ix_(members, members)])
        for value, direction in zip(values[::-1], directions.T[::-1], strict=True):
            if value < 1e-9 * len(members):
                continue
            column = np.zeros(standard.shape[1])
            column[members] = direction * np.sign(direction[np.argmax(np.abs(direction))]) / np.sqrt(value)
            columns.append(column)
    loadings = np.column_stack(columns)
    return standard @ loadings, loadings


@dataclass(frozen=True)
class OverCorrection:
    """What a cross-fitted regression leaves of a true dipole: `retained` (3, 3) @ dipole, in the residual.

    `worst_share` is what is left along the axis `worst_axis` where least is. See `over_correction`.
    """

    retained: NDArray[np.float64]
    worst_share: float
    worst_axis: NDArray[np.float64]


@dataclass(frozen=True)
class TemplateCrossFit:
    """What a cross-fitted regression is made of before an outcome comes in: shared by all outcomes of some galaxies.

    `parts` are the rows of each fold, `inverses` the inverse products of `design` (n, 1 + k) outside each fold,
    `weights` (n, 3) the w_i of `regressed_dipole`, `centred` (n, 3) the positions about their `mean` (3,).
    """

    design: NDArray[np.float64]
    centred: NDArray[np.float64]
    mean: NDArray[np.float64]
    positions: PositionSums
    parts: list[NDArray[np.int64]]
    inverses: list[NDArray[np.float64]]
    weights: NDArray[np.float64]

    def residuals(self, outcome: NDArray[np.float64]) -> NDArray[np.float64]:
        """What an outcome (n,) has beyond its prediction from the other folds."""
        products = np.array([self.design[part].T @ outcome[part] for part in self.parts])
        residuals = np.empty(len(outcome))
        for part, inverse, product in zip(self.parts, self.inverses, products.sum(axis=0) - products, strict=True):
            residuals[part] = outcome[part] - self.design[part] @ (inverse @ product)
        return residuals

    @classmethod
    def of(
        cls, vectors: ArrayLike, templates: ArrayLike, patches: ArrayLike, folds: int = 5, seed: int = 0
    ) -> "TemplateCrossFit":
        """Regressions on templates (n, k), in any unit, of galaxies at unit vectors (n, 3): patches left out in turn.

        `patches` (n,) are numbers of patches of 50 square degrees or so; whole ones are dealt out at random to `folds`
        of about equal number of galaxies. Raises `ValueError` for templates with missing values, fewer patches than
        folds, or templates that other folds leave undetermined.
        """
        vectors = np.asarray(vectors, float)
        design = np.column_stack([np.ones(len(vectors)), standardised_templates(templates, np.ones(len(vectors)))])
        mean = vectors.mean(axis=0)
        centred = vectors - mean
        fold = dealt_patches(np.asarray(patches), folds, seed)
        parts = [np.flatnonzero(fold == number) for number in range(folds)]
        products = np.array([design[part].T @ design[part] for part in parts])
        inverses, transfers = [], []
        for part, outside in zip(parts, products.sum(axis=0) - products, strict=True):
            if not np.linalg.cond(outside) < LARGEST_CONDITION:
                raise ValueError("a template cannot be fitted without one of the folds: rotate templates or drop it")
            inverses.append(np.linalg.inv(outside))
            transfers.append(centred[part].T @ design[part] @ inverses[-1])
        total, weights = np.sum(transfers, axis=0), centred.copy()
        for part, transfer in zip(parts, transfers, strict=True):
            weights[part] -= design[part] @ (total - transfer).T
        return cls(design, centred, mean, PositionSums.of(vectors), parts, inverses, weights)


@dataclass(frozen=True)
class CrossFittedDipole(DipoleEstimate):
    """Dipole of an outcome with templates regressed out, corrected for what the regression took away.

    `residual_dipole` is the plain dipole of `residuals` (n,): what is left on the sky. `explained_variance` is
    1 - sum r^2 / sum (x - xbar)^2, below zero where the templates predict worse than the mean.
    """

    residuals: NDArray[np.float64]
    residual_dipole: Dipole
    explained_variance: float


def regressed_dipole(cross: TemplateCrossFit, outcome: ArrayLike) -> CrossFittedDipole:
    """Regress an outcome (n,), such as y, delta or a score, on templates, and test the dipole of what remains.

    Returns
    -------
    CrossFittedDipole
        Out-of-fold residuals r depend on the outcomes of all other folds, so the usual variance of a dipole does not
        hold for them. But U = sum (n_i - nbar) r_i is linear, U = sum w_i x_i with w_i = n_i - nbar - (sum of G_g over
        the folds g other than that of i) t_i, where G_g = [sum over g of (n_j - nbar) t_j^T] (sum outside g of
        t_j t_j^T)^-1 and t includes the intercept. So Var U = sum r_i^2 w_i w_i^T (robust to unequal variances: White
        1980, Econometrica 48, 817), Q = U^T Var^-1 U, and beta = (sum w_i n_i^T)^-1 U. Galaxies count as independent.

    Raises
    ------
    ValueError
        for an outcome that is missing, or the same everywhere, or a part of the sky too small for a dipole.
    """
    outcome = np.asarray(outcome, float)
    if not np.isfinite(outcome).all():
        raise ValueError("an outcome is missing or infinite")
    if not outcome.var() > 0:
        raise ValueError("all values are the same: there is nothing that could depend on position")
    residuals = cross.residuals(outcome)
    score = cross.centred.T @ residuals
    spread = residuals - residuals.mean()
    variance = (cross.weights * spread[:, None] ** 2).T @ cross.weights
    response = np.linalg.inv(cross.weights.T @ cross.centred)
    beta = response @ score
    q, p = chi_square_test(score, variance)
    return CrossFittedDipole(
        beta=beta,
        covariance=response @ variance @ response.T,
        q=q,
        p=p,
        residuals=residuals,
        residual_dipole=dipole(cross.positions, ValueSums.of(residuals, cross.centred + cross.mean)),
        explained_variance=float(1 - (residuals**2).sum() / ((outcome - outcome.mean()) ** 2).sum()),
    )


def over_correction(cross: TemplateCrossFit) -> OverCorrection:
    """Share of an injected dipole that `regressed_dipole` would leave in the residuals, before any outcome is seen.

    The regression is linear, so no mocks are needed: the residual of an outcome with dipole beta has on average the
    dipole R beta with R = M^-1 sum w_i n_i^T, M = sum (n_i - nbar)(n_i - nbar)^T and w as there. A unit dipole along
    a leaves a^T R a along a. Raises `ValueError` for a part of the sky too small for a dipole.
    """
    matrix = cross.centred.T @ cross.centred
    if not np.linalg.cond(matrix) < LARGEST_CONDITION:
        raise ValueError("the galaxies lie on a part of the sky too small for a dipole")
    retained = np.asarray(np.linalg.solve(matrix, cross.weights.T @ cross.centred), np.float64)
    shares, axes = np.linalg.eigh((retained + retained.T) / 2)
    return OverCorrection(retained, float(shares[0]), axes[:, 0])


def dealt_patches(patches: NDArray, folds: int, seed: int) -> NDArray[np.int64]:
    """Fold of each galaxy: patches in random order, each to the fold that has the fewest galaxies so far."""
    names, patch, sizes = np.unique(patches, return_inverse=True, return_counts=True)
    if folds < 2 or len(names) < folds:
        raise ValueError(f"{len(names)} patches cannot be dealt out to {folds} folds: two or more folds are needed")
    load, fold_of_patch = np.zeros(folds), np.empty(len(names), np.int64)
    for number in np.random.default_rng(seed).permutation(len(names)):
        fold_of_patch[number] = np.argmin(load)
        load[fold_of_patch[number]] += sizes[number]
    return fold_of_patch[patch]
