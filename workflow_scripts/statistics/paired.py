"""Two networks on the same galaxies. Galaxies are the unit here: results hold for these two networks only."""

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class McNemar:
    """Galaxies that only A (`b`) or only B (`c`) calls positive; exact p, and the difference of fractions."""

    b: int
    c: int
    difference: float
    se: float
    z: float
    p: float


def mcnemar(b: int, c: int, n: int) -> McNemar:
    """McNemar's exact test (1947, Psychometrika 12, 153): b ~ Binomial(b + c, 1/2).

    The difference of fractions is (b - c)/n with SE sqrt((pi_d - difference^2)/n), pi_d = (b + c)/n. Raises
    `ValueError` without galaxies; two networks that agree everywhere give p = 1.
    """
    if n < 1:
        raise ValueError("no galaxies to compare")
    difference = (b - c) / n
    se = float(np.sqrt(max(0.0, (b + c) / n - difference**2) / n))
    z = (b - c) / np.sqrt(b + c) if b + c else 0.0
    p = float(stats.binomtest(b, b + c).pvalue) if b + c else 1.0
    return McNemar(b, c, difference, se, float(z), p)
