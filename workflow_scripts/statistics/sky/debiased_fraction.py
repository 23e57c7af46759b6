"""A fraction on the sky with its bias taken out: what imaging explains of it, or what labelled galaxies show of it.

Either correction is linear in known columns and added to each galaxy's value, so that every number of the corrected
fraction is a sum of weights times values. Its error follows from blocks of sky left out in turn (a jackknife: Efron &
Stein 1981, Ann. Stat. 9, 586), which allows for values that neighbours share, and from the scatter between training
sets where there are several.

Imaging: x = m + beta . n + gamma . t + e. The coefficients of the templates t are fitted beside the dipole, so that a
true dipole is none of theirs, in other patches of sky than those in which they are applied. Where templates follow a
dipole the error of both grows. A true pattern of a higher degree that templates follow is taken for imaging.

Labelled galaxies: truth minus value is regressed on position (and templates) where the truth is known, and added
everywhere (prediction-powered inference: Angelopoulos et al. 2023, Science 382, 669). It holds whatever the cause of
the bias, if the labelled galaxies are a random part of all.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION
from workflow_scripts.statistics.sky.mediation import TemplateRegression
from workflow_scripts.statistics.sky.multipoles import quadrupole_basis
from workflow_scripts.statistics.sky.regression import standardised_templates
from workflow_scripts.statistics.sky.template_regression import dealt_patches

FEWEST_BLOCKS_OF_CORRECTION = 12


@dataclass(frozen=True)
class DebiasedFraction:
    """A corrected fraction: `values` (n,) = value + `correction` (n,) of each galaxy.

    `expected` (n,) is the fitted fraction before the correction. `coefficients` (q,) are of the columns that the
    correction is made of. `position` (1 + d,) is the monopole and the dipole of the corrected fraction, least squares
    on 1 and the d components of position: f = m + beta . n. `block_scores` (blocks, 1 + d + q) are the influence of
    each block on (position, coefficients); their products are the `covariance`. `variance` is that of one galaxy's
    value about the fit, `excess` (1 or more) by how much the variance of the dipole exceeds that of as many independent
    galaxies, `effective_blocks` the number of blocks as if of equal size.
    """

    values: NDArray[np.float64]
    correction: NDArray[np.float64]
    expected: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    position: NDArray[np.float64]
    block_scores: NDArray[np.float64]
    variance: float
    excess: float
    effective_blocks: float

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Covariance (1 + d + q, 1 + d + q) of (position, coefficients), from blocks of sky left out in turn."""
        n_blocks = len(self.block_scores)
        return (n_blocks - 1) / n_blocks * self.block_scores.T @ self.block_scores


class FractionCorrection(Protocol):
    """What corrects a value (n,) of every galaxy, such as a label or the share of networks that call it positive."""

    @property
    def columns(self) -> NDArray[np.float64]:
        """Columns (n, q) that the correction is linear in."""
        ...

    def corrected(self, values: ArrayLike) -> DebiasedFraction:
        """The corrected values with all errors."""
        ...

    def position_of(self, values: ArrayLike) -> NDArray[np.float64]:
        """Monopole and dipole (1 + d,) of the corrected values alone."""
        ...


@dataclass(frozen=True)
class ImagingCorrection:
    """Regression on templates beside a dipole, fitted in other patches: shared by all values of n galaxies.

    `columns` (n, k) are the templates in standard deviations, `parts` the rows of each fold and `estimators` what gives
    the coefficients (k,) of a fold: (k, 1 + d + k) times the products of the design with values outside it. `weights`
    (n, 1 + d) give the monopole and dipole of corrected values.
    """

    columns: NDArray[np.float64]
    regression: TemplateRegression
    design: NDArray[np.float64]
    parts: list[NDArray[np.int64]]
    estimators: list[NDArray[np.float64]]
    weights: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        vectors: ArrayLike,
        templates: ArrayLike,
        blocks: ArrayLike,
        patches: ArrayLike,
        folds: int = 5,
        seed: int = 0,
    ) -> "ImagingCorrection":
        """From positions (n, d), templates (n, k) in any unit, and a block and a patch (n,) of sky of each galaxy.

        Whole patches are dealt out at random to `folds`. Blocks are for the errors. Raises `ValueError` for missing
        values, too few blocks or patches, or where templates and positions cannot be separated.
        """
        vectors = np.asarray(vectors, float)
        standard = standardised_templates(templates, np.ones(len(vectors)))
        regression = TemplateRegression.of(vectors, standard, blocks)
        _check_blocks(regression)
        if not regression.beside_dipole:
            raise ValueError("templates and position follow each other too closely to be separated")
        design = np.column_stack([np.ones(len(vectors)), vectors, standard])
        first = regression.positional
        fold = dealt_patches(np.asarray(patches), folds, seed)
        parts = [np.flatnonzero(fold == number) for number in range(folds)]
        products = np.array([design[part].T @ design[part] for part in parts])
        estimators = []
        for outside in products.sum(axis=0) - products:
            if not np.linalg.cond(outside) < LARGEST_CONDITION:
                raise ValueError("a template cannot be fitted without one of the folds: drop it")
            estimators.append(np.linalg.inv(outside)[first:])
        on_position = _least_squares(design[:, :first])
        weights = on_position.copy()
        transfers = [
            (on_position[part].T @ standard[part]) @ estimator
            for part, estimator in zip(parts, estimators, strict=True)
        ]
        total = np.sum(transfers, axis=0)
        for part, transfer in zip(parts, transfers, strict=True):
            weights[part] -= design[part] @ (total - transfer).T
        return cls(standard, regression, design, parts, estimators, weights)

    def position_of(self, values: ArrayLike) -> NDArray[np.float64]:
        """Monopole and dipole (1 + d,) of corrected values."""
        return self.weights.T @ np.asarray(values, float)

    def corrected(self, values: ArrayLike) -> DebiasedFraction:
        """Correct values (n,); `coefficients` (k,) are the change for one standard deviation of each template.

        Those are of the fit to all patches. Raises `ValueError` for values that are missing or all the same.
        """
        x = _checked_values(values)
        correction = np.empty(len(x))
        products = np.array([self.design[part].T @ x[part] for part in self.parts])
        for part, estimator, outside in zip(self.parts, self.estimators, products.sum(axis=0) - products, strict=True):
            correction[part] = -self.columns[part] @ (estimator @ outside)
        whole, residuals = _left_out(self.regression, self.design, x)
        first = self.regression.positional
        of_fit = _least_squares(self.design)[:, first:]
        scores = _by_block(self.regression, np.column_stack([self.weights, of_fit]) * residuals[:, None])
        independent = self.weights[:, 1:].T @ self.weights[:, 1:]
        return _found(
            x, correction, self.design @ whole, whole[first:], self.regression, scores, residuals, independent
        )

    def retained_quadrupole(self) -> float:
        """Least share of a true quadrupole that is left in the corrected fraction, over all quadrupoles.

        The correction is linear: of values q its mean is R q, R from the five functions of l = 2 (all three components
        of position are needed). Of a true dipole, which is fitted beside the templates, all is left.
        """
        functions = quadrupole_basis(self.regression.vectors)
        left = np.column_stack([column + self.corrected(column).correction for column in functions.T])
        centred = functions - functions.mean(axis=0)
        share = np.linalg.solve(centred.T @ centred, centred.T @ left)
        return float(np.linalg.eigvalsh((share + share.T) / 2)[0])

    def error_inflation(self) -> float:
        """Largest ratio, over all directions, of the error of the dipole to that of a fit without templates."""
        own = self.weights[:, 1:].T @ self.weights[:, 1:]
        plain = _least_squares(self.design[:, : self.regression.positional])[:, 1:]
        return float(np.sqrt(np.linalg.eigvals(np.linalg.solve(plain.T @ plain, own)).real.max()))


@dataclass(frozen=True)
class LabelledCorrection:
    """Truth minus value, regressed on position and templates where the truth is known: shared by all values.

    `columns` (n, 1 + d + k) are 1, position and templates, `chosen` (m,) the rows of labelled galaxies and `truth` (m,)
    their labels. `weights` are those of `ImagingCorrection`, of values without their correction.
    """

    columns: NDArray[np.float64]
    regression: TemplateRegression
    of_labelled: TemplateRegression
    blocks_of_labelled: NDArray[np.int64]
    chosen: NDArray[np.int64]
    truth: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def of(
        cls, vectors: ArrayLike, templates: ArrayLike | None, blocks: ArrayLike, truth: ArrayLike
    ) -> "LabelledCorrection":
        """From positions (n, d), templates (n, k) or None, blocks (n,) of sky, and `truth` (n,), NaN where unknown.

        Raises `ValueError` for labels other than 0 and 1, too few labelled galaxies or blocks of them, or where these
        leave a coefficient undetermined.
        """
        vectors, truth = np.asarray(vectors, float), np.asarray(truth, float)
        n = len(vectors)
        standard = np.empty((n, 0)) if templates is None else standardised_templates(templates, np.ones(n))
        regression = TemplateRegression.of(vectors, standard, blocks)
        chosen = np.flatnonzero(np.isfinite(truth))
        if not np.isin(truth[chosen], (0.0, 1.0)).all():
            raise ValueError("reference labels of labelled galaxies must be 0 or 1")
        if len(chosen) < 2 * (1 + vectors.shape[1] + standard.shape[1]):
            raise ValueError(f"{len(chosen)} galaxies with a reference label are too few for a correction by position")
        of_labelled = TemplateRegression.of(vectors[chosen], standard[chosen], regression.block[chosen])
        _check_blocks(regression)
        _check_blocks(of_labelled)
        if not (regression.beside_dipole and of_labelled.beside_dipole):
            raise ValueError("the labelled galaxies leave a coefficient of position or of a template undetermined")
        columns = np.column_stack([np.ones(n), vectors, standard])
        on_position = _least_squares(columns[:, : regression.positional])
        numbers = np.unique(regression.block[chosen])
        return cls(columns, regression, of_labelled, numbers, chosen, truth[chosen], on_position)

    def position_of(self, values: ArrayLike) -> NDArray[np.float64]:
        """Monopole and dipole (1 + d,) of corrected values."""
        x = np.asarray(values, float)
        design = self.columns[self.chosen]
        coefficients = np.linalg.lstsq(design, self.truth - x[self.chosen], rcond=None)[0]
        return self.weights.T @ (x + self.columns @ coefficients)

    def corrected(self, values: ArrayLike) -> DebiasedFraction:
        """Correct values (n,); `coefficients` are of 1, position and templates, added to the values.

        Raises `ValueError` for values that are missing or all the same.
        """
        x = _checked_values(values)
        whole, residuals = _left_out(self.regression, self.columns, x)
        design = self.columns[self.chosen]
        added, wrong = _left_out(self.of_labelled, design, self.truth - x[self.chosen])
        of_added = np.zeros((len(self.regression.products), len(added)))
        influence = _least_squares(design)
        of_added[self.blocks_of_labelled] = _by_block(self.of_labelled, influence * wrong[:, None])
        carried = self.weights.T @ self.columns
        of_position = _by_block(self.regression, self.weights * residuals[:, None]) + of_added @ carried.T
        scores = np.column_stack([of_position, of_added])
        dipole = self.weights[:, 1:]
        through = influence @ carried[1:].T
        # Of independent galaxies: those with a label count in both terms, with the scatter that they have.
        both = np.sqrt(np.mean(residuals**2)) * dipole
        both[self.chosen] = dipole[self.chosen] * residuals[self.chosen, None] + through * wrong[:, None]
        independent = both.T @ both / np.mean(residuals**2)
        return _found(
            x, self.columns @ added, self.columns @ whole, added, self.regression, scores, residuals, independent
        )


def _found(
    x: NDArray,
    correction: NDArray,
    expected: NDArray,
    coefficients: NDArray,
    regression: TemplateRegression,
    scores: NDArray[np.float64],
    residuals: NDArray,
    independent: NDArray[np.float64],
) -> DebiasedFraction:
    """The result; `independent` (d, d) times the variance is the covariance of the dipole of independent galaxies."""
    values, d = x + correction, regression.vectors.shape[1]
    position = _least_squares(np.column_stack([np.ones(len(x)), regression.vectors])).T @ values
    variance = float(np.mean(residuals**2))
    sizes = regression.products[:, 0, 0]
    found = DebiasedFraction(
        values, correction, expected, coefficients, position, scores, variance, 1.0, sizes.sum() ** 2 / (sizes**2).sum()
    )
    ratio = np.trace(np.linalg.solve(variance * independent, found.covariance[1 : 1 + d, 1 : 1 + d])) / d
    return DebiasedFraction(**{**vars(found), "excess": max(1.0, float(ratio))})


def _checked_values(values: ArrayLike) -> NDArray[np.float64]:
    x = np.asarray(values, float)
    if not np.isfinite(x).all():
        raise ValueError("a value is missing or infinite")
    if not x.var() > 0:
        raise ValueError("all values are the same: there is nothing to correct")
    return x


def _check_blocks(regression: TemplateRegression) -> None:
    if len(regression.products) < FEWEST_BLOCKS_OF_CORRECTION:
        raise ValueError(
            f"{len(regression.products)} blocks of sky with galaxies are too few for the errors of a correction:"
            f" {FEWEST_BLOCKS_OF_CORRECTION} are needed"
        )


def _least_squares(design: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (n, p) whose products with values (n,) are the least-squares coefficients on a design (n, p)."""
    return np.asarray(np.linalg.solve(design.T @ design, design.T).T, np.float64)


def _by_block(regression: TemplateRegression, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums (blocks, m) of rows (n, m)."""
    n = len(regression.products)
    return np.column_stack([np.bincount(regression.block, column, n) for column in rows.T])


def _left_out(
    regression: TemplateRegression, design: NDArray[np.float64], x: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients (p,) of the fit to all, and residuals (n,) of each galaxy from the fit without its block.

    A sum over a block of weights of the fit times these is what leaving it out changes, exactly.
    """
    sums = _by_block(regression, design * x[:, None])
    rest = regression.products.sum(axis=0) - regression.products
    if not (np.linalg.cond(rest) < LARGEST_CONDITION).all():
        raise ValueError("one block of sky alone determines a coefficient: its error cannot be estimated")
    without = np.linalg.solve(rest, (sums.sum(axis=0) - sums)[:, :, None])[:, :, 0]
    whole = np.linalg.solve(regression.products.sum(axis=0), sums.sum(axis=0))
    return whole, x - (design * without[regression.block]).sum(axis=1)


def template_coefficients_beside(vectors: ArrayLike, templates: ArrayLike, values: ArrayLike) -> NDArray[np.float64]:
    """Coefficients (r, k) of templates (n, k) beside monopole and dipole, of r rows of values (r, n)."""
    vectors, templates = np.asarray(vectors, float), np.asarray(templates, float)
    weights = _least_squares(np.column_stack([np.ones(len(vectors)), vectors, templates]))
    return np.array([weights[:, 1 + vectors.shape[1] :].T @ row for row in np.asarray(values)])
