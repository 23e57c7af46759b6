"""Do labels follow the imaging in the same way in all groups of galaxies (labellers, cameras, merged catalogs)?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.logistic import fisher_scoring
from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION

# Fewer positive or negative galaxies than this a coefficient say little, and make it infinite now and then.
_FEWEST_A_COEFFICIENT = 10


@dataclass(frozen=True)
class GroupCoefficients:
    """Coefficients of the templates by group: `gamma` and `se` (groups, k), in log odds for a standard deviation.

    The standard deviation is that of all galaxies. `groups` are the numbers of those fitted, the others having too few
    galaxies. `q` (k,) is chi-square with `dof` degrees of freedom where all of these have the same coefficient, and `p`
    its p.
    """

    groups: NDArray[np.int64]
    gamma: NDArray[np.float64]
    se: NDArray[np.float64]
    q: NDArray[np.float64]
    dof: int
    p: NDArray[np.float64]

    def clearest_difference(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The difference (k,) of the two groups that differ by most standard errors, and a limit on any difference.

        The largest difference itself would be the noise of the smallest group. The 95 % limit is the largest |gamma_a -
        gamma_b| + 1.645 se of all pairs: it is above that of the pair that truly differs most, which alone covers.
        """
        first, second = np.triu_indices(len(self.groups), 1)
        differences = np.abs(self.gamma[first] - self.gamma[second])
        errors = np.hypot(self.se[first], self.se[second])
        limits = differences + float(stats.norm.ppf(0.95)) * errors
        clearest = (differences / errors).argmax(axis=0)
        return differences[clearest, np.arange(len(clearest))], limits.max(axis=0)


def coefficients_by_group(
    vectors: ArrayLike, labels: ArrayLike, templates: ArrayLike, groups: ArrayLike
) -> GroupCoefficients:
    """Logistic fits of each group on a dipole and the templates, and Cochran's test of equal coefficients (1954).

    A galaxy is a row: `vectors` (n, 3), `labels` (n,) of 0 and 1, `templates` (n, k), `groups` (n,) numbers. Q = sum_g
    (gamma_g - mean)^2 / se_g^2 about the mean weighted by 1/se_g^2.

    Raises
    ------
    ValueError
        where fewer than two groups can be fitted, or a template is the same everywhere.
    """
    vectors, labels = np.asarray(vectors, float), np.asarray(labels, float)
    columns, number = np.asarray(templates, float), np.asarray(groups, np.int64)
    spread = columns.std(axis=0)
    if not np.all(spread > 1e-12 * np.maximum(1.0, np.abs(columns.mean(axis=0)))):
        raise ValueError("a template is the same everywhere: nothing can depend on it")
    columns = (columns - columns.mean(axis=0)) / spread
    k, fitted = columns.shape[1], []
    for group in np.unique(number):
        rows = number == group
        found = _fit(vectors[rows], labels[rows], columns[rows])
        if found is not None:
            fitted.append((group, *found))
    if len(fitted) < 2:
        raise ValueError(f"{len(fitted)} groups have enough galaxies for coefficients of {k} templates: two are needed")
    names, gamma, se = (np.array(part) for part in zip(*fitted, strict=True))
    weights = 1 / se**2
    mean = (weights * gamma).sum(axis=0) / weights.sum(axis=0)
    q = (weights * (gamma - mean) ** 2).sum(axis=0)
    return GroupCoefficients(names, gamma, se, q, len(fitted) - 1, stats.chi2.sf(q, len(fitted) - 1))


def _fit(vectors: NDArray, labels: NDArray, columns: NDArray) -> tuple[NDArray, NDArray] | None:
    """Coefficients of the templates and their errors (k,); None where the group does not determine them."""
    k = columns.shape[1]
    if min(labels.sum(), len(labels) - labels.sum()) < _FEWEST_A_COEFFICIENT * (k + 4):
        return None
    at = vectors - vectors.mean(axis=0)
    design = np.column_stack([np.ones(len(labels)), columns, at])
    if not np.linalg.cond(design / np.sqrt((design**2).mean(axis=0))) < np.sqrt(LARGEST_CONDITION):
        # A group on a small part of the sky has no dipole.
        design = design[:, : k + 1]
        if not np.linalg.cond(design) < np.sqrt(LARGEST_CONDITION):
            return None
    try:
        found = fisher_scoring(design, labels, np.ones(len(labels)))
    except ValueError:
        return None
    return found.coefficients[1 : k + 1], found.se[1 : k + 1]
