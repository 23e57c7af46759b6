"""Designs that cannot answer are refused with one sentence that says what would; those that can are not."""

import copy
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from tests.small_experiment import CONFIG
from workflow_scripts.answers.design_report import Pilot, design_report, expected_findings, expected_power
from workflow_scripts.answers.designs import check_designs, planned_tests, problems_and_notes
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.sources import Source
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


def test_a_refusal_of_three_classes_is_one_and_names_what_the_file_has():
    """Issue: it came once a class, and named an experiment that the file has not."""
    made = design([{**HALVES, "replicates": 3}])
    of_classes = [{**made, "name": f"first_{one}", "one_class": {"name": one, "tested": 3}} for one in "abc"]
    with pytest.raises(InputError) as refused:
        check_designs(of_classes)
    assert str(refused.value).count("cannot be answered") == 1
    assert "in experiments.first.arms.arm0" in str(refused.value)


def test_p_is_adjusted_over_the_classes_too():
    one = design([HALVES, ROTATING], tests={"permutations": 500})
    assert [row["smallest_p_adjusted"] for row in design_report(one).tests] == pytest.approx([2 / 501] * 2)
    three = {**one, "one_class": {"name": "spiral", "number": 1, "classes": 3, "tested": 3}}
    assert [row["smallest_p_adjusted"] for row in design_report(three).tests] == pytest.approx([6 / 501] * 2)
    (problem, *_), _ = problems_and_notes(three)
    assert "the smallest is 0.012, with 6 primary tests" in problem


def test_every_network_has_its_tests():
    def edit(config):
        config["networks"]["other"] = dict(config["networks"]["net"])

    tests = planned_tests(design([{**HALVES, "networks": ["net", "other"]}], edit))
    assert [test.network for test in tests] == ["net", "net", "other", "other"]


SETS = "{0} + {0} training sets of east and west can give no adjusted p below 0.01 (the smallest is {1}, with 2 primary"
HALF = "experiments.first.arms.arm0"


@pytest.mark.parametrize(
    ("replicates", "tests", "sentence"),
    [
        (3, {}, f"{SETS.format(3, 0.2)} tests): set `replicates: 6` in {HALF}"),
        (5, {}, f"{SETS.format(5, 0.016)} tests): set `replicates: 6` in {HALF}"),
        (1, {}, f"{SETS.format(1, 1)} tests): set `replicates: 6` in {HALF}"),
        (
            6,
            {"permutations": 100},
            f"{SETS.format(6, 0.02)} tests): set `permutations: 200` in experiments.first.tests",
        ),
        (
            3,
            {"permutations": 100},
            f"{SETS.format(3, 0.2)} tests): set `replicates: 5` in {HALF} and set `permutations: 200` in"
            " experiments.first.tests",
        ),
        (5, {"alpha": 0.05}, None),
        (6, {}, None),
        (5, {"primary": ["fraction_contrast"]}, None),
    ],
)
def test_levels_that_no_p_can_reach_are_refused(replicates, tests, sentence):
    problems, _ = problems_and_notes(design([{**HALVES, "replicates": replicates}], tests=tests))
    assert problems == ([sentence] if sentence else [])


def test_every_arm_that_has_to_grow_is_named():
    arms = [{**HALVES, "footprints": [name], "replicates": 3} for name in ("east", "west")]
    ((problem,), _) = problems_and_notes(design([*arms, ROTATING], tests={"primary": ["fraction_contrast"]}))
    assert problem.endswith(": set `replicates: 5` in experiments.first.arms.arm0 and experiments.first.arms.arm1")


@pytest.mark.parametrize("n", [2, 4, 6])
@pytest.mark.parametrize("alpha", [0.2, 0.01, 0.001])
def test_the_design_that_is_named_can_reach_the_level_and_no_smaller_one(n, alpha):
    problems, _ = problems_and_notes(design([{**HALVES, "replicates": n}], tests={"alpha": alpha}))
    if smallest_adjusted_p(n, n, 2, 10000) < alpha:
        assert problems == []
        return
    named = int(problems[0].split("`replicates: ")[1].split("`")[0])
    assert smallest_adjusted_p(named, named, 2, 10000) < alpha
    assert named == n or smallest_adjusted_p(named - 1, named - 1, 2, 10000) >= alpha


def test_permutations_that_are_too_few_for_rotating_footprints_are_named():
    ((problem,), _) = problems_and_notes(design([ROTATING], opposite=[], tests={"alpha": 1e-5}))
    assert problem == (
        "12 rotating footprints can give no adjusted p below 1e-05 (the smallest is 0.0002, with 2 primary tests): set"
        " `permutations: 200000` in experiments.first.tests"
    )
    few = [f"rotating_{number:02d}" for number in range(6)]
    ((problem,), _) = problems_and_notes(design([{**ROTATING, "footprints": few}], opposite=[], tests={"alpha": 0.001}))
    assert problem.endswith(": name 7 of the family in experiments.first.arms.arm0")


def test_an_experiment_that_compares_nothing_is_refused():
    ((problem,), _) = problems_and_notes(design(opposite=[]))
    assert problem == (
        "a primary test needs 6 footprints or more of a rotating family in one arm or a pair of footprints under"
        " `opposite`, each in an arm"
    )
    ((problem,), _) = problems_and_notes(design(tests={"primary": ["fraction_response"]}))
    assert problem == "the primary test fraction_response needs 6 footprints or more of a rotating family in one arm"


def test_the_same_region_twice_and_sets_of_two_sizes_are_refused_together():
    def edit(config):
        config["footprints"]["west"] = {"region": {"footprint": "east"}, "matching": "other"}

    checked = design(edit=edit)
    assert problems_and_notes(checked)[0] == [
        "east and west have the same region",
        "east has training sets of 960 galaxies a class and west of 8, so that a difference may come from their size",
    ]
    file = Source("mine.yaml", {"experiments": {"second": {}}})
    with pytest.raises(InputError, match="east and west have the same region; east has training sets of 960") as raised:
        check_designs([checked, {**design([{**HALVES, "replicates": 2}]), "name": "second"}], [file])
    # One sentence for all designs.
    assert "; mine.yaml: experiments.second cannot be answered: 2 + 2 training sets" in str(raised.value)
    assert str(raised.value).endswith("(to run it nevertheless, set `allow_unanswerable: true` in it)")
    (sentence,) = check_designs([{**checked, "allow_unanswerable": True}, design()])
    assert sentence.startswith("experiments.first cannot be answered: east and west have the same region")


@pytest.mark.parametrize(("west", "kind"), [([90, 270], None), ([150, 330], "note"), ([60, 240], "problem")])
def test_regions_that_overlap_are_noted_or_refused(west, kind):
    def edit(config):
        config["footprints"]["west"]["region"] = {"ra_range": west}
        config["footprints"]["east"]["region"] = {"ra_range": [0, 180] if kind else [270, 90]}

    checked = design(edit=edit)
    report = design_report(checked)
    shared = {"note": "17%", "problem": "67%"}
    assert (len(report.notes), len(report.problems)) == (int(kind == "note"), int(kind == "problem"))
    if kind:
        (sentence,) = report.notes or report.problems
        assert sentence.startswith(f"east and west have {shared[kind]} of the smaller region in common")
    # Every start of the workflow says the same.
    if kind == "problem":
        with pytest.raises(InputError, match="67% of the smaller region"):
            check_designs([checked])
        checked["allow_unanswerable"] = True
    assert [sentence.split("experiments.first")[1][:1] for sentence in check_designs([checked])] == (
        [" "] if kind == "problem" else [":"] if kind else []
    )


def test_a_moc_that_is_gone_stops_no_start(tmp_path):
    """`missing_files: accept` keeps the results that were made from it."""

    def edit(config):
        config["footprints"]["west"]["region"] = {"moc": {"path": str(tmp_path / "gone.fits")}}

    assert problems_and_notes(design(edit=edit)) == ([], [])


DOSES = {"footprint": "east", "blur_fwhm_arcsec": [0.5, 1.0, 1.5]}


@pytest.mark.parametrize(
    ("replicates", "blurs", "permutations", "end"),
    [
        (1, [0.5, 1, 1.5], 10000, "of net on 1 training set of east can give no adjusted p below 0.01"
                                  f" (the smallest is 0.17, with 2 tests): set `replicates: 2` in {HALF}"),
        (1, [0.5, 1, 2, 3, 4], 10000, None),
        (2, [0.5, 1, 1.5], 10000, None),
        (2, [0.5, 1, 1.5], 150, "(the smallest is 0.013, with 2 tests): set `permutations: 200` in experiments."
                                "first.tests"),
        (6, [1], 10000, "needs two blurs or more: name them in experiments.first.controls.dose"),
    ],
)  # fmt: skip
def test_a_dose_response_that_cannot_answer_is_refused(replicates, blurs, permutations, end):
    halves, rotating = {**HALVES, "replicates": replicates}, {"footprints": ["rotating"], "networks": ["net"]}
    dose = {**DOSES, "blur_fwhm_arcsec": blurs}
    tests = {"permutations": permutations}
    checked = design([halves, rotating], controls={"dose": dose}, tests={**tests, "primary": ["fraction_response"]})
    problems, _ = problems_and_notes(checked)
    assert len(problems) == bool(end)
    if end:
        assert problems[0].startswith("the dose response of net on ")
        assert problems[0].endswith(end)


def test_controls_that_repeat_tests_without_a_p_are_named():
    controls = {"placebo": True, "shuffled_sky": True}
    problems, _ = problems_and_notes(design([{**HALVES, "replicates": 3}], controls=controls))
    assert problems[1:] == ["the same holds for the tests of controls.placebo and controls.shuffled_sky"]
    assert problems_and_notes(design(controls=controls)) == ([], [])


def test_power_is_that_of_the_deciding_rule_for_the_stated_effect():
    report = design_report(design([ROTATING, HALVES]))
    (row, pattern) = report.tests
    low, high = row["power"]
    # Twelve footprints of 960 galaxies a class and two seeds, the default experiment.
    assert 0.7 < low < high <= 1
    assert pattern["power"] is None
    (sentence, not_known, assumed) = expected_findings(asdict(report))
    assert not_known.startswith("pattern_response (12 rotating footprints): power not known before a pilot: how much")
    assert sentence.endswith(f"power {low:.2f} to {high:.2f} for a change of the fraction by 0.05")
    assert "0.23 / sqrt(per_class)" in assumed
    small = design_report(design([ROTATING], opposite=[], tests={"effect": 0.005}))
    assert small.tests[0]["power"][1] < 0.1
    assert small.notes == []
    assert expected_findings(asdict(small))[0].endswith("for a change of the fraction by 0.005, which is low")


def test_a_pilot_takes_the_place_of_what_is_assumed():
    pilots = {(name, "net"): Pilot(0.01, "runs.csv") for name in ("fraction_response", "pattern_response")}
    report = design_report(design([ROTATING], opposite=[], tests={"permutations": 999, "alpha": 0.05}), pilots)
    (fraction, pattern) = report.tests
    assert fraction["power"][0] == fraction["power"][1]
    assert 0.2 < pattern["power"][0] < pattern["power"][1] < 1
    sentences = expected_findings(asdict(report))
    assert len(sentences) == 2
    assert sentences[1].endswith("for a change of the sky pattern by 0.05, by the scatter of 0.01 in runs.csv")


def test_a_design_below_its_floor_has_no_power():
    checked = design([{**HALVES, "replicates": 3}])
    (test, *_) = planned_tests(checked)
    assert expected_power(test, checked, 2) == (0.0, 0.0)


SHIPPED = {path.stem: path.read_text() for path in sorted((ROOT / "experiments").glob("*.yaml"))}
SHIPPED["README"] = (ROOT / "README.md").read_text().split("```yaml\n")[1].split("```")[0]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_experiments_can_answer(name):
    def laid_over(base, other):
        for key, value in other.items():
            base[key] = laid_over(dict(base.get(key) or {}), value) if isinstance(value, dict) else value
        return base

    config = laid_over(yaml.safe_load((ROOT / "config.yaml").read_text()), yaml.safe_load(SHIPPED[name]))
    settings = load(config)
    for name in settings.active_experiments:
        assert problems_and_notes(settings.design_parameter(name)) == ([], [])
