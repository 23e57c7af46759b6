"""A covariate added to a catalog: the catalog and the statistics are made again, and nothing that does not read it."""

import copy

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.integration.test_files_of_the_user import TABLE
from tests.planned import counted_by_snakemake
from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy

pytestmark = [pytest.mark.slow, pytest.mark.long]

ANNOTATIONS = "results/inference/mine/east/net/resample0_seed0/annotations.parquet"
SUMMARY = "results/bias/first/summary.json"


@pytest.fixture
def annotated(repository, tmp_path):
    """A run on a table and images of the user's, up to its annotations and its catalog."""
    workflow = WorkflowCopy(repository, tmp_path)
    stamps = workflow.analysis / "stamps"
    stamps.mkdir()
    random = np.random.default_rng(0)
    names = [f"g{number}" for number in range(60)]
    for name in names:
        Image.fromarray(random.integers(0, 255, (32, 32, 3), np.uint8)).save(stamps / f"{name}.png")
    galaxies = pd.DataFrame({"id": names, "ra": np.linspace(1, 179, 60), "dec": 0.1, "kind": ["e", "s"] * 30})
    galaxies["file"] = galaxies["id"] + ".png"
    galaxies["mag"], galaxies["fwhm"] = random.normal(17, 1, 60), random.normal(1.2, 0.1, 60)
    galaxies.to_csv(workflow.analysis / "table.csv", index=False)
    config = copy.deepcopy(CONFIG)
    config["catalogs"]["mine"] = copy.deepcopy(TABLE) | {"split": {"annotation_fraction": 0.4}}
    config["catalogs"]["mine"]["columns"]["magnitude"] = "mag"
    config["surveys"]["mine"] = {"kind": "local", "catalog": "mine", "path": "stamps", "equal_tiles": 1}
    config["matchings"]["loose"]["bins"] = {"magnitude": 5}
    config["experiments"]["first"] = {
        "survey": "mine",
        "allow_unanswerable": True,
        "arms": {"half": {"footprints": ["east"], "networks": ["net"], "resamples": [0], "seeds": [0]}},
    }
    workflow.write_config(config)
    workflow.snakemake(ANNOTATIONS, "results/catalog/mine/catalog.parquet")
    return workflow


def rules_that_would_run(workflow: WorkflowCopy, target: str) -> set[str]:
    """Rules of the jobs that a dry run counts for a target."""
    return set(counted_by_snakemake(workflow.snakemake("--dry-run", target).stdout)) - {"total"}


def test_an_added_covariate_trains_and_annotates_nothing_again(annotated):
    statistics = {"tabulate_balance", "measure_bias"}
    config = annotated.read_config()
    config["catalogs"]["mine"]["columns"]["psf_fwhm_arcsec"] = "fwhm"
    annotated.write_config(config)
    assert rules_that_would_run(annotated, ANNOTATIONS) == set()
    assert rules_that_would_run(annotated, SUMMARY) == {"make_catalog"} | statistics
    # What training sets are matched in still counts.
    config["catalogs"]["mine"]["columns"]["magnitude"] = "fwhm"
    annotated.write_config(config)
    again = {"list_galaxies", "draw_training_set", "train", "annotate"}
    assert rules_that_would_run(annotated, SUMMARY) == {"make_catalog"} | again | statistics
