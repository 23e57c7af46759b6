"""Whether the design of an experiment can answer its questions, before anything is trained.

What follows from the configuration without any computation, because every start of the workflow asks for it: which
tests decide, the smallest p that they can give, and whether what they compare can be compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import Any

from workflow_scripts.errors import InputError
from workflow_scripts.runs import Run, runs_of_experiment
from workflow_scripts.statistics.runs.smallest_adjusted import smallest_adjusted_p, smallest_adjusted_p_rotating

FEWEST_ROTATING = 6
ROTATING_TESTS = ("fraction_response", "pattern_response")
PAIR_TESTS = ("fraction_contrast", "dipole_contrast")
_MOST_SETS = 200


@dataclass(frozen=True)
class PlannedTest:
    """A primary test: its name, the footprints that it compares, and their training sets.

    `footprints` are the members of a rotating family, or the two of a pair; `sets` the number of training sets of each,
    `seeds` the number of networks that are trained on each set.
    """

    name: str
    footprints: tuple[str, ...]
    sets: tuple[int, ...]
    seeds: int
    rotating: bool
    network: str

    @property
    def words(self) -> str:
        """What is compared, in a few words."""
        if self.rotating:
            return f"{len(self.footprints)} rotating footprints"
        return " + ".join(map(str, self.sets)) + f" training sets of {' and '.join(self.footprints)}"


def planned_tests(design: Mapping[str, Any]) -> list[PlannedTest]:
    """The tests that decide the verdict, for each network: those that the experiment names, or the default ones.

    `design` is `Configuration.design_parameter` of an experiment.
    """
    runs = runs_of_experiment(design)
    footprints = design["footprints"]
    rotating: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        entry = footprints[run.footprint]
        if entry["axis"] and entry["family"]:
            rotating.setdefault((run.network, entry["family"]["name"]), []).append(run)
    rotating = {key: found for key, found in rotating.items() if len(_footprints(found)) >= FEWEST_ROTATING}
    names = design["tests"]["primary"] or (ROTATING_TESTS if rotating else PAIR_TESTS)
    tests = []
    for network in dict.fromkeys(run.network for run in runs):
        groups = [(_footprints(found), True) for (of, _), found in rotating.items() if of == network]
        groups += [(tuple(pair), False) for pair in design["opposite"]]
        for members, is_rotating in groups:
            own = [run for run in runs if run.network == network and run.footprint in members]
            drawn = {(run.footprint, run.resample) for run in own}
            sets = tuple(sum(footprint == name for footprint, _ in drawn) for name in members)
            if not is_rotating and not all(sets):
                continue
            tests += [
                PlannedTest(name, members, sets, len(own) // len(drawn), is_rotating, network)
                for name in names
                if name.endswith("_response") == is_rotating
            ]
    return tests


def region_in_design(design: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The region of a footprint; members of families have theirs in the list of the family."""
    entry = design["footprints"][name]
    if family := entry["family"]:
        return design["families"][family["name"]][family["member"]]
    return entry["region"]


def _footprints(runs: Sequence[Run]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(run.footprint for run in runs))


def design_problems(design: Mapping[str, Any]) -> list[str]:
    """Why the primary tests cannot decide, all reasons at once, without a full stop; empty where they can."""
    return [*_undecidable(design, planned_tests(design)), *_incomparable(design)]


def check_designs(designs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences on the designs that cannot answer, but say `allow_unanswerable`.

    Raises `InputError` for those that do not say so: one sentence for all.
    """
    refused, allowed = [], []
    for design in designs:
        if problems := design_problems(design):
            if design["allow_unanswerable"]:
                allowed.append(f"experiments.{design['name']} cannot be answered: {'; '.join(problems)}")
            else:
                refused.append(refusal(design["name"], problems))
    if refused:
        raise InputError("; ".join(refused))
    return allowed


def refusal(experiment: str, problems: Sequence[str]) -> str:
    """The sentence with which a design is refused."""
    return (
        f"experiments.{experiment} cannot be answered: {'; '.join(problems)} (allow_unanswerable: true in the"
        " experiment makes it all the same)"
    )


def _undecidable(design: Mapping[str, Any], tests: Sequence[PlannedTest]) -> Iterator[str]:
    settings = design["tests"]
    missing = [name for name in settings["primary"] if name not in {test.name for test in tests}]
    if missing or not tests:
        yield (
            f"{' and '.join(missing) or 'a primary test'} cannot be made: a response needs {FEWEST_ROTATING} rotating"
            " footprints or more, a contrast a pair under `opposite`"
        )
    sentences = []
    for test in tests:
        least = smallest_p_of(test, len(tests), settings["permutations"])
        if least >= settings["alpha"]:
            sentences.append(
                f"{test.words} cannot reach {settings['alpha']:g} (smallest adjusted p {least:.2g} with {len(tests)}"
                f" primary tests){_what_reaches(test, len(tests), settings)}"
            )
    yield from dict.fromkeys(sentences)


def smallest_p_of(test: PlannedTest, n_tests: int, permutations: int) -> float:
    """The least p, adjusted among `n_tests`, that permutations can give; 1 where a side has a single training set."""
    if test.rotating:
        return smallest_adjusted_p_rotating(len(test.footprints), n_tests, permutations)
    n_a, n_b = test.sets
    return smallest_adjusted_p(n_a, n_b, n_tests, permutations) if min(n_a, n_b) > 1 else 1.0


def _what_reaches(test: PlannedTest, n_tests: int, settings: Mapping[str, Any]) -> str:
    """The smallest larger design that can reach the level: `: 6 + 6 can`."""
    alpha, enough = settings["alpha"], max(settings["permutations"], floor(n_tests / settings["alpha"] + 1e-6))
    sizes = range(len(test.footprints) if test.rotating else max(2, *test.sets), _MOST_SETS)
    for size in sizes:
        larger = (
            replace(test, footprints=(test.footprints[0],) * size)
            if test.rotating
            else replace(test, sets=(size, size))
        )
        if smallest_p_of(larger, n_tests, enough) < alpha:
            permutations = f" with {enough} permutations" if enough > settings["permutations"] else ""
            return f": {f'{size} footprints' if test.rotating else f'{size} + {size}'} can{permutations}"
    return ""


def _incomparable(design: Mapping[str, Any]) -> Iterator[str]:
    """Pairs whose difference would not be that of two places."""
    for first, second in design["opposite"]:
        if region_in_design(design, first) == region_in_design(design, second):
            yield f"{first} and {second} have the same region"
        sizes = [design["footprints"][name]["matching"]["per_class"] for name in (first, second)]
        if sizes[0] != sizes[1]:
            yield (
                f"{first} has training sets of {sizes[0]} galaxies a class and {second} of {sizes[1]}: a difference may"
                " be that of size"
            )
