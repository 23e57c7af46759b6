"""One private SLURM, and one undisturbed local run to compare with, for all tests of a session."""

import copy
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.slurm.private_cluster import PrivateCluster, missing_programs
from tests.slurm.submitted_run import SubmittedRun
from tests.workflow_copy import WorkflowCopy


@pytest.fixture(scope="session")
def cluster(repository) -> Iterator[PrivateCluster]:
    """A running cluster; skips where SLURM is not installed."""
    if missing := missing_programs():
        pytest.skip(
            f"SLURM is not installed on this machine (no {', '.join(missing)}): apt-get install slurm-wlm munge"
        )
    # pytest's own folders have names too long for sockets.
    with tempfile.TemporaryDirectory(prefix="slurm", ignore_cleanup_errors=True) as folder:
        cluster = PrivateCluster(Path(folder), repository / "profiles" / "slurm" / "without_accounting")
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture(scope="session")
def tiny(repository) -> dict:
    """experiments/tiny.yaml as it is."""
    return yaml.safe_load((repository / "experiments" / "tiny.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def few_runs(tiny) -> dict:
    """Two training runs and two tiles of it: enough for everything that can be disturbed."""
    config = copy.deepcopy(tiny)
    config["surveys"]["tiny_survey"]["equal_tiles"] = 2
    halves = config["experiments"]["tiny"]["arms"]["halves"]
    config["experiments"]["tiny"]["arms"] = {"halves": halves | {"replicates": 1}}
    return config


def run_locally(repository: Path, folder: Path, config: dict) -> WorkflowCopy:
    workflow = WorkflowCopy(repository, folder)
    workflow.write_config(config)
    workflow.snakemake()
    return workflow


@pytest.fixture(scope="session")
def local_tiny(repository, tmp_path_factory, tiny) -> WorkflowCopy:
    """The tiny experiment, run on this machine without a scheduler."""
    return run_locally(repository, tmp_path_factory.mktemp("local_tiny"), tiny)


@pytest.fixture(scope="session")
def local_few(repository, tmp_path_factory, few_runs) -> WorkflowCopy:
    """The few runs, run on this machine without a scheduler."""
    return run_locally(repository, tmp_path_factory.mktemp("local_few"), few_runs)


@pytest.fixture
def submitted(cluster, repository, tmp_path) -> Iterator[SubmittedRun]:
    """A folder of its own for an experiment that is run through profiles/slurm."""
    run = SubmittedRun(cluster, repository, tmp_path)
    yield run
    run.end()
