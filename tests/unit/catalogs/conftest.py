import pytest

from tests.unit.catalogs.catalog_host import CatalogHost
from tests.unit.catalogs.query_engine import Engine

IDS = [1237648720693755918 + 7 * number for number in range(1050)]


@pytest.fixture
def host():
    """A catalog service of 1050 galaxies."""
    running = CatalogHost(Engine(IDS))
    yield running
    running.close()


@pytest.fixture
def waits(monkeypatch):
    """Seconds that clients wait, which take no time."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited
