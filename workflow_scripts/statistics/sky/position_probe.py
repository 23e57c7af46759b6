"""Do numbers of galaxies know where these are? A ridge regression of the position, against exchanged blocks of sky.

Rotating all positions at once is no null here: the prediction is linear in x, y, z, so R^2 does not change. Blocks of
sky are exchanged instead: each block's galaxies move together to the place of another block, which leaves what
neighbours share as it is and cuts every tie between the numbers and the place.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

FOLDS = 5
# Of the number of galaxies, the least penalty on standardised columns.
LEAST_PENALTY = 0.01


@dataclass(frozen=True)
class PositionProbe:
    """R^2 of positions predicted in blocks that the regression has not seen; at or below 0 where nothing is known.

    `null` (m,) is R^2 with exchanged blocks, `influence` (b,) of each block of sky on R^2, and `n_columns` those that
    are not constant.
    """

    r2: float
    null: NDArray[np.float64]
    influence: NDArray[np.float64]
    n: int
    n_columns: int

    @property
    def p_permutation(self) -> float:
        """One-sided: share of exchanged skies whose R^2 is as large."""
        return share_as_large(self.r2, self.null)


def share_as_large(value: float, null: NDArray[np.float64]) -> float:
    """Permutation p of a number against those of permuted data (m,), itself counted among them."""
    # Rounding must not make an equal number smaller.
    return float((1 + (null >= value - 1e-12).sum()) / (len(null) + 1))


def position_probe(
    columns: ArrayLike, vectors: ArrayLike, classes: ArrayLike, blocks: ArrayLike, permutations: int, seed: int
) -> PositionProbe:
    """Predict unit vectors linearly from columns, beside the class, in blocks of sky that were left out.

    Ridge regression (Hoerl & Kennard 1970, Technometrics 12, 55) on standardised columns with a penalty of
    max(0.01 n, d), the latter being right for columns that know as much as they have noise; the classes have
    coefficients without a penalty, so that they cannot help: R^2 = 1 - sum |n - n_hat|^2 / sum |n - n_class|^2, n_class
    being predicted from the class alone in the same folds. Folds are of whole blocks (spatial cross-validation: Roberts
    et al. 2017, Ecography 40, 913), chosen at random.

    For the null each block moves as a whole, by the shortest rotation, to the centre of another one. Rotations act
    linearly on sums over a block, so no exchange costs a pass over galaxies.

    Parameters
    ----------
    columns
        (n, d) numbers of the galaxies, such as features of a network.
    vectors
        (n, 3) unit vectors.
    classes, blocks
        (n,) class and block of sky of each galaxy.
    permutations, seed
        number of exchanged skies, and the seed of these and of the folds. The same blocks and seed give the same
        exchanges, whatever the columns.

    Raises
    ------
    ValueError
        for arrays that do not fit, numbers that are not finite, no column that varies, or fewer than `2 * FOLDS`
        blocks.
    """
    columns, vectors = np.asarray(columns, float), np.asarray(vectors, float)
    if columns.ndim != 2 or vectors.shape != (len(columns), 3):
        raise ValueError("columns and positions must be rows of the same galaxies")
    if not (np.isfinite(columns).all() and np.isfinite(vectors).all()):
        raise ValueError("a column or a position is missing or infinite")
    spread = columns.std(axis=0)
    varying = spread > 1e-7 * np.maximum(1e-30, np.abs(columns).max(axis=0))
    if not varying.any():
        raise ValueError("no column varies from galaxy to galaxy")
    scaled = (columns[:, varying] - columns[:, varying].mean(axis=0)) / spread[varying]
    block = np.unique(blocks, return_inverse=True)[1]
    n_blocks = int(block.max()) + 1
    if n_blocks < 2 * FOLDS:
        raise ValueError(f"{n_blocks} blocks of sky are too few for a cross-validation: {2 * FOLDS} are needed")
    of_class = (np.asarray(classes)[:, None] == np.unique(classes)).astype(float)
    random = np.random.default_rng(seed)
    fold = random.permutation(n_blocks) % FOLDS
    moves = [np.arange(n_blocks), *(random.permutation(n_blocks) for _ in range(permutations))]
    rotations = _rotations(np.column_stack([np.bincount(block, one, n_blocks) for one in vectors.T]))
    penalty = max(LEAST_PENALTY * len(columns), float(varying.sum()))
    full = _Regression(np.hstack([of_class, scaled]), vectors, block, fold, of_class.shape[1], penalty)
    base = _Regression(of_class, vectors, block, fold, of_class.shape[1], 0.0)
    left, without = (model.squares(rotations, moves) for model in (full, base))
    r2 = 1 - left / without
    by_block, base_by_block = (np.bincount(block, model.residuals(), n_blocks) for model in (full, base))
    influence = ((1 - r2[0]) * base_by_block - by_block) / base_by_block.sum()
    return PositionProbe(float(r2[0]), r2[1:], influence, len(columns), int(varying.sum()))


class _Regression:
    """Ridge regressions of the position with each fold of blocks left out, as sums over blocks and folds."""

    def __init__(
        self, design: NDArray, vectors: NDArray, block: NDArray, fold: NDArray, free: int, penalty: float
    ) -> None:
        self.design, self.vectors, self.fold, self.block = design, vectors, fold, block
        n_blocks, width = len(fold), design.shape[1]
        order = np.argsort(block, kind="stable")
        starts = np.searchsorted(block[order], np.arange(n_blocks + 1))
        self.products = np.empty((n_blocks, width, 3))
        for number in range(n_blocks):
            rows = order[starts[number] : starts[number + 1]]
            self.products[number] = design[rows].T @ vectors[rows]
        self.grams, self.counts = np.empty((FOLDS, width, width)), np.bincount(fold[block], minlength=FOLDS)
        for number in range(FOLDS):
            inside = design[fold[block] == number]
            self.grams[number] = inside.T @ inside
        # A tiny penalty of classes, for one that a fold has not.
        ridge = np.diag(np.r_[np.full(free, 1e-9), np.full(width - free, penalty)])
        total = self.grams.sum(axis=0)
        self.factors = [linalg.cho_factor(total - gram + ridge) for gram in self.grams]

    def squares(self, rotations: NDArray, moves: list[NDArray]) -> NDArray[np.float64]:
        """Sum of squared residuals (m,) in folds left out, for each way to move the blocks."""
        own = np.arange(len(self.fold))
        in_fold = (self.fold == np.arange(FOLDS)[:, None]).astype(float)
        width = self.design.shape[1]
        found = np.zeros(len(moves))
        for start in range(0, len(moves), 100):
            part = moves[start : start + 100]
            moved = [np.matmul(self.products, rotations[own, move].transpose(0, 2, 1)) for move in part]
            # (folds, moves, width x 3), then (folds, width, moves x 3)
            of_folds = np.stack([in_fold @ one.reshape(len(own), -1) for one in moved], axis=1)
            sums = of_folds.reshape(FOLDS, len(part), width, 3).transpose(0, 2, 1, 3).reshape(FOLDS, width, -1)
            total = sums.sum(axis=0)
            for number, factor in enumerate(self.factors):
                weights = linalg.cho_solve(factor, total - sums[number])
                explained = (weights * (2 * sums[number] - self.grams[number] @ weights)).sum(axis=0)
                found[start : start + len(part)] += self.counts[number] - explained.reshape(-1, 3).sum(axis=1)
        return found

    def residuals(self) -> NDArray[np.float64]:
        """Squared residual (n,) of every galaxy where it is."""
        total, squares = self.products.sum(axis=0), np.empty(len(self.design))
        for number, factor in enumerate(self.factors):
            weights = linalg.cho_solve(factor, total - self.products[self.fold == number].sum(axis=0))
            rows = self.fold[self.block] == number
            squares[rows] = ((self.vectors[rows] - self.design[rows] @ weights) ** 2).sum(axis=1)
        return squares


def _rotations(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shortest rotation (b, b, 3, 3) that takes the direction of each of `sums` (b, 3) to that of each other.

    R = I + K + K^2 / (1 + a.b) with K the cross product with a x b (Rodrigues); opposite directions exchange by a half
    turn about an axis across them.
    """
    centres = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    start, end = centres[:, None], centres[None, :]
    cosine = (start * end).sum(axis=-1)
    x, y, z = np.moveaxis(np.cross(start, end), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*x.shape, 3, 3)
    opposite = cosine < -1 + 1e-9
    found = np.eye(3) + cross + cross @ cross / np.where(opposite, 1.0, 1 + cosine)[..., None, None]
    for one, other in zip(*np.nonzero(opposite), strict=True):
        axis = np.cross(centres[one], np.eye(3)[np.argmin(np.abs(centres[one]))])
        axis /= np.linalg.norm(axis)
        found[one, other] = 2 * np.outer(axis, axis) - np.eye(3)
    return found
