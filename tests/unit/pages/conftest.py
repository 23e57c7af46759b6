"""An experiment with its page, made once for all tests of pages."""

import pytest

from tests.unit.bias.synthetic_experiment import experiment_runs, write_experiment
from tests.unit.pages.written_page import written


@pytest.fixture(scope="session")
def rotating(tmp_path_factory):
    """An experiment with every kind of run: its folder, summary, tables and page."""
    folder = tmp_path_factory.mktemp("rotating")
    return folder, *written(folder, write_experiment(folder, 0.05, experiment_runs()))
