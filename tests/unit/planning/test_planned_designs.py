"""What the preview says of designs and controls: from the configuration, and from the runs that there are."""

import copy
import os
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.small_experiment import CONFIG
from tests.unit.bias.synthetic_experiment import runs_of_noise
from workflow_scripts.configuration.loading import load
from workflow_scripts.errors import InputError
from workflow_scripts.planning.costs import CostModel
from workflow_scripts.planning.dry_run import dry_run
from workflow_scripts.planning.estimate import estimated_plan
from workflow_scripts.planning.planned_designs import pilots_of_design, planned_designs

CONTROLS = {"placebo": True, "shuffled_sky": True, "dose": {"footprint": "east", "blur_fwhm_arcsec": [2, 4]}}


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """The plan of the small experiment with two training sets a side, changes of it, and its dry run."""

    def run(**experiment):
        config = copy.deepcopy(CONFIG)
        config["experiments"]["first"]["arms"]["halves"] = {
            "footprints": ["east", "west"],
            "networks": ["net"],
            "replicates": 2,
        }
        config["experiments"]["first"] |= experiment
        (tmp_path / "small.yaml").write_text(yaml.safe_dump(config))
        monkeypatch.chdir(tmp_path)
        # Snakemake reads the rules in this process, and they set the environment of the steps.
        with mock.patch.dict(os.environ):
            found = dry_run(["--configfile", "small.yaml", "--directory", "analysis"])
        return found, estimated_plan(found, CostModel({}))

    return run


def test_a_control_counts_what_it_adds(planned):
    _, plan = planned(controls=CONTROLS)
    # Four runs each, and their training sets; the shuffled sky; the blurred networks have training sets of their own.
    assert {kind: row["to_do"] for kind, row in plan["controls"]["first"].items()} == {
        "dose": 2 * 4,
        "placebo": 3 * 4,
        "shuffled_sky": 3 * 4 + 1,
    }
    _, without = planned()
    assert without["controls"] == {}
    assert plan["total"]["to_do"] == without["total"]["to_do"] + 8 + 12 + 13


def test_a_remedy_counts_what_it_adds(planned):
    found, plan = planned(remedies=["ensemble", "equivariant", "mixed_sky", "aligned"])
    # Five runs on five training sets, each remedy with its score; `aligned` has five sets of unlabelled galaxies.
    assert {kind: row["to_do"] for kind, row in plan["remedies"]["first"].items()} == {
        "mixed_sky": 3 * 5 + 1,
        "equivariant": 5 + 1,
        "aligned": 3 * 5 + 1,
        "ensemble": 1,
    }
    assert plan["groups"]["experiment first"]["remedies"]["to_do"] == 4 + 1
    assert plan["controls"] == {}
    (train,) = (
        job for job in found.jobs if job.rule == "train" and "west/net_aligned/resample1_seed1/" in job.outputs[0]
    )
    outputs = {job.number: job.outputs[0] for job in found.jobs}
    drawn = [outputs[number] for number in train.needs if "training_set" in outputs[number]]
    assert sorted(drawn) == [
        f"results/training/pixels/{name}/resample1/training_set.parquet" for name in ("west", "west_everywhere")
    ]


def test_a_cause_counts_what_it_adds(planned):
    _, plan = planned(why={"probe": {"controls": ["corners"]}, "counterfactual": ["seeing"]})
    assert {kind: row["to_do"] for kind, row in plan["why"]["first"].items()} == {
        # Two networks of the probe and one of the control for each draw, and the features of five networks.
        "probe": 2 * 2 + 5,
        # The seeing of this sky is the same everywhere: no version.
        "counterfactual": 1,
    }
    assert plan["controls"] == plan["remedies"] == {}


def written_pilot(folder, runs, n):
    folder.mkdir(parents=True)
    runs.to_csv(folder / "runs.csv", index=False)
    names = runs["footprint"].unique()
    pd.DataFrame({"label": 0, "n": n, "footprint": names, "resample": 0}).to_csv(folder / "balance.csv", index=False)


def test_the_scatter_of_earlier_runs_takes_the_place_of_what_is_assumed(planned, tmp_path):
    run, plan = planned()
    written_pilot(tmp_path / "analysis/results/bias/first", runs_of_noise(["east", "west"], 40, 0.02), n=8)
    report = planned_designs(run, plan["groups"])["first"]
    for row in report["tests"]:
        sd, file = row["scatter"]
        assert (sd, file) == (pytest.approx(0.02, rel=0.15), "results/bias/first/runs.csv")
    assert report["effect"] == 0.05


@pytest.mark.parametrize(("sets", "n"), [(1, 960), (4, 960), (1, 240)])
def test_a_pilot_of_rotating_footprints_is_scaled_to_the_plan(tmp_path, sets, n):
    config = copy.deepcopy(CONFIG)
    config["matchings"]["loose"]["per_class"] = 960
    config["footprints"]["rotating"] = {"region": {"rotating": "hemispheres"}, "matching": "loose"}
    config["experiments"]["first"]["arms"] = {"all": {"footprints": ["rotating"], "networks": ["net"]}}
    config["experiments"]["first"]["opposite"] = []
    design = load(config).design_parameter("first")
    names = [f"rotating_{number:02d}" for number in range(12)]
    scatter = 0.01
    written_pilot(tmp_path / "pilot", runs_of_noise(names, sets, scatter, seed=5), n)
    (fraction, _), (pattern, _) = (
        pilots_of_design(design, tmp_path / "pilot")[name, "net"] for name in ("fraction_response", "pattern_response")
    )
    # One training set a footprint is planned: its scatter is that of a run, with fewer galaxies a larger one.
    assert fraction == pytest.approx(scatter * np.sqrt(n / 960), rel=0.6)
    assert pattern == pytest.approx(scatter * np.sqrt(n / 960), rel=0.4)
    assert pilots_of_design(design, tmp_path / "none") == {}


def test_a_damaged_pilot_is_named(tmp_path):
    design = load(copy.deepcopy(CONFIG)).design_parameter("first")
    written_pilot(tmp_path / "pilot", runs_of_noise(["east", "west"], 2, 0.01), 8)
    (tmp_path / "pilot" / "balance.csv").write_text("nothing\n")
    with pytest.raises(InputError, match=r"runs\.csv: cannot be read together with balance\.csv"):
        pilots_of_design(design, tmp_path / "pilot")
