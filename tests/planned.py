"""The preview of a copied workflow, and the job counts that Snakemake itself prints."""

import json
import os
import re
import subprocess

from tests.warm_python import run_module
from tests.workflow_copy import WorkflowCopy


def plan(workflow: WorkflowCopy, *arguments: str) -> subprocess.CompletedProcess:
    """Run the preview on the experiment of a copied workflow."""
    options = ["--cores", str(workflow.cores), "--configfile", str(workflow.analysis / "experiment.yaml")]
    options += ["--directory", str(workflow.analysis), *arguments]
    return run_module("workflow_scripts.plan", options, workflow.root, os.environ | {"PYTHONPATH": ""})


def planned(workflow: WorkflowCopy) -> dict:
    """The preview as data."""
    done = plan(workflow, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def counted_by_snakemake(printed: str) -> dict[str, int]:
    """Jobs by rule in the table `Job stats` of a run or dry run; empty where there is nothing to do."""
    table = re.search(r"^Job stats:\njob +count\n-+ +-+\n(.*?)\n\n", printed, re.MULTILINE | re.DOTALL)
    rows = [line.split() for line in table.group(1).splitlines()] if table else []
    return {rule: int(count) for rule, count in rows}
