"""Classes that are mirror images, from a sky of two senses of winding to the answers and the page."""

import copy
import json

import numpy as np
import pandas as pd
import pytest

from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.longest]


def test_an_experiment_on_handedness_runs_to_its_page(repository, tmp_path):
    workflow = WorkflowCopy(repository, tmp_path)
    config = copy.deepcopy(CONFIG)
    config["catalogs"]["sky"] |= {"classes": ["anticlockwise", "clockwise"], "mirror": "swap"}
    config["catalogs"]["sky"]["galaxies"] = {"handedness": {"clockwise_fraction": 0.5}}
    config["networks"]["averaged"] = {**config["networks"]["net"], "mirror_average": True}
    first = config["experiments"]["first"]
    first["arms"] = {
        "halves": {"footprints": ["east", "west"], "networks": ["averaged"], "replicates": 3},
        "single": {"footprints": ["east"], "networks": ["net"]},
    }
    first["tests"] = {"permutations": 100, "expected": 0.5}
    workflow.write_config(config)
    workflow.snakemake("results/bias/first/summary.json", "results/report/first/verdict.html")
    results = workflow.analysis / "results"
    run_of = "pixels/east/{}/resample0_seed0"
    trained, annotated = (
        {name: results / stage / run_of.format(name) for name in ("net", "averaged")}
        for stage in ("training", "inference")
    )
    record = json.loads((trained["net"] / "run.json").read_text())
    assert record["config"]["network"]["mirror"] == "swap"
    assert record["training"]["mirrored"]["n"] > 50
    # The average over the mirror trains the same network, and annotates otherwise.
    assert (trained["net"] / "model.keras").read_bytes() == (trained["averaged"] / "model.keras").read_bytes()
    single, mean = (pd.read_parquet(annotated[name] / "annotations.parquet")["score"] for name in annotated)
    assert np.abs(single - mean).max() > 1e-4
    runs = pd.read_csv(results / "bias/first/runs.csv")
    assert runs.groupby("network")["mirror_averaged"].first().to_dict() == {"averaged": True, "net": False}
    assert runs["mirror_asymmetry"].notna().all()
    summary = json.loads((results / "bias/first/summary.json").read_text())
    asked = [one["test"] for one in summary["answers"] if one["test"].startswith("fraction_against_expected")]
    # One training set is too few.
    assert asked == ["fraction_against_expected [averaged]"]
    assert "Mirror images" in (results / "report/first/verdict.html").read_text()
