"""From annotations to the verdict."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.synthetic_experiment import SEEING, experiment_runs, write_experiment
from workflow_scripts.errors import InputError
from workflow_scripts.measure_bias import build_parser, main

CONTRACT = {
    *("name", "estimand", "estimate", "se", "ci95", "statistic", "dof", "p", "p_permutation", "null"),
    *("unit_of_replication", "family", "n", "notes"),
}


def measure(tmp_path, experiment, files, catalog):
    arguments = ["--experiment", json.dumps(experiment), "--catalog", str(catalog)]
    arguments += ["--annotations", *map(str, files), "--output-folder", str(tmp_path / "bias")]
    main(build_parser().parse_args(arguments))
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
    runs = pd.read_csv(tmp_path / "bias" / "runs.csv")
    assert runs["paper_max_sigma"].notna().all()
    pairs = pd.read_csv(tmp_path / "bias" / "contrasts.csv")
    assert len(pairs) == 2


def test_without_an_effect_none_is_claimed(tmp_path):
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.0, experiment_runs()))
    assert summary["verdict"].startswith("No effect of the training footprint was found")
    assert summary["primary"]["fraction_response"]["p_holm"] > 0.01


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


def test_arms_without_rotation_compare_regions_and_say_so(tmp_path):
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, experiment_runs(with_rotating=False, seeds=5)))
    assert "without rotating footprints" in summary["verdict"]


def test_galaxies_without_labels_are_measured_against_the_mean_of_all_runs(tmp_path):
    summary = measure(tmp_path, *write_experiment(tmp_path, 0.05, experiment_runs(), labelled=False))
    assert summary["primary"]["fraction_response"]["p_holm"] < 0.01
    assert pd.read_csv(tmp_path / "bias" / "runs.csv")["balanced_accuracy"].isna().all()


def test_runs_that_annotated_different_galaxies_are_named(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs())
    pd.read_parquet(files[3]).iloc[::-1].to_parquet(files[3])
    with pytest.raises(InputError, match=r"annotations_3\.parquet: annotates other galaxies than"):
        measure(tmp_path, experiment, files, catalog)
