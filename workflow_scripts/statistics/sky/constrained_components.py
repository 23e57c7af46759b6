"""Which components of a dipole a sky constrains: one gate for all tests, before any of them is read.

A dipole of a fraction f over the whole sky cannot be larger than min(f, 1 - f), since fractions lie between 0 and 1.
Along a direction in which the galaxies hardly spread, noise alone makes larger ones, and so does clustering of the
labels, however many galaxies there are: such a direction is not asked about. On a field of few degrees no direction is
left, and the question is whether the fraction changes across the field (`field_trend`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.statistics.sky.dipole import DipoleEstimate, chi_square_test, dipole
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums

SKY, STRIP, FIELD = "sky", "strip", "field"
# Along a constrained direction the standard error is at most so many times that of as many galaxies all over the sky:
# a rms spread of 3.3 degrees, a declination strip of 11.5.
LARGEST_INFLATION = 10.0
# Beyond this along the best direction (a rms spread of 8.3 degrees, a circle of radius 17), galaxies are in a field.
FIELD_INFLATION = 4.0
# So many standard errors along a constrained direction are a dipole that there can be.
STANDARD_ERRORS = 3.0
_NEAR = np.cos(np.radians(20.0))
_SCALES = ("the share of galaxies that differ", "the smaller of the shares of the two classes")


@dataclass(frozen=True)
class ConstrainedComponents:
    """Principal axes of the galaxies' positions, and which of them hold a component of a dipole that can be measured.

    `axes` (3, 3) are unit vectors, a row each, the best determined first; `se` (3,) the standard errors of the dipole
    along them, uncorrelated where no value depends on position; `se_inflation` (3,) these over that of as many galaxies
    all over the sky; `constrained` (3,) which are asked about. `kind`: `sky` where all three are, `strip` where some
    are, `field` where the galaxies are within a few degrees. `scale` is the size that errors are compared with, and
    `largest` the largest dipole that there can be on this part of the sky (on a field: change across it). `invalid`
    says why a dipole of these galaxies is no evidence, empty where it may be: too few galaxies along every direction.
    `unconstrained` names the others in words.
    """

    axes: NDArray[np.float64]
    se: NDArray[np.float64]
    se_inflation: NDArray[np.float64]
    constrained: NDArray[np.bool_]
    kind: str
    scale: float
    largest: float
    unconstrained: tuple[str, ...] = ()
    invalid: str = ""

    @property
    def kept(self) -> NDArray[np.float64]:
        """The constrained axes (k, 3)."""
        return self.axes[self.constrained]

    def inflation_along(self, axis: NDArray[np.float64]) -> float:
        """Standard error along a unit vector (3,) over that of as many galaxies all over the sky."""
        return self.se_along(axis) / float(self.se[0] / self.se_inflation[0])

    def se_along(self, axis: NDArray[np.float64]) -> float:
        """Standard error of the dipole along a unit vector (3,), where no value depends on position."""
        shares = (self.axes @ axis) ** 2
        # Rounding must not give a part to an axis without any spread.
        used = shares > 1e-12
        return float(np.sqrt(shares[used] @ self.se[used] ** 2))

    def lifted(self, covariance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Covariance (3, 3) of a whole dipole, from that of its constrained components (k, k)."""
        whole = np.diag(self.se**2)
        whole[np.ix_(self.constrained, self.constrained)] = covariance
        return np.asarray(self.axes.T @ whole @ self.axes, np.float64)

    def holds(self, axis: NDArray[np.float64]) -> bool:
        """Whether the component along a unit vector (3,) can be measured, the others being unknown."""
        outside = float(((self.axes[~self.constrained] @ axis) ** 2).sum())
        return outside < 1e-12 or (
            self.inflation_along(axis) <= LARGEST_INFLATION and STANDARD_ERRORS * self.se_along(axis) <= self.scale
        )

    @property
    def sentence(self) -> str:
        """What is unconstrained, as a sentence; empty where nothing is."""
        if self.kind == FIELD:
            return "These galaxies lie in a field too small for a dipole."
        if not self.unconstrained:
            return ""
        return f"These galaxies do not constrain a dipole along {' and '.join(self.unconstrained)}."


def constrained_components(
    positions: PositionSums, variance: float, scale: float, signed_mean: float | None = None
) -> ConstrainedComponents:
    """What a sky constrains, from the positions, the variance of a galaxy's value, and a scale of these values.

    The covariance of a dipole is v M^-1 (see `dipole.centred_regression`); along an eigenvector of C = M/n with the
    eigenvalue c the standard error is sqrt(v/(n c)), and the full sky has c = 1/3. Nothing here depends on which galaxy
    has which value, so that permutation tests of the constrained components stay exact.

    Parameters
    ----------
    positions
        sums over unit vectors of all galaxies.
    variance
        f (1 - f) for labels; times n over the effective number where galaxies have weights.
    scale
        min(f, 1 - f) for labels; for differences of two labels the share of galaxies that differ.
    signed_mean
        of differences, values between -1 and 1, their mean; None for values between 0 and 1.

    Raises
    ------
    ValueError
        for fewer than five galaxies, or a variance or scale of zero (all values are the same).
    """
    if positions.n < 5:
        raise ValueError(f"{positions.n} galaxies are too few for a dipole")
    if not (variance > 0 and scale > 0):
        raise ValueError("all values are the same: there is nothing that could depend on position")
    spread, directions = np.linalg.eigh(positions.centred / positions.n)
    spread, axes = np.maximum(spread[::-1], 0.0), directions.T[::-1]
    with np.errstate(divide="ignore"):
        inflation = np.sqrt(1 / 3 / spread)
    se = inflation * np.sqrt(3 * variance / positions.n)
    if inflation[0] > FIELD_INFLATION:
        # Across a field values change by their whole range at most.
        whole = 1.0 if signed_mean is None else 2.0
        return ConstrainedComponents(axes, se, inflation, np.zeros(3, bool), FIELD, scale, whole)
    wide = inflation <= LARGEST_INFLATION
    constrained, invalid = wide & (se * STANDARD_ERRORS <= scale), ""
    if not constrained.any():
        constrained = wide
        invalid = (
            f"{positions.n:,} galaxies of such values measure a dipole to {se[0]:.2g} at best, more than a third of"
            f" {scale:.3g}, {_SCALES[signed_mean is None]}: they are too few."
        )
    centre = positions.first / np.linalg.norm(positions.first) if positions.first.any() else np.zeros(3)
    words = tuple(_in_words(axis, centre) for axis in axes[~constrained])
    kind = SKY if constrained.all() else STRIP
    largest = largest_dipole(scale, positions, float(spread[constrained].min()), signed_mean)
    return ConstrainedComponents(axes, se, inflation, constrained, kind, scale, largest, words, invalid)


def largest_dipole(
    scale: float, positions: PositionSums, least_spread: float, signed_mean: float | None = None
) -> float:
    """The largest dipole of a whole sky of which galaxies on a part have values as these.

    Of fractions, whose mean over the galaxies is f: f0 + D . n lies between 0 and 1 everywhere, with f0 = f - D . m and
    m the mean position, so that D is min(f, 1 - f)/(1 - |m|) at most, and never above 1/2. Of differences y between -1
    and 1, `scale` is the mean of |y| (or more): it is not below that of x = E(y), and mean(|x|) >= mean(x^2)/max(|x|)
    with mean(x^2) = mean(y)^2 + D^2 c and max(|x|) <= |mean(y)| + D (1 + |m|); c is `least_spread`, the variance of the
    positions along the constrained direction in which they spread least.
    """
    offset = float(np.linalg.norm(positions.first)) / positions.n
    if signed_mean is None:
        return min(0.5, scale / max(1 - offset, 1e-9))
    mean, reach = abs(signed_mean), scale * (1 + offset)
    root = np.sqrt(max(0.0, reach**2 + 4 * least_spread * mean * (scale - mean)))
    return float(min(1.0, (reach + root) / (2 * least_spread)))


def constrained_of_fraction(positions: PositionSums, fraction: float, scale: float = 1.0) -> ConstrainedComponents:
    """`constrained_components` of labels with this fraction; `scale`: n over the effective number of galaxies."""
    return constrained_components(positions, fraction * (1 - fraction) * scale, min(fraction, 1 - fraction))


def tested_axes(sky: ConstrainedComponents) -> NDArray[np.float64] | None:
    """The axes (k, 3) along which every dipole is tested; None for all three components as they are.

    Raises `ValueError` on a field, where none is constrained.
    """
    if sky.kind == FIELD:
        raise ValueError(sky.sentence)
    return None if sky.kind == SKY else sky.kept


def needs_axes(sky: ConstrainedComponents, *axes: ArrayLike) -> None:
    """Raise `ValueError` where a sky does not constrain the component along one of the axes, unit vectors (3,)."""
    if not all(sky.holds(np.asarray(axis, float)) for axis in axes):
        raise ValueError(sky.sentence)


def needs_all_axes(sky: ConstrainedComponents) -> None:
    """Raise `ValueError` where a sky constrains less than all of a dipole: for scans of axes all over the sky."""
    if sky.kind != SKY:
        raise ValueError(sky.sentence)


def constrained_part(found: DipoleEstimate, sky: ConstrainedComponents) -> DipoleEstimate:
    """What a sky constrains of a whole dipole (3,), the other components marginalised: `beta` (k,), chi-square, k dof.

    Of all three as it is. Raises `ValueError` on a field.
    """
    axes = tested_axes(sky)
    if axes is None:
        return found
    beta, covariance = axes @ found.beta, axes @ found.covariance @ axes.T
    return DipoleEstimate(beta, covariance, *chi_square_test(beta, covariance))


def whole_dipole(beta: NDArray[np.float64], sky: ConstrainedComponents) -> NDArray[np.float64]:
    """The vector (3,) of which a `constrained_part` has the components."""
    return beta if sky.kind == SKY else beta @ sky.kept


def constrained_vector(found: DipoleEstimate, sky: ConstrainedComponents) -> DipoleEstimate:
    """`constrained_part` as a vector (3,) in the span of the constrained axes, with p of as many degrees of freedom.

    Its covariance (3, 3) is zero across them. Raises `ValueError` on a field.
    """
    # Nothing scatters where a rate is 0 or 1 everywhere: there is no test then.
    return _within(constrained_part(found, sky), tested_axes(sky)) if found.covariance.any() else found


def constrained_dipole(positions: PositionSums, values: ValueSums, sky: ConstrainedComponents) -> DipoleEstimate:
    """The centred dipole of values with the constrained components alone, as `constrained_vector` gives it.

    It needs no spread across the constrained axes, which a fit of all three does. Raises `ValueError` as `dipole`, and
    on a field.
    """
    axes = tested_axes(sky)
    if axes is None:
        return dipole(positions, values)
    return _within(dipole(positions.along(axes), values.along(axes)), axes)


def _within(found: DipoleEstimate, axes: NDArray[np.float64] | None) -> DipoleEstimate:
    """Components along axes (k, 3) as a vector (3,)."""
    if axes is None:
        return found
    return DipoleEstimate(found.beta @ axes, axes.T @ found.covariance @ axes, found.q, found.p)


def _in_words(axis: NDArray[np.float64], centre: NDArray[np.float64]) -> str:
    if abs(axis[2]) > _NEAR:
        return "declination"
    if abs(axis @ centre) > _NEAR:
        return "the direction of the footprint's centre"
    ra, dec = np.degrees(np.arctan2(axis[1], axis[0])) % 360, np.degrees(np.arcsin(np.clip(axis[2], -1, 1)))
    return f"the axis RA {ra:.0f}, Dec {dec:+.0f}"
