"""What carries the effects of a small experiment, from the images of its versions to the page."""

import copy
import json

import numpy as np
import pandas as pd
import pytest

from tests.planned import planned
from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy

pytestmark = [pytest.mark.slow, pytest.mark.long]

SUMMARY, PAGE = "results/bias/first/summary.json", "results/report/first/verdict.html"
ALIKE = "results/images/pixels/alike/index.parquet"


@pytest.fixture(scope="module")
def explained(repository, tmp_path_factory) -> WorkflowCopy:
    """Two halves with two training sets each: run to the page. And the images of a recipe that makes them alike."""
    workflow = WorkflowCopy(repository, tmp_path_factory.mktemp("explained"))
    config = copy.deepcopy(CONFIG)
    config["catalogs"]["sky"]["imaging"] = {"seeing": {"dipole": {"amplitude": 0.5, "dec": 90}}}
    config["recipes"]["alike"] = {"size_px": 32, "common": ["seeing", "noise", "background"]}
    first = config["experiments"]["first"]
    first["arms"] = {"halves": {"footprints": ["east", "west"], "networks": ["net"], "replicates": 2}}
    first["why"] = {"counterfactual": ["seeing", "noise"]}
    workflow.write_config(config)
    (stage,) = planned(workflow)["groups"].values()
    # 4 runs, each annotates two versions.
    assert (stage["inference"]["to_do"], stage["causes"]["to_do"]) == (8, 1)
    workflow.snakemake(SUMMARY, PAGE, ALIKE)
    return workflow


def test_only_what_is_annotated_is_rendered_anew_with_the_seeing_of_the_median(explained):
    results = explained.analysis / "results"
    own, anew = (
        pd.read_parquet(results / "cutouts" / name / "ledger.parquet") for name in ("pixels", "pixels_common_seeing")
    )
    catalog = pd.read_parquet(results / "catalog" / "sky" / "catalog.parquet")
    assert (
        set(anew["source_id"])
        == set(catalog.loc[catalog["split"] == "annotation", "source_id"])
        < set(own["source_id"])
    )
    both = own.merge(anew, on="source_id")
    assert (both["sha256_x"] != both["sha256_y"]).mean() > 0.9


def test_images_that_are_made_alike_differ_from_those_that_are_not(explained):
    folder = explained.analysis / "results" / "images" / "pixels"
    plain, alike = (np.load(folder / recipe / "tile0.npy") for recipe in ("small", "alike"))
    assert plain.shape == alike.shape
    # The blur of the sharper ones takes contrast from them.
    assert alike[:, 14:18, 14:18].mean() < plain[:, 14:18, 14:18].mean()


def test_the_answers_and_the_figure_are_there_and_the_page_shows_them(explained):
    summary = json.loads((explained.analysis / SUMMARY).read_text())
    found = json.loads((explained.analysis / "results/causes/first/shares.json").read_text())
    assert (found["properties"], found["constant"]) == (["seeing"], ["noise"])
    tests = {effect["test"] for effect in found["effects"]}
    assert {"fraction_contrast east - west", "common_dipole"} <= tests
    answers = [one for one in summary["answers"] if one["test"].startswith("share")]
    assert len(answers) == len(found["effects"])
    page = (explained.analysis / PAGE).read_text()
    assert "What carries the common dipole?" in page


def test_a_question_that_is_dropped_trains_and_renders_nothing(explained):
    config = explained.read_config()
    del config["experiments"]["first"]["why"]
    explained.write_config(config)
    printed = explained.snakemake("--dry-run", SUMMARY).stdout
    assert "measure_bias" in printed
    assert not {"train", "annotate", "fetch_cutouts", "prepare_images"} & set(printed.split())
