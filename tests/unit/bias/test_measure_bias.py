"""From annotations to the numbers and tables of an experiment; `test_experiment_answers` has what is said of them."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.synthetic_experiment import SEEING, experiment_runs, write_experiment
from workflow_scripts import measure_bias
from workflow_scripts.errors import InputError
from workflow_scripts.sky.unit_vectors import unit_vectors

CONTRACT = {
    *("name", "estimand", "estimate", "se", "ci95", "statistic", "dof", "p", "p_permutation", "null"),
    *("unit_of_replication", "family", "n", "notes"),
}


def measure(tmp_path, experiment, files, catalog, training_sets=()):
    measure_bias.measure(experiment, experiment["runs"], files, catalog, tmp_path / "bias", training_sets)
    return json.loads((tmp_path / "bias" / "summary.json").read_text())


def test_an_effect_is_found_with_its_direction(tmp_path):
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, experiment_runs()))
    assert list(summary)[:4] == ["headline", "answers", "experiment", "verdict"]
    assert summary["headline"].startswith("The training footprint changes the annotated fraction by ")
    assert len(summary["headline"].split()) <= 30
    assert summary["primary"]["fraction_response"]["p_holm"] < 0.01
    tests = {test["name"]: test for test in summary["tests"]}
    k = np.array(tests["fraction_response"]["estimate"])
    assert abs(k @ SEEING) / np.linalg.norm(k) > 0.95
    assert {*CONTRACT} <= set(tests["fraction_response"])
    assert {"experiment", "verdict", "tests", "inputs", "versions"} <= set(summary)
    assert all(test["unit_of_replication"] == "run" for test in summary["tests"])
    assert (tests["fraction_response"]["n"], tests["fraction_contrast east - west"]["n"]) == (12, 4)
    runs = pd.read_csv(tmp_path / "bias" / "runs.csv")
    assert runs["paper_max_sigma"].notna().all()
    # The part along the mean: its own mean is the length of that mean.
    mean = summary["mean_dipole"]
    assert runs["dipole_along_mean"].mean() == pytest.approx(mean["amplitude"])
    assert runs[["dipole_x", "dipole_y", "dipole_z"]].to_numpy() @ unit_vectors(mean["ra"], mean["dec"]) == (
        pytest.approx(runs["dipole_along_mean"].to_numpy())
    )
    pairs = pd.read_csv(tmp_path / "bias" / "contrasts.csv")
    # Two pairs of halves; two seeds on each of 12 rotating and 3 random sets.
    assert pairs["kind"].value_counts().to_dict() == {"opposite": 2, "seeds": 15}


def test_without_an_effect_none_is_claimed(tmp_path):
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.0, experiment_runs()))
    assert re.match(
        r"The training footprint changes the annotated fraction by less than [\d.]+"
        r" and the sky pattern by less than [\d.]+ percentage points\.$",
        summary["headline"],
    )
    assert summary["primary"]["fraction_response"]["p_holm"] > 0.01
    for answer in summary["answers"][:2]:
        assert (answer["answer"], answer["role"]) == ("no", "primary")
        assert 0 < answer["limit95"] < 0.05
    assert "no response is seen, and one above " in summary["verdict"]


def test_the_same_input_gives_the_same_bytes(tmp_path):
    given = write_experiment(tmp_path, 0.02, experiment_runs())
    measure(tmp_path, *given)
    first = {path.name: path.read_bytes() for path in (tmp_path / "bias").iterdir()}
    measure(tmp_path, *given)
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "bias").iterdir()}


def test_one_run_an_arm_cannot_answer_the_question(tmp_path):
    runs = experiment_runs(with_rotating=False, seeds=1)[:2]
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, runs))
    assert {answer["answer"] for answer in summary["answers"]} == {"cannot tell"}
    assert "Whether the training footprint changes the annotated fraction cannot be decided" in summary["verdict"]
    assert summary["answers"][0]["next"][0].startswith("At least 6 training sets of each of east and west")
    assert summary["primary"] == {}
    assert any("each needs two or more" in sentence for sentence in summary["not_answered"])


def test_arms_without_rotation_compare_regions_and_the_verdict_states_it(tmp_path):
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, experiment_runs(with_rotating=False, seeds=6)))
    assert "Two regions alone were compared" in summary["verdict"]
    # The pair that the experiment names is its question; contrasts with controls are not.
    assert set(summary["primary"]) == {"fraction_contrast east - west", "dipole_contrast east - west"}
    # 6 of 12 training sets can be chosen in 924 ways, two of which are as extreme; Holm doubles it.
    assert summary["primary"]["fraction_contrast east - west"]["p_holm"] == pytest.approx(2 * 2 / 924)
    assert summary["verdict"].startswith("Networks trained on east call ")
    assert re.search(r"call [\d.]+ percentage points (more|fewer) galaxies \w+ \(95 %", summary["verdict"])


def test_seeds_of_one_training_set_are_no_replicates_of_a_footprint(tmp_path):
    runs = experiment_runs(with_rotating=False, seeds=5, own_sets=False)
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, runs))
    assert {answer["answer"] for answer in summary["answers"][:2]} == {"cannot tell"}
    assert any("arms of 1 and 1 training sets" in sentence for sentence in summary["not_answered"])


def test_controls_count_once_for_each_training_set(tmp_path):
    runs = experiment_runs(with_rotating=False, seeds=3)
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, runs))
    test = next(test for test in summary["tests"] if test["name"] == "fraction_contrast east - random_sky")
    assert (test["n"], test["notes"][0].split(";")[0]) == (6, "3 and 3 training sets")
    # Six training sets can be parted in 20 ways.
    assert test["p_permutation"] * 20 == pytest.approx(round(test["p_permutation"] * 20))


def test_galaxies_without_a_label_count_for_the_response_of_the_dipole(tmp_path):
    given = write_experiment(tmp_path, 0.05, experiment_runs())
    catalog = pd.read_parquet(given[2])
    catalog.loc[200:, "label"] = pd.NA
    tests = [{test["name"]: test for test in measure(tmp_path, *given)["tests"]}]
    catalog.to_parquet(given[2])
    tests.append({test["name"]: test for test in measure(tmp_path, *given)["tests"]})
    whole, few = (test["dipole_response"] for test in tests)
    np.testing.assert_allclose(few["estimate"], whole["estimate"], atol=1e-12)
    assert few["p_permutation"] == whole["p_permutation"]
    assert few["notes"] != whole["notes"]  # d_0 needs the labels


def test_the_ledger_has_every_p_that_was_computed(tmp_path):
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, experiment_runs()))
    of_runs = [row for row in summary["ledger"] if row["unit_of_replication"] == "run"]
    assert [row["name"] for row in of_runs] == [test["name"] for test in summary["tests"]]
    tables = {name: pd.read_csv(tmp_path / "bias" / f"{name}.csv") for name in ("runs", "cosine", "contrasts")}
    computed = sum(
        int(table[column].notna().sum())
        for table in tables.values()
        for column in table
        if column == "p" or column.endswith("_p")
    )
    assert len(summary["ledger"]) - len(of_runs) == computed > 500
    assert {row["family"] for row in of_runs if row["method"] == "Holm"} == {
        *("primary", "secondary design", "common dipole")
    }
    primary = {row["name"]: row["adjusted"] for row in of_runs if row["family"] == "primary"}
    assert primary == {name: value["p_holm"] for name, value in summary["primary"].items()}


def test_two_rotating_families_are_two_experiments(tmp_path):
    runs = experiment_runs()
    other = [
        {**run, "run_id": f"other_{run['run_id']}", "footprint": f"other_{run['footprint']}", "family": "other"}
        for run in runs
        if run["family"]
    ]
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, runs + other))
    names = {test["name"] for test in summary["tests"]}
    assert {"pattern_response [rotating]", "dipole_response [other]"} <= names
    assert len(summary["primary"]) == 4


def test_a_disagreement_that_depends_on_position_shows_in_the_pairs(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs(with_rotating=False, seeds=2))
    east = next(n for n, run in enumerate(experiment["runs"]) if run["footprint"] == "east")
    table = pd.read_parquet(files[east])
    table.loc[table["ra"] < 180, "label"] = np.int8(1)
    table.to_parquet(files[east])
    measure(tmp_path, experiment, files, catalog)
    pairs = pd.read_csv(tmp_path / "bias" / "contrasts.csv")
    assert pairs["ra_half_did"][0] > 0.3
    assert pairs["ra_half_did_p"][0] < 1e-10 < pairs["ra_half_did_p"][1]


def test_galaxies_without_labels_are_measured_against_the_mean_of_all_runs(tmp_path):
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, experiment_runs(), labelled=False))
    assert "No galaxy has a reference label" in summary["verdict"]
    assert "Whether all networks share a dipole against the reference cannot be decided" in summary["verdict"]
    assert summary["primary"]["fraction_response"]["p_holm"] < 0.01
    assert pd.read_csv(tmp_path / "bias" / "runs.csv")["balanced_accuracy"].isna().all()


def test_runs_that_annotated_different_galaxies_are_named(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs())
    pd.read_parquet(files[3]).iloc[::-1].to_parquet(files[3])
    with pytest.raises(InputError, match=r"annotations_3\.parquet: has the galaxies of .* in another order"):
        measure(tmp_path, experiment, files, catalog)


def column(name, value):
    def change(table):
        table.loc[5, name] = value
        return table

    return change


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda table: table.drop(columns="score"), r"cannot be read: .*score"),
        (column("label", 7), r"column label has values other than 0 and 1"),
        (column("score", np.nan), r"column score has missing values"),
        (column("source_id", "g00004"), r"g00004 occurs more than once"),
        (column("dec", 91.0), r"g00005 has ra .*, expected ICRS degrees"),
        (column("source_id", "stranger"), r"source_id stranger is not in "),
        (lambda table: table.iloc[:0], r"0 galaxies, expected 5"),
    ],
)
def test_a_damaged_table_is_named(tmp_path, damage, sentence):
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs(False, 1)[:1])
    experiment["opposite"] = []
    damage(pd.read_parquet(files[0])).to_parquet(files[0])
    with pytest.raises(InputError, match=r"annotations_0\.parquet: .*" + sentence):
        measure(tmp_path, experiment, files, catalog)
    assert not (tmp_path / "bias").exists()


def test_a_galaxy_that_is_twice_in_the_catalog_is_named(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs(False, 1)[:1])
    experiment["opposite"] = []
    table = pd.read_parquet(catalog)
    pd.concat([table, table.iloc[[7]]]).to_parquet(catalog)
    with pytest.raises(InputError, match=r"catalog\.parquet: source_id g00007 occurs more than once"):
        measure(tmp_path, experiment, files, catalog)


def test_the_order_of_the_catalog_plays_no_part(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs(False, 1)[:1])
    experiment["opposite"] = []
    measure(tmp_path, experiment, files, catalog)
    first = pd.read_csv(tmp_path / "bias" / "runs.csv")
    table = pd.read_parquet(catalog)
    pd.concat([table.assign(source_id="x" + table["source_id"]), table.iloc[::-1]]).to_parquet(catalog)
    measure(tmp_path, experiment, files, catalog)
    pd.testing.assert_frame_equal(first, pd.read_csv(tmp_path / "bias" / "runs.csv"))
    assert 0.6 < first["accuracy"][0] < 1


def test_an_opposite_footprint_without_runs_is_named(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs(False, 1)[:1])
    experiment["opposite"] = [["east", "nowhere"]]
    with pytest.raises(InputError, match="opposite names footprint nowhere"):
        measure(tmp_path, experiment, files, catalog)


def rewrite(file, labels):
    table = pd.read_parquet(file)
    table.assign(label=np.asarray(labels, np.int8), score=np.asarray(labels, np.float32)).to_parquet(file)


def test_a_network_without_an_error_has_no_dipole_of_errors(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs(with_rotating=False))
    rewrite(files[0], pd.read_parquet(catalog)["label"])
    summary = measure(tmp_path, experiment, files, catalog)
    first = pd.read_csv(tmp_path / "bias" / "runs.csv").iloc[0]
    assert (first[["dipole_x", "dipole_y", "dipole_z", "dipole_x_se", "dipole_q"]] == 0).all()
    assert first["dipole_p"] == 1
    assert "All networks together share a dipole" in summary["verdict"]
