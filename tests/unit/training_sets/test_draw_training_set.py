"""The step draw_training_set as a command line."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from workflow_scripts import draw_training_set, tabulate_balance
from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.errors import InputError
from workflow_scripts.tables import write_table
from workflow_scripts.training_sets.split import split


@pytest.fixture
def inputs(tmp_path, make_pool):
    """A catalog in which some galaxies are not for training, without a label, or without a cutout."""
    catalog = make_pool(3000)
    catalog["split"] = split(catalog["source_id"], 0.3, "salt")
    catalog["label"] = catalog["label"].astype("Int8").mask(catalog.index % 11 == 0)
    catalog["file"] = "a.jpg"
    ledger = catalog[["source_id"]].assign(outcome=np.where(catalog.index % 7 == 0, "no_coverage", "delivered"))
    ledger.sample(frac=1, random_state=0).to_parquet(tmp_path / "ledger.parquet")
    catalog.to_parquet(tmp_path / "catalog.parquet")
    return tmp_path, catalog


def run_step(step, *arguments) -> None:
    step.main(step.parser.parse_args([str(argument) for argument in arguments]))


def draw(folder, entry: dict, resample: int = 0, output: str = "out") -> pd.DataFrame:
    run_step(
        draw_training_set,
        *("--catalog", folder / "catalog.parquet", "--ledger", folder / "ledger.parquet"),
        *("--footprint", as_parameter(entry), "--resample", resample),
        *("--output", folder / output / "training_set.parquet"),
    )
    return pd.read_parquet(folder / output / "training_set.parquet")


def test_training_set_holds_only_usable_galaxies(inputs, make_footprints):
    folder, catalog = inputs
    drawn = draw(folder, make_footprints({"east": {"ra_range": [0, 180]}})["east"])
    assert list(drawn) == ["source_id", "ra", "dec", "label", "magnitude", "radius_arcsec"]
    assert drawn["label"].dtype == np.int8
    rows = catalog.set_index("source_id").loc[drawn["source_id"]]
    number = catalog.set_index("source_id").index.get_indexer(drawn["source_id"])
    assert (rows["split"] == "training").all()
    assert (rows["label"].to_numpy() == drawn["label"]).all()
    assert np.all(number % 7 != 0)
    assert np.all(number % 11 != 0)


def test_training_set_carries_its_provenance(inputs, make_footprints):
    folder, _ = inputs
    entry = make_footprints({"east": {"ra_range": [0, 180]}})["east"]
    draw(folder, entry, resample=1)
    record = json.loads(pq.read_schema(folder / "out" / "training_set.parquet").metadata[b"skybias"])
    assert record["config"] == json.loads(json.dumps(entry))
    assert record["seeds"] == {"resample": 1}
    assert set(record["inputs"]) == {str(folder / "catalog.parquet"), str(folder / "ledger.parquet")}


def test_same_inputs_give_the_same_bytes(inputs, make_footprints):
    folder, _ = inputs
    entry = make_footprints({"rotating": {"rotating": {"nside": 1}}}, per_class=20)["rotating_02"]
    draw(folder, entry, output="one")
    draw(folder, entry, output="two")
    one, two = (folder / output / "training_set.parquet" for output in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_only_the_columns_of_a_training_set_count_for_its_bytes(inputs, make_footprints):
    folder, catalog = inputs
    entry = make_footprints({"east": {"ra_range": [0, 180]}})["east"]
    draw(folder, entry, output="first")
    for output, changed in (
        ("added", catalog.assign(ebv=0.1)),
        ("removed", catalog.drop(columns="psf_fwhm_arcsec")),
        ("matched", catalog.assign(magnitude=catalog["magnitude"] + 0.01)),
    ):
        changed.to_parquet(folder / "catalog.parquet")
        draw(folder, entry, output=output)
    first, added, removed, matched = (
        (folder / output / "training_set.parquet").read_bytes() for output in ("first", "added", "removed", "matched")
    )
    assert first == added == removed
    assert first != matched


def test_balance_lists_matched_and_other_covariates(inputs, make_footprints):
    folder, _ = inputs
    draw(folder, make_footprints({"north": {"dec_range": [0, 90]}})["north"], output="north0")
    run_step(
        tabulate_balance,
        *("--catalog", folder / "catalog.parquet", "--ledger", folder / "ledger.parquet"),
        *("--drawn", '[["north", 0]]', "--output", folder / "balance.csv"),
        *("--training-sets", folder / "{footprint}{resample}" / "training_set.parquet"),
    )
    balance = pd.read_csv(folder / "balance.csv").set_index(["label", "covariate"])
    assert len(balance) == 6
    assert balance["n"].eq(60).all()
    assert balance.loc[(0, "magnitude"), "matched"]
    assert abs(balance.loc[(0, "magnitude"), "smd"]) < 0.2
    assert not balance.loc[(0, "psf_fwhm_arcsec"), "matched"]
    assert balance.loc[(0, "psf_fwhm_arcsec"), "smd"] > 0.8


def test_shortage_writes_nothing(inputs, make_footprints):
    folder, _ = inputs
    entry = make_footprints({"east": {"ra_range": [0, 180]}}, per_class=100_000)["east"]
    with pytest.raises(InputError, match=r"footprints\.east, class 0, resample 0: \d+ galaxies .* 100000 are required"):
        draw(folder, entry)
    assert not (folder / "out").exists()


def test_classes_are_called_by_their_names_where_the_catalog_knows_them(inputs, make_footprints):
    folder, _ = inputs
    catalog = pd.read_parquet(folder / "catalog.parquet")
    write_table(folder / "catalog.parquet", catalog, {"config": {"classes": ["elliptical", "spiral"]}})
    entry = make_footprints({"east": {"ra_range": [0, 180]}}, per_class=100_000)["east"]
    with pytest.raises(InputError, match=r"footprints\.east, class elliptical, resample 0: "):
        draw(folder, entry)
