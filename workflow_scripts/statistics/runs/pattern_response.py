"""Does the pattern that annotations draw on the sky respond to the footprint of the training galaxies, in any way?

Networks trained at either extreme of the imaging may make a larger false dipole than those trained across it: an even
response, which a fit of d_f = d_0 + K a_f does not see. Several kernels between footprints are looked at together and
the largest standardised form decides; the permutation of dipoles over footprints accounts for the choice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.statistics.p_values import upper_p
from workflow_scripts.statistics.runs.footprint_response import footprint_orders
from workflow_scripts.statistics.runs.response_kernels import (
    curve_kernel,
    even_kernel,
    imaging_kernel,
    odd_kernel,
    permuted_forms,
    position_root,
    standardised_forms,
)

FEWEST_FOR_PATTERN, FEWEST_FOR_LIMIT = 6, 8
ODD, EVEN, IMAGING, ALONG = "odd", "even", "imaging", "along the common dipole"
_GRID = np.linspace(-1, 1, 41)


@dataclass(frozen=True)
class AmplitudeCurve:
    """Amplitude of the dipole along the common one by mu, the cosine between the footprint's axis and that direction.

    `mu` (41,) from -1 to 1; `amplitude` with the simultaneous 95 % band `low` ... `high` (Working & Hotelling), in the
    unit of the dipoles; `least` and `largest` are pairs (amplitude, mu) within the mu that footprints span, and
    `change` is their difference, which noise alone makes positive. `change_ci95` begins above 0 where F of no
    change has p < 0.05. `limit95` is the one-sided 95 % upper limit of the change, None below eight footprints: the
    largest of the one-sided t limits of the change between any two mu, each way, which covers at least 95 % for a
    response that is a parabola in mu. `odd_p` and `even_p` are Student's t of the coefficients of mu and of mu^2,
    each by itself; the second is None where it was not fitted. The limit is never below t times the largest
    standard error of such a change, so that noise which happens to be flat excludes nothing that the design could
    not see (as a power constraint does, Cowan et al. 2011, arXiv:1105.3166). `footprint_mu` and
    `footprint_amplitude` (F,) are what was fitted.
    """

    mu: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    least: tuple[float, float]
    largest: tuple[float, float]
    change: float
    change_ci95: tuple[float, float]
    limit95: float | None
    odd_p: float
    even_p: float | None
    footprint_mu: NDArray[np.float64]
    footprint_amplitude: NDArray[np.float64]


@dataclass(frozen=True)
class PatternResponse:
    """The test of any response, and its size.

    `statistic` is the largest standardised form, `parts` are name -> (standardised form, its own permutation p, before
    the choice is accounted for), `deciding` is the part that was largest, in words. `p_permutation` accounts for the
    choice; `p_smallest` is the least that permutations can give. `direction` (3,) is that of the common dipole, and
    `curve` that of the amplitude along it; both are None where the common dipole is not known.
    """

    statistic: float
    p_permutation: float
    p_smallest: float
    parts: dict[str, tuple[float, float]]
    deciding: str
    direction: NDArray[np.float64] | None = None
    curve: AmplitudeCurve | None = None


def pattern_response(
    axes: ArrayLike,
    dipoles: ArrayLike,
    permutations: int,
    seed: int,
    *,
    common: ArrayLike | None = None,
    common_noise: ArrayLike | None = None,
    positions: ArrayLike | None = None,
    imaging: ArrayLike | None = None,
    frame: ArrayLike | None = None,
) -> PatternResponse:
    """Test whether dipoles of footprints respond to where, or on what imaging, networks were trained.

    Parameters
    ----------
    axes
        (F, 3) unit vectors of the footprints.
    dipoles
        (F, d): mean over the runs of each footprint, label minus a reference that is the same for all footprints.
    permutations, seed
        random permutations of dipoles over footprints, beside the observed arrangement; all arrangements where there
        are no more than `permutations`.
    common
        (d,) mean over footprints of the dipole of label minus reference label, or None without reference labels.
    common_noise
        (d, d): what the finite number of galaxies adds to the common dipole, beside the scatter of footprints.
    positions
        (d, d) centred covariance of the positions of the annotated galaxies, C = L L^T. L^T d is what the sky measures
        equally well in every direction. Without it, all directions of the dipole count alike.
    imaging
        (F, t) mean imaging of the training galaxies of each footprint, or None. Where it is the same for all there is
        no such part.
    frame
        (d, 3) unit vectors along which dipoles have their components, where that is not x, y and z.

    Returns
    -------
    PatternResponse
        Parts: `along the common dipole`, R^2 of its amplitude on mu and mu^2 together; `odd` and `even`, the kernels
        a . b and (a . b)^2 - 1/3 for dipoles in any direction; `imaging`, the leading components of the imaging. The
        common dipole, the positions and the scatter of dipoles are the same in every arrangement, so the test is exact
        where footprints are exchangeable without an effect.

    Raises
    ------
    ValueError
        for fewer than six footprints, axes that do not span the sky, dipoles that do not scatter, positions that are
        not a positive definite matrix, or imaging that is not known.
    """
    axes, dipoles = np.asarray(axes, float), np.asarray(dipoles, float)
    n, frame = len(axes), np.eye(3) if frame is None else np.asarray(frame, float)
    if axes.shape != (n, 3) or dipoles.shape != (n, len(frame)):
        raise ValueError(f"axes have three components and dipoles {len(frame)}, a row a footprint")
    if n < FEWEST_FOR_PATTERN:
        raise ValueError(f"{n} footprints are too few to test for a response: {FEWEST_FOR_PATTERN} are needed")
    if not (np.isfinite(axes).all() and np.isfinite(dipoles).all()):
        raise ValueError("a footprint has no dipole to compare")
    if np.linalg.matrix_rank(axes - axes.mean(axis=0), tol=1e-9) < 3:
        raise ValueError("the footprints' axes do not span the sky")
    centred = dipoles - dipoles.mean(axis=0)
    # Rounding alone makes constants scatter a little.
    if not (centred**2).sum() > 1e-24 * (dipoles**2).sum():
        raise ValueError("the dipole does not differ between footprints")
    covariance = np.eye(len(frame)) if positions is None else np.asarray(positions, float)
    measured = centred @ position_root(covariance)
    products = measured @ measured.T
    kernels = {ODD: odd_kernel(axes), EVEN: even_kernel(axes)}
    if imaging is not None and (by_imaging := imaging_kernel(imaging)).any():
        kernels[IMAGING] = by_imaging
    orders, exact = footprint_orders(n, permutations, seed)
    # The arrangement as observed comes first; `orders` hold it already where they are all there are.
    orders = np.vstack([np.arange(n), orders[1:] if exact else orders])
    forms, names = [permuted_forms(np.stack(list(kernels.values())), products, orders)], list(kernels)
    direction = curve = None
    if common is not None:
        direction = common_direction(common, centred, common_noise)
        weight = covariance @ direction
        amplitudes = centred @ weight / (direction @ weight)
        mu = axes @ (direction @ frame)
        forms.append(permuted_forms(curve_kernel(mu)[None], np.outer(amplitudes, amplitudes), orders))
        names.append(ALONG)
        curve = amplitude_curve(mu, amplitudes + float(np.asarray(common, float) @ direction))
    standard = standardised_forms(np.concatenate(forms))
    largest = standard.max(axis=0)
    winner = names[int(standard[:, 0].argmax())]
    if winner == ALONG and curve is not None:
        winner = f"{_odd_or_even(curve)} {ALONG}"
    return PatternResponse(
        statistic=float(largest[0]),
        p_permutation=_share(largest, exact),
        p_smallest=_ties(largest) / len(largest) if exact else 1 / len(largest),
        deciding=winner,
        parts={name: (float(row[0]), _share(row, exact)) for name, row in zip(names, standard, strict=True)},
        direction=None if direction is None else direction @ frame,
        curve=curve,
    )


def common_direction(
    common: ArrayLike, centred: ArrayLike, common_noise: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Unit vector of the common dipole (d,), with components that footprints leave uncertain drawn towards zero.

    (tau^2 I + S)^-1 d_0, where S is the covariance of the mean of the `centred` dipoles (F, d), plus the `common_noise`
    (d, d) of the galaxies that all of them share, and tau^2 what |d_0|^2 has beyond it: the mean of d_0 given a prior
    of variance tau^2. Where all components are known equally well that is the direction of d_0 itself; on a strip it
    does not follow the noise across the strip. Raises `ValueError` for a common dipole that is not finite, or zero.
    """
    common, centred = np.asarray(common, float), np.asarray(centred, float)
    length = float(np.linalg.norm(common))
    if not 0 < length < np.inf:
        raise ValueError("the common dipole has no direction")
    n = len(centred)
    noise = centred.T @ centred / (n - 1) / n
    if common_noise is not None:
        noise = noise + np.asarray(common_noise, float)
    variance = max(0.0, length**2 - float(np.trace(noise))) / len(common)
    prior = variance + 1e-9 * float(np.trace(noise)) + 1e-15 * length**2
    found = np.linalg.solve(prior * np.eye(len(common)) + noise, common)
    return np.asarray(found / np.linalg.norm(found), np.float64)


def amplitude_curve(mu: ArrayLike, amplitudes: ArrayLike) -> AmplitudeCurve:
    """Fit of `amplitudes` (F,) by 1, mu and mu^2; `mu` (F,).

    By 1 and mu alone below eight footprints, or where mu^2 is the same for all; there is no limit then. Raises
    `ValueError` for fewer than five footprints, or where mu is the same for all.
    """
    mu, amplitudes = np.asarray(mu, float), np.asarray(amplitudes, float)
    n = len(mu)
    degree = 2 if n >= FEWEST_FOR_LIMIT and np.linalg.matrix_rank(np.vander(mu, 3), tol=1e-6) == 3 else 1
    design = np.vander(mu, degree + 1, increasing=True)
    if n < 5 or np.linalg.matrix_rank(design, tol=1e-6) <= degree:
        raise ValueError("the footprints lie too much alike about the common dipole to fit a curve")
    coefficients = np.linalg.lstsq(design, amplitudes, rcond=None)[0]
    residual, dof = amplitudes - design @ coefficients, n - degree - 1
    covariance = np.linalg.inv(design.T @ design) * float(residual @ residual) / dof
    by_degree = 2 * stats.t.sf(np.abs(coefficients) / np.sqrt(np.diag(covariance)), dof)
    rows = np.vander(_GRID, degree + 1, increasing=True)
    fitted = rows @ coefficients
    band = np.sqrt((degree + 1) * stats.f.ppf(0.95, degree + 1, dof) * np.einsum("gi,ij,gj->g", rows, covariance, rows))
    spanned = np.unique(np.concatenate([_GRID[(mu.min() < _GRID) & (mu.max() > _GRID)], [mu.min(), mu.max()]]))
    inner = np.vander(spanned, degree + 1, increasing=True)
    value = inner @ coefficients
    lowest, highest = int(value.argmin()), int(value.argmax())
    # The change between any two mu, each way: the largest is the change.
    steps = (inner[:, None] - inner[None]).reshape(-1, degree + 1)
    change = steps @ coefficients
    error = np.sqrt(np.maximum(0.0, np.einsum("gi,ij,gj->g", steps, covariance, steps)))
    low = float((change - np.sqrt(degree * stats.f.ppf(0.95, degree, dof)) * error).max())
    high, limit = (float((change + stats.t.ppf(level, dof) * error).max()) for level in (0.975, 0.95))
    return AmplitudeCurve(
        mu=_GRID.copy(),
        amplitude=fitted,
        low=fitted - band,
        high=fitted + band,
        least=(float(value[lowest]), float(spanned[lowest])),
        largest=(float(value[highest]), float(spanned[highest])),
        change=float(value[highest] - value[lowest]),
        change_ci95=(max(0.0, low), high),
        limit95=limit if degree == 2 else None,
        odd_p=float(by_degree[1]),
        even_p=float(by_degree[2]) if degree == 2 else None,
        footprint_mu=mu,
        footprint_amplitude=amplitudes,
    )


def _odd_or_even(curve: AmplitudeCurve) -> str:
    """Whether more of the fitted curve changes sign with mu than does not."""
    odd = (curve.amplitude - curve.amplitude[::-1]) / 2
    even = (curve.amplitude + curve.amplitude[::-1]) / 2
    return ODD if odd.std() >= even.std() else EVEN


def _share(values: NDArray, exact: bool) -> float:
    """p of the first of the values over arrangements: it is among all of them, and counts itself among random ones."""
    shifted = values - values.min()
    return upper_p(shifted if exact else shifted[1:], float(shifted[0]), exact)


def _ties(values: NDArray) -> int:
    """Arrangements that cannot be decided from the observed one, because turning the axes gives the same axes."""
    return int((np.abs(values - values[0]) <= 1e-9 * max(1.0, abs(values[0]))).sum())
