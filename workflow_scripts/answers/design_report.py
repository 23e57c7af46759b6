"""All that can be said of a design before it is trained: problems, what weakens the answers, and the expected power."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

from workflow_scripts.answers.designs import (
    PlannedTest,
    design_problems,
    planned_tests,
    region_in_design,
    smallest_p_of,
)
from workflow_scripts.sky.footprints import region_moc, shared_area
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.runs.decision_power import power_of_contrasts, power_of_rotating

# Standard deviation of the annotated fraction between networks of the default simulated survey, times the root of the
# galaxies a class (lenet5, 0.0074 at 960): what is assumed before there is a pilot.
ASSUMED_SCATTER = 0.23
# A design that finds less than every other effect of the stated size is noted.
_LOW_POWER = 0.5
# Regions that have more of the smaller one in common are no two places; fewer weaken the contrast.
MOST_SHARED_AREA, NOTED_SHARED_AREA = 0.5, 0.05


@dataclass(frozen=True)
class DesignReport:
    """What is known of a design beforehand.

    `problems` are why a question cannot be answered, `notes` what weakens the answer: sentences without a full stop.
    `tests` has a row for each primary test: `name, network, compared, smallest_p_adjusted`, and `power`, the least and
    the largest of tests of the fraction, None of others. `assumption` is what the power rests on.
    """

    problems: list[str]
    notes: list[str]
    tests: list[dict[str, Any]]
    assumption: str


def design_report(design: Mapping[str, Any]) -> DesignReport:
    """Report on a design, as `Configuration.design_parameter` gives it.

    Raises `InputError` for an empty region or a MOC that cannot be read.
    """
    tests, settings = planned_tests(design), design["tests"]
    problems, notes = design_problems(design), []
    for first, second, share in _overlaps(design):
        sentence = f"{first} and {second} have {share:.0%} of the smaller region in common"
        if share > MOST_SHARED_AREA:
            problems.append(sentence)
        elif share > NOTED_SHARED_AREA:
            notes.append(f"{sentence}: what is there differs less between them")
    rows: list[dict[str, Any]] = [
        {
            "name": test.name,
            "network": test.network,
            "compared": test.words,
            "smallest_p_adjusted": smallest_p_of(test, len(tests), settings["permutations"]),
            "power": expected_power(test, design, len(tests)),
        }
        for test in tests
    ]
    for row in rows:
        if row["power"] and row["power"][1] < _LOW_POWER:
            notes.append(
                f"{row['name']}: a change of the fraction by {settings['effect']:g} is found with a power of"
                f" {row['power'][1]:.2f} at most"
            )
    assumption = (
        f"before a pilot, the fraction is assumed to scatter between networks by {ASSUMED_SCATTER} / sqrt(per_class),"
        " as on the default simulated survey with lenet5"
    )
    return DesignReport(problems, notes, rows, assumption)


def expected_power(test: PlannedTest, design: Mapping[str, Any], n_tests: int) -> tuple[float, float] | None:
    """Power, by simulation, of a primary test of the fraction for the effect that the experiment names.

    The least and the largest: networks with other seeds on one training set share its galaxies, and how much of the
    scatter these make is not known beforehand. None for tests of other quantities.
    """
    if not test.name.startswith("fraction_"):
        return None
    settings = design["tests"]
    per_class = min(design["footprints"][name]["matching"]["per_class"] for name in test.footprints)
    scatter = ASSUMED_SCATTER / sqrt(per_class)
    decided = settings["alpha"], n_tests, settings["permutations"]

    def power(networks: int) -> float:
        """`networks` of each training set count as independent ones."""
        if test.rotating:
            axes = unit_vectors(*zip(*(design["footprints"][name]["axis"] for name in test.footprints), strict=True))
            return power_of_rotating(axes, settings["effect"] / scatter * sqrt(networks * min(test.sets)), *decided)
        n_a, n_b = test.sets
        return power_of_contrasts(n_a, n_b, settings["effect"] / scatter * sqrt(networks), *decided)

    if smallest_p_of(test, n_tests, settings["permutations"]) >= settings["alpha"]:
        return 0.0, 0.0
    return power(1), power(test.seeds)


def _overlaps(design: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Opposite footprints with different regions, and what share of the smaller one they have in common."""
    for first, second in design["opposite"]:
        regions = [region_in_design(design, name) for name in (first, second)]
        if regions[0] != regions[1]:
            mocs = [region_moc(region, name=name) for region, name in zip(regions, (first, second), strict=True)]
            yield first, second, shared_area(*mocs)


def expected_findings(report: Mapping[str, Any]) -> list[str]:
    """Sentences on the power of the primary tests, and what it rests on; a `DesignReport` as a dict, with `effect`."""
    several = len({row["network"] for row in report["tests"]}) > 1
    lines = []
    for row in report["tests"]:
        if row["power"]:
            power = " to ".join(dict.fromkeys(f"{value:.2f}" for value in row["power"]))
            network = f" of {row['network']}" if several else ""
            lines.append(
                f"{row['name']}{network} ({row['compared']}): power {power} for a change of the fraction by"
                f" {report['effect']:g}"
            )
    return [*lines, report["assumption"]] if lines else []
