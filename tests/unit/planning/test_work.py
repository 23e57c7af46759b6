"""Sizes of work, from the configuration and from what is there already."""

import copy
from pathlib import Path

import pandas as pd
import pytest
from astropy.table import Table

from tests.small_experiment import CONFIG
from workflow_scripts.configuration.loading import load
from workflow_scripts.planning import work
from workflow_scripts.planning.work import WorkSizes, rows_of_table


def sizes(config=CONFIG, directory=Path("nowhere")):
    return WorkSizes(load(config), directory)


def changed_survey(**entry):
    config = copy.deepcopy(CONFIG)
    config["surveys"]["pixels"].update(entry)
    return config


def test_only_what_is_rendered_is_counted_and_a_sample_shrinks_all():
    config = changed_survey(rendered_share=0.5, equal_tiles=4)
    assert sizes(config).images_of_tile("pixels", 2) == 30
    assert sizes(config).galaxies_of_catalog("sky") == sizes(config).galaxies_of_survey("pixels") == 240
    config["sample"] = 100
    assert sizes(config).galaxies_of_catalog("sky") == 100
    assert sizes(config).images_of_survey("pixels") == 50


def test_images_of_tiles_are_whole_numbers_that_add_up():
    config = changed_survey(equal_tiles=7)
    config["sample"] = 100
    tiles = [sizes(config).images_of_tile("pixels", tile) for tile in range(7)]
    assert sum(tiles) == 100
    assert set(tiles) == {14, 15}


@pytest.mark.parametrize(
    ("more", "requests"), [({}, 1), ({"format": "fits", "bands": ["i"]}, 1), ({"format": "fits"}, 3)]
)
def test_bands_that_come_one_by_one_are_as_many_requests(more, requests):
    config = copy.deepcopy(CONFIG)
    cutout, access = {"size_px": 32}, {"requests_per_second": 8}
    config["surveys"]["pixels"] = {"kind": "panstarrs", "catalog": "sky", "cutout": cutout, "access": access, **more}
    found, expected = sizes(config), 20 * requests
    assert found.cutouts_of_tile("pixels", 3) == found.downloads_of_tile("pixels", 3) == expected
    assert found.pixels_of_tile("pixels", 3) == expected * 32 * 32
    assert found.least_seconds_of_tile("pixels", 3) == expected / 8
    assert found.received_bytes_of_tile("pixels", 3) is None


def test_a_simulated_survey_downloads_nothing():
    assert sizes().downloads_of_tile("pixels", 3) is None
    assert sizes().least_seconds_of_tile("pixels", 3) == 0


def test_a_catalog_that_is_not_there_is_named(tmp_path):
    config = copy.deepcopy(CONFIG)
    columns = {"source_id": "id", "ra": "ra", "dec": "dec"}
    config["catalogs"]["mine"] = {"source": "file", "path": "mine.csv", "columns": columns}
    found = sizes(config, tmp_path)
    assert found.galaxies_of_catalog("mine") == 0
    assert found.unknown_catalogs == {"mine"}
    (tmp_path / "mine.csv").write_text("id,ra,dec\n1,2,3\n")
    # Snakemake computes the work of a job again when it starts.
    assert found.galaxies_of_catalog("mine") == 2
    assert found.unknown_catalogs == set()


def test_only_labelled_galaxies_are_counted_where_the_others_are_dropped(tmp_path, monkeypatch):
    config = copy.deepcopy(CONFIG)
    columns = {"source_id": "id", "ra": "ra", "dec": "dec", "label": "t"}
    ranges = {"elliptical": "< -3", "spiral": ">= 1"}
    entry = {"source": "file", "path": "mine.csv", "columns": columns, "label_values": ranges, "unlabelled": "drop"}
    config["catalogs"]["mine"] = entry
    rows = [f"{number},{number},0,{kind}" for number, kind in enumerate([-5, 2, "", 0, 3])]
    (tmp_path / "mine.csv").write_text("\n".join(["id,ra,dec,t", *rows, ""]))
    found = sizes(config, tmp_path)
    assert (found.galaxies_of_catalog("mine"), found.labelled) == (3, {"mine": 3})
    config["sample"] = 2
    assert sizes(config, tmp_path).galaxies_of_catalog("mine") == 2
    monkeypatch.setattr(work, "_MOST_ROWS_READ", 4)
    found = sizes(config | {"sample": None}, tmp_path)
    assert (found.galaxies_of_catalog("mine"), found.labelled) == (6, {"mine": None})
    # Once there is a catalog, the number is its own, also if it was made before the others were dropped.
    made = tmp_path / "results/catalog/mine/catalog.parquet"
    made.parent.mkdir(parents=True)
    pd.DataFrame({"label": pd.array([0, None, 1, 1, None], "Int8")}).to_parquet(made)
    assert (found.galaxies_of_catalog("mine"), found.labelled) == (3, {"mine": 3})


def test_a_finished_model_is_not_trained():
    config = copy.deepcopy(CONFIG)
    assert sizes().training_pixels("east", "net") == 16 * 32 * 32 * 3
    config["networks"]["net"] = {"architecture": "file", "mode": "annotate", "path": "m.keras", "recipe": "small"}
    found = sizes(config)
    assert (found.trained_architecture("net"), found.training_pixels("east", "net")) == ("file (finished)", 1)


@pytest.mark.parametrize("suffix", ["parquet", "fits", "csv"])
def test_rows_of_a_table_of_the_user(tmp_path, suffix):
    table = pd.DataFrame({"ra": range(7), "dec": range(7)})
    path = tmp_path / f"table.{suffix}"
    if suffix == "parquet":
        table.to_parquet(path)
    else:
        Table.from_pandas(table).write(path)
    # The line of names is one row too many, in an estimate.
    assert rows_of_table(path) == (8 if suffix == "csv" else 7)


def test_a_table_that_is_not_there_or_broken_has_no_rows(tmp_path):
    assert rows_of_table(tmp_path / "none.parquet") is None
    (tmp_path / "broken.fits").write_bytes(b"no")
    assert rows_of_table(tmp_path / "broken.fits") is None


def bricks_config(n_galaxies):
    config = copy.deepcopy(CONFIG)
    config["catalogs"]["sky"]["n_galaxies"] = n_galaxies
    config["surveys"]["pixels"] = {"kind": "bricks", "catalog": "sky", "cutout": {"size_px": 32}}
    return config


def test_bricks_are_requested_by_brick_and_band_not_by_galaxy():
    few, many = (sizes(bricks_config(number)) for number in (240, 10_000_000))
    assert few.cutouts_of_tile("pixels", 3) == 20
    assert few.downloads_of_tile("pixels", 3) == pytest.approx(3 * 20, rel=0.01)
    # Never more than there are, in three bands and twelve tiles.
    downloads = many.downloads_of_tile("pixels", 3)
    assert downloads == pytest.approx(3 * 662_174 / 12, rel=0.01)
    assert many.least_seconds_of_tile("pixels", 3) == downloads
    assert many.received_bytes_of_tile("pixels", 3) == downloads * 10e6


def test_bricks_are_counted_where_positions_are_known(tmp_path):
    folder = tmp_path / "results" / "cutouts" / "pixels"
    folder.mkdir(parents=True)
    pd.DataFrame({"ra": [10.0, 10.001, 10.3], "dec": [5.0, 5.0, 5.0]}).to_parquet(folder / "positions.parquet")
    assert sizes(bricks_config(240), tmp_path).downloads_of_tile("pixels", 3) * 12 == pytest.approx(3 * 2)
