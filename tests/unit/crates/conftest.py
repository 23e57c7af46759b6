"""A finished experiment in miniature: its result files, with records as the steps write them, and a git checkout."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.small_experiment import CONFIG
from workflow_scripts.configuration.loading import load
from workflow_scripts.provenance import sha256
from workflow_scripts.tables import write_json, write_table

CITATION = {
    "version": "1.2",
    "license": "BSD-3-Clause",
    "authors": [
        {"family-names": "Leavitt", "given-names": "Henrietta", "orcid": "https://orcid.org/0000-0000-0000-0000"},
        {"name": "An observatory"},
    ],
    "references": [
        {
            "title": "A paper",
            "authors": [{"family-names": "Dhar", "given-names": "S."}],
            "year": 2022,
            "identifiers": [{"type": "other", "value": "arXiv:2201.03131"}],
        }
    ],
}
# The table of a user, who is known by it.
TABLE, TABLE_SHA256 = "/data/of/somebody/galaxies.fits", "ab" * 32
ANNOTATIONS = "results/inference/pixels/east/net/resample0_seed0/annotations.parquet"
MODEL = "results/training/pixels/east/net/resample0_seed0/model.keras"


@dataclass
class FinishedExperiment:
    """The folder of an analysis, and the checkout whose code made it."""

    folder: Path
    checkout: Path
    config: dict[str, Any]

    @property
    def run(self) -> Any:
        """What a dry run says of it: nothing is to do."""
        return SimpleNamespace(directory=self.folder, jobs=[], written=self.config, settings=load(self.config))

    @property
    def summary(self) -> Path:
        return self.folder / "results/bias/first/summary.json"

    def edit_summary(self, **git: Any) -> None:
        content = json.loads(self.summary.read_text())
        content["provenance"]["git"].update(git)
        write_json(self.summary, content)


def committed(folder: Path, files: dict[str, str]) -> str:
    """Commit of a new repository with some files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git = ["git", "-C", str(folder), "-c", "user.name=A tester", "-c", "user.email=tester@example.org"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "All"]):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def finished(tmp_path) -> FinishedExperiment:
    folder, checkout = tmp_path / "analysis", tmp_path / "checkout"
    commit = committed(
        checkout,
        {
            "Snakefile": "rule all:\n",
            "CITATION.cff": yaml.safe_dump(CITATION),
            "LICENSE": "BSD 3-Clause License\n",
            "run.sh": "#!/bin/sh\n",
        },
    )
    galaxies = pd.DataFrame({"source_id": ["1"], "ra": [1.0], "dec": [2.0]})
    (folder / MODEL).parent.mkdir(parents=True)
    (folder / MODEL).write_bytes(b"weights")
    training_set = {"results/training/pixels/east/resample0/training_set.parquet": "cd" * 32}
    write_json(folder / MODEL.replace("model.keras", "run.json"), {"inputs": training_set})
    write_table(folder / "results/catalog/sky/catalog.parquet", galaxies, {"inputs": {TABLE: TABLE_SHA256}})
    write_table(folder / ANNOTATIONS, galaxies, {"inputs": {MODEL: sha256(folder / MODEL)}})
    write_json(
        folder / "results/bias/first/summary.json",
        {
            "headline": "Nothing was found.",
            "simulated": True,
            "inputs": {ANNOTATIONS: sha256(folder / ANNOTATIONS)},
            "versions": {"python": "3.11.7", "snakemake": "9.27.1"},
            "provenance": {"git": {"commit": commit, "dirty": False}},
        },
    )
    for name in (
        "bias/first/runs.csv",
        "bias/first/.runs.0.partial.csv",
        "bias/first/notes.txt",
        "bias/second/runs.csv",
        "report/first/verdict.html",
        "report/first/figures/run_dots.png",
    ):
        path = folder / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("content")
    config = {**CONFIG, "contact": "somebody@example.org"}
    return FinishedExperiment(folder, checkout, config)
