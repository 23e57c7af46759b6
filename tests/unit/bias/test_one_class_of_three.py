"""Of three classes, one against the rest: the numbers of two classes, and p that is adjusted over the classes."""

import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.synthetic_experiment import experiment_runs, measured, write_experiment
from workflow_scripts.errors import InputError
from workflow_scripts.pages.experiment_page import experiment_page

SPIRAL = {"name": "spiral", "number": 1, "classes": 3, "tested": 3}


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    return measured(folder, write_experiment(folder, 0.05, experiment_runs(seeds=1), n=1500))


def of_three(folder, one_class, effect=0.05):
    """The same galaxies and runs, in which what is no spiral is one of two other classes."""
    experiment, files, catalog = write_experiment(folder, effect, experiment_runs(seeds=1), n=1500)
    third = np.arange(1500) % 2 == 0
    for file in files:
        table = pd.read_parquet(file)
        score = table.pop("score")
        table["label"] = table["label"].mask((table["label"] == 0) & third, 2)
        rest = (1 - score).to_numpy()
        scores = {"score_0": rest * ~third, "score_1": score, "score_2": rest * third}
        table.assign(**scores).to_parquet(file)
    known = pd.read_parquet(catalog)
    known.assign(label=known["label"].mask((known["label"] == 0) & third, 2)).to_parquet(catalog)
    name = one_class["name"]
    experiment |= {"one_class": one_class, "classes": [f"not {name}", name]}
    return experiment, files, catalog


def test_the_numbers_are_those_of_two_classes_and_p_is_multiplied(tmp_path, of_two):
    two, tables_of_two = of_two
    three, tables = measured(tmp_path, of_three(tmp_path, SPIRAL))
    for name in ("runs", "contrasts", "thresholds"):
        pd.testing.assert_frame_equal(tables[name], tables_of_two[name])
    adjusted = {line["name"]: line["adjusted"] for line in two["ledger"] if line["unit_of_replication"] == "run"}
    found = {line["name"]: line for line in three["ledger"] if line["unit_of_replication"] == "run"}
    assert found.keys() == adjusted.keys()
    for name, line in found.items():
        assert line["adjusted"] == pytest.approx(min(1, 3 * adjusted[name]))
        assert line["below_alpha"] == (line["adjusted"] < 0.01)
    for one, same in zip(three["answers"], two["answers"], strict=True):
        assert one["question"] == f"spiral against the rest: {same['question']}"
        if same["p_adjusted"] is not None:
            assert one["p_adjusted"] == pytest.approx(min(1, 3 * same["p_adjusted"]))
            assert one["because"][-1] == "p is also adjusted over 3 classes, each against the rest."
    assert three["headline"].startswith("spiral against the rest: ")
    page = experiment_page(three, tables)
    assert "multiplied by 3, the number of classes" in page
    assert "multiplied by" not in experiment_page(two, tables_of_two)


def test_no_yes_comes_of_a_p_that_is_small_before_the_adjustment_alone(tmp_path, of_two):
    """The same runs and p, adjusted over so many classes that none can be below the level."""
    decisive = of_two[0]["answers"][0]
    assert (decisive["answer"], decisive["role"]) == ("yes", "primary")
    many = {**SPIRAL, "tested": 60}
    summary, _ = measured(tmp_path, of_three(tmp_path, many))
    primary = [one for one in summary["answers"] if one["role"] == "primary"]
    assert primary[0]["p_adjusted"] >= 0.01
    assert {one["answer"] for one in primary} == {"cannot tell"}
    assert "No adjusted p below" in primary[0]["because"][0]


def test_a_class_of_its_own_has_its_own_fraction(tmp_path):
    other = {"name": "edge_on", "number": 2, "classes": 3, "tested": 1}
    given = of_three(tmp_path, other)
    _, tables = measured(tmp_path, given)
    labels = [pd.read_parquet(file, columns=["label"])["label"] for file in given[1]]
    np.testing.assert_allclose(tables["runs"]["fraction"], [(one == 2).mean() for one in labels], rtol=1e-8)
    scores = [pd.read_parquet(file, columns=["score_2"])["score_2"].mean() for file in given[1]]
    np.testing.assert_allclose(tables["runs"]["mean_score"], scores, rtol=1e-6)


def test_a_label_of_no_class_is_refused(tmp_path):
    given = of_three(tmp_path, SPIRAL)
    table = pd.read_parquet(given[1][2])
    table.assign(label=table["label"].mask(table.index == 4, 3)).to_parquet(given[1][2])
    with pytest.raises(InputError, match="column label has values other than 0 to 2"):
        measured(tmp_path, given)
