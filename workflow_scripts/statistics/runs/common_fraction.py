"""The fraction that networks have in common against the expected one, such as one half for handedness.

Like the common dipole, it is known no better than the galaxies that all networks annotate.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from workflow_scripts.statistics.runs.common_dipole import FEWEST_UNITS
from workflow_scripts.statistics.runs.contrasts import NumberTest


def common_fraction(values: ArrayLike, galaxy_variance: float, expected: float) -> NumberTest:
    """Test whether the mean fraction of the units is the expected one.

    V = s^2/n + g with s^2 the variance of the units and g that of the galaxies, known; t = (mean - expected) / sqrt(V)
    has (n - 1) (V / (s^2/n))^2 degrees of freedom (Satterthwaite 1946, Biometrics Bull. 2, 110).

    Parameters
    ----------
    values
        (n,): annotated fraction of each unit (footprints, or training sets).
    galaxy_variance
        what the finite number of annotated galaxies adds to all units alike; 0 where there is nothing.

    Raises
    ------
    ValueError
        for fewer than five units, values that are not finite, an expected fraction that is not between 0 and 1, or no
        scatter at all.
    """
    values = np.asarray(values, float)
    if not 0 < expected < 1:
        raise ValueError(f"the expected fraction is {expected:g}, and must be between 0 and 1")
    if values.ndim != 1 or not np.isfinite(values).all() or not galaxy_variance >= 0:
        raise ValueError("a unit has no fraction, or the galaxies' noise is not known")
    n = len(values)
    if n < FEWEST_UNITS:
        raise ValueError(f"{n} training sets are too few to know the scatter of a fraction: {FEWEST_UNITS} are needed")
    scatter = float(values.var(ddof=1)) / n
    variance = scatter + galaxy_variance
    if not variance > 0:
        raise ValueError("the fractions of the training sets do not scatter: there is nothing to compare with")
    estimate, se = float(values.mean()) - expected, float(np.sqrt(variance))
    dof = (n - 1) * (variance / max(scatter, 1e-9 * variance)) ** 2
    half, one_sided = (float(stats.t.ppf(level, dof)) * se for level in (0.975, 0.95))
    t = estimate / se
    return NumberTest(
        estimate=estimate,
        se=se,
        ci95=(estimate - half, estimate + half),
        limit95=abs(estimate) + one_sided,
        statistic=t,
        dof=float(dof),
        p=float(2 * stats.t.sf(abs(t), dof)),
    )
