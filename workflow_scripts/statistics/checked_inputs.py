"""Scores, labels and positions as arrays that the tests can rely on, or one clear sentence why not."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def checked_scores(scores: ArrayLike) -> NDArray[np.float64]:
    """Scores (n,) as floats; `ValueError` where one is NaN or outside 0 ... 1."""
    scores = np.asarray(scores, float)
    if scores.ndim != 1:
        raise ValueError(f"scores must be one a galaxy, not an array of shape {scores.shape}")
    # Written so that NaN fails too.
    if not np.all((scores >= 0) & (scores <= 1)):
        raise ValueError("scores must be between 0 and 1, and none may be missing")
    return scores


def checked_scores_and_truth(scores: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores (n,) in 0 ... 1 and reference labels (n,) of 0/1 as floats; `ValueError` for anything else."""
    s, t = checked_scores(scores), np.asarray(truth, float)
    if s.shape != t.shape:
        raise ValueError(f"scores and reference labels must be of the same galaxies, not {s.shape} and {t.shape}")
    if not np.isin(t, (0.0, 1.0)).all():
        raise ValueError("reference labels must be 0 or 1, and none may be missing")
    return s, t


def checked_label_pair(labels: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels (n,) and reference labels (n,) as integers; `ValueError` where they are not 0 or 1, or not as many."""
    y, t = np.asarray(labels, float), np.asarray(truth, float)
    if y.shape != t.shape or y.ndim != 1:
        raise ValueError(f"labels and reference labels must be of the same galaxies, not {y.shape} and {t.shape}")
    if not (np.isin(y, (0.0, 1.0)).all() and np.isin(t, (0.0, 1.0)).all()):
        raise ValueError("labels and reference labels must be 0 or 1, and none may be missing")
    return y.astype(np.int64), t.astype(np.int64)


def checked_vectors(vectors: ArrayLike, n: int) -> NDArray[np.float64]:
    """Unit vectors (n, 3) as floats; `ValueError` for another shape, a missing number or another length than 1."""
    vectors = np.asarray(vectors, float)
    if vectors.shape != (n, 3):
        raise ValueError(f"{n} galaxies need unit vectors ({n}, 3), not {vectors.shape}")
    # Written so that NaN fails too; positions stored in single precision pass.
    if not np.all(np.abs((vectors**2).sum(axis=1) - 1) < 1e-5):
        raise ValueError("positions must be unit vectors, and none may be missing")
    return vectors


def checked_regions(regions: ArrayLike, n: int, n_regions: int) -> NDArray[np.int64]:
    """Region numbers (n,) as integers in 0 ... n_regions - 1; `ValueError` for anything else."""
    regions = np.asarray(regions)
    # Also refuses NaN and fractions, which are not equal to any integer.
    if regions.shape != (n,) or not np.isin(regions, np.arange(n_regions)).all():
        raise ValueError(f"region numbers must be one a galaxy, between 0 and {n_regions - 1}")
    return regions.astype(np.int64)
