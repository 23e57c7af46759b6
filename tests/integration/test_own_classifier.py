"""The examples of programs as networks, each in a whole small experiment, from the simulated sky to its answers."""

import copy
import json
import os
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy

pytestmark = [pytest.mark.slow, pytest.mark.long]

FROZEN = {
    "train": "examples/frozen_encoder.py train {images} {labels} {model}.pt {seed} {threads} {resume}",
    "annotate": "examples/frozen_encoder.py annotate {images} {model}.pt {scores}.npy {threads}",
}


def forest(repository: Path) -> dict:
    """The commands of the shipped experiment."""
    shipped = yaml.safe_load((repository / "experiments" / "own_classifier.yaml").read_text(encoding="utf-8"))
    return shipped["networks"]["forest"]["command"]


def python_with(package: str, repository: Path) -> str:
    """A Python that has a package: that of the examples' environment, or SKYBIAS_EXAMPLES_PYTHON."""
    for python in (
        os.environ.get("SKYBIAS_EXAMPLES_PYTHON", ""),
        str(repository / ".venv-examples" / "bin" / "python"),
    ):
        if (
            Path(python).is_file()
            and not subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode
        ):
            return python
    pytest.skip(f"no Python with {package}: `make example-environment`, or name one in SKYBIAS_EXAMPLES_PYTHON")


@pytest.fixture(scope="module")
def checkout(repository, tmp_path_factory) -> WorkflowCopy:
    workflow = WorkflowCopy(repository, tmp_path_factory.mktemp("own_classifier"))
    shutil.copytree(repository / "examples", workflow.analysis / "examples")
    return workflow


@pytest.mark.parametrize(("package", "distribution"), [("sklearn", "scikit-learn"), ("torch", "torch")])
def test_an_example_runs_to_its_answers(checkout, repository, package, distribution):
    python = python_with(package, repository)
    command = forest(repository) if package == "sklearn" else FROZEN
    config = copy.deepcopy(CONFIG)
    config["networks"] = {"net": {"command": command, "python": python, "recipe": "small"}}
    checkout.write_config(config)
    checkout.snakemake("results/bias/first/summary.json", "results/report/first/verdict.html")
    results = checkout.analysis / "results"
    summary = json.loads((results / "bias" / "first" / "summary.json").read_text())
    assert summary["headline"]
    assert {one["answer"] for one in summary["answers"]} <= {"yes", "no", "cannot tell"}
    runs = sorted((results / "training" / "pixels").glob("*/net/*/run.json"))
    assert len(runs) == 3
    for path in runs:
        record = json.loads(path.read_text())
        assert distribution in record["program"]
        assert any(name.startswith("examples/") for name in record["inputs"])
    for path in (results / "inference" / "pixels").glob("*/net/*/annotations.parquet"):
        table = pd.read_parquet(path)
        assert table["score"].between(0, 1).all()
        assert table["score"].nunique() > len(table) / 4
    assert list((results / "training" / ".resume").iterdir()) == []
    assert list((results / "inference" / ".resume").iterdir()) == []
