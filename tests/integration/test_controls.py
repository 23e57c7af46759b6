"""All controls of a small experiment, from the images to their answers."""

import copy
import json

import numpy as np
import pandas as pd
import pytest

from tests.planned import planned
from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.longest]

SUMMARY = "results/bias/first/summary.json"


@pytest.fixture(scope="module")
def controlled(repository, tmp_path_factory) -> WorkflowCopy:
    """Two halves with two training sets each, all controls, and a blur of one half in two steps: run to the summary."""
    workflow = WorkflowCopy(repository, tmp_path_factory.mktemp("controlled"))
    config = copy.deepcopy(CONFIG)
    first = config["experiments"]["first"]
    first["arms"] = {"halves": {"footprints": ["east", "west"], "networks": ["net"], "replicates": 2}}
    first["controls"] = {"placebo": True, "shuffled_sky": True, "seed": 5}
    first["controls"]["dose"] = {"footprint": "east", "blur_fwhm_arcsec": [2, 4]}
    first["tests"] = {"permutations": 1000}
    config["matchings"]["loose"]["disjoint"] = True
    workflow.write_config(config)
    (stage,) = planned(workflow)["groups"].values()
    # 4 runs of the experiment, 4 of each of two controls, 4 with a blur, their training sets, the maps of two
    # footprints, a shuffled sky, and the check of the designs.
    assert (stage["training"]["to_do"], stage["inference"]["to_do"]) == (16 + 12 + 2 + 1 + 1, 16)
    workflow.snakemake(SUMMARY)
    return workflow


def test_each_control_has_its_answer(controlled):
    summary = json.loads((controlled.analysis / SUMMARY).read_text())
    controls = [one for one in summary["answers"] if "control" in one["role"]]
    assert [one["role"] for one in controls] == ["control", "control", "positive control", "positive control"]
    assert [one["test"] for one in controls][2:] == ["dose_fraction", "dose_pattern"]
    for one in controls:
        assert one["answer"] in ("yes", "no", "cannot tell")
        assert "is the healthy answer" in one["question"]
        assert one["because"]


def test_controls_share_everything_before_the_training(controlled):
    results = controlled.analysis / "results"
    assert [path.name for path in (results / "cutouts").iterdir()] == ["pixels"]
    assert [path.name for path in (results / "images" / "pixels").iterdir()] == ["small"]
    assert [path.name for path in (results / "catalog").iterdir()] == ["sky"]


def test_annotations_of_a_shuffled_sky_have_the_places_of_others(controlled):
    folder = controlled.analysis / "results" / "inference" / "pixels"
    own, shuffled = (
        pd.read_parquet(folder / footprint / "net" / "resample0_seed0" / "annotations.parquet")
        for footprint in ("east", "east_shuffled5")
    )
    assert own["source_id"].equals(shuffled["source_id"])
    assert sorted(zip(own["ra"], own["dec"], strict=True)) == sorted(zip(shuffled["ra"], shuffled["dec"], strict=True))
    assert (own["ra"] != shuffled["ra"]).mean() > 0.9


def test_a_blur_trains_on_the_same_galaxies_and_gives_other_scores(controlled):
    folder = controlled.analysis / "results" / "inference" / "pixels" / "east"
    scores = [
        pd.read_parquet(folder / network / "resample0_seed0" / "annotations.parquet")["score"].to_numpy()
        for network in ("net", "net_blur2", "net_blur4")
    ]
    assert len(np.unique(scores, axis=0)) == 3
    drawn = controlled.analysis / "results" / "training" / "pixels"
    assert sorted(path.name for path in drawn.iterdir() if path.name.startswith("east")) == [
        "east",
        "east_placebo5_with_west",
        "east_shuffled5",
    ]


def test_controls_that_are_switched_off_leave_nothing_to_train(controlled):
    config = controlled.read_config()
    del config["experiments"]["first"]["controls"]
    controlled.write_config(config)
    printed = controlled.snakemake("--dry-run", SUMMARY).stdout
    assert "measure_bias" in printed
    assert not {"train", "annotate", "draw_training_set"} & set(printed.split())
