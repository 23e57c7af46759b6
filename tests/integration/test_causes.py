"""What carries the effects of a small experiment, from the images of its versions to the page."""

import copy
import json

import numpy as np
import pandas as pd
import pytest

from tests.planned import counted_by_snakemake, planned
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
    first["why"] = {"counterfactual": ["seeing", "noise"], "retrain": True}
    workflow.write_config(config)
    (stage,) = planned(workflow)["groups"].values()
    # 4 runs, each annotates two versions, and is trained again to annotate one.
    assert (stage["inference"]["to_do"], stage["causes"]["to_do"]) == (12, 1)
    workflow.snakemake(SUMMARY, PAGE, ALIKE)
    return workflow


def test_only_what_is_annotated_is_rendered_anew(explained):
    results = explained.analysis / "results"
    own, anew = (
        pd.concat(
            pd.read_parquet(tile, columns=["source_id", "sha256"])
            for tile in (results / "cutouts" / name).glob("tile*")
        )
        for name in ("pixels", "pixels_common_seeing")
    )
    catalog = pd.read_parquet(results / "catalog" / "sky" / "catalog.parquet")
    annotated = set(catalog.loc[catalog["split"] == "annotation", "source_id"])
    assert set(anew["source_id"]) == annotated < set(own["source_id"])
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


def test_received_images_go_through_recipes_and_the_models_that_there_are(repository, tmp_path):
    workflow = WorkflowCopy(repository, tmp_path)
    config = copy.deepcopy(CONFIG)
    random = np.random.default_rng(1)
    table = {"id": [f"g{number}" for number in range(60)], "ra": 360 * random.random(60), "dec": 60 * random.random(60)}
    pd.DataFrame(table | {"kind": ["E", "S"] * 30, "fwhm": 1.0}).to_csv(workflow.analysis / "table.csv", index=False)
    (workflow.analysis / "images").mkdir()
    columns = {"source_id": "id", "ra": "ra", "dec": "dec", "label": "kind", "psf_fwhm_arcsec": "fwhm"}
    labels = {"label_values": {"E": "elliptical", "S": "spiral"}}
    config["catalogs"]["sky"] = {"source": "file", "path": "table.csv", "columns": columns, **labels}
    config["surveys"]["pixels"] = {"kind": "local", "catalog": "sky", "path": "images", "equal_tiles": 3}
    config["experiments"]["first"]["why"] = {"counterfactual": ["seeing", "background"]}
    workflow.write_config(config)
    jobs = counted_by_snakemake(workflow.snakemake("--dry-run", SUMMARY).stdout)
    # 3 runs in 4 versions, by the models of the survey as it is; three recipes make images alike.
    assert (jobs["train"], jobs["annotate"], jobs["prepare_images"]) == (3, 12, 12)
    assert (jobs["measure_imaging"], jobs["find_common_imaging"], jobs["measure_shares"]) == (9, 3, 1)
