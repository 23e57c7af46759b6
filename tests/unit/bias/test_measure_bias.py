"""From annotations to the verdict."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.synthetic_experiment import SEEING, experiment_runs, write_experiment
from workflow_scripts import measure_bias
from workflow_scripts.errors import InputError

CONTRACT = {
    *("name", "estimand", "estimate", "se", "ci95", "statistic", "dof", "p", "p_permutation", "null"),
    *("unit_of_replication", "family", "n", "notes"),
}


def measure(tmp_path, experiment, files, catalog, training_sets=()):
    measure_bias.measure(experiment, experiment["runs"], files, catalog, tmp_path / "bias", training_sets)
    return json.loads((tmp_path / "bias" / "summary.json").read_text())


def test_an_effect_is_found_with_its_direction(tmp_path):
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, experiment_runs()))
    assert summary["verdict"].startswith("The training footprint changes the catalog")
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
    pairs = pd.read_csv(tmp_path / "bias" / "contrasts.csv")
    # Two pairs of halves; two seeds on each of 12 rotating and 3 random sets.
    assert pairs["kind"].value_counts().to_dict() == {"opposite": 2, "seeds": 15}


def test_without_an_effect_none_is_claimed(tmp_path):
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.0, experiment_runs()))
    assert summary["verdict"].startswith("No effect of the training footprint was found")
    assert summary["primary"]["fraction_response"]["p_holm"] > 0.01
    assert re.search(r"changes the annotated fraction by no more than 0\.0\d\d between", summary["verdict"])


def test_the_same_input_gives_the_same_bytes(tmp_path):
    given = write_experiment(tmp_path, 0.02, experiment_runs())
    measure(tmp_path, *given)
    first = {path.name: path.read_bytes() for path in (tmp_path / "bias").iterdir()}
    measure(tmp_path, *given)
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "bias").iterdir()}


def test_one_run_an_arm_cannot_answer_the_question(tmp_path):
    runs = experiment_runs(with_rotating=False, seeds=1)[:2]
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, runs))
    assert "cannot be answered" in summary["verdict"]
    assert summary["primary"] == {}
    assert any("each needs two or more" in sentence for sentence in summary["not_answered"])


def test_arms_without_rotation_compare_regions_and_the_verdict_states_it(tmp_path):
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, experiment_runs(with_rotating=False, seeds=6)))
    assert "without rotating footprints" in summary["verdict"]
    # The pair that the experiment names is its question; contrasts with controls are not.
    assert set(summary["primary"]) == {"fraction_contrast east - west", "dipole_contrast east - west"}
    # 6 of 12 training sets can be chosen in 924 ways, two of which are as extreme; Holm doubles it.
    assert summary["primary"]["fraction_contrast east - west"]["p_holm"] == pytest.approx(2 * 2 / 924)
    assert "the annotated fraction, east - west, differs by 0.0" in summary["verdict"]


def test_training_sets_with_common_galaxies_are_named(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.05, experiment_runs(with_rotating=False, seeds=2))
    sets = []
    for footprint in ("east", "west"):
        for resample in range(2):
            first = 50 * resample if footprint == "east" else 1000 * (resample + 1)
            sets.append(tmp_path / footprint / f"resample{resample}" / "training_set.parquet")
            sets[-1].parent.mkdir(parents=True)
            pd.DataFrame({"source_id": [f"t{first + n}" for n in range(100)]}).to_parquet(sets[-1])
    summary = measure(tmp_path, experiment, files, catalog, sets)
    sentence = "training sets of an arm have in common 50.0% of their galaxies, so p is too small"
    assert sentence in summary["verdict"]
    for test in summary["tests"]:
        if "_contrast " in test["name"]:
            assert any(note.startswith(sentence) for note in test["notes"]) == ("east" in test["name"])


def test_seeds_of_one_training_set_are_no_replicates_of_a_footprint(tmp_path):
    runs = experiment_runs(with_rotating=False, seeds=5, own_sets=False)
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, runs))
    assert "cannot be answered" in summary["verdict"]
    assert any("arms of 1 and 1 training sets" in sentence for sentence in summary["not_answered"])


def test_controls_count_once_for_each_training_set(tmp_path):
    runs = experiment_runs(with_rotating=False, seeds=3)
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, runs))
    test = next(test for test in summary["tests"] if test["name"] == "fraction_contrast east - random_sky")
    assert (test["n"], test["notes"][0].split(";")[0]) == (6, "3 and 3 training sets")
    # Six training sets can be parted in 20 ways.
    assert test["p_permutation"] * 20 == pytest.approx(round(test["p_permutation"] * 20))


def test_too_few_training_sets_to_find_anything_are_no_evidence_of_no_effect(tmp_path):
    """Five sets against five give no exact p below 2/252, which Holm doubles: above the level of 1 %."""
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.2, experiment_runs(with_rotating=False, seeds=5)))
    assert "cannot be answered at the level 0.01" in summary["verdict"]
    assert "no adjusted p below 0.016" in summary["verdict"]


def test_a_primary_test_that_could_not_be_made_is_named(tmp_path):
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.0, experiment_runs(with_rotating=False, seeds=2)))
    assert "Could not be tested: the dipole of the annotations, east - west." in summary["verdict"]


def test_rotating_footprints_that_share_galaxies_are_named(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.05, experiment_runs())
    sets = []
    for number in range(12):
        sets.append(tmp_path / f"rotating_{number:02d}" / "resample0" / "training_set.parquet")
        sets[-1].parent.mkdir(parents=True)
        pd.DataFrame({"source_id": [f"t{95 * number + n}" for n in range(100)]}).to_parquet(sets[-1])
    found = measure(tmp_path, experiment, files, catalog, sets)["verdict"]
    assert found.startswith("The training footprint may change the catalog")
    assert "But training sets of different footprints have in common up to 5.0% of their galaxies" in found


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


def test_what_networks_share_is_the_sky_only_where_the_axes_of_their_footprints_cancel(tmp_path):
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.0, experiment_runs()))
    assert "not the footprint." in summary["verdict"]
    runs = [run for run in experiment_runs() if run["footprint"] in ("rotating_00", "east", "west")]
    assert "whatever its cause." in measure(tmp_path, *write_experiment(tmp_path, 0.0, runs))["verdict"]


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
    primary = {row["name"]: row["adjusted"] for row in summary["ledger"] if row["method"] == "Holm"}
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
    assert {"dipole_response [rotating]", "dipole_response [other]"} <= names
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
    assert "share a dipole" not in summary["verdict"]
    assert summary["primary"]["fraction_response"]["p_holm"] < 0.01
    assert pd.read_csv(tmp_path / "bias" / "runs.csv")["balanced_accuracy"].isna().all()


def test_runs_that_annotated_different_galaxies_are_named(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs())
    pd.read_parquet(files[3]).iloc[::-1].to_parquet(files[3])
    with pytest.raises(InputError, match=r"annotations_3\.parquet: annotates other galaxies than"):
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
        (lambda table: table.iloc[:0], r"no galaxies"),
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


def test_networks_that_only_guess_are_named(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs(with_rotating=False))
    random = np.random.default_rng(3)
    for file in files[:4]:
        rewrite(file, random.random(3000) < 0.5)
    assert "4 of 10 networks hardly learned" in measure(tmp_path, experiment, files, catalog)["verdict"]


def test_networks_that_label_all_alike_are_named_without_reference_labels(tmp_path):
    runs = experiment_runs(with_rotating=False)
    experiment, files, catalog = write_experiment(tmp_path, 0.0, runs, labelled=False)
    rewrite(files[2], np.ones(3000))
    assert (
        "1 of 10 networks gave all galaxies the same label" in measure(tmp_path, experiment, files, catalog)["verdict"]
    )
