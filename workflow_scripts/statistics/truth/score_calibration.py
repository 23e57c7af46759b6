"""Are scores true probabilities, everywhere on the sky? The dipole of truth minus score, and the calibration error.

The expected calibration error is given by region, without the bias of small samples, and against its null.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.checked_inputs import checked_regions, checked_scores_and_truth
from workflow_scripts.statistics.sky.dipole import Dipole, ScatterSums, robust_dipole
from workflow_scripts.statistics.sky.sky_sums import Additive


@dataclass(frozen=True)
class ResidualSums(Additive):
    """Sums over labelled galaxies of r = t - s, and of s (1 - s), the variance of r if s is a true probability."""

    residuals: ScatterSums
    expected_squares: float

    @classmethod
    def of(cls, scores: ArrayLike, truth: ArrayLike, vectors: ArrayLike) -> "ResidualSums":
        """Sums of scores (n,) and reference labels 0/1 (n,) at unit vectors (n, 3); `ValueError` for other values."""
        s, t = checked_scores_and_truth(scores, truth)
        return cls(ScatterSums.of(t - s, vectors), float((s * (1 - s)).sum()))


@dataclass(frozen=True)
class CalibrationDipole:
    """The dipole of r = t - s, and its mean.

    `residuals` is a `robust_dipole`, which allows for more doubtful galaxies in some places than in others. `mean_z` is
    the sum of r in units of its error if all scores were true probabilities (NaN where all scores are 0 or 1), with its
    two-sided `mean_p`.
    """

    residuals: Dipole
    mean_z: float
    mean_p: float


def calibration_dipole(sums: ResidualSums) -> CalibrationDipole:
    """Does truth minus score depend on position?

    It does not where scores are calibrated everywhere, whatever the dipole of the truth. `mean_z` = sum r /
    sqrt(sum s (1 - s)). Raises `ValueError` as `robust_dipole`.
    """
    return CalibrationDipole(robust_dipole(sums.residuals), *calibration_mean_test(sums))


def calibration_mean_test(sums: ResidualSums) -> tuple[float, float]:
    """`mean_z` and `mean_p` of a `CalibrationDipole`, which need no dipole."""
    total = sums.residuals.values.total
    z = total / np.sqrt(sums.expected_squares) if sums.expected_squares > 0 else float("nan")
    return float(z), float(2 * stats.norm.sf(abs(z)))


# Score cells a bin: galaxies of one cell are taken to have the same score when labels are drawn anew.
CELLS_PER_BIN = 20

# Cells drawn at once: 32 MB of counts, whatever the number of drawings.
_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class ScoreCells(Additive):
    """Labelled galaxies by region and score: numbers and sums of each cell, (regions, cells); additive.

    Cells divide each of the equal score bins into `CELLS_PER_BIN`. A region may be a pixel, or the whole sky.
    """

    counts: NDArray[np.float64]
    scores: NDArray[np.float64]
    truths: NDArray[np.float64]
    squared_residuals: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        scores: ArrayLike,
        truth: ArrayLike,
        n_bins: int = 10,
        regions: ArrayLike | None = None,
        n_regions: int = 1,
    ) -> "ScoreCells":
        """Bin scores (n,) and reference labels 0/1 (n,), by region numbers (n,) where there are regions.

        A score on the border of two bins belongs to the upper one, 1 to the last. Raises `ValueError` for other values,
        region numbers outside 0 ... n_regions - 1, or without bins.
        """
        s, t = checked_scores_and_truth(scores, truth)
        if n_bins < 1 or n_regions < 1:
            raise ValueError("there must be at least one score bin and one region")
        region = checked_regions(np.zeros(len(s)) if regions is None else regions, len(s), n_regions)
        cells = n_bins * CELLS_PER_BIN
        cell = np.minimum((s * cells).astype(np.int64), cells - 1) + cells * region

        def binned(values: NDArray) -> NDArray[np.float64]:
            flat = np.bincount(cell, weights=values, minlength=n_regions * cells)
            return np.asarray(flat, float).reshape(n_regions, cells)

        return cls(binned(np.ones(len(s))), binned(s), binned(t), binned((t - s) ** 2))

    def all_regions(self) -> "ScoreCells":
        """The same galaxies as one region."""
        return ScoreCells(*(getattr(self, sums.name).sum(axis=0, keepdims=True) for sums in fields(self)))


@dataclass(frozen=True)
class CalibrationError:
    """Expected calibration error of each region, (regions,); NaN where a region has no galaxies.

    `ece` = sum n_b/N |tbar_b - sbar_b| is never below `ece_if_calibrated`, its mean over labels drawn from the scores,
    by more than chance. `squared` estimates sum n_b/N (mean of t - s in b)^2 without that bias and may be negative;
    `debiased` is its root, 0 where it is negative. `p` is the share of drawings whose ECE is at least as large.
    `n` counts galaxies; `squared` leaves those out that are alone in their bin.
    """

    ece: NDArray[np.float64]
    ece_if_calibrated: NDArray[np.float64]
    p: NDArray[np.float64]
    squared: NDArray[np.float64]
    n: NDArray[np.int64]

    @property
    def debiased(self) -> NDArray[np.float64]:
        """Root of `squared`, 0 where that is negative."""
        return np.sqrt(np.maximum(self.squared, 0.0))


def calibration_error(cells: ScoreCells, drawings: int, seed: int) -> CalibrationError:
    """ECE by region, without its bias, and against labels drawn from the scores (t* ~ Bernoulli(s)).

    The bias of (rbar_b)^2, r = t - s, is the variance of rbar_b, of which sum (r - rbar)^2 / (n_b (n_b - 1)) is an
    unbiased estimate. (tbar (1 - tbar)/(n_b - 1), as in Kumar, Liang & Ma 2019, arXiv:1909.10155, for scores that are
    the same throughout a bin, is larger by the variance of the true probabilities over n_b - 1.) Labels are drawn cell
    by cell with the mean score of the cell.

    Parameters
    ----------
    cells
        galaxies by region and score.
    drawings, seed
        number of drawings (1 or more), and of the random sequence.

    Raises
    ------
    ValueError
        without galaxies or drawings.
    """
    if not cells.counts.sum() > 0:
        raise ValueError("there are no labelled galaxies")
    if drawings < 1:
        raise ValueError("at least one drawing is needed for a p-value")
    n_regions = len(cells.counts)
    counts = _bins(cells.counts)
    total = counts.sum(axis=1)
    gaps = _bins(cells.truths - cells.scores)
    with np.errstate(divide="ignore", invalid="ignore"):
        ece = np.abs(gaps).sum(axis=1) / total
        mean_gap = gaps / counts
        scatter = (_bins(cells.squared_residuals) - gaps * mean_gap) / (counts - 1)
        enough = counts > 1
        unbiased = np.where(enough, counts * mean_gap**2 - scatter, 0.0).sum(axis=1)
        squared = unbiased / np.where(enough, counts, 0.0).sum(axis=1)
    filled = np.flatnonzero(cells.counts.ravel() > 0)
    number = cells.counts.ravel()[filled].astype(np.int64)
    probability = np.clip(cells.scores.ravel()[filled] / number, 0.0, 1.0)
    # Filled cells are in the order of their bins, so sums over bins are sums over runs of cells.
    starts = np.flatnonzero(np.diff(filled // CELLS_PER_BIN, prepend=-1))
    bin_region = filled[starts] // CELLS_PER_BIN // counts.shape[1]
    region_starts = np.flatnonzero(np.diff(bin_region, prepend=-1))
    region_total = total[bin_region[region_starts]]
    random = np.random.default_rng(seed)
    mean, as_large = np.zeros(n_regions), np.zeros(n_regions)
    chunk = max(1, _CELLS_AT_ONCE // len(filled))
    for start in range(0, drawings, chunk):
        size = (min(chunk, drawings - start), len(filled))
        drawn = random.binomial(number, probability, size) - number * probability
        gap = np.abs(np.add.reduceat(drawn, starts, axis=1))
        null = np.add.reduceat(gap, region_starts, axis=1) / region_total
        mean[bin_region[region_starts]] += null.sum(axis=0) / drawings
        as_large[bin_region[region_starts]] += (null >= ece[bin_region[region_starts]] * (1 - 1e-9)).sum(axis=0)
    empty = total == 0
    return CalibrationError(
        ece,
        np.where(empty, np.nan, mean),
        np.where(empty, np.nan, (as_large + 1) / (drawings + 1)),
        squared,
        total.astype(np.int64),
    )


def _bins(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cells (regions, cells) summed into bins (regions, bins)."""
    return cells.reshape(len(cells), -1, CELLS_PER_BIN).sum(axis=2)
