"""What a test gives on one mock sky, and where it claims to be right: written before any mock was drawn.

Most tests suppose galaxies that are independent given the sky. A quadrupole leaks into a dipole on a part of it;
blocks of sky allow for clustering, and differences of two networks on the same galaxies do not depend on it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workflow_scripts.calibration_mocks.mock_skies import LADDER, MockPositions, MockSkies, Variant

NAN = float("nan")
_ELLIPSOID_95 = float(stats.chi2.ppf(0.95, 3))


class Finding(NamedTuple):
    """One test on one mock; NaN where a test has no such thing.

    `covered` is 1 where the 95 % interval holds the truth, else 0. `along`, `across` and `length` are estimate less
    truth along the true axis, across it (towards the middle of the mask), and of the debiased amplitude; `angle_deg`
    is between the estimated axis and the true one.
    """

    p: float = NAN
    covered: float = NAN
    along: float = NAN
    across: float = NAN
    length: float = NAN
    angle_deg: float = NAN


def of_dipole(
    p: float,
    beta: NDArray[np.float64],
    covariance: NDArray[np.float64],
    truth: float,
    axis: NDArray[np.float64],
    centre: NDArray[np.float64],
    limit: float = _ELLIPSOID_95,
) -> Finding:
    """A fitted dipole (3,) with its covariance (3, 3), against a true one of length `truth` along `axis`.

    `limit` of the squared distance within which the truth is covered: of chi-square with three degrees of freedom.
    """
    off = beta - truth * axis
    sideways = centre - (centre @ axis) * axis
    size, norm = np.linalg.norm(beta), np.linalg.norm(sideways)
    debiased = np.sqrt(max(0.0, size**2 - np.trace(covariance)))
    return Finding(
        p,
        float(off @ np.linalg.solve(covariance, off) <= limit),
        float(off @ axis),
        float(off @ sideways / norm) if norm > 1e-9 else 0.0,
        float(debiased - truth),
        float(np.degrees(np.arccos(np.clip(beta @ axis / size, -1, 1)))) if size > 0 else NAN,
    )


_Measure = Callable[[Any], list[Finding]]


@dataclass(frozen=True)
class Claim:
    """Steps on which a test claims its level, its coverage and its lack of bias; `full_sky` adds some on that sky only.

    `least_effect`: only for dipoles of so many standard errors. `of_quadrupole`: the test is of a quadrupole.
    """

    steps: frozenset[str]
    full_sky: frozenset[str] = frozenset()
    least_effect: float = 0.0
    of_quadrupole: bool = False

    def holds(self, step: str, mask: str, effect: float) -> bool:
        """Whether the test claims to be right on a step and a mask, for a dipole of `effect` standard errors."""
        steps = self.steps | (self.full_sky if mask == "full_sky" else frozenset())
        return step in steps and effect >= self.least_effect

    def null_holds(self, variant: Variant) -> bool:
        """Whether what the test tests for was left out of the sky, so that its rejections are its size."""
        return not variant.quadrupole if self.of_quadrupole else variant.dipole == 0


_INDEPENDENT = frozenset({"S0_binomial", "S1_dipole"})
INDEPENDENT = Claim(_INDEPENDENT)
INDEPENDENT_OR_QUADRUPOLE = Claim(_INDEPENDENT | {"S2_quadrupole"})
INDEPENDENT_QUADRUPOLE_OR_TEMPLATES = Claim(_INDEPENDENT | {"S2_quadrupole", "S3_templates"})
QUADRUPOLE_TEST = Claim(_INDEPENDENT, of_quadrupole=True)
# A dipole of three standard errors is far from zero.
FAR_FROM_ZERO = Claim(_INDEPENDENT, least_effect=3.0)
ONE_CATALOG = Claim(_INDEPENDENT, frozenset({"S2_quadrupole"}))
BLOCKS = Claim(_INDEPENDENT | {"S4_clustered"}, frozenset({"S2_quadrupole"}))
EVERYWHERE = Claim(frozenset(LADDER))
WITHOUT_TEMPLATES = Claim(frozenset(LADDER) - {"S3_templates"})
NEVER = Claim(frozenset())


class Battery:
    """Tests made on each of some mocks, in the order in which they are declared.

    `draw` gives the mocks one after the other from a seed; `claims` is name -> claim of every test.
    """

    def __init__(self, draw: Callable[[MockPositions, MockSkies, int], Iterator[Any]]) -> None:
        self.draw, self.claims = draw, dict[str, Claim]()
        self._measures: list[tuple[_Measure, tuple[str, ...]]] = []

    def tests(self, claims: dict[str, Claim]) -> Callable[[_Measure], _Measure]:
        """Declare a function of a mock, and the tests whose findings it gives, in the order of `claims`.

        It gives none on mocks on which the tests are too slow, or cannot be made.
        """

        def declare(measure: _Measure) -> _Measure:
            self.claims |= claims
            self._measures.append((measure, tuple(claims)))
            return measure

        return declare

    def findings(self, mock: object) -> Iterator[tuple[str, Finding]]:
        """Name and finding of every test."""
        for measure, names in self._measures:
            if found := measure(mock):
                yield from zip(names, found, strict=True)


def size_band(mocks: int, level: float) -> tuple[float, float]:
    """Shares of rejections between which a test of this level falls with a chance of 99.9 %, over independent mocks."""
    low, high = stats.binom.ppf([0.0005, 0.9995], mocks, level) / mocks
    return float(low), float(high)
