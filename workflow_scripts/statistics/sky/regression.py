"""Dipole, quadrupole, octopole and imaging templates of a fraction on the sky, fitted together by maximum likelihood.

K_p of the N_p galaxies of pixel p are positive: K_p ~ Binomial(N_p, f_p) with
logit f_p = b0 + beta . v_p + theta . q_p + omega . o_p + gamma . t_p, where v_p is the mean unit vector, q_p the five
real functions of l = 2, o_p the seven of l = 3 (`multipoles`), and t_p templates in standard deviations. A binomial
regression with the logistic link, fitted by Fisher scoring (McCullagh & Nelder 1989, Generalized Linear Models,
chapters 2 and 4). Galaxies enter through pixels only, so the cost does not depend on their number; a pixel with one
galaxy each gives the unbinned fit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import expit

from workflow_scripts.statistics.logistic import LogisticFit, SeparatedError, fisher_scoring
from workflow_scripts.statistics.sky.dipole import LARGEST_CONDITION
from workflow_scripts.statistics.sky.multipoles import octopole_basis, quadrupole_basis
from workflow_scripts.statistics.sky.sky_sums import PixelPositions

# From here on some combination of multipoles and templates is known only with a very large error.
ILL_CONDITIONED = 1e4


@dataclass(frozen=True)
class NestedTest:
    """Two nested models: `statistic` is 2 ln(L1/L0), chi-square with `dof` degrees of freedom under the smaller one."""

    statistic: float
    dof: int
    p: float

    @classmethod
    def of(cls, smaller: float, larger: float, dof: int) -> "NestedTest":
        """From the two maxima of the log likelihood."""
        ratio = max(0.0, 2 * (larger - smaller))
        return cls(ratio, dof, float(stats.chi2.sf(ratio, dof)))


@dataclass(frozen=True)
class SkyGlm:
    """logit f = intercept + beta . v + theta . q + omega . o + gamma . t; see `sky_glm`.

    `covariance` is of (intercept, beta, theta, omega, gamma) in this order; theta and omega are empty where they were
    not fitted. `dispersion` is Pearson's chi-square over its degrees of freedom; it means nothing where pixels hold one
    galaxy. `condition` is of the information matrix.
    """

    intercept: float
    beta: NDArray[np.float64]
    theta: NDArray[np.float64]
    omega: NDArray[np.float64]
    gamma: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_likelihood: float
    dipole: NestedTest
    quadrupole: NestedTest | None
    dipole_given_quadrupole: NestedTest | None
    octopole: NestedTest | None
    dipole_given_octopole: NestedTest | None
    dispersion: float
    condition: float
    converged: bool
    n: int

    @property
    def beta_covariance(self) -> NDArray[np.float64]:
        """Covariance of the dipole (d, d), all else marginalised."""
        stop = 1 + len(self.beta)
        return self.covariance[1:stop, 1:stop]

    @property
    def theta_covariance(self) -> NDArray[np.float64]:
        """Covariance of the quadrupole (5, 5), or (0, 0) where it was not fitted."""
        start = 1 + len(self.beta)
        stop = start + len(self.theta)
        return self.covariance[start:stop, start:stop]

    @property
    def omega_covariance(self) -> NDArray[np.float64]:
        """Covariance of the octopole (7, 7), or (0, 0) where it was not fitted."""
        start = 1 + len(self.beta) + len(self.theta)
        stop = start + len(self.omega)
        return self.covariance[start:stop, start:stop]

    @property
    def gamma_covariance(self) -> NDArray[np.float64]:
        """Covariance of the templates' coefficients (k, k)."""
        start = 1 + len(self.beta) + len(self.theta) + len(self.omega)
        return self.covariance[start:, start:]

    @property
    def ill_conditioned(self) -> bool:
        """Whether some direction is all but degenerate with the others."""
        return self.condition > ILL_CONDITIONED


def standardised_templates(templates: ArrayLike, counts: ArrayLike) -> NDArray[np.float64]:
    """Templates (p, k) with mean 0 and variance 1 over galaxies; `counts` (p,) galaxies a pixel, without zeros.

    Raises `ValueError` for a missing value or a template that is the same everywhere.
    """
    templates, counts = np.asarray(templates, float), np.asarray(counts, float)
    templates = templates.reshape(len(counts), -1)
    if not np.isfinite(templates).all():
        raise ValueError("a template has no value in a pixel that holds galaxies")
    mean = counts @ templates / counts.sum()
    spread = np.sqrt(counts @ (templates - mean) ** 2 / counts.sum())
    if np.any(spread <= 1e-12 * np.maximum(1.0, np.abs(mean))):
        raise ValueError("a template is the same everywhere: nothing can depend on it")
    return (templates - mean) / spread


def sky_glm(
    positions: PixelPositions,
    positives: ArrayLike,
    templates: ArrayLike | None = None,
    lmax: int = 2,
) -> SkyGlm:
    """Fit the binomial model of this module.

    Parameters
    ----------
    positions
        galaxies of each pixel; pixels must be small against the multipoles (a few degrees). Empty ones are left out.
        `along` k axes, where a sky does not constrain all three components, the dipole has k degrees of freedom, and
        `lmax` is 1.
    positives
        (p,) positive galaxies of each pixel.
    templates
        (p, k) mean of each imaging template over the galaxies of each pixel, in any unit; anything in empty pixels.
    lmax
        the highest degree of the final model: 1 the dipole, 2 the quadrupole as well, 3 the octopole as well.

    Returns
    -------
    SkyGlm
        Coefficients are natural logarithms of odds, for the dipole per unit vector and for templates per standard
        deviation; a dipole beta changes the fraction by about f (1 - f) beta. Likelihood-ratio tests hold templates in
        both models: `dipole` (3 dof, without a quadrupole), `quadrupole` (5 dof, given the dipole),
        `dipole_given_quadrupole` (3 dof), `octopole` (7 dof, given dipole and quadrupole) and `dipole_given_octopole`
        (3 dof, given quadrupole and octopole); None beyond `lmax`. At beta = 0 the direction is undefined and the
        amplitude not free to vary alone, so the dipole has three degrees of freedom, not one.

    Raises
    ------
    ValueError
        for labels of one kind, a part of the sky or templates that leave a coefficient undetermined (the condition
        number of the design is above `dipole.LARGEST_CONDITION`), labels that a surface on the sky separates (the
        likelihood has no maximum), or an `lmax` other than 1, 2 or 3.
    """
    d = positions.vectors.shape[1]
    if lmax not in ((1, 2, 3) if d == 3 else (1,)):
        raise ValueError(f"lmax is {lmax}, expected 1, 2 or 3, or 1 for fewer than three components")
    counts, successes, vectors = occupied_pixels(positions, positives)
    standard = np.empty((len(counts), 0))
    if templates is not None:
        rows = np.asarray(templates, float).reshape(len(positions.counts), -1)[positions.counts > 0]
        standard = standardised_templates(rows, counts)
    base = np.column_stack([np.ones(len(counts)), standard])
    blocks = [vectors, *(basis(vectors) for basis in (quadrupole_basis, octopole_basis)[: lmax - 1])]
    design = np.column_stack([base, *blocks])
    if not _is_determined(design, counts):
        raise ValueError(
            "the galaxies lie on too small a part of the sky, or in too few pixels, or templates follow each other: "
            "a coefficient is undetermined"
        )
    # With the dipole and multipoles up to each degree, and without the dipole and the same others.
    fits = [_fit(np.column_stack([base, *blocks[:degree]]), counts, successes) for degree in range(lmax + 1)]
    without = [_fit(np.column_stack([base, *blocks[1:degree]]), counts, successes) for degree in range(2, lmax + 1)]
    final = fits[-1]
    # Counts can hold any number of galaxies, so what is left over is counted in pixels.
    dof = len(counts) - design.shape[1]
    fraction = expit(design @ final.coefficients)
    pearson = ((successes - counts * fraction) ** 2 / (counts * fraction * (1 - fraction))).sum()
    dispersion = float(pearson / dof) if dof > 0 else np.nan
    k = standard.shape[1]
    # Templates were second in the design; they come last in the result.
    order = np.r_[0, 1 + k : design.shape[1], 1 : 1 + k]
    covariance = np.linalg.inv(final.information)[np.ix_(order, order)]
    intercept, beta, theta, omega, gamma = np.split(
        final.coefficients[order], np.cumsum([1, d, 5 * (lmax > 1), 7 * (lmax > 2)])
    )
    return SkyGlm(
        intercept=float(intercept[0]),
        beta=beta,
        theta=theta,
        omega=omega,
        gamma=gamma,
        covariance=covariance,
        log_likelihood=final.log_likelihood,
        dipole=_nested(fits[0], fits[1], d),
        quadrupole=_nested(fits[1], fits[2], 5) if lmax > 1 else None,
        dipole_given_quadrupole=_nested(without[0], fits[2], d) if lmax > 1 else None,
        octopole=_nested(fits[2], fits[3], 7) if lmax > 2 else None,
        dipole_given_octopole=_nested(without[1], fits[3], d) if lmax > 2 else None,
        dispersion=dispersion,
        condition=float(np.linalg.cond(final.information)),
        converged=all(fit.converged for fit in [*fits, *without]),
        n=int(counts.sum()),
    )


def occupied_pixels(positions: PixelPositions, positives: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    """Counts (q,), positives (q,) and mean vectors (q, 3) of the pixels that hold galaxies.

    Raises `ValueError` for positives that are not whole numbers between 0 and the counts, or labels of one kind.
    """
    occupied = positions.counts > 0
    successes = np.asarray(positives, float)
    if successes.shape != occupied.shape:
        raise ValueError(f"{successes.size} numbers of positives do not belong to {occupied.size} pixels")
    counts, successes = positions.counts[occupied].astype(float), successes[occupied]
    if not np.all((successes >= 0) & (successes <= counts)):
        raise ValueError("the positives of a pixel must be between 0 and its number of galaxies")
    if np.any(successes != np.round(successes)):
        raise ValueError("positives that are not whole numbers have no binomial error")
    if not 0 < successes.sum() < counts.sum():
        raise ValueError("all galaxies have the same label: there is nothing that could depend on position")
    return counts, successes, positions.mean_vectors()[occupied]


def highest_degree(positions: PixelPositions) -> int:
    """The highest `lmax`, 0 to 3, that `sky_glm` does not refuse for these positions (without templates)."""
    occupied = positions.counts > 0
    counts, vectors = positions.counts[occupied].astype(float), positions.mean_vectors()[occupied]
    blocks = [vectors, quadrupole_basis(vectors), octopole_basis(vectors)]
    design = np.ones((len(counts), 1))
    for lmax, block in enumerate(blocks):
        design = np.column_stack([design, block])
        if not _is_determined(design, counts):
            return lmax
    return len(blocks)


def _is_determined(design: NDArray, counts: NDArray) -> bool:
    information = design.T @ ((counts / counts.sum())[:, None] * design)
    return bool(np.linalg.cond(information) < LARGEST_CONDITION)


def _fit(design: NDArray, counts: NDArray, successes: NDArray) -> LogisticFit:
    try:
        return fisher_scoring(design, successes, counts)
    except SeparatedError:
        sentence = "a surface on the sky, or a template, separates the labels: the likelihood has no maximum"
        raise ValueError(sentence) from None


def _nested(small: LogisticFit, large: LogisticFit, dof: int) -> NestedTest:
    return NestedTest.of(small.log_likelihood, large.log_likelihood, dof)
