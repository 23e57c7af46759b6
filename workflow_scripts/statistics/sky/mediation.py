"""How much of a dipole goes away beside imaging templates: regressions of labels, from products within blocks of sky.

Least squares is linear in the outcome, and all runs label the same galaxies: a coefficient of y_A - y_B is that of y_A
minus that of y_B. So coefficients are numbers of runs, with training sets as replicates, and the share of a dipole that
goes away beside templates can be had for two networks or for the means of many runs, and resampled over runs as well as
over sky.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION
from workflow_scripts.statistics.sky.regression import standardised_templates

FEWEST_BLOCKS = 12


@dataclass(frozen=True)
class TemplateRegression:
    """What the regressions of all outcomes of n galaxies share.

    `vectors` (n, d), the d = 3 components or those that a sky constrains, `templates` (n, k) of any unit, `block` (n,)
    numbers of blocks from 0, and `products` (blocks, 1 + d + k, 1 + d + k) of the columns 1, x, y, z and templates
    within each block.
    """

    vectors: NDArray[np.float64]
    templates: NDArray[np.float64]
    block: NDArray[np.int64]
    products: NDArray[np.float64]

    @classmethod
    def of(cls, vectors: ArrayLike, templates: ArrayLike, blocks: ArrayLike) -> "TemplateRegression":
        """`blocks` (n,) of sky. Raises `ValueError` for missing values or templates that determine no coefficient."""
        vectors, templates = np.asarray(vectors, float), np.asarray(templates, float)
        if not (np.isfinite(vectors).all() and np.isfinite(templates).all()):
            raise ValueError("a position or a template is missing or infinite")
        names, block = np.unique(np.asarray(blocks), return_inverse=True)
        columns = np.column_stack([np.ones(len(vectors)), vectors, templates])
        found = cls(vectors, templates, block, _block_products(columns, block, len(names)))
        if not found._determined([0, *range(found.positional, columns.shape[1])]):
            raise ValueError("templates leave a coefficient undetermined")
        return found

    @property
    def positional(self) -> int:
        """The number of columns of intercept and dipole, 1 + d."""
        return 1 + self.vectors.shape[1]

    @property
    def beside_dipole(self) -> bool:
        """Whether position and templates can be separated at all."""
        return self._determined(list(range(self.products.shape[1])))

    def outcome_products(self, outcome: ArrayLike) -> NDArray[np.float64]:
        """Sums (blocks, 1 + d + k) of the columns times an outcome (n,) such as the labels of a run."""
        outcome = np.asarray(outcome, float)
        if outcome.shape != self.block.shape or not np.isfinite(outcome).all():
            raise ValueError("an outcome is missing or infinite")
        n = len(self.products)
        columns = [outcome, *(outcome * column for column in (*self.vectors.T, *self.templates.T))]
        return np.column_stack([np.bincount(self.block, column, n) for column in columns])

    def coefficients(self, sums: NDArray[np.float64], beside_dipole: bool) -> NDArray[np.float64]:
        """Least-squares coefficients (k,) of the templates, beside an intercept or beside intercept and dipole.

        `sums` (blocks, 1 + d + k) are `outcome_products`. Raises `ValueError` where position and templates cannot be
        separated.
        """
        if beside_dipole and not self.beside_dipole:
            raise ValueError("positions and templates leave a coefficient undetermined")
        first = self.positional if beside_dipole else 1
        chosen = [*range(first), *range(self.positional, self.products.shape[1])]
        whole = self.products.sum(axis=0)[np.ix_(chosen, chosen)]
        return np.asarray(np.linalg.solve(whole, sums.sum(axis=0)[chosen])[first:], np.float64)

    def blocks_to_resample(self) -> int:
        """The number of blocks; `ValueError` for fewer than 12, or where position and templates cannot be separated."""
        if len(self.products) < FEWEST_BLOCKS:
            raise ValueError(f"{len(self.products)} blocks are too few for a bootstrap: it needs {FEWEST_BLOCKS}")
        if not self.beside_dipole:
            raise ValueError("positions and templates leave a coefficient undetermined")
        return len(self.products)

    def _determined(self, columns: list[int]) -> bool:
        whole = self.products.sum(axis=0)[np.ix_(columns, columns)]
        return bool(np.linalg.cond(whole) < LARGEST_CONDITION)


@dataclass(frozen=True)
class Mediation:
    """How much of the dipole of A - B goes away when templates are in the fit.

    `raw` and `adjusted` (d,) are dipoles without and with templates, `share` is 1 - |adjusted| / |raw|. What is left of
    a vector is never of length zero, so this falls short where the templates explain all, and so does its interval;
    `share_along` = 1 - raw . adjusted / |raw|^2 hardly does. Both have 95 % percentile intervals over what was
    resampled, and mean nothing where `raw` cannot be distinguished from zero.
    """

    raw: NDArray[np.float64]
    adjusted: NDArray[np.float64]
    share: float
    share_ci95: tuple[float, float]
    share_along: float
    share_along_ci95: tuple[float, float]
    n_blocks: int

    @classmethod
    def of(cls, products: NDArray[np.float64], positional: int, n_blocks: int) -> "Mediation":
        """From sums of products (1 + b, m, m + 1) of the m columns with each other and with the outcome.

        Of the columns, intercept and dipole are the `positional` first ones. The first sums are observed, the others
        resampled. Raises `ValueError` where one has no dipole to explain.
        """
        raw = _coefficients(products, positional)[:, 1:]
        adjusted = _coefficients(products, products.shape[1])[:, 1:positional]
        length = np.linalg.norm(raw, axis=1)
        if not (length > 0).all():
            raise ValueError("both arms give the same labels, or nearly so: there is no dipole that could be explained")
        share = 1 - np.linalg.norm(adjusted, axis=1) / length
        along = 1 - (raw * adjusted).sum(axis=1) / length**2
        intervals = _percentile_interval(share[1:]), _percentile_interval(along[1:])
        return cls(raw[0], adjusted[0], float(share[0]), intervals[0], float(along[0]), intervals[1], n_blocks)


def mediation(
    vectors: ArrayLike,
    outcome: ArrayLike,
    templates: ArrayLike,
    blocks: ArrayLike,
    bootstraps: int = 1000,
    seed: int = 0,
) -> Mediation:
    """Least squares of A - B on position alone, and on position and templates together, for two networks.

    Parameters
    ----------
    vectors, outcome, templates
        (n, d) unit vectors or their constrained components, (n,) differences y^A - y^B (or of scores), (n, k) templates
        in any unit.
    blocks
        (n,) block of sky of each galaxy. Whole blocks are drawn with replacement, at least 12 of them.

    Raises
    ------
    ValueError
        for missing values, fewer than 12 blocks, an outcome without a dipole, or positions and templates that leave a
        coefficient undetermined.
    """
    vectors = np.asarray(vectors, float)
    standard = standardised_templates(templates, np.ones(len(vectors)))
    regression = TemplateRegression.of(vectors, standard, blocks)
    sums, n_blocks = regression.outcome_products(outcome), regression.blocks_to_resample()
    products = np.concatenate([regression.products, sums[:, :, None]], axis=2)
    drawn = np.random.default_rng(seed).multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=bootstraps)
    resampled = np.tensordot(drawn, products, axes=1)
    return Mediation.of(np.concatenate([products.sum(axis=0)[None], resampled]), regression.positional, n_blocks)


def run_mediation(
    regression: TemplateRegression, first: ArrayLike, second: ArrayLike, bootstraps: int = 999, seed: int = 0
) -> Mediation:
    """Mediation of the difference between two arms, for other training sets and other sky.

    Blocks of sky are drawn with replacement, and, independently, n - 1 of the n training sets of each arm: with n - 1
    the variance of a resampled mean is s^2 / n without bias, where n drawn ones would give (n - 1) / n of it (Rao & Wu
    1988, JASA 83, 231). What a run's own errors on finitely many galaxies add is in both, so intervals err on the wide
    side where that matters.

    Parameters
    ----------
    regression
        of the common galaxies.
    first, second
        (n_a, blocks, 1 + d + k) and (n_b, blocks, 1 + d + k) `outcome_products`, one a training set (seeds averaged).

    Raises
    ------
    ValueError
        for fewer than two training sets in an arm, fewer than 12 blocks, arms that do not differ, or positions and
        templates that cannot be separated.
    """
    arms = [np.asarray(arm, float) for arm in (first, second)]
    if min(len(arm) for arm in arms) < 2:
        raise ValueError(f"arms of {len(arms[0])} and {len(arms[1])} training sets are too few to resample")
    n_blocks, m = regression.blocks_to_resample(), regression.products.shape[1]
    random = np.random.default_rng(seed)
    # The first row is what was observed.
    blocks = np.ones((bootstraps + 1, n_blocks))
    blocks[1:] = random.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=bootstraps)
    outcome = np.zeros((bootstraps + 1, m))
    for arm, sign in zip(arms, (1, -1), strict=True):
        n = len(arm)
        share = np.full((bootstraps + 1, n), 1 / n)
        share[1:] = random.multinomial(n - 1, np.full(n, 1 / n), size=bootstraps) / (n - 1)
        for sums, weight in zip(arm, share.T, strict=True):
            outcome += sign * weight[:, None] * (blocks @ sums)
    products = np.concatenate([np.tensordot(blocks, regression.products, axes=1), outcome[:, :, None]], axis=2)
    return Mediation.of(products, regression.positional, n_blocks)


def _block_products(columns: NDArray, block: NDArray, n_blocks: int) -> NDArray[np.float64]:
    """Sums of products of columns (n, m) within each block: (blocks, m, m)."""
    m = columns.shape[1]
    sums = np.empty((n_blocks, m, m))
    for i in range(m):
        for j in range(i + 1):
            sums[:, i, j] = sums[:, j, i] = np.bincount(block, columns[:, i] * columns[:, j], n_blocks)
    return sums


def _coefficients(products: NDArray, k: int) -> NDArray[np.float64]:
    """Least-squares coefficients (b, k) of the outcome on the first k columns, from `products` (b, m, m + 1).

    The pseudo-inverse gives 0 to a template that is constant in the blocks that were drawn.
    """
    inverses = np.linalg.pinv(products[:, :k, :k], rcond=1e-10, hermitian=True)
    return np.einsum("bij,bj->bi", inverses, products[:, :k, -1])


def _percentile_interval(values: NDArray) -> tuple[float, float]:
    """95 % interval of bootstrapped values (b,)."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
