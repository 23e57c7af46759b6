"""Annotations that were given: labels alone, unknown training sets, and runs that annotate different galaxies."""

import pandas as pd
import pytest

from tests.unit.bias.synthetic_experiment import experiment_runs, measured, write_experiment
from workflow_scripts.errors import InputError
from workflow_scripts.figures.scatter_and_errors import threshold_sweep
from workflow_scripts.figures.style import reason_for_nothing
from workflow_scripts.pages.experiment_page import experiment_page


@pytest.fixture
def given(tmp_path):
    experiment, files, catalog = write_experiment(tmp_path, 0.05, experiment_runs(seeds=1), n=1500)
    # One training set of each half answers nothing, and is not what is asked here.
    experiment["annotations"] = {"path": "given/{footprint}_{seed}.csv"}
    return experiment, files, catalog


def test_labels_alone_answer_what_needs_no_scores(tmp_path, given):
    expected, tables = measured(tmp_path, given)
    for file in given[1]:
        pd.read_parquet(file).assign(score=pd.array([None] * 1500, "Float32")).to_parquet(file)
    summary, without = measured(tmp_path, given)
    key = ("question", "answer", "effect", "p_adjusted")
    assert [[one[name] for name in key] for one in summary["answers"]] == [
        [one[name] for name in key] for one in expected["answers"]
    ]
    assert summary["answers"][0]["answer"] == "yes"
    assert "mean_score" in tables["runs"]
    assert not [name for name in without["runs"] if "score" in name or "matched" in name or "calibration" in name]
    assert not [test["name"] for test in summary["tests"] if "score" in test["name"]]
    assert any(line.startswith("What scores show") for line in summary["not_answered"])
    assert not any(line.startswith("What scores show") for line in expected["not_answered"])
    settings = {"colours": ["#0072B2", "#D55E00"]}
    assert reason_for_nothing(threshold_sweep(without["thresholds"], settings)) == "The annotations have no scores."


def test_what_is_not_known_without_training_sets_is_one_sentence_each(tmp_path, given):
    summary, tables = measured(tmp_path, given)
    left_out = (
        "How well training sets are matched",
        "Whether training sets share galaxies",
        "Whether a network learned",
    )
    for opening in left_out:
        assert sum(line.startswith(opening) for line in summary["not_answered"]) == 1
        assert experiment_page(summary, tables).count(opening) == 1
    assert summary["training_balance"] == []
    del given[0]["annotations"]
    assert not any(line.startswith(left_out) for line in measured(tmp_path, given)[0]["not_answered"])


def test_runs_that_annotate_other_galaxies_are_named_by_their_tables(tmp_path, given):
    _, files, _ = given
    whole = pd.read_parquet(files[3])
    whole.drop(index=7).to_parquet(files[3])
    with pytest.raises(InputError) as caught:
        measured(tmp_path, given)
    assert str(caught.value) == (
        "given/rotating_03_0.csv: lacks the galaxy g00007 (1 in all), which given/rotating_00_0.csv annotates; expected"
        " the same galaxies of all runs"
    )
    whole.to_parquet(files[3])
    pd.read_parquet(files[0]).drop(index=[7, 8]).to_parquet(files[0])
    with pytest.raises(InputError, match=r"^given/rotating_00_0\.csv: lacks the galaxy g00007 .2 in all., which"):
        measured(tmp_path, given)
