"""The experiment on Pan-STARRS, whole, with FITS in three bands in place of JPEG."""

import json

import pandas as pd
import pytest
import yaml

from tests.integration.test_survey_experiments import ROOT, overlay, snakemake
from tests.services.running import running_survey_server
from workflow_scripts.images.arrays import ImageStore
from workflow_scripts.images.fits_files import unpacked

pytestmark = [pytest.mark.long, pytest.mark.longest]

SAMPLE = 150
OF_PANSTARRS = {"catalogs": "galaxy_zoo_1", "surveys": "panstarrs_images", "matchings": "zoo1_sets"}


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    """The folder in which the experiment has run to the end, and what was requested of the server."""
    folder = tmp_path_factory.mktemp("bands")
    with running_survey_server(galaxies=2000) as server:
        changed = overlay(server)
        changed |= {registry: {name: changed[registry][name]} for registry, name in OF_PANSTARRS.items()}
        changed["experiments"] = {"panstarrs": changed["experiments"]["panstarrs"]}
        changed["active_experiments"] = ["panstarrs"]
        bands = {"format": "fits", "bands": ["i", "r", "g"], "cutout": {"size_px": 64}}
        changed["surveys"]["panstarrs_images"] |= bands
        (folder / "overlay.yaml").write_text(yaml.safe_dump(changed))
        files = [ROOT / "experiments" / "panstarrs.yaml", folder / "overlay.yaml"]
        snakemake(folder, files, "--config", f"sample={SAMPLE}")
        requested = server.report()
        assert "Nothing to be done" in snakemake(folder, files, "--config", f"sample={SAMPLE}")
        assert server.report() == requested
    (folder / "requested.json").write_text(json.dumps(requested))
    return folder


def test_the_experiment_ends_with_a_verdict(analysis):
    summary = json.loads((analysis / "results/bias/panstarrs/summary.json").read_text())
    assert summary["verdict"]
    assert summary["paper_style"]
    assert "scaled by the service" not in json.dumps(summary), "images in physical units need no warning"


def test_every_galaxy_is_requested_in_three_bands(analysis):
    tiles = pd.concat(map(pd.read_parquet, (analysis / "results/cutouts/panstarrs_images").glob("tile*.parquet")))
    delivered = tiles[tiles["outcome"] == "delivered"]
    assert len(tiles) == SAMPLE
    assert len(delivered) > 0.9 * SAMPLE
    assert {tuple(unpacked(image)) for image in delivered["image"]} == {("i", "r", "g")}
    assert json.loads((analysis / "requested.json").read_text())["fitscut"]["keys"] == 3 * (tiles["attempts"] > 0).sum()


def test_networks_see_galaxies_in_colour(analysis):
    store = ImageStore(analysis / "results/images/panstarrs_images/rgb64/index.parquet")
    red, green, blue = store.tile(0).mean(axis=(0, 1, 2))
    assert red > green > blue > 0
