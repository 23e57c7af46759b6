"""The probe of a small experiment, from the images to its answers; switched on later, it trains nothing again."""

import copy
import json
from pathlib import Path

import pandas as pd
import pytest

from tests.planned import planned
from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.longest]

SUMMARY = "results/bias/first/summary.json"


@pytest.fixture(scope="module")
def probed(repository, tmp_path_factory) -> WorkflowCopy:
    """Two halves with two training sets each, run without a probe and then with one."""
    workflow = WorkflowCopy(repository, tmp_path_factory.mktemp("probed"))
    config = copy.deepcopy(CONFIG)
    first = config["experiments"]["first"]
    first["arms"] = {"halves": {"footprints": ["east", "west"], "networks": ["net"], "replicates": 2}}
    config["matchings"]["loose"]["disjoint"] = True
    # After one epoch a network may give all galaxies the same score.
    config["networks"]["net"]["epochs"] = 4
    workflow.write_config(config)
    workflow.snakemake(SUMMARY)
    first["why"] = {"probe": {"controls": ["corners"]}}
    workflow.write_config(config)
    wanted = {(rule, Path(output).parts[1]) for rule, output in workflow.would_run() if "report" not in output}
    # A figure's.
    wanted -= {("map_footprint", "training")}
    assert wanted == {("probe_pixels", "causes"), ("probe_features", "causes"), ("measure_bias", "bias")}
    (stages,) = planned(workflow)["groups"].values()
    # Two training sets with two kinds of pixels, and four networks; of training the maps of two footprints.
    assert (stages["causes"]["to_do"], stages["training"]["to_do"]) == (2 * 2 + 4, 2)
    workflow.snakemake(SUMMARY)
    return workflow


def test_each_probe_has_its_answer_outside_the_primary_family(probed):
    summary = json.loads((probed.analysis / SUMMARY).read_text())
    answers = {one["test"]: one for one in summary["answers"] if one["test"].startswith("place_of_")}
    assert set(answers) == {"place_of_pixels", "place_of_features"}
    for one in answers.values():
        assert one["role"] == "secondary"
        assert one["answer"] in ("yes", "no", "cannot tell")
        assert one["p_adjusted"] is not None
    low, high = answers["place_of_pixels"]["effect"]["ci95"]
    assert low < answers["place_of_pixels"]["effect"]["value"] < high
    assert not any("place_of" in name for name in summary["primary"])
    # The imaging is the same everywhere: no column of the catalog can tell.
    assert set(summary["why"]["probe"]["pixels"][0]["auc"]) == {"whole", "corners"}


def test_scores_are_of_galaxies_that_no_network_was_trained_on(probed):
    folder = probed.analysis / "results"
    (pair,) = (folder / "causes" / "pixels" / "east").glob("against_*")
    scores = pd.read_parquet(pair / "net" / "whole" / "resample1_seed1" / "scores.parquet")
    galaxies = pd.read_parquet(folder / "catalog" / "sky" / "catalog.parquet").set_index("source_id")
    assert (galaxies.loc[scores["source_id"], "split"] == "annotation").all()
    assert set(scores["side"]) == {0, 1}


def test_another_experiment_shares_the_probe(probed):
    config = probed.read_config()
    config["experiments"]["second"] = {**config["experiments"]["first"], "opposite": [["west", "east"]]}
    probed.write_config(config)
    printed = probed.snakemake("--dry-run", "results/bias/second/summary.json").stdout
    assert "measure_bias" in printed
    assert not {"train", "probe_pixels", "probe_features"} & set(printed.split())
