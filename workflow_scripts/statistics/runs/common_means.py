"""What networks have in common: a mean dipole against reference labels, and a mean fraction against the expected one.

d_0 of d_u = d_0 + e_u, with e_u independent between units (footprints, or training sets), is known no better than the
galaxies that all networks annotate: their noise is in every d_u alike, and no number of networks averages it away. It
is so with a fraction, too, which may be expected to be one half, as for handedness.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.runs.contrasts import NumberTest
from workflow_scripts.statistics.runs.lengths import VectorTest, unit_vector, vector_length

FEWEST_UNITS = 5


def common_dipole(values: ArrayLike, galaxy_covariance: ArrayLike) -> VectorTest:
    """Test whether the mean of the units' dipoles is zero.

    V = S/n + G with S the covariance of the units and G that of the galaxies. T^2 (nu - d + 1) / (d nu) is about F with
    (d, nu - d + 1) degrees of freedom, d = 3 or the components that a sky constrains; without G that is Hotelling's T^2
    of one sample. nu = (n - 1) (tr V^2 + (tr V)^2) / (tr S_n^2 + (tr S_n)^2) with S_n = S/n is that of Nel & van der
    Merwe (1986, Commun. Stat. Theory Methods 15, 3719), G known. The one that does not depend on the axes
    (Krishnamoorthy & Yu 2004) rejects 9 % at the level of 5 % for five units and small G, this one 2 to 5 %.

    Parameters
    ----------
    values
        (n, d): dipole of label minus reference label of each unit.
    galaxy_covariance
        (d, d): what the finite number of annotated galaxies adds to all units alike; zeros where there is nothing.

    Raises
    ------
    ValueError
        for fewer than five units, values that are not finite, a galaxy covariance that is none, or no scatter at all.
    """
    values, galaxies = np.asarray(values, float), np.asarray(galaxy_covariance, float)
    if values.ndim != 2 or not 1 <= values.shape[1] <= 3 or galaxies.shape != (values.shape[1],) * 2:
        raise ValueError("a dipole has up to three components, and the galaxies' covariance is a matrix of as many")
    if not (np.isfinite(values).all() and np.isfinite(galaxies).all()):
        raise ValueError("a unit has no dipole, or the galaxies' noise is not known")
    if not np.allclose(galaxies, galaxies.T) or np.linalg.eigvalsh(galaxies)[0] < -1e-9 * np.trace(galaxies):
        raise ValueError("the covariance of the galaxies must be symmetric, and no variance below zero")
    n, d = values.shape
    if n < FEWEST_UNITS:
        raise ValueError(f"{n} training sets are too few to know the scatter of a dipole: {FEWEST_UNITS} are needed")
    estimate, scatter = values.mean(axis=0), np.cov(values.T).reshape(d, d) / n
    covariance = scatter + galaxies
    variances = np.linalg.eigvalsh(covariance)
    if not variances[0] > 1e-12 * variances[-1] > 0:
        raise ValueError("the dipoles of the training sets do not scatter: there is nothing to compare with")
    nu = (n - 1) * _squares(covariance) / max(_squares(scatter), 1e-9 * _squares(covariance))
    t_squared = float(estimate @ np.linalg.solve(covariance, estimate))
    dof = (d, nu - d + 1)
    f = t_squared * dof[1] / (d * nu)
    length = vector_length(estimate, covariance, nu)
    return VectorTest(
        estimate=estimate,
        covariance=covariance,
        statistic=f,
        dof=dof,
        p=float(stats.f.sf(f, *dof)),
        size=length.size,
        size_ci95=length.ci95,
        limit95=length.limit95,
        direction=unit_vector(estimate),
    )


def _squares(covariance: NDArray) -> float:
    return float(np.trace(covariance @ covariance) + np.trace(covariance) ** 2)


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
