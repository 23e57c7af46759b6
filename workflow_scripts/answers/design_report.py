"""All that can be said of a design before it is trained: problems, what weakens the answers, and the expected power."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

from workflow_scripts.answers.designs import (
    PlannedTest,
    number_of_tests,
    planned_tests,
    problems_and_notes,
    smallest_p_of,
)
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.runs.decision_power import (
    ONE_NUMBER,
    RESPONSE_SHAPES,
    SKY_PATTERN,
    power_of_contrasts,
    power_of_rotating,
)

# Standard deviation of the annotated fraction between networks of the default simulated survey, times the root of the
# galaxies a class (lenet5, 0.0074 at 960): what is assumed before there is a pilot.
ASSUMED_SCATTER = 0.23
# A design that finds less than every other effect of the stated size is said to have a low power.
_LOW_POWER = 0.5
# What the tests with a power are about, and in words.
TESTED = {
    "fraction_response": (ONE_NUMBER, "the fraction"),
    "pattern_response": (SKY_PATTERN, "the sky pattern"),
    "fraction_contrast": (ONE_NUMBER, "the fraction"),
    "dipole_contrast": (SKY_PATTERN, "the dipole"),
}


class Pilot(NamedTuple):
    """The scatter of earlier runs between the units of a test, as planned, and the file that it is from."""

    sd: float
    file: str


@dataclass(frozen=True)
class DesignReport:
    """What is known of a design beforehand.

    `problems` are why a question cannot be answered, `notes` what weakens the answer: sentences without a full stop.
    `tests` has a row for each primary test: `name, network, compared, smallest_p_adjusted`, `power`, the least and the
    largest of tests whose scatter is known or assumed, None of others, and `scatter`, that of a pilot and its file, or
    None. `effect` is the size that the power is for.
    """

    problems: list[str]
    notes: list[str]
    tests: list[dict[str, Any]]
    effect: float


def design_report(design: Mapping[str, Any], pilots: Mapping[tuple[str, str], Pilot] | None = None) -> DesignReport:
    """Report on a design, as `Configuration.design_parameter` gives it, with `pilots` by name of the test and network.

    Raises `InputError` for an empty region or a MOC that cannot be read.
    """
    tests, settings = planned_tests(design), design["tests"]
    problems, notes = problems_and_notes(design)
    n_tests = number_of_tests(tests, design)
    rows: list[dict[str, Any]] = []
    for test in tests:
        pilot = (pilots or {}).get((test.name, test.network))
        rows.append(
            {
                "name": test.name,
                "network": test.network,
                "compared": test.words,
                "smallest_p_adjusted": smallest_p_of(test, n_tests, settings["permutations"]),
                "power": expected_power(test, design, n_tests, pilot and pilot.sd),
                "scatter": pilot and list(pilot),
            }
        )
    return DesignReport(problems, notes, rows, settings["effect"])


def expected_power(
    test: PlannedTest, design: Mapping[str, Any], n_tests: int, scatter: float | None = None
) -> tuple[float, float] | None:
    """Power, by simulation, of a primary test for the effect that the experiment names: the least and the largest.

    `scatter` is that between training sets, or between rotating footprints, in a pilot; a response of the sky pattern
    may be odd or even. Without it that of the fraction is assumed, and how much of that networks with other seeds on
    one training set share is not known. None for tests of other quantities, and without a pilot for those of the dipole
    and of annotations that exist.
    """
    quantity, _ = TESTED.get(test.name, ("", ""))
    if not quantity or (quantity == SKY_PATTERN and scatter is None):
        return None
    settings = design["tests"]
    decided = settings["alpha"], n_tests, settings["permutations"]
    if smallest_p_of(test, n_tests, settings["permutations"]) >= settings["alpha"]:
        return 0.0, 0.0
    scatters = [scatter]
    if scatter is None:
        matchings = [design["footprints"][name]["matching"] for name in test.footprints]
        if not all(matchings):
            # Annotations that exist: nothing is known of the training sets.
            return None
        per_class = min(matching["per_class"] for matching in matchings)
        sets = min(test.sets) if test.rotating else 1
        scatters = [ASSUMED_SCATTER / sqrt(per_class * sets * networks) for networks in (1, test.seeds)]
    found = []
    for sd in filter(None, scatters):
        effect = settings["effect"] / sd
        if test.rotating:
            axes = unit_vectors(*zip(*(design["footprints"][name]["axis"] for name in test.footprints), strict=True))
            shapes = RESPONSE_SHAPES if quantity == SKY_PATTERN else RESPONSE_SHAPES[:1]
            found += [power_of_rotating(axes, effect, *decided, quantity=quantity, shape=shape) for shape in shapes]
        else:
            n_a, n_b = test.sets
            found.append(power_of_contrasts(n_a, n_b, effect, *decided, quantity=quantity))
    return min(found), max(found)


def expected_findings(report: Mapping[str, Any]) -> list[str]:
    """Sentences on the power of the primary tests, and what it rests on; a `DesignReport` as a dict."""
    several = len({row["network"] for row in report["tests"]}) > 1
    lines = []
    for row in report["tests"]:
        subject = f"{row['name']} of {row['network']}" if several else row["name"]
        if not row["power"]:
            lines.append(f"{subject} ({row['compared']}): power not known{_why_unknown(row['name'])}")
            continue
        power = " to ".join(dict.fromkeys(f"{value:.2f}" for value in row["power"]))
        low = ", which is low" if row["power"][1] < _LOW_POWER else ""
        pilot = f", by the scatter of {row['scatter'][0]:.2g} in {row['scatter'][1]}" if row["scatter"] else ""
        effect = f"a change of {TESTED[row['name']][1]} by {report['effect']:g}"
        lines.append(f"{subject} ({row['compared']}): power {power} for {effect}{low}{pilot}")
    if any(row["power"] and not row["scatter"] for row in report["tests"]):
        lines.append(
            f"before a pilot, the fraction is assumed to scatter between networks by {ASSUMED_SCATTER} /"
            " sqrt(per_class), as on the default simulated survey with lenet5"
        )
    return lines


def _why_unknown(name: str) -> str:
    """Why a test has no power before it is made."""
    quantity, _ = TESTED.get(name, ("", ""))
    if quantity and quantity != SKY_PATTERN:
        return " before a pilot: how much annotations that exist scatter is taken from earlier results alone"
    if quantity == SKY_PATTERN:
        return " before a pilot: how much the dipole scatters between networks is taken from earlier results alone"
    return ", as it is for the fraction and the dipole alone"
