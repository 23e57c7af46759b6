"""What is requested of a survey: the galaxies of the catalog, whatever else the catalog holds."""

import copy
import json

import numpy as np
import pandas as pd
import pytest

from workflow_scripts import list_positions
from workflow_scripts.catalogs.galaxies import galaxies_of_catalog
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.errors import InputError
from workflow_scripts.step import run_step

CONFIG = {
    "active_experiments": [],
    "experiments": {},
    "catalogs": {
        "zoo": {
            "source": "file",
            "path": "zoo.csv",
            "columns": {"source_id": "id", "ra": "ra", "dec": "dec", "label": "kind", "size": "r90", "redshift": "z"},
            "classes": ["elliptical", "spiral"],
            "label_values": {"E": "elliptical", "S": "spiral"},
        }
    },
    "surveys": {
        "sdss": {"kind": "sdss", "catalog": "zoo", "cutout": {"pixel_scale_arcsec": {"column": "size", "times": 0.02}}}
    },
}


def changed(*keys: str, value: object) -> dict:
    config = copy.deepcopy(CONFIG)
    entry = config
    for key in keys[:-1]:
        entry = entry.setdefault(key, {})
    entry[keys[-1]] = value
    return config


def parameters(config: dict) -> tuple[str, str]:
    settings = load(config)
    return as_parameter(settings.positions_parameter("sdss")), as_parameter(settings.survey_parameter("sdss"))


@pytest.mark.parametrize(
    "keys",
    [
        ("contact",),
        ("catalogs", "zoo", "label_values", "E"),
        ("catalogs", "zoo", "columns", "redshift"),
        ("catalogs", "zoo", "split", "salt"),
        ("surveys", "sdss", "max_failed_share"),
        ("surveys", "sdss", "access", "requests_per_second"),
        ("surveys", "sdss", "coverage", "hips"),
    ],
)
def test_what_changes_no_image_reaches_no_request(keys):
    value = {"max_failed_share": 0.5, "requests_per_second": 1, "E": "spiral"}.get(keys[-1], "other")
    assert parameters(changed(*keys, value=value)) == parameters(copy.deepcopy(CONFIG))


@pytest.mark.parametrize(
    "keys",
    [
        ("sample",),
        ("catalogs", "zoo", "hygiene", "radius_arcsec"),
        ("catalogs", "zoo", "columns", "size"),
        ("surveys", "sdss", "cutout", "size_px"),
        ("surveys", "sdss", "url"),
    ],
)
def test_what_changes_images_reaches_the_requests(keys):
    value = {"size": "r50", "url": "https://example.org/"}.get(keys[-1], 99)
    assert parameters(changed(*keys, value=value)) != parameters(copy.deepcopy(CONFIG))


@pytest.mark.parametrize("sample", [None, 40])
def test_positions_are_those_of_the_catalog(tmp_path, sample):
    random = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "id": [str(1237645879551066262 + n) for n in [*range(80), 3]],
            "ra": random.uniform(-180, 360, 81),
            "dec": random.uniform(-95, 90, 81),
            "kind": random.choice(["E", "S", "?"], 81),
            "r90": [-9999.0, *random.uniform(1, 9, 80)],
            "z": 0.1,
        }
    )
    table.to_csv(tmp_path / "zoo.csv", index=False)
    settings = load({**CONFIG, "sample": sample})
    catalog, _ = galaxies_of_catalog(settings.catalog_parameter("zoo"), str(tmp_path / "zoo.csv"))

    def listed() -> bytes:
        arguments = ["--rows", json.dumps(settings.positions_parameter("sdss")), "--source", str(tmp_path / "zoo.csv")]
        with pytest.raises(SystemExit):
            run_step(
                list_positions.main,
                list_positions.parser,
                [*arguments, "--output", str(tmp_path / "positions.parquet")],
            )
        return (tmp_path / "positions.parquet").read_bytes()

    before = listed()
    positions = pd.read_parquet(tmp_path / "positions.parquet")
    pd.testing.assert_frame_equal(positions, catalog[["source_id", "ra", "dec", "size"]], check_dtype=False)
    table.assign(kind="S", z=0.2).to_csv(tmp_path / "zoo.csv", index=False)
    assert listed() == before


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (changed("surveys", "sdss", "url", value="skyserver"), "surveys.sdss.url is 'skyserver', expected an address"),
        (changed("surveys", "sdss", "coverage", value={"moc": "a", "hips": "b"}), "expected one of moc .* and hips"),
        (
            changed("surveys", "sdss", "cutout", "pixel_scale_arcsec", "column", value="siz"),
            "which the catalog 'zoo' has not; did you mean 'size'",
        ),
        (
            changed(
                "surveys", "p", value={"kind": "panstarrs", "catalog": "zoo", "format": "fits", "bands": ["g", "r"]}
            ),
            "surveys.p.bands has 2 bands, expected one, or three",
        ),
        (changed("surveys", "p", value={"kind": "panstarrs", "catalog": "zoo", "bands": ["g", "r"]}), "has 2 bands"),
        (
            changed(
                "surveys",
                "p",
                value={
                    "kind": "panstarrs",
                    "catalog": "zoo",
                    "bands": ["g"],
                    "format": "fits",
                    "cutout": {"pixel_scale_arcsec": 0.5},
                },
            ),
            "expected 0.25 with format: fits",
        ),
        (
            changed("surveys", "p", value={"kind": "panstarrs", "catalog": "zoo", "access": {"concurrency": 11}}),
            "expected at most 10",
        ),
    ],
)
def test_settings_of_services_that_cannot_be(config, message):
    with pytest.raises(InputError, match=message):
        load(config)
