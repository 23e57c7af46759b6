"""Designs that cannot answer are refused with one sentence that says what would; those that can are not."""

import copy
from pathlib import Path

import pytest
import yaml

from tests.small_experiment import CONFIG
from workflow_scripts.answers.design_report import design_report, expected_power
from workflow_scripts.answers.designs import check_designs, design_problems, planned_tests
from workflow_scripts.configuration import load
from workflow_scripts.errors import InputError
from workflow_scripts.statistics.runs.smallest_adjusted import smallest_adjusted_p

ROOT = Path(__file__).resolve().parents[3]
HALVES = {"footprints": ["east", "west"], "networks": ["net"], "replicates": 6}
ROTATING = {"footprints": ["rotating"], "networks": ["net"], "seeds": [0, 1]}


def design(arms=None, edit=None, **experiment):
    """The design of an experiment with these arms and keys in place of those of the small one."""
    config = copy.deepcopy(CONFIG)
    config["matchings"]["loose"]["per_class"] = 960
    config["footprints"]["rotating"] = {"region": {"rotating": "hemispheres"}, "matching": "loose"}
    config["experiments"]["first"] |= {
        "allow_unanswerable": False,
        "tests": {},
        "arms": {f"arm{number}": arm for number, arm in enumerate(arms or [HALVES])},
        **experiment,
    }
    if edit:
        edit(config)
    return load(config).design_parameter("first")


def test_the_default_tests_are_those_of_rotating_footprints_where_there_are_enough():
    both = planned_tests(design([HALVES, ROTATING]))
    assert [(test.name, len(test.footprints), test.seeds) for test in both] == [
        ("fraction_response", 12, 2),
        ("pattern_response", 12, 2),
    ]
    few = [f"rotating_{number:02d}" for number in range(5)]
    pairs = planned_tests(design([HALVES, {**ROTATING, "footprints": few}]))
    assert [(test.name, test.footprints, test.sets) for test in pairs] == [
        ("fraction_contrast", ("east", "west"), (6, 6)),
        ("dipole_contrast", ("east", "west"), (6, 6)),
    ]


def test_every_network_has_its_tests():
    def edit(config):
        config["networks"]["other"] = dict(config["networks"]["net"])

    tests = planned_tests(design([{**HALVES, "networks": ["net", "other"]}], edit))
    assert [test.network for test in tests] == ["net", "net", "other", "other"]


@pytest.mark.parametrize(
    ("replicates", "tests", "sentence"),
    [
        (3, {}, "3 + 3 training sets of east and west cannot reach 0.01 (smallest adjusted p 0.2 with 2 primary tests)"
                ": 6 + 6 can"),
        (5, {}, "5 + 5 training sets of east and west cannot reach 0.01 (smallest adjusted p 0.016 with 2 primary"
                " tests): 6 + 6 can"),
        (1, {}, "1 + 1 training sets of east and west cannot reach 0.01 (smallest adjusted p 1 with 2 primary tests)"
                ": 6 + 6 can"),
        (6, {"permutations": 100}, "6 + 6 training sets of east and west cannot reach 0.01 (smallest adjusted p 0.02"
                                   " with 2 primary tests): 6 + 6 can with 200 permutations"),
        (5, {"alpha": 0.05}, None),
        (6, {}, None),
        (5, {"primary": ["fraction_contrast"]}, None),
    ],
)  # fmt: skip
def test_levels_that_no_p_can_reach_are_refused(replicates, tests, sentence):
    problems = design_problems(design([{**HALVES, "replicates": replicates}], tests=tests))
    assert problems == ([sentence] if sentence else [])


@pytest.mark.parametrize("n", [2, 4, 6])
@pytest.mark.parametrize("alpha", [0.2, 0.01, 0.001])
def test_the_design_that_is_named_can_reach_the_level_and_no_smaller_one(n, alpha):
    problems = design_problems(design([{**HALVES, "replicates": n}], tests={"alpha": alpha}))
    if smallest_adjusted_p(n, n, 2, 10000) < alpha:
        assert problems == []
        return
    named = int(problems[0].rsplit(": ", 1)[1].split()[0])
    assert smallest_adjusted_p(named, named, 2, 10000) < alpha
    assert named == n or smallest_adjusted_p(named - 1, named - 1, 2, 10000) >= alpha


def test_permutations_that_are_too_few_for_rotating_footprints_are_named():
    (problem,) = design_problems(design([ROTATING], opposite=[], tests={"alpha": 1e-5}))
    assert problem == (
        "12 rotating footprints cannot reach 1e-05 (smallest adjusted p 0.0002 with 2 primary tests): 12 footprints can"
        " with 200000 permutations"
    )


def test_an_experiment_that_compares_nothing_is_refused():
    (problem,) = design_problems(design(opposite=[]))
    assert problem.startswith("a primary test cannot be made: a response needs 6 rotating footprints or more")
    (problem,) = design_problems(design(tests={"primary": ["fraction_response"]}))
    assert problem.startswith("fraction_response cannot be made")


def test_the_same_region_twice_and_sets_of_two_sizes_are_refused_together():
    def edit(config):
        config["footprints"]["west"] = {"region": {"footprint": "east"}, "matching": "other"}

    checked = design(edit=edit)
    assert design_problems(checked) == [
        "east and west have the same region",
        "east has training sets of 960 galaxies a class and west of 8: a difference may be that of size",
    ]
    with pytest.raises(InputError, match="east and west have the same region; east has training sets of 960") as raised:
        check_designs([checked, {**design([{**HALVES, "replicates": 2}]), "name": "second"}])
    # One sentence for all designs.
    assert "; experiments.second cannot be answered: 2 + 2 training sets" in str(raised.value)
    (sentence,) = check_designs([{**checked, "allow_unanswerable": True}, design()])
    assert sentence.startswith("experiments.first cannot be answered: east and west have the same region")


@pytest.mark.parametrize(("west", "kind"), [([90, 270], None), ([150, 330], "note"), ([60, 240], "problem")])
def test_regions_that_overlap_are_noted_or_refused(west, kind):
    def edit(config):
        config["footprints"]["west"]["region"] = {"ra_range": west}
        config["footprints"]["east"]["region"] = {"ra_range": [0, 180] if kind else [270, 90]}

    report = design_report(design(edit=edit))
    shared = {"note": "17%", "problem": "67%"}
    assert (len(report.notes), len(report.problems)) == (int(kind == "note"), int(kind == "problem"))
    if kind:
        (sentence,) = report.notes or report.problems
        assert sentence.startswith(f"east and west have {shared[kind]} of the smaller region in common")


def test_power_is_that_of_the_deciding_rule_for_the_stated_effect():
    report = design_report(design([ROTATING, HALVES]))
    (row, pattern) = report.tests
    low, high = row["power"]
    # Twelve footprints of 960 galaxies a class and two seeds, the default experiment.
    assert 0.7 < low < high <= 1
    assert pattern["power"] is None
    assert "0.23 / sqrt(per_class)" in report.assumption
    small = design_report(design([ROTATING], opposite=[], tests={"effect": 0.005}))
    assert small.tests[0]["power"][1] < 0.1
    (note,) = small.notes
    assert note.startswith("fraction_response: a change of the fraction by 0.005 is found with a power of 0.0")


def test_a_design_below_its_floor_has_no_power():
    checked = design([{**HALVES, "replicates": 3}])
    (test, *_) = planned_tests(checked)
    assert expected_power(test, checked, 2) == (0.0, 0.0)


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_experiments_can_answer(path):
    def laid_over(base, other):
        for key, value in other.items():
            base[key] = laid_over(dict(base.get(key) or {}), value) if isinstance(value, dict) else value
        return base

    config = laid_over(yaml.safe_load((ROOT / "config.yaml").read_text()), yaml.safe_load(path.read_text()))
    settings = load(config)
    for name in settings.active_experiments:
        assert design_problems(settings.design_parameter(name)) == []
