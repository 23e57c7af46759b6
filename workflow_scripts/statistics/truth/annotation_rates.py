"""How often galaxies of each class are called positive, as a function of position and imaging; and mocks drawn with it.

Rates are linear in the columns of a design, like a linear probability model, and cut off at 0 and 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION


@dataclass(frozen=True)
class AnnotationRates:
    """Coefficients (p,) on a design of the share of true positives and of true negatives that are called positive."""

    true_positive: NDArray[np.float64]
    false_positive: NDArray[np.float64]

    @classmethod
    def of(cls, labels: ArrayLike, truth: ArrayLike, design: ArrayLike) -> "AnnotationRates":
        """Least squares from labels (n,), 0 to 1, and reference labels (n,), 0 or 1, on a design (n, p).

        Raises `ValueError` where a class has too few galaxies to determine all coefficients.
        """
        labels, truth, design = np.asarray(labels, float), np.asarray(truth, float), np.asarray(design, float)
        found = []
        for kind, name in ((1.0, "positive"), (0.0, "negative")):
            rows = design[truth == kind]
            if len(rows) <= rows.shape[1] or not np.linalg.cond(rows.T @ rows) < LARGEST_CONDITION:
                raise ValueError(
                    f"{len(rows)} galaxies that are truly {name} do not determine {rows.shape[1]} coefficients"
                )
            found.append(np.linalg.lstsq(rows, labels[truth == kind], rcond=None)[0])
        return cls(*found)

    def probabilities(self, truth: ArrayLike, design: ArrayLike) -> NDArray[np.float64]:
        """Probability (n,) to be called positive, of galaxies with a true label or a probability (n,), 0 to 1."""
        truth, design = np.asarray(truth, float), np.asarray(design, float)
        rates = [np.clip(design @ coefficients, 0.0, 1.0) for coefficients in (self.true_positive, self.false_positive)]
        return truth * rates[0] + (1 - truth) * rates[1]


def shifted_probabilities(truth: ArrayLike, shift: ArrayLike) -> NDArray[np.float64]:
    """Probability (n,) to be called positive where only a shift (n,) of the fraction is known, and no error rates.

    The fewest labels change: upwards by s, a negative becomes positive with probability s / (1 - f), downwards a
    positive negative with -s / f, f being the mean of `truth` (n,), labels or probabilities. Raises `ValueError` where
    all are 0, or all 1.
    """
    truth, shift = np.asarray(truth, float), np.asarray(shift, float)
    f = truth.mean()
    if not 0 < f < 1:
        raise ValueError("all true labels are the same: there are none to change")
    up, down = np.clip(shift / (1 - f), 0.0, 1.0), np.clip(-shift / f, 0.0, 1.0)
    return truth * (1 - down) + (1 - truth) * up


def inverse_fraction_weights(
    expected: ArrayLike, correction: ArrayLike, smallest: float = 0.01
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Weights (n,) of positive and of negative galaxies with which the fraction has its correction in it.

    With the expected fraction f (n,) and the correction c: (f + c) / f and (1 - f - c) / (1 - f), so that at every
    place the weights have the mean 1 and the weighted positives the mean f + c. Fractions are kept `smallest` from 0
    and 1; the number says of how many galaxies one was not.
    """
    given = np.asarray(expected, float)
    before = np.clip(given, smallest, 1 - smallest)
    after = np.clip(given + np.asarray(correction, float), smallest, 1 - smallest)
    cut = (before != given) | (after != given + np.asarray(correction, float))
    return after / before, (1 - after) / (1 - before), int(cut.sum())


@dataclass(frozen=True)
class MeanRates:
    """Mean rates of an annotation, and Youden's J = TPR - FPR with its variance: a true dipole is seen J times."""

    true_positive_rate: float
    false_positive_rate: float
    youden_variance: float

    @classmethod
    def of(cls, labels: ArrayLike, truth: ArrayLike) -> "MeanRates":
        """From labels (n,), 0 to 1, and reference labels (n,), NaN where there is none.

        Raises `ValueError` for fewer than two galaxies of a class.
        """
        labels, truth = np.asarray(labels, float), np.asarray(truth, float)
        groups = [labels[truth == kind] for kind in (1.0, 0.0)]
        if min(map(len, groups)) < 2:
            raise ValueError("fewer than two galaxies of a class have a reference label: error rates are unknown")
        variance = sum(group.var(ddof=1) / len(group) for group in groups)
        return cls(float(groups[0].mean()), float(groups[1].mean()), float(variance))

    @property
    def youden(self) -> float:
        """TPR - FPR."""
        return self.true_positive_rate - self.false_positive_rate

    def undiluted(
        self, beta: NDArray[np.float64], covariance: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The dipole (k,) of the truth that makes a dipole `beta` of annotations, and its covariance (delta method).

        Rogan & Gladen 1978, Am. J. Epidemiol. 107, 71. Raises `ValueError` where J is within three errors of zero.
        """
        j = self.youden
        if not j > 3 * np.sqrt(self.youden_variance):
            raise ValueError(
                "the annotations hardly follow the reference labels, so that they say nothing of the truth"
            )
        return beta / j, (covariance + np.outer(beta, beta) * self.youden_variance / j**2) / j**2
