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
from scipy import stats
from scipy.sparse.csgraph import connected_components

from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION, Dipole, dipole
from workflow_scripts.statistics.sky.regression import standardised_templates
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums

LEAST_RETAINED = 0.9
FEWEST_BLOCKS = 12


@dataclass(frozen=True)
class RotatedTemplates:
    """Templates of unit variance: `values` (n, m) = standardised templates (n, k) @ `loadings` (k, m).

    `groups` names the input columns that were rotated together; the others are only standardised.
    """

    values: NDArray[np.float64]
    loadings: NDArray[np.float64]
    groups: tuple[tuple[int, ...], ...]


def rotated_templates(templates: ArrayLike, threshold: float = 0.7) -> RotatedTemplates:
    """Principal components in place of templates (n, k) that follow each other, |correlation| above `threshold`.

    Templates linked by a chain of such pairs form a group. Components come in order of falling variance, largest
    loading positive, and directions without variance (templates that repeat each other) are left out, so a fit on
    the result explains what a fit on the templates would. Raises `ValueError` for missing values or constant templates.
    """
    templates = np.asarray(templates, float)
    standard = standardised_templates(templates, np.ones(len(templates)))
    correlation = standard.T @ standard / len(standard)
    group = connected_components(np.abs(correlation) > threshold, directed=False)[1]
    columns, rotated = [], []
    for number in dict.fromkeys(group):
        members = np.flatnonzero(group == number)
        values, directions = np.linalg.eigh(correlation[np.ix_(members, members)])
        for value, direction in zip(values[::-1], directions.T[::-1], strict=True):
            if value < 1e-9 * len(members):
                continue
            column = np.zeros(standard.shape[1])
            column[members] = direction * np.sign(direction[np.argmax(np.abs(direction))]) / np.sqrt(value)
            columns.append(column)
        if len(members) > 1:
            rotated.append(tuple(int(member) for member in members))
    loadings = np.column_stack(columns)
    return RotatedTemplates(standard @ loadings, loadings, tuple(rotated))


@dataclass(frozen=True)
class OverCorrection:
    """What a cross-fitted regression leaves of a true dipole: `retained` (3, 3) @ dipole, in the residual.

    `worst_share` is what is left along the axis `worst_axis` where least is. See `over_correction`.
    """

    retained: NDArray[np.float64]
    worst_share: float
    worst_axis: NDArray[np.float64]

    @property
    def passed(self) -> bool:
        """Whether 90 % of a dipole are left along every axis."""
        return self.worst_share >= LEAST_RETAINED


@dataclass(frozen=True)
class TemplateCrossFit:
    """What a cross-fitted regression is made of before an outcome comes in: shared by all outcomes of some galaxies.

    `parts` are the rows of each fold, `inverses` the inverse products of `design` (n, 1 + k) outside each fold,
    `weights` (n, 3) the w_i of `cross_fitted_dipole`, `centred` (n, 3) the positions about their `mean` (3,).
    """

    design: NDArray[np.float64]
    centred: NDArray[np.float64]
    mean: NDArray[np.float64]
    positions: PositionSums
    parts: list[NDArray[np.int64]]
    inverses: list[NDArray[np.float64]]
    weights: NDArray[np.float64]

    @classmethod
    def of(
        cls, vectors: ArrayLike, templates: ArrayLike, patches: ArrayLike, folds: int = 5, seed: int = 0
    ) -> "TemplateCrossFit":
        """Arguments and errors as for `cross_fitted_dipole`."""
        vectors = np.asarray(vectors, float)
        design = np.column_stack([np.ones(len(vectors)), standardised_templates(templates, np.ones(len(vectors)))])
        mean = vectors.mean(axis=0)
        centred = vectors - mean
        fold = _dealt(np.asarray(patches), folds, seed)
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
class CrossFittedDipole:
    """Dipole of an outcome with templates regressed out; see `cross_fitted_dipole`.

    `residual_dipole` is the plain dipole of `residuals` (n,): what is left on the sky. `beta`, with its covariance, is
    corrected for what the regression took away, and `q`, `p` (chi-square, 3 dof) test it. `explained_variance` is
    1 - sum r^2 / sum (x - xbar)^2, below zero where the templates predict worse than the mean.
    """

    residuals: NDArray[np.float64]
    residual_dipole: Dipole
    beta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    q: float
    p: float
    over_correction: OverCorrection
    explained_variance: float


def cross_fitted_dipole(
    vectors: ArrayLike, outcome: ArrayLike, templates: ArrayLike, patches: ArrayLike, folds: int = 5, seed: int = 0
) -> CrossFittedDipole:
    """Regress an outcome on templates with patches left out in turn, and test the dipole of what remains.

    Parameters
    ----------
    vectors, outcome, templates
        (n, 3) unit vectors, (n,) numbers such as y, delta or a score, and (n, k) templates in any unit.
    patches
        (n,) number of the patch of each galaxy, patches of 50 square degrees or so. Whole patches are dealt out at
        random to `folds` of about equal number of galaxies.

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
        for values that are missing, fewer patches than folds, or templates that other folds leave undetermined.
    """
    return regressed_dipole(TemplateCrossFit.of(vectors, templates, patches, folds, seed), outcome)


def regressed_dipole(cross: TemplateCrossFit, outcome: ArrayLike) -> CrossFittedDipole:
    """`cross_fitted_dipole` of one of many outcomes (n,) of the same galaxies.

    Raises `ValueError` for an outcome that is missing, or the same everywhere.
    """
    outcome = np.asarray(outcome, float)
    if not np.isfinite(outcome).all():
        raise ValueError("an outcome is missing or infinite")
    if not outcome.var() > 0:
        raise ValueError("all values are the same: there is nothing that could depend on position")
    residuals = np.empty(len(outcome))
    products = np.array([cross.design[part].T @ outcome[part] for part in cross.parts])
    for part, inverse, product in zip(cross.parts, cross.inverses, products.sum(axis=0) - products, strict=True):
        residuals[part] = outcome[part] - cross.design[part] @ (inverse @ product)
    score = cross.centred.T @ residuals
    spread = residuals - residuals.mean()
    variance = (cross.weights * spread[:, None] ** 2).T @ cross.weights
    response = np.linalg.inv(cross.weights.T @ cross.centred)
    beta = response @ score
    q = float(score @ np.linalg.solve(variance, score))
    return CrossFittedDipole(
        residuals=residuals,
        residual_dipole=dipole(cross.positions, ValueSums.of(residuals, cross.centred + cross.mean)),
        beta=beta,
        covariance=response @ variance @ response.T,
        q=q,
        p=float(stats.chi2.sf(q, 3)),
        over_correction=_over_correction(cross),
        explained_variance=float(1 - (residuals**2).sum() / ((outcome - outcome.mean()) ** 2).sum()),
    )


def over_correction(
    vectors: ArrayLike, templates: ArrayLike, patches: ArrayLike, folds: int = 5, seed: int = 0
) -> OverCorrection:
    """Share of an injected dipole that the regression of `cross_fitted_dipole` would leave, before any outcome is seen.

    The regression is linear, so no mocks are needed: the residual of an outcome with dipole beta has on average the
    dipole R beta with R = M^-1 sum w_i n_i^T, M = sum (n_i - nbar)(n_i - nbar)^T and w as there. A unit dipole along
    a leaves a^T R a along a. Arguments and errors as there.
    """
    return _over_correction(TemplateCrossFit.of(vectors, templates, patches, folds, seed))


@dataclass(frozen=True)
class Mediation:
    """How much of the dipole of A - B goes away when templates are in the fit; see `mediation`.

    `share` is 1 - |adjusted| / |raw|. What is left of a vector is never of length zero, so this falls short where the
    templates explain all, and so does its interval; `share_along` = 1 - raw . adjusted / |raw|^2 hardly does. Both
    have 95 % percentile intervals over resampled blocks, and mean nothing where `raw.p` is not small. `coefficients`
    (k,) and their block-bootstrap standard errors are per standard deviation of a template.
    """

    raw: Dipole
    adjusted: NDArray[np.float64]
    share: float
    share_ci95: tuple[float, float]
    share_along: float
    share_along_ci95: tuple[float, float]
    coefficients: NDArray[np.float64]
    coefficients_se: NDArray[np.float64]
    n_blocks: int


def mediation(
    vectors: ArrayLike,
    outcome: ArrayLike,
    templates: ArrayLike,
    blocks: ArrayLike,
    bootstraps: int = 1000,
    seed: int = 0,
) -> Mediation:
    """Least squares of A - B on position alone, and on position and templates together; which template takes over?

    Parameters
    ----------
    vectors, outcome, templates
        (n, 3) unit vectors, (n,) differences y^A - y^B (or of scores), (n, k) templates in any unit.
    blocks
        (n,) block of sky of each galaxy. Whole blocks are drawn with replacement, at least 12 of them.

    Raises
    ------
    ValueError
        for missing values, fewer than 12 blocks, a constant outcome, or positions and templates that leave a
        coefficient undetermined.
    """
    vectors, outcome = np.asarray(vectors, float), np.asarray(outcome, float)
    if not np.isfinite(outcome).all():
        raise ValueError("an outcome is missing or infinite")
    raw = dipole(PositionSums.of(vectors), ValueSums.of(outcome, vectors))
    standard = standardised_templates(templates, np.ones(len(vectors)))
    names, block = np.unique(np.asarray(blocks), return_inverse=True)
    if len(names) < FEWEST_BLOCKS:
        raise ValueError(f"{len(names)} blocks are too few for a bootstrap: it needs {FEWEST_BLOCKS}")
    columns = np.column_stack([np.ones(len(vectors)), vectors, standard, outcome])
    sums = block_products(columns, block, len(names))
    whole = sums.sum(axis=0)
    if not np.linalg.cond(whole[:-1, :-1]) < LARGEST_CONDITION:
        raise ValueError("positions and templates leave a coefficient undetermined")
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=bootstraps)
    resampled = np.tensordot(drawn, sums, axes=1)
    alone, together = (
        coefficients_of_products(whole[None], 4)[0],
        coefficients_of_products(whole[None], len(whole) - 1)[0],
    )
    alone_drawn, together_drawn = (
        coefficients_of_products(resampled, 4),
        coefficients_of_products(resampled, len(whole) - 1),
    )
    share, share_along = mediated_shares(alone[None, 1:4], together[None, 1:4])
    drawn_share, drawn_along = mediated_shares(alone_drawn[:, 1:4], together_drawn[:, 1:4])
    return Mediation(
        raw=raw,
        adjusted=together[1:4],
        share=float(share[0]),
        share_ci95=percentile_interval(drawn_share),
        share_along=float(share_along[0]),
        share_along_ci95=percentile_interval(drawn_along),
        coefficients=together[4:],
        coefficients_se=together_drawn[:, 4:].std(axis=0, ddof=1),
        n_blocks=len(names),
    )


def _over_correction(cross: TemplateCrossFit) -> OverCorrection:
    matrix = cross.centred.T @ cross.centred
    if not np.linalg.cond(matrix) < LARGEST_CONDITION:
        raise ValueError("the galaxies lie on a part of the sky too small for a dipole")
    retained = np.asarray(np.linalg.solve(matrix, cross.weights.T @ cross.centred), np.float64)
    shares, axes = np.linalg.eigh((retained + retained.T) / 2)
    return OverCorrection(retained, float(shares[0]), axes[:, 0])


def _dealt(patches: NDArray, folds: int, seed: int) -> NDArray[np.int64]:
    """Fold of each galaxy: patches in random order, each to the fold that has the fewest galaxies so far."""
    names, patch, sizes = np.unique(patches, return_inverse=True, return_counts=True)
    if folds < 2 or len(names) < folds:
        raise ValueError(f"{len(names)} patches cannot be dealt out to {folds} folds: two or more folds are needed")
    load, fold_of_patch = np.zeros(folds), np.empty(len(names), np.int64)
    for number in np.random.default_rng(seed).permutation(len(names)):
        fold_of_patch[number] = np.argmin(load)
        load[fold_of_patch[number]] += sizes[number]
    return fold_of_patch[patch]


def block_products(columns: NDArray, block: NDArray, n_blocks: int) -> NDArray[np.float64]:
    """Sums of products of columns (n, m) within each block: (blocks, m, m)."""
    m = columns.shape[1]
    sums = np.empty((n_blocks, m, m))
    for i in range(m):
        for j in range(i + 1):
            sums[:, i, j] = sums[:, j, i] = np.bincount(block, columns[:, i] * columns[:, j], n_blocks)
    return sums


def coefficients_of_products(products: NDArray, k: int) -> NDArray[np.float64]:
    """Least-squares coefficients (b, k) of the last column on the first k, from sums of products.

    `products` (b, k or more, m) are those of the columns with each other and, in the last place, with the outcome. The
    pseudo-inverse gives 0 to a template that is constant in the blocks that were drawn.
    """
    inverses = np.linalg.pinv(products[:, :k, :k], rcond=1e-10, hermitian=True)
    return np.einsum("bij,bj->bi", inverses, products[:, :k, -1])


def mediated_shares(raw: NDArray, adjusted: NDArray) -> tuple[NDArray, NDArray]:
    """`share` and `share_along` of `Mediation`, (b,) each, from dipoles (b, 3) without and with templates."""
    length = np.linalg.norm(raw, axis=1)
    return 1 - np.linalg.norm(adjusted, axis=1) / length, 1 - (raw * adjusted).sum(axis=1) / length**2


def percentile_interval(values: NDArray) -> tuple[float, float]:
    """95 % interval of bootstrapped values (b,)."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
