import copy
import shutil

import pytest

from tests.small_experiment import CONFIG


@pytest.fixture
def workflow(finished_run):
    """The finished run; whatever a test edits in checkout and configuration is put back afterwards."""
    kept = finished_run.root.with_name("kept")
    shutil.copytree(finished_run.root, kept)
    yield finished_run
    shutil.rmtree(finished_run.root)
    kept.rename(finished_run.root)
    finished_run.write_config(copy.deepcopy(CONFIG))
