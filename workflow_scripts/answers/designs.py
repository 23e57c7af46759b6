"""Whether the design of an experiment can answer its questions, before anything is trained.

What follows from the configuration alone, because every start of the workflow asks for it: which tests decide, the
smallest p that they can give, and whether what they compare can be compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor
from pathlib import Path
from typing import Any

from workflow_scripts.class_against_rest import n_tested_classes
from workflow_scripts.configuration.expansion import moc_paths
from workflow_scripts.configuration.sources import ConfigSources, source_of_key
from workflow_scripts.errors import InputError
from workflow_scripts.runs import Run, runs_of_experiment
from workflow_scripts.sky.footprints import region_moc, shared_area
from workflow_scripts.statistics.runs.smallest_adjusted import (
    smallest_adjusted_p,
    smallest_adjusted_p_rotating,
    smallest_p_of_doses,
)

FEWEST_ROTATING = 6
ROTATING_TESTS = ("fraction_response", "pattern_response")
PAIR_TESTS = ("fraction_contrast", "dipole_contrast")
# Regions that have more of the smaller one in common are no two places; fewer weaken the contrast.
MOST_SHARED_AREA, NOTED_SHARED_AREA = 0.5, 0.05
_MOST_SETS = 200
_NEEDS = {
    "_response": f"{FEWEST_ROTATING} footprints or more of a rotating family in one arm",
    "_contrast": "a pair of footprints under `opposite`, each in an arm",
}
# Of a dose response, the fraction and, with reference labels, the sky pattern are tested.
_TESTS_OF_DOSES = 2


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


def region_in_design(design: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The region of a footprint, None where only its axis is known; members have theirs in the list of the family."""
    entry = design["footprints"][name]
    if family := entry["family"]:
        return design["families"][family["name"]][family["member"]]
    return entry["region"]


def _footprints(runs: Sequence[Run]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(run.footprint for run in runs))


def problems_and_notes(design: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Why questions cannot be answered, all reasons at once, and what weakens an answer; without full stops.

    Raises `InputError` for an empty region or a MOC that cannot be read.
    """
    tests = planned_tests(design)
    unreachable = list(dict.fromkeys(_unreachable(design, tests)))
    same_tests = [kind for kind, control in design["controls"].items() if not control]
    if unreachable and same_tests:
        unreachable.append(f"the same holds for the tests of {' and '.join(f'controls.{kind}' for kind in same_tests)}")
    problems, notes = [*_not_made(design, tests), *unreachable, *_doses(design), *_incomparable(design)], []
    for first, second, share in _overlaps(design):
        sentence = f"{first} and {second} have {share:.0%} of the smaller region in common"
        if share > MOST_SHARED_AREA:
            problems.append(sentence)
        elif share > NOTED_SHARED_AREA:
            notes.append(f"{sentence}: what is there differs less between them")
    return problems, notes


def check_designs(designs: Sequence[Mapping[str, Any]], sources: ConfigSources = ()) -> list[str]:
    """Sentences on designs that cannot answer but are allowed to (`allow_unanswerable`), and on weak ones.

    Raises `InputError` for the others that cannot: one sentence for all, which names the file among the `sources` of
    the configuration that has the experiment.
    """
    refused, sentences = [], []
    for design in designs:
        name = name_in_file(design)
        problems, notes = problems_and_notes(design)
        if problems and not design["allow_unanswerable"]:
            refused.append(f"{source_of_key(('experiments', name), sources)}: {refusal(name, problems)}")
        elif problems:
            sentences.append(_unanswered(name, problems))
        sentences += [f"experiments.{name}: {note}" for note in notes]
    # Experiments on each class of one are the same in what their design can tell.
    if refused:
        raise InputError("; ".join(dict.fromkeys(refused)))
    return list(dict.fromkeys(sentences))


def name_in_file(design: Mapping[str, Any]) -> str:
    """The name of the experiment in the configuration; one on each of three classes has that of the class behind it."""
    of_class = design.get("one_class")
    return str(design["name"]).removesuffix(f"_{of_class['name']}") if of_class else str(design["name"])


def refusal(experiment: str, problems: Sequence[str]) -> str:
    """The sentence with which a design is refused."""
    return f"{_unanswered(experiment, problems)} (to run it nevertheless, set `allow_unanswerable: true` in it)"


def _unanswered(experiment: str, problems: Sequence[str]) -> str:
    return f"experiments.{experiment} cannot be answered: {'; '.join(problems)}"


def _not_made(design: Mapping[str, Any], tests: Sequence[PlannedTest]) -> Iterator[str]:
    """Primary tests without anything to compare."""
    wanted = design["tests"]["primary"]
    for name in [name for name in wanted if name not in {test.name for test in tests}]:
        yield f"the primary test {name} needs {_NEEDS[name[-9:]]}"
    if not (wanted or tests):
        yield f"a primary test needs {' or '.join(_NEEDS.values())}"


def _unreachable(design: Mapping[str, Any], tests: Sequence[PlannedTest]) -> Iterator[str]:
    """Primary tests of which no p can be below the level."""
    settings, n_tests = design["tests"], number_of_tests(tests, design)
    for test in tests:
        least = smallest_p_of(test, n_tests, settings["permutations"])
        if least >= settings["alpha"]:
            yield f"{_no_p(test.words, least, n_tests, 'primary test', settings)}{_remedy(test, n_tests, design)}"


def _no_p(subject: str, least: float, n_tests: int, kind: str, settings: Mapping[str, Any]) -> str:
    among = f"the smallest is {min(1, least):.2g}, with {n_tests} {kind}{'s' * (n_tests > 1)}"
    return f"{subject} can give no adjusted p below {settings['alpha']:g} ({among})"


def number_of_tests(tests: Sequence[PlannedTest], design: Mapping[str, Any]) -> int:
    """Over how many primary tests p is adjusted: those of all classes that are each compared with the rest."""
    return len(tests) * n_tested_classes(design)


def smallest_p_of(test: PlannedTest, n_tests: int, permutations: int) -> float:
    """The least p, adjusted among `n_tests`, that permutations can give; 1 where a side has a single training set."""
    if test.rotating:
        return smallest_adjusted_p_rotating(len(test.footprints), n_tests, permutations)
    n_a, n_b = test.sets
    return smallest_adjusted_p(n_a, n_b, n_tests, permutations) if min(n_a, n_b) > 1 else 1.0


def _remedy(test: PlannedTest, n_tests: int, design: Mapping[str, Any]) -> str:
    """The smallest larger design that can reach the level, by the keys that make it; empty where there is none."""
    settings = design["tests"]
    alpha, enough = settings["alpha"], _enough(n_tests, settings)
    sizes = range(len(test.footprints) if test.rotating else max(2, *test.sets), _MOST_SETS)
    for size in sizes:
        larger = (
            replace(test, footprints=(test.footprints[0],) * size)
            if test.rotating
            else replace(test, sets=(size, size))
        )
        if smallest_p_of(larger, n_tests, enough) >= alpha:
            continue
        keys = []
        if test.rotating and size > len(test.footprints):
            keys.append(f"name {size} of the family in {_arms(design, test.footprints, test.network)}")
        elif not test.rotating and (size, size) != test.sets:
            keys.append(f"set `replicates: {size}` in {_arms(design, test.footprints, test.network)}")
        return _to_do(keys, enough, design)
    return ""


def _to_do(keys: Sequence[str], permutations: int, design: Mapping[str, Any]) -> str:
    """`: set ...`, with the permutations where they have to be more."""
    more = f"set `permutations: {permutations}` in experiments.{name_in_file(design)}.tests"
    return f": {' and '.join([*keys, *([more] if permutations > design['tests']['permutations'] else [])])}"


def _enough(n_tests: int, settings: Mapping[str, Any]) -> int:
    """Permutations that do not keep p above the level."""
    return max(settings["permutations"], floor(n_tests / settings["alpha"] + 1e-6))


def _arms(design: Mapping[str, Any], footprints: Sequence[str], network: str) -> str:
    """The keys of the arms that train a network on some of the footprints."""
    names = [
        f"experiments.{name_in_file(design)}.arms.{name}"
        for name, arm in sorted(design["arms"].items())
        if network in arm["networks"] and set(footprints) & set(arm["footprints"])
    ]
    return " and ".join(names)


def _doses(design: Mapping[str, Any]) -> Iterator[str]:
    """A dose response that cannot be seen, whatever the networks do."""
    control = design["controls"].get("dose", {"undosed": {}})
    settings, bases = design["tests"], list(dict.fromkeys(control["undosed"].values()))
    n_tests = _TESTS_OF_DOSES * len(bases) * n_tested_classes(design)
    enough = _enough(n_tests, settings)
    for base in bases:
        doses = [dose for network, dose in control["doses"].items() if control["undosed"][network] == base]
        drawn = {(run.footprint, run.resample) for run in runs_of_experiment(control) if run.network == base}
        ((footprint, _), *_), sets = sorted(drawn), len(drawn)
        subject = f"the dose response of {base} on {sets} training set{'s' * (sets > 1)} of {footprint}"
        if len(doses) < 3:
            yield f"{subject} needs two blurs or more: name them in experiments.{name_in_file(design)}.controls.dose"
            continue
        found = n_tests * smallest_p_of_doses(doses, sets, settings["permutations"])
        if found >= settings["alpha"]:
            wanted = sets
            while n_tests * smallest_p_of_doses(doses, wanted, enough) >= settings["alpha"]:
                wanted += 1
            keys = [f"set `replicates: {wanted}` in {_arms(design, [footprint], base)}"] if wanted > sets else []
            yield f"{_no_p(subject, found, n_tests, 'test', settings)}{_to_do(keys, enough, design)}"


def _incomparable(design: Mapping[str, Any]) -> Iterator[str]:
    """Pairs whose difference would not be that of two places."""
    for first, second in design["opposite"]:
        regions = [region_in_design(design, name) for name in (first, second)]
        if regions[0] == regions[1] is not None:
            yield f"{first} and {second} have the same region"
        matchings = [design["footprints"][name]["matching"] for name in (first, second)]
        sizes = [matching and matching["per_class"] for matching in matchings]
        if sizes[0] != sizes[1]:
            yield (
                f"{first} has training sets of {sizes[0]} galaxies a class and {second} of {sizes[1]}, so that a"
                " difference may come from their size"
            )


def _overlaps(design: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Opposite footprints with different regions, and what share of the smaller one they have in common."""
    for pair in design["opposite"]:
        regions = {name: region for name in pair if (region := region_in_design(design, name)) is not None}
        first, second = (regions.get(name) for name in pair)
        # Results of a MOC that is gone may be kept (`missing_files: accept`).
        if (
            first != second
            and len(regions) == len(pair)
            and all(Path(path).is_file() for path in moc_paths([first, second]))
        ):
            yield *pair, shared_area(*(region_moc(region, name=name) for name, region in regions.items()))
