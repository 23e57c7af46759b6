"""`make archive` after a run, and before one: what Snakemake would still do decides."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.workflow_copy import WorkflowCopy

pytestmark = pytest.mark.slow


def archive(workflow: WorkflowCopy, folder) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "workflow_scripts.archive_experiment", "--directory", str(folder)]
    command += ["--configfile", str(workflow.analysis / "experiment.yaml")]
    return subprocess.run(
        command, cwd=workflow.root, env=workflow.environment, capture_output=True, text=True, timeout=600
    )


def commit_all(workflow: WorkflowCopy, repository) -> str:
    for name in ("CITATION.cff", "LICENSE"):
        shutil.copy(repository / name, workflow.root)
    git = ["git", "-C", str(workflow.root), "-c", "user.name=A tester", "-c", "user.email=tester@example.org"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "All"]):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def test_finished_results_are_archived_and_an_empty_folder_is_not(workflow, repository, tmp_path):
    results = shutil.copytree(workflow.analysis, tmp_path / "analysis")
    summary = results / "results/bias/first/summary.json"
    content, when = json.loads(summary.read_text()), summary.stat()
    # The run was made in a copy without git.
    assert content["provenance"]["git"] == {"commit": None, "date": None, "dirty": None}
    content["provenance"]["git"] = {"commit": commit_all(workflow, repository), "dirty": False}
    summary.write_text(json.dumps(content))
    os.utime(summary, ns=(when.st_atime_ns, when.st_mtime_ns))
    done = archive(workflow, results)
    assert done.returncode == 0, done.stderr
    path = results / "results/archive/first.zip"
    assert done.stdout == f"{path}\n"
    with zipfile.ZipFile(path) as whole:
        names = set(whole.namelist())
        graph = {entity["@id"]: entity for entity in json.loads(whole.read("ro-crate-metadata.json"))["@graph"]}
    assert {"code/Snakefile", "results/bias/first/design.json", "results/report/first/verdict.html"} <= names
    recorded = [entity["name"] for entity in graph.values() if entity["@id"].startswith("ni:")]
    for stage in ("catalog", "cutouts", "images", "training", "inference"):
        assert any(name.startswith(f"results/{stage}/") for name in recorded), stage

    refused = archive(workflow, tmp_path / "empty")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: experiment 'first' has no results, or not those of this configuration")
    assert "run `skybias run results/bias/first/summary.json" in refused.stderr
    assert not (tmp_path / "empty/results/archive").exists()
