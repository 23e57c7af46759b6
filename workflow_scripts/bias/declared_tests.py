"""Tests between training runs as they are declared, before and after a statistic has filled them with numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workflow_scripts.bias.quantities import MAIN, Quantity
from workflow_scripts.statistics.result import TestResult

ROTATING_PRIMARY = ("fraction_response", "pattern_response")
PAIR_PRIMARY = ("fraction_contrast", "dipole_contrast")
PRIMARY_FAMILY, SECONDARY_FAMILY, COMMON_FAMILY = "primary", "secondary design", "common dipole"
EXPECTED_FAMILY = "expected fraction"
CONTRAST, RESPONSE, SCALAR_RESPONSE = "contrast", "response", "scalar response"
PATTERN, COMMON, EXPECTED = "pattern", "common dipole", "expected fraction"
SLOPE, VARIANCE = "slope", "variance components"


@dataclass(frozen=True)
class RunLevelTest(TestResult):
    """A test between runs, and what it is about.

    `quantity` is the name of a `Quantity`, `design` one of `CONTRAST`, `RESPONSE`, `SCALAR_RESPONSE`, `PATTERN`,
    `COMMON`, `EXPECTED`, `SLOPE` and `VARIANCE`; `footprints` are those that are compared (two sides of a contrast, the
    second of which may be an arm), `network` is that of the runs, `covariate` the template of a slope. `label`
    distinguishes tests of the same quantity and design: it follows them in `name`. `cautions` are sentences on what
    stands against the comparison, `invalid` that for which it cannot decide, empty where it can, and `remedy` what
    would mend it. `limit95` is the largest size that is compatible with the runs at 95 %, `direction` where the size is
    found, in words, and `details` further numbers of the statistic.
    """

    quantity: str = ""
    design: str = ""
    footprints: tuple[str, ...] = ()
    network: str = ""
    covariate: str | None = None
    label: str = ""
    cautions: tuple[str, ...] = ()
    invalid: str = ""
    remedy: str = ""
    limit95: float | None = None
    direction: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def declared(design: RunLevelTest, stem: str, family: str, quantity: str, estimand: str) -> RunLevelTest:
    """A test of a design, without numbers yet."""
    name = f"{stem} {design.label}".rstrip()
    return replace(design, name=name, family=family, quantity=quantity, estimand=estimand)


@dataclass
class RunLevelTests:
    """Tests, and why others could not be made: sentences `missing`, and names by their reason, `failed`.

    `primary` are the names, without footprints and networks, of the tests that decide the verdict, `secondary` those of
    the other design; `untested` those of both that could not be made, with the reason as `invalid`.
    `permutations` are their number and seed.
    """

    primary: tuple[str, ...]
    secondary: tuple[str, ...] = ()
    permutations: tuple[int, int] = (0, 0)
    tests: list[RunLevelTest] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    untested: list[RunLevelTest] = field(default_factory=list)
    failed: dict[str, list[str]] = field(default_factory=dict)

    @property
    def not_answered(self) -> list[str]:
        """A sentence for each reason why something could not be tested."""
        return [*self.missing, *(f"{', '.join(names)}: {reason}." for reason, names in self.failed.items())]

    def family(self, stem: str, quantity: Quantity | None = None) -> str:
        """The family of a test: its quantity's, or `primary` where it decides."""
        if quantity and quantity.family != MAIN:
            return quantity.family
        chosen = {SECONDARY_FAMILY: self.secondary, PRIMARY_FAMILY: self.primary}
        return next((family for family, stems in chosen.items() if stem in stems), "run level")

    def attempt(self, test: RunLevelTest, numbers: Callable[..., Mapping[str, Any]], *given: Any) -> None:
        """Add the test with the `numbers` of a statistic (and further notes), or why the runs do not allow it."""
        try:
            found = numbers(*given, self.permutations)
        except ValueError as error:
            reason = str(error).removesuffix(".")
            self.failed.setdefault(reason, []).append(test.name)
            if test.family in (PRIMARY_FAMILY, SECONDARY_FAMILY):
                self.untested.append(replace(test, invalid=f"{reason[:1].upper()}{reason[1:]}."))
        else:
            self.tests.append(replace(test, **{**found, "notes": [*test.notes, *found["notes"]]}))
