"""The tests of an audit as they come in: settings, the common form, dipoles, and what could not be tested."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.log_p import log10_p_chi2
from workflow_scripts.statistics.p_values import ledger
from workflow_scripts.statistics.result import TestResult, plain
from workflow_scripts.statistics.sky.dipole_amplitude import AmplitudeInterval, axis_region, calibrated_interval
from workflow_scripts.statistics.sky.nulls import DipoleScoreTest, dipole_score_test, signed_counts
from workflow_scripts.statistics.sky.sequential_permutations import ENOUGH, chi_square_level, permutations_to_draw
from workflow_scripts.statistics.sky.sky_sums import PixelPositions, PixelValues, pixels_for_random_skies

# Ends of intervals are then good to a tenth of a standard error instead of a twentieth.
_MANY_TESTS, _FEWER_SIMULATIONS = 10, 500
_COLUMNS_NAMED = 3


@dataclass(frozen=True)
class AuditSettings:
    """`permutations` and `seed` of random skies; `alpha` of the answers; `power` of the dipole that could be seen.

    `primary_tests` is the number of tests that are adjusted for each other, `expected` the fraction that is expected
    and `effect` the size that a no has to exclude, None where none was stated.
    """

    permutations: int = 4999
    seed: int = 0
    alpha: float = 0.01
    power: float = 0.8
    primary_tests: int = 1
    expected: float | None = None
    effect: float | None = None

    @property
    def p_smallest(self) -> float:
        """The smallest p that the permutations can give."""
        return 1 / (self.permutations + 1)

    def most_permutations(self, lowest: float, cells: int) -> int:
        """Permutations that a primary test draws at most.

        `lowest` is the smallest p to which its chi-square holds, `cells` the pixels with galaxies (a sky's cost).
        """
        return permutations_to_draw(self.permutations, self.alpha / self.primary_tests, lowest, cells)


@dataclass(frozen=True)
class AuditFinding:
    """A test, and the keys that it has beside those of all tests (`axis_ra`, `axis_dec`, ...)."""

    test: TestResult
    extra: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For summary.json."""
        return self.test.as_dict() | {key: plain(value) for key, value in self.extra.items()}


def _listed(names: Sequence[str]) -> str:
    """Names of tests; those of columns begin with that of the first one, and the column follows after a space."""
    by_test: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        test, space, column = name.partition(" ")
        by_test.setdefault(test.replace("_", " "), []).append(space + column)
    listed: list[str] = []
    for test, columns in by_test.items():
        few = len(columns) <= _COLUMNS_NAMED
        listed += [test + column for column in columns] if few else [f"{test} ({len(columns)} times)"]
    return ", ".join(listed)


@dataclass
class Findings:
    """All tests of an audit, in order, and those that could not be made.

    `left_out`: by the reason, the names of the tests. `refused`: by the name of a test, why it has no form for galaxies
    with weights.
    """

    found: list[AuditFinding] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def attempt(self, name: str, test: Callable[[], AuditFinding | Iterable[AuditFinding]]) -> None:
        """Make a test, or several; a `ValueError` of its statistic explains why it is undefined."""
        try:
            made = test()
            self.found += [made] if isinstance(made, AuditFinding) else list(made)
        except ValueError as reason:
            self.leave_out(name, str(reason))

    def leave_out(self, name: str, reason: str) -> None:
        """Note why a test of this name is not made."""
        self.left_out.setdefault(reason, []).append(name)

    @property
    def not_run(self) -> list[str]:
        """What could not be tested: a sentence a reason, `test, test: reason`.

        What more than `_COLUMNS_NAMED` columns, or pairs of them, lack is counted.
        """
        return [f"{_listed(names)}: {reason}" for reason, names in self.left_out.items()]

    def why_not(self, name: str) -> str | None:
        """Why the test of a name was not made, None where that is not known."""
        return next((reason for reason, names in self.left_out.items() if name in names), None)

    def get(self, name: str) -> AuditFinding | None:
        """The test of a name, None where it was not made."""
        return next((finding for finding in self.found if finding.test.name == name), None)

    @property
    def primary_dipole(self) -> AuditFinding | None:
        """The dipole that is asked about: of the score where it stands for labels, too, else of the first labels."""
        score = self.get("score_dipole")
        return score if score is not None and score.test.family == "primary" else self.get("dipole_score")

    def ledger(self, alpha: float) -> list[dict[str, Any]]:
        """Every p with its adjustment; see `p_values.ledger`."""
        return ledger([finding.test for finding in self.found], alpha)


def axis_keys(axis: ArrayLike) -> dict[str, float]:
    """An axis (3,) as `axis_ra` and `axis_dec`, ICRS degrees."""
    ra, dec = right_ascension_declination(np.asarray(axis, float))
    return {"axis_ra": float(ra), "axis_dec": float(dec)}


def with_normal_error(estimate: float, se: float) -> dict[str, Any]:
    """Values of a test: a number, its normal standard error and its two-sided 95 % interval."""
    half = float(stats.norm.ppf(0.975)) * se
    return {"estimate": estimate, "se": se, "ci95": [estimate - half, estimate + half]}


def amplitude_interval(
    beta: NDArray[np.float64], covariance: NDArray[np.float64], settings: AuditSettings
) -> AmplitudeInterval:
    """The interval of a dipole's length, from fewer simulations where there are many dipoles."""
    fewer = {"simulations": _FEWER_SIMULATIONS} if settings.primary_tests > _MANY_TESTS else {}
    return calibrated_interval(beta, covariance, seed=settings.seed, **fewer)


def with_limit(
    beta: NDArray[np.float64],
    covariance: NDArray[np.float64],
    settings: AuditSettings,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Values of a `GalaxySample.dipole`: the interval of its length; among the other keys its limit, one-sided.

    Of all three components also the region of its axis (95 %), square degrees.
    """
    found = amplitude_interval(beta, covariance, settings)
    keys = dict(extra or {}) | {"upper_limit_95": found.upper_limit}
    if len(beta) == 3:
        keys["axis_region_deg2"] = axis_region(beta, covariance).area_deg2
    return {"ci95": [found.low, found.high], "extra": keys}


class MadeDipole(NamedTuple):
    """A centred dipole with its permutation null, the interval of its amplitude, and how far both its p hold.

    `most` is the number of permutations that could have been drawn, `p_reliable` the smallest p to which chi-square is
    known to hold, None where that is not known.
    """

    found: DipoleScoreTest
    interval: AmplitudeInterval
    most: int
    p_reliable: float | None = None


def centred_dipole(positions: PixelPositions, values: PixelValues, settings: AuditSettings) -> MadeDipole:
    """The centred dipole of labels, or of differences of labels."""
    plus, minus = (int(part.sum()) for part in signed_counts(positions, values))
    numbers = np.array([minus, positions.n - plus - minus, plus])
    lowest = chi_square_level(positions, np.array([-1.0, 0.0, 1.0]), numbers)
    drawn = pixels_for_random_skies(positions, values)
    most = settings.most_permutations(lowest, int((drawn[0].counts > 0).sum()))
    found = dipole_score_test(*drawn, most, settings.seed, ENOUGH)
    return MadeDipole(found, amplitude_interval(found.beta, found.covariance, settings), most, lowest)


@dataclass(frozen=True)
class GalaxySample:
    """Galaxies that several tests are about: their number `n`, the `suffix` of the tests' names, keys of all of them.

    The galaxy is the unit of replication. `values` of the methods are those of `TestResult`.
    """

    n: int
    suffix: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def finding(
        self,
        name: str,
        null: str,
        estimand: str,
        extra: Mapping[str, Any] | None = None,
        family: str = "secondary",
        **values: Any,
    ) -> AuditFinding:
        """A test of these galaxies."""
        values |= {"name": name + self.suffix, "null": null, "estimand": estimand, "family": family, "n": self.n}
        return AuditFinding(TestResult(unit_of_replication="galaxy", **values), {**(extra or {}), **self.extra})

    def dipole(
        self,
        name: str,
        null: str,
        estimand: str,
        beta: NDArray[np.float64],
        statistic: float,
        p: float,
        extra: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> AuditFinding:
        """A secondary test of a dipole `beta` (3,): its length is the estimate, with three degrees of freedom."""
        values = {"estimate": float(np.linalg.norm(beta)), "statistic": statistic, "dof": 3, "p": p} | values
        if isinstance(values["dof"], int):
            values.setdefault("log10_p", log10_p_chi2(statistic, values["dof"]))
        return self.finding(name, null, estimand, axis_keys(beta) | dict(extra or {}), **values)
