"""A simulated survey with properties of its imaging in common: the same galaxies and noise, alike in that alone."""

import io

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from workflow_scripts.catalogs.galaxies import galaxies_of_catalog, positions_of_catalog
from workflow_scripts.configuration.loading import load
from workflow_scripts.simulate_sky import simulated_sky
from workflow_scripts.surveys.simulated.simulated_survey import SimulatedSurvey

VARYING = {"dipole": {"amplitude": 0.5, "ra": 0, "dec": 90}}
CONFIG = {
    "active_experiments": [],
    "experiments": {},
    "catalogs": {
        "sky": {
            **{"source": "simulated", "n_galaxies": 120, "seed": 5, "split": {"annotation_fraction": 0.4}},
            "imaging": dict.fromkeys(("seeing", "depth", "background", "extinction"), VARYING),
        }
    },
    "surveys": {
        "own": {"kind": "simulated", "catalog": "sky", "cutout": {"size_px": 24, "encoding": "fits", "bands": "r"}}
    },
}


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    path = tmp_path_factory.mktemp("sky") / "truth.parquet"
    simulated_sky(load(CONFIG).sky_parameter("sky")).to_parquet(path)
    return path


def images(truth, common, changed=None) -> np.ndarray:
    """Images (12, 24, 24) of the first galaxies, with columns of the truth at other values."""
    entry = load(CONFIG).survey_parameter("own") | {"common": common}
    sky = pd.read_parquet(truth).assign(**(changed or {}))
    sky.to_parquet(truth.with_name("changed.parquet"))
    survey = SimulatedSurvey(entry, truth.with_name("changed.parquet"))
    found = survey.cutouts(sky.head(12)[["source_id", "ra", "dec"]])
    return np.stack([fits.getdata(io.BytesIO(result.image))[0] for result in found])


@pytest.mark.parametrize(
    ("name", "column"),
    [("seeing", "psf_fwhm_arcsec"), ("noise", "sky_noise"), ("background", "background"), ("extinction", "ebv")],
)
def test_a_common_property_is_that_of_the_median_and_all_else_stays(truth, name, column):
    median = float(pd.read_parquet(truth)[column].median())
    made = images(truth, [name])
    np.testing.assert_array_equal(made, images(truth, [], {column: median}))
    assert (made != images(truth, [])).any(axis=(1, 2)).all()


def test_a_version_lists_the_annotated_galaxies_alone_in_the_order_of_the_survey(truth):
    settings = load(CONFIG)
    rows = settings.positions_parameter("own")
    every = positions_of_catalog(rows, str(truth))
    catalog, _ = galaxies_of_catalog(settings.catalog_parameter("sky"), str(truth))
    version = positions_of_catalog({**rows, "split": settings.catalog_parameter("sky")["split"]}, str(truth))
    annotated = catalog.loc[catalog["split"] == "annotation", "source_id"]
    assert version["source_id"].tolist() == annotated.tolist()
    assert version["source_id"].tolist() == [one for one in every["source_id"] if one in set(annotated)]
    assert 30 < len(version) < 70
