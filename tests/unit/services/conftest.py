"""A survey server that runs, and places on its sky."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.services.coverage import is_covered
from tests.services.running import RunningServer, running_survey_server
from tests.services.sky_catalog import SkyCatalog


@pytest.fixture(scope="session")
def sky() -> SkyCatalog:
    return SkyCatalog(600, 1)


@pytest.fixture(scope="session")
def _running() -> Iterator[RunningServer]:
    with running_survey_server(galaxies=600, seed=1) as server:
        yield server


@pytest.fixture
def server(_running) -> RunningServer:
    """A server that behaves and has had no request."""
    _running.behave({})
    _running.forget()
    return _running


@pytest.fixture(scope="session")
def place(sky) -> dict[str, str]:
    """Position of a galaxy that every survey covers."""
    everywhere = is_covered("sdss", sky.ra, sky.dec) & is_covered("legacy", sky.ra, sky.dec)
    index = int(np.flatnonzero(everywhere & sky.has_photometry)[0])
    return {"ra": f"{sky.ra[index]:.7f}", "dec": f"{sky.dec[index]:.7f}"}
