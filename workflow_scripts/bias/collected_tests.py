"""The run-level tests that an experiment's arms allow, and why the others could not be made."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from workflow_scripts.statistics.result import TestResult

# Between two runs, a dipole against any reference common to both differs by the same.
DIPOLE = ["relative_dipole_x", "relative_dipole_y", "relative_dipole_z"]
REFERENCE_DIPOLE = ["dipole_x", "dipole_y", "dipole_z"]
FEWEST_FOOTPRINTS = 5


@dataclass
class CollectedTests:
    """Tests, and why others could not be made: sentences `missing`, and names by their reason, `failed`.

    `primary` are the names, without footprints and networks, of the tests that decide the verdict; `untested` those of
    primary tests that could not be made.
    """

    primary: tuple[str, ...]

    tests: list[TestResult] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    untested: list[str] = field(default_factory=list)
    failed: dict[str, list[str]] = field(default_factory=dict)

    @property
    def not_answered(self) -> list[str]:
        """A sentence for each reason why something could not be tested."""
        return [*self.missing, *(f"{', '.join(names)}: {reason}." for reason, names in self.failed.items())]

    def family(self, name: str) -> str:
        """The family of a test: `primary` where its name says so."""
        return "primary" if name.split(" ")[0] in self.primary else "run level"

    def attempt(self, name: str, make: Callable[[str], TestResult], secondary: bool = False) -> None:
        """Add the test that `make` gives for `name`, or why the runs do not allow it."""
        try:
            self.tests.append(make(name))
        except ValueError as error:
            self.failed.setdefault(str(error), []).append(name)
            if not secondary and self.family(name) == "primary":
                self.untested.append(name)


def rotating_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs whose footprint is a hemisphere of a family."""
    return runs[runs["axis_ra"].notna() & runs["family"].notna()]


def need_numbers(values: pd.DataFrame) -> None:
    """Raise `ValueError` where a number is missing."""
    if not np.isfinite(values.to_numpy(float)).all():
        raise ValueError("not defined for every run")
