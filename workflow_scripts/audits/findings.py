"""The tests of an audit as they come in, what they say beside the common form, and what could not be tested."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.multiplicity import ledger
from workflow_scripts.statistics.result import TestResult, plain


@dataclass(frozen=True)
class Finding:
    """A test, and the keys that it has beside those of all tests (`axis_ra`, `axis_dec`, ...)."""

    test: TestResult
    extra: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For summary.json."""
        return self.test.as_dict() | {key: plain(value) for key, value in self.extra.items()}


@dataclass
class Findings:
    """All tests of an audit, in order, and sentences on those that could not be made."""

    found: list[Finding] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)

    def attempt(self, name: str, test: Callable[[], Finding | Iterable[Finding]]) -> None:
        """Make a test, or several; a `ValueError` of its statistic says why it cannot be had."""
        try:
            made = test()
            self.found += [made] if isinstance(made, Finding) else list(made)
        except ValueError as reason:
            self.not_run.append(f"{name.replace('_', ' ')}: {reason}")

    def get(self, name: str) -> Finding | None:
        """The test of a name, None where it was not made."""
        return next((finding for finding in self.found if finding.test.name == name), None)

    def ledger(self, alpha: float) -> list[dict[str, Any]]:
        """Every p with its adjustment; see `multiplicity.ledger`."""
        return ledger([finding.test for finding in self.found], alpha)


def axis_keys(axis: ArrayLike) -> dict[str, float]:
    """An axis (3,) as `axis_ra` and `axis_dec`, ICRS degrees."""
    ra, dec = right_ascension_declination(np.asarray(axis, float))
    return {"axis_ra": float(ra), "axis_dec": float(dec)}


def galaxy_test(name: str, family: str, n: int, null: str, estimand: str, **values: Any) -> TestResult:
    """A test with the galaxy as its unit of replication."""
    return TestResult(
        name=name, estimand=estimand, null=null, unit_of_replication="galaxy", family=family, n=n, **values
    )


def normal_interval(estimate: float, se: float) -> list[float]:
    """Two-sided 95 % interval of a number with a normal error."""
    half = float(stats.norm.ppf(0.975)) * se
    return [estimate - half, estimate + half]
