"""A training pool and footprints of the kind that rules pass to the steps."""

import json

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.configuration.expansion import expand_footprints
from workflow_scripts.sky.footprints import region_moc
from workflow_scripts.training_sets import matching as matching_module

MATCHING = {
    "per_class": 60,
    "bins": {"magnitude": 0.5, "radius_arcsec": {"log10": 0.15}},
    "shortfall": "redistribute",
    "disjoint": True,
}


@pytest.fixture(scope="package", autouse=True)
def _each_region_is_covered_once():
    """Hundreds of draws share a few regions, whose coverages take most of the time."""
    coverages = {}

    def kept(region: dict, name: str):
        key = json.dumps(region, sort_keys=True)
        if key not in coverages:
            coverages[key] = region_moc(region, name=name)
        return coverages[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(matching_module, "region_moc", kept)
        yield


@pytest.fixture(scope="session")
def make_pool():
    """Galaxies all over the sky, fainter and smaller in the north, so that matching has something to do."""

    def make(n: int, seed: int = 0) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        height = random.uniform(-1, 1, n)
        magnitude = 18 - random.exponential(0.8, n) + 0.4 * height
        return pd.DataFrame(
            {
                "source_id": [f"g{number:06d}" for number in range(n)],
                "ra": random.uniform(0, 360, n),
                "dec": np.degrees(np.arcsin(height)),
                "label": (np.arange(n) % 2).astype("int8"),
                "magnitude": magnitude,
                "radius_arcsec": 10 ** random.normal(0.5 - 0.05 * (magnitude - 17), 0.12),
                "psf_fwhm_arcsec": 1.2 + 0.2 * height,
            }
        )

    return make


@pytest.fixture(scope="session")
def make_footprints():
    """Footprints as the configuration expands them: name -> entry."""

    def make(regions: dict, **matching) -> dict:
        footprints = {name: {"region": region, "matching": "standard"} for name, region in regions.items()}
        return expand_footprints(footprints, {"standard": MATCHING | matching})[0]

    return make
