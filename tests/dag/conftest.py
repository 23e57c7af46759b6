import copy
import shutil

import pytest

from tests.small_experiment import CONFIG


@pytest.fixture
def workflow(finished_run):
    """The finished run; whatever a test edits in checkout and configuration is put back afterwards.

    Results that the test adds are removed: other tests compare the finished run, file by file, with one of their own.
    """
    kept = finished_run.root.with_name("kept")
    shutil.copytree(finished_run.root, kept)
    results = finished_run.analysis / "results"
    before = set(results.rglob("*"))
    yield finished_run
    for path in set(results.rglob("*")) - before:
        if path.is_file():
            path.unlink()
    shutil.rmtree(finished_run.root)
    kept.rename(finished_run.root)
    finished_run.write_config(copy.deepcopy(CONFIG))
