"""Answers of controls: healthy ones, alarms, and those that cannot tell."""

import copy

import numpy as np
import pandas as pd
import pytest

from tests.small_experiment import rotating_and_halves
from tests.unit.bias.synthetic_experiment import write_experiment
from workflow_scripts.answers.answer import CONTROL, POSITIVE_CONTROL, Answer, headline
from workflow_scripts.answers.wording import limit_in_points
from workflow_scripts.bias.controls import answer_without_cause, answers_to_dose, measured_controls
from workflow_scripts.bias.run_level import RunLevelTest, RunLevelTests
from workflow_scripts.configuration.control_entries import controls_parameter
from workflow_scripts.configuration.loading import load
from workflow_scripts.runs import listed_runs

ARMS = {
    "rotating": {"footprints": ["rotating"], "networks": ["net"]},
    "halves": {"footprints": ["east", "west"], "networks": ["net"], "replicates": 2},
}
CONFIG = rotating_and_halves(ARMS, {}, tests={"permutations": 1000}, controls={"placebo": True, "shuffled_sky": True})
# Level, largest possible effect, and the one of interest.
LIMITS = 0.01, 0.3, 0.25
PRIMARY = Answer("Does it?", "t", "yes", "The footprint changes the fraction", "The footprint changes the fraction")


def answered(folder, effect: float, kind: str, without: str | None = None) -> Answer:
    """The answer of a control whose networks follow their footprint's axis by `effect`."""
    config = copy.deepcopy(CONFIG)
    if without:
        del config["experiments"]["main"]["arms"][without]
    settings = load(config)
    control = controls_parameter(settings, "main")[kind]
    listed = listed_runs(control)
    _, files, catalog = write_experiment(folder, effect, listed, n=1500)
    for number, (run, file) in enumerate(zip(listed, files, strict=True)):
        place = folder / run["run_id"] / "annotations.parquet"
        place.parent.mkdir(parents=True)
        file.rename(place)
        drawn = folder / run["footprint"] / f"resample{run['resample']}" / "training_set.parquet"
        drawn.parent.mkdir(parents=True)
        pd.DataFrame({"source_id": [f"t{number}"]}).to_parquet(drawn)
    patterns = (
        f"{folder}/{{run_id}}/annotations.parquet",
        f"{folder}/{{footprint}}/resample{{resample}}/training_set.parquet",
    )
    controls = measured_controls(settings.bias_parameter("main"), {kind: control}, *patterns, str(catalog))
    assert controls.entries == {kind: control}
    assert len(controls.files) == len(files)
    (answer,) = controls.answers
    assert answer.role == CONTROL
    assert answer.as_dict()["role"] == "control"
    return answer


@pytest.mark.parametrize("kind", ["placebo", "shuffled_sky"])
def test_a_control_that_finds_is_in_the_headline(tmp_path, kind):
    answer = answered(tmp_path, 0.05, kind)
    assert answer.answer == "yes"
    assert answer.p_adjusted < 0.01
    assert answer.effect.value > 0.02
    assert "speaks against" in answer.statement
    start = {"placebo": "Placebo footprints show an effect", "shuffled_sky": "Footprints on a shuffled sky show an eff"}
    assert headline([PRIMARY, answer]).startswith(start[kind])
    assert "the footprint changes the fraction" in headline([PRIMARY, answer])


def test_a_healthy_control_has_its_line_and_no_part_in_the_headline(tmp_path):
    answer = answered(tmp_path, 0.0, "placebo")
    assert answer.answer == "no"
    assert answer.p_adjusted >= 0.01
    assert 0 < answer.limit95 < 0.05
    assert f"show no effect above {limit_in_points(answer.limit95)} in the fraction, as they should" in answer.text
    assert "(No is the healthy answer.)" in answer.question
    assert headline([PRIMARY, answer]) == "The footprint changes the fraction."


def test_a_control_of_few_training_sets_cannot_tell(tmp_path):
    answer = answered(tmp_path, 0.0, "shuffled_sky", without="rotating")
    assert answer.answer == "cannot tell"
    assert answer.next


@pytest.mark.parametrize(
    ("numbers", "answer", "words"),
    [
        ({"p_permutation": 0.5, "limit95": 0.2}, "no", "above 20.0 percentage points in the fraction"),
        ({"p_permutation": 0.5, "limit95": 0.4}, "cannot tell", "nothing is excluded"),
        ({"p_permutation": 0.5, "limit95": 0.28}, "cannot tell", "about one of 25.0 percentage points"),
        ({"p_permutation": 0.5}, "cannot tell", "nothing is excluded"),
        ({"p_permutation": 0.5, "limit95": 0.0}, "cannot tell", "nothing is excluded"),
        ({"p_permutation": 0.05, "p_smallest": 0.05}, "cannot tell", "No adjusted p below 0.05"),
        ({"p_permutation": 0.001, "size_ci95": (0.0, 0.4)}, "yes", "probability of 0.01"),
    ],
)
def test_answer_of_one_test(numbers, answer, words):
    test = RunLevelTest("fraction_response", "", "", "run", "primary", 12, size=0.1, quantity="fraction", **numbers)
    found = answer_without_cause("placebo", RunLevelTests((test.name,), tests=[test]), *LIMITS)
    assert found.answer == answer
    assert words in found.text


def test_controls_are_adjusted_over_the_classes_too():
    numbers = {"p_permutation": 0.004, "p_smallest": 0.001, "size_ci95": (0.0, 0.1), "limit95": 0.1}
    test = RunLevelTest("fraction_response", "", "", "run", "primary", 12, size=0.1, quantity="fraction", **numbers)
    one, three = (answer_without_cause("placebo", RunLevelTests((), tests=[test]), *LIMITS, sets) for sets in (1, 3))
    assert (one.answer, three.answer) == ("yes", "no")
    assert (one.p_adjusted, three.p_adjusted) == pytest.approx((0.004, 0.012))
    for alone, adjusted in zip(dosed(0.05, 4), dosed(0.05, 4, sets_of_tests=3), strict=True):
        assert adjusted.p_adjusted == pytest.approx(3 * alone.p_adjusted)


def test_a_control_without_a_primary_test_cannot_tell():
    failed = {"2 footprints are too few": ["fraction_response"]}
    found = answer_without_cause("placebo", RunLevelTests(("fraction_response",), failed=failed), *LIMITS)
    assert found.answer == "cannot tell"
    assert "fraction_response: 2 footprints are too few." in found.because


def dosed(
    effect: float, sets: int, doses=(0.0, 0.3, 0.6, 0.9), labelled: bool = True, sets_of_tests: int = 1
) -> list[Answer]:
    """Answers of runs whose fraction, and dipole, follow the dose by `effect`; two seeds a training set."""
    random = np.random.default_rng(3)
    networks = {f"net{number}": dose for number, dose in enumerate(doses)}
    rows = []
    for resample in range(sets):
        level = random.normal(0.4, 0.05)
        for network, dose in networks.items():
            for seed in (0, 1):
                dipole = np.array([0.06 + effect * dose, 0, 0]) + random.normal(0, 0.002, 3)
                row = {"footprint": "east", "resample": resample, "seed": seed, "network": network}
                row |= {"fraction": level + effect * dose + random.normal(0, 0.003), "n_reference": 100 * labelled}
                rows.append(row | dict(zip(("dipole_x", "dipole_y", "dipole_z"), dipole, strict=True)))
    control = {"doses": networks, "undosed": dict.fromkeys(networks, "net0")}
    settings = {"alpha": 0.01, "permutations": 2000, "seed": 0}
    found = answers_to_dose(pd.DataFrame(rows), control, settings, ["elliptical", "spiral"], sets_of_tests)
    assert {one.role for one in found} == {POSITIVE_CONTROL}
    return found


def test_annotations_that_follow_the_dose_are_healthy():
    fraction, pattern = dosed(0.05, 4)
    for answer in (fraction, pattern):
        assert answer.answer == "yes"
        low, high = answer.effect.ci95
        assert low < 0.9 * 0.05 < high
        assert "as it should" in answer.statement
        assert "which rises or falls all the way" in answer.text
    assert fraction.test == "dose_fraction"
    assert "(Yes is the healthy answer.)" in pattern.question
    assert headline([PRIMARY, fraction, pattern]) == "The footprint changes the fraction."


def test_annotations_that_do_not_follow_are_in_the_headline():
    fraction, pattern = dosed(0.0, 4)
    assert {fraction.answer, pattern.answer} == {"no"}
    assert 0 < fraction.limit95 < 0.02
    assert headline([PRIMARY, fraction]).startswith("The fraction of spiral does not follow a blur")


def test_one_training_set_of_few_doses_cannot_tell():
    fraction, _ = dosed(0.05, 1)
    assert fraction.answer == "cannot tell"
    assert "No adjusted p below" in fraction.text
    assert "replicates" in fraction.next[0]


def test_two_doses_are_no_trend():
    (fraction, _) = dosed(0.05, 3, doses=(0.0, 0.5))
    assert fraction.answer == "cannot tell"
    assert "too few" in fraction.text


def test_the_pattern_needs_reference_labels():
    (fraction,) = dosed(0.05, 4, labelled=False)
    assert fraction.test == "dose_fraction"
