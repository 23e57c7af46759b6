"""Scores of remedies, from annotations in which it is known what they leave."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.remedied_experiment import remedy_of, write_remedied
from workflow_scripts.bias.annotations import read_annotations
from workflow_scripts.bias.remedied_runs import imaging_strata_of, retrained_runs
from workflow_scripts.bias.remedy_scores import measured_score
from workflow_scripts.bias.run_level import run_level_tests
from workflow_scripts.bias.run_table import run_table
from workflow_scripts.compare_remedies import main as compare
from workflow_scripts.compare_remedies import parser
from workflow_scripts.errors import InputError
from workflow_scripts.measure_bias import measure
from workflow_scripts.runs import listed_runs, paths_in_version

TESTS = ["fraction_contrast east - west", "fraction_response", "pattern_response", "common_dipole"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    response = {"net": 0.08, "half": 0.04, "same": 0.08}
    return write_remedied(tmp_path_factory.mktemp("remedies"), response, {"net": 0.09, "half": 0.0, "same": 0.09})


def by_test(score):
    return {one["test"]: one for one in score["effects"]}


@pytest.fixture(scope="module")
def halved(written):
    return measured_score(written[0], remedy_of("degraded", "half"), *written[1:])


def test_every_effect_has_a_score_and_its_ratio(halved):
    assert [one["test"] for one in halved["effects"]] == TESTS
    effects = by_test(halved)
    for test, truth in zip(TESTS, (0.5, 0.5, 0.5, 0.0), strict=True):
        low, high = effects[test]["ratio"]["ci95"]
        assert low < effects[test]["ratio"]["value"] < high < low + 1, test
        # Of these galaxies, which are a sample: coverage is measured in tests/benchmarks/remedy_scores.py.
        assert effects[test]["ratio"]["value"] == pytest.approx(truth, abs=0.25), test


def test_remaining_effects_are_those_of_the_experiments_own_tests(written, halved):
    experiment, pattern, catalog = written
    listed = listed_runs(experiment)
    files = paths_in_version(pattern, listed, remedy_of("degraded", "half"))
    treated = read_annotations(experiment, listed, files, catalog)
    tests = {test.name: test for test in run_level_tests(run_table(treated), experiment, sky=treated.sky).tests}
    for name, effect in by_test(halved).items():
        assert effect["remaining"]["value"] == pytest.approx(tests[name].size, rel=0.01), name
        assert effect["remaining"]["limit95"] == pytest.approx(tests[name].limit95, rel=0.01), name


def test_an_identical_arm_leaves_all(written):
    score = measured_score(written[0], remedy_of("equivariant", "net"), *written[1:])
    for effect in score["effects"]:
        assert effect["ratio"]["value"] == pytest.approx(1.0), effect["test"]
        assert effect["remaining"] == effect["untreated"]
    assert score["signal"]["kept"]["value"] == pytest.approx(1.0)
    assert score["balanced_accuracy"]["change"] == 0


def test_networks_trained_anew_share_nothing_but_units(written):
    score = measured_score(written[0], remedy_of("aligned", "same"), *written[1:])
    response = by_test(score)["fraction_response"]["ratio"]
    assert 0 < response["ci95"][0] < 1 < response["ci95"][1]


def test_template_regression_loses_a_true_dipole_along_its_template(written):
    score = measured_score(written[0], remedy_of("templates"), *written[1:])
    effects = by_test(score)
    assert abs(effects["common_dipole"]["ratio"]["value"]) < 0.5
    # A regression leaves the mean of every network as it is.
    assert effects["fraction_response"]["ratio"]["value"] == pytest.approx(1.0, abs=0.02)
    signal = score["signal"]
    assert signal["worst"]["value"] < 0.1
    assert signal["worst"]["direction"].startswith(("towards RA 120", "towards RA 300", "towards RA 119"))
    assert signal["kept"]["value"] == pytest.approx(2 / 3, abs=0.05)


def test_an_ensemble_of_all_footprints_does_not_depend_on_them(written):
    score = measured_score(written[0], remedy_of("ensemble"), *written[1:])
    effects = by_test(score)
    assert effects["fraction_response"]["remaining"]["limit95"] == 0
    assert effects["fraction_contrast east - west"]["remaining"]["value"] == 0
    # What all networks share stays.
    assert effects["common_dipole"]["ratio"]["value"] > 0.8
    members = {line["members"]: {one["test"]: one for one in line["effects"]} for line in score["members"]}
    assert list(members) == [1, 2, 4, 8, 12]
    ratios = [members[m]["fraction_response"]["ratio"]["value"] for m in members]
    assert ratios[0] == pytest.approx(1.0)
    # (n - m)/(m (n - 1)), the square of what a number linear in the scores keeps.
    assert np.allclose(ratios[1:4], np.sqrt([10 / 22, 8 / 44, 4 / 88]), atol=0.12)
    limits = [members[m]["fraction_response"]["remaining"]["limit95"] for m in members]
    assert limits == sorted(limits, reverse=True)
    assert score["needed"] in members
    assert members[score["needed"]]["fraction_response"]["remaining"]["limit95"] < 0.05


def test_strata_take_the_label_of_the_network_of_a_galaxys_stratum(written):
    experiment, pattern, catalog = written
    listed = listed_runs(experiment)
    both = {name: [name, "west"] for name in experiment["footprints"]}
    second = np.arange(4000) % 3 == 0
    strata = {name: np.where(second, 2, 1) for name in both}
    # The west has three training sets, of which only the first has the number of the rotating ones.
    rotating = [run for run in listed if run["arm"] == "rotating"]
    remedy = remedy_of("strata") | {"strata": {run["footprint"]: both[run["footprint"]] for run in rotating}}
    found = retrained_runs(experiment, remedy, rotating, pattern, catalog, strata)
    own = read_annotations(experiment, rotating, paths_in_version(pattern, rotating, remedy_of("x")), catalog)
    west = pd.read_parquet(pattern.format(survey="pixels", run_id="west/net/resample0_seed0"))["label"].to_numpy()
    assert (found.labels[:, ~second] == own.labels[:, ~second]).all()
    assert (found.labels[:, second] == west[second]).all()


def test_strata_are_those_that_footprints_were_drawn_by(written, tmp_path):
    experiment, pattern, catalog = written
    listed = listed_runs(experiment)
    found = read_annotations(experiment, listed, paths_in_version(pattern, listed, remedy_of("x")), catalog)
    table = pd.read_parquet(catalog).assign(split="training")
    table.to_parquet(tmp_path / "catalog.parquet")
    ledger = table[["source_id"]].assign(outcome="delivered")
    ledger.to_parquet(tmp_path / "ledger.parquet")
    region = {"hemisphere": {"ra": 120.0, "dec": 30.0}}
    propensity = {"name": "seeing", "region": region, "stratum": {"columns": ["psf_fwhm_arcsec"]}}
    remedy = remedy_of("strata") | {"strata": {"seeing": ["a", "b"]}, "propensities": {"seeing": propensity}}
    strata = imaging_strata_of(remedy, found, tmp_path / "catalog.parquet", tmp_path / "ledger.parquet")["seeing"]
    seeing = table["psf_fwhm_arcsec"].to_numpy()
    # The footprint lies where the seeing is bad.
    assert seeing[strata == 2].min() >= seeing[strata == 1].max()
    assert np.count_nonzero(strata == 2) == pytest.approx(len(table) / 2, abs=1)
    with pytest.raises(InputError, match="expected the option --ledger"):
        imaging_strata_of(remedy, found, catalog, None)


def test_a_dipole_is_planted_in_the_true_classes_where_they_are_known(written, halved, tmp_path):
    experiment, pattern, catalog = written
    table = pd.read_parquet(catalog)
    truth = pd.DataFrame({"source_id": table["source_id"], "true_class": table["label"].astype("int8")})
    truth.sample(frac=1, random_state=1).to_parquet(tmp_path / "truth.parquet")
    wrong = np.random.default_rng(0).random(len(table)) < 0.2
    table["label"] = table["label"].where(~wrong, 1 - table["label"])
    table.to_parquet(tmp_path / "catalog.parquet")
    files = pattern, tmp_path / "catalog.parquet", None, None
    score = measured_score(experiment, remedy_of("degraded", "half"), *files, tmp_path / "truth.parquet")
    # Here the labels of the catalog are the true classes.
    assert halved["signal"]["of_true_classes"] is False
    assert score["signal"] == halved["signal"] | {"of_true_classes": True}
    assert score["balanced_accuracy"] == halved["balanced_accuracy"]
    by_labels = measured_score(experiment, remedy_of("degraded", "half"), *files)
    assert by_labels["signal"]["untreated"]["value"] < 0.7 * score["signal"]["untreated"]["value"]
    truth[1:].to_parquet(tmp_path / "truth.parquet")
    with pytest.raises(InputError, match="lacks the galaxy"):
        measured_score(experiment, remedy_of("degraded", "half"), *files, tmp_path / "truth.parquet")


def test_prediction_powered_needs_labels_at_random(written):
    score = measured_score(written[0], remedy_of("prediction_powered"), *written[1:])
    assert "random part of all" in score["reason"]
    assert score["effects"] == []
    json.dumps(score, allow_nan=False)


def test_prediction_powered_numbers_are_those_of_the_truth(written, tmp_path):
    experiment, pattern, catalog = written
    table = pd.read_parquet(catalog)
    chosen = np.random.default_rng(0).random(len(table)) < 0.5
    table["label"] = table["label"].where(chosen)
    table.to_parquet(tmp_path / "catalog.parquet")
    at_random = {**experiment, "tests": {**experiment["tests"], "labelled_at_random": True}}
    score = measured_score(at_random, remedy_of("prediction_powered"), pattern, tmp_path / "catalog.parquet")
    effects = by_test(score)
    assert abs(effects["fraction_response"]["ratio"]["value"]) < 0.35
    assert effects["common_dipole"]["remaining"]["value"] < effects["common_dipole"]["untreated"]["value"]
    assert score["signal"]["treated"]["value"] == pytest.approx(1.0, abs=0.1)


def compared(folder, experiment, score):
    (folder / "score.json").write_text(json.dumps(score))
    arguments = ["--scores", str(folder / "score.json"), "--prices", json.dumps({"degraded": 60.0, "untreated": 50.0})]
    arguments += ["--experiment", json.dumps(experiment), "--output", str(folder / "comparison.json")]
    compare(parser.parse_args([*arguments, "--table", str(folder / "remedies.csv")]))
    return folder / "comparison.json"


def test_answers_stand_at_the_end_of_the_summary(written, halved, tmp_path):
    experiment, pattern, catalog = written
    listed = listed_runs(experiment)
    file = compared(tmp_path, experiment, halved)
    assert list(pd.read_csv(tmp_path / "remedies.csv")["test"]) == TESTS
    files = paths_in_version(pattern, listed, remedy_of("x"))
    measure(experiment, listed, files, catalog, tmp_path / "bias", remedies=file)
    summary = json.loads((tmp_path / "bias" / "summary.json").read_text())
    cheapest, remedy = summary["answers"][-2:]
    assert "while training) remove the effect of the training footprint" in remedy["question"]
    assert cheapest["question"].startswith("Which is the cheapest remedy, if any, that leaves no effect above 5.0")
    assert {remedy["role"], cheapest["role"]} == {"secondary"}
    assert str(file) in json.dumps(summary["inputs"])


def test_scores_are_of_the_experiment_that_is_compared(written, halved, tmp_path):
    with pytest.raises(InputError, match="is of experiment other, expected synthetic"):
        compared(tmp_path, written[0], {**halved, "experiment": "other"})
