"""Sizes of jobs, as the configuration tells them."""

import copy
from pathlib import Path

import pandas as pd
import pytest
from astropy.table import Table

from tests.small_experiment import CONFIG
from workflow_scripts.configuration import load
from workflow_scripts.planning.dry_run import PlannedJob
from workflow_scripts.planning.work import Work, WorkOfJobs, rows_of_table

NAMES = {"catalog": "sky", "survey": "pixels", "recipe": "small", "tile": "3", "experiment": "first"}
RUN = {"survey": "pixels", "footprint": "east", "network": "net", "resample": "0", "seed": "0"}


def job(rule, **wildcards):
    return PlannedJob(0, rule, "", wildcards, (), (), 1, {}, ("new",), ())


def work(rule, config=CONFIG, **wildcards):
    return WorkOfJobs(load(config), Path("nowhere")).of(job(rule, **wildcards))


@pytest.mark.parametrize(
    ("rule", "names", "expected"),
    [
        ("simulate_sky", NAMES, Work("simulate_sky", 240)),
        ("fetch_cutouts", NAMES, Work("fetch_cutouts simulated", 20, 20 * 32 * 32)),
        ("prepare_images", NAMES, Work("prepare_images", 20, 20 * 32 * 32 * 3)),
        ("index_images", NAMES, Work("index_images", 240)),
        ("draw_training_set", RUN, Work("draw_training_set", 240)),
        ("train", RUN, Work("train lenet5", 16 * 1 * 32 * 32 * 3)),
        ("annotate", RUN, Work("annotate lenet5", 96 * 32 * 32 * 3)),
        ("measure_bias", NAMES, Work("measure_bias", 3 * 96)),
        ("draw_runs", NAMES, Work("draw_runs", 3)),
        ("draw_footprints", NAMES, Work("draw_footprints", 3)),
        ("map_footprint", RUN, Work("map_footprint", 1)),
    ],
)
def test_sizes(rule, names, expected):
    assert work(rule, **names) == expected


def test_only_what_is_rendered_is_counted_and_a_sample_shrinks_all():
    config = copy.deepcopy(CONFIG)
    config["surveys"]["pixels"].update(rendered_share=0.5, equal_tiles=4)
    assert work("fetch_cutouts", config, **NAMES).size == 30
    assert work("make_catalog", config, **NAMES).size == 240
    config["sample"] = 100
    assert work("make_catalog", config, **NAMES).size == 100
    assert work("index_images", config, **NAMES).size == 50


@pytest.mark.parametrize(
    ("more", "requests"), [({}, 1), ({"format": "fits", "bands": ["i"]}, 1), ({"format": "fits"}, 3)]
)
def test_bands_that_come_one_by_one_are_as_many_requests(more, requests):
    config = copy.deepcopy(CONFIG)
    cutout, access = {"size_px": 32}, {"requests_per_second": 8}
    config["surveys"]["pixels"] = {"kind": "panstarrs", "catalog": "sky", "cutout": cutout, "access": access, **more}
    asked = 20 * requests
    expected = Work("fetch_cutouts panstarrs", asked, asked * 32 * 32, asked / 8, asked)
    assert work("fetch_cutouts", config, **NAMES) == expected


def test_a_catalog_that_is_not_there_is_named(tmp_path):
    config = copy.deepcopy(CONFIG)
    columns = {"source_id": "id", "ra": "ra", "dec": "dec"}
    config["catalogs"]["mine"] = {"source": "file", "path": "mine.csv", "columns": columns}
    work_of_jobs = WorkOfJobs(load(config), tmp_path)
    assert work_of_jobs.of(job("make_catalog", catalog="mine")) == Work("make_catalog", 0)
    assert work_of_jobs.unknown == {"mine"}
    (tmp_path / "mine.csv").write_text("id,ra,dec\n1,2,3\n")
    known = WorkOfJobs(load(config), tmp_path)
    assert known.of(job("make_catalog", catalog="mine")).size == 2
    assert known.unknown == set()


def test_a_finished_model_is_not_trained():
    config = copy.deepcopy(CONFIG)
    config["networks"]["net"] = {"architecture": "file", "mode": "annotate", "path": "m.keras", "recipe": "small"}
    assert work("train", config, **RUN) == Work("train file (finished)", 1)


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


def test_bricks_are_asked_for_by_brick_and_band_not_by_galaxy():
    few, many = (work("fetch_cutouts", bricks_config(number), **NAMES) for number in (240, 10_000_000))
    assert few.size == 20
    assert few.requests == pytest.approx(3 * 20, rel=0.01)
    # Never more than there are, in three bands and twelve tiles.
    assert many.requests == pytest.approx(3 * 662_174 / 12, rel=0.01)
    assert many.least_seconds == many.requests
    assert many.received_bytes == many.requests * 10e6


def test_bricks_are_counted_where_positions_are_known(tmp_path):
    folder = tmp_path / "results" / "cutouts" / "pixels"
    folder.mkdir(parents=True)
    pd.DataFrame({"ra": [10.0, 10.001, 10.3], "dec": [5.0, 5.0, 5.0]}).to_parquet(folder / "positions.parquet")
    found = WorkOfJobs(load(bricks_config(240)), tmp_path).of(job("fetch_cutouts", **NAMES))
    assert found.requests * 12 == pytest.approx(3 * 2)
