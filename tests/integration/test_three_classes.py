"""Three classes, from a sky that has them to an answer and a page for each, by a network and a program of the user."""

import copy
import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.longest]

CLASSES = ["elliptical", "spiral", "edge_on"]
SCORES = ["score_0", "score_1", "score_2"]


def test_an_experiment_on_three_classes_runs_to_its_pages(repository, tmp_path):
    workflow = WorkflowCopy(repository, tmp_path)
    shutil.copyfile(repository / "tests/unit/networks/nearest_centroid.py", workflow.analysis / "program.py")
    config = copy.deepcopy(CONFIG)
    config["catalogs"]["sky"] |= {"classes": CLASSES, "galaxies": {"edge_on_fraction": 0.5}, "n_galaxies": 300}
    config["networks"]["own"] = {
        "recipe": "small",
        "python": sys.executable,
        "command": {
            "train": "program.py train {images} {labels} {model} {seed}",
            "annotate": "program.py annotate {images} {ids} {model} {scores}.npy",
        },
    }
    first = config["experiments"]["first"]
    first["classes"] = ["edge_on", "spiral"]
    first["arms"]["control"] = {"footprints": ["east"], "networks": ["own"]}
    workflow.write_config(config)
    pages = [f"results/report/first_{name}/verdict.html" for name in first["classes"]]
    workflow.snakemake(*pages, *(f"results/report/first_{name}/figures/gallery.png" for name in first["classes"]))
    results = workflow.analysis / "results"
    training_set = pd.read_parquet(results / "training/pixels/east/resample0/training_set.parquet")
    assert training_set["label"].value_counts().to_dict() == {0: 8, 1: 8, 2: 8}
    runs = sorted(results.glob("inference/pixels/*/*/resample*_seed*/annotations.parquet"))
    assert len(runs) == 3
    tables = [pd.read_parquet(run) for run in runs]
    for table in tables:
        scores = table[SCORES].to_numpy()
        np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
        assert (table["label"] == scores.argmax(axis=1)).all()
    for number, name in ((2, "edge_on"), (1, "spiral")):
        summary = json.loads((results / f"bias/first_{name}/summary.json").read_text())
        assert summary["headline"].startswith(f"{name} against the rest: ")
        assert all(one["question"].startswith(f"{name} against the rest: ") for one in summary["answers"])
        measured = pd.read_csv(results / f"bias/first_{name}/runs.csv")
        expected = sorted((table["label"] == number).mean() for table in tables)
        np.testing.assert_allclose(sorted(measured["fraction"]), expected, rtol=1e-6)
        assert f"{name} against the rest" in (results / f"report/first_{name}/verdict.html").read_text()
