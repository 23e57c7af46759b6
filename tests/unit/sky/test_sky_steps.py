"""The steps map_footprint and draw_training_set as command lines."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from mocpy import MOC

from workflow_scripts import draw_training_set, map_footprint
from workflow_scripts.configuration import as_parameter
from workflow_scripts.errors import InputError
from workflow_scripts.step import run_step
from workflow_scripts.tables import write_table
from workflow_scripts.training_sets.split import split


def run(step, *arguments: str) -> None:
    step.main(step.build_parser().parse_args([str(argument) for argument in arguments]))


def map_it(folder, region: dict) -> tuple[MOC, dict, bytes]:
    entry = as_parameter({"name": "mine", "region": region})
    run(map_footprint, "--footprint", entry, "--moc", folder / "mine.moc.fits", "--summary", folder / "mine.json")
    moc = folder / "mine.moc.fits"
    return MOC.load(moc, format="fits"), json.loads((folder / "mine.json").read_text()), moc.read_bytes()


def test_map_of_a_hemisphere(tmp_path):
    region = {"hemisphere": {"ra": 45.0, "dec": -30.0}}
    moc, summary, content = map_it(tmp_path, region)
    assert moc.sky_fraction == pytest.approx(0.5, abs=1e-3)
    assert summary == {"name": "mine", "region": region, "axis": [45.0, -30.0], "sky_fraction": moc.sky_fraction}
    assert map_it(tmp_path / "again", region)[2] == content
    assert {path.name for path in tmp_path.iterdir()} == {"mine.moc.fits", "mine.json", "again"}


def test_map_of_a_footprint_that_points_nowhere(tmp_path):
    assert map_it(tmp_path, {"whole_sky": True})[1]["axis"] is None


def test_map_of_nothing_writes_nothing(tmp_path, capsys):
    entry = as_parameter({"name": "mine", "region": {"ra_range": [5, 5]}})
    arguments = ["--footprint", entry, "--moc", str(tmp_path / "m.fits"), "--summary", str(tmp_path / "m.json")]
    with pytest.raises(SystemExit) as stopped:
        run_step(map_footprint.main, map_footprint.build_parser(), arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err == ("error: footprints.mine: the region is empty, expected some area on the sky\n")
    assert list(tmp_path.iterdir()) == []


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


def draw(folder, entry: dict, resample: int = 0, output: str = "out") -> pd.DataFrame:
    run(
        draw_training_set,
        *("--catalog", folder / "catalog.parquet", "--ledger", folder / "ledger.parquet"),
        *("--footprint", as_parameter(entry), "--resample", resample),
        *("--output", folder / output / "training_set.parquet", "--balance", folder / output / "balance.csv"),
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
    for name in ("training_set.parquet", "balance.csv"):
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()


def test_balance_lists_matched_and_other_covariates(inputs, make_footprints):
    folder, _ = inputs
    draw(folder, make_footprints({"north": {"dec_range": [0, 90]}})["north"])
    balance = pd.read_csv(folder / "out" / "balance.csv").set_index(["label", "covariate"])
    assert len(balance) == 6
    assert balance["n"].eq(60).all()
    assert balance.loc[(0, "magnitude"), "matched"]
    assert abs(balance.loc[(0, "magnitude"), "smd"]) < 0.2
    assert not balance.loc[(0, "psf_fwhm_arcsec"), "matched"]
    assert balance.loc[(0, "psf_fwhm_arcsec"), "smd"] > 0.8


def test_shortage_writes_nothing(inputs, make_footprints):
    folder, _ = inputs
    entry = make_footprints({"east": {"ra_range": [0, 180]}}, per_class=100_000)["east"]
    with pytest.raises(
        InputError, match=r"footprints\.east, class 0, resample 0: \d+ galaxies .* 100000 were asked for"
    ):
        draw(folder, entry)
    assert not (folder / "out").exists()


def test_classes_are_called_by_their_names_where_the_catalog_knows_them(inputs, make_footprints):
    folder, _ = inputs
    catalog = pd.read_parquet(folder / "catalog.parquet")
    write_table(folder / "catalog.parquet", catalog, {"config": {"classes": ["elliptical", "spiral"]}})
    entry = make_footprints({"east": {"ra_range": [0, 180]}}, per_class=100_000)["east"]
    with pytest.raises(InputError, match=r"footprints\.east, class elliptical, resample 0: "):
        draw(folder, entry)
