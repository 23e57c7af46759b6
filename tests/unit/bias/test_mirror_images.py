"""Experiments on classes that are mirror images: what their networks prefer, and the fraction that is expected."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.synthetic_experiment import experiment_runs, write_experiment, write_training
from workflow_scripts.bias.network_cautions import cautions_of_trainings, read_trainings
from workflow_scripts.measure_bias import measure
from workflow_scripts.networks.mirrored_classes import FLIPS_HINT
from workflow_scripts.pages.experiment_page import experiment_page
from workflow_scripts.tables import write_table


def measured(folder, given):
    experiment, files, catalog = given
    measure(experiment, experiment["runs"], files, catalog, folder / "bias")
    return json.loads((folder / "bias" / "summary.json").read_text())


@pytest.mark.parametrize("flips", [True, False])
def test_networks_that_learned_nothing_with_flips_get_a_hint(tmp_path, flips):
    network = {"mode": "train", "augmentation": {"flips": flips}}
    trainings = read_trainings([write_training(tmp_path / "run.json", learned=False, network=network)])
    sentences = cautions_of_trainings(["a"], trainings)
    assert (sentences[1:] == [FLIPS_HINT]) == flips
    assert len(sentences) == 1 + flips


def test_networks_that_prefer_one_side_of_mirror_images_are_said(tmp_path):
    """Of three networks one is uneven; a second one is too, and averages."""
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs(with_rotating=False))
    asymmetry = [-0.08, 0.06, 0.004, *[0.0] * 7]
    trainings = [
        write_training(
            tmp_path / f"{row}.json", mirrored={"asymmetry": value, "asymmetry_se": 0.003, "same_label": 0.3}
        )
        for row, value in enumerate(asymmetry)
    ]
    experiment["tests"]["expected"] = 0.5
    write_table(files[1], pd.read_parquet(files[1]), {"config": {"network": {"mirror_average": True}}})
    write_table(files[2], pd.read_parquet(files[2]), {"config": {"network": {"average": "orientations"}}})
    measure(experiment, experiment["runs"], files, catalog, tmp_path / "bias", trainings=trainings)
    runs = pd.read_csv(tmp_path / "bias" / "runs.csv")
    assert list(runs["mirror_asymmetry"]) == asymmetry
    assert list(runs["mirror_same_label"]) == [0.3] * 10
    assert list(runs["mirror_averaged"]) == [False, True, True, *[False] * 7]
    summary = json.loads((tmp_path / "bias" / "summary.json").read_text())
    (sentence,) = [sentence for sentence in summary["warnings"] if "mirror" in sentence]
    assert sentence.startswith("1 of 10 networks prefer one side of mirror images: ")
    assert f"-0.080 ± 0.003 ({runs['run_id'][0]})" in sentence
    (found,) = [one for one in summary["answers"] if one["test"] == "fraction_against_expected"]
    # Half of the mean over the nine networks that do not average: -0.076 / 9.
    assert found["because"][-1].endswith("the mean score is off by -0.0050.")
    tables = {name: pd.read_csv(tmp_path / "bias" / f"{name}.csv") for name in ("runs", "arms", "contrasts")}
    assert "Mirror images" in experiment_page(summary, tables)
    tables["runs"] = runs.drop(columns=[name for name in runs if name.startswith("mirror_")])
    assert "Mirror images" not in experiment_page(summary, tables)


@pytest.mark.parametrize(("departure", "answer"), [(0.0, "no"), (0.15, "yes")])
def test_the_mean_fraction_is_compared_with_the_expected_one_where_it_is_given(tmp_path, departure, answer):
    experiment, files, catalog = write_experiment(tmp_path, 0.0, experiment_runs(with_rotating=False))
    fraction = np.mean([pd.read_parquet(file)["label"].mean() for file in files])
    experiment["tests"]["expected"] = float(fraction) - departure
    summary = measured(tmp_path, (experiment, files, catalog))
    (found,) = [one for one in summary["answers"] if one["test"] == "fraction_against_expected"]
    assert found["answer"] == answer
    assert found["effect"]["value"] == pytest.approx(departure, abs=0.01)
    low, high = found["effect"]["ci95"]
    assert low < departure < high
    assert ("and not the expected" in summary["verdict"]) == (answer == "yes")
    # The other answers stay as they are.
    assert [one["role"] for one in summary["answers"]][:2] == ["primary", "primary"]
