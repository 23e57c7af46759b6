"""Why two parts of the sky have different fractions of positive labels: the galaxies, or the network's errors.

With s the true fraction, T the true-positive and F the false-positive rate, the fraction of positive labels is
m = s T + (1 - s) F. Everything starts from counts of labelled galaxies, which add up over disjoint sets of galaxies.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workflow_scripts.statistics.fractions import homogeneity


@dataclass(frozen=True)
class ErrorCounts:
    """Labelled galaxies by truth and label: true positives, false negatives, false positives, true negatives."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int

    @property
    def positives(self) -> int:
        """Galaxies that are truly positive."""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        """Galaxies that are truly negative."""
        return self.false_positives + self.true_negatives

    @property
    def n(self) -> int:
        """All labelled galaxies."""
        return self.positives + self.negatives

    def rates(self) -> NDArray[np.float64]:
        """(s, T, F): true fraction, true-positive rate, false-positive rate; `ValueError` where one is undefined."""
        if min(self.positives, self.negatives) < 1:
            raise ValueError("a part of the sky has no galaxies of one of the classes: its error rates are undefined")
        hits, alarms = self.true_positives / self.positives, self.false_positives / self.negatives
        return np.array([self.positives / self.n, hits, alarms])

    def rate_variances(self) -> NDArray[np.float64]:
        """Binomial variances of (s, T, F). They are uncorrelated: T and F are binomial whatever s turned out to be."""
        rates = self.rates()
        return rates * (1 - rates) / np.array([self.n, self.positives, self.negatives])


@dataclass(frozen=True)
class ErrorDecomposition:
    """Difference (first minus second) of the fractions of positive labels, and its three terms, with standard errors.

    `truth` = (T - F) ds: other galaxies. `sensitivity` = s dT and `false_alarms` = (1 - s) dF: other errors. Rates
    without d are means of the two regions, so that the terms add up to `difference` without remainder. `covariance`
    (3, 3) is of the terms in this order; `p_bias` is for dT = dF = 0.
    """

    difference: float
    truth: float
    sensitivity: float
    false_alarms: float
    covariance: NDArray[np.float64]
    bias: float
    bias_se: float
    chi2_bias: float
    p_bias: float

    @property
    def se(self) -> NDArray[np.float64]:
        """Standard errors of the three terms."""
        return np.sqrt(np.diag(self.covariance))


def decompose_difference(first: ErrorCounts, second: ErrorCounts) -> ErrorDecomposition:
    """Take m_1 - m_2 apart into true difference and bias (dm = (T - F) ds + s dT + (1 - s) dF).

    For finite differences the products of d's do not vanish; with the means of the two regions in front (Kitagawa 1955,
    JASA 50, 1168, for a rate that is a product) they cancel, and the sum is exact. Standard errors are by the delta
    method from binomial s, T and F of each region; the sum of their covariances is then the binomial one of m_1 - m_2.
    `bias` is the sum of the last two terms. `chi2_bias` tests dT = dF = 0 with pooled rates: chi-square with two
    degrees of freedom, one for each rate that is not 0 or 1 throughout (both are: p = 1).

    Raises
    ------
    ValueError
        where a region has no galaxies of one of the true classes.
    """
    (s1, t1, f1), (s2, t2, f2) = first.rates(), second.rates()
    s, t, f = (s1 + s2) / 2, (t1 + t2) / 2, (f1 + f2) / 2
    ds, dt, df = s1 - s2, t1 - t2, f1 - f2
    terms = np.array([(t - f) * ds, s * dt, (1 - s) * df])
    # Derivatives of the terms by (s, T, F) of the first region; of the second the d's change sign.
    means = np.array([[0, ds / 2, -ds / 2], [dt / 2, 0, 0], [-df / 2, 0, 0]])
    changes = np.diag([t - f, s, 1 - s])
    covariance = np.zeros((3, 3))
    for counts, sign in ((first, 1), (second, -1)):
        slope = means + sign * changes
        covariance += slope @ np.diag(counts.rate_variances()) @ slope.T
    chi2, dof = _equal_rates(first, second)
    bias = np.array([0.0, 1.0, 1.0])
    return ErrorDecomposition(
        difference=float(terms.sum()),
        truth=float(terms[0]),
        sensitivity=float(terms[1]),
        false_alarms=float(terms[2]),
        covariance=covariance,
        bias=float(terms[1:].sum()),
        bias_se=float(np.sqrt(bias @ covariance @ bias)),
        chi2_bias=chi2,
        p_bias=float(stats.chi2.sf(chi2, dof)) if dof else 1.0,
    )


def _equal_rates(first: ErrorCounts, second: ErrorCounts) -> tuple[float, int]:
    """Pearson's chi-square of equal T plus that of equal F, each with its pooled rate; and the degrees of freedom."""
    chi2, dof = 0.0, 0
    for k1, n1, k2, n2 in (
        (first.true_positives, first.positives, second.true_positives, second.positives),
        (first.false_positives, first.negatives, second.false_positives, second.negatives),
    ):
        if 0 < k1 + k2 < n1 + n2:
            chi2 += homogeneity([k1, k2], [n1, n2])[0]
            dof += 1
    return chi2, dof


def balanced_accuracy(counts: ErrorCounts) -> float:
    """(T + 1 - F)/2, mean of the true-positive and the true-negative rate.

    Raises `ValueError` without galaxies of one of the true classes.
    """
    _, t, f = counts.rates()
    return float((t + 1 - f) / 2)
