"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy

# The same examples in every run: a change is judged by what it changed.
settings.register_profile("same_examples", derandomize=True)
settings.load_profile("same_examples")

REPOSITORY = Path(__file__).resolve().parent.parent


# First: the plugin that deals tests out to processes reads the marks in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep tests in one process that share what is dear to make: the finished run, or the fixtures of a file."""
    for item in items:
        shared = "finished_run" if "finished_run" in item.fixturenames else str(item.path)
        item.add_marker(pytest.mark.xdist_group(shared))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real validation data, which is not part of the project."""
    folder = Path(os.environ.get("SKYBIAS_VALIDATION_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"real validation data is not on this machine ({folder.name} not found; set SKYBIAS_VALIDATION_DATA)"
        )
    return folder


@pytest.fixture(scope="session")
def finished_run(repository, tmp_path_factory) -> WorkflowCopy:
    """A small experiment that has run to the end on two cores."""
    workflow = WorkflowCopy(repository, tmp_path_factory.mktemp("finished"))
    workflow.write_config(CONFIG)
    workflow.snakemake()
    return workflow
