import copy
import shutil

import pytest

from tests.dag.workflow_copy import WorkflowCopy

MATCHING = {"per_class": 8, "bins": {}, "shortfall": "redistribute", "disjoint": False}
CONFIG = {
    "active_experiments": ["first"],
    "catalogs": {"sky": {"source": "simulated", "n_galaxies": 240, "seed": 3, "split": {"annotation_fraction": 0.4}}},
    "surveys": {
        "pixels": {"kind": "simulated", "catalog": "sky", "cutout": {"size_px": 32, "pixel_scale_arcsec": 0.8}}
    },
    "recipes": {"small": {"size_px": 32}},
    "matchings": {"loose": dict(MATCHING), "other": dict(MATCHING)},
    "footprints": {
        "east": {"region": {"ra_range": [0, 180]}, "matching": "loose"},
        "west": {"region": {"ra_range": [180, 360]}, "matching": "loose"},
        "north": {"region": {"dec_range": [0, 90]}, "matching": "other"},
    },
    "networks": {"net": {"architecture": "lenet5", "recipe": "small", "epochs": 1, "batch_size": 8}},
    "experiments": {
        "first": {
            "survey": "pixels",
            "arms": {
                "halves": {"footprints": ["east", "west"], "networks": ["net"], "resamples": [0], "seeds": [0]},
                "control": {"footprints": ["north"], "networks": ["net"], "resamples": [0], "seeds": [0]},
            },
            "opposite": [["east", "west"]],
            "tests": {"permutations": 100},
        }
    },
}


@pytest.fixture(scope="session")
def finished_run(repository, tmp_path_factory):
    """A small experiment that has run to the end."""
    workflow = WorkflowCopy(repository, tmp_path_factory.mktemp("finished"))
    workflow.write_config(CONFIG)
    workflow.snakemake()
    return workflow


@pytest.fixture
def workflow(finished_run):
    """The finished run; whatever a test edits in checkout and configuration is put back afterwards."""
    kept = finished_run.root.with_name("kept")
    shutil.copytree(finished_run.root, kept)
    yield finished_run
    shutil.rmtree(finished_run.root)
    kept.rename(finished_run.root)
    finished_run.write_config(copy.deepcopy(CONFIG))
