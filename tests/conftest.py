"""Fixtures shared by all tests."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy

# The same examples in every run: a change is judged by what it changed.
settings.register_profile("same_examples", derandomize=True)
settings.load_profile("same_examples")

REPOSITORY = Path(__file__).resolve().parent.parent


class OneProcessAFile(LoadFileScheduling):
    """Tests of a file run in one process, as do all that use the finished run: what they share is made once."""

    def _split_scope(self, nodeid):
        return "tests/dag" if nodeid.startswith("tests/dag/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    """How tests are dealt out to processes, in the order of files: `tests/dag` takes longest, and comes first."""
    config.option.loadscopereorder = False
    return OneProcessAFile(config, log)


@pytest.fixture(autouse=True)
def _level_of_the_log() -> Iterator[None]:
    """A step that a test starts in this process sets the level of the log for itself, not for later tests."""
    level = logging.root.level
    yield
    logging.root.setLevel(level)


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
