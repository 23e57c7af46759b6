"""What an experiment answers: decided by its tests, at the design that there is, with what stands against it."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.answered_tests import a_test, answers_of
from tests.unit.bias.synthetic_experiment import SEEING, experiment_runs, write_experiment, write_training
from workflow_scripts.answers.answer import CONTROL, HEADLINE_WORDS, NO, SECONDARY, YES
from workflow_scripts.bias.declared_tests import CONTRAST, PATTERN, RunLevelTest
from workflow_scripts.bias.experiment_answers import experiment_headline
from workflow_scripts.bias.network_cautions import cautions_of_trainings, read_trainings
from workflow_scripts.bias.quantities import DIPOLE, REFERENCE_DIPOLE
from workflow_scripts.bias.run_statistics import pattern_numbers
from workflow_scripts.configuration.expansion import BASE_PIXELS
from workflow_scripts.errors import InputError
from workflow_scripts.measure_bias import measure
from workflow_scripts.sky.unit_vectors import unit_vectors

CURVE = {"least": {"amplitude": 0.076, "mu": 0.1}, "largest": {"amplitude": 0.106, "mu": 0.96}}
CURVE |= {"common_direction": "towards RA 120°, Dec +30°", "deciding": "even along the common dipole"}
CURVE |= {"even_p": 0.001, "odd_p": 0.2}


def measured(folder, given, training_sets=()):
    experiment, files, catalog = given
    measure(experiment, experiment["runs"], files, catalog, folder / "bias", [str(file) for file in training_sets])
    return json.loads((folder / "bias" / "summary.json").read_text())


def answer_of(summary, test):
    return next(answer for answer in summary["answers"] if answer["test"] == test)


def write_sets(folder, sets):
    """Training sets by footprint and resample: ids, and positions where given."""
    files = []
    for (footprint, resample), table in sets.items():
        files.append(folder / footprint / f"resample{resample}" / "training_set.parquet")
        files[-1].parent.mkdir(parents=True)
        table.to_parquet(files[-1])
    return files


def test_the_estimate_comes_first_and_no_has_a_limit():
    yes, no = answers_of([a_test("fraction_response", 0.001), a_test("x_response", 0.3)])
    assert yes.text.startswith(
        "Networks trained on one half of the sky call 2.0 percentage points more galaxies positive (95 %: 0.0 to 5.0)"
        " than those trained on the opposite half of the sky (adjusted p"
    )
    assert (yes.answer, yes.p_adjusted, yes.effect.ci95) == ("yes", 0.001, (0.0, 0.05))
    assert (no.answer, no.limit95) == ("no", 0.045)
    assert "one above 4.5 percentage points is excluded at 95 %" in no.statement


def test_a_limit_above_what_the_fraction_allows_excludes_nothing():
    (answer,) = answers_of([a_test("fraction_response", 0.3, limit95=0.41)])
    assert answer.answer == "cannot tell"
    assert "up to 40.0 percentage points, are compatible" in answer.because[0]
    (answer,) = answers_of([a_test("x_response", 0.3, size_ci95=(-2.7, 2.9), limit95=1.97)])
    assert (answer.answer, answer.limit95, answer.effect.ci95) == ("cannot tell", None, (-1, 1))
    assert "up to 40.0 percentage points, are compatible" in answer.because[0]
    assert "(95 %: -100.0 to 100.0)" in answer.statement


def test_each_test_has_its_own_floor():
    first, second = answers_of(
        [
            a_test("fraction_response", 0.3),
            a_test("fraction_contrast", 0.3, CONTRAST, p_smallest=0.02, footprints=("a", "b")),
        ]
    )
    assert (first.answer, second.answer) == ("no", "cannot tell")
    assert "No adjusted p below" in second.because[0]


def test_a_comparison_that_is_none_cannot_decide_whatever_its_p():
    sentence = "Training sets of a have 80 galaxies, those of b 320."
    (answer,) = answers_of([a_test("fraction_response", 1e-6, invalid=sentence, cautions=(sentence,), remedy="80.")])
    assert (answer.answer, answer.because, answer.next) == ("cannot tell", [sentence], ["80."])


def test_a_secondary_difference_is_in_the_headline_where_the_primary_tests_found_none():
    halves = a_test(
        *("fraction_contrast east - west", 1e-5, CONTRAST, "secondary design"), size=0.06, footprints=("east", "west")
    )
    answers = answers_of([a_test("fraction_response", 0.4), halves])
    assert [(one.role, one.answer) for one in answers] == [("primary", "no"), ("secondary", "yes")]
    assert experiment_headline(answers) == (
        "Rotating footprints change the annotated fraction by less than 4.5 percentage points; but east and west"
        " differ in the annotated fraction by 6.0 percentage points."
    )
    assert "The other design, which is secondary, finds a difference: fraction contrast east - west" in answers[0].text


def test_a_pattern_is_described_by_where_it_is_smallest_and_largest():
    (answer,) = answers_of([a_test("pattern_response", 0.001, PATTERN, quantity="dipole", size=0.03, details=CURVE)])
    assert (
        "from 7.6 percentage points for footprints across it (mu = +0.10) to 10.6 for those centred towards it (mu ="
        " +0.96); mu is the cosine of the angle between the footprint's axis and that direction" in answer.statement
    )
    assert answer.short == "The training footprint changes the sky pattern by 3.0 percentage points"
    assert answer.because == [
        "Of the curve, the part even in mu (both ends above or below the middle) has p = 0.001 and the odd part"
        " (one end above the other) p = 0.2, each by itself."
    ]


def test_a_limit_is_never_rounded_to_a_smaller_one():
    (answer,) = answers_of([a_test("fraction_response", 0.3, size=0.0003, size_ci95=(0.0, 0.0041), limit95=0.00241)])
    assert answer.short == "The training footprint changes the annotated fraction by less than 0.25 percentage points"
    assert "one above 0.25 percentage points is excluded" in answer.statement
    assert "The fraction called positive moves by 0.03 percentage points (95 %: 0.0 to 0.41)" in answer.statement


def test_regions_stand_alone_only_without_rotating_footprints():
    contrast = a_test("fraction_contrast a - b", 0.3, CONTRAST, footprints=("a", "b"))
    (alone,) = answers_of([contrast])
    assert alone.because == ["Two regions alone were compared: they may differ in more than where they lie."]
    assert answers_of([contrast, a_test("fraction_response", 0.3)])[0].because == []


def test_an_odd_response_across_the_common_dipole_has_its_own_size(tmp_path):
    """The amplitude along the common dipole does not change, so that the curve is no size of what was found."""
    axes = unit_vectors(*np.transpose(BASE_PIXELS))
    noise = 0.001 * np.random.default_rng(0).normal(size=(12, 3))
    dipoles = np.array([0.1, 0, 0]) + 0.02 * axes[:, [1]] * np.array([0, 0, 1]) + noise
    means = pd.DataFrame(np.hstack([dipoles, dipoles]), columns=[*DIPOLE, *REFERENCE_DIPOLE])
    found = pattern_numbers(axes, means, None, None, np.eye(3) * 1e-4, (999, 0))
    assert found["details"]["deciding"] == "odd"
    assert found["size"] == pytest.approx(0.04, abs=0.003)
    assert found["size_ci95"][0] > 0.03
    found["p_permutation"], design = 0.001, {"family": "primary", "design": PATTERN, "quantity": "dipole"}
    (answer,) = answers_of([RunLevelTest("pattern_response", "e", "n", "run", n=12, network="net", **design, **found)])
    assert answer.statement.startswith("The sky pattern of the annotations moves by ")
    assert answer.because[0].startswith("The largest part of the response is odd in the footprint's axis")
    assert f"odd {found['details']['parts']['odd']['p']:.2g}" in answer.because[0]


def even_experiment(folder):
    """Networks whose labels have a dipole that grows with the square of the cosine between their axis and SEEING."""
    runs = [run for run in experiment_runs(seeds=2) if run["arm"] == "rotating"]
    experiment, files, catalog = write_experiment(folder, 0.0, runs, n=4000)
    for run, file in zip(runs, files, strict=True):
        table = pd.read_parquet(file)
        mu = SEEING @ unit_vectors(*run["axis"])
        shift = (0.2 + 0.15 * mu**2) * unit_vectors(table["ra"], table["dec"]) @ SEEING
        table["label"] = (table["score"] + shift > 0.5).astype(np.int8)
        table.to_parquet(file)
    return experiment, files, catalog


def test_an_even_response_is_found_and_reported_as_a_curve(tmp_path):
    summary = measured(tmp_path, even_experiment(tmp_path))
    answer = answer_of(summary, "pattern_response")
    assert (answer["answer"], answer["role"]) == ("yes", "primary")
    tests = {test["name"]: test for test in summary["tests"]}
    assert tests["dipole_response"]["family"] == "run level"
    assert tests["dipole_response"]["p_permutation"] > 0.01
    (curve,) = summary["pattern"]
    assert abs(curve["least"]["mu"]) < 0.4
    assert abs(curve["largest"]["mu"]) > 0.8
    assert curve["even_p"] < 0.001
    assert len(curve["mu"]) == len(curve["low"]) == len(curve["high"])
    assert curve["low"][0] < curve["amplitude"][0] < curve["high"][0]
    assert len(curve["footprint_mu"]) == len(curve["footprints"]) == 12
    common = answer_of(summary, "common_dipole")
    assert (common["answer"], common["role"]) == ("yes", "secondary")
    assert "Imaging, the reference labels, or a gradient of the true morphology" in common["because"][0]
    assert re.search(r"; all networks share a dipole of [\d.]+ against the reference\.$", summary["headline"])


def test_the_design_that_can_be_fitted_is_the_primary_one(tmp_path):
    """Five of twelve members cannot be fitted, but the halves can."""
    runs = [run for run in experiment_runs(seeds=6) if not run["family"] or run["footprint"] < "rotating_05"]
    summary = measured(tmp_path, write_experiment(tmp_path, 0.05, runs, n=1000))
    assert set(summary["primary"]) == {"fraction_contrast east - west", "dipole_contrast east - west"}
    assert answer_of(summary, "fraction_contrast east - west")["answer"] == "yes"


def test_named_primary_tests_are_kept(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.05, experiment_runs(seeds=1), n=1000)
    experiment["tests"]["primary"] = ["dipole_response"]
    summary = measured(tmp_path, (experiment, files, catalog))
    assert set(summary["primary"]) == {"dipole_response"}
    roles = {answer["test"]: answer["role"] for answer in summary["answers"]}
    assert roles["dipole_response"] == "primary"
    assert roles["fraction_response"] == roles["pattern_response"] == "secondary"


def test_three_sets_against_three_cannot_tell_and_what_would_is_said(tmp_path):
    """They give no exact p below 2/20."""
    summary = measured(tmp_path, write_experiment(tmp_path, 0.2, experiment_runs(with_rotating=False, seeds=3), n=1000))
    answer = answer_of(summary, "fraction_contrast east - west")
    assert answer["answer"] == "cannot tell"
    assert answer["because"][0] == "No adjusted p below 0.2 can come out of this test, at any effect."
    assert answer["next"][0].startswith("6 training sets of each of east and west")
    assert "cannot be decided" in summary["headline"]
    budget = summary["variance_budget"][0]["detectable"]
    assert all(row["effect"] is None for row in budget if row["samples"] == 3)


def test_training_sets_that_cannot_be_compared_are_named(tmp_path):
    """Half of the galaxies in common, and three times as many in one arm: `test_training_balance` has the kinds."""
    given = write_experiment(tmp_path, 0.05, experiment_runs(with_rotating=False, seeds=6), n=1000)
    sets = {}
    for resample in range(6):
        # Each set of the east has galaxies of the next one; the west has none in common.
        for footprint, first, n in (("east", 50 * resample, 100), ("west", 5000 + 1000 * resample, 300)):
            sets[footprint, resample] = pd.DataFrame({"source_id": [f"t{first + number}" for number in range(n)]})
    summary = measured(tmp_path, given, write_sets(tmp_path, sets))
    answer = answer_of(summary, "fraction_contrast east - west")
    assert answer["answer"] == "cannot tell"
    assert set(answer["because"][:2]) <= set(summary["warnings"])
    assert answer["because"][0].startswith("Training sets of an arm have in common 16.7% of their galaxies")
    assert answer["because"][1].startswith("Training sets of east have 100 galaxies, those of west 300")


def test_rotating_footprints_that_share_galaxies_are_named(tmp_path):
    given = write_experiment(tmp_path, 0.05, experiment_runs(seeds=1), n=1000)
    ids = {number: [f"t{95 * number + n}" for n in range(100)] for number in range(12)}
    sets = {(f"rotating_{number:02d}", 0): pd.DataFrame({"source_id": ids[number]}) for number in range(12)}
    answer = answer_of(measured(tmp_path, given, write_sets(tmp_path, sets)), "fraction_response")
    assert answer["answer"] == "yes"
    sentence = (
        "Training sets of different footprints have in common up to 5.0% of their galaxies, so that p is too small."
    )
    assert sentence in answer["because"]


def test_a_common_dipole_that_is_noise_is_called_that(tmp_path):
    summary = measured(tmp_path, write_experiment(tmp_path, 0.0, experiment_runs()))
    answer = answer_of(summary, "common_dipole")
    assert (answer["answer"], answer["because"]) == ("no", [])
    assert "not distinguishable from noise" in summary["verdict"]


def test_two_footprints_name_no_cause(tmp_path):
    runs = [run for run in experiment_runs(with_rotating=False, seeds=5) if run["arm"] == "halves"]
    experiment, files, catalog = write_experiment(tmp_path, 0.0, runs)
    for file in files:
        table = pd.read_parquet(file)
        shift = 0.2 * unit_vectors(table["ra"], table["dec"]) @ SEEING
        table.assign(label=(table["score"] + shift > 0.5).astype(np.int8)).to_parquet(file)
    answer = answer_of(measured(tmp_path, (experiment, files, catalog)), "common_dipole")
    assert answer["answer"] == "yes"
    assert answer["because"][0] == "What follows the footprints does not cancel in it, so that its cause is not known."


def rewrite(file, labels):
    table = pd.read_parquet(file)
    table.assign(label=np.asarray(labels, np.int8), score=np.asarray(labels, np.float32)).to_parquet(file)


@pytest.mark.parametrize("primary", [[], ["fraction_contrast"], ["pattern_response", "mean_score_contrast"]])
def test_any_design_has_answers_and_a_headline(tmp_path, primary):
    """Three random training sets alone: nothing can be decided, and each question has its reason."""
    runs = [run for run in experiment_runs(with_rotating=False, seeds=1) if run["arm"] == "random_sky"]
    experiment, files, catalog = write_experiment(tmp_path, 0.0, runs, n=1000)
    experiment["tests"]["primary"] = primary
    summary = measured(tmp_path, (experiment, files, catalog))
    assert len(summary["answers"]) == len(primary or "12") + 1
    for answer in summary["answers"]:
        assert answer["answer"] == "cannot tell"
        assert answer["because"]
        assert answer["next"]
    assert "cannot be decided" in summary["headline"]


def test_networks_that_only_guess_are_named(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs(with_rotating=False))
    random = np.random.default_rng(3)
    for file in files[:4]:
        rewrite(file, random.random(3000) < 0.5)
    summary = measured(tmp_path, (experiment, files, catalog))
    assert any("4 of 10 networks hardly learned" in sentence for sentence in summary["warnings"])
    assert "4 of 10 networks hardly learned" in summary["verdict"]
    (sentence,) = [sentence for sentence in summary["warnings"] if "hardly learned" in sentence]
    assert sentence.endswith(". These are " + ", ".join(run["run_id"] for run in experiment["runs"][:4]) + ".")


def test_networks_that_learned_nothing_are_named_as_their_trainings_say(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs(with_rotating=False))
    trainings = [write_training(tmp_path / f"run{row}.json", learned=row not in (2, 5)) for row in range(len(files))]
    measure(experiment, experiment["runs"], files, catalog, tmp_path / "bias", trainings=trainings)
    summary = json.loads((tmp_path / "bias" / "summary.json").read_text())
    (sentence,) = [sentence for sentence in summary["warnings"] if "from guessing" in sentence]
    idle = [experiment["runs"][row]["run_id"] for row in (2, 5)]
    assert sentence == (
        "2 of 10 networks cannot be distinguished from guessing: "
        + ", ".join(
            f"{run_id} (balanced accuracy 0.45 on 2000 galaxies that it was not trained on, 1.00 on its training"
            " galaxies)"
            for run_id in idle
        )
        + "."
    )
    assert sentence in summary["verdict"]


def test_networks_of_different_devices_are_said(tmp_path):
    files = [
        write_training(tmp_path / f"{row}.json", device=device) for row, device in enumerate(("GPU", "CPU", "GPU"))
    ]
    assert cautions_of_trainings(["a", "b", "c"], read_trainings(files[:1] + files[2:] + files[2:])) == []
    (sentence,) = cautions_of_trainings(["a", "b", "c"], read_trainings(files))
    assert sentence.startswith("2 of 3 networks were trained on a graphics card")
    files[2].write_text('{"training": {"at_inference": {}}, "config": {"network": {}}}')
    with pytest.raises(InputError, match=r"2\.json: has no learned and no device, .* delete its folder"):
        read_trainings(files)
    files[1].write_text("{}")
    with pytest.raises(InputError, match=r"1\.json: cannot be read, expected the run\.json"):
        read_trainings(files)


def test_networks_near_the_constant_answer_and_far_from_the_fraction_are_named(tmp_path):
    """The reference has 27 % spirals; the networks call 39 % so, and are right for 76 %."""
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs(with_rotating=False))
    random = np.random.default_rng(4)
    truth = random.random(3000) < 0.27
    table = pd.read_parquet(catalog)
    table.assign(label=pd.array(truth.astype(int), dtype="Int8")).to_parquet(catalog)
    for file in files:
        rewrite(file, np.where(truth, random.random(3000) < 0.78, random.random(3000) < 0.25))
    warnings = measured(tmp_path, (experiment, files, catalog))["warnings"]
    assert any("10 of 10 networks are right hardly more often" in one and "elliptical (73%)" in one for one in warnings)
    assert any("of the labelled galaxies spiral (median), where the reference has 27%" in one for one in warnings)


def test_networks_that_label_all_alike_are_named_without_reference_labels(tmp_path):
    runs = experiment_runs(with_rotating=False)
    experiment, files, catalog = write_experiment(tmp_path, 0.0, runs, labelled=False)
    rewrite(files[2], np.ones(3000))
    warnings = measured(tmp_path, (experiment, files, catalog))["warnings"]
    assert "1 of 10 networks gave all galaxies the same label." in warnings


def test_regions_are_one_sentence_in_the_headline_where_nothing_can_be_decided():
    given = {"invalid": "They are the same region.", "footprints": ("east", "west"), "label": "east - west"}
    tests = [
        a_test("fraction_contrast east - west", 0.3, CONTRAST, **given),
        a_test("dipole_contrast east - west", 0.3, CONTRAST, **given | {"quantity": "dipole"}),
    ]
    answers = answers_of(tests)
    assert answers[0].because == ["They are the same region."]
    sentence = "Whether the training footprint changes the annotated fraction or the dipole cannot be decided."
    assert experiment_headline(answers) == sentence


def test_what_all_networks_have_in_common_ends_the_headline_where_the_words_are_enough():
    both = answers_of(
        [
            a_test("fraction_response", 0.001),
            a_test("pattern_response", 0.001, PATTERN, quantity="dipole", details=CURVE),
        ]
    )
    common = replace(both[0], test="common_dipole", short="All networks share a dipole of 8.6 percentage points")
    for known, ends in (
        (YES, "; all networks share a dipole of 8.6 percentage points."),
        (NO, "2.0 percentage points."),
    ):
        sentence = experiment_headline([*both, replace(common, role=SECONDARY, answer=known)])
        assert sentence.endswith(ends)
        assert " and the sky pattern by 2.0 percentage points" in sentence
        assert len(sentence.split()) <= HEADLINE_WORDS
    longer = experiment_headline([*both, replace(common, role=SECONDARY)], "'spiral' against the rest of all classes")
    assert longer.endswith("and the sky pattern by 2.0 percentage points.")


def test_an_alarm_is_no_part_of_what_the_footprint_changes():
    (answer,) = answers_of([a_test("fraction_response", 0.001)])
    alarm = replace(answer, role=CONTROL, short="Placebo footprints show an effect")
    assert experiment_headline([answer, alarm]) == (
        "Placebo footprints show an effect; the training footprint changes the annotated fraction by 2.0 percentage"
        " points."
    )


def test_an_interval_without_zero_beside_a_no_is_explained():
    (answer,) = answers_of([a_test("fraction_response", 0.03, size_ci95=(0.001, 0.05))])
    assert answer.answer == "no"
    assert "leaves out zero where p is below 0.05; a yes needs an adjusted p below 0.01" in answer.because[0]


def test_without_reference_labels_there_is_no_common_dipole_to_measure_along(tmp_path):
    """The mean of what is taken from the mean over all runs is rounding, and the other arms."""
    given = write_experiment(tmp_path, 0.0, experiment_runs(seeds=1), n=1000, labelled=False)
    answer = answer_of(measured(tmp_path, given), "pattern_response")
    assert (answer["answer"], answer["limit95"]) == ("cannot tell", None)
    assert answer["next"][0].startswith("Reference labels in the catalog")
