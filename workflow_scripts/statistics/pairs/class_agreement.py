"""Two networks that distinguish two or more classes, on the same galaxies: agreement, and whether they favour classes.

Everything starts from the table of galaxies that A puts into class i and B into class j. Tables add up over disjoint
sets of galaxies. Galaxies are the unit: results hold for these two networks only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, stats
from scipy.sparse.csgraph import connected_components


def agreement_table(codes_a: ArrayLike, codes_b: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """(k, k) numbers of galaxies with class i from A (row) and j from B (column).

    Codes (n,) are 0 ... n_classes - 1, numbers of the classes; `ValueError` for others, or where A and B
    have not the same number of galaxies.
    """
    a, b = np.asarray(codes_a), np.asarray(codes_b)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"A and B must label the same galaxies, not {a.shape} and {b.shape}")
    for codes in (a, b):
        # Also refuses NaN, which is not equal to any integer.
        if not np.isin(codes, np.arange(n_classes)).all():
            raise ValueError(f"class codes must be whole numbers between 0 and {n_classes - 1}")
    flat = a.astype(np.int64) * n_classes + b.astype(np.int64)
    return np.bincount(flat, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.int64)


@dataclass(frozen=True)
class Agreement:
    """Share of galaxies with the same class from both, and Cohen's kappa: agreement beyond chance, 1 at most."""

    agreement: float
    kappa: float
    kappa_se: float

    @property
    def kappa_ci95(self) -> tuple[float, float]:
        """Normal interval of kappa."""
        half = float(stats.norm.ppf(0.975)) * self.kappa_se
        return self.kappa - half, self.kappa + half


def agreement(table: ArrayLike) -> Agreement:
    """Agreement, and Cohen's kappa (1960, Educ. Psychol. Meas. 20, 37) with its large-sample standard error.

    The standard error is that of Fleiss, Cohen & Everitt (1969, Psychol. Bull. 72, 323), which does not assume
    kappa = 0. `table` (k, k) as from `agreement_table`. Raises `ValueError` without galaxies, or where both networks
    put all galaxies into one class: agreement by chance is then complete and kappa undefined.
    """
    counts = _checked_table(table)
    n = counts.sum()
    p = counts / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, chance = float(np.trace(p)), float(rows @ columns)
    if chance >= 1 - 1e-15:
        raise ValueError("both networks put all galaxies into one class: kappa is not defined")
    kappa = (observed - chance) / (1 - chance)
    # Delta method: weight of a galaxy in cell (i, j) in kappa.
    pair = rows[None, :] + columns[:, None]
    diagonal = np.diag(p) @ (1 - np.diag(pair) * (1 - kappa)) ** 2
    off = (1 - kappa) ** 2 * ((p * pair**2).sum() - np.diag(p) @ np.diag(pair) ** 2)
    variance = (diagonal + off - (kappa - chance * (1 - kappa)) ** 2) / (n * (1 - chance) ** 2)
    return Agreement(observed, float(kappa), float(np.sqrt(max(0.0, variance))))


@dataclass(frozen=True)
class TableTest:
    """A chi-square test of a (k, k) table; `dof` 0 and p 1 where the networks never disagree."""

    chi2: float
    dof: int
    p: float


def marginal_homogeneity(table: ArrayLike) -> TableTest:
    """Stuart-Maxwell test: do A and B give every class to the same share of the galaxies?

    d_i = n_i. - n_.i has covariance V under the null, V_ii = n_i. + n_.i - 2 n_ii and V_ij = -(n_ij + n_ji) (Stuart
    1955, Biometrika 42, 412, in the form of Maxwell 1970, Br. J. Psychiatry 116, 651); d^T V^- d is chi-square. V is
    the Laplacian of the graph whose edges are the disagreements, so its rank, the degrees of freedom, is the number of
    classes minus the number of groups of classes without disagreement between them: k - 1 when all are connected. For
    two classes this is McNemar's z^2. Raises `ValueError` for a table that is not square or without galaxies.
    """
    counts = _checked_table(table)
    between = counts + counts.T
    np.fill_diagonal(between, 0.0)
    groups, member = connected_components(sparse.csr_matrix(between), directed=False)
    dof = len(counts) - groups
    if dof == 0:
        return TableTest(0.0, 0, 1.0)
    difference = counts.sum(axis=1) - counts.sum(axis=0)
    laplacian = np.diag(between.sum(axis=1)) - between
    # One class of each group is left out; which one does not matter.
    kept = np.ones(len(counts), bool)
    kept[np.unique(member, return_index=True)[1]] = False
    reduced = laplacian[np.ix_(kept, kept)]
    chi2 = float(difference[kept] @ np.linalg.solve(reduced, difference[kept]))
    return TableTest(chi2, int(dof), float(stats.chi2.sf(chi2, dof)))


def symmetry(table: ArrayLike) -> TableTest:
    """Bowker's test (1948, JASA 43, 572): are galaxies moved from class i to j as often as from j to i?

    sum_{i<j} (n_ij - n_ji)^2 / (n_ij + n_ji); a degree of freedom for each pair of classes with a disagreement. Raises
    `ValueError` for a table that is not square or without galaxies.
    """
    counts = _checked_table(table)
    upper, lower = counts[np.triu_indices(len(counts), 1)], counts.T[np.triu_indices(len(counts), 1)]
    both = upper + lower
    dof = int((both > 0).sum())
    if dof == 0:
        return TableTest(0.0, 0, 1.0)
    chi2 = float(((upper - lower)[both > 0] ** 2 / both[both > 0]).sum())
    return TableTest(chi2, dof, float(stats.chi2.sf(chi2, dof)))


def _checked_table(table: ArrayLike) -> NDArray[np.float64]:
    counts = np.asarray(table, float)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or len(counts) < 2:
        raise ValueError(f"the table must be square with two or more classes, not of shape {counts.shape}")
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise ValueError("numbers of galaxies must be finite and not negative")
    if not counts.sum() > 0:
        raise ValueError("no galaxies to compare")
    return counts
