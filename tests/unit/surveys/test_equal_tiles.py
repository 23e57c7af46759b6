"""Tiles with equal numbers of galaxies: jobs of one size on any sky, from the configuration alone."""

import copy

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.small_experiment import CONFIG
from workflow_scripts.configuration.loading import load
from workflow_scripts.errors import InputError
from workflow_scripts.sky.tiles import equal_tile_of, tile_of
from workflow_scripts.surveys.survey import requests_of_tile
from workflow_scripts.tables import write_table

TILES = 40


def isotropic(n, random):
    return random.uniform(0, 360, n), np.degrees(np.arcsin(random.uniform(-1, 1, n)))


def strip(n, random):
    """A survey strip on the equator, 2.5 degrees wide."""
    return random.uniform(310, 420, n) % 360, random.uniform(-1.25, 1.25, n)


def deep_field(n, random):
    """Nine galaxies of ten in a field of 1.4 degrees, the others anywhere."""
    ra, dec = isotropic(n, random)
    inside = random.random(n) < 0.9
    return np.where(inside, random.uniform(149.4, 150.8, n), ra), np.where(inside, random.uniform(1.5, 2.9, n), dec)


@pytest.mark.parametrize("sky", [isotropic, strip, deep_field])
def test_no_tile_is_much_larger_than_the_others(sky):
    ra, dec = sky(20_000, np.random.default_rng(1))
    counts = np.bincount(equal_tile_of(ra, dec, TILES), minlength=TILES)
    assert counts.sum() == 20_000
    assert 0.9 * 500 < counts.min() <= counts.max() < 1.1 * 500


def test_cells_would_not_do_on_such_skies():
    ra, dec = deep_field(20_000, np.random.default_rng(1))
    assert np.bincount(tile_of(ra, dec, 1), minlength=48).max() > 10 * np.median(np.bincount(tile_of(ra, dec, 1)))


@given(seed=st.integers(0, 1000), n=st.integers(0, 300), tiles=st.integers(1, 50))
def test_tiles_are_runs_of_whole_cells_whatever_the_order_of_rows(seed, n, tiles):
    random = np.random.default_rng(seed)
    ra, dec = isotropic(n, random)
    # Some positions twice: a cell is in one tile.
    ra, dec = np.append(ra, ra[: n // 3]), np.append(dec, dec[: n // 3])
    found = equal_tile_of(ra, dec, tiles)
    assert found.shape == ra.shape
    assert np.all((found >= 0) & (found < tiles))
    along = np.argsort(tile_of(ra, dec, 12), kind="stable")
    assert np.all(np.diff(found[along]) >= 0)
    assert np.array_equal(found[n:], found[: n // 3])
    shuffled = random.permutation(ra.size)
    assert np.array_equal(equal_tile_of(ra[shuffled], dec[shuffled], tiles), found[shuffled])


@pytest.fixture
def catalog(tmp_path):
    ra, dec = deep_field(2000, np.random.default_rng(2))
    galaxies = pd.DataFrame({"source_id": [f"g{n}" for n in range(ra.size)], "ra": ra, "dec": dec})
    write_table(tmp_path / "catalog.parquet", galaxies)
    return tmp_path / "catalog.parquet"


def test_every_galaxy_is_requested_in_one_tile(catalog):
    parts = [requests_of_tile(catalog, tile, order=0, equal_tiles=7) for tile in range(7)]
    requested = pd.concat(parts)["source_id"]
    assert requested.is_unique
    assert len(requested) == 2000
    assert max(map(len, parts)) < 1.2 * min(map(len, parts))


def test_a_tile_too_many_is_refused(catalog):
    with pytest.raises(InputError, match="tile 7: expected 0 to 6 at equal_tiles"):
        requests_of_tile(catalog, 7, order=3, equal_tiles=7)


def test_the_configuration_has_the_number():
    config = copy.deepcopy(CONFIG)
    del config["surveys"]["pixels"]["equal_tiles"]
    assert load(config).tiles("pixels") == range(12)
    config["surveys"]["pixels"].update(equal_tiles=7, tile_order=2)
    assert load(config).tiles("pixels") == range(7)
