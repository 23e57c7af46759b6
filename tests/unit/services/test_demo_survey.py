"""The demonstration requests from the server everything that an experiment requests from services."""

import socket
import subprocess
import sys

import pytest
import yaml

from tests.services.demo_survey import local_addresses
from tests.services.running import REPOSITORY, running_survey_server


@pytest.mark.parametrize("name", ["sdss_galaxy_zoo", "panstarrs", "legacy_surveys"])
def test_no_public_address_is_left(server, name):
    experiment = yaml.safe_load((REPOSITORY / "experiments" / f"{name}.yaml").read_text())
    overlay = local_addresses(experiment, server)
    for part in ("catalogs", "surveys"):
        for entry, values in experiment[part].items():
            changed = values | overlay[part].get(entry, {})
            addresses = [text for text in yaml.safe_dump(changed).split() if "://" in text]
            assert addresses
            assert all(address.startswith(server.base_url) for address in addresses)


def test_a_port_that_is_taken_is_reported_in_a_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "tests.services.survey_server", "--galaxies", "100", "--port", str(port)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: --port {port}")
        assert len(done.stderr.splitlines()) == 1
        with pytest.raises(RuntimeError, match="did not start"), running_survey_server(galaxies=100, port=port):
            pass
